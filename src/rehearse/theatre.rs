//! What a rehearsal plays on: the journal, the simulated AWS, the clock and the people, which outlive every
//! process. Processes (seats) come and go; the theatre knows how one begins, and what people do when it stops.

use super::actors::Simulated;
use super::devices::{Devices, session_code};
use super::world::{RehearsalClock, SimulatedPrograms, Wire};
use super::{Played, Tell};
use crate::approval::Decision;
use crate::aws::connector::WireServer;
use crate::aws::{AwsCloud, CodeSource, Config, InProcess};
use crate::base::{Digest, RunId, StepId};
use crate::engine::next::{Stop, StopKind, holds};
use crate::engine::port::{Clock, Random, Store};
use crate::engine::request;
use crate::engine::state::Run;
use crate::journal::{MemoryStore, Seat, Sitter};
use crate::keys::SoftSigner;
use crate::people::{People, Person};
use crate::record::entry::Entry;
use crate::record::fact::WaitFor;
use crate::record::statement::Decides;
use crate::run::{Executor, Parts, RunError, load, open, voice};
use crate::sshsig::KeyKind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The executor of a rehearsal, over the journal `S`.
pub type Actor<S> = Executor<S, AwsCloud, RehearsalClock, Simulated>;

/// Stops in a row that bring a run no further: nobody can help.
const MOST_IDLE_STOPS: u32 = 16;
/// How long people take to read what they approve, and to sit down.
const READING_MS: i64 = 60_000;
const SITTING_MS: i64 = 700;

/// See the module.
pub struct Theatre<R> {
    pub store: MemoryStore,
    pub id: RunId,
    pub wire: Arc<Wire>,
    /// What the SDK talks to: the wire, or what stands before it.
    pub server: Arc<dyn WireServer>,
    pub clock: RehearsalClock,
    pub random: R,
    pub tell: Tell,
    /// Secret parameters, which every process is given anew.
    pub secrets: BTreeMap<String, String>,
    ring: SoftSigner,
    devices: Devices,
    machine: String,
}

/// What people did about a stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Help {
    /// The same seat goes on.
    Same,
    /// This person sits down next (perhaps again, with renewed credentials).
    Sits(String),
    Stuck,
}

/// A seat, and the run as it was when it was taken.
pub struct Seated {
    pub seat: Seat,
    pub run: Run,
}

