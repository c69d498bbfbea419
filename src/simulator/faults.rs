//! Faults that a world or a test orders: which request, what goes wrong. Counts requests; performs nothing.

use super::wire::{AwsError, Protocol};
use serde::Deserialize;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Carried out; the answer never arrives.
    ResponseLost,
    /// No connection; nothing happened.
    RefusedBefore,
    /// HTTP 500; nothing happened.
    ServerErrorBefore,
    /// HTTP 500; it was carried out.
    ServerErrorAfter,
    Throttled,
    ConcurrentModification,
    SessionExpired,
    AccessDenied,
    /// The answer comes `delay` later.
    Slow,
    /// Reads show the world as it was before the last change, `lasting`.
    StaleReads,
    /// The error of `code` and `reason`, one that the operation has; nothing happened.
    Error,
}

impl FaultKind {
    /// As world files write it.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::ResponseLost => "response_lost",
            FaultKind::RefusedBefore => "refused_before",
            FaultKind::ServerErrorBefore => "server_error_before",
            FaultKind::ServerErrorAfter => "server_error_after",
            FaultKind::Throttled => "throttled",
            FaultKind::ConcurrentModification => "concurrent_modification",
            FaultKind::SessionExpired => "session_expired",
            FaultKind::AccessDenied => "access_denied",
            FaultKind::Slow => "slow",
            FaultKind::StaleReads => "stale_reads",
            FaultKind::Error => "error",
        }
    }

    const ALL: [FaultKind; 11] = [
        FaultKind::ResponseLost,
        FaultKind::RefusedBefore,
        FaultKind::ServerErrorBefore,
        FaultKind::ServerErrorAfter,
        FaultKind::Throttled,
        FaultKind::ConcurrentModification,
        FaultKind::SessionExpired,
        FaultKind::AccessDenied,
        FaultKind::Slow,
        FaultKind::StaleReads,
        FaultKind::Error,
    ];

    /// The names of all.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FaultKind::ALL.iter().map(FaultKind::name)
    }

    /// The fault of that name.
    pub fn named(name: &str) -> Option<FaultKind> {
        FaultKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The error that it answers instead of carrying the request out; none for faults of other kinds.
    pub(super) fn instead(&self, protocol: Protocol) -> Option<AwsError> {
        Some(match self {
            FaultKind::ServerErrorBefore | FaultKind::ServerErrorAfter => server_error(protocol),
            FaultKind::Throttled => super::rates::throttled(protocol),
            FaultKind::ConcurrentModification => {
                let message = "The target of the operation is being modified by a different request. Try again later.";
                match protocol {
                    Protocol::Json => AwsError::json("ConcurrentModificationException", message),
                    Protocol::Iam | Protocol::Sts => AwsError::query(409, "ConcurrentModification", message),
                    // The other services have no such error: they ask to come back later.
                    _ => super::rates::throttled(protocol),
                }
            }
            FaultKind::SessionExpired => super::access::expired(protocol),
            FaultKind::AccessDenied => {
                super::access::denied(protocol, "This request is denied by a fault of the world.")
            }
            _ => return None,
        })
    }
}

/// HTTP 500.
pub(super) fn server_error(protocol: Protocol) -> AwsError {
    let code = match protocol {
        Protocol::Json | Protocol::Quotas => "ServiceException",
        Protocol::Account | Protocol::Invoicing | Protocol::Sso | Protocol::Billing => "InternalServerException",
        Protocol::Iam | Protocol::Sts => "ServiceFailure",
        Protocol::CloudFormation => "InternalFailure",
        Protocol::Ram => "ServerInternalException",
    };
    AwsError { status: 500, ..AwsError::json(code, "The request failed because of an internal error.") }
}

/// How long stale reads last: so many reads, or so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    Reads(u32),
    Ms(i64),
}

/// One ordered fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `organizations:AcceptHandshake`, `organizations:*`, `*`.
    pub on: String,
    /// The first request it strikes, counted from 1 among those that `on` and `account` name.
    pub nth: u64,
    /// How many requests in a row it strikes.
    pub times: u64,
    pub kind: FaultKind,
    /// Only requests by this account; none: by anybody.
    pub account: Option<String>,
    /// Stale reads only.
    pub lasting: Lasting,
    /// `slow` only: milliseconds.
    pub delay: i64,
    /// Stale reads only: the accounts whose reads are stale; empty: everybody's.
    pub readers: Vec<String>,
    /// `error` only: AWS's code, and its reason or empty.
    pub code: String,
    pub reason: String,
}

impl Fault {
    /// A fault on the first request of an operation.
    pub fn first(on: &str, kind: FaultKind) -> Fault {
        Fault {
            on: on.to_owned(),
            nth: 1,
            times: 1,
            kind,
            account: None,
            lasting: Lasting::Ms(5_000),
            delay: 5_000,
            readers: Vec::new(),
            code: String::new(),
            reason: String::new(),
        }
    }
}

/// Faults and how many requests each has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    list: Vec<(Fault, u64)>,
}

impl Faults {
    pub fn new(faults: &[Fault]) -> Faults {
        Faults { list: faults.iter().map(|fault| (fault.clone(), 0)).collect() }
    }

    /// Orders one more; it counts requests from now on.
    pub fn add(&mut self, fault: Fault) {
        self.list.push((fault, 0));
    }

    /// Counts this request and gives the faults that strike it.
    pub fn strike(&mut self, action: &str, account: &str) -> Vec<Fault> {
        let mut striking = Vec::new();
        for (fault, count) in &mut self.list {
            let meant = super::access::matches(&fault.on, action)
                && fault.account.as_ref().is_none_or(|wanted| wanted == account);
            if meant {
                *count += 1;
                if (fault.nth..fault.nth.saturating_add(fault.times)).contains(count) {
                    striking.push(fault.clone());
                }
            }
        }
        striking
    }
}

/// `service:Operation`, either half with wildcards; or `*`.
pub fn is_pattern(text: &str) -> bool {
    let fits =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'*' || b == b'?');
    text == "*"
        || text.split_once(':').is_some_and(|(service, operation)| {
            let known = super::errors::actions().any(|action| action.split(':').next() == Some(service));
            (service == "*" || known) && fits(operation)
        })
}
