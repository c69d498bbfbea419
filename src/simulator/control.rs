//! `/_countersign/...`: what people and tests do with a world over HTTP, besides asking it as AWS.
//! Settles facts, puts the clock forward, changes quotas, orders faults, and gives the table of errors.

use super::faults::{Fault, FaultKind, is_pattern};
use super::wire::Request;
use super::{Handled, LogLine, Reply, Simulator, errors};
use crate::base::duration;
use serde_json::{Value, json};
use std::sync::Arc;

const WAYS: &str = "write POST /_countersign/human, /_countersign/clock, /_countersign/quota or /_countersign/fault, \
                    or GET /_countersign/operations";

impl Simulator {
    pub(super) fn control(&mut self, what: &str, request: &Request) -> Handled {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or("");
        let mut effect = false;
        let result = match (request.method.as_str(), what) {
            ("POST", "human") => {
                let settled = body.get("settled").and_then(Value::as_bool).unwrap_or(true);
                let settling = self.human(text("account"), text("fact"), settled);
                effect = settling.is_ok();
                settling.map(|()| self.told())
            }
            ("POST", "clock") => duration::parse(text("advance")).map(|ms| {
                self.put_forward(ms);
                self.told()
            }),
            ("POST", "quota") => {
                let setting = self.quota(text("organization"), body.get("accounts").and_then(Value::as_u64));
                effect = setting.is_ok();
                setting.map(|()| self.told())
            }
            ("POST", "fault") => fault(&body).map(|fault| {
                self.add_fault(fault);
                self.told()
            }),
            ("GET", "operations") => Ok(errors::shown()),
            _ => Err(WAYS.to_owned()),
        };
        let (status, answer) = match &result {
            Ok(answer) => (200, answer.clone()),
            Err(message) => (400, json!({"message": message})),
        };
        let log = LogLine::control(self.now, &format!("countersign:{what}"), effect, result.is_err());
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let reply = Reply::Answer { status, headers, body: answer.to_string().into_bytes() };
        Handled { reply, log: self.write_log(log) }
    }

    /// What AWS's support changes when it is asked: how many accounts an organization may have.
    fn quota(&mut self, organization: &str, accounts: Option<u64>) -> Result<(), String> {
        let accounts = accounts.and_then(|count| usize::try_from(count).ok());
        let found = Arc::make_mut(&mut self.state).organizations.get_mut(organization);
        let found = found.ok_or_else(|| format!("there is no organization `{organization}` in this world"))?;
        found.account_quota = accounts.ok_or("accounts is a number")?;
        Ok(())
    }

    fn told(&self) -> Value {
        json!({"now": self.now.millis()})
    }
}

/// A fault as JSON: `on`, `kind`, and `nth`, `times` (1), `account` as world files have them.
fn fault(body: &Value) -> Result<Fault, String> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let count = |name: &str| match body.get(name) {
        None => Ok(1),
        Some(value) => value.as_u64().filter(|count| *count > 0).ok_or(format!("{name} is a number from 1")),
    };
    let on = text("on").filter(|on| is_pattern(on)).ok_or("on names an operation, `organizations:AcceptHandshake`")?;
    let kind = text("kind").and_then(FaultKind::named).ok_or("kind is one of those in runbooks/worlds/README.md")?;
    let account = text("account").map(str::to_owned);
    Ok(Fault { nth: count("nth")?, times: count("times")?, account, ..Fault::first(on, kind) })
}
