//! Changes of a running run, as all doors share them: what is proposed and shown, the change file, signing it
//! elsewhere, and bringing it into force when everybody has signed. What may change, `approval::change` says.

use super::decide::write_file;
use super::desk::{answer_name, from_bundle};
use super::export;
use super::kept::Memory;
use super::parts::{self, OsRandom, SystemClock, Who};
use super::place;
use super::ui::{CliError, CliResult, Exit, Style, Ui};
use crate::approval::change::{self as rules, Lacking, Touched};
use crate::base::{Digest, RunId, escape};
use crate::engine::next::Draft;
use crate::engine::port::{Clock, StoreError};
use crate::engine::state::{Run, by_new_key, recovery_of};
use crate::engine::status;
use crate::journal::Journal;
use crate::keys::KeyRing;
use crate::people::People;
use crate::plan::model::Plan;
use crate::record::answer::{self, Answer};
use crate::record::bundle::Bundle;
use crate::record::change::{self, ChangeFile};
use crate::record::fact::{Amended, EndedBy, Fact, PeopleChanged, RequestEnded, SignedText};
use crate::record::statement::{Body, ChangeFields, Statement};
use crate::report::changes::{self, Difference};
use crate::run::{RunError, load, open, voice};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Who signs here, and with which keys.
#[derive(clap::Args, Clone, Debug)]
pub struct Signers {
    /// Who signs; may repeat. The first takes the seat when all have signed
    #[arg(id = "as", long = "as", value_name = "PERSON", env = "COUNTERSIGN_PERSON", value_delimiter = ',')]
    pub people: Vec<String>,
    /// Private key files; without one, ssh-agent is asked
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_KEY", value_delimiter = ',')]
    pub key: Vec<PathBuf>,
    /// Why; it stands in the signed statement
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
}

/// What is to come into force.
pub enum New {
    Runbook { plan: Box<Plan>, touched: Touched },
    People(Box<People>),
}

/// A change of a run, with what it brings.
pub struct Proposal {
    pub fields: ChangeFields,
    pub new: New,
    pub differences: Vec<Difference>,
    pub objects: BTreeMap<Digest, Vec<u8>>,
}

impl Proposal {
    /// A new plan (and runbook) for this run.
    pub fn runbook(run: &Run, plan: Plan, objects: BTreeMap<Digest, Vec<u8>>) -> Result<Proposal, CliError> {
        if run.rollback.is_some() {
            let hint = "go on with it first: countersign rollback";
            return Err(CliError::new(Exit::Refused, "CS7050", "a rollback is under way", hint));
        }
        let touched = rules::amendment(&run.plan, &plan, &run.progress()).map_err(|why| {
            let hint =
                "nothing was signed; what has begun is taken back first (countersign rollback), or goes on as it is";
            CliError::new(Exit::Refused, "CS7050", format!("this amendment can't be made: {why}"), hint)
        })?;
        let fields = ChangeFields { runbook: plan.runbook, plan: plan.digest(), people: run.in_force().people };
        let differences = changes::of_plans(&run.plan, &plan, &touched);
        Ok(Proposal { fields, new: New::Runbook { plan: Box::new(plan), touched }, differences, objects })
    }

    /// Another people file for this run.
    pub fn people(run: &Run, people: People, bytes: Vec<u8>) -> Proposal {
        let force = run.in_force();
        let fields = ChangeFields { runbook: force.runbook, plan: force.plan, people: people.digest };
        let differences = changes::of_people(&run.people, &people);
        let objects = BTreeMap::from([(people.digest, bytes)]);
        Proposal { fields, new: New::People(Box::new(people)), differences, objects }
    }

