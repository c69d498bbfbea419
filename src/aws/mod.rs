//! AWS, through the SDK: sessions pinned to an identity, calls, and what every answer means.
//!
//! The only room that talks to AWS. Changes go out once; reads are tried again, within AWS's rates.
//! Secrets leave it only to where `secret_to` says. In rehearsal the same code runs against a
//! [`connector::WireServer`] in this process, on a virtual clock, with credentials of the world.

mod account;
mod call;
mod code;
pub mod connector;
mod endpoint;
mod fault;
mod iam;
mod iam_more;
mod iam_root;
mod invoicing;
mod organizations;
mod organizations_more;
mod pace;
mod plain;
mod root;
mod secret;
mod session;
mod shape;
mod sts;
mod whole;
mod xml;

pub use pace::{VirtualTime, Waiters, wait};

use crate::catalogue::action::{Field, Type};
use crate::catalogue::{self, Action, Class};
use crate::engine::port::{Call, Cloud, Fault, Identity, Reply, SessionProblem, SessionWanted};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use call::Wire;
use connector::{InProcessClient, WireServer};
use fault::{Seen, invalid};
use pace::{Clockwork, Paces, Virtual};
use secret::Target;
use serde_json::Value;
use session::Opened;
use shape::With;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// Access key id, secret access key, session token (empty: none).
pub type Keys = (String, String, String);
/// The role of a session that is assumed with MFA.
pub struct MfaWanted<'a> {
    pub session: &'a str,
    /// As the people file has it; empty where nobody at the seat has one.
    pub serial: &'a str,
    /// ARN of whoever assumes the role.
    pub caller: &'a str,
}

/// Gives the device's serial and a code; none where there is no code.
pub type CodeSource = Arc<dyn Fn(&MfaWanted<'_>) -> Option<(String, Zeroizing<String>)> + Send + Sync>;

type Profiles = Mutex<BTreeMap<String, Keys>>;

/// What an [`AwsCloud`] is made with.
#[derive(Default)]
pub struct Config {
    /// Profile by session id, as the operator said (`NAME` or `profile:NAME`); wins over the runbook's.
    pub bindings: BTreeMap<String, String>,
    /// The run is simulated: endpoints of AWS are refused; otherwise all others are.
    pub simulated: bool,
    /// Answers come from this process (rehearsal): no file, no environment, no network.
    pub in_process: Option<InProcess>,
    /// The AWS shared credentials file, for `secret_to = { profile }`; none: where the SDK looks.
    pub credentials_file: Option<PathBuf>,
    /// Where codes for sessions with `mfa` come from.
    pub codes: Option<CodeSource>,
}

/// AWS in this process. Needs `simulated`.
pub struct InProcess {
    pub server: Arc<dyn WireServer>,
    pub time: Arc<dyn VirtualTime>,
    /// Keys by profile name, session id or account id. A session looks for its binding or profile
    /// first; then it is assumed `through` another, if it says so; then come its id and its account.
    pub profiles: BTreeMap<String, Keys>,
}

/// AWS as the engine sees it. Keeps opened sessions; share one per seat.
pub struct AwsCloud {
    bindings: BTreeMap<String, String>,
    simulated: bool,
    /// In-process credentials; none for a cloud that reads the real ones.
    profiles: Option<Profiles>,
    http: Option<SharedHttpClient>,
    clockwork: Clockwork,
    paces: Paces,
    credentials_file: Option<PathBuf>,
    codes: Option<CodeSource>,
    open: Mutex<BTreeMap<SessionWanted, Arc<Opened>>>,
}

impl AwsCloud {
    pub fn new(config: Config) -> AwsCloud {
        let (http, profiles, clockwork) = match config.in_process {
            Some(inside) => {
                let clock = Virtual::new(inside.time);
                let clockwork =
                    Clockwork { time: SharedTimeSource::new(clock.clone()), sleep: SharedAsyncSleep::new(clock) };
                let http = SharedHttpClient::new(InProcessClient::new(inside.server));
                (Some(http), Some(Mutex::new(inside.profiles)), clockwork)
            }
            None => {
                let time = SharedTimeSource::new(SystemTimeSource::new());
                (None, None, Clockwork { time, sleep: SharedAsyncSleep::new(TokioSleep::new()) })
            }
        };
        AwsCloud {
            bindings: config.bindings,
            simulated: config.simulated,
            profiles,
            http,
            clockwork,
            paces: Paces::default(),
            credentials_file: config.credentials_file,
            codes: config.codes,
            open: Mutex::default(),
        }
    }

    /// Whether the endpoints that environment and default profile name fit the run, before anything is opened.
    pub async fn check_endpoints(&self) -> Result<(), String> {
        match &self.profiles {
            Some(_) => Ok(()),
            None => session::check_endpoints(self.simulated).await,
        }
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<SessionWanted, Arc<Opened>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The opened session, opened now if need be (or if its credentials are about to end).
    async fn opened(&self, wanted: &SessionWanted) -> Result<Arc<Opened>, SessionProblem> {
        let now = self.clockwork.time.now();
        let known = self.sessions().get(wanted).filter(|opened| opened.is_fresh(now)).cloned();
        if let Some(opened) = known {
            return Ok(opened);
        }
        let opened = Arc::new(session::open(self, wanted).await?);
        self.sessions().insert(wanted.clone(), Arc::clone(&opened));
        Ok(opened)
    }

    async fn answer(&self, call: &Call, seen: &mut Option<Seen>) -> Result<Value, Fault> {
        let Some(action) = catalogue::find(&call.action) else {
            return Err(invalid(format!("there is no action {}", call.action)));
        };
        let with = With::checked(&call.with, action.parameters)?;
        let target = self.target(action, &call.secret_to)?;
        let opened = self.opened(&call.session).await.map_err(closed)?;
        let service = service(action);
        let watch = Seen::new(service, self.simulated);
        *seen = Some(watch.clone());
        let limit = if call.time_limit_ms > 0 { call.time_limit_ms } else { action.time_limit };
        let tools = (&self.clockwork, &self.paces);
        let wire = Wire::new(action, &opened.sdk, &opened.identity.account, limit, watch, tools);
        let output = call::perform(&wire, with).await.map_err(|fault| hushed(fault, action, &call.with))?;
        self.without_secrets(action, output, target)
    }

    /// Where the secrets of this call go. A change whose secret has no place is refused before it is made.
    fn target(&self, action: &Action, secret_to: &Value) -> Result<Option<Target>, Fault> {
        if !action.outputs.iter().any(holds_secret) || (!action.mutates && secret_to.is_null()) {
            return Ok(None);
        }
        let file = self.credentials_file.clone().or_else(secret::shared_credentials_file);
        secret::prepare(secret_to, file.as_deref(), self.profiles.is_some()).map(Some).map_err(invalid)
    }

    /// Delivers the secrets and takes them out of the answer.
    fn without_secrets(&self, action: &Action, mut output: Value, target: Option<Target>) -> Result<Value, Fault> {
        for field in action.outputs.iter().filter(|field| holds_secret(field)) {
            let Some(record) = output.get_mut(field.name) else { continue };
            let delivered = target.as_ref().map_or(Ok(()), |target| self.deliver(target, record));
            blank(record, field);
            delivered.map_err(|why| Fault {
                code: "SecretNotDelivered".to_owned(),
                reason: String::new(),
                message: format!("{} is done, but {why}; what was made: {record}", action.name),
                class: Class::InDoubt,
            })?;
        }
        Ok(output)
    }

    fn deliver(&self, target: &Target, record: &Value) -> Result<(), String> {
        if let (Target::Memory(Some(name)), Some(profiles)) = (target, &self.profiles) {
            let member = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            let keys = (member("AccessKeyId"), member("SecretAccessKey"), member("SessionToken"));
            profiles.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), keys);
        }
        secret::deliver(target, record)
    }
}

