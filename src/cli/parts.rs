//! The real parts: clock, randomness, keys; and words that several verbs share.

use super::ui::{CliError, Exit};
use crate::base::{Time, escape};
use crate::engine::port::{Clock, Random};
use crate::engine::state::Run;
use crate::engine::status::{self, Waited};
use crate::keys::KeyRing;
use crate::keys::agent::Agent;
use crate::keys::file::KeyFile;
use crate::people::People;
use crate::record::fact::Mode;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The machine's clock.
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    pub fn new() -> SystemClock {
        SystemClock { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn mono(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn sleep(&self, ms: i64) {
        tokio::time::sleep(Duration::from_millis(ms.max(0) as u64)).await;
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug)]
pub struct OsRandom;

impl Random for OsRandom {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| rand::random::<u8>()).collect()
    }
}

/// Runs a verb that needs the runtime.
pub fn block_on<F: Future<Output = super::ui::CliResult>>(verb: F) -> super::ui::CliResult {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(verb),
        Err(error) => Err(CliError::new(Exit::Failed, "CS1007", format!("the runtime did not start: {error}"), "")),
    }
}

/// Who speaks, and with which key.
#[derive(clap::Args, Clone, Debug)]
pub struct Who {
    /// Who you are: a person of the people file
    #[arg(long = "as", value_name = "PERSON", env = "COUNTERSIGN_PERSON")]
    pub person: Option<String>,
    /// Your private key file; without it, ssh-agent is asked
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_KEY")]
    pub key: Option<PathBuf>,
}

impl Who {
    pub fn person(&self) -> Result<String, CliError> {
        self.person.clone().ok_or_else(no_person)
    }

    /// What signs for that person. Keys made in software count only where nothing real is at stake.
    pub fn signer(&self, people: &People, mode: Mode) -> Result<KeyRing, CliError> {
        ring(people, self.key.iter().cloned().collect(), mode)
    }
}

pub fn no_person() -> CliError {
    CliError::new(Exit::Usage, "CS2001", "who are you?", "say so with --as PERSON (or COUNTERSIGN_PERSON)")
}

/// Key files, then ssh-agent. A key finds its person by its public half in the people file; each file is read once,
/// however often it is named, and a key that is nobody's is refused.
pub fn ring(people: &People, files: Vec<PathBuf>, mode: Mode) -> Result<KeyRing, CliError> {
    let mut ring = KeyRing::of(people);
    let mut read = Vec::new();
    for path in files {
        let real = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if read.contains(&real) {
            continue;
        }
        read.push(real);
        let shown = escape::line(&path.display().to_string());
        let mut ask = |attempt: u32| -> Option<Zeroizing<String>> {
            let again = if attempt > 1 { " (wrong, try again)" } else { "" };
            let prompt = format!("passphrase of {shown}{again}");
            dialoguer::Password::new().with_prompt(prompt).interact().ok().map(Zeroizing::new)
        };
        let file = KeyFile::read(&path, mode != Mode::Live, &mut ask).map_err(|error| {
            CliError::new(Exit::Refused, "CS7001", error.to_string(), "name an OpenSSH private key file with --key")
        })?;
        let public = file.public();
        if !people.people.values().any(|person| person.keys.contains(&public)) {
            return Err(CliError::new(
                Exit::Refused,
                "CS7001",
                format!("the key {shown} ({}) is nobody's in the people file", public.fingerprint()),
                "name the key that the people file has of you; a new key is a change of the people file",
            ));
        }
        ring = ring.with_file(file);
    }
    Ok(match std::env::var_os("SSH_AUTH_SOCK") {
        Some(socket) => ring.with_agent(Agent::new(std::path::Path::new(&socket))),
        None => ring,
    })
}