    /// What the statement names, from objects that came with it.
    fn of(run: &Run, fields: &ChangeFields, objects: &BTreeMap<Digest, Vec<u8>>) -> Result<Proposal, CliError> {
        let wrong = |why: String| CliError::new(Exit::NotVerified, "CS6007", why, "ask for the file again, unchanged");
        let object = |what: &str, digest: &Digest| {
            objects.get(digest).cloned().ok_or_else(|| wrong(format!("the {what} of the change did not come with it")))
        };
        let force = run.in_force();
        if (fields.runbook, fields.plan, fields.people) == (force.runbook, force.plan, force.people) {
            let hint = "nothing was written; `countersign log` says since when";
            return Err(CliError::new(Exit::Refused, "CS7051", "this change is in force already", hint));
        }
        if fields.plan == force.plan {
            let bytes = object("people file", &fields.people)?;
            let people = load::read_people(&bytes, run.opened.mode == crate::record::fact::Mode::Rehearsal);
            return Ok(Proposal::people(run, people.map_err(|error| wrong(error.to_string()))?, bytes));
        }
        let plan = Plan::read(&object("plan", &fields.plan)?).map_err(|error| wrong(error.to_string()))?;
        let mut brought = BTreeMap::new();
        for digest in [fields.runbook, fields.plan].into_iter().chain(plan.files.values().map(|file| file.sha256)) {
            brought.insert(digest, object("runbook or a pinned file", &digest)?);
        }
        Proposal::runbook(run, plan, brought)
    }

    /// The text of what changes, who must sign, and which requests end.
    pub fn words(&self, run: &Run, signed: &BTreeSet<String>, lacks: &[String]) -> String {
        let what = match &self.new {
            New::Runbook { .. } => "amendment",
            New::People(_) => "change of people",
        };
        let mut lines = vec![format!("{what} of run {} ({}):", run.id.short(), escape::line(&run.plan.title))];
        lines.extend(changes::lines(&self.differences).iter().map(|line| escape::line(line)));
        if self.differences.is_empty() {
            lines.push("  no step and nothing else that a run goes by: only the text itself".to_owned());
        }
        let open = run.requests.values().filter(|request| request.is_live()).count();
        if open > 0 {
            lines.push(format!("  ends {}; what is still wanted is asked anew", super::requests::count(open)));
        }
        if let New::Runbook { touched, .. } = &self.new {
            let roles: Vec<String> = touched
                .roles
                .iter()
                .map(|role| {
                    let people: Vec<&str> = run.people.holders(role).map(|person| person.id.as_str()).collect();
                    format!("{role} ({})", if people.is_empty() { "nobody".to_owned() } else { people.join(" or ") })
                })
                .collect();
            lines.push(match roles.is_empty() {
                true => "  must sign: anybody of the people file; it touches no role".to_owned(),
                false => format!("  must sign: {}", roles.join(", ")),
            });
        }
        if !signed.is_empty() {
            lines.push(format!("  signed: {}", signed.iter().cloned().collect::<Vec<_>>().join(", ")));
        }
        lines.extend(lacks.iter().map(|lack| format!("  missing: {}", escape::line(lack))));
        lines.join("\n")
    }

    pub fn json(&self, run: &Run, signed: &BTreeSet<String>, lacks: &[String]) -> Value {
        let roles = match &self.new {
            New::Runbook { touched, .. } => touched.roles.iter().cloned().collect(),
            New::People(_) => Vec::new(),
        };
        json!({
            "run": run.id.as_str(), "differences": changes::as_json(&self.differences), "roles": roles,
            "signed": signed, "missing": lacks, "runbook": self.fields.runbook.hex(),
            "plan": self.fields.plan.hex(), "people": self.fields.people.hex(),
        })
    }

    /// Whose signatures are good, and who is missing; an error names the first that is not good.
    pub fn standing(&self, run: &Run, statements: &[SignedText]) -> Result<(BTreeSet<String>, Vec<String>), CliError> {
        let mut signers = Vec::new();
        let now = SystemClock::new().now().max(run.last_at);
        for text in statements {
            let of: Vec<&People> = match &self.new {
                New::Runbook { .. } => vec![&run.people],
                New::People(new) => vec![&run.people, new],
            };
            let refused =
                |why: String| CliError::new(Exit::Refused, "CS7051", format!("refused: {why}"), "nothing was written");
            let (statement, _, key) = run.change_signed(text, &self.fields, &of).map_err(refused)?;
            if statement.tail.signed_at.since(now) > 120_000 {
                let person = &statement.tail.person;
                return Err(refused(format!("the clock of {person}'s statement is over 2 minutes ahead")));
            }
            signers.push((statement.tail.person, key));
        }
        let people: BTreeSet<String> = signers.iter().map(|(person, _)| person.clone()).collect();
        let lacks = match &self.new {
            New::Runbook { touched, .. } => {
                let holders = |role: &str| {
                    let all: Vec<&str> = run.people.holders(role).map(|person| person.id.as_str()).collect();
                    format!("{role} ({})", if all.is_empty() { "nobody holds it".to_owned() } else { all.join(" or ") })
                };
                rules::unsigned(&touched.roles, &run.people, &people).into_iter().map(holders).collect()
            }
            New::People(new) => rules::people_unsigned(&run.people, new, &run.plan, &by_new_key(&signers, new))
                .into_iter()
                .map(|lacking| lacking_words(run, new, &lacking))
                .collect(),
        };
        Ok((people, lacks))
    }

