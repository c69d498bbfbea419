//! Entries: one line of canonical JSON each, exactly ten members (`journal/FORMAT.md`).
//! Knows the form of a line; whether an entry may stand where it stands, others decide.

mod quick;

use super::fact::Fact;
use crate::base::json::{self, Form, JsonError};
use crate::base::{Digest, RunId, Time};
use serde_json::{Map, Value, json};

/// One entry of a run's chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Wall clock; never decreases along a chain.
    pub at: Time,
    /// The person signed on or deciding.
    pub by: Option<String>,
    /// Of the lease.
    pub epoch: u64,
    pub fact: Fact,
    /// Milliseconds since the writing process started.
    pub mono: u64,
    /// Leaf hash of the entry before; [`Digest::ZERO`] for the first.
    pub prev: Digest,
    pub run: RunId,
    /// 0, 1, 2, ...
    pub seq: u64,
}

/// Why a line is not an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("it is not an object")]
    NotAnObject,
    #[error("its member `{0}` is missing or not of the form that the format wants")]
    Member(&'static str),
    #[error("it has a member `{0}` that entries do not have")]
    Extra(String),
    #[error("its format version is not 1")]
    Version,
    #[error("the kind `{0}` is not known")]
    Kind(String),
    #[error("the data of this `{kind}` are not as the format wants: {message}")]
    Data { kind: String, message: String },
}

impl Entry {
    /// The line that is stored and hashed, without the newline.
    pub fn line(&self) -> Result<String, JsonError> {
        match quick::write(self) {
            Some(line) => Ok(line),
            None => self.line_slowly(),
        }
    }

    /// The definition of an entry's line, with the reason where there is none.
    fn line_slowly(&self) -> Result<String, JsonError> {
        let value = json!({
            "at": self.at, "by": self.by, "data": self.fact.data(), "epoch": self.epoch, "kind": self.fact.kind(),
            "mono": self.mono, "prev": self.prev, "run": self.run, "seq": self.seq, "v": 1,
        });
        json::canonical(&value, Form::Line)
    }

    /// Reads a line: canonical, exactly the ten members, a known kind with exactly its members.
    pub fn read(line: &str) -> Result<Entry, EntryError> {
        match quick::read(line) {
            Some(entry) => Ok(entry),
            None => Entry::read_slowly(line),
        }
    }

    /// The definition of what a line may be, with the reason where it is none.
    fn read_slowly(line: &str) -> Result<Entry, EntryError> {
        let Value::Object(mut members) = json::parse(line, Form::Line)? else { return Err(EntryError::NotAnObject) };
        let mut take = |name: &'static str| members.remove(name).ok_or(EntryError::Member(name));
        if take("v")? != json!(1) {
            return Err(EntryError::Version);
        }
        let by = match take("by")? {
            Value::Null => None,
            Value::String(by) => Some(by),
            _ => return Err(EntryError::Member("by")),
        };
        let entry = Entry {
            at: text("at", &take("at")?, Time::parse_millis)?,
            by,
            epoch: number("epoch", &take("epoch")?)?,
            fact: read_fact(&text("kind", &take("kind")?, |kind| Some(kind.to_owned()))?, &take("data")?)?,
            mono: number("mono", &take("mono")?)?,
            prev: text("prev", &take("prev")?, Digest::parse)?,
            run: text("run", &take("run")?, RunId::parse)?,
            seq: number("seq", &take("seq")?)?,
        };
        no_more(&members)?;
        Ok(entry)
    }
}

/// The leaf hash of a line: what `prev` of the next entry holds.
pub fn leaf(line: &str) -> Digest {
    Digest::leaf(line.as_bytes())
}

fn read_fact(kind: &str, data: &Value) -> Result<Fact, EntryError> {
    if !Fact::KINDS.contains(&kind) {
        return Err(EntryError::Kind(kind.to_owned()));
    }
    let wrong = |message: String| EntryError::Data { kind: kind.to_owned(), message };
    let fact = Fact::read(kind, data).map_err(wrong)?;
    // An optional member that is left out would read as null: two lines for one fact.
    if fact.data() == *data { Ok(fact) } else { Err(wrong("a member that may be null is left out".to_owned())) }
}