impl Cloud for AwsCloud {
    async fn open(&self, session: &SessionWanted) -> Result<Identity, SessionProblem> {
        self.opened(session).await.map(|opened| opened.identity.clone())
    }

    fn forget(&self, session: &SessionWanted) {
        let mut sessions = self.sessions();
        let mut next = Some(session);
        while let Some(session) = next {
            sessions.remove(session);
            next = session.through.as_deref();
        }
    }

    async fn environment(&self, session: &SessionWanted) -> Result<Vec<(String, String)>, SessionProblem> {
        let opened = self.opened(session).await?;
        session::environment(session, &opened.sdk).await
    }

    async fn call(&self, call: &Call) -> Reply {
        let mut seen = None;
        let result = self.answer(call, &mut seen).await;
        let (request_id, date) = seen.map_or((None, None), |seen| (seen.request_id(), seen.date()));
        Reply { result, request_id, date }
    }
}

fn service(action: &Action) -> &'static str {
    match action.name.split(':').next() {
        Some("organizations" | "countersign") => "organizations",
        Some("iam") => "iam",
        Some("account") => "account",
        Some("invoicing") => "invoicing",
        _ => plain::host(action.name).unwrap_or("sts"),
    }
}

/// The session could not be opened, so nothing was sent.
fn closed(problem: SessionProblem) -> Fault {
    let (code, class) = match &problem {
        SessionProblem::None { .. } | SessionProblem::Expired { .. } => ("SessionExpired", Class::SessionExpired),
        SessionProblem::WrongAccount { .. } => ("WrongAccount", Class::Refused),
        SessionProblem::WrongKind { .. } => ("WrongKind", Class::Refused),
        SessionProblem::Endpoint(_) => ("Endpoint", Class::Refused),
        SessionProblem::Unreachable { .. } => ("ConnectionRefused", Class::Retry),
    };
    Fault { code: code.to_owned(), reason: String::new(), message: problem.to_string(), class }
}

/// AWS likes to quote parameters in its messages; secret ones are taken out.
fn hushed(mut fault: Fault, action: &Action, with: &Value) -> Fault {
    let secrets = action.parameters.iter().filter(|field| field.secret);
    for secret in secrets.filter_map(|field| with.get(field.name)?.as_str()).filter(|secret| !secret.is_empty()) {
        fault.message = fault.message.replace(secret, "***");
    }
    fault
}

fn holds_secret(field: &Field) -> bool {
    fn inside(of: &Type) -> bool {
        match of {
            Type::Record(fields) => fields.iter().any(holds_secret),
            Type::List(inner) => inside(inner),
            _ => false,
        }
    }
    field.secret || inside(&field.of)
}

/// Replaces what is secret in an output by null.
fn blank(value: &mut Value, field: &Field) {
    if field.secret { *value = Value::Null } else { blank_inside(value, &field.of) }
}

fn blank_inside(value: &mut Value, of: &Type) {
    match (of, value) {
        (Type::Record(fields), value) => {
            for field in *fields {
                if let Some(member) = value.get_mut(field.name) {
                    blank(member, field);
                }
            }
        }
        (Type::List(inner), Value::Array(items)) => items.iter_mut().for_each(|item| blank_inside(item, inner)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
