//! The one text form of each statement: writing it, and reading nothing else.

use super::fact::Mode;
use super::statement::{
    ApprovalFields, Body, BreakGlassFields, ChangeFields, Decides, Head, MAX_STATEMENT, MAX_SUMMARY, SaidFields,
    SaidWhat, SignOnFields, Statement, StatementError, Tail,
};
use super::tree::parse_root;
use crate::base::{Digest, RunId, Time};
use std::fmt::Write as _;

/// The statement's text: first line, then `key: value` lines in their fixed order.
pub(super) fn write(statement: &Statement) -> String {
    let mut out = Writer(format!("countersign {} v1\n", statement.kind()));
    match &statement.body {
        Body::People(digest) => out.put("people", &digest.tagged()),
        Body::Approval(head, fields) => {
            out.head(head);
            out.approval(fields);
        }
        Body::SignOn(head, fields) => {
            out.head(head);
            out.put("epoch", &fields.epoch.to_string());
            out.put("machine", &fields.machine);
        }
        Body::Said(head, fields) => {
            out.head(head);
            out.put("what", fields.what.name());
            out.put("covers", &fields.covers);
            out.put("attempt", &fields.attempt.to_string());
            out.put("object", &fields.object.map_or(String::new(), |digest| digest.tagged()));
        }
        Body::Change(head, fields) => {
            out.head(head);
            out.put("new-runbook", &fields.runbook.tagged());
            out.put("new-plan", &fields.plan.tagged());
            out.put("new-people", &fields.people.tagged());
        }
        Body::HandOver(head, to) | Body::Decline(head, to) => {
            out.head(head);
            out.put("to", to);
        }
        Body::BreakGlass(head, fields) => {
            out.head(head);
            out.put("covers", &fields.covers);
            out.put("operations", &fields.operations.tagged());
            out.put("attempt", &fields.attempt.to_string());
        }
        Body::Witness(head, result) => {
            out.head(head);
            out.put("result", result);
        }
    }
    out.tail(&statement.tail);
    out.0
}

/// Reads a statement: only the text that [`write`] would write is accepted.
pub(super) fn read(text: &str) -> Result<Statement, StatementError> {
    let wrong = |line: usize, message: &str| StatementError { line, message: message.to_owned() };
    if text.len() > MAX_STATEMENT {
        return Err(wrong(1, "it is longer than 4096 bytes"));
    }
    let Some(body) = text.strip_suffix('\n') else {
        return Err(wrong(text.lines().count().max(1), "the line feed at the end is missing"));
    };
    let mut fields = Fields { lines: body.split('\n'), line: 0 };
    let kind = fields.first()?.to_owned();
    let body = read_body(&kind, &mut fields)?;
    let statement = Statement { body, tail: read_tail(&mut fields)? };
    if fields.lines.next().is_some() {
        return Err(wrong(fields.line + 1, "nothing may follow here"));
    }
    // Each field is read strictly; this makes sure that no two texts read as one statement.
    if write(&statement) == text { Ok(statement) } else { Err(wrong(1, "it is not in its one canonical form")) }
}

fn read_body(kind: &str, fields: &mut Fields<'_>) -> Result<Body, StatementError> {
    if kind == "people" {
        return Ok(Body::People(fields.digest("people")?));
    }
    if !Statement::KINDS.contains(&kind) {
        return Err(fields.wrong(&format!("there is no statement of type `{kind}`")));
    }
    let head = read_head(fields)?;
    Ok(match kind {
        "approval" => Body::Approval(head, read_approval(fields)?),
        "sign-on" => {
            Body::SignOn(head, SignOnFields { epoch: fields.number("epoch")?, machine: fields.text("machine")? })
        }
        "said" => Body::Said(
            head,
            SaidFields {
                what: fields.read("what", "what is said", SaidWhat::from_name)?,
                covers: fields.text("covers")?,
                attempt: fields.small("attempt")?,
                object: fields.read("object", "a sha256: digest, or empty", |text| match text {
                    "" => Some(None),
                    text => Digest::parse_tagged(text).map(Some),
                })?,
            },
        ),
        "change" => Body::Change(
            head,
            ChangeFields {
                runbook: fields.digest("new-runbook")?,
                plan: fields.digest("new-plan")?,
                people: fields.digest("new-people")?,
            },
        ),
        "hand-over" => Body::HandOver(head, fields.text("to")?),
        "decline" => Body::Decline(head, fields.text("to")?),
        "break-glass" => Body::BreakGlass(
            head,
            BreakGlassFields {
                covers: fields.text("covers")?,
                operations: fields.digest("operations")?,
                attempt: fields.small("attempt")?,
            },
        ),
        _ => Body::Witness(head, fields.text("result")?),
    })
}

