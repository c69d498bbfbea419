//! A simulated AWS as one pure state machine: world + request + clock -> world + answer.
//!
//! No IO, no clock, no randomness of its own. The `aws` room's HTTP client asks it in-process, and
//! `countersign simulate` puts it on loopback. Order in which several failed preconditions are
//! reported is not documented by AWS: it is a setting of the world.

pub mod access;
mod account;
mod control;
mod document;
pub mod elsewhere;
pub mod errors;
pub mod faults;
mod iam;
mod invoicing;
mod log;
pub mod organizations;
mod rates;
mod shared;
pub mod signature;
pub mod state;
mod sts;
pub mod totp;
mod wakeup;
mod wire;
mod world;

pub use faults::{Fault, FaultKind, Lasting};
pub use log::LogLine;
pub use state::State;
pub use wire::{AwsError, Reply, Request};
pub use world::{ClockSettings, CommandAnswer, Settings, Timing, World};

use crate::base::Time;
use access::Caller;
use faults::Faults;
use rates::Buckets;
use serde_json::Value;
use state::HandshakeState;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wire::{Asked, Protocol};

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Handled {
    pub reply: Reply,
    pub log: LogLine,
}

/// One operation in hand: the state it works on, who asks, with what.
pub(crate) struct Call<'a> {
    /// What the caller sees; an operation that succeeds leaves it as AWS is afterwards.
    pub state: Arc<State>,
    pub caller: &'a Caller,
    pub now: Time,
    pub input: &'a Value,
    pub settings: &'a Settings,
    /// Scheme and host under which the caller reached the simulator.
    pub origin: &'a str,
    /// Which region the caller asked.
    pub region: &'a str,
}

impl Call<'_> {
    /// The state, to be changed.
    pub fn change(&mut self) -> &mut State {
        Arc::make_mut(&mut self.state)
    }
}

/// How an operation is carried out, and whether it changes AWS.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub writes: bool,
    pub run: fn(&mut Call<'_>) -> Result<Value, AwsError>,
}

/// Reads see the world as it was before some change.
#[derive(Clone, Debug, PartialEq)]
struct Stale {
    before: Arc<State>,
    lasting: Lasting,
    since: Time,
    /// Accounts; empty: everybody.
    readers: Vec<String>,
}

/// A change that readers may not see yet.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    number: u64,
    at: Time,
    writer: String,
    before: Arc<State>,
}

/// Access keys of a principal, as a profile would hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub account: String,
    pub access_key: String,
    pub secret_key: String,
    /// Empty: none.
    pub session_token: String,
    pub expires: Option<Time>,
}

/// The simulated AWS. Cloning it is a snapshot.
#[derive(Clone, Debug)]
pub struct Simulator {
    settings: Settings,
    timing: Timing,
    commands: BTreeMap<String, CommandAnswer>,
    /// Access key ids by profile.
    profiles: BTreeMap<String, String>,
    state: Arc<State>,
    changes: VecDeque<Change>,
    stale: Vec<Stale>,
    faults: Faults,
    buckets: Buckets,
    requests: u64,
    /// Time never goes back, and can be put forward.
    now: Time,
    ahead: i64,
    log: Vec<LogLine>,
}

impl Simulator {
    /// A world at its start; ages in it count back from `now`.
    pub fn new(world: &World, now: Time) -> Simulator {
        let (state, profiles) = wakeup::wake(world, now);
        Simulator {
            settings: world.settings.clone(),
            timing: world.timing,
            commands: world.commands.clone(),
            profiles,
            state: Arc::new(state),
            changes: VecDeque::new(),
            stale: Vec::new(),
            faults: Faults::new(&world.faults),
            buckets: Buckets::default(),
            requests: 0,
            now,
            ahead: 0,
            log: Vec::new(),
        }
    }

