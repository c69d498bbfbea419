//! A run between copies of the journal: hand-over, take-over, return, decline, and the recovery of a lost machine.
//! A copy that has handed over appends nothing; a take-over or return alone extends it.

use super::Global;
use super::change::{self, Signers};
use super::decide::{io, unknown, write_file};
use super::desk::{answer_name, from_bundle};
use super::export;
use super::parts::{self, OsRandom, SystemClock, Who};
use super::place::{self, Taken};
use super::ui::{CliError, CliResult, Exit, Style, Ui};
use crate::base::{Digest, RunId, StepId, escape};
use crate::engine::next::Draft;
use crate::engine::port::{ChainHead, Clock, Store, StoreError};
use crate::engine::state::{Run, Status, recovery_of};
use crate::engine::{end, status};
use crate::journal::Journal;
use crate::record::answer::{self, Answer};
use crate::record::bundle::{self, Bundle};
use crate::record::change::ChangeFile;
use crate::record::fact::{EndedBy, HandedOver, RequestEnded, SignedText};
use crate::record::statement::{Body, RECOVERY, SaidWhat, Statement};
use crate::run::{RunError, open, voice};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
pub struct HandOverArgs {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    /// Who goes on with it
    #[arg(long, value_name = "PERSON")]
    to: String,
    #[command(flatten)]
    who: Who,
    /// Why; it stands in the signed statement
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Where the run is written, for the other machine
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Recovery: where the machine that has the run is lost, the run goes on from the
last file that somebody has, in the copy on this machine, if one person of each
party signs that it does. What the lost machine did after that file is not in
it: look at AWS first. If that machine comes back, its history diverges.

Examples:
  countersign take-over move.countersign --as bob
  countersign take-over last.countersign --recovery --as bob -o ask
  countersign take-over last.countersign --recovery --as bob --words ask.answer")]
pub struct TakeOverArgs {
    /// What `hand-over -o` wrote; for a recovery any export of the run
    file: PathBuf,
    #[command(flatten)]
    who: Signers,
    /// The machine that has the run is lost: go on here, signed by each party
    #[arg(long)]
    recovery: bool,
    /// Answers of those who signed the recovery elsewhere; may repeat
    #[arg(long, value_name = "FILE", requires = "recovery")]
    words: Vec<PathBuf>,
    /// Write a file for those who sign the recovery elsewhere
    #[arg(long, short, value_name = "FILE", requires = "recovery")]
    output: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
pub struct ReturnArgs {
    /// What `hand-over -o` wrote on the other machine, or the export of the run that was closed there
    file: PathBuf,
    #[command(flatten)]
    who: Signers,
}

#[derive(clap::Args, Debug)]
pub struct DeclineArgs {
    /// What `hand-over -o` wrote
    file: PathBuf,
    #[command(flatten)]
    who: Who,
    /// Why; it stands in the signed statement
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Where the answer is written; default: FILE.PERSON.answer
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn hand_over(args: &HandOverArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let person = args.who.person()?;
    verified(&export::check(&journal, &id)?, "nothing was handed over")?;
    let run = place::open_run(&journal, &id)?;
    may_leave(&run, &person, &args.to)?;
    if args.output.exists() {
        let shown = escape::line(&args.output.display().to_string());
        let message = format!("{shown} is there already, and nothing is written over");
        return Err(CliError::new(Exit::Usage, "CS1008", message, "name another file; nothing was handed over"));
    }
    // Once the run is handed over it needs its file: whether it can be written there is tried before.
    write_file(&args.output, b"")
        .and_then(|()| std::fs::remove_file(&args.output).map_err(|error| io(&args.output, &error)))
        .map_err(|error| CliError { hint: "name another place; nothing was handed over".to_owned(), ..error })?;
    let signer = args.who.signer(&run.people, run.opened.mode)?;
    let taken = place::sit(&mut journal, &id, run.epoch)?;
    let (epoch, clock) = (taken.seat.epoch(), SystemClock::new());
    let mut run = place::open_run(&journal, &id)?;
    may_leave(&run, &person, &args.to)?;
    let sitters = [person.clone()];
    open::sit(&mut journal, &clock, &mut OsRandom, &signer, &mut run, &sitters, epoch, &taken.machine)
        .map_err(|error| place::run_error(&error))?;
    loop {
        let body = Body::HandOver(run.head(), args.to.clone());
        let role = run.people.get(&person).and_then(|one| one.roles.first().cloned()).unwrap_or_default();
        let signed = voice::sign(&run, &mut OsRandom, &signer, &person, &role, body, &args.reason, clock.now())
            .map_err(|error| place::run_error(&error))?;
        let live = run.requests.values().filter(|request| request.is_live());
        let mut drafts: Vec<Draft> =
            live.map(|request| Draft::new(RequestEnded { request: request.seq, why: EndedBy::HandedOver })).collect();
        drafts.push(Draft::new(handed(signed)).by(&person));
        match voice::append_seat(&mut journal, &clock, &mut run, epoch, drafts) {
            Ok(()) => break,
            Err(RunError::Store(StoreError::Moved)) => {
                run = place::open_run(&journal, &id)?;
                may_leave(&run, &person, &args.to)?;
            }
            Err(error) => return Err(place::run_error(&error)),
        }
    }
    drop(taken);
    let (to, file) = (escape::line(&args.to), escape::line(&place::quoted(&args.output.to_string_lossy())));
    ui.must_say(&format!("handed over to {to} (entry {}); this copy appends nothing more", run.size() - 1));
    let text = export::bundle_text(&journal, &id)?;
    write_file(&args.output, text.as_bytes()).map_err(|error| CliError {
        hint: format!("the run is handed over all the same; write it again: countersign export {} -o FILE", id.short()),
        ..error
    })?;
    if let Some((step, _)) = open_operation(&run) {
        ui.must_say(&format!("{step} is in doubt: {to} goes on by reading how it stands"));
    }
    ui.say(&format!("wrote {file}; there: countersign take-over {file} --as {to}"));
    ui.say(&format!("if {to} can't: countersign decline {file} --as {to}, and here: countersign import FILE"));
    Ok(Exit::Done)
}

fn handed(signed: SignedText) -> HandedOver {
    HandedOver { statement: signed.statement, signature: signed.signature, key: signed.key }
}

fn verified(report: &crate::verify::Report, hint: &str) -> Result<(), CliError> {
    if report.exit() != Exit::NotVerified as u8 {
        return Ok(());
    }
    Err(CliError::new(Exit::NotVerified, "CS6003", crate::verify::text(report), hint))
}

/// Nothing may be under way; what is in doubt may be, so that the other side can read.
fn may_leave(run: &Run, person: &str, to: &str) -> Result<(), CliError> {
    if run.closed.is_some() {
        let message = format!("the run {} is closed: {}", run.id.short(), status::state(run));
        return Err(CliError::new(Exit::Refused, "CS7007", message, "give others its bundle: countersign export"));
    }
    place::is_here(run)?;
    for one in [person, to] {
        if run.people.get(one).is_none() {
            return Err(unknown(run, one));
        }
    }
    match open_operation(run) {
        Some((id, task)) if task || matches!(run.step(&id).status, Status::Open(_)) => {
            let hint = match task {
                true => "people have begun it: finish and sign it first (`countersign status` says how)".to_owned(),
                false => format!("read how it stands first: {}", status::resume(run, person)),
            };
            Err(CliError::new(Exit::InDoubt, "CS5001", format!("{id} was begun, and its end is not known"), hint))
        }
        _ => Ok(()),
    }
}

/// A step that was begun and has not ended; whether it is a task of people.
fn open_operation(run: &Run) -> Option<(StepId, bool)> {
    let (id, _) = run.steps.iter().find(|(_, state)| state.is_open())?;
    Some((id.clone(), run.plan.step(id).is_some_and(|step| step.body.kind() == "manual")))
}

/// A run as a file tells it, beside what this journal knows of it.
struct Other {
    bundle: Bundle,
    run: Run,
    /// Entries that this journal has already.
    known: usize,
}

/// Reads and verifies the file, and compares it with the journal's own copy.
fn other(journal: &Journal, file: &Path) -> Result<Other, CliError> {
    let bytes = std::fs::read(file).map_err(|error| io(file, &error))?;
    let bundle = bundle::read(&bytes).map_err(|error| {
        let hint = "ask for a fresh file: `countersign hand-over -o FILE`, or `export`";
        CliError::new(Exit::NotVerified, "CS6002", format!("{}: {error}", file.display()), hint)
    })?;
    verified(&crate::verify::check(&bundle, &[], &[]), "nothing was taken over")?;
    let mut run = place::load_run(&from_bundle(&bundle)?, &bundle.run)?;
    run.whereabouts = place::whereabouts(journal);
    let ours = journal.read_from(&bundle.run, 0).map_err(|error| place::store_error(&error))?;
    let common = ours.iter().zip(&bundle.lines).take_while(|(ours, theirs)| ours == theirs).count();
    if common < ours.len().min(bundle.lines.len()) {
        let message = format!(
            "DIVERGED: this journal's copy of run {} and the file go apart at entry {common}",
            bundle.run.short()
        );
        let hint =
            "nothing was changed. Two copies went on by themselves: keep both, and compare them with what AWS has";
        return Err(CliError::new(Exit::NotVerified, "CS6011", message, hint));
    }
    Ok(Other { bundle, run, known: ours.len() })
}

impl Other {
    /// A file that is not longer than this journal's copy changes nothing.
    fn nothing_new(&self, journal: &Journal, ui: &Ui) -> Result<Option<Exit>, CliError> {
        if self.bundle.lines.len() >= self.known {
            return Ok(None);
        }
        let run = place::open_run(journal, &self.bundle.run)?;
        let more = self.known - self.bundle.lines.len();
        ui.must_say(&format!("nothing to take over: this copy has all of it, and {more} entries more"));
        let seat = run.signed_on.first().cloned().unwrap_or_else(|| "PERSON".to_owned());
        if run.closed.is_none() && run.handed.is_none() {
            ui.say(&format!("go on with: {}", status::resume(&run, &seat)));
        }
        Ok(Some(Exit::Done))
    }