fn read_head(fields: &mut Fields<'_>) -> Result<Head, StatementError> {
    Ok(Head {
        run: fields.read("run", "32 hex digits", RunId::parse)?,
        mode: fields.read("mode", "live, simulated or rehearsal", Mode::from_name)?,
        size: fields.number("size")?,
        root: fields.read("root", "a root in base64", |text| parse_root(text).map(|_| text.to_owned()))?,
        runbook: fields.digest("runbook")?,
        plan: fields.digest("plan")?,
        people: fields.digest("people")?,
    })
}

fn read_approval(fields: &mut Fields<'_>) -> Result<ApprovalFields, StatementError> {
    Ok(ApprovalFields {
        decision: fields.read("decision", "approve, deny or revoke", Decides::from_name)?,
        request: fields.number("request")?,
        request_leaf: fields.digest("request-leaf")?,
        covers: fields.text("covers")?,
        operations: fields.digest("operations")?,
        attempt: fields.small("attempt")?,
        performer: fields.text("performer")?,
        summary: fields.read("summary", "at most 400 characters", |text| {
            let text = unescape(text)?;
            (text.chars().count() <= MAX_SUMMARY).then_some(text)
        })?,
        again: fields.read("again", "numbers with one space between, or empty", |text| match text {
            "" => Some(Vec::new()),
            text => text.split(' ').map(decimal).collect(),
        })?,
        approve_by: fields.time("approve-by")?,
        run_by: fields.time("run-by")?,
    })
}

fn read_tail(fields: &mut Fields<'_>) -> Result<Tail, StatementError> {
    Ok(Tail {
        person: fields.text("person")?,
        party: fields.text("party")?,
        role: fields.text("role")?,
        nonce: fields.read("nonce", "32 hex digits", |text| RunId::parse(text).map(|_| text.to_owned()))?,
        signed_at: fields.time("signed-at")?,
        reason: fields.text("reason")?,
    })
}

struct Writer(String);

impl Writer {
    fn put(&mut self, key: &str, value: &str) {
        self.0.push_str(key);
        self.0.push_str(": ");
        escape_into(&mut self.0, value);
        self.0.push('\n');
    }

    fn head(&mut self, head: &Head) {
        self.put("run", head.run.as_str());
        self.put("mode", head.mode.name());
        self.put("size", &head.size.to_string());
        self.put("root", &head.root);
        self.put("runbook", &head.runbook.tagged());
        self.put("plan", &head.plan.tagged());
        self.put("people", &head.people.tagged());
    }

    fn approval(&mut self, fields: &ApprovalFields) {
        self.put("decision", fields.decision.name());
        self.put("request", &fields.request.to_string());
        self.put("request-leaf", &fields.request_leaf.tagged());
        self.put("covers", &fields.covers);
        self.put("operations", &fields.operations.tagged());
        self.put("attempt", &fields.attempt.to_string());
        self.put("performer", &fields.performer);
        self.put("summary", &fields.summary);
        let again: Vec<String> = fields.again.iter().map(u64::to_string).collect();
        self.put("again", &again.join(" "));
        self.put("approve-by", &fields.approve_by.seconds());
        self.put("run-by", &fields.run_by.seconds());
    }

