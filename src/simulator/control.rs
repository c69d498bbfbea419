//! `/_countersign/...`: what people and tests do with a world over HTTP, besides asking it as AWS.
//! Settles facts, puts the clock forward, changes quotas, orders faults, and gives the table of errors.

use super::faults::{Fault, FaultKind, is_pattern};
use super::wire::Request;
use super::{Handled, LogLine, Reply, Simulator, errors, invoicing, totp};
use crate::base::{Time, duration};
use serde_json::{Value, json};
use std::sync::Arc;

const WAYS: &str = "write POST /_countersign/human, /_countersign/clock, /_countersign/quota or /_countersign/fault, \
                    or GET /_countersign/operations";

impl Simulator {
    pub(super) fn control(&mut self, what: &str, request: &Request) -> Handled {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or("");
        if let Some(file) = what.strip_prefix("invoice/") {
            return self.invoice(file);
        }
        let mut effect = false;
        let result = match (request.method.as_str(), what) {
            ("POST", "human") if !text("reads").is_empty() => {
                self.read_code(text("account"), text("reads")).map(|code| json!({"code": code}))
            }
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

    /// The file of an invoice, under the address that GetInvoicePDF gave: `ID/UNTIL/KEY`.
    fn invoice(&mut self, file: &str) -> Handled {
        let mut parts = file.splitn(3, '/');
        let (id, until, key) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let until = Time(until.parse().unwrap_or(0));
        let good = until > self.now && key == invoicing::file_key(self.settings.seed, id, until);
        let all = self.state.accounts.values().flat_map(|account| &account.inside.invoices);
        let found = all.filter(|invoice| good && invoice.id == id).map(invoicing::pdf).next();
        let log = LogLine::control(self.now, "countersign:invoice", false, found.is_none());
        let (status, kind) = if found.is_some() { (200, "application/pdf") } else { (403, "text/plain") };
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        let reply = Reply::Answer { status, headers, body: found.unwrap_or_default() };
        Handled { reply, log: self.write_log(log) }
    }

    /// What a person reads in a mailbox, hears on the phone, or sees on an MFA device (its serial): a code.
    fn read_code(&self, account: &str, what: &str) -> Result<String, String> {
        let found = self.state.accounts.get(account);
        let inside = &found.ok_or_else(|| format!("there is no account `{account}` in this world"))?.inside;
        let code = match what {
            "email_code" => inside.email_update.as_ref().map(|update| update.code.clone()),
            "phone_code" => Some(inside.phone_code.clone()),
            serial => {
                let device = inside.devices.get(serial);
                device.and_then(|device| totp::code(&device.seed, totp::step(self.now)))
            }
        };
        let none = "there is no such code: name `email_code`, `phone_code` or the serial of a virtual MFA device";
        code.filter(|code| !code.is_empty()).ok_or_else(|| none.to_owned())
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
    let (code, reason) = (text("code").unwrap_or(""), text("reason").unwrap_or(""));
    if kind == FaultKind::Error && !errors::known(on, code, reason) {
        return Err(format!("{on} does not answer with {code} {reason}"));
    }
    let (code, reason) = (code.to_owned(), reason.to_owned());
    Ok(Fault { code, reason, nth: count("nth")?, times: count("times")?, account, ..Fault::first(on, kind) })
}