    fn arriving(&self, words: Vec<SignedText>) -> open::Arriving {
        let lines: Vec<String> = self.bundle.lines.iter().skip(self.known).cloned().collect();
        let objects: Vec<(Digest, Vec<u8>)> =
            self.bundle.objects.iter().map(|(digest, bytes)| (*digest, bytes.clone())).collect();
        let last = self.known.checked_sub(1).and_then(|last| self.bundle.lines.get(last));
        let known = last.map(|line| ChainHead { size: self.known as u64, leaf: Digest::leaf(line.as_bytes()) });
        open::Arriving { lines, objects, known, words }
    }
}

pub fn take_over(args: &TakeOverArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut journal = Journal::open_or_create(&global.journal).map_err(|error| place::journal_error(&error))?;
    let other = other(&journal, &args.file)?;
    if let Some(exit) = other.nothing_new(&journal, ui)? {
        return Ok(exit);
    }
    if other.run.closed.is_some() {
        return keep_closed(&mut journal, &other, ui);
    }
    let person = args.who.people.first().cloned().ok_or_else(parts::no_person)?;
    if args.recovery {
        return recover(&mut journal, other, args, &person, ui);
    }
    arrives(&other.run, &person)?;
    if other.known == other.bundle.lines.len() {
        // The copy that handed over: it appends nothing.
        let local = place::open_run(&journal, &other.bundle.run)?;
        place::is_here(&local)?;
    }
    sit_down(&mut journal, other, Vec::new(), &args.who, ui)
}

pub fn back(args: &ReturnArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut journal = place::journal(global)?;
    let other = other(&journal, &args.file)?;
    if other.known == 0 {
        let message = format!("this journal has no run {}, so it can't come back here", other.bundle.run.short());
        return Err(CliError::new(
            Exit::Usage,
            "CS1002",
            message,
            "countersign take-over FILE makes a copy of it here",
        ));
    }
    if let Some(exit) = other.nothing_new(&journal, ui)? {
        return Ok(exit);
    }
    if other.run.closed.is_some() {
        return keep_closed(&mut journal, &other, ui);
    }
    let person = args.who.people.first().cloned().ok_or_else(parts::no_person)?;
    if other.known == other.bundle.lines.len() {
        let local = place::open_run(&journal, &other.bundle.run)?;
        place::is_here(&local)?;
    }
    arrives(&other.run, &person)?;
    sit_down(&mut journal, other, Vec::new(), &args.who, ui)
}

/// The file must end with the hand-over to this very person.
fn arrives(run: &Run, person: &str) -> Result<(), CliError> {
    let (message, hint) = match &run.handed {
        Some(away) if away.to == person => return Ok(()),
        Some(away) => (
            format!("the run was handed over to {}, not to {}", away.to, escape::line(person)),
            format!("{} takes it over, or declines; if that is not possible: --recovery", away.to),
        ),
        None => (
            "nobody has handed the run over: the file ends where somebody else may go on".to_owned(),
            "ask for `countersign hand-over --to YOU -o FILE`; if that machine is lost: take-over --recovery"
                .to_owned(),
        ),
    };
    Err(CliError::new(Exit::Busy, "CS8004", message, hint))
}

/// The lock, then entries, words and sign-ons in one transaction.
fn sit_down(journal: &mut Journal, mut other: Other, words: Vec<SignedText>, who: &Signers, ui: &Ui) -> CliResult {
    let people = who.people.clone();
    let first = people.first().cloned().ok_or_else(parts::no_person)?;
    if let Some(stranger) = people.iter().find(|one| other.run.people.get(one).is_none()) {
        return Err(unknown(&other.run, stranger));
    }
    let ring = parts::ring(&other.run.people, who.key.clone(), other.run.opened.mode)?;
    let taken: Taken = place::sit(journal, &other.bundle.run, other.run.epoch)?;
    let arriving = other.arriving(words);
    let new = arriving.lines.len();
    let (epoch, clock) = (taken.seat.epoch(), SystemClock::new());
    let run = &mut other.run;
    open::take_over(journal, &clock, &mut OsRandom, &ring, run, arriving, &people, epoch, &taken.machine).map_err(
        |error| match error {
            RunError::Store(StoreError::Moved) => CliError::new(
                Exit::Busy,
                "CS8001",
                "another process has changed this copy meanwhile",
                "nothing was written; give the command again: it compares anew",
            ),
            error => place::run_error(&error),
        },
    )?;
    let good = ui.paint(Style::Good, "ok:");
    ui.say(&format!("{good} run {} goes on here, with {new} entries from elsewhere", run.id.short()));
    ui.say(&format!("go on with: {}", status::resume(run, &first)));
    Ok(Exit::Done)
}

/// A closed run is kept as it is: nobody goes on with it.
fn keep_closed(journal: &mut Journal, other: &Other, ui: &Ui) -> CliResult {
    let arriving = other.arriving(Vec::new());
    journal
        .append(&other.bundle.run, arriving.known, None, &arriving.lines, &arriving.objects)
        .map_err(|error| place::store_error(&error))?;
    let count = arriving.lines.len();
    ui.say(&format!("ok: {count} entries from elsewhere; the run is closed: {}", status::state(&other.run)));
    end::words(&other.run).iter().for_each(|words| ui.say(&escape::block(words)));
    Ok(Exit::Done)
}

/// One person of each party signs that the run goes on in this copy.
fn recover(journal: &mut Journal, other: Other, args: &TakeOverArgs, person: &str, ui: &Ui) -> CliResult {
    let machine = crate::journal::machine::machine_id(journal.path())
        .map_err(|error| CliError::new(Exit::Failed, "CS1005", format!("{}: {error}", journal.path().display()), ""))?;
    let last = other.run.epochs.last_key_value().map(|(_, (_, machine))| machine.as_str());
    if other.run.handed.is_none() && last == Some(machine.as_str()) {
        let hint = format!("go on with it: {}", status::resume(&other.run, person));
        return Err(CliError::new(Exit::Refused, "CS7052", "this is the copy that the run goes on in", hint));
    }
    let mut words = recovery_signed(&other.run, &machine, &args.who)?;
    let mut spoke: BTreeSet<String> = args.who.people.iter().cloned().collect();
    for path in &args.words {
        let bytes = std::fs::read(path).map_err(|error| io(path, &error))?;
        let answers = answer::read(&bytes).map_err(|error| {
            let hint = "ask for the file again: it must come unchanged";
            CliError::new(Exit::NotVerified, "CS6004", format!("{}: {error}", path.display()), hint)
        })?;
        for word in answers.statements {
            let by = Statement::read(&word.statement).map(|one| one.tail.person).unwrap_or_default();
            if recovery_of(&word.statement).as_deref() != Some(&machine) {
                let message = format!("refused: {} signed for another copy than this one", escape::line(&by));
                return Err(CliError::new(Exit::Refused, "CS7052", message, "nothing was written"));
            }
            if spoke.insert(by) {
                words.push(word);
            }
        }
    }
    for word in &words {
        let checked = other.run.check_signed(&word.statement, &word.signature, &word.key);
        let (statement, _, _, head) = checked
            .map_err(|why| CliError::new(Exit::Refused, "CS7052", format!("refused: {why}"), "nothing was written"))?;
        if head.size != other.run.size() {
            let message = format!("refused: {} signed over another file than this one", statement.tail.person);
            return Err(CliError::new(
                Exit::Refused,
                "CS7052",
                message,
                "sign over the file that the run goes on from",
            ));
        }
    }
    let parties: BTreeSet<String> =
        spoke.iter().filter_map(|one| other.run.people.get(one)).map(|one| one.party.clone()).collect();
    ui.must_say(&recovery_words(&other.run, &machine, &spoke.iter().cloned().collect::<Vec<_>>()));
    if let Some(path) = &args.output {
        change::write_change(&ChangeFile { statements: words, bundle: other.bundle }, path)?;
        let word = escape::line(&place::quoted(&path.to_string_lossy()));
        ui.must_say(&format!("wrote {word}; nothing is in the journal yet"));
        ui.must_say(&format!("there: countersign review {word}, then: countersign approve {word} --as PERSON"));
        return Ok(Exit::Done);
    }
    let missing: Vec<&str> = other.run.plan.parties().into_iter().filter(|one| !parties.contains(*one)).collect();
    if !missing.is_empty() {
        ui.must_say(&format!("nothing was written: nobody has signed of: {}", missing.join(", ")));
        ui.must_say("with -o FILE it goes to those who sign elsewhere; bring their answers with --words FILE");
        return Ok(Exit::Waiting);
    }
    sit_down(journal, other, words, &args.who, ui)
}

/// What those read who are asked to sign a recovery.
pub fn recovery_words(run: &Run, machine: &str, by: &[String]) -> String {
    let last = run.signed_on.join(", ");
    let at = run.last_at.minutes();
    format!(
        "recovery of run {} ({}):\n  it goes on from entry {} of {at} in the copy {machine}\n  the last seat was {last}'s; \
         what was done after that entry is not known here: look at AWS first\n  if the lost machine comes back, its \
         history diverges from this one\n  must sign: one person of each of {}\n  signed: {}",
        run.id.short(),
        escape::line(&run.plan.title),
        run.size() - 1,
        run.plan.parties().into_iter().collect::<Vec<_>>().join(", "),
        by.join(", ")
    )
}

/// The word of each who signs here.
pub fn recovery_signed(run: &Run, machine: &str, who: &Signers) -> Result<Vec<SignedText>, CliError> {
    if who.people.is_empty() {
        return Err(parts::no_person());
    }
    let ring = parts::ring(&run.people, who.key.clone(), run.opened.mode)?;
    let now = SystemClock::new().now();
    let mut all = Vec::new();
    for person in who.people.iter().collect::<BTreeSet<_>>() {
        let known = run.people.get(person).ok_or_else(|| unknown(run, person))?;
        let role = known.roles.first().cloned().unwrap_or_default();
        let body = voice::said_body(run, SaidWhat::Note, &format!("{RECOVERY}{machine}"), 1, None);
        let signed = voice::sign(run, &mut OsRandom, &ring, person, &role, body, &who.reason, now);
        all.push(signed.map_err(|error| place::run_error(&error))?);
    }
    Ok(all)
}

/// The successor's refusal, for the copy that handed over.
pub fn decline(args: &DeclineArgs, ui: &Ui) -> CliResult {
    let run = super::desk::read_run(&args.file)?;
    let person = args.who.person()?;
    arrives(&run, &person)?;
    let to = run.handed.as_ref().map(|away| away.by.clone()).unwrap_or_default();
    let signer = args.who.signer(&run.people, run.opened.mode)?;
    let role = run.people.get(&person).and_then(|one| one.roles.first().cloned()).unwrap_or_default();
    let (body, now) = (Body::Decline(run.head(), to.clone()), SystemClock::new().now());
    let signed = voice::sign(&run, &mut OsRandom, &signer, &person, &role, body, &args.reason, now)
        .map_err(|error| place::run_error(&error))?;
    let answers = Answer { run: run.id.clone(), statements: vec![signed], objects: BTreeMap::new() };
    let text = answer::write(&answers).map_err(|error| CliError::new(Exit::Failed, "CS1003", error.to_string(), ""))?;
    let out = args.output.clone().unwrap_or_else(|| answer_name(&args.file, &format!("{person}.answer")));
    write_file(&out, text.as_bytes())?;
    let word = escape::line(&place::quoted(&out.to_string_lossy()));
    ui.say(&format!("{person} declines; wrote {word}; for {to}: countersign import {word}"));
    Ok(Exit::Done)
}

/// The refusal in an answer file.
pub fn declined(answers: &Answer) -> Option<SignedText> {
    answers.statements.iter().find(|one| one.statement.starts_with("countersign decline ")).cloned()
}

/// `import` of a refusal: whoever handed over has the run back.
pub fn taken_back(journal: &mut Journal, id: &RunId, signed: SignedText, ui: &Ui) -> CliResult {
    let clock = SystemClock::new();
    loop {
        let mut run = place::open_run(journal, id)?;
        let person = Statement::read(&signed.statement).map(|one| one.tail.person).unwrap_or_default();
        let waits = run.handed.as_ref().is_some_and(|away| !away.back && away.to == person);
        if !waits {
            let message = format!("refused: {} has nothing to decline here", escape::line(&person));
            return Err(CliError::new(Exit::Refused, "CS7006", message, "nothing was written"));
        }
        let drafts = vec![Draft::new(handed(signed.clone())).by(&person)];
        let (lines, _) = voice::lines_of(&run, clock.now().max(run.last_at), clock.mono(), None, run.epoch, drafts)
            .map_err(|error| place::run_error(&error))?;
        let head = ChainHead { size: run.size(), leaf: run.leaf };
        for line in &lines {
            run.fold(line, &|_| None).map_err(|error| {
                CliError::new(Exit::Refused, "CS7006", format!("refused: {}", error.message), "nothing was written")
            })?;
        }
        match journal.append(id, Some(head), None, &lines, &[]) {
            Ok(()) => {
                let to = run.handed.as_ref().map(|away| away.to.clone()).unwrap_or_default();
                ui.say(&format!("ok: {person} declined; {to} has the run back (entry {})", run.size() - 1));
                ui.say(&format!("go on with: {}", status::resume(&run, &to)));
                return Ok(Exit::Done);
            }
            Err(StoreError::Moved) => {}
            Err(error) => return Err(place::store_error(&error)),
        }
    }
}