    fn tail(&mut self, tail: &Tail) {
        self.put("person", &tail.person);
        self.put("party", &tail.party);
        self.put("role", &tail.role);
        self.put("nonce", &tail.nonce);
        self.put("signed-at", &tail.signed_at.seconds());
        self.put("reason", &tail.reason);
    }
}

/// The lines that are left, and the number of the one read last.
struct Fields<'a> {
    lines: std::str::Split<'a, char>,
    line: usize,
}

impl<'a> Fields<'a> {
    fn wrong(&self, message: &str) -> StatementError {
        StatementError { line: self.line.max(1), message: message.to_owned() }
    }

    /// The type, from `countersign <type> v1`.
    fn first(&mut self) -> Result<&'a str, StatementError> {
        self.line = 1;
        let line = self.lines.next().unwrap_or("");
        line.strip_prefix("countersign ")
            .and_then(|rest| rest.strip_suffix(" v1"))
            .ok_or_else(|| self.wrong("the first line must be `countersign <type> v1`"))
    }

    /// The raw value of the next line, whose key must be `key`.
    fn raw(&mut self, key: &str) -> Result<&'a str, StatementError> {
        self.line += 1;
        let line = self.lines.next().ok_or_else(|| self.wrong(&format!("the line `{key}: ` is missing")))?;
        line.strip_prefix(key)
            .and_then(|rest| rest.strip_prefix(": "))
            .ok_or_else(|| self.wrong(&format!("this line must begin with `{key}: `")))
    }

    fn read<T>(&mut self, key: &str, form: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StatementError> {
        let raw = self.raw(key)?;
        parse(raw).ok_or_else(|| self.wrong(&format!("`{key}` must be {form}")))
    }

    fn text(&mut self, key: &str) -> Result<String, StatementError> {
        self.read(key, "printable ASCII, with `\\\\` and shortest lower-case `\\u{hex}` for all else", unescape)
    }

    fn number(&mut self, key: &str) -> Result<u64, StatementError> {
        self.read(key, "a number", decimal)
    }

    fn small(&mut self, key: &str) -> Result<u32, StatementError> {
        self.read(key, "a number", |text| decimal(text).and_then(|number| number.try_into().ok()))
    }

    fn digest(&mut self, key: &str) -> Result<Digest, StatementError> {
        self.read(key, "`sha256:` and 64 lower-case hex digits", Digest::parse_tagged)
    }

    fn time(&mut self, key: &str) -> Result<Time, StatementError> {
        self.read(key, "a time like 2026-01-02T03:04:05Z", Time::parse_seconds)
    }
}

/// Digits without sign or leading zero.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            // Writing to a String cannot fail.
            c => drop(write!(out, "\\u{{{:x}}}", c as u32)),
        }
    }
}

/// The inverse of [`escape_into`]; no other text has a meaning.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('\\') {
            out.push('\\');
            rest = after;
        } else {
            let (digits, after) = rest.strip_prefix("u{")?.split_once('}')?;
            out.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
            rest = after;
        }
    }
    out.push_str(rest);
    let mut again = String::with_capacity(text.len());
    escape_into(&mut again, &out);
    (again == text).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_canonical_escape_is_read() {
        assert_eq!(unescape("a\\u{dc} \\\\ \\u{a}").as_deref(), Some("aÜ \\ \n"));
        for wrong in
            ["\\u{DC}", "\\u{0dc}", "\\u{41}", "\\u{5c}", "\\n", "\\", "Ü", "\t", "\\u{d800}", "\\u{}", "\\u{+a}"]
        {
            assert_eq!(unescape(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_is_plain_ascii(text in any::<String>()) {
            let mut out = String::new();
            escape_into(&mut out, &text);
            prop_assert!(out.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            prop_assert_eq!(unescape(&out), Some(text));
        }
    }
}