    /// Answers one request at `now`. Never panics, whatever the bytes.
    pub fn handle(&mut self, request: &Request, now: Time) -> Handled {
        self.tick(now);
        self.requests += 1;
        if let Some(control) = request.path.strip_prefix("/_countersign/") {
            return self.control(control, request);
        }
        let id = wire::request_id(self.settings.seed, self.requests);
        let asked = match wire::asked(request) {
            Ok(asked) => asked,
            Err(error) => return self.misunderstood(request, error, &id),
        };
        let caller = access::caller(&self.state, request, asked.protocol, self.settings.signatures, self.now);
        let account = caller.as_ref().map_or(String::new(), |caller| caller.account.clone());
        let faults = self.faults.strike(&asked.action(), &account);
        let (result, effect) = match faults.iter().find_map(|fault| before(fault, &asked)) {
            Some(Before::Refused) => {
                let log = self.write_log(LogLine::of(self.now, caller.as_ref().ok(), &asked, false, None, &faults));
                return Handled { reply: Reply::Refused, log };
            }
            Some(Before::Error(error)) => (Err(error), false),
            None => self.perform(&asked, &caller, &faults),
        };
        // An operation that nobody knows is told so, whatever the table says.
        let result = match errors::of(&asked.action()).is_empty() {
            true => result,
            false => result.map_err(|error| errors::listed(&asked.action(), asked.protocol, error)),
        };
        let log = LogLine::of(self.now, caller.as_ref().ok(), &asked, effect, result.as_ref().err(), &faults);
        let reply = wire::answer(asked.protocol, &asked.operation, &result, &id, self.now);
        Handled { reply: after(reply, &asked, &faults, &id, self.now), log: self.write_log(log) }
    }

    /// Carries the operation out: the result, and whether it changed AWS.
    fn perform(
        &mut self,
        asked: &Asked,
        caller: &Result<Caller, AwsError>,
        faults: &[Fault],
    ) -> (Result<Value, AwsError>, bool) {
        let result = self.admit(asked, caller).and_then(|(operation, caller, input)| {
            let view = match operation.writes || asked.protocol == Protocol::Sts {
                true => Arc::clone(&self.state),
                false => self.view(&caller.account, faults),
            };
            let settings = self.settings.clone();
            let (origin, region) = (&asked.origin, &asked.region);
            let mut call = Call { state: view, caller, now: self.now, input, settings: &settings, origin, region };
            let output = (operation.run)(&mut call)?;
            Ok((output, operation.writes.then_some((call.state, caller.account.clone()))))
        });
        match result {
            Err(error) => (Err(error), false),
            Ok((output, None)) => (Ok(output), false),
            Ok((output, Some((state, writer)))) => {
                let effect = !Arc::ptr_eq(&state, &self.state);
                if effect {
                    self.commit(state, writer, asked.protocol != Protocol::Sts, faults);
                }
                (Ok(output), effect && asked.protocol != Protocol::Sts)
            }
        }
    }