    /// The entries: every open request ends, and the change comes into force.
    fn drafts(&self, run: &Run, statements: &[SignedText]) -> Vec<Draft> {
        let (why, fact): (EndedBy, Fact) = match &self.new {
            New::Runbook { .. } => {
                let (runbook, plan) = (self.fields.runbook, self.fields.plan);
                (EndedBy::Amended, Amended { runbook, plan, statements: statements.to_vec() }.into())
            }
            New::People(_) => {
                let people = self.fields.people;
                (EndedBy::PeopleChanged, PeopleChanged { people, statements: statements.to_vec() }.into())
            }
        };
        let live = run.requests.values().filter(|request| request.is_live());
        let mut drafts: Vec<Draft> =
            live.map(|request| Draft::new(RequestEnded { request: request.seq, why })).collect();
        let mut change = Draft::new(fact);
        change.objects.extend(self.objects.clone());
        drafts.push(change);
        drafts
    }
}

fn lacking_words(run: &Run, new: &People, lacking: &Lacking) -> String {
    match lacking {
        Lacking::Person(person) => format!("{person}, with a key of the new file"),
        Lacking::Party(party) => {
            let same =
                |one: &&crate::people::Person| one.party == *party && rules::unchanged(&run.people, new, &one.id);
            let all: Vec<&str> = run.people.people.values().filter(same).map(|one| one.id.as_str()).collect();
            let who = if all.is_empty() { "nobody is left".to_owned() } else { all.join(" or ") };
            format!("one person of {party} who stays as they are ({who})")
        }
    }
}

/// Signs the change in the name of each, at the history as it stands.
pub fn sign_all(run: &Run, new: &New, fields: &ChangeFields, who: &Signers) -> Result<Vec<SignedText>, CliError> {
    if who.people.is_empty() {
        return Err(parts::no_person());
    }
    let fresh = match new {
        New::People(people) => Some(people.as_ref()),
        New::Runbook { .. } => None,
    };
    let ring = ring(run, fresh, who)?;
    let mut all: Vec<SignedText> = Vec::new();
    for person in who.people.iter().collect::<BTreeSet<_>>() {
        all.push(sign(run, new, fields, person, &ring, &who.reason)?);
    }
    Ok(all)
}

fn sign(
    run: &Run,
    new: &New,
    fields: &ChangeFields,
    person: &str,
    ring: &KeyRing,
    reason: &str,
) -> Result<SignedText, CliError> {
    let (known, role) = match new {
        New::Runbook { touched, .. } => {
            let known = run.people.get(person).ok_or_else(|| super::decide::unknown(run, person))?;
            let role = known.roles.iter().find(|role| touched.roles.contains(*role)).or(known.roles.first());
            (known, role)
        }
        New::People(people) => {
            let known = people.get(person).or(run.people.get(person));
            let known = known.ok_or_else(|| super::decide::unknown(run, person))?;
            (known, known.roles.first())
        }
    };
    let tail = crate::record::statement::Tail {
        person: person.to_owned(),
        party: known.party.clone(),
        role: role.cloned().unwrap_or_default(),
        nonce: hex::encode(crate::engine::port::Random::bytes(&mut OsRandom, 16)),
        signed_at: crate::engine::request::whole_seconds(SystemClock::new().now()),
        reason: reason.to_owned(),
    };
    let statement = Statement { body: Body::Change(run.head(), fields.clone()), tail };
    let text = voice::checked(&statement).map_err(|error| place::run_error(&error))?;
    let (signature, key) = crate::engine::port::Signer::sign(ring, person, &statement.namespace(), &text)
        .map_err(|error| place::run_error(&error.into()))?;
    Ok(SignedText { statement: text, signature, key })
}

