//! One line per request: who asked what, and whether it changed AWS. A test counts effects by it.

use super::access::Caller;
use super::faults::Fault;
use super::wire::{Asked, AwsError};
use crate::base::json::{Form, canonical};
use crate::base::{Time, escape};
use serde_json::json;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub time: Time,
    /// The caller's account; none where its key is not known.
    pub account: Option<String>,
    /// The caller's ARN.
    pub principal: Option<String>,
    /// `organizations:AcceptHandshake`.
    pub operation: String,
    /// AWS is different afterwards.
    pub effect: bool,
    /// AWS's error code, whether or not it reached the caller.
    pub error: Option<String>,
    /// The fault that struck, as world files name it.
    pub fault: Option<&'static str>,
}

impl LogLine {
    pub(super) fn of(
        time: Time,
        caller: Option<&Caller>,
        asked: &Asked,
        effect: bool,
        error: Option<&AwsError>,
        faults: &[Fault],
    ) -> LogLine {
        LogLine {
            time,
            account: caller.map(|caller| caller.account.clone()),
            principal: caller.map(|caller| caller.arn.clone()),
            operation: escape::cut(&asked.action(), 128),
            effect,
            error: error.map(|error| error.code.to_owned()),
            fault: faults.first().map(|fault| fault.kind.name()),
        }
    }

    pub(super) fn unknown(time: Time, operation: &str, error: &str) -> LogLine {
        LogLine {
            time,
            account: None,
            principal: None,
            operation: escape::cut(operation, 128),
            effect: false,
            error: Some(error.to_owned()),
            fault: None,
        }
    }

    pub(super) fn control(time: Time, operation: &str, effect: bool, failed: bool) -> LogLine {
        let error = failed.then(|| "BadRequest".to_owned());
        LogLine { effect, error, ..LogLine::unknown(time, operation, "") }
    }

    /// Canonical JSON, without a line feed.
    pub fn line(&self) -> String {
        let value = json!({
            "time": self.time.millis(), "account": self.account, "principal": self.principal,
            "operation": self.operation, "effect": self.effect, "error": self.error, "fault": self.fault,
        });
        // All members are short texts, so a canonical form exists.
        canonical(&value, Form::Line).unwrap_or_default()
    }
}