impl<R: Random + Clone + 'static> Theatre<R> {
    pub fn new(
        store: MemoryStore,
        id: RunId,
        people: &People,
        wire: Arc<Wire>,
        clock: RehearsalClock,
        random: R,
        tell: Tell,
    ) -> Theatre<R> {
        let server: Arc<dyn WireServer> = Arc::<Wire>::clone(&wire);
        let (ring, devices, machine) = (ring(people), Devices::of(people, clock.now()), "0".repeat(32));
        Theatre { store, id, wire, server, clock, random, tell, secrets: BTreeMap::new(), ring, devices, machine }
    }

    /// The keys of everybody.
    pub fn ring(&self) -> &SoftSigner {
        &self.ring
    }

    /// Opens the run through `store` (the journal itself, or what stands before it).
    pub fn open<S: Store>(&self, store: &mut S, opening: open::Opening) -> Result<Seated, RunError> {
        let seat = self.take_seat(1)?;
        let run = open::open(store, &self.clock, &mut self.random.clone(), &self.ring, &self.id, opening)?;
        Ok(Seated { seat, run })
    }

    /// A new process: reads the run, takes the seat, signs on.
    pub fn sit<S: Store>(&self, store: &mut S, people: &[String]) -> Result<Seated, RunError> {
        let run = load::load(store, &self.id, &self.secrets)?;
        self.sit_at(store, run, people)
    }

    /// The same, for a process that has read the run already.
    pub fn sit_at<S: Store>(&self, store: &mut S, mut run: Run, people: &[String]) -> Result<Seated, RunError> {
        let seat = self.take_seat(run.epoch + 1)?;
        self.clock.advance_to(self.clock.now().plus(SITTING_MS));
        let (epoch, random) = (seat.epoch(), &mut self.random.clone());
        open::sit(store, &self.clock, random, &self.ring, &mut run, people, epoch, &self.machine)?;
        Ok(Seated { seat, run })
    }

    fn take_seat(&self, epoch: u64) -> Result<Seat, RunError> {
        let sitter = Sitter { pid: 0, boot: String::new(), machine: self.machine.clone(), now: self.clock.now() };
        self.store.sit(&self.id, epoch, &sitter).map_err(|error| RunError::Bad(error.to_string()))
    }

    /// The executor of a seat.
    pub fn actor<S: Store>(&self, store: S, run: Run, epoch: u64) -> Actor<S> {
        let parts = Parts {
            store,
            cloud: self.cloud(&run),
            clock: self.clock.clone(),
            operator: Simulated::new(std::rc::Rc::clone(&self.tell), Arc::clone(&self.wire), &run, self.clock.now()),
            random: Box::new(self.random.clone()),
            signer: Box::new(self.ring.clone()),
            programs: Box::new(SimulatedPrograms(Arc::clone(&self.wire))),
        };
        Executor::new(parts, run, epoch)
    }

    /// Plays on from a seat to the run's end, or to where no simulated person can help.
    pub async fn play<S: Store>(&self, mut store: S, seated: Seated) -> Result<Played, RunError> {
        let Seated { mut seat, mut run } = seated;
        let (mut idle, mut before) = (0, progress(&run));
        loop {
            let mut actor = self.actor(store, run, seat.epoch());
            let stop = actor.drive().await?;
            (store, run) = (actor.parts.store, actor.run);
            let seen = run.size();
            let help = self.help(&mut store, &mut run, &stop)?;
            for line in store.read_from(&run.id, seen)? {
                Entry::read(&line).into_iter().for_each(|entry| (self.tell)(&run, &entry));
            }
            let now = progress(&run);
            idle = if now == before { idle + 1 } else { 0 };
            before = now;
            match help {
                Help::Same if idle < MOST_IDLE_STOPS => {}
                Help::Sits(person) if idle < MOST_IDLE_STOPS => {
                    drop(seat);
                    Seated { seat, run } = self.sit(&mut store, &[person])?;
                }
                _ => {
                    let (store, wire) = (self.store.clone(), Arc::clone(&self.wire));
                    return Ok(Played { run, store, stop, wire, seats: seat.epoch() });
                }
            }
        }
    }

    /// What simulated people do about a stop.
    pub fn help<S: Store>(&self, store: &mut S, run: &mut Run, stop: &Stop) -> Result<Help, RunError> {
        // In doubt, somebody's credentials may be missing, or somebody's agreement to what was said about it.
        let missing = matches!(stop.what, Some(WaitFor::Session | WaitFor::Approval | WaitFor::Performer));
        if stop.kind != StopKind::Waiting && !(stop.kind == StopKind::InDoubt && missing) {
            return Ok(Help::Stuck);
        }
        Ok(match stop.what {
            Some(WaitFor::Approval) => match self.approve(store, run)? {
                true => Help::Same,
                false => Help::Stuck,
            },
            Some(WaitFor::Time) => {
                let until = stop.until.unwrap_or(self.clock.now().plus(86_400_000));
                self.clock.advance_to(until);
                Help::Same
            }
            // AWS is unwell: a while later the run is resumed.
            Some(WaitFor::Aws) => {
                self.clock.advance_to(self.clock.now().plus(60_000));
                run.signed_on.first().cloned().map_or(Help::Stuck, Help::Sits)
            }
            _ => somebody(run, stop),
        })
    }

    /// Everybody who may approve an open request does; false if nobody could.
    pub fn approve<S: Store>(&self, store: &mut S, run: &mut Run) -> Result<bool, RunError> {
        let live = run.requests.values().filter(|request| request.is_live());
        let open: Vec<u64> = live.map(|request| request.seq).collect();
        let (mut came, mut any) = (BTreeSet::new(), false);
        // Each reads everything that waits for them, once, and then signs one after another.
        while let Some(person) = open.iter().flat_map(|seq| self.lacking(run, *seq)).find(|one| !came.contains(one)) {
            self.clock.advance_to(self.clock.now().plus(READING_MS));
            for seq in &open {
                if self.lacking(run, *seq).contains(&person) {
                    any |= self.signs(store, run, *seq, &person, Decides::Approve)?;
                }
            }
            came.insert(person);
        }
        Ok(any)
    }

    /// The people whose approval the request still lacks, the next one first.
    pub fn lacking(&self, run: &Run, seq: u64) -> Vec<String> {
        let decision = run.requests.get(&seq).map(|request| request::decide(run, request, self.clock.now()));
        match decision {
            Some(Decision::Missing(lacks)) => lacks.iter().flat_map(|lack| lack.people.iter().cloned()).collect(),
            _ => Vec::new(),
        }
    }

    /// One person's decision on a request, through the one door; false if the person holds no role.
    pub fn decide<S: Store>(
        &self,
        store: &mut S,
        run: &mut Run,
        request: u64,
        person: &str,
        decision: Decides,
    ) -> Result<bool, RunError> {
        self.clock.advance_to(self.clock.now().plus(READING_MS));
        self.signs(store, run, request, person, decision)
    }

    fn signs<S: Store>(
        &self,
        store: &mut S,
        run: &mut Run,
        request: u64,
        person: &str,
        decision: Decides,
    ) -> Result<bool, RunError> {
        let Some(role) = voice::deciding_role(run, request, person, self.clock.now()) else { return Ok(false) };
        let body = voice::approval_body(run, request, decision)?;
        let random = &mut self.random.clone();
        let signed = voice::sign(run, random, &self.ring, person, &role, body, "", self.clock.now())?;
        let corroborated = match decision == Decides::Approve && voice::needs_code(run, &signed) {
            true => {
                let statement = Digest::of(signed.statement.as_bytes());
                let found = self.devices.corroborate(&run.people, person, &statement, &self.clock);
                Some(found.map_err(|why| RunError::Bad(format!("{person} has no code: {why}")))?)
            }
            false => None,
        };
        match voice::decide_with(store, &self.clock, run, &signed, corroborated.as_ref()) {
            Ok(_) => Ok(true),
            Err(voice::VoiceError::Run(error)) => Err(error),
            Err(error) => Err(RunError::Bad(format!("{person} could not decide on request {request}: {error}"))),
        }
    }

    /// The AWS room over the simulator, with the credentials of whoever sits here.
    pub fn cloud(&self, run: &Run) -> AwsCloud {
        let time: Arc<dyn crate::aws::VirtualTime> = Arc::new(self.clock.clone());
        let inside = InProcess { server: Arc::clone(&self.server), time, profiles: profiles(run, &self.wire) };
        let (wire, clock) = (Arc::clone(&self.wire), self.clock.clone());
        let codes: CodeSource = Arc::new(move |wanted| {
            let (serial, code) = session_code(&wire, &clock, wanted)?;
            Some((serial, code.into()))
        });
        AwsCloud::new(Config { simulated: true, in_process: Some(inside), codes: Some(codes), ..Config::default() })
    }
}