/// `waiting for bob (customer_security) to approve accept:1111/accept; he can run: ...`.
pub fn waiting_words(run: &Run, waited: &Waited) -> String {
    use crate::record::fact::WaitFor;
    if waited.what == WaitFor::Approval && waited.people.is_empty() {
        let until = waited.expires.map(|time| format!(", at {}", time.minutes())).unwrap_or_default();
        return format!(
            "nobody is left who may approve {} ({}): it is asked again when its time has run out{until}",
            escape::line(&waited.at),
            escape::line(&waited.role)
        );
    }
    let people = if waited.people.is_empty() { "somebody".to_owned() } else { waited.people.join(" or ") };
    let role = if waited.role.is_empty() { String::new() } else { format!(" ({})", waited.role) };
    let doing = match waited.what {
        WaitFor::Approval => format!("to approve {}", waited.at),
        WaitFor::Confirmation => format!("to confirm {}", waited.at),
        WaitFor::Task => format!("to do and sign the task {}", waited.at),
        WaitFor::Answer => format!("to answer {}", waited.at),
        WaitFor::Settle => format!("to say how {} stands", waited.at),
        WaitFor::GoOn => format!("to say whether to go on with {}", waited.at),
        WaitFor::Performer => {
            format!("to sit down for {}", if waited.at.is_empty() { "the next step" } else { &waited.at })
        }
        WaitFor::Session => format!("to resume with the credentials for {}", waited.at),
        WaitFor::Time | WaitFor::Aws => String::new(),
    };
    let until = waited.expires.map(|time| format!(", until {}", time.minutes())).unwrap_or_default();
    let until = format!(" since {}{until}", waited.since.minutes());
    let head = match waited.what {
        WaitFor::Time | WaitFor::Aws => format!("waiting at {}{until}: {}", waited.at, waited.why),
        WaitFor::Approval => format!("waiting for {people}{role} {doing}{until}"),
        _ => format!("waiting for {people}{role} {doing}{until}\n  {}", waited.why),
    };
    format!("{}\n  can run: {}", escape::block(&head), escape::line(&status::command(run, waited)))
}

/// Names shown of a longer list.
const SHOWN: usize = 3;

/// As [`waiting_words`], for all of them: what the same people may approve together is said once.
pub fn all_waiting_words(run: &Run, all: &[Waited]) -> Vec<String> {
    use crate::record::fact::WaitFor;
    let mut words = Vec::new();
    let mut told: Vec<(&str, &[String])> = Vec::new();
    for waited in all {
        let who = (waited.role.as_str(), waited.people.as_slice());
        let same: Vec<&Waited> = all
            .iter()
            .filter(|other| other.what == WaitFor::Approval && (other.role.as_str(), other.people.as_slice()) == who)
            .collect();
        if waited.what != WaitFor::Approval || waited.people.is_empty() || same.len() < 2 {
            words.push(waiting_words(run, waited));
        } else if !told.contains(&who) {
            told.push(who);
            words.push(together(run, &same));
        }
    }
    words.extend(by_file(run, all));
    words
}

/// How the run gets to people of another party than those at the seat: they may have no access to this journal.
fn by_file(run: &Run, all: &[Waited]) -> Option<String> {
    use crate::record::fact::WaitFor;
    let party = |id: &String| run.people.get(id).map(|person| person.party.as_str());
    let near: Vec<&str> = run.signed_on.iter().filter_map(party).collect();
    let far = |waited: &&Waited| {
        let mut parties = waited.people.iter().filter_map(party).peekable();
        parties.peek().is_some() && !near.is_empty() && parties.all(|one| !near.contains(&one))
    };
    let waited = all.iter().find(far).filter(|_| run.handed.is_none())?;
    let (id, journal) = (run.id.short(), run.whereabouts.journal());
    let command = match waited.what {
        WaitFor::Approval => format!("countersign requests {id} -o FILE{journal}"),
        WaitFor::Performer | WaitFor::Session => {
            let person = waited.people.first()?;
            let from = run.signed_on.first()?;
            format!("countersign hand-over {id} --to {person} --as {from} -o FILE{journal}")
        }
        _ => return None,
    };
    Some(format!("  from a machine of their own, by file: {}", escape::line(&command)))
}

fn together(run: &Run, same: &[&Waited]) -> String {
    let Some(first) = same.first() else { return String::new() };
    let names: Vec<&str> = same.iter().take(SHOWN).map(|waited| waited.at.as_str()).collect();
    let more = same.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let until = same.iter().filter_map(|waited| waited.expires).min();
    let until = until.map(|time| format!(", until {}", time.minutes())).unwrap_or_default();
    let since = same.iter().map(|waited| waited.since).min().map(|time| time.minutes()).unwrap_or_default();
    let until = format!(" since {since}{until}");
    let head = format!(
        "waiting for {} ({}) to approve {} requests: {}{more}{until}",
        first.people.join(" or "),
        first.role,
        same.len(),
        names.join(", ")
    );
    let person = first.people.first().map(String::as_str).unwrap_or("PERSON");
    let code = status::simulated_code(run, &first.role);
    let command = format!("countersign approve --as {person}{code}{}", status::here(run));
    format!("{}\n  can run: {}", escape::block(&head), escape::line(&command))
}
