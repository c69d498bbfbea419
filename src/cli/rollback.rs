//! rollback: first what will be undone (or, of a point of no return, repaired), in which order, by whom and by when, what can't be and what comes back
//! different; then, if that is wanted, the undo operations, through the same engine.

use super::Global;
use super::parts::SystemClock;
use super::place;
use super::run::{self, SeatArgs};
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::{StepId, escape};
use crate::engine::port::Clock;
use crate::engine::rollback::{self, NoWay};
use crate::engine::state::Run;
use crate::engine::{status, way};
use crate::journal::Journal;
use crate::plan::model::Approval;
use std::collections::BTreeMap;

/// Steps that lose the same: so many are named.
const NAMED: usize = 3;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    /// Back to the anchor of this stage, or of one item of it; without it: back to the beginning
    #[arg(long, value_name = "STAGE[:ITEM]")]
    to: Option<String>,
    /// Take nothing back: run the repair of this point of no return, which was passed
    #[arg(long, value_name = "STAGE[:ITEM]/STEP", conflicts_with = "to")]
    repair: Option<StepId>,
    #[command(flatten)]
    pub seat: SeatArgs,
    /// Only show what it would undo, who must agree and what it waits for
    #[arg(long, alias = "plan")]
    dry_run: bool,
    /// At a terminal: do not ask before it begins (off one, this command is the decision)
    #[arg(long)]
    yes: bool,
}

pub async fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let mut journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let before = place::open_run(&journal, &id)?;
    if before.closed.is_some() {
        let message = format!("the run {} is closed: {}", id.short(), status::state(&before));
        return Err(CliError::new(
            Exit::Refused,
            "CS7007",
            message,
            "what a closed run did is taken back by a run of its own",
        ));
    }
    if !args.dry_run {
        place::is_here(&before)?;
    }
    let under_way = way::rest(&before);
    let wanted = args.repair.as_ref().map(StepId::to_string).or_else(|| args.to.clone());
    let (to, course) = match (&under_way, &wanted) {
        (Some((to, _)), Some(wanted)) if to != wanted => {
            let message = format!("a {} is under way", goal(to));
            let hint = "go on with it (`countersign rollback` without --to or --repair), and begin another after it";
            return Err(CliError::new(Exit::Refused, "CS7017", message, hint));
        }
        (Some((to, course)), _) => (to.clone(), course.clone()),
        (None, _) => {
            let to = wanted.unwrap_or_default();
            let course = match &args.repair {
                Some(step) => rollback::repair(&before, step),
                None => rollback::course(&before, &to),
            };
            (to, course.map_err(|why| no_way(&before, &why))?)
        }
    };
    let shown = way::way(&before, &to, &course, SystemClock::new().now());
    if ui.json {
        ui.data(&serde_json::to_string_pretty(&way::json(&before, &shown)).unwrap_or_default());
    }
    match (ui.json, args.dry_run) {
        (true, _) => {}
        (false, true) => ui.data(&words(&before, &shown)),
        (false, false) => ui.must_say(&words(&before, &shown)),
    }
    if args.dry_run {
        return Ok(Exit::Done);
    }
    if under_way.is_none() && ui.interactive && !args.yes && !ask(&before, &shown, ui)? {
        return Err(CliError::new(Exit::Waiting, "CS4001", "nothing was begun", ""));
    }
    let (mut state, taken, signer, cloud) = run::sit_down(&mut journal, &id, &args.seat, &None, &None, ui).await?;
    if way::rest(&state).is_none() {
        start(&mut journal, &mut state, &to, taken.seat.epoch())?;
    }
    run::drive(journal, taken, cloud, signer, state, &args.seat, ui).await
}

/// Why there is no way, and the nearest that there is.
fn no_way(run: &Run, why: &NoWay) -> CliError {
    let nearer = match why {
        NoWay::NoReturn(step, _) => {
            let repair = match rollback::repair(run, step) {
                Ok(_) if rollback::is_repaired(run, step) => "it was repaired".to_owned(),
                Ok(_) => format!("its repair: countersign rollback --repair {step}"),
                Err(_) => "the runbook has no repair of it".to_owned(),
            };
            let nearer = rollback::furthest(run).map_or_else(
                || "nothing that was done can be taken back".to_owned(),
                |(to, _)| format!("nearer: countersign rollback --to {to}"),
            );
            format!("{repair}; {nearer}")
        }
        NoWay::NoRepair(_) => {
            "a point of no return has one where the runbook gives it `repair`; `resume` goes on, `abandon` ends the run"
                .to_owned()
        }
        _ => "`countersign status` says what can be taken back; --to names a nearer anchor".to_owned(),
    };
    let what = match why {
        NoWay::NoRepair(_) | NoWay::NotPassed(_) => "no repair",
        _ => "no way back",
    };
    CliError::new(Exit::Refused, "CS7017", format!("{what}: {why}"), nearer)
}