/// Keys of the people in force, and of those who come in.
fn ring(run: &Run, fresh: Option<&People>, who: &Signers) -> Result<KeyRing, CliError> {
    let people = match fresh {
        None => (*run.people).clone(),
        Some(fresh) => {
            // A person of both files signs with a key of the new one.
            let mut all = (*run.people).clone();
            all.people.extend(fresh.people.clone());
            all
        }
    };
    parts::ring(&people, who.key.clone(), run.opened.mode)
}

/// What became of a change that was shown: in force, written to a file, or waiting for more signatures.
pub struct Step<'a> {
    pub run: &'a Run,
    pub proposal: &'a Proposal,
    pub statements: Vec<SignedText>,
}

/// Writes the change file for those who sign elsewhere.
pub fn write_out(journal: &Journal, step: &Step<'_>, path: &Path, ui: &Ui) -> CliResult {
    let mut bundle = export::collect(journal, &step.run.id)?;
    bundle.objects.extend(step.proposal.objects.clone());
    write_change(&ChangeFile { statements: step.statements.clone(), bundle }, path)?;
    let word = escape::line(&place::quoted(&path.to_string_lossy()));
    ui.must_say(&format!("wrote {word}; nothing is in the journal yet"));
    ui.must_say(&format!("there: countersign review {word} --as PERSON, then: countersign approve {word} --as PERSON"));
    ui.must_say(&format!(
        "here, with all their answers: countersign import {word}.PERSON.answer --as {}{}",
        step.statements.first().and_then(person_of).unwrap_or_else(|| "PERSON".to_owned()),
        step.run.whereabouts.journal()
    ));
    Ok(Exit::Done)
}

pub fn write_change(file: &ChangeFile, path: &Path) -> Result<(), CliError> {
    let text = change::write(file).map_err(|error| CliError::new(Exit::Failed, "CS1003", error.to_string(), ""))?;
    write_file(path, text.as_bytes())
}

fn person_of(text: &SignedText) -> Option<String> {
    Statement::read(&text.statement).ok().map(|statement| statement.tail.person)
}

/// Takes the seat and writes the change, if everybody has signed; else says who is missing (exit 4).
pub fn into_force(
    journal: &mut Journal,
    proposal: &Proposal,
    statements: &[SignedText],
    id: &RunId,
    who: &Signers,
    ui: &Ui,
) -> CliResult {
    let mut run = place::open_run(journal, id)?;
    let (signed, lacks) = proposal.standing(&run, statements)?;
    if !lacks.is_empty() || signed.is_empty() {
        ui.must_say("nothing was written: not everybody has signed");
        lacks.iter().for_each(|lack| ui.must_say(&format!("  missing: {}", escape::line(lack))));
        ui.must_say("with -o FILE it goes to those who sign elsewhere; their answers are imported together");
        return Ok(Exit::Waiting);
    }
    let sitter = who.people.first().cloned().ok_or_else(parts::no_person)?;
    if run.people.get(&sitter).is_none() {
        return Err(super::decide::unknown(&run, &sitter));
    }
    let ring = parts::ring(&run.people, keys_of(&run, who)?, run.opened.mode)?;
    let taken = place::sit(journal, id, run.epoch)?;
    let (epoch, clock) = (taken.seat.epoch(), SystemClock::new());
    let sitters = [sitter.clone()];
    open::sit(journal, &clock, &mut OsRandom, &ring, &mut run, &sitters, epoch, &taken.machine)
        .map_err(|error| place::run_error(&error))?;
    loop {
        // What has happened since they signed may bar it: it is decided on the head that it is appended to.
        let again = Proposal::of(&run, &proposal.fields, &proposal.objects)?;
        let (_, lacks) = again.standing(&run, statements)?;
        if let Some(lack) = lacks.first() {
            let message = format!("the change now needs more than was signed: {lack}");
            return Err(CliError::new(Exit::Refused, "CS7051", message, "propose it again"));
        }
        let drafts = again.drafts(&run, statements);
        match voice::append_seat(journal, &clock, &mut run, epoch, drafts) {
            Ok(()) => break,
            Err(RunError::Store(StoreError::Moved)) => run = place::open_run(journal, id)?,
            Err(error) => return Err(place::run_error(&error)),
        }
    }
    let what = match proposal.new {
        New::Runbook { .. } => "the run goes by the new runbook",
        New::People(_) => "the run goes by the new people file",
    };
    let signed = signed.into_iter().collect::<Vec<_>>().join(", ");
    ui.say(&format!("{} {what} (entry {}); signed by {signed}", ui.paint(Style::Good, "ok:"), run.size() - 1));
    ui.say(&format!("go on with: {}", status::resume(&run, &sitter)));
    Ok(Exit::Done)
}

