//! The approver's side: approve, deny, revoke; on the journal, or over files. What is signed was shown before, and
//! compared with what this machine saw of the run.

use super::Global;
use super::by_hand;
use super::change;
use super::code::{CodeArgs, Coder};
use super::desk::{Desk, Hand, Via};
use super::lot::{self, Manner};
use super::parts::{self, OsRandom, Who};
use super::place;
use super::requests::{count, live, waits_for};
use super::ui::{CliError, CliResult, Exit, Style, Ui};
use crate::base::{Time, escape};
use crate::engine::port::Clock;
use crate::engine::state::Run;
use crate::engine::status;
use crate::record::statement::Decides;
use crate::run::voice::{self, VoiceError};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Without WHAT, all open requests that wait for you are shown in one review and signed after one question. A point of
no return among them is always asked for by itself, and typed; off a terminal it is signed only by its own name.
A code stands beside each request and over all: two sides that see the same code see the same.

Examples:
  countersign approve accept:111122223333/accept --as bob
  countersign approve --as bob --one-by-one
  countersign approve open.countersign --as bob -o bob.answer
  countersign approve accept:111122223333/accept --as carol --profile carol   (a role with a code: asked for)")]
pub struct ApproveArgs {
    /// A step, an item, a stage, a request's number, or a file written by `requests -o`; without it, all
    #[arg(value_name = "WHAT or FILE")]
    what: Option<String>,
    #[command(flatten)]
    who: Who,
    /// All open requests that wait for you (as without WHAT)
    #[arg(long, conflicts_with = "what")]
    all: bool,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    /// Write an answer file instead of the journal
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Decide over a file written by `requests -o`, without the journal
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    from: Option<PathBuf>,
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
    /// At a terminal: ask about each request by itself
    #[arg(long, conflicts_with = "yes")]
    one_by_one: bool,
    #[command(flatten)]
    code: CodeArgs,
}

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example: countersign deny accept:111122223333/accept --as bob --reason 'not this account'
From a file: countersign deny accept:111122223333/accept --as bob --from open.countersign -o bob.answer")]
pub struct DenyArgs {
    /// A step, an item, a stage, or a request's number
    what: String,
    #[command(flatten)]
    who: Who,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    /// Write an answer file instead of the journal
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Decide over a file written by `requests -o`, without the journal
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    from: Option<PathBuf>,
    /// The run (a unique prefix)
    #[arg(long)]
    run: Option<String>,
    #[command(flatten)]
    hand: Hand,
    /// Who is told, as countersign.toml has it
    #[arg(skip)]
    pub notify: Option<super::notify::settings::Settings>,
}

pub fn approve(args: &ApproveArgs, global: &Global, ui: &Ui) -> CliResult {
    let file = args.what.as_ref().map(PathBuf::from).filter(|path| args.from.is_none() && path.is_file());
    let what = args.what.as_deref().filter(|_| file.is_none());
    if let Some(path) = file.as_ref().or(args.from.as_ref()).filter(|path| change::is_change_file(path)) {
        return change::approve(path, &args.who, &args.reason, args.output.as_deref(), args.yes, ui);
    }
    let via = Via {
        run: args.run.clone(),
        from: file.or_else(|| args.from.clone()),
        answer: args.output.clone(),
        ..Via::default()
    };
    let mut desk = Desk::open(global, &via, &args.who)?;
    desk.coder = Some(Coder::new(&args.code, ui)?);
    if via.from.is_none() {
        for what in ["runbook", "people"] {
            place::unchanged(&desk.run, what, &None)?;
        }
    }
    if let Some(path) = &args.signature {
        return brought(&mut desk, path, ui);
    }
    desk.remember(ui)?;
    let requests = wanted(&desk, what, via.from.as_deref())?;
    if let Some(path) = &args.print {
        return print(&desk, &requests, &args.reason, path, ui);
    }
    let by_name = requests.len() == 1 && what.is_some_and(|what| names_it(&desk.run, &requests, what));
    let manner = Manner { by_name, one_by_one: args.one_by_one, yes: args.yes };
    let chosen = lot::choose(&desk.run, &requests, manner, ui)?;
    if chosen.is_empty() {
        return Err(CliError::new(Exit::Waiting, "CS4001", "nothing was signed", ""));
    }
    let signed = sign_all(&mut desk, &chosen, &args.reason, ui)?;
    let left = requests.len() - signed;
    if left > 0 {
        let were = if left == 1 { "was" } else { "were" };
        ui.must_say(&format!("{signed} of {} were signed; {left} {were} not", count(requests.len())));
    }
    let done = desk.finish(ui)?;
    if !desk.travels() {
        say_next(&desk.run, ui, desk.clock.now(), desk.seated());
    }
    Ok(if signed < chosen.len() { Exit::Refused } else { done })
}

