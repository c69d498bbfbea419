//! A preflight in words, once for all formats: headings, sentences and lists, nothing escaped yet.

use super::outcome::{Evidence, Finding, Preflight, Severity, Verdict};
use super::route::Route;
use super::rows::Row;
use crate::base::Digest;

/// The whole, top to bottom.
#[derive(Clone, Debug, Default)]
pub struct Words {
    pub title: String,
    pub verdict: String,
    /// Good, bad or in between: for colour, which only repeats the words.
    pub mood: &'static str,
    pub facts: Vec<(&'static str, String)>,
    pub parts: Vec<Part>,
}

/// A heading and what stands below it.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub title: &'static str,
    pub lead: &'static str,
    pub entries: Vec<Entry>,
}

/// One thing said: its head, sentences with their names, and the places that it is about.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub head: String,
    pub facts: Vec<(&'static str, String)>,
    pub places: Vec<String>,
}

/// See the module.
pub fn words(of: &Preflight) -> Words {
    let mood = match of.verdict() {
        Verdict::Clear => "good",
        Verdict::Blocked => "bad",
        Verdict::Incomplete => "warn",
    };
    let case = &of.case;
    let facts = vec![
        ("Runbook", format!("{} {}", case.runbook, case.version)),
        ("Looked at", format!("{} accounts, {} until {}", of.mode(), of.began.seconds(), of.ended.seconds())),
        (
            "Digests",
            format!(
                "runbook {}, values {}, people {} (the first of each; JSON has all)",
                short(case.digests.runbook),
                short(case.digests.values),
                short(case.digests.people)
            ),
        ),
    ];
    let parts = vec![
        Part {
            title: "Blocks",
            lead: "As long as it is so, the move does not work.",
            entries: found(of, Severity::Blocks),
        },
        Part { title: "Warns", lead: "The move works, and hurts.", entries: found(of, Severity::Warns) },
        Part { title: "Not known", lead: "Nobody could read it here: neither good nor bad.", entries: not_known(of) },
        Part { title: "Routes", lead: "How each account can go, and why.", entries: routes(of) },
        Part { title: "Only people know", lead: "No API tells it: ask before the day.", entries: questions(of) },
        Part {
            title: "To know",
            lead: "What is lost, must be rebuilt, or confirmed.",
            entries: found(of, Severity::ToKnow),
        },
        Part { title: "Sessions", lead: "Through which it was looked.", entries: sessions(of) },
        Part {
            title: "Not looked into",
            lead: "Nothing above says anything about these.",
            entries: of.not_looked_into().into_iter().map(|head| Entry { head, ..Entry::default() }).collect(),
        },
    ];
    let title = format!("Preflight of {}", case.title);
    Words { title, verdict: of.summary(), mood, facts, parts }
}

/// Enough to compare by eye.
fn short(digest: Digest) -> String {
    digest.hex().chars().take(12).collect()
}

fn found(of: &Preflight, severity: Severity) -> Vec<Entry> {
    let entry = |(row, all): (&'static Row, Vec<&Finding>)| Entry {
        head: format!("{}: the account {}", row.id, row.title),
        facts: vec![("Why", row.why.to_owned()), ("What to do", row.todo.to_owned())],
        places: all
            .into_iter()
            .map(|one| format!("{}: {} {}", named(of, &one.account), one.says, by(&one.evidence)))
            .collect(),
    };
    of.by_row(severity).into_iter().map(entry).collect()
}

fn not_known(of: &Preflight) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for one in &of.unread {
        let head = format!("not known, because {}", one.because);
        let read = one.evidence.as_ref().map(|evidence| format!(" {}", by(evidence))).unwrap_or_default();
        let place = format!("{}: {}{read}", named(of, &one.account), one.tells.join("; "));
        match entries.iter_mut().find(|entry| entry.head == head) {
            Some(entry) => entry.places.push(place),
            None => {
                let facts = vec![("Who could read it", one.who.clone())];
                entries.push(Entry { head, facts, places: vec![place] });
            }
        }
    }
    entries
}

fn routes(of: &Preflight) -> Vec<Entry> {
    let mut entries = Vec::new();
    for route in [Route::Direct, Route::Leaving, Route::Emptying, Route::None, Route::NotKnown] {
        let places: Vec<String> = of
            .routes
            .iter()
            .filter(|one| one.route == route)
            .map(|one| format!("{}: {}", named(of, &one.account), one.reasons()))
            .collect();
        if !places.is_empty() {
            let head = format!("{}: {}", route.name(), route.words());
            entries.push(Entry { head, facts: vec![("Accounts", places.len().to_string())], places });
        }
    }
    entries
}

fn questions(of: &Preflight) -> Vec<Entry> {
    let entry = |asked: super::outcome::Asked| Entry {
        head: format!("{}: {}", asked.question.fact, asked.question.text),
        facts: vec![("Route", asked.question.route.to_owned()), ("Who must answer", asked.who())],
        places: Vec::new(),
    };
    of.questions().into_iter().map(entry).collect()
}

fn sessions(of: &Preflight) -> Vec<Entry> {
    let mut open: Vec<String> = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    for door in &of.doors {
        let (session, account) = (&door.way.wanted.id, &door.way.wanted.account);
        match &door.result {
            Ok(identity) => open.push(format!("{session} in {account}: {} ({})", identity.arn, identity.kind)),
            Err(why) => {
                let who = format!("{} ({})", door.way.people.join(" or "), door.way.roles.join(" or "));
                let head = format!("{session} in {account}: NOT OPEN");
                entries.push(Entry {
                    head,
                    facts: vec![("Why", why.clone()), ("Who has it", who)],
                    places: Vec::new(),
                });
            }
        }
    }
    if !open.is_empty() {
        let facts = vec![("Sessions", open.len().to_string())];
        entries.insert(0, Entry { head: "open".to_owned(), facts, places: open });
    }
    entries
}

fn named(of: &Preflight, account: &str) -> String {
    match of.case.moves(account).map(|moving| moving.name.as_str()).filter(|name| !name.is_empty()) {
        Some(name) => format!("{account} ({name})"),
        None => account.to_owned(),
    }
}

/// `[file s3.us-east-1.1.json, sha256:...]`, or `[organizations:DescribeAccount, old_management, 2026-01-02T03:04:05Z, request 1234]`.
fn by(evidence: &Evidence) -> String {
    let id = evidence.request_id.as_deref().unwrap_or_default();
    if evidence.read == super::evidence::FILE {
        return format!("[file {}, {id}]", evidence.session);
    }
    let request = if id.is_empty() { String::new() } else { format!(", request {id}") };
    format!("[{}, {}, {}{request}]", evidence.read, evidence.session, evidence.at.seconds())
}
