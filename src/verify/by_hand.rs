//! By hand: the shell lines that check every signed statement of a bundle without this program, and the allowed_signers
//! file which they need. Says how; checks nothing itself.

use crate::base::{Digest, id};
use crate::people;
use crate::record::Entry;
use crate::record::bundle::Bundle;
use crate::record::fact::{Fact, Mode, SignedText};
use crate::record::statement::Statement;
use std::collections::BTreeSet;

/// The name that the lines give to the file of `export --signers`.
pub const SIGNERS: &str = "allowed_signers";

/// Takes one JSON text out of one line of a file and gives it without its escapes; what a statement holds is ASCII.
const TEXT: &str = r#"# text FILE LINE MEMBER N: the text of the Nth member of this name in that line
text() {
  sed -n "$2p" "$1" | grep -oE "\"$3\":\"(\\\\.|[^\"\\\\])*\"" | sed -n "$4p" | sed -e 's/^"[a-z]*":"//' -e 's/"$//' |
    awk '{ gsub(/\\\\/, "\001"); gsub(/\\n/, "\n"); gsub(/\\"/, "\""); gsub("\001", "\\\\"); printf "%s", $0 }'
}"#;

/// Shell lines (POSIX) that check each signature in the bundle, which lies in the current folder under this name.
pub fn commands(bundle: &Bundle, file: &str) -> Vec<String> {
    let name = quoted(file);
    let mut out: Vec<String> = vec![
        "# Every signed statement, checked by ssh-keygen. The keys: better than those that the bundle names are those"
            .to_owned(),
        "# that you got from each person yourself. Stops at the first that is not good.".to_owned(),
        format!("# countersign export {} -o {name} --signers {SIGNERS}", bundle.run.short()),
        "set -eu".to_owned(),
        "mkdir signed".to_owned(),
    ];
    out.extend(TEXT.lines().map(str::to_owned));
    let mut count = 0;
    for (seq, line) in bundle.lines.iter().enumerate() {
        let Ok(entry) = Entry::read(line) else {
            out.push(refusal(&format!("entry {seq} is not an entry")));
            continue;
        };
        if let Fact::RunOpened(opened) = &entry.fact
            && let Some(digest) = opened.people_signatures
        {
            count += people_signatures(bundle, &name, &digest, &mut out);
        }
        let (kind, statements) = statements(&entry.fact);
        for (at, statement) in statements.iter().enumerate() {
            // The first line of a bundle is its header.
            out.extend(check(&name, seq + 2, at + 1, kind, statement, &format!("{seq}-{}", at + 1)));
            count += 1;
        }
    }
    out.push(format!("echo '{count} signatures are good'"));
    out
}

/// The statements over the people file stand in an object of their own, whose digest is compared first.
fn people_signatures(bundle: &Bundle, name: &str, digest: &Digest, out: &mut Vec<String>) -> usize {
    #[derive(serde::Deserialize)]
    struct Signatures {
        signatures: Vec<SignedText>,
    }
    let list = bundle.objects.get(digest).and_then(|bytes| serde_json::from_slice::<Signatures>(bytes).ok());
    let Some(list) = list else {
        out.push(refusal("the signatures of the people file are not in the bundle"));
        return 0;
    };
    out.push(format!(
        "sed -n 's/^{{\"base64\":\"\\(.*\\)\",\"sha256\":\"{digest}\"}}$/\\1/p' {name} | base64 -d > signed/people"
    ));
    out.push(format!("echo '{digest}  signed/people' | sha256sum -c"));
    for (at, statement) in list.signatures.iter().map(|one| one.statement.as_str()).enumerate() {
        out.extend(check("signed/people", 1, at + 1, "people", statement, &format!("people-{}", at + 1)));
    }
    list.signatures.len()
}

