//! import: an answer file's statements, one by one: what fits is appended, what does not is named with its reason.

use super::Global;
use super::change::{self, Signers};
use super::decide::{io, refused, say_next};
use super::parts::SystemClock;
use super::place;
use super::ui::{CliError, CliResult, Exit, Style, Ui};
use crate::base::{Digest, escape};
use crate::engine::end;
use crate::engine::port::Clock;
use crate::record::answer::{self, Answer};
use crate::record::corroboration;
use crate::record::fact::SignedText;
use crate::record::statement::{Body, Statement};
use crate::run::{voice, witness};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Each statement is taken in or refused by itself; exit 7 if any was refused. What was taken in stays.

Example: countersign import bob.answer")]
pub struct ImportArgs {
    /// Answer files, written with `-o` by approve, deny, revoke, break-glass, confirm, answer, attach, settle, go-on, note, witness
    /// or decline; several only about one change of the run, whose signatures count together
    #[arg(required = true)]
    file: Vec<PathBuf>,
    /// For a change of the run: who takes the seat to bring it into force
    #[command(flatten)]
    who: Signers,
    /// Who is told, as countersign.toml has it
    #[arg(skip)]
    pub notify: Option<super::notify::settings::Settings>,
}

pub fn import(args: &ImportArgs, global: &Global, ui: &Ui) -> CliResult {
    let all = args.file.iter().map(|path| read(path)).collect::<Result<Vec<Answer>, CliError>>()?;
    let mut journal = place::journal(global)?;
    if all.iter().any(change::is_change) {
        return change::import(&all, &mut journal, &args.who, ui);
    }
    let (Some(answers), [_]) = (all.first(), all.as_slice()) else {
        let hint = "only answers about one change of the run count together";
        return Err(CliError::new(Exit::Usage, "CS2043", "one answer file is imported at a time", hint));
    };
    if let Some(declined) = super::hand_over::declined(answers) {
        return super::hand_over::taken_back(&mut journal, &answers.run, declined, ui);
    }
    let mut run = place::load_run(&journal, &answers.run)?;
    place::is_here(&run)?;
    run.whereabouts = place::whereabouts(&journal);
    let clock = SystemClock::new();
    let (total, size) = (answers.statements.len(), run.size());
    let mut left = Vec::new();
    for (at, signed) in answers.statements.iter().enumerate() {
        let statement = Statement::read(&signed.statement).ok();
        let words = statement.as_ref().map_or_else(|| "a statement that can't be read".to_owned(), words);
        let taken = if signed.statement.starts_with("countersign witness v1\n") {
            witness::add(&mut journal, &clock, &mut run, signed)
        } else if signed.statement.starts_with("countersign said v1\n") {
            let object = object_of(signed).and_then(|digest| Some((digest, answers.objects.get(&digest)?.clone())));
            voice::say(&mut journal, &clock, &mut run, signed, object)
        } else if signed.statement.starts_with("countersign break-glass v1\n") {
            voice::break_glass(&mut journal, &clock, &mut run, signed)
        } else {
            let statement = Digest::of(signed.statement.as_bytes());
            let mut codes = answers.objects.values().filter_map(|bytes| corroboration::read(bytes));
            let corroborated = codes.find(|fact| fact.statement == statement);
            voice::decide_with(&mut journal, &clock, &mut run, signed, corroborated.as_ref())
        };
        match taken.map_err(refused) {
            Ok(seq) => ui.say(&format!("ok: {words}: taken in as entry {seq}")),
            Err(error) if error.exit == Exit::Refused => left.push((at + 1, words, error)),
            Err(error) => {
                let hint = format!("{} of {total} statements were taken in before this", at - left.len());
                return Err(CliError { hint, ..error });
            }
        }
    }
    let any = total > left.len();
    if any && run.closed.is_some() {
        end::words(&run).iter().for_each(|words| ui.say(&escape::block(words)));
    } else if any {
        say_next(&run, ui, clock.now(), journal.seated(&run.id).is_err());
    }
    if journal.seated(&run.id).is_ok() {
        super::notify::appended(args.notify.as_ref(), &journal, &run, size, ui);
    }
    for (number, words, error) in &left {
        let head = ui.paint(Style::Bad, &format!("error[{}]", error.code));
        ui.must_say(&format!("{head}: statement {number} of {total}, {words}: {}", escape::block(&error.message)));
    }
    if left.is_empty() {
        return Ok(Exit::Done);
    }
    ui.must_say(&format!("{} of {total} statements of the file were taken in", total - left.len()));
    Ok(Exit::Refused)
}

fn read(path: &Path) -> Result<Answer, CliError> {
    let bytes = std::fs::read(path).map_err(|error| io(path, &error))?;
    answer::read(&bytes).map_err(|error| {
        CliError::new(
            Exit::NotVerified,
            "CS6004",
            format!("{}: {error}", path.display()),
            "ask for the file again: it must come unchanged",
        )
    })
}

/// `bob approves request #7`, `bob answered accept:1111/ask`.
fn words(statement: &Statement) -> String {
    let person = escape::line(&statement.tail.person);
    match &statement.body {
        Body::Approval(_, fields) => {
            let verb = fields.decision.name();
            let verb = verb.strip_suffix('y').map_or_else(|| format!("{verb}s"), |stem| format!("{stem}ies"));
            format!("{person} {verb} request #{} ({})", fields.request, escape::line(&fields.covers))
        }
        Body::Said(_, fields) => {
            format!("{person}: {} {}", fields.what.name(), escape::line(&fields.covers)).trim_end().to_owned()
        }
        Body::Witness(_, result) => format!("{person} witnesses the result `{}`", escape::line(result)),
        Body::BreakGlass(_, fields) => {
            format!("BREAK-GLASS by {person} for {}, attempt {}", escape::line(&fields.covers), fields.attempt)
        }
        _ => format!("a statement of {person}"),
    }
}

/// The object that a `said` statement names.
fn object_of(signed: &SignedText) -> Option<Digest> {
    Statement::read(&signed.statement).ok()?.said()?.object
}
