//! Open requests, to be looked at: `requests` for everybody, `review` for one person before they decide.

use super::Global;
use super::decide::write_file;
use super::desk::{Desk, Via, read_run};
use super::parts::{self, SystemClock, Who};
use super::place;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::approval::Decision;
use crate::base::{Time, escape};
use crate::engine::port::Clock;
use crate::engine::state::{RequestState, Run};
use crate::engine::{request, status};
use crate::record::fact::WaitFor;
use crate::report::review;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Both sides may compare the code by phone: it is the beginning of a SHA-256 over the requests and their operations,
so two screens with the same code show the same. All open requests together have one, and each has its own.

Example: countersign requests -o open.countersign")]
pub struct RequestsArgs {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    /// Write the run with all its open requests to a file, for approvers elsewhere
    #[arg(long, short)]
    output: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Everything is verified before anything is shown, and compared with what this machine saw of the run before (kept in
~/.local/state/countersign, or where COUNTERSIGN_KEPT says). Nothing is signed.

Examples:
  countersign review open.countersign --as bob
  countersign review --as bob --verbose")]
pub struct ReviewArgs {
    /// A file written by `requests -o`; without it, the journal
    file: Option<PathBuf>,
    #[command(flatten)]
    who: Who,
    /// The run (a unique prefix)
    #[arg(long, conflicts_with = "file")]
    run: Option<String>,
}

pub fn requests(args: &RequestsArgs, global: &Global, ui: &Ui) -> CliResult {
    let journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let run = place::open_run(&journal, &id)?;
    let open: Vec<&RequestState> = live(&run).collect();
    if let Some(path) = &args.output {
        let text = super::export::bundle_text(&journal, &id)?;
        write_file(path, text.as_bytes())?;
        let shown = path.display();
        let code = review::code_of_all(open.iter().copied());
        ui.say(&format!("wrote {} with {}, code {code}", escape::line(&shown.to_string()), count(open.len())));
        for_whom(&run, path).iter().for_each(|line| ui.say(line));
        return Ok(Exit::Done);
    }
    let now = SystemClock::new().now();
    if ui.json {
        ui.data(&pretty(&json!(open.iter().map(|request| request_json(&run, request, now)).collect::<Vec<_>>())));
        return Ok(Exit::Done);
    }
    if open.is_empty() {
        ui.say("no request is open");
        return Ok(Exit::Done);
    }
    ui.data(review::text(&run, &open, ui.verbose).trim_end());
    let waiting: Vec<_> =
        status::waiting_for(&run, now).into_iter().filter(|waited| waited.what == WaitFor::Approval).collect();
    parts::all_waiting_words(&run, &waiting).iter().for_each(|words| ui.data(words));
    Ok(Exit::Done)
}

/// What each of those whom the file is for runs there, and what is run here with their answers.
fn for_whom(run: &Run, path: &Path) -> Vec<String> {
    let word = escape::line(&place::quoted(&path.to_string_lossy()));
    let mut lines: Vec<String> = Vec::new();
    for waited in status::waiting_for(run, SystemClock::new().now()) {
        let (true, Some(first)) = (waited.what == WaitFor::Approval, waited.people.first()) else { continue };
        let people = escape::line(&waited.people.join(" or "));
        let code = status::simulated_code(run, &waited.role);
        let line = format!("{people}, there: countersign approve {word} --as {}{code}", escape::line(first));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    match lines.is_empty() {
        true => lines.push("nobody is asked to approve anything now".to_owned()),
        false => {
            let answer = super::desk::answer_name(path, "PERSON.answer");
            let answer = escape::line(&place::quoted(&answer.to_string_lossy()));
            lines.push(format!(
                "(`countersign review` shows the same and signs nothing); then here: countersign import {answer}"
            ));
        }
    }
    lines
}

pub fn review(args: &ReviewArgs, global: &Global, ui: &Ui) -> CliResult {
    if let Some(file) = args.file.as_ref().filter(|path| super::change::is_change_file(path)) {
        return super::change::review(file, args.who.person.as_deref(), ui);
    }
    let run = match &args.who.person {
        Some(_) => {
            let via = Via { run: args.run.clone(), from: args.file.clone(), ..Via::default() };
            let mut desk = Desk::open(global, &via, &args.who)?;
            if args.file.is_none() {
                verified(global, &desk.run)?;
            }
            desk.remember(ui)?;
            desk.run
        }
        None => match &args.file {
            Some(file) => read_run(file)?,
            None => {
                let journal = place::journal(global)?;
                let run = place::open_run(&journal, &place::find(&journal, args.run.as_deref())?)?;
                verified(global, &run)?;
                run
            }
        },
    };
    let now = SystemClock::new().now();
    let open: Vec<&RequestState> = live(&run).collect();
    let person = args.who.person.as_deref();
    let shown: Vec<&RequestState> =
        open.iter().copied().filter(|one| person.is_none_or(|person| waits_for(&run, one, person, now))).collect();
    let code = review::code_of_all(open.iter().copied());
    if ui.json {
        let list: Vec<Value> = shown.iter().map(|request| request_json(&run, request, now)).collect();
        ui.data(&pretty(&json!({
            "run": run.id.as_str(), "mode": run.opened.mode.name(), "entries": run.size(), "open": open.len(),
            "code": code, "requests": list,
        })));
        return Ok(Exit::Done);
    }
    let whole = if shown.len() == open.len() { String::new() } else { format!(", code {code}") };
    ui.say(&format!("everything verified: {} entries; {}{whole}", run.size(), count(open.len())));
    match (shown.is_empty(), person) {
        (true, Some(person)) => ui.say(&format!("no open request waits for {}", escape::line(person))),
        (true, None) => ui.say("no request is open"),
        (false, _) => ui.data(review::text(&run, &shown, ui.verbose).trim_end()),
    }
    if let (Some(person), false) = (person, shown.is_empty()) {
        let what = match &args.file {
            Some(file) => format!(" {}", place::quoted(&file.to_string_lossy())),
            None => String::new(),
        };
        let here = if args.file.is_some() { String::new() } else { status::here(&run) };
        ui.say(&format!("to sign: countersign approve{what} --as {}{here}", escape::line(person)));
    }
    Ok(Exit::Done)
}

fn verified(global: &Global, run: &Run) -> Result<(), CliError> {
    let report = super::export::check(&place::journal(global)?, &run.id)?;
    match report.exit() {
        6 => Err(CliError::new(Exit::NotVerified, "CS6003", crate::verify::text(&report), "nothing was shown")),
        _ => Ok(()),
    }
}

/// The open requests.
pub fn live(run: &Run) -> impl Iterator<Item = &RequestState> {
    run.requests.values().filter(|request| request.is_live())
}

/// Whether this person's approval would bring the request on.
pub fn waits_for(run: &Run, asked: &RequestState, person: &str, now: Time) -> bool {
    match request::decide(run, asked, now) {
        Decision::Missing(lacks) => lacks.iter().any(|lack| lack.people.iter().any(|one| one == person)),
        _ => false,
    }
}

fn request_json(run: &Run, asked: &RequestState, now: Time) -> Value {
    let mut value = review::json(run, asked);
    let missing: Vec<Value> = match request::decide(run, asked, now) {
        Decision::Missing(lacks) => {
            lacks.iter().map(|lack| json!({"role": lack.role, "people": lack.people})).collect()
        }
        _ => Vec::new(),
    };
    value["name"] = json!(status::name(asked));
    value["missing"] = json!(missing);
    value
}

/// `1 open request`, `12 open requests`.
pub fn count(number: usize) -> String {
    if number == 1 { "1 open request".to_owned() } else { format!("{number} open requests") }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