/// Signs one after another. A refusal of the only one is the error; among several it is said, and the others go on.
fn sign_all(desk: &mut Desk, chosen: &[u64], reason: &str, ui: &Ui) -> Result<usize, CliError> {
    let mut signed = 0;
    for seq in chosen {
        match desk.decide(*seq, Decides::Approve, reason) {
            Ok(()) => signed += 1,
            Err(error) if chosen.len() > 1 && error.exit == Exit::Refused && error.code != "CS7001" => {
                ui.must_say(&format!("request #{seq}: {}", escape::block(&error.message)));
            }
            Err(error) => return Err(error),
        }
    }
    let person = &desk.person;
    let good = ui.paint(Style::Good, "ok:");
    let verb = if desk.travels() { "signed an approval of" } else { "approved" };
    match chosen {
        [one] => ui.say(&format!("{good} {person} {verb} request #{one}")),
        _ if signed > 0 => ui.say(&format!("{good} {person} {verb} {signed} requests")),
        _ => {}
    }
    Ok(signed)
}

/// The requests that a command is about: those that it names, or all that wait for this person.
fn wanted(desk: &Desk, what: Option<&str>, file: Option<&Path>) -> Result<Vec<u64>, CliError> {
    if let Some(what) = what {
        return named(&desk.run, what);
    }
    let now = desk.clock.now();
    let mine = live(&desk.run).filter(|request| waits_for(&desk.run, request, &desk.person, now));
    let mine: Vec<u64> = mine.map(|request| request.seq).collect();
    if mine.is_empty() {
        let place = file.map(|file| format!(" of {}", file.display())).unwrap_or_default();
        return Err(CliError::new(
            Exit::Refused,
            "CS7002",
            format!("no open request{place} waits for {}", desk.person),
            format!("{} in all; `countersign requests` shows who each waits for", count(live(&desk.run).count())),
        ));
    }
    Ok(mine)
}

/// Whether the text is the name, the number or a step of the one request, and no wider place.
fn names_it(run: &Run, requests: &[u64], what: &str) -> bool {
    requests.iter().filter_map(|seq| run.requests.get(seq)).all(|request| {
        what == request.seq.to_string()
            || what == status::name(request)
            || request.operations.iter().any(|slot| slot.step.to_string() == what)
    })
}

pub fn deny(args: &DenyArgs, global: &Global, ui: &Ui) -> CliResult {
    decision(args, global, ui, Decides::Deny)
}

pub fn revoke(args: &DenyArgs, global: &Global, ui: &Ui) -> CliResult {
    decision(args, global, ui, Decides::Revoke)
}

/// Denial and revocation are for one request, named.
fn decision(args: &DenyArgs, global: &Global, ui: &Ui, decides: Decides) -> CliResult {
    let (from, hand) = (args.from.clone(), args.hand.clone());
    let via = Via { run: args.run.clone(), from, answer: args.output.clone(), hand };
    let mut desk = Desk::open(global, &via, &args.who)?;
    desk.remember(ui)?;
    let verb = decides.name();
    let seq = match named(&desk.run, &args.what)?.as_slice() {
        [one] => *one,
        many => {
            let some: Vec<String> = many
                .iter()
                .take(5)
                .filter_map(|seq| desk.run.requests.get(seq))
                .map(|request| format!("{} (#{})", status::name(request), request.seq))
                .collect();
            return Err(CliError::new(
                Exit::Usage,
                "CS2041",
                format!("`{}` names {}, and one is decided on at a time", args.what, count(many.len())),
                format!("{verb} one of them, by name or number: {}, ...", some.join(", ")),
            ));
        }
    };
    let size = desk.run.size();
    desk.decide(seq, decides, &args.reason)?;
    if desk.printed() {
        return desk.finish(ui);
    }
    let person = &desk.person;
    let word = match (decides, desk.travels()) {
        (Decides::Deny, false) => "denied",
        (Decides::Deny, true) => "signed a denial of",
        (_, false) => "revoked the own approval of",
        (_, true) => "signed a revocation of the own approval of",
    };
    ui.say(&format!("{person} {word} request #{seq}"));
    let done = desk.finish(ui)?;
    if desk.travels() {
        return Ok(done);
    }
    ui.say(&what_follows(&desk.run, seq, decides));
    desk.tell(args.notify.as_ref(), size, ui);
    if decides == Decides::Revoke {
        say_next(&desk.run, ui, desk.clock.now(), desk.seated());
    }
    Ok(done)
}

