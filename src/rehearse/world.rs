//! The simulated AWS behind the SDK's own connector, on a virtual clock.

use crate::aws::connector::{WireRequest, WireResult, WireServer};
use crate::aws::{self, VirtualTime, Waiters};
use crate::base::{StepId, Time};
use crate::engine::port::{Clock, Fault};
use crate::run::command::{Program, Programs, Ran};
use crate::simulator::{CommandAnswer, Reply, Request, Simulator};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A clock that moves only when somebody waits for it. Clones share it.
#[derive(Clone)]
pub struct RehearsalClock {
    now: Arc<AtomicI64>,
    /// What somebody set the wall clock off by.
    set_off: Arc<AtomicI64>,
    started: i64,
    waiters: Waiters,
}

impl RehearsalClock {
    pub fn at(start: Time) -> RehearsalClock {
        let now = Arc::new(AtomicI64::new(start.0));
        RehearsalClock { now, set_off: Arc::default(), started: start.0, waiters: Waiters::default() }
    }

    /// Somebody sets the machine's wall clock: no time passes.
    pub fn set_off(&self, ms: i64) {
        self.set_off.fetch_add(ms, Ordering::SeqCst);
    }

    pub fn advance_to(&self, time: Time) {
        self.now.fetch_max(time.0 - self.set_off.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

impl Clock for RehearsalClock {
    fn now(&self) -> Time {
        Time(self.now.load(Ordering::SeqCst) + self.set_off.load(Ordering::SeqCst))
    }

    fn mono(&self) -> u64 {
        (self.now.load(Ordering::SeqCst) - self.started).max(0) as u64
    }

    async fn sleep(&self, ms: i64) {
        aws::wait(Arc::new(self.clone()), ms).await;
    }
}

impl VirtualTime for RehearsalClock {
    fn now(&self) -> Time {
        Clock::now(self)
    }

    fn advance(&self, ms: i64) {
        self.now.fetch_add(ms.max(0), Ordering::SeqCst);
    }

    fn waiters(&self) -> &Waiters {
        &self.waiters
    }
}

/// The simulator as a server in this process.
pub struct Wire {
    simulator: Mutex<Simulator>,
    clock: RehearsalClock,
    /// The steps whose commands were run, in order.
    commands: Mutex<Vec<String>>,
    /// This step's next command is run, and ends at its time limit before it says how it went.
    silent: Mutex<Option<String>>,
}

impl Wire {
    pub fn new(simulator: Simulator, clock: RehearsalClock) -> Wire {
        Wire { simulator: Mutex::new(simulator), clock, commands: Mutex::default(), silent: Mutex::default() }
    }

    /// What the world answers to a step's command: for the item, for the step of its stage, for the step.
    pub fn answer(&self, step: &StepId) -> CommandAnswer {
        let simulator = self.simulator();
        let names = [step.to_string(), format!("{}/{}", step.stage, step.step), step.step.clone()];
        let given = names.iter().map(|name| simulator.command(name));
        given.into_iter().find(|answer| *answer != CommandAnswer::default()).unwrap_or_default()
    }

    /// Which steps' commands were run so far.
    pub fn commands(&self) -> Vec<String> {
        held(&self.commands).clone()
    }

    /// As it was when these had been run.
    pub fn remember(&self, commands: Vec<String>) {
        *held(&self.commands) = commands;
    }

    /// Nobody hears how the next command of this step went.
    pub fn silence(&self, step: &str) {
        *held(&self.silent) = Some(step.to_owned());
    }

    pub fn simulator(&self) -> MutexGuard<'_, Simulator> {
        held(&self.simulator)
    }

    /// The keys of the world's profile with the session's name (or its own profile's).
    pub fn keys(&self, session: &str, profile: &str) -> Option<(String, String, String)> {
        let simulator = self.simulator();
        let found = simulator.credentials(profile).or_else(|| simulator.credentials(session))?;
        Some((found.access_key, found.secret_key, found.session_token))
    }

    /// The keys of an access key that was made while the world ran.
    pub fn key(&self, access_key: &str) -> Option<(String, String, String)> {
        let found = self.simulator().credentials_of(access_key)?;
        Some((found.access_key, found.secret_key, found.session_token))
    }

    /// A person settles a fact; what the world does not know is left alone.
    pub fn human(&self, account: &str, fact: &str) {
        let _ = self.simulator().human(account, fact, true);
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl WireServer for Wire {
    fn serve(&self, request: WireRequest) -> WireResult {
        let rest = request.uri.split_once("://").map_or(request.uri.as_str(), |(_, rest)| rest);
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        let mut headers = request.headers;
        // On a socket the HTTP client would add it; the signature covers it.
        if !headers.iter().any(|(name, _)| name == "host") {
            headers.push(("host".to_owned(), host.to_owned()));
        }
        let request = Request { method: request.method, path: path.to_owned(), headers, body: request.body };
        let handled = self.simulator().handle(&request, Clock::now(&self.clock));
        self.result(handled.reply)
    }
}

impl Wire {
    fn result(&self, reply: Reply) -> WireResult {
        match reply {
            Reply::Answer { status, headers, body } => WireResult::Response { status, headers, body },
            Reply::Lost => WireResult::ResponseLost,
            Reply::Refused => WireResult::Refused,
            Reply::Slow { ms, then } => WireResult::Slow { ms: ms.max(0) as u64, then: Box::new(self.result(*then)) },
        }
    }
}

/// Commands are answered by the world; no process is started.
pub struct SimulatedPrograms(pub Arc<Wire>);

impl Programs for SimulatedPrograms {
    fn run(&self, program: Program) -> Pin<Box<dyn Future<Output = Result<Ran, Fault>> + '_>> {
        let step = program.step.to_string();
        let answer = self.0.answer(&program.step);
        held(&self.0.commands).push(step.clone());
        let silent = held(&self.0.silent).take_if(|one| *one == step).is_some();
        let ran = match silent {
            true => Ran { timed_out: true, ..Ran::default() },
            false => Ran { exit: Some(answer.exit), stdout: answer.stdout, ..Ran::default() },
        };
        Box::pin(async move { Ok(ran) })
    }
}