fn check(file: &str, line: usize, nth: usize, kind: &str, statement: &str, to: &str) -> Vec<String> {
    let person = Statement::read(statement).map(|statement| statement.tail.person).unwrap_or_default();
    // Nothing that a bundle says becomes part of a command, but names of the safe form.
    if !id::is_name(&person) {
        return vec![refusal(&format!("statement {to} is by nobody who can be named"))];
    }
    let at = format!("signed/{to}");
    vec![
        format!("text {file} {line} statement {nth} > {at}"),
        format!("text {file} {line} signature {nth} > {at}.sig"),
        format!("ssh-keygen -Y verify -f {SIGNERS} -I {person} -n {kind}-v1@countersign -s {at}.sig < {at}"),
    ]
}

/// Type and texts of what is signed in an entry.
fn statements(fact: &Fact) -> (&'static str, Vec<&str>) {
    match fact {
        Fact::SignedOn(fact) => ("sign-on", vec![&fact.statement]),
        Fact::Approval(fact) => ("approval", vec![&fact.statement]),
        Fact::Said(fact) => ("said", vec![&fact.statement]),
        Fact::BreakGlass(fact) => ("break-glass", vec![&fact.statement]),
        Fact::HandedOver(fact) => ("hand-over", vec![&fact.statement]),
        Fact::Witness(fact) => ("witness", vec![&fact.statement]),
        Fact::Amended(fact) => ("change", texts(&fact.statements)),
        Fact::PeopleChanged(fact) => ("change", texts(&fact.statements)),
        _ => ("", Vec::new()),
    }
}

fn texts(list: &[SignedText]) -> Vec<&str> {
    list.iter().map(|one| one.statement.as_str()).collect()
}

fn refusal(why: &str) -> String {
    format!("echo '{why}' >&2; exit 1")
}

/// As one word of a shell.
fn quoted(name: &str) -> String {
    let name = if name.starts_with('-') { format!("./{name}") } else { name.to_owned() };
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/'));
    if plain && !name.is_empty() { name } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

/// An OpenSSH allowed_signers file: each person's keys, good for statements of Countersign and nothing else. Of the
/// people file in force; keys that only an earlier one of the run has stand behind, for what they signed then.
///
/// # Errors
/// In words: the bundle lacks a people file, or it can't be read.
pub fn signers(bundle: &Bundle) -> Result<String, String> {
    let facts = bundle.lines.iter().filter_map(|line| Entry::read(line).ok()).map(|entry| entry.fact);
    let (mut rehearsal, mut digests) = (false, Vec::new());
    for fact in facts {
        match fact {
            Fact::RunOpened(opened) => {
                rehearsal = opened.mode == Mode::Rehearsal;
                digests.push(opened.people);
            }
            Fact::PeopleChanged(changed) => digests.push(changed.people),
            _ => {}
        }
    }
    let in_force = *digests.last().ok_or("the run names no people file")?;
    let mut out = format!("# Keys as the people file {in_force} of the run {} has them.\n", bundle.run.short());
    out.push_str(match rehearsal {
        true => "# Keys of a rehearsal: anybody can make them.\n",
        false => "# Compare the fingerprints (`ssh-keygen -lf`) with each person by phone.\n",
    });
    let mut seen = BTreeSet::new();
    for digest in digests.iter().rev() {
        let bytes = bundle.objects.get(digest).ok_or_else(|| format!("the people file {digest} is not there"))?;
        let text = std::str::from_utf8(bytes).map_err(|_| format!("the people file {digest} is not UTF-8"))?;
        let people =
            people::parse("people", text, true).0.ok_or_else(|| format!("the people file {digest} is not good"))?;
        let keys = people.people.values().flat_map(|person| person.keys.iter().map(|key| (&person.id, &key.line)));
        let new: Vec<String> = keys
            .filter(|(id, key)| seen.insert(((*id).clone(), (*key).clone())))
            .map(|(id, key)| format!("{id} namespaces=\"*@countersign\" {key}\n"))
            .collect();
        if *digest != in_force && !new.is_empty() {
            out.push_str(&format!("# No longer in force: of the people file {digest}.\n"));
        }
        out.push_str(&new.concat());
    }
    Ok(out)
}
