//! Plays a runbook on the simulated AWS: the product's own engine and AWS code, simulated people with
//! throw-away keys, a virtual clock. Starts no process, reads no credentials, opens no connection.

pub mod people;
pub mod world;

use crate::approval::Decision;
use crate::aws::{AwsCloud, Config, InProcess};
use crate::base::RunId;
use crate::engine::next::{Prompt, PromptKind, Stop, StopKind};
use crate::engine::port::{Clock, Random, Store};
use crate::engine::request;
use crate::engine::state::Run;
use crate::journal::MemoryStore;
use crate::journal::{Seat, Sitter};
use crate::keys::SoftSigner;
use crate::operator::{Answer, EvidenceFile, Operator, Patience, TaskAnswer};
use crate::plan::model::{AskField, Evidence, Plan};
use crate::record::entry::Entry;
use crate::record::fact::WaitFor;
use crate::record::statement::Decides;
use crate::run::{Executor, Parts, RunError, open, voice};
use crate::sshsig::KeyKind;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use world::{RehearsalClock, SimulatedPrograms, Wire};

/// How a rehearsal ended.
pub struct Played {
    pub run: Run,
    pub store: MemoryStore,
    pub stop: Stop,
    pub wire: Arc<Wire>,
    /// How often somebody else sat down.
    pub seats: u64,
}

/// What a rehearsal is told, entry by entry.
pub type Tell = Rc<dyn Fn(&Run, &Entry)>;

/// More stops than any runbook needs: something goes in circles.
const MOST_STOPS: u64 = 100_000;

/// Plays one run to its end, or to where no simulated person can help.
pub async fn play(
    mut store: MemoryStore,
    id: RunId,
    opening: open::Opening,
    wire: Arc<Wire>,
    clock: RehearsalClock,
    mut random: impl Random + Clone + 'static,
    tell: Tell,
) -> Result<Played, RunError> {
    let ring = signer(&opening.basis.people);
    let machine = opening.machine.clone();
    let mut seat = sit(&store, &id, &clock, 1)?;
    let mut run = open::open(&mut store, &clock, &mut random, &ring, &id, opening)?;
    let mut epoch = 1;
    for _ in 0..MOST_STOPS {
        let parts = Parts {
            store,
            cloud: cloud(&run, &wire, &clock),
            clock: clock.clone(),
            operator: Simulated { tell: Rc::clone(&tell), wire: Arc::clone(&wire), plan: run.plan.clone() },
            random: Box::new(random.clone()),
            signer: Box::new(ring.clone()),
            programs: Box::new(SimulatedPrograms(Arc::clone(&wire))),
        };
        let mut executor = Executor::new(parts, run, epoch);
        let stop = executor.drive().await?;
        store = executor.parts.store;
        run = executor.run;
        let seen = run.size();
        let help = helped(&mut store, &mut run, &stop, &clock, &mut random, &ring)?;
        for line in store.read_from(&run.id, seen)? {
            Entry::read(&line).into_iter().for_each(|entry| tell(&run, &entry));
        }
        let next = match help {
            Helped::Stuck => return Ok(Played { run, store, stop, wire, seats: epoch }),
            Helped::Same => None,
            Helped::Sits(person) => Some(person),
        };
        if let Some(person) = next {
            drop(seat);
            seat = sit(&store, &run.id, &clock, epoch + 1)?;
            epoch = seat.epoch();
            open::sit(&mut store, &clock, &mut random, &ring, &mut run, &[person], epoch, &machine)?;
        }
    }
    Err(RunError::Bad("the rehearsal goes in circles".to_owned()))
}

fn sit(store: &MemoryStore, run: &RunId, clock: &RehearsalClock, epoch: u64) -> Result<Seat, RunError> {
    let sitter = Sitter { pid: 0, boot: String::new(), machine: "0".repeat(32), now: clock.now() };
    store.sit(run, epoch, &sitter).map_err(|error| RunError::Bad(error.to_string()))
}

/// The rehearsal key of each person, of the kind that the people file names.
fn signer(people: &crate::people::People) -> SoftSigner {
    let kind = |person: &crate::people::Person| person.keys.first().map_or(KeyKind::Ed25519, |key| key.kind);
    SoftSigner::rehearsal(people.people.values().map(|person| (person.id.as_str(), kind(person))))
}

enum Helped {
    /// The same seat goes on.
    Same,
    /// This person sits down next.
    Sits(String),
    Stuck,
}

/// What simulated people do about a stop.
fn helped<S: Store>(
    store: &mut S,
    run: &mut Run,
    stop: &Stop,
    clock: &RehearsalClock,
    random: &mut dyn Random,
    ring: &SoftSigner,
) -> Result<Helped, RunError> {
    if stop.kind == StopKind::InDoubt && stop.what == Some(WaitFor::Session) {
        return Ok(somebody_else(run, stop));
    }
    if stop.kind != StopKind::Waiting {
        return Ok(Helped::Stuck);
    }
    Ok(match stop.what {
        Some(WaitFor::Approval) => {
            if approve(store, run, clock, random, ring)? {
                Helped::Same
            } else {
                Helped::Stuck
            }
        }
        Some(WaitFor::Time) => {
            let until = stop.until.unwrap_or(clock.now().plus(86_400_000));
            clock.advance_to(until);
            Helped::Same
        }
        Some(WaitFor::Aws) => {
            clock.advance_to(clock.now().plus(60_000));
            Helped::Stuck
        }
        _ => somebody_else(run, stop),
    })
}

fn somebody_else(run: &Run, stop: &Stop) -> Helped {
    match stop.people.iter().find(|person| !run.signed_on.contains(person)) {
        Some(person) => Helped::Sits(person.clone()),
        None => Helped::Stuck,
    }
}

