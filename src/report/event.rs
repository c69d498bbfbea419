//! What people outside want to be told of a run, as small JSON: who is waited for, what was denied or ran out, how it
//! ended. Says what an entry or a wait means to them, and by what name its cause is known; sends nothing. Holds neither
//! secrets nor evidence nor AWS's answers: whoever wants more asks `status`.

use crate::base::{Digest, Time, escape};
use crate::engine::state::{RequestState, Run};
use crate::engine::status::{self, Waited};
use crate::record::entry::Entry;
use crate::record::fact::{Ended, EndedBy, Fact, WaitFor};
use crate::record::statement::{Body, Decides, Statement};
use serde_json::{Value, json};

/// What happened, for whoever is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody is waited for.
    Waiting,
    /// They still are.
    Reminded,
    /// A request's time ran out.
    Expired,
    Denied,
    /// Nobody knows how an operation ended, and people must say so.
    InDoubt,
    Failed,
    Done,
    RolledBack,
    Abandoned,
}

impl Kind {
    /// By the names that settings use.
    pub const ALL: [(&'static str, Kind); 9] = [
        ("waiting", Kind::Waiting),
        ("reminded", Kind::Reminded),
        ("expired", Kind::Expired),
        ("denied", Kind::Denied),
        ("in_doubt", Kind::InDoubt),
        ("failed", Kind::Failed),
        ("done", Kind::Done),
        ("rolled_back", Kind::RolledBack),
        ("abandoned", Kind::Abandoned),
    ];

    pub fn name(&self) -> &'static str {
        Kind::ALL.iter().find(|(_, kind)| kind == self).map_or("", |(name, _)| name)
    }
}

/// One thing to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: Kind,
    /// The same for the same cause, whoever tells it and however often.
    pub id: String,
    /// Canonical enough to be signed: these bytes are sent.
    pub body: String,
}

/// An event of this kind and cause.
fn event(run: &Run, kind: Kind, cause: &str, at: Time, data: Value) -> Event {
    let id = Digest::of(format!("{}\n{}\n{cause}", run.id, kind.name()).as_bytes()).hex();
    let id = format!("evt_{}", id.get(..32).unwrap_or_default());
    let mut all = json!({
        "run": run.id.as_str(), "mode": run.opened.mode.name(), "state": status::state(run),
        "runbook": run.plan.name, "title": escape::line(&run.plan.title),
    });
    if let (Some(all), Value::Object(data)) = (all.as_object_mut(), data) {
        all.extend(data);
    }
    let body = json!({
        "type": format!("countersign.{}", kind.name()), "id": id, "timestamp": at.millis(), "data": all,
    });
    Event { kind, id, body: body.to_string() }
}

/// What an entry that was just added means to people outside; none for most entries.
pub fn of_entry(run: &Run, entry: &Entry) -> Option<Event> {
    let make = |kind, data| Some(event(run, kind, &format!("entry {}", entry.seq), entry.at, data));
    match &entry.fact {
        Fact::Approval(fact) => {
            let statement = Statement::read(&fact.statement).ok()?;
            let Body::Approval(_, fields) = &statement.body else { return None };
            let name = run.requests.get(&fields.request).map_or_else(|| fields.covers.clone(), status::name);
            let (by, reason) = (&statement.tail.person, escape::line(&statement.tail.reason));
            let data = json!({"request": fields.request, "at": name, "by": by, "reason": reason});
            if fields.decision == Decides::Deny { make(Kind::Denied, data) } else { None }
        }
        Fact::RequestEnded(fact) if fact.why == EndedBy::Expired => {
            let asked = run.requests.get(&fact.request)?;
            let command = status::resume(run, &asked.asked.performer);
            let (at, performer) = (status::name(asked), &asked.asked.performer);
            make(Kind::Expired, json!({"request": fact.request, "at": at, "people": [performer], "command": command}))
        }
        Fact::Outcome(fact) if fact.result == Ended::Failed => {
            let error = fact.error.as_ref().map(|problem| escape::line(&problem.code));
            make(Kind::Failed, json!({"at": fact.step.to_string(), "error": error}))
        }
        Fact::RunClosed(fact) => {
            let kind = match fact.result.as_str() {
                "done" => Kind::Done,
                "rolled_back" => Kind::RolledBack,
                _ => Kind::Abandoned,
            };
            let (_, missing) = crate::engine::end::json(run);
            make(kind, json!({"result": fact.result, "witnesses_missing": missing}))
        }
        _ => None,
    }
}

/// By what a wait is known: the same words, the same cause.
pub fn cause(run: &Run, waited: &Waited) -> String {
    let asked = match waited.what {
        WaitFor::Approval => waited.since.0,
        _ => waited.at.parse().map_or(0, |id| i64::from(run.step(&id).attempt)),
    };
    format!("{} {} {} {asked}", waited.what.name(), waited.at, waited.role)
}

/// Somebody is waited for. `again`: this is not the first time; in words that tell one reminder from another.
pub fn of_wait(run: &Run, waited: &Waited, again: Option<&str>, now: Time) -> Event {
    let kind = match (again, waited.what) {
        (Some(_), _) => Kind::Reminded,
        (None, WaitFor::Settle) => Kind::InDoubt,
        (None, _) => Kind::Waiting,
    };
    let mut data = status::waited_json(run, waited);
    if let Some(data) = data.as_object_mut() {
        // A question's text may be long, and an answer may stand in it: only a request's summary is told.
        let why = data.remove("why").filter(|_| waited.what == WaitFor::Approval);
        data.insert("summary".to_owned(), why.unwrap_or(Value::Null));
    }
    event(run, kind, &format!("{}{}", cause(run, waited), again.unwrap_or_default()), now, data)
}

/// When those who have not decided on a request yet are reminded: half-way to its approve-by, and with a tenth left.
pub fn reminders(request: &RequestState) -> [Time; 2] {
    let (from, until) = (request.at, request.asked.approve_by);
    let span = until.since(from).max(0);
    [from.plus(span / 2), from.plus(span - span / 10)]
}