    /// All that AWS checks before it looks at the operation itself.
    fn admit<'a>(
        &mut self,
        asked: &'a Asked,
        caller: &'a Result<Caller, AwsError>,
    ) -> Result<(Operation, &'a Caller, &'a Value), AwsError> {
        let operation = match asked.protocol {
            _ if errors::of(&asked.action()).is_empty() => None,
            Protocol::Json => organizations::operation(&asked.operation),
            Protocol::Iam => iam::operation(&asked.operation),
            Protocol::Sts => sts::operation(&asked.operation),
            Protocol::Account => account::operation(&asked.operation),
            Protocol::Invoicing => invoicing::operation(&asked.operation),
            other => elsewhere::operation(other, &asked.operation),
        };
        let Some(operation) = operation else {
            let message = format!("The simulator does not know the operation {}.", asked.operation);
            return Err(match asked.protocol.is_query() {
                false => AwsError::json("UnknownOperationException", message),
                true => AwsError::query(400, "InvalidAction", message),
            });
        };
        let caller = caller.as_ref().map_err(Clone::clone)?;
        let organization = self.state.organization_of(&caller.account).map(|organization| organization.id.clone());
        let action = asked.action();
        if self.settings.throttling && !self.buckets.take(&action, &caller.account, organization.as_deref(), self.now) {
            return Err(rates::throttled(asked.protocol));
        }
        let input = asked.input.as_ref().map_err(Clone::clone)?;
        let resource = match asked.protocol {
            Protocol::Iam => iam::resource(&self.state, caller, input),
            Protocol::Sts => sts::resource(input),
            _ => "*".to_owned(),
        };
        access::authorize(&self.state, caller, asked.protocol, &action, &resource)?;
        Ok((operation, caller, input))
    }

    /// Takes a new state over; readers may see the old one for a while.
    fn commit(&mut self, state: Arc<State>, writer: String, visible: bool, faults: &[Fault]) {
        let before = std::mem::replace(&mut self.state, state);
        if !visible {
            return;
        }
        for fault in faults.iter().filter(|fault| fault.kind == FaultKind::StaleReads) {
            self.stale.push(Stale {
                before: Arc::clone(&before),
                lasting: fault.lasting,
                since: self.now,
                readers: fault.readers.clone(),
            });
        }
        self.changes.push_back(Change { number: self.requests, at: self.now, writer, before });
        // The last change stays: a read with a stale_reads fault looks behind it.
        let lag = self.settings.stale_lag;
        while self.changes.len() > 1 && self.changes.front().is_some_and(|change| self.now.since(change.at) > lag) {
            self.changes.pop_front();
        }
    }

    /// The state as `reader` sees it: behind by its own lag, or by a fault.
    fn view(&mut self, reader: &str, faults: &[Fault]) -> Arc<State> {
        if let Some(fault) = faults.iter().find(|fault| fault.kind == FaultKind::StaleReads)
            && let Some(change) = self.changes.back()
        {
            let lasting = match fault.lasting {
                // This read is the first of them.
                Lasting::Reads(count) => Lasting::Reads(count.max(1)),
                other => other,
            };
            let readers = vec![reader.to_owned()];
            self.stale.push(Stale { before: Arc::clone(&change.before), lasting, since: self.now, readers });
        }
        let now = self.now;
        self.stale.retain(|stale| match stale.lasting {
            Lasting::Reads(left) => left > 0,
            Lasting::Ms(ms) => now.since(stale.since) < ms,
        });
        let meant = |stale: &&mut Stale| stale.readers.is_empty() || stale.readers.iter().any(|one| one == reader);
        if let Some(stale) = self.stale.iter_mut().find(meant) {
            if let Lasting::Reads(left) = &mut stale.lasting {
                *left -= 1;
            }
            return Arc::clone(&stale.before);
        }
        let mut seen = &self.state;
        for change in self.changes.iter().rev() {
            if change.writer == reader || now.since(change.at) >= self.lag(reader, change.number) {
                break;
            }
            seen = &change.before;
        }
        Arc::clone(seen)
    }

    /// How long `reader` does not see a change, drawn from the seed (milliseconds).
    fn lag(&self, reader: &str, change: u64) -> i64 {
        if self.settings.stale_lag <= 0 {
            return 0;
        }
        let drawn = state::scatter(self.settings.seed, &format!("lag {reader} {change}"), state::DIGITS, 12);
        drawn.parse::<i64>().unwrap_or(0) % (self.settings.stale_lag + 1)
    }

    /// Time passes: invitations expire and are forgotten, accounts get ready.
    fn tick(&mut self, now: Time) {
        self.now = self.now.max(now.plus(self.ahead));
        let now = self.now;
        let due = self.state.handshakes.values().any(|h| organizations::overdue(h, now))
            || self.state.creations.values().any(|creation| creation.result.is_none() && creation.due <= now)
            || self.state.accounts.values().any(|account| organizations::closure_due(account, &self.settings, now))
            || self.state.transfers.values().any(|transfer| organizations::transfer_due(transfer, now));
        if !due {
            return;
        }
        let state = Arc::make_mut(&mut self.state);
        let over = |handshake: &state::Handshake| handshake.state.pending() && handshake.expires <= now;
        state.handshakes.change(over, |handshake| {
            handshake.state = HandshakeState::Expired;
            handshake.ended = Some(handshake.expires);
        });
        state.handshakes.retain(|handshake| !organizations::overdue(handshake, now));
        organizations::finish_creations(state, &self.settings, now);
        organizations::finish_closures(state, &self.settings, now);
        organizations::finish_transfers(state, now);
    }

    fn misunderstood(&mut self, request: &Request, error: AwsError, id: &str) -> Handled {
        let operation = request.header("x-amz-target").unwrap_or("unknown").to_owned();
        let protocol = if request.header("x-amz-target").is_some() { Protocol::Json } else { Protocol::Iam };
        let log = LogLine::unknown(self.now, &operation, error.code);
        let reply = wire::answer(protocol, "Unknown", &Err(error), id, self.now);
        Handled { reply, log: self.write_log(log) }
    }

    fn write_log(&mut self, line: LogLine) -> LogLine {
        self.log.push(line.clone());
        line
    }
}