/// What a denial or a revocation means for the run.
fn what_follows(run: &Run, seq: u64, decides: Decides) -> String {
    let Some(request) = run.requests.get(&seq) else { return String::new() };
    let performer = &request.asked.performer;
    let resume = status::resume(run, performer);
    if decides == Decides::Deny {
        return format!(
            "the request is over, and what it covers does not begin. {} asks anew by going on: {resume}",
            escape::line(performer)
        );
    }
    "one person decides once over a request: who revoked can't approve this request again".to_owned()
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

fn print(desk: &Desk, requests: &[u64], reason: &str, path: &Path, ui: &Ui) -> CliResult {
    let (run, person) = (&desk.run, &desk.person);
    let [seq] = requests else {
        return Err(CliError::new(
            Exit::Usage,
            "CS2042",
            format!("--print writes one statement, and here are {}", count(requests.len())),
            "name one request",
        ));
    };
    let asked: Vec<_> = run.requests.get(seq).into_iter().collect();
    ui.say(crate::report::review::text(run, &asked, ui.verbose).trim_end());
    let now = desk.clock.now();
    let role = voice::deciding_role(run, *seq, person, now).ok_or_else(|| unknown(run, person))?;
    let body = voice::approval_body(run, *seq, Decides::Approve).map_err(|error| place::run_error(&error))?;
    let statement = voice::statement(run, &mut OsRandom, person, &role, body, reason, now)
        .map_err(|error| place::run_error(&error))?;
    let text = voice::checked(&statement).map_err(|error| place::run_error(&error))?;
    write_file(path, text.as_bytes())?;
    let shown = path.display();
    ui.say(&format!(
        "wrote {shown}; sign it, then bring the signature back:\n  ssh-keygen -Y sign -n {} -f KEY {shown}\n  countersign approve {seq} --as {person} --signature {shown}.sig{}",
        statement.namespace(),
        status::here(run)
    ));
    Ok(Exit::Done)
}

fn brought(desk: &mut Desk, signature: &Path, ui: &Ui) -> CliResult {
    let statement = signature.with_extension("");
    let text = read_text(&statement)?;
    let armour = read_text(signature)?;
    let person = desk.person.clone();
    let namespace = "approval-v1@countersign";
    let signed = by_hand::signed_by(&desk.run, &person, namespace, text, armour, (&statement, signature))?;
    desk.remember(ui)?;
    desk.keep_and_bring(signed)?;
    ui.say(&format!("ok: {person}'s signature was taken in"));
    desk.finish(ui)
}

/// After a decision: who is waited for now, or who can go on. A seat that is taken goes on by itself.
pub fn say_next(run: &Run, ui: &Ui, now: Time, seated: bool) {
    let waiting = status::waiting_for(run, now);
    let approvals: Vec<_> =
        waiting.into_iter().filter(|waited| waited.what == crate::record::fact::WaitFor::Approval).collect();
    if !approvals.is_empty() {
        return parts::all_waiting_words(run, &approvals).iter().for_each(|words| ui.say(words));
    }
    match status::next_turn(run, now).filter(|_| !seated) {
        Some(waited) => parts::all_waiting_words(run, &[waited]).iter().for_each(|words| ui.say(words)),
        None => ui.say("nothing waits for approval; the run goes on at its seat"),
    }
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