fn start(journal: &mut Journal, run: &mut Run, to: &str, epoch: u64) -> Result<(), CliError> {
    let drafts = match to.parse() {
        Ok(step) => rollback::begin_repair(run, &step),
        Err(_) => rollback::begin(run, to),
    };
    let drafts = drafts.map_err(|why| no_way(run, &why))?;
    crate::run::voice::append_seat(journal, &SystemClock::new(), run, epoch, drafts)
        .map_err(|error| place::run_error(&error))
}

fn goal(to: &str) -> String {
    match to {
        "" => "rollback to the beginning".to_owned(),
        step if step.contains('/') => format!("repair of {}", escape::line(step)),
        place => format!("rollback to the anchor of {}", escape::line(place)),
    }
}

/// What a rollback will do, for a person.
pub fn words(run: &Run, way: &way::Way) -> String {
    let mut lines = Vec::new();
    let goes_on = if way::rest(run).is_some() { " (under way; what is left of it)" } else { "" };
    lines.push(format!("run {}: {}{goes_on}:", run.id.short(), goal(&way.to)));
    if way.steps.is_empty() {
        lines.push("  nothing was done that has to be undone".to_owned());
    }
    for (at, step) in way.steps.iter().enumerate() {
        lines.push(format!("  {}. {}: {}", at + 1, step.id, escape::line(&step.what)));
        let agree = match step.approvals.as_slice() {
            [] => String::new(),
            all => format!("; agree: {}", all.iter().map(|one| approval(run, one)).collect::<Vec<_>>().join(" and ")),
        };
        lines.push(format!("     by {} ({}){agree}", or(&step.people), step.performer));
        if !step.only_if.is_empty() {
            lines.push(format!("     only if {}", escape::line(&step.only_if)));
        }
        lines.extend(step.waits.iter().map(|wait| format!("     {}", escape::line(wait))));
    }
    lines.extend(way.left.iter().map(|(id, why)| format!("  left as it is: {id} ({})", escape::line(why))));
    let mut lost: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    way.lost.iter().for_each(|(id, text)| lost.entry(text).or_default().push(id.to_string()));
    for (text, ids) in lost {
        let more = ids.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named: Vec<&str> = ids.iter().take(NAMED).map(String::as_str).collect();
        lines.push(format!("  does not come back with {}{more}: {}", named.join(", "), escape::line(text)));
    }
    if way.requests > 0 {
        let each: Vec<String> = way
            .decisions
            .iter()
            .map(|(role, count)| format!("{count} by {} ({role})", or(&holders(run, role))))
            .collect();
        let requests = if way.requests == 1 { "1 request".to_owned() } else { format!("{} requests", way.requests) };
        lines.push(format!("  approvals: {requests}; {}", each.join(", ")));
    }
    lines.extend(way.clocks.iter().map(|clock| format!("  clock: {}", escape::line(clock))));
    lines.join("\n")
}

fn holders(run: &Run, role: &str) -> Vec<String> {
    run.people.holders(role).map(|person| person.id.clone()).collect()
}

fn or(people: &[String]) -> String {
    if people.is_empty() { "nobody yet".to_owned() } else { people.join(" or ") }
}

fn approval(run: &Run, one: &Approval) -> String {
    let count = if one.count > 1 { format!("{} of ", one.count) } else { String::new() };
    format!("{count}{} ({})", or(&holders(run, &one.role)), one.role)
}

/// Typed, so that nobody begins one out of habit.
fn ask(run: &Run, way: &way::Way, ui: &Ui) -> Result<bool, CliError> {
    let wanted = run.id.short().to_owned();
    let what = if way.is_repair() { "repair" } else { "rollback" };
    let prompt = format!("Begin the {what}? type {wanted} to begin");
    let typed: String =
        dialoguer::Input::new().with_prompt(prompt).allow_empty(true).interact_text().map_err(|error| {
            CliError::new(Exit::Waiting, "CS4002", error.to_string(), "answer at a terminal, or give --yes")
        })?;
    let begins = typed.trim() == wanted;
    if !begins {
        ui.must_say("what was typed is not what was asked for");
    }
    Ok(begins)
}
