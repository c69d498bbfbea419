//! The people file: each party signs it before a run of two parties opens.

use super::decide::{read_text, write_file};
use super::parts::{self, OsRandom, SystemClock, Who};
use super::place;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::escape;
use crate::base::json::{self, Form};
use crate::engine::port::{Clock, Random, Signer};
use crate::people::{self, People, Person};
use crate::record::fact::{Mode, SignedText};
use crate::record::statement::{Body, Statement, Tail};
use crate::sshsig;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Sign the people file, as one person of a party; appends to FILE.signatures
    Sign(SignArgs),
    /// Change the people file of a running run, signed by each party and by whoever is new or changed
    Change(super::amend::PeopleArgs),
}

#[derive(clap::Args, Debug)]
struct SignArgs {
    file: PathBuf,
    #[command(flatten)]
    who: Who,
    /// For simulated runs: accept keys made in software
    #[arg(long)]
    simulated: bool,
}

pub fn run(args: &Args, global: &super::Global, ui: &Ui) -> CliResult {
    match &args.verb {
        Verb::Change(args) => super::amend::people(args, global, ui),
        Verb::Sign(args) => sign(args, ui),
    }
}

fn sign(args: &SignArgs, ui: &Ui) -> CliResult {
    let text = read_text(&args.file)?;
    let people = read(&args.file, &text)?;
    let person = args.who.person()?;
    let known = people.get(&person).ok_or_else(|| {
        let all: Vec<&str> = people.people.keys().map(String::as_str).collect();
        CliError::new(
            Exit::Refused,
            "CS7003",
            format!("{person} is not in {}", args.file.display()),
            format!("people: {}", all.join(", ")),
        )
    })?;
    let statement = Statement {
        body: Body::People(people.digest),
        tail: Tail {
            person: person.clone(),
            party: known.party.clone(),
            role: String::new(),
            nonce: hex::encode(OsRandom.bytes(16)),
            signed_at: crate::engine::request::whole_seconds(SystemClock::new().now()),
            reason: String::new(),
        },
    };
    let mode = if args.simulated { Mode::Simulated } else { Mode::Live };
    let signer = parts::ring(&people, args.who.key.iter().cloned().collect(), mode)?;
    let text = statement.text();
    let (signature, key) =
        signer.sign(&person, &statement.namespace(), &text).map_err(|error| place::run_error(&error.into()))?;
    // Who signs for keys must see them: they are compared with what each person says theirs is.
    ui.must_say(&format!("{} says:", escape::line(&args.file.display().to_string())));
    who_is_who(&people).iter().for_each(|line| ui.must_say(line));
    let path = signatures_path(&args.file);
    let mut all = if path.exists() { signatures(&path)? } else { Vec::new() };
    all.push(SignedText { statement: text, signature, key });
    let bytes = json::object_bytes(&json!({"signatures": all}))
        .map_err(|error| CliError::new(Exit::Failed, "CS1003", error.to_string(), ""))?;
    replace_file(&path, &bytes)?;
    ui.say(&format!("ok: {person} ({}) signed {}; kept in {}", known.party, args.file.display(), path.display()));
    still_missing(&args.file, &people, &all).iter().for_each(|line| ui.say(line));
    Ok(Exit::Done)
}

/// A line for each key: whose it is, and its fingerprint, as `ssh-keygen -l` has it.
fn who_is_who(people: &People) -> Vec<String> {
    let width = people.people.keys().map(String::len).max().unwrap_or(0);
    let line = |person: &Person, key: &sshsig::PublicKey| {
        let roles = if person.roles.is_empty() { "no role".to_owned() } else { person.roles.join(", ") };
        format!("  {:width$}  {}  {} ({})", person.id, key.fingerprint(), person.party, roles)
    };
    people.people.values().flat_map(|person| person.keys.iter().map(move |key| line(person, key))).collect()
}

/// The parties of which nobody has signed the file as it is now.
fn still_missing(file: &Path, people: &People, all: &[SignedText]) -> Vec<String> {
    let good: BTreeSet<String> = all.iter().filter_map(|signed| party_of(signed, people)).collect();
    let parties: BTreeSet<&str> = people.people.values().map(|person| person.party.as_str()).collect();
    let missing = parties.into_iter().filter(|party| !good.contains(*party)).map(|party| {
        let of: Vec<&str> =
            people.people.values().filter(|person| person.party == party).map(|person| person.id.as_str()).collect();
        let first = of.first().copied().unwrap_or("PERSON");
        let file = escape::line(&place::quoted(&file.to_string_lossy()));
        format!(
            "not signed yet by {party} ({})\n  can run: countersign people sign {file} --as {first}",
            of.join(" or ")
        )
    });
    let missing: Vec<String> = missing.collect();
    if missing.is_empty() { vec!["signed by every party of the file".to_owned()] } else { missing }
}

/// The whole new text or the whole old one, whatever happens meanwhile.
fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    write_file(&beside, bytes)?;
    std::fs::rename(&beside, path).map_err(|error| super::decide::io(path, &error))
}

/// The people file, or its findings (exit 3).
pub fn read(file: &Path, text: &str) -> Result<People, CliError> {
    let (people, findings) = people::parse(&file.display().to_string(), text, false);
    people.ok_or_else(|| CliError::findings(findings))
}

/// `F.signatures`.
pub fn signatures_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".signatures");
    PathBuf::from(name)
}

fn signatures(path: &Path) -> Result<Vec<SignedText>, CliError> {
    let text = read_text(path)?;
    let wrong = || {
        CliError::new(
            Exit::Findings,
            "CS0490",
            format!("{} is not a file of signatures", path.display()),
            "sign anew: remove it, then `countersign people sign`",
        )
    };
    let value = json::parse(&text, Form::Object).map_err(|_| wrong())?;
    serde_json::from_value(value["signatures"].clone()).map_err(|_| wrong())
}

/// The bytes of `F.signatures`, after checking that one person of each of `parties` signed exactly this people file.
pub fn signed_by_all(file: &Path, people: &People, parties: &BTreeSet<String>) -> Result<Vec<u8>, CliError> {
    let path = signatures_path(file);
    let all = if path.exists() { signatures(&path)? } else { Vec::new() };
    let good: BTreeSet<String> = all.iter().filter_map(|signed| party_of(signed, people)).collect();
    let missing: Vec<String> = parties.iter().filter(|party| !good.contains(*party)).cloned().collect();
    if missing.is_empty() {
        return std::fs::read(&path).map_err(|error| super::decide::io(&path, &error));
    }
    let person = people.people.values().find(|person| missing.contains(&person.party)).map(|person| person.id.as_str());
    Err(CliError::new(
        Exit::Refused,
        "CS7012",
        format!("{} is not signed (as it is now) by anybody of: {}", file.display(), missing.join(", ")),
        format!(
            "one person of each signs it: countersign people sign {} --as {}",
            file.display(),
            person.unwrap_or("PERSON")
        ),
    ))
}

fn party_of(signed: &SignedText, people: &People) -> Option<String> {
    let statement = Statement::read(&signed.statement).ok()?;
    let Body::People(digest) = &statement.body else { return None };
    let person = people.get(&statement.tail.person)?;
    let key = sshsig::PublicKey::parse(&signed.key).ok()?;
    let fits = *digest == people.digest && person.party == statement.tail.party && person.keys.contains(&key);
    sshsig::verify(&key, &statement.namespace(), signed.statement.as_bytes(), &signed.signature).ok()?;
    fits.then(|| person.party.clone())
}