fn text<T>(name: &'static str, value: &Value, parse: impl Fn(&str) -> Option<T>) -> Result<T, EntryError> {
    value.as_str().and_then(parse).ok_or(EntryError::Member(name))
}

fn number(name: &'static str, value: &Value) -> Result<u64, EntryError> {
    value.as_u64().ok_or(EntryError::Member(name))
}

fn no_more(members: &Map<String, Value>) -> Result<(), EntryError> {
    members.keys().next().map_or(Ok(()), |name| Err(EntryError::Extra(name.clone())))
}

#[cfg(test)]
mod tests {
    use super::super::fact::{HoldProved, RunClosed, SignedOff, WaitFor, Waiting};
    use super::*;
    use proptest::prelude::*;

    fn entry() -> Entry {
        Entry {
            at: Time(1_767_323_045_006),
            by: Some("alice".to_owned()),
            epoch: 2,
            fact: SignedOff { people: vec!["alice".to_owned()], why: "Größe \"1\"".to_owned() }.into(),
            mono: 12,
            prev: Digest::of(b"x"),
            run: RunId::from_bytes([7; 16]),
            seq: 3,
        }
    }

    #[test]
    fn a_line_reads_back_as_the_same_entry() {
        let line = entry().line().unwrap();
        assert_eq!(Entry::read(&line), Ok(entry()));
        assert!(line.starts_with(r#"{"at":"2026-01-02T03:04:05.006Z","by":"alice","data":{"people":["alice"],"why":"#));
    }

    #[test]
    fn whatever_is_not_exactly_an_entry_is_refused() {
        let line = entry().line().unwrap();
        let altered = |from: &str, to: &str| {
            assert!(line.contains(from), "{from}");
            Entry::read(&line.replace(from, to)).unwrap_err()
        };
        assert_eq!(altered("\"v\":1}", "\"v\":2}"), EntryError::Version);
        assert_eq!(altered("\"v\":1}", "\"v\":1,\"w\":1}"), EntryError::Extra("w".to_owned()));
        assert_eq!(altered(",\"v\":1}", "}"), EntryError::Member("v"));
        assert_eq!(altered("\"seq\":3", "\"seq\":-3"), EntryError::Member("seq"));
        assert_eq!(altered("\"by\":\"alice\"", "\"by\":1"), EntryError::Member("by"));
        assert_eq!(altered(".006Z", "Z"), EntryError::Member("at"));
        assert_eq!(altered("signed_off", "signed_out"), EntryError::Kind("signed_out".to_owned()));
        assert_eq!(altered("{\"at\"", "{ \"at\""), EntryError::Json(JsonError::NotCanonical));
        assert!(matches!(altered("\"why\"", "\"whx\""), EntryError::Data { .. }));
        assert_eq!(Entry::read("[1]"), Err(EntryError::NotAnObject));
    }

    /// Lines that are entries, of several kinds.
    fn lines() -> Vec<String> {
        let facts: Vec<Fact> = vec![
            HoldProved { hold: "way_in".to_owned(), object: Some(Digest::of(b"o")) }.into(),
            SignedOff { people: vec!["alice".to_owned(), "bob".to_owned()], why: "a \"quoted\" \\ \n word".to_owned() }
                .into(),
            RunClosed { result: "done".to_owned(), counts: [("asked".to_owned(), 3), ("a_b".to_owned(), 0)].into() }
                .into(),
            Waiting {
                what: WaitFor::GoOn,
                at_step: "\",\"epoch\":1".to_owned(),
                role: String::new(),
                people: vec![],
                until: Some(Time(1_767_323_045_006)),
                why: "{\u{1}}".to_owned(),
            }
            .into(),
        ];
        let line = |fact| Entry { fact, ..entry() }.line().unwrap();
        let mut lines: Vec<String> = facts.into_iter().map(line).collect();
        lines.push(Entry { by: None, ..entry() }.line().unwrap());
        lines
    }

    #[test]
    fn plain_lines_are_read_the_quick_way() {
        for line in lines() {
            assert_eq!(quick::read(&line), Entry::read_slowly(&line).ok(), "{line}");
            assert!(quick::read(&line).is_some(), "{line}");
            let entry = Entry::read_slowly(&line).unwrap();
            assert_eq!((quick::write(&entry), entry.line_slowly()), (Some(line.clone()), Ok(line)));
        }
    }

    #[test]
    fn what_has_no_line_has_none_either_way() {
        let long = SignedOff { people: Vec::new(), why: "x".repeat(json::MAX_LINE) };
        let key = RunClosed { result: "done".to_owned(), counts: [("A".to_owned(), 1)].into() };
        let far = json::MAX_INTEGER.unsigned_abs() + 1;
        for none in [
            Entry { fact: long.into(), ..entry() },
            Entry { fact: key.into(), ..entry() },
            Entry { seq: far, ..entry() },
            Entry { mono: far, ..entry() },
            Entry { epoch: far, ..entry() },
        ] {
            assert!(quick::write(&none).is_none() && none.line().is_err(), "{none:?}");
        }
        let odd = Entry { by: Some("\u{1}\"\\ü".to_owned()), ..entry() };
        assert_eq!(quick::write(&odd).ok_or(()), odd.line_slowly().map_err(|_| ()));
    }

    #[test]
    fn near_misses_are_refused_by_both_ways() {
        for (from, to) in [
            ("\"epoch\":2", "\"epoch\":02"),
            ("\"seq\":3", "\"seq\":-3"),
            ("\"mono\":12", "\"mono\":9007199254740992"),
            ("\"by\":\"alice\"", "\"by\":\"al\\u0069ce\""),
            (",\"object\":", ",\"objects\":"),
            ("\"what\":\"go_on\"", "\"what\":{\"go_on\":null}"),
            ("{\"people\":[\"alice\",\"bob\"],\"why\":", "{\"why\":"),
            ("\"a_b\":0", "\"aB\":0"),
            (",\"role\":\"\"", ""),
            ("\"until\":\"2026-01-02T03:04:05.006Z\",", ""),
            (".006Z\",\"by\"", ".06Z\",\"by\""),
            (",\"v\":1}", ",\"v\":1} "),
        ] {
            let line = lines().into_iter().find(|line| line.contains(from)).unwrap();
            let altered = line.replacen(from, to, 1);
            assert_eq!(quick::read(&altered), None, "{altered}");
            assert!(Entry::read_slowly(&altered).is_err(), "{altered}");
        }
    }

    proptest! {
        /// The quick way never takes what the definition refuses, nor reads another entry.
        #[test]
        fn no_altered_line_is_read_the_quick_way_alone(
            which in 0usize..5, at in any::<prop::sample::Index>(), cut in 0usize..12,
            with in "(|[\"{}\\[\\],:0-9a-z\\\\ ]|null|\"why\":|-0|\\\\u0001|,\"a\":1)",
        ) {
            let line: Vec<char> = lines()[which].chars().collect();
            let at = at.index(line.len());
            let altered: String =
                line[..at].iter().copied().chain(with.chars()).chain(line.iter().skip(at + cut).copied()).collect();
            if let Some(entry) = quick::read(&altered) {
                prop_assert_eq!(Entry::read_slowly(&altered), Ok(entry), "{}", altered);
            }
        }
    }

    #[test]
    fn a_null_member_must_not_be_left_out() {
        let fact = HoldProved { hold: "way_in".to_owned(), object: None }.into();
        let line = Entry { fact, ..entry() }.line().unwrap();
        assert!(Entry::read(&line).is_ok());
        assert!(matches!(Entry::read(&line.replace(",\"object\":null", "")), Err(EntryError::Data { .. })));
    }
}