/// The person that is waited for sits down; who sits there already comes back with what was missing.
fn somebody(run: &Run, stop: &Stop) -> Help {
    let other = stop.people.iter().find(|person| !run.signed_on.contains(person));
    let again = stop.people.iter().find(|person| stop.what == Some(WaitFor::Session) && run.signed_on.contains(person));
    other.or(again).cloned().map_or(Help::Stuck, Help::Sits)
}

/// What counts as getting on.
fn progress(run: &Run) -> u64 {
    let kinds = ["outcome", "verified", "approval", "said", "waited", "stage_entered", "anchor_regained"];
    kinds.iter().filter_map(|kind| run.counts.get(*kind)).sum()
}

/// The rehearsal key of each person, of the kind that the people file names.
fn ring(people: &People) -> SoftSigner {
    let kind = |person: &Person| person.keys.first().map_or(KeyKind::Ed25519, |key| key.kind);
    SoftSigner::rehearsal(people.people.values().map(|person| (person.id.as_str(), kind(person))))
}

/// The access key that a step of this run put into the profile.
fn made(run: &Run, profile: &str) -> Option<String> {
    let delivers = |id: &&StepId| {
        let step = run.plan.step(id);
        step.is_some_and(|step| step.secret_to.get("profile").and_then(|to| to.as_str()) == Some(profile))
    };
    let mut made = run.steps.keys().filter(delivers).map(|id| run.step(id)).filter(|state| state.is_done());
    made.find_map(|state| state.output.pointer("/AccessKey/AccessKeyId")?.as_str().map(str::to_owned))
}

