//! `countersign abandon`: closes a run that will not go on. Says what is left standing, and that there may be a way
//! back; writes the word of one performer and the closing entry in one transaction. Undoes nothing, calls nothing.

use super::Global;
use super::parts::{OsRandom, SystemClock, Who};
use super::place;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::{RunId, StepId, escape};
use crate::engine::next::{self, Draft};
use crate::engine::port::StoreError;
use crate::engine::state::Run;
use crate::engine::{end, hold, rollback, status};
use crate::journal::Journal;
use crate::keys::KeyRing;
use crate::plan::model::{Body as StepBody, Step};
use crate::record::fact::{RunClosed, Said};
use crate::record::statement::{ABANDON, SaidWhat};
use crate::run::{RunError, open, voice};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The run (a unique prefix); not needed when one run is open
    pub run: Option<String>,
    #[command(flatten)]
    who: Who,
    /// Why; it stands in the signed statement
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// At a terminal: do not ask (off one, this command is the decision)
    #[arg(long)]
    yes: bool,
    /// Who is told, as countersign.toml has it
    #[arg(skip)]
    pub notify: Option<super::notify::settings::Settings>,
}

pub fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let mut journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let person = args.who.person()?;
    verified(&journal, &id)?;
    let run = place::load_run(&journal, &id)?;
    let role = may(&run, &person)?;
    ui.must_say(&words(&run));
    if ui.interactive && !args.yes && !ask(&run)? {
        return Err(CliError::new(Exit::Waiting, "CS4001", "nothing was closed", ""));
    }
    let signer = args.who.signer(&run.people, run.opened.mode)?;
    let taken = place::sit(&mut journal, &id, run.epoch)?;
    let epoch = taken.seat.epoch();
    // Somebody may have said something since: what counts is what stands there now.
    let mut run = place::open_run(&journal, &id)?;
    may(&run, &person)?;
    let sitters = [person.clone()];
    open::sit(&mut journal, &SystemClock::new(), &mut OsRandom, &signer, &mut run, &sitters, epoch, &taken.machine)
        .map_err(|error| place::run_error(&error))?;
    let size = run.size();
    close(&mut journal, run, &person, &role, args, &signer, epoch)?;
    ui.say(&format!("ok: run {} is closed: abandoned\nevidence: countersign export {}", id.short(), id.short()));
    let run = place::open_run(&journal, &id)?;
    end::words(&run).iter().for_each(|words| ui.say(&escape::block(words)));
    drop(taken);
    super::notify::appended(args.notify.as_ref(), &journal, &run, size, ui);
    Ok(Exit::Done)
}

/// A history that contradicts itself is not closed over.
fn verified(journal: &Journal, id: &RunId) -> Result<(), CliError> {
    let report = super::export::check(journal, id)?;
    if report.exit() != Exit::NotVerified as u8 {
        return Ok(());
    }
    let hint = "nothing was done; keep the file as it is";
    Err(CliError::new(Exit::NotVerified, "CS6003", crate::verify::text(&report), hint))
}

/// Whether the run may be abandoned, by this person; the role in which they speak.
fn may(run: &Run, person: &str) -> Result<String, CliError> {
    let refused = |code, message: String, hint: &str| Err(CliError::new(Exit::Refused, code, message, hint));
    if run.closed.is_some() {
        return refused("CS7007", format!("the run {} is closed: {}", run.id.short(), status::state(run)), "");
    }
    if run.people.get(person).is_none() {
        return Err(super::decide::unknown(run, person));
    }
    let roles = performers(run);
    let Some(role) = roles.iter().find(|role| next::holds(run, person, role)) else {
        let message = format!("{} performs nothing in this run, and so can't close it", escape::line(person));
        return refused("CS7008", message, &format!("one of the performers can: {}", roles.join(", ")));
    };
    // How it stands is found out where it goes on.
    place::is_here(run)?;
    if let Some((id, task)) = open_operation(run) {
        let hint = if task {
            "people have begun it: finish and sign it first (`countersign status` says how)"
        } else {
            "settle it first: `countersign resume` reads how it stands; `countersign settle` is for people"
        };
        return Err(CliError::new(Exit::InDoubt, "CS5001", format!("{id} was begun, and its end is not known"), hint));
    }
    Ok(role.clone())
}