/// Everybody who may approve an open request does; false if nobody could.
fn approve<S: Store>(
    store: &mut S,
    run: &mut Run,
    clock: &RehearsalClock,
    random: &mut dyn Random,
    ring: &SoftSigner,
) -> Result<bool, RunError> {
    let open: Vec<u64> = run.requests.values().filter(|request| request.is_live()).map(|request| request.seq).collect();
    let mut any = false;
    for seq in open {
        while let Some(request) = run.requests.get(&seq) {
            let Decision::Missing(lacks) = request::decide(run, request, clock.now()) else { break };
            let Some(person) = lacks.iter().flat_map(|lack| lack.people.iter()).next().cloned() else { break };
            // People take their time: a minute to read.
            clock.advance_to(clock.now().plus(60_000));
            let Some(role) = voice::deciding_role(run, seq, &person, clock.now()) else { break };
            let body = voice::approval_body(run, seq, Decides::Approve)?;
            let signed = voice::sign(run, random, ring, &person, &role, body, "", clock.now())?;
            match voice::decide(store, clock, run, &signed) {
                Ok(_) => any = true,
                Err(voice::VoiceError::Run(error)) => return Err(error),
                Err(error) => return Err(RunError::Bad(format!("{person} could not approve request {seq}: {error}"))),
            }
        }
    }
    Ok(any)
}

/// The AWS room over the simulator, with the credentials of whoever sits here.
fn cloud(run: &Run, wire: &Arc<Wire>, clock: &RehearsalClock) -> AwsCloud {
    let server: Arc<dyn crate::aws::connector::WireServer> = Arc::<Wire>::clone(wire);
    let time: Arc<dyn crate::aws::VirtualTime> = Arc::new(clock.clone());
    let inside = InProcess { server, time, profiles: profiles(run, wire) };
    AwsCloud::new(Config { simulated: true, in_process: Some(inside), ..Config::default() })
}

/// Keys by session, as the roles of the people at this seat may use it.
fn profiles(run: &Run, wire: &Wire) -> BTreeMap<String, (String, String, String)> {
    let mut profiles = BTreeMap::new();
    for (id, session) in &run.plan.sessions {
        let mine = session.used_by.is_empty()
            || session
                .used_by
                .iter()
                .any(|role| run.signed_on.iter().any(|person| crate::engine::next::holds(run, person, role)));
        if mine
            && session.through.is_empty()
            && let Some(keys) = wire.keys(id, &session.profile)
        {
            profiles.insert(id.clone(), keys.clone());
            if !session.profile.is_empty() {
                profiles.insert(session.profile.clone(), keys);
            }
        }
    }
    profiles
}

/// Simulated people at the seat: they agree, with `example` values, and do what a task settles.
struct Simulated {
    tell: Tell,
    wire: Arc<Wire>,
    plan: Arc<Plan>,
}

impl Simulated {
    fn settle(&mut self, prompt: &Prompt, facts: &[String]) {
        let account = self.account_of(prompt);
        for fact in facts {
            self.wire.human(&account, fact);
        }
    }

    /// The account that a task is about: the item's `id`, or its key.
    fn account_of(&self, prompt: &Prompt) -> String {
        let Ok(id) = prompt.at.parse::<crate::base::StepId>() else { return String::new() };
        let items = self.plan.stage(&id.stage).and_then(|stage| stage.items.clone()).unwrap_or_default();
        let item = items.into_iter().find(|item| Some(&item.key) == id.item.as_ref());
        let named = item.and_then(|item| item.value.get("id").and_then(Value::as_str).map(str::to_owned));
        named.or(id.item).unwrap_or_default()
    }
}

impl Operator for Simulated {
    fn confirm(&mut self, _: &Prompt, _: &str) -> Answer<()> {
        Answer::Given(())
    }

    fn go_on(&mut self, _: &Prompt) -> Answer<()> {
        Answer::Given(())
    }

    fn task(&mut self, prompt: &Prompt, _: &str, evidence: &[Evidence]) -> Answer<TaskAnswer> {
        if let PromptKind::Task { settles, .. } = &prompt.kind {
            self.settle(prompt, settles);
        }
        let mut answer = TaskAnswer::default();
        for item in evidence {
            if item.r#type == "file" {
                let name = item.example.as_str().unwrap_or("example.txt").to_owned();
                let bytes = format!("simulated evidence: {}", item.name).into_bytes();
                let media_type = "text/plain".to_owned();
                answer.files.push(EvidenceFile { field: item.name.clone(), name, media_type, bytes });
            } else {
                answer.evidence.insert(item.name.clone(), example(&item.example, &item.r#type, &[]));
            }
        }
        Answer::Given(answer)
    }

    fn ask(&mut self, _: &Prompt, fields: &[AskField]) -> Answer<Map<String, Value>> {
        let answers =
            fields.iter().map(|field| (field.name.clone(), example(&field.example, &field.r#type, &field.choices)));
        Answer::Given(answers.collect())
    }

    fn tell(&mut self, run: &Run, entry: &Entry) {
        (self.tell)(run, entry);
    }

    fn waiting(&mut self, _: &Run, _: &Stop) {}

    fn patience(&self) -> Patience {
        Patience::Short(i64::MAX)
    }
}

/// The example value, else a plain one of its type.
fn example(given: &Value, of: &str, choices: &[String]) -> Value {
    if !given.is_null() {
        return given.clone();
    }
    match of {
        "integer" => Value::from(1),
        "boolean" => Value::Bool(true),
        "account_id" => Value::from("111122223333"),
        "email" => Value::from("someone@example.com"),
        "duration" => Value::from("1h"),
        "date_time" => Value::from("2026-01-01T00:00:00Z"),
        _ => Value::from(choices.first().cloned().unwrap_or_else(|| "example".to_owned())),
    }
}
