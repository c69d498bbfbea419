//! What comes next in a step that waits, or that reads until something is so: durable, begun in the journal.

use super::{Draft, Next, Seat, Stop, StopKind, finished};
use crate::base::{StepId, Time};
use crate::engine::state::Run;
use crate::expression;
use crate::plan::model::Wait;
use crate::record::fact::{self, Ended, Fact, Problem, WaitFor};
use serde_json::{Value, json};

/// Waits are durable: when they began stands in the journal.
pub(super) fn wait_next(run: &Run, seat: &Seat, wait: &Wait, id: &StepId, scope: &Value, now: Time) -> Next {
    let state = run.step(id);
    let at = id.to_string();
    let Some((began, until)) = state.wait else {
        return match wait_until(wait, scope, now) {
            Ok(until) => Next::Append(vec![Draft::new(fact::Waited { step: id.clone(), began: true, until })]),
            Err(why) => Next::Stop(Stop::of(StopKind::Failed, at, why)),
        };
    };
    if wait.expect.is_none() {
        return match until {
            Some(until) if until > now => {
                Next::Sleep { until, what: WaitFor::Time, step: at, why: format!("waiting until {}", until.minutes()) }
            }
            _ => waited(run, id, now),
        };
    }
    if wait.within > 0 && now.since(began) > wait.within {
        let why = format!("it was not so within {}", crate::base::duration::show(wait.within));
        return Next::Append(vec![too_late(run, id, why)]);
    }
    match seat.looked.get(id) {
        Some(looked) if now.since(*looked) < wait.every => Next::Sleep {
            until: looked.plus(wait.every),
            what: WaitFor::Aws,
            step: at,
            why: "looking again".to_owned(),
        },
        _ => Next::Look { id: id.clone() },
    }
}

/// A wait is over: `waited` and the step's outcome.
pub fn waited(run: &Run, id: &StepId, now: Time) -> Next {
    Next::Append(vec![
        Draft::new(fact::Waited { step: id.clone(), began: false, until: None }),
        finished(run, id, json!({"at": now.millis()}), 0),
    ])
}

/// A wait that gave up: a failure, so that a later seat begins it anew.
fn too_late(run: &Run, id: &StepId, message: String) -> Draft {
    let mut draft = finished(run, id, Value::Null, 0);
    draft.output = None;
    if let Fact::Outcome(outcome) = &mut draft.fact {
        let class = "not_done".to_owned();
        outcome.result = Ended::Failed;
        outcome.error = Some(Problem { code: "WaitedTooLong".to_owned(), reason: String::new(), message, class });
    }
    draft
}

fn wait_until(wait: &Wait, scope: &Value, now: Time) -> Result<Option<Time>, String> {
    if wait.expect.is_some() {
        return Ok((wait.within > 0).then(|| now.plus(wait.within)));
    }
    let text = if wait.until.is_empty() { &wait.after } else { &wait.until };
    if text.is_empty() {
        return Ok(Some(now.plus(wait.r#for)));
    }
    let value = expression::fill(&Value::String(text.clone()), scope, now).map_err(|error| error.to_string())?;
    let time = value.as_str().and_then(Time::parse).ok_or_else(|| format!("`{text}` gave no time"))?;
    Ok(Some(if wait.until.is_empty() { time.plus(wait.r#for) } else { time }))
}