/// Every role that carries something out.
fn performers(run: &Run) -> Vec<String> {
    let of = |step: &Step| match &step.body {
        StepBody::Manual(manual) if !manual.performers.is_empty() => manual.performers.clone(),
        _ => vec![step.performer.clone()],
    };
    let mut roles: Vec<String> = run.plan.stages.iter().flat_map(|stage| &stage.steps).flat_map(of).collect();
    roles.retain(|role| !role.is_empty());
    roles.sort();
    roles.dedup();
    roles
}

/// A step that was begun and has not ended; whether it is a task of people.
fn open_operation(run: &Run) -> Option<(StepId, bool)> {
    let (id, _) = run.steps.iter().find(|(_, state)| state.is_open())?;
    Some((id.clone(), run.plan.step(id).is_some_and(|step| step.body.kind() == "manual")))
}

/// The signed word and the closing entry, at once.
fn close(
    journal: &mut Journal,
    mut run: Run,
    person: &str,
    role: &str,
    args: &Args,
    signer: &KeyRing,
    epoch: u64,
) -> Result<(), CliError> {
    let clock = SystemClock::new();
    loop {
        let now = crate::engine::port::Clock::now(&clock);
        let body = voice::said_body(&run, SaidWhat::Note, ABANDON, 1, None);
        let signed = voice::sign(&run, &mut OsRandom, signer, person, role, body, &args.reason, now)
            .map_err(|error| place::run_error(&error))?;
        let said = Said { statement: signed.statement, signature: signed.signature, key: signed.key };
        let mut counts = run.counts.clone();
        *counts.entry("said".to_owned()).or_default() += 1;
        let closed = RunClosed { result: "abandoned".to_owned(), counts };
        let by = |mut draft: Draft| {
            draft.by = Some(person.to_owned());
            draft
        };
        let drafts = vec![by(Draft::new(said)), by(Draft::new(closed))];
        match voice::append_seat(journal, &clock, &mut run, epoch, drafts) {
            Ok(()) => return Ok(()),
            // A voice came first: the word is said anew, over it.
            Err(RunError::Store(StoreError::Moved)) => {
                run = place::load_run(journal, &run.id)?;
                may(&run, person)?;
            }
            Err(error) => return Err(place::run_error(&error)),
        }
    }
}

/// What stays behind, for a person.
fn words(run: &Run) -> String {
    let mut text = format!("abandon run {} ({}):\n", run.id.short(), escape::line(&run.plan.title));
    for hold in run.plan.holds.iter().filter(|hold| hold::is_live(run, &hold.id)) {
        let title = escape::line(&hold.title);
        text.push_str(&format!(
            "  the way in `{}` ({title}) is held no more: it stays as it is, look after it\n",
            hold.id
        ));
    }
    let standing: Vec<&StepId> = run
        .steps
        .iter()
        .filter(|(id, state)| id.undo.is_none() && state.is_there())
        .filter(|(id, _)| run.plan.step(id).is_some_and(|step| step.mutates))
        .map(|(id, _)| id)
        .collect();
    if standing.is_empty() {
        text.push_str("  nothing that it changed is left standing\n");
        return text;
    }
    text.push_str("  what it changed is left standing:\n");
    for id in standing {
        let title = run.plan.step(id).map(|step| escape::line(&step.title)).unwrap_or_default();
        text.push_str(&format!("    {id}  {title}\n"));
    }
    match rollback::course(run, "") {
        Ok(course) if !course.steps.is_empty() => text.push_str(&format!(
            "  a closed run can't be taken back; this one can still be: countersign rollback {}\n",
            run.id.short()
        )),
        Ok(_) => {}
        Err(why) => {
            text.push_str(&format!("  it can't be taken back as a whole: {}\n", escape::line(&why.to_string())))
        }
    }
    text
}

/// The run's own beginning is typed, so that the wrong one is not closed.
fn ask(run: &Run) -> Result<bool, CliError> {
    let prompt = format!("Type {} to close it", run.id.short());
    let typed: String =
        dialoguer::Input::new().with_prompt(prompt).allow_empty(true).interact_text().map_err(|error| {
            CliError::new(Exit::Waiting, "CS4002", error.to_string(), "answer at a terminal, or give --yes")
        })?;
    Ok(typed.trim() == run.id.short())
}
