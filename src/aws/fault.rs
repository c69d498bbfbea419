//! What an answer, or the lack of one, means. The most careful reading wins: nothing is called
//! "not done" unless AWS said so, or not one byte was sent.
//!
//! Never shows a raw body: it may carry secrets.

use super::endpoint;
use crate::base::Time;
use crate::catalogue::{self, Action, Class};
use crate::engine::port::Fault;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard};

/// The longest message that is kept of AWS's (characters).
const LONGEST_MESSAGE: usize = 1000;

/// A request that could not be made: nothing happened.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault { code: "InvalidRequest".to_owned(), reason: String::new(), message: message.into(), class: Class::NotDone }
}

/// The answer to a change that says nothing usable.
pub(super) fn unreadable(action: &Action, message: &str) -> Fault {
    unknown(action, "UnreadableAnswer", message)
}

/// It is not known what happened: doubt for a change, another try for a read.
fn unknown(action: &Action, code: &str, message: &str) -> Fault {
    let class = if action.mutates { Class::InDoubt } else { Class::Retry };
    Fault { code: code.to_owned(), reason: String::new(), message: message.to_owned(), class }
}

/// Classes what the SDK says of one request.
pub(super) fn of<E>(action: &'static Action, error: SdkError<E, HttpResponse>, seen: &Seen) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match &error {
        SdkError::ServiceError(answer) => service(action, answer.err(), answer.raw()),
        SdkError::ResponseError(answer) => codeless(action, answer.raw().status().as_u16()),
        SdkError::ConstructionFailure(_) => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            invalid(format!("the request could not be built: {why}"))
        }
        _ if !seen.was_sent() => unsent(&error),
        SdkError::TimeoutError(_) => unknown(action, "Timeout", "no answer within the time limit"),
        SdkError::DispatchFailure(_) if never_connected(&error) => Fault {
            code: "ConnectionRefused".to_owned(),
            reason: String::new(),
            message: "no connection could be made; nothing was sent".to_owned(),
            class: Class::Retry,
        },
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            unknown(action, "Timeout", "no answer within the time limit")
        }
        _ => unknown(action, "ConnectionLost", "the connection was lost before the answer"),
    }
}

/// AWS answered with an error.
fn service<E: ProvideErrorMetadata>(action: &'static Action, error: &E, raw: &HttpResponse) -> Fault {
    let status = raw.status().as_u16();
    let Some(code) = error.code() else { return codeless(action, status) };
    let reason = reason(raw);
    let class = match catalogue::classify(action, code, &reason).0 {
        class @ (Class::Retry | Class::SessionExpired) => class,
        _ if status >= 500 => unknown(action, code, "").class,
        class => class,
    };
    let message: String = error.message().unwrap_or_default().chars().take(LONGEST_MESSAGE).collect();
    Fault { code: code.to_owned(), reason, message, class }
}

/// An answer without a code of AWS's: a proxy's page, or half an answer. Only its status can be read.
fn codeless(action: &Action, status: u16) -> Fault {
    match status {
        429 => Fault { class: Class::Retry, ..unknown(action, "Throttling", "too many requests") },
        500.. => unknown(action, "ServerError", &format!("AWS answered with HTTP status {status}")),
        _ => unreadable(action, &format!("the answer could not be read (HTTP status {status})")),
    }
}

/// AWS's `Reason`, which only the JSON protocol has.
fn reason(raw: &HttpResponse) -> String {
    let body = raw.body().bytes().unwrap_or_default();
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return String::new() };
    body.get("Reason").and_then(|reason| reason.as_str()).unwrap_or_default().chars().take(200).collect()
}

/// The request never left this process.
fn unsent(error: &(dyn Error + 'static)) -> Fault {
    if find::<CredentialsError>(error).is_some() {
        return Fault {
            code: "SessionExpired".to_owned(),
            reason: String::new(),
            message: "the credentials could not be read (any more)".to_owned(),
            class: Class::SessionExpired,
        };
    }
    match find::<WrongEndpoint>(error) {
        Some(wrong) => Fault { code: "Endpoint".to_owned(), class: Class::Refused, ..invalid(wrong.0.clone()) },
        None => invalid("the request could not be sent"),
    }
}

/// Whether the connection never stood, so that no byte of the request can have arrived.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    find::<hyper_util::client::legacy::Error>(error).is_some_and(hyper_util::client::legacy::Error::is_connect)
        || find::<std::io::Error>(error).is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The guard of P16 stopped the request at the last moment.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongEndpoint(String);

/// Watches one operation's requests: whether one was sent, where to, and what AWS's headers say.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    service: &'static str,
    simulated: bool,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default)]
struct Notes {
    sent: bool,
    endpoint: String,
    request_id: Option<String>,
    date: Option<String>,
}

impl Seen {
    pub(super) fn new(service: &'static str, simulated: bool) -> Seen {
        Seen { service, simulated, notes: Arc::default() }
    }

    fn was_sent(&self) -> bool {
        self.notes().sent
    }

    /// Scheme and host of the last request.
    pub(super) fn endpoint(&self) -> String {
        self.notes().endpoint.clone()
    }

    /// Whether a file that AWS's answer names may be fetched.
    pub(super) fn may_fetch(&self, url: &str) -> bool {
        endpoint::fetchable(url, &self.endpoint(), self.simulated)
    }

    /// AWS's id of the last answer.
    pub(super) fn request_id(&self) -> Option<String> {
        self.notes().request_id.clone()
    }

    /// AWS's date of the last answer, RFC 3339 seconds.
    pub(super) fn date(&self) -> Option<String> {
        self.notes().date.clone()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Intercept for Seen {
    fn name(&self) -> &'static str {
        "Seen"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let endpoint = endpoint::origin(context.request().uri());
        endpoint::allowed(self.service, &endpoint, self.simulated).map_err(WrongEndpoint)?;
        *self.notes() = Notes { sent: true, endpoint, ..Notes::default() };
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let id = headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id"));
        let date = headers.get("date").and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok());
        let mut notes = self.notes();
        notes.request_id = id.map(|id| id.chars().take(200).collect());
        notes.date = date.map(|date| Time(date.timestamp_millis()).seconds());
        Ok(())
    }
}
