//! A report in words and as JSON. Escapes everything that a bundle says.

use super::walk::Walk;
use super::{Report, Verdict};
use crate::base::escape;
use crate::record::fact::{EndedBy, Fact};
use serde_json::{Value, json};

/// Columns of the text.
const WIDTH: usize = 80;

/// The verdict in plain words, 80 columns, no trailing line feed.
pub fn text(report: &Report) -> String {
    let mut out = Vec::new();
    out.push(headline(report));
    wrap(&meaning(report), "", &mut out);
    for problem in &report.problems {
        let at = problem.seq.map_or("the history".to_owned(), |seq| format!("entry {seq}"));
        wrap(&format!("{at}: {} [{}]", problem.message, problem.code), "  ", &mut out);
    }
    if !report.missing_objects.is_empty() {
        wrap("Not in the bundle (withheld, or never there); the chain verifies without them:", "", &mut out);
        out.extend(report.missing_objects.iter().map(|digest| format!("  {digest}")));
    }
    if report.verdict != Verdict::Invalid {
        for regained in report.regained.iter().filter(|regained| !regained.differs.is_empty()) {
            let words = format!("entry {}: back at {}, but not as captured:", regained.seq, regained.place);
            wrap(&words, "", &mut out);
            regained.differs.iter().for_each(|one| wrap(one, "  ", &mut out));
        }
        for word in &report.word {
            wrap(&format!("On the operator's word: {word}."), "", &mut out);
        }
    }
    keys(report, &mut out);
    out.join("\n")
}

fn headline(report: &Report) -> String {
    let mode = report.mode.map_or("unreadable", |mode| mode.name());
    let glass = if report.break_glass { "  BREAK-GLASS" } else { "" };
    let name = escape::cut(&escape::line(&report.runbook), 24);
    format!("{}{glass}  {mode} run {} {name}, {} entries", report.verdict.name(), report.run.short(), report.entries)
}

fn meaning(report: &Report) -> String {
    let mut words = match report.verdict {
        Verdict::Witnessed => format!(
            "Closed ({}), consistent, and witnessed by every party ({}) with keys that you trust.",
            report.result,
            report.witnessed_by.join(", ")
        ),
        Verdict::Closed => format!("Closed ({}), and everything is consistent.", report.result),
        Verdict::Open => "Consistent so far. The run is not closed.".to_owned(),
        Verdict::Diverged => "This history contradicts a head that somebody holds.".to_owned(),
        Verdict::Invalid => "This history breaks the rules, so it proves nothing.".to_owned(),
    };
    if report.verdict != Verdict::Invalid {
        let rest = report.entries.saturating_sub(report.covered);
        words.push_str(&format!(" Approvers and witnesses have signed over the first {} entries", report.covered));
        words.push_str(&match rest {
            0 => ".".to_owned(),
            1 => "; the last one rests on the operator's word.".to_owned(),
            _ => format!("; the last {rest} rest on the operator's word."),
        });
    }
    if report.break_glass {
        words.push_str(if report.unreconciled {
            " Approvals were waived by break-glass, and not every party has counter-signed."
        } else {
            " Approvals were waived by break-glass; every party has counter-signed since."
        });
    }
    words
}

fn keys(report: &Report, out: &mut Vec<String>) {
    if report.fingerprints.is_empty() {
        return;
    }
    if report.trusted_keys {
        wrap("Every statement is by a key that you trust.", "", out);
        return;
    }
    let parties = report.untrusted_parties.join(", ");
    let whose = if parties.is_empty() { String::new() } else { format!(" of {parties}") };
    wrap(&format!("Keys{whose} as the bundle names them: compare these fingerprints by phone:"), "", out);
    for (person, key) in &report.fingerprints {
        out.push(format!("  {:<16} {key}", escape::line(person)));
    }
}

/// Breaks `text` into lines of at most 80 columns; following lines go four columns deeper.
fn wrap(text: &str, indent: &str, out: &mut Vec<String>) {
    let mut line = indent.to_owned();
    let mut empty = true;
    for word in escape::line(text).split(' ') {
        let needed = line.chars().count() + word.chars().count() + usize::from(!empty);
        if !empty && needed > WIDTH {
            out.push(std::mem::replace(&mut line, format!("{indent}    ")));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out.push(line);
}

/// `verify --format json`.
pub fn json(report: &Report) -> Value {
    json!({
        "verdict": report.verdict.name(),
        "run": report.run,
        "mode": report.mode,
        "runbook": report.runbook,
        "result": report.result,
        "entries": report.entries,
        "covered": report.covered,
        "trusted_keys": report.trusted_keys,
        "problems": report.problems.iter().map(|problem| json!({
            "seq": problem.seq, "code": problem.code, "message": problem.message,
        })).collect::<Vec<_>>(),
        "missing_objects": report.missing_objects,
        "fingerprints": report.fingerprints.iter().map(|(person, key)| json!({
            "person": person, "fingerprint": key,
        })).collect::<Vec<_>>(),
        "on_word": report.word,
        "anchors_regained": report.regained.iter().map(|one| json!({
            "seq": one.seq, "place": one.place, "differs": one.differs,
        })).collect::<Vec<_>>(),
        "untrusted_parties": report.untrusted_parties,
        "witnessed_by": report.witnessed_by,
        "break_glass": report.break_glass,
        "unreconciled": report.unreconciled,
    })
}

/// What the history rests on besides signatures, in sentences without a full stop.
pub(super) fn on_word(walk: &Walk) -> Vec<String> {
    let mut word = vec!["the results of expressions (`when`, `expect`, filled templates)".to_owned()];
    let entries = &walk.chain.entries;
    let answers = entries.iter().filter(|entry| matches!(entry.fact, Fact::Outcome(_))).count();
    if answers > 0 {
        word.push(format!("what AWS, commands and probes answered ({answers} outcomes)"));
    }
    let skipped = entries.iter().filter(|entry| matches!(entry.fact, Fact::Skipped(_))).count();
    if skipped > 0 {
        word.push(format!("that {skipped} stages, items or steps did not apply"));
    }
    if !walk.by_word.is_empty() {
        word.push(format!("by word of people, with an approval: how {} ended", walk.by_word.join(", ")));
    }
    let expired: Vec<String> = entries
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::RequestEnded(ended) if ended.why == EndedBy::Expired => Some(ended.request.to_string()),
            _ => None,
        })
        .collect();
    if !expired.is_empty() {
        word.push(format!("by the operator's clock: that the requests {} had expired", expired.join(", ")));
    }
    word
}