/// Keys by session, as the roles of the people at this seat may use it.
fn profiles(run: &Run, wire: &Wire) -> BTreeMap<String, (String, String, String)> {
    let mut profiles = BTreeMap::new();
    for (id, session) in &run.plan.sessions {
        let mine = session.used_by.is_empty()
            || session.used_by.iter().any(|role| run.signed_on.iter().any(|person| holds(run, person, role)));
        if mine
            && session.through.is_empty()
            && let Some(keys) = wire.keys(id, &session.profile).or_else(|| wire.key(&made(run, &session.profile)?))
        {
            profiles.insert(id.clone(), keys.clone());
            if !session.profile.is_empty() {
                profiles.insert(session.profile.clone(), keys);
            }
        }
    }
    profiles.extend(templated(run, wire));
    // What an earlier process wrote into its credentials file is still there.
    profiles.extend(delivered(run, wire));
    profiles
}

/// The world's profiles whose names fit a session with a profile for each item (`member-${item.id}`).
fn templated(run: &Run, wire: &Wire) -> BTreeMap<String, (String, String, String)> {
    let mut found = BTreeMap::new();
    for session in run.plan.sessions.values().filter(|session| session.profile.contains("${")) {
        let used_by = &session.used_by;
        let mine = used_by.iter().any(|role| run.signed_on.iter().any(|person| holds(run, person, role)));
        let head = session.profile.split("${").next().unwrap_or_default();
        let tail = session.profile.rsplit('}').next().unwrap_or_default();
        let fits = |name: &str| name.len() > head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail);
        if mine || used_by.is_empty() {
            let simulator = wire.simulator();
            let known = simulator.profiles().filter(|(name, _)| fits(name));
            found.extend(
                known.map(|(name, keys)| (name.to_owned(), (keys.access_key, keys.secret_key, keys.session_token))),
            );
        }
    }
    found
}

/// The access keys that steps of this run made and put into a profile.
fn delivered(run: &Run, wire: &Wire) -> BTreeMap<String, (String, String, String)> {
    let mut found = BTreeMap::new();
    for (id, state) in run.steps.iter().filter(|(_, state)| state.is_done()) {
        let profile = run.plan.step(id).and_then(|step| step.secret_to.get("profile")?.as_str().map(str::to_owned));
        let key = state.output.pointer("/AccessKey/AccessKeyId").and_then(serde_json::Value::as_str);
        if let (Some(profile), Some(key)) = (profile, key)
            && let Some(known) = wire.simulator().state().keys.get(key)
        {
            found.insert(profile, (known.id.clone(), known.secret.clone(), known.token.clone()));
        }
    }
    found
}