/// What people, tests and the rehearsal do with a world besides asking it as AWS.
impl Simulator {
    /// A copy to go back to.
    pub fn snapshot(&self) -> Simulator {
        self.clone()
    }

    pub fn restore(&mut self, snapshot: &Simulator) {
        self.clone_from(snapshot);
    }

    /// Everything that AWS remembers, as it truly is.
    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn timing(&self) -> Timing {
        self.timing
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The time that the last request saw, at least.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Every request so far.
    pub fn log(&self) -> &[LogLine] {
        &self.log
    }

    /// The requests that changed AWS.
    pub fn effects(&self) -> impl Iterator<Item = &LogLine> {
        self.log.iter().filter(|line| line.effect)
    }

    /// Orders a fault; it counts requests from now on.
    pub fn add_fault(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// No fault strikes any more.
    pub fn forget_faults(&mut self) {
        self.faults = Faults::default();
    }

    /// Profiles of the world, with their keys.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, Credentials)> {
        self.profiles.iter().filter_map(|(profile, key)| Some((profile.as_str(), self.credentials_of(key)?)))
    }

    /// The keys of a profile.
    pub fn credentials(&self, profile: &str) -> Option<Credentials> {
        self.credentials_of(self.profiles.get(profile)?)
    }

    /// The credentials behind an access key, if there is one.
    pub fn credentials_of(&self, access_key: &str) -> Option<Credentials> {
        let key = self.state.keys.get(access_key)?;
        Some(Credentials {
            account: key.account.clone(),
            access_key: key.id.clone(),
            secret_key: key.secret.clone(),
            session_token: key.token.clone(),
            expires: key.expires,
        })
    }

    /// What the world answers to a `command` step: exit 0 and nothing where it says nothing.
    pub fn command(&self, step: &str) -> CommandAnswer {
        self.commands.get(step).cloned().unwrap_or_default()
    }

    /// A person settles (or unsettles) a fact that no API tells: `payment_method`, `phone`,
    /// `agreement`, `support_plan`, `mailbox`, `contact`, `root_mfa`.
    pub fn human(&mut self, account: &str, fact: &str, settled: bool) -> Result<(), String> {
        let state = Arc::make_mut(&mut self.state);
        let Some(found) = state.accounts.get_mut(account) else {
            return Err(format!("there is no account `{account}` in this world"));
        };
        if fact == "reopened" {
            // AWS's support, asked by the owner of a closed account.
            if found.state != "CLOSED" || found.member.is_none() {
                return Err(format!("the account `{account}` is not closed, or it is too late"));
            }
            (found.state, found.closing) = ("ACTIVE".to_owned(), None);
            return Ok(());
        }
        match found.facts.fact(fact) {
            Some(settable) => *settable = settled,
            None => {
                return Err(format!(
                    "`{fact}` is no fact that people settle; it is one of {}",
                    state::FACTS.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// Puts the clock forward by `ms`.
    pub fn put_forward(&mut self, ms: i64) {
        self.ahead = self.ahead.saturating_add(ms.max(0));
        self.tick(self.now.plus(ms.max(0)).plus(-self.ahead));
    }
}

/// What happens instead of the operation.
enum Before {
    Refused,
    Error(AwsError),
}

fn before(fault: &Fault, asked: &Asked) -> Option<Before> {
    match fault.kind {
        FaultKind::Error => errors::ordered(&asked.action(), &fault.code, &fault.reason).map(Before::Error),
        FaultKind::RefusedBefore => Some(Before::Refused),
        FaultKind::ServerErrorAfter => None,
        kind => kind.instead(asked.protocol).map(Before::Error),
    }
}

/// What becomes of the answer on its way.
fn after(reply: Reply, asked: &Asked, faults: &[Fault], id: &str, now: Time) -> Reply {
    let mut reply = reply;
    let has = |kind: FaultKind| faults.iter().find(|fault| fault.kind == kind);
    if has(FaultKind::ServerErrorAfter).is_some() {
        let error = Err(faults::server_error(asked.protocol));
        reply = wire::answer(asked.protocol, &asked.operation, &error, id, now);
    }
    if has(FaultKind::ResponseLost).is_some() {
        reply = Reply::Lost;
    }
    match has(FaultKind::Slow) {
        Some(fault) => Reply::Slow { ms: fault.delay, then: Box::new(reply) },
        None => reply,
    }
}

#[cfg(test)]
mod tests;