/// Of the key files, those whose person the people file in force has: others signed for who comes in.
fn keys_of(run: &Run, who: &Signers) -> Result<Vec<PathBuf>, CliError> {
    let mine = |path: &&PathBuf| parts::ring(&run.people, vec![(*path).clone()], run.opened.mode).is_ok();
    Ok(who.key.iter().filter(mine).cloned().collect())
}

/// Whether a file is one that others are to sign.
pub fn is_change_file(path: &Path) -> bool {
    use std::io::Read as _;
    let mut start = [0u8; change::START.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *change::START.as_bytes()
}

/// A change file that was read, everything in it verified.
struct Asked {
    run: Run,
    statements: Vec<SignedText>,
    bundle: Bundle,
    what: What,
}

enum What {
    Change(Box<Proposal>),
    /// The run goes on in the copy on this machine.
    Recovery(String),
}

fn read(path: &Path) -> Result<Asked, CliError> {
    let bytes = std::fs::read(path).map_err(|error| super::decide::io(path, &error))?;
    let wrong = |why: String| {
        let shown = escape::line(&path.display().to_string());
        CliError::new(Exit::NotVerified, "CS6007", format!("{shown}: {why}"), "ask for the file again, unchanged")
    };
    let file = change::read(&bytes).map_err(|error| wrong(error.to_string()))?;
    let report = crate::verify::check(&file.bundle, &[], &[]);
    if report.exit() == Exit::NotVerified as u8 {
        return Err(CliError::new(Exit::NotVerified, "CS6003", crate::verify::text(&report), "nothing was signed"));
    }
    let run = place::load_run(&from_bundle(&file.bundle)?, &file.bundle.run)?;
    let first = file.statements.first().map(|one| one.statement.clone()).unwrap_or_default();
    let what = match (Statement::read(&first).map(|statement| statement.body), recovery_of(&first)) {
        (_, Some(machine)) => What::Recovery(machine),
        (Ok(Body::Change(_, fields)), _) => What::Change(Box::new(Proposal::of(&run, &fields, &file.bundle.objects)?)),
        _ => return Err(wrong("its first statement is no change of a run".to_owned())),
    };
    Ok(Asked { run, statements: file.statements, bundle: file.bundle, what })
}

impl Asked {
    fn words(&self) -> Result<String, CliError> {
        match &self.what {
            What::Change(proposal) => {
                let (signed, lacks) = proposal.standing(&self.run, &self.statements)?;
                Ok(proposal.words(&self.run, &signed, &lacks))
            }
            What::Recovery(machine) => {
                let by: Vec<String> = self.statements.iter().filter_map(person_of).collect();
                Ok(super::hand_over::recovery_words(&self.run, machine, &by))
            }
        }
    }
}

/// `review FILE`: what would change, or where the run would go on. Signs nothing.
pub fn review(path: &Path, person: Option<&str>, ui: &Ui) -> CliResult {
    let asked = read(path)?;
    if let Some(person) = person {
        remember(&asked.run, person, ui)?;
    }
    match (&asked.what, ui.json) {
        (What::Change(proposal), true) => {
            let (signed, lacks) = proposal.standing(&asked.run, &asked.statements)?;
            ui.data(&serde_json::to_string_pretty(&proposal.json(&asked.run, &signed, &lacks)).unwrap_or_default());
        }
        (What::Recovery(machine), true) => {
            let value = json!({"run": asked.run.id.as_str(), "recovery": machine, "entries": asked.run.size()});
            ui.data(&serde_json::to_string_pretty(&value).unwrap_or_default());
        }
        (_, false) => ui.data(&asked.words()?),
    }
    ui.say(&format!("everything verified: {} entries", asked.run.size()));
    if let Some(person) = person {
        let word = escape::line(&place::quoted(&path.to_string_lossy()));
        ui.say(&format!("to sign: countersign approve {word} --as {}", escape::line(person)));
    }
    Ok(Exit::Done)
}

/// `approve FILE`: signs it too, into an answer file with everything that is needed to bring it into force.
pub fn approve(path: &Path, who: &Who, reason: &str, output: Option<&Path>, yes: bool, ui: &Ui) -> CliResult {
    let asked = read(path)?;
    let person = who.person()?;
    let mut memory = remember(&asked.run, &person, ui)?;
    ui.must_say(&asked.words()?);
    if ui.interactive && !yes {
        let agreed = dialoguer::Confirm::new().with_prompt("Sign this?").default(false).interact();
        let nobody = |error: dialoguer::Error| {
            CliError::new(Exit::Waiting, "CS4002", error.to_string(), "answer at a terminal, or give --yes")
        };
        if !agreed.map_err(nobody)? {
            return Err(CliError::new(Exit::Waiting, "CS4001", "nothing was signed", ""));
        }
    }
    let key = who.key.iter().cloned().collect();
    let signers = Signers { people: vec![person.clone()], key, reason: reason.to_owned() };
    let (signed, objects) = match &asked.what {
        What::Change(proposal) => {
            let signed = sign_all(&asked.run, &proposal.new, &proposal.fields, &signers)?;
            (signed, proposal.objects.clone())
        }
        What::Recovery(machine) => (super::hand_over::recovery_signed(&asked.run, machine, &signers)?, BTreeMap::new()),
    };
    let mut statements = asked.statements.clone();
    statements.retain(|one| person_of(one).as_deref() != Some(&person));
    statements.extend(signed);
    let out = output.map_or_else(|| answer_name(path, &format!("{person}.answer")), Path::to_path_buf);
    let answers = Answer { run: asked.bundle.run.clone(), statements, objects };
    let text = answer::write(&answers).map_err(|error| CliError::new(Exit::Failed, "CS1003", error.to_string(), ""))?;
    write_file(&out, text.as_bytes())?;
    if let Some(memory) = &mut memory {
        memory.saw(&asked.run)?;
    }
    let word = escape::line(&place::quoted(&out.to_string_lossy()));
    ui.say(&format!(
        "{} {person} signed it; wrote {word}; nothing is in the journal yet",
        ui.paint(Style::Good, "ok:")
    ));
    ui.say(&match &asked.what {
        What::Change(_) => format!("where the journal is: countersign import {word} --as PERSON"),
        What::Recovery(_) => format!("in the copy that goes on: countersign take-over FILE --recovery --words {word}"),
    });
    Ok(Exit::Done)
}

fn remember(run: &Run, person: &str, ui: &Ui) -> Result<Option<Memory>, CliError> {
    let Some(mut memory) = Memory::open(run, person, ui)? else { return Ok(None) };
    memory.look(run, person, ui)?;
    Ok(Some(memory))
}

/// Whether an answer is about a change, and not about requests.
pub fn is_change(answers: &Answer) -> bool {
    answers.statements.iter().any(|one| one.statement.starts_with("countersign change "))
}

/// `import`: the answers of all who signed a change elsewhere, together.
pub fn import(all: &[Answer], journal: &mut Journal, who: &Signers, ui: &Ui) -> CliResult {
    let first = all.first().ok_or_else(parts::no_person)?;
    let (mut statements, mut objects): (Vec<SignedText>, BTreeMap<Digest, Vec<u8>>) = Default::default();
    let mut people = BTreeSet::new();
    for answers in all {
        if answers.run != first.run || !is_change(answers) {
            let hint = "import answers about one change together, and others by themselves";
            return Err(CliError::new(Exit::Usage, "CS2043", "the answers are not about the same change", hint));
        }
        objects.extend(answers.objects.clone());
        for one in &answers.statements {
            if people.insert(person_of(one)) {
                statements.push(one.clone());
            }
        }
    }
    let fields = statements.first().and_then(|one| match Statement::read(&one.statement).ok()?.body {
        Body::Change(_, fields) => Some(fields),
        _ => None,
    });
    let unread = || CliError::new(Exit::Refused, "CS7006", "refused: a statement that can't be read", "");
    let run = place::open_run(journal, &first.run)?;
    place::is_here(&run)?;
    if run.closed.is_some() {
        return Err(CliError::new(Exit::Refused, "CS7007", "the run is closed", ""));
    }
    let proposal = Proposal::of(&run, &fields.ok_or_else(unread)?, &objects)?;
    let (signed, lacks) = proposal.standing(&run, &statements)?;
    ui.must_say(&proposal.words(&run, &signed, &lacks));
    into_force(journal, &proposal, &statements, &first.run, who, ui)
}
