//! An undo or a repair that failed, for whoever does it by hand: what was to be taken back or made good, the exact operation, how to do it
//! with the AWS CLI, and what to sign afterwards. Pure; raw text: escape before showing.

use super::state::Run;
use super::{operation, status};
use crate::base::{StepId, Time};
use crate::plan::model::Step;
use serde_json::Value;

/// Lines for the performer of a failed undo or repair; none for what is neither.
pub fn words(run: &Run, id: &StepId, now: Time) -> Option<String> {
    let step = run.plan.step(id).filter(|_| super::doubt::may_be_done_by_hand(run, id))?;
    let forward = id.forward();
    let title = run.plan.step(&forward).map(|step| step.title.clone()).unwrap_or_default();
    let (what, then) = if id.undo.is_some() { ("taken back", "rollback") } else { ("made good", "repair") };
    let mut lines = vec![format!("to be {what}: {forward} ({title})")];
    if let Ok(operation) = operation::resolve(run, id, now) {
        lines.push(format!("the operation: {}", operation::words(&operation, step)));
        lines.extend(command(&operation, step).map(|command| format!("by hand: {command}")));
    }
    let person = run.people.holders(&step.performer).next().map_or("PERSON", |person| person.id.as_str()).to_owned();
    let here = status::here(run);
    lines.push(format!(
        "done by hand: countersign settle done {id} --as {person}{here}   (and --reason TEXT, --evidence FILE, --output \
         FILE); then somebody who may approve it agrees, and the {then} goes on"
    ));
    Some(lines.join("\n"))
}

/// As the AWS CLI has it: `aws organizations move-account --cli-input-json '{...}'`; a program as it was started.
fn command(operation: &Value, step: &Step) -> Option<String> {
    if let Some(argv) = operation.get("argv").and_then(Value::as_array) {
        let words: Vec<String> = argv.iter().filter_map(Value::as_str).map(quoted).collect();
        return Some(words.join(" "));
    }
    let (service, name) = operation.get("action")?.as_str()?.split_once(':')?;
    let with = operation.get("with").map(Value::to_string).unwrap_or_default();
    let account = operation.get("account").and_then(Value::as_str).unwrap_or_default();
    Some(format!(
        "aws {service} {} --cli-input-json {}   (session {}, account {account})",
        dashed(name),
        quoted(&with),
        step.session
    ))
}

/// `InviteAccountToOrganization` is `invite-account-to-organization`; `DeactivateMFADevice` `deactivate-mfa-device`.
fn dashed(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| before.is_lowercase() || after.is_some_and(|after| after.is_lowercase()));
        if begins {
            out.push('-');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::{dashed, quoted};

    #[test]
    fn names_and_quotes_are_the_clis() {
        assert_eq!(dashed("InviteAccountToOrganization"), "invite-account-to-organization");
        assert_eq!(dashed("DeactivateMFADevice"), "deactivate-mfa-device");
        assert_eq!(dashed("ListMFADevices"), "list-mfa-devices");
        assert_eq!(quoted("it's {}"), "'it'\\''s {}'");
        assert_eq!(quoted("ou-1/a"), "ou-1/a");
    }
}
