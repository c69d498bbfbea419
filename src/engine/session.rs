//! Which credentials a step needs: a session of the plan, resolved for the step's item. Pure.

use super::port::SessionWanted;
use super::scope::{self, Names};
use super::state::Run;
use crate::base::{StepId, Time};
use crate::expression;
use serde_json::Value;

/// The session `id` as step `at` needs it.
pub fn wanted(run: &Run, id: &str, at: &StepId, now: Time) -> Result<SessionWanted, String> {
    let stage = run.plan.stage(&at.stage).ok_or_else(|| format!("there is no stage {}", at.stage))?;
    let mut names = Names::default();
    let mut next = Some(id);
    for _ in 0..6 {
        let Some(session) = next.and_then(|id| run.plan.sessions.get(id)) else { break };
        [&session.account, &session.profile, &session.assume_role].into_iter().for_each(|text| names.text(text));
        next = Some(session.through.as_str());
    }
    let scope = scope::of(run, stage, at.item.as_deref(), None, &names);
    resolve(run, id, &scope, now, 0)
}

fn resolve(run: &Run, id: &str, scope: &Value, now: Time, depth: u32) -> Result<SessionWanted, String> {
    let session = run.plan.sessions.get(id).ok_or_else(|| format!("there is no session {id}"))?;
    if depth > 4 {
        return Err(format!("the session {id} is reached through too many others"));
    }
    let fill = |text: &str| -> Result<String, String> {
        let value = expression::fill(&Value::String(text.to_owned()), scope, now).map_err(|error| error.to_string())?;
        Ok(value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string()))
    };
    let through = match session.through.as_str() {
        "" => None,
        other => Some(Box::new(resolve(run, other, scope, now, depth + 1)?)),
    };
    let person = run.signed_on.first().map(String::as_str).unwrap_or("nobody");
    Ok(SessionWanted {
        id: id.to_owned(),
        account: fill(&session.account)?,
        kinds: session.kinds.clone(),
        profile: if session.profile.is_empty() { String::new() } else { fill(&session.profile)? },
        region: session.region.clone(),
        through,
        assume_role: match (session.assume_role.is_empty(), session.assume_root.is_empty()) {
            (true, true) => String::new(),
            (true, false) => task_policy(&session.assume_root),
            (false, _) => fill(&session.assume_role)?,
        },
        external_id: session.external_id.clone(),
        mfa: session.mfa,
        serial: device(run, &session.used_by).unwrap_or_default(),
        role_session_name: format!("countersign-{}-{person}", run.id.short()),
    })
}

/// The device of somebody who sits here; of a role that uses the session, if one of them has one.
fn device(run: &Run, used_by: &[String]) -> Option<String> {
    let here = || run.signed_on.iter().filter_map(|person| run.people.get(person)).filter(|one| one.mfa.is_some());
    let using = here().find(|one| one.roles.iter().any(|role| used_by.contains(role)));
    using.or_else(|| here().next())?.mfa.as_ref().map(|mfa| mfa.serial.clone())
}

/// The ARN of AWS's task policy of that name.
fn task_policy(name: &str) -> String {
    match name.starts_with("arn:") {
        true => name.to_owned(),
        false => format!("arn:aws:iam::aws:policy/root-task/{name}"),
    }
}

/// What a seat remembers a session by.
pub fn key(session: &SessionWanted) -> String {
    format!("{} {}", session.id, session.account)
}
