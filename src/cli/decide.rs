//! The approver's side: requests, approve, deny, revoke, import; on the journal, or from files.

use super::Global;
use super::parts::{self, Who};
use super::place;
use super::ui::{CliError, CliResult, Exit, Style, Ui};
use crate::base::{Time, escape};
use crate::engine::port::{Clock, Store};
use crate::engine::state::{RequestState, Run};
use crate::engine::status;
use crate::journal::MemoryStore;
use crate::record::answer;
use crate::record::bundle;
use crate::record::fact::SignedText;
use crate::record::statement::{Decides, Statement};
use crate::run::voice::{self, VoiceError};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
pub struct RequestsArgs {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    /// Write the run with all its open requests to a file, for approvers elsewhere
    #[arg(long, short)]
    output: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
pub struct ApproveArgs {
    /// A step, an item, a stage, a request's number, or a file written by `requests -o`
    what: String,
    #[command(flatten)]
    who: Who,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    /// Write an answer file instead of the journal
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Only write the statement to this file, to be signed elsewhere with ssh-keygen -Y sign
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signature", "output"])]
    print: Option<PathBuf>,
    /// A signature made by ssh-keygen -Y sign over a statement that --print wrote (FILE without .sig)
    #[arg(long, value_name = "FILE.sig")]
    signature: Option<PathBuf>,
    /// The run (a unique prefix)
    #[arg(long)]
    run: Option<String>,
    /// At a terminal: do not ask before signing (off one, this command is the decision)
    #[arg(long)]
    yes: bool,
}

#[derive(clap::Args, Debug)]
pub struct DenyArgs {
    /// A step, an item, a stage, or a request's number
    what: String,
    #[command(flatten)]
    who: Who,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    /// The run (a unique prefix)
    #[arg(long)]
    run: Option<String>,
}

#[derive(clap::Args, Debug)]
pub struct ImportArgs {
    /// An answer file written by `approve -o`
    file: PathBuf,
}

pub fn requests(args: &RequestsArgs, global: &Global, ui: &Ui) -> CliResult {
    let journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let run = place::load_run(&journal, &id)?;
    let now = parts::SystemClock::new().now();
    if let Some(path) = &args.output {
        let text = super::export::bundle_text(&journal, &id)?;
        write_file(path, text.as_bytes())?;
        ui.say(&format!("wrote {} with {} open requests", path.display(), live(&run).count()));
        return Ok(Exit::Done);
    }
    if ui.json {
        let all: Vec<_> = live(&run).map(|request| request_json(&run, request, now)).collect();
        ui.data(&serde_json::to_string_pretty(&all).unwrap_or_default());
        return Ok(Exit::Done);
    }
    if live(&run).count() == 0 {
        ui.say("no request is open");
    }
    for request in live(&run) {
        ui.data(&show(&run, request, now));
    }
    Ok(Exit::Done)
}

fn live(run: &Run) -> impl Iterator<Item = &RequestState> {
    run.requests.values().filter(|request| request.is_live())
}

fn request_json(run: &Run, request: &RequestState, now: Time) -> serde_json::Value {
    let waiting: Vec<_> = status::waiting_for(run, now)
        .into_iter()
        .filter(|waited| waited.at == status::name(request))
        .map(|waited| json!({"role": waited.role, "people": waited.people}))
        .collect();
    json!({
        "request": request.seq, "covers": request.asked.covers, "name": status::name(request),
        "summary": request.asked.summary, "performer": request.asked.performer,
        "approve_by": request.asked.approve_by.millis(), "run_by": request.asked.run_by.millis(),
        "attempt": request.asked.attempt, "again": request.asked.again, "missing": waiting,
        "operations": request.asked.operations.hex(),
    })
}

/// A request as an approver reads it, escaped.
pub fn show(run: &Run, request: &RequestState, now: Time) -> String {
    let asked = &request.asked;
    let mut text =
        format!("request #{}  {}   [{}]\n", request.seq, asked.covers, run.opened.mode.name().to_uppercase());
    text.push_str(&format!(
        "  runbook    {} {} (run {})\n",
        escape::line(&run.plan.title),
        run.plan.version,
        run.id.short()
    ));
    text.push_str(&format!("  performer  {}\n", escape::line(&asked.performer)));
    for slot in &request.operations {
        let step = run.plan.step(&slot.step);
        let words = step.map(|step| crate::engine::operation::words(&slot.operation, step)).unwrap_or_default();
        text.push_str(&format!("  {}: {}\n", slot.step, escape::line(&words)));
        for (name, value) in parameters(&slot.operation) {
            text.push_str(&format!("      {}: {}\n", escape::line(&name), escape::line(&value)));
        }
        if let Some(step) = step {
            text.push_str(&format!("      way back: {}\n", escape::line(&way_back(step))));
        }
    }
    if request.operations.is_empty() {
        text.push_str(&format!("  {}\n", escape::line(&asked.summary)));
    }
    if !asked.again.is_empty() {
        let again: Vec<String> = asked.again.iter().map(|seq| format!("#{seq}")).collect();
        text.push_str(&format!("  asked before: {}\n", again.join(", ")));
    }
    text.push_str(&format!("  approve by {}, run by {}\n", asked.approve_by.minutes(), asked.run_by.minutes()));
    for waited in status::waiting_for(run, now).into_iter().filter(|waited| waited.at == status::name(request)) {
        text.push_str(&format!(
            "  waiting for {} ({}); can run:\n    {}\n",
            waited.people.join(" or "),
            waited.role,
            status::command(run, &waited)
        ));
    }
    text
}

/// Every parameter by its name: which of two ids is the source, words alone do not tell.
fn parameters(operation: &serde_json::Value) -> Vec<(String, String)> {
    fn walk(name: &str, value: &serde_json::Value, all: &mut Vec<(String, String)>) {
        match value {
            serde_json::Value::Object(members) => {
                for (member, value) in members {
                    walk(&if name.is_empty() { member.clone() } else { format!("{name}.{member}") }, value, all);
                }
            }
            serde_json::Value::String(text) => all.push((name.to_owned(), text.clone())),
            other => all.push((name.to_owned(), other.to_string())),
        }
    }
    let mut all = Vec::new();
    walk("", operation.get("with").unwrap_or(&serde_json::json!({})), &mut all);
    all
}

fn way_back(step: &crate::plan::model::Step) -> String {
    let back = &step.back;
    let lost = if step.lost.is_empty() { String::new() } else { format!("; lost: {}", step.lost) };
    if !back.point_of_no_return.is_empty() {
        format!("NONE, a point of no return: {}", back.point_of_no_return)
    } else if !back.no_undo.is_empty() {
        format!("none needed: {}", back.no_undo)
    } else if back.undo.is_empty() {
        "none".to_owned()
    } else {
        let steps: Vec<&str> = back
            .undo
            .iter()
            .map(|undo| undo.template.get("action").and_then(|a| a.as_str()).unwrap_or(&undo.title))
            .collect();
        format!("{}{lost}", steps.join(", then "))
    }
}

pub fn approve(args: &ApproveArgs, global: &Global, ui: &Ui) -> CliResult {
    let file = Path::new(&args.what);
    if file.is_file() {
        return approve_file(args, file, ui);
    }
    let mut journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let mut run = place::load_run(&journal, &id)?;
    for what in ["runbook", "people"] {
        place::unchanged(&run, what, &None)?;
    }
    let person = args.who.person()?;
    if let Some(path) = &args.signature {
        return by_hand(&mut journal, &mut run, path, &person, ui);
    }
    let requests = named(&run, &args.what)?;
    let mut answers = Vec::new();
    for seq in requests {
        let clock = parts::SystemClock::new();
        let request = run.requests.get(&seq).cloned();
        if let Some(request) = &request {
            ui.say(&show(&run, request, clock.now()));
        }
        if let Some(path) = &args.print {
            return print(&run, seq, &person, &args.reason, path, ui);
        }
        if ui.interactive && !args.yes && !ask("Approve and sign this?")? {
            return Err(CliError::new(Exit::Waiting, "CS4001", "nothing was signed", ""));
        }
        let signed = sign(&run, seq, &person, &args.who, Decides::Approve, &args.reason)?;
        if args.output.is_some() {
            answers.push(signed);
            continue;
        }
        voice::decide(&mut journal, &clock, &mut run, &signed).map_err(refused)?;
        ui.say(&format!("{} {person} approved request #{seq}", ui.paint(Style::Good, "ok:")));
    }
    match &args.output {
        None => say_next(&run, ui, parts::SystemClock::new().now(), journal.seated(&id).is_err()),
        Some(path) => {
            write_file(path, answer::write(&answers_of(&run, answers)).map_err(bad)?.as_bytes())?;
            let shown = path.display();
            ui.say(&format!("wrote {shown}; nothing is in the journal yet: `countersign import {shown}` takes it in"));
        }
    }
    Ok(Exit::Done)
}

pub fn deny(args: &DenyArgs, global: &Global, ui: &Ui) -> CliResult {
    decision(args, global, ui, Decides::Deny)
}

pub fn revoke(args: &DenyArgs, global: &Global, ui: &Ui) -> CliResult {
    decision(args, global, ui, Decides::Revoke)
}

fn decision(args: &DenyArgs, global: &Global, ui: &Ui, decides: Decides) -> CliResult {
    let mut journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let mut run = place::load_run(&journal, &id)?;
    let person = args.who.person()?;
    for seq in named(&run, &args.what)? {
        let signed = sign(&run, seq, &person, &args.who, decides, &args.reason)?;
        let clock = parts::SystemClock::new();
        voice::decide(&mut journal, &clock, &mut run, &signed).map_err(refused)?;
        let word = if decides == Decides::Deny { "denied" } else { "revoked the own approval of" };
        ui.say(&format!("{person} {word} request #{seq}"));
    }
    Ok(Exit::Done)
}

/// The open requests that the text names; an error says which there are.
fn named(run: &Run, what: &str) -> Result<Vec<u64>, CliError> {
    let found: Vec<u64> = status::find_request(run, what).iter().map(|request| request.seq).collect();
    if found.is_empty() {
        let open: Vec<String> =
            live(run).map(|request| format!("{} (#{})", status::name(request), request.seq)).collect();
        let hint = if open.is_empty() { "no request is open".to_owned() } else { format!("open: {}", open.join(", ")) };
        return Err(CliError::new(Exit::Refused, "CS7002", format!("no open request covers `{what}`"), hint));
    }
    Ok(found)
}

fn sign(run: &Run, seq: u64, person: &str, who: &Who, decides: Decides, reason: &str) -> Result<SignedText, CliError> {
    let now = parts::SystemClock::new().now();
    let role = voice::deciding_role(run, seq, person, now).ok_or_else(|| unknown(run, person))?;
    let body = voice::approval_body(run, seq, decides).map_err(|error| place::run_error(&error))?;
    let signer = who.signer(&run.people, run.opened.mode)?;
    voice::sign(run, &mut parts::OsRandom, &signer, person, &role, body, reason, now)
        .map_err(|error| place::run_error(&error))
}

/// Somebody whom the run's people file does not know.
pub fn unknown(run: &Run, person: &str) -> CliError {
    let known: Vec<&str> = run.people.people.keys().map(String::as_str).collect();
    CliError::new(
        Exit::Refused,
        "CS7003",
        format!("{} is not in the people file of this run", escape::line(person)),
        format!("people: {}", known.join(", ")),
    )
}

fn print(run: &Run, seq: u64, person: &str, reason: &str, path: &Path, ui: &Ui) -> CliResult {
    let now = parts::SystemClock::new().now();
    let role = voice::deciding_role(run, seq, person, now).ok_or_else(|| unknown(run, person))?;
    let body = voice::approval_body(run, seq, Decides::Approve).map_err(|error| place::run_error(&error))?;
    let statement = voice::statement(run, &mut parts::OsRandom, person, &role, body, reason, now)
        .map_err(|error| place::run_error(&error))?;
    let text = voice::checked(&statement).map_err(|error| place::run_error(&error))?;
    write_file(path, text.as_bytes())?;
    let shown = path.display();
    ui.say(&format!(
        "wrote {shown}; sign it, then bring the signature back:\n  ssh-keygen -Y sign -n {} -f KEY {shown}\n  countersign approve {} --as {person} --signature {shown}.sig",
        statement.namespace(),
        seq
    ));
    Ok(Exit::Done)
}

fn by_hand(journal: &mut impl Store, run: &mut Run, signature: &Path, person: &str, ui: &Ui) -> CliResult {
    let statement = signature.with_extension("");
    let text = read_text(&statement)?;
    let armour = read_text(signature)?;
    let known = run.people.get(person).ok_or_else(|| unknown(run, person))?;
    let namespace = "approval-v1@countersign";
    let key = known.keys.iter().find(|key| crate::sshsig::verify(key, namespace, text.as_bytes(), &armour).is_ok());
    let Some(key) = key else {
        return Err(CliError::new(
            Exit::Refused,
            "CS7004",
            format!(
                "{} is not a signature by one of {person}'s keys over {}",
                signature.display(),
                statement.display()
            ),
            format!("sign with: ssh-keygen -Y sign -n {namespace} -f KEY {}", statement.display()),
        ));
    };
    let signed = SignedText { statement: text, signature: armour, key: key.line.clone() };
    voice::decide(journal, &parts::SystemClock::new(), run, &signed).map_err(refused)?;
    ui.say(&format!("ok: {person}'s signature was taken in"));
    Ok(Exit::Done)
}

/// Signs every open request of a bundle that this person may decide on.
fn approve_file(args: &ApproveArgs, file: &Path, ui: &Ui) -> CliResult {
    let bytes = std::fs::read(file).map_err(|error| io(file, &error))?;
    let bundle = bundle::read(&bytes).map_err(|error| {
        CliError::new(
            Exit::NotVerified,
            "CS6002",
            format!("{}: {error}", file.display()),
            "ask for a fresh file: `countersign requests -o FILE`",
        )
    })?;
    let report = crate::verify::check(&bundle, &[], &[]);
    if matches!(report.verdict, crate::verify::Verdict::Invalid | crate::verify::Verdict::Diverged) {
        return Err(CliError::new(Exit::NotVerified, "CS6003", crate::verify::text(&report), "nothing was signed"));
    }
    let store = from_bundle(&bundle)?;
    let run = place::load_run(&store, &bundle.run)?;
    let person = args.who.person()?;
    let now = parts::SystemClock::new().now();
    let mut answers = Vec::new();
    for request in live(&run) {
        let mine = status::waiting_for(&run, now)
            .iter()
            .any(|waited| waited.at == status::name(request) && waited.people.contains(&person));
        if !mine {
            continue;
        }
        ui.say(&show(&run, request, now));
        if ui.interactive && !args.yes && !ask("Approve and sign this?")? {
            continue;
        }
        answers.push(sign(&run, request.seq, &person, &args.who, Decides::Approve, &args.reason)?);
    }
    if answers.is_empty() {
        return Err(CliError::new(
            Exit::Refused,
            "CS7002",
            format!("no open request of {} waits for {person}", file.display()),
            "",
        ));
    }
    let text = answer::write(&answers_of(&run, answers.clone())).map_err(bad)?;
    let path = args.output.clone().unwrap_or_else(|| file.with_extension(format!("{person}.answer")));
    write_file(&path, text.as_bytes())?;
    ui.say(&format!(
        "signed {} requests; wrote {}. Send it back: `countersign import {}`",
        answers.len(),
        path.display(),
        path.display()
    ));
    Ok(Exit::Done)
}

pub fn import(args: &ImportArgs, global: &Global, ui: &Ui) -> CliResult {
    let bytes = std::fs::read(&args.file).map_err(|error| io(&args.file, &error))?;
    let answers = answer::read(&bytes).map_err(|error| {
        CliError::new(
            Exit::NotVerified,
            "CS6004",
            format!("{}: {error}", args.file.display()),
            "ask for the file again: it must come unchanged",
        )
    })?;
    let mut journal = place::journal(global)?;
    let mut run = place::load_run(&journal, &answers.run)?;
    let clock = parts::SystemClock::new();
    for (taken_in, signed) in answers.statements.iter().enumerate() {
        let kind = signed.statement.lines().next().unwrap_or_default();
        let taken = if kind == "countersign said v1" {
            let object = said_object(signed).and_then(|digest| Some((digest, answers.objects.get(&digest)?.clone())));
            voice::say(&mut journal, &clock, &mut run, signed, object)
        } else {
            voice::decide(&mut journal, &clock, &mut run, signed)
        };
        let seq = taken.map_err(refused).map_err(|error| CliError {
            hint: format!(
                "{taken_in} of {} statements of the file were taken in; this one was not",
                answers.statements.len()
            ),
            ..error
        })?;
        ui.say(&format!("ok: taken in as entry {seq}"));
    }
    say_next(&run, ui, clock.now(), journal.seated(&run.id).is_err());
    Ok(Exit::Done)
}

/// A store in memory with what a bundle holds.
fn from_bundle(bundle: &bundle::Bundle) -> Result<MemoryStore, CliError> {
    let mut store = MemoryStore::new();
    let objects: Vec<_> = bundle.objects.iter().map(|(digest, bytes)| (*digest, bytes.clone())).collect();
    store.append(&bundle.run, None, None, &bundle.lines, &objects).map_err(|error| place::store_error(&error))?;
    Ok(store)
}

fn answers_of(run: &Run, statements: Vec<SignedText>) -> answer::Answer {
    answer::Answer { run: run.id.clone(), statements, objects: std::collections::BTreeMap::new() }
}

/// The object that a `said` statement names.
fn said_object(signed: &SignedText) -> Option<crate::base::Digest> {
    Statement::read(&signed.statement).ok()?.said()?.object
}

/// After a decision: who is waited for now, or who can go on. A seat that is taken goes on by itself.
fn say_next(run: &Run, ui: &Ui, now: Time, seated: bool) {
    let waiting = status::waiting_for(run, now);
    let approval = waiting.into_iter().find(|waited| waited.what == crate::record::fact::WaitFor::Approval);
    match approval.or_else(|| status::next_turn(run, now).filter(|_| !seated)) {
        Some(waited) => ui.say(&parts::waiting_words(run, &waited)),
        None => ui.say("nothing waits for approval; the run goes on at its seat"),
    }
}

fn ask(question: &str) -> Result<bool, CliError> {
    dialoguer::Confirm::new().with_prompt(question).default(false).interact().map_err(|error| {
        CliError::new(Exit::Waiting, "CS4002", error.to_string(), "answer at a terminal, or give --yes")
    })
}

/// A rule's "no" is exit 7.
pub fn refused(error: VoiceError) -> CliError {
    match error {
        VoiceError::Run(error) => place::run_error(&error),
        VoiceError::Refused(refusal) => {
            CliError::new(Exit::Refused, "CS7005", format!("refused: {refusal}"), "nothing was written")
        }
        VoiceError::Unsigned(message) => {
            CliError::new(Exit::Refused, "CS7006", format!("refused: {message}"), "nothing was written")
        }
    }
}

fn bad(error: impl std::fmt::Display) -> CliError {
    CliError::new(Exit::Failed, "CS1003", error.to_string(), "")
}

pub fn io(path: &Path, error: &std::io::Error) -> CliError {
    CliError::new(Exit::Usage, "CS1006", format!("{}: {error}", path.display()), "")
}

/// Writes a new file; never over one that is there: it might be a journal, a key or somebody's answer.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    use std::io::Write as _;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::new(
            Exit::Usage,
            "CS1008",
            format!("{} is there already, and nothing is written over", escape::line(&path.display().to_string())),
            "name another file, or remove it first",
        ),
        _ => io(path, &error),
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| io(path, &error))
}

pub fn read_text(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|error| io(path, &error))
}
