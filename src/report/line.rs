//! One entry as one line for people: live progress, and `log`. Pure; everything foreign is escaped.

use crate::base::{Digest, StepId, escape};
use crate::engine::state::Run;
use crate::engine::{operation, status};
use crate::record::entry::Entry;
use crate::record::fact::{Ended, EndedBy, Fact, Found, Outcome, Reading, SignedText};
use crate::record::statement::{Body, Decides, RECOVERY, Statement};

/// What words need to know beyond the entry itself.
pub trait Told {
    fn stage_title(&self, stage: &str) -> Option<String>;
    /// The operation that is about to begin, in words.
    fn doing(&self, step: &StepId, operation: &Digest) -> Option<String>;
    /// How people name the request.
    fn request_name(&self, request: u64) -> Option<String>;
}

impl Told for Run {
    fn stage_title(&self, stage: &str) -> Option<String> {
        self.plan.stage(stage).map(|stage| stage.title.clone())
    }

    fn doing(&self, step: &StepId, _: &Digest) -> Option<String> {
        let state = self.step(step);
        let begun = state.begun()?;
        self.plan.step(step).map(|step| operation::words(&begun.operation, step))
    }

    fn request_name(&self, request: u64) -> Option<String> {
        self.requests.get(&request).map(status::name)
    }
}

/// What happened, without the time; none for entries that only machines need.
pub fn words(run: &impl Told, entry: &Entry) -> Option<String> {
    let by = entry.by.clone().unwrap_or_default();
    let text = match &entry.fact {
        Fact::RunOpened(fact) => format!("run {} opened by {by} ({})", entry.run.short(), fact.mode.name()),
        Fact::SignedOn(_) => format!("{by} signed on (seat {})", entry.epoch),
        Fact::SignedOff(fact) => format!("{} signed off: {}", fact.people.join(", "), fact.why),
        Fact::HoldBegan(fact) => format!("the way in `{}` is held from now on", fact.hold),
        Fact::HoldProved(fact) => format!("the way in `{}` is open: proved", fact.hold),
        Fact::HoldEnded(fact) => format!("the way in `{}` is released", fact.hold),
        Fact::SessionOpened(fact) => format!("session {} is {}", fact.session, fact.arn),
        Fact::StageEntered(fact) => stage(run, &fact.stage, fact.count, fact.items.is_some()),
        Fact::AnchorSet(fact) => format!("{}: anchor captured and proved", place(&fact.stage, &fact.item)),
        Fact::AnchorRefused(fact) => format!("{}: anchor refused: {}", place(&fact.stage, &fact.item), fact.why),
        Fact::Asked(fact) => format!("request #{} {}: {}", entry.seq, fact.covers, fact.summary),
        Fact::Corroborated(fact) => format!(
            "corroborated, not proved: AWS took a code of {} for what {by} signed (request {}); CloudTrail of {} settles it",
            fact.serial,
            fact.request_id.as_deref().unwrap_or("without an id"),
            fact.account
        ),
        Fact::Approval(fact) => decision(run, &fact.statement),
        Fact::RequestEnded(fact) if fact.why == EndedBy::Consumed => return None,
        Fact::RequestEnded(fact) => format!("request #{} is over: {}", fact.request, ended(fact.why)),
        Fact::Said(fact) => said(&fact.statement),
        Fact::Intended(fact) => {
            let doing = run.doing(&fact.step, &fact.operation);
            let again = if fact.r#try > 1 { format!(", try {}", fact.r#try) } else { String::new() };
            let attempt = if fact.attempt > 1 { format!(", attempt {}", fact.attempt) } else { String::new() };
            format!("{}: {by} begins{attempt}{again}: {}", fact.step, doing.unwrap_or_default())
        }
        Fact::Outcome(fact) => format!("{}: {}", fact.step, outcome(fact)),
        Fact::Observed(fact) => {
            let reading = match fact.reading {
                Reading::Done => "it happened",
                Reading::NotDone => "it did not happen",
                Reading::CannotTell => "it can't tell",
            };
            format!("{}: the {} side says: {reading}", fact.step, fact.side)
        }
        Fact::Verified(fact) => format!("{}: seen ({})", fact.step, fact.sides.join(", ")),
        Fact::Skipped(fact) => {
            let step = fact.step.as_ref().map(|step| format!("/{step}")).unwrap_or_default();
            format!("{}{step}: skipped ({})", place(&fact.stage, &fact.item), fact.why)
        }
        Fact::Waiting(fact) => {
            let people =
                if fact.people.is_empty() { String::new() } else { format!(" for {}", fact.people.join(" or ")) };
            format!("waiting{people}: {} {}", fact.what.name().replace('_', " "), fact.at_step)
        }
        Fact::Waited(fact) if fact.began => match fact.until {
            Some(until) => format!("{}: waits until {}", fact.step, until.minutes()),
            None => format!("{}: waits", fact.step),
        },
        Fact::Waited(fact) => format!("{}: the wait is over", fact.step),
        Fact::Paused(fact) => format!("paused: {}", fact.why),
        Fact::Resumed(fact) => format!("note: {}", fact.why),
        Fact::RollbackStarted(fact) if fact.to.contains('/') => {
            format!("repair of {}: {} operations", fact.to, fact.steps.len())
        }
        Fact::RollbackStarted(fact) => {
            let to = if fact.to.is_empty() { "the beginning" } else { &fact.to };
            format!("rollback to {to}: {} operations", fact.steps.len())
        }
        Fact::AnchorRegained(fact) if fact.differs.is_empty() => {
            format!("{}: back as captured", place(&fact.stage, &fact.item))
        }
        Fact::AnchorRegained(fact) => {
            format!("{}: back, but: {}", place(&fact.stage, &fact.item), fact.differs.join("; "))
        }
        Fact::Amended(fact) => format!("the runbook was amended; signed by {}", signers(&fact.statements)),
        Fact::PeopleChanged(fact) => {
            format!("the people file was changed; signed by {}", signers(&fact.statements))
        }
        Fact::HandedOver(fact) => handed_over(&fact.statement),
        Fact::RunClosed(fact) => format!("run closed: {}", fact.result.replace('_', " ")),
        Fact::Witness(_) => format!("{by} witnessed the result"),
        Fact::BreakGlass(fact) => glass(&fact.statement),
        other => format!("{} by {by}", other.kind()),
    };
    Some(escape::line(&text))
}

/// [`words`] with the time before it, for logs.
pub fn timed(run: &impl Told, entry: &Entry) -> Option<String> {
    words(run, entry).map(|words| format!("{}  {words}", entry.at.millis()))
}

fn place(stage: &str, item: &Option<String>) -> String {
    crate::base::id::place(stage, item.as_deref())
}

fn stage(run: &impl Told, id: &str, count: u32, items: bool) -> String {
    let title = run.stage_title(id).unwrap_or_default();
    let count = if items { format!(" ({count} items)") } else { String::new() };
    format!("stage {id}: {title}{count}")
}

fn glass(text: &str) -> String {
    match Statement::read(text) {
        Ok(Statement { body: Body::BreakGlass(_, fields), tail }) => format!(
            "BREAK-GLASS: {} ({}) waived the approvals that attempt {} of {} lacked: {}",
            tail.person, tail.party, fields.attempt, fields.covers, tail.reason
        ),
        _ => "BREAK-GLASS: an unreadable statement".to_owned(),
    }
}

fn decision(run: &impl Told, text: &str) -> String {
    let Ok(statement) = Statement::read(text) else { return "an unreadable decision".to_owned() };
    let tail = &statement.tail;
    let Body::Approval(_, fields) = &statement.body else { return "an unreadable decision".to_owned() };
    let verb = match fields.decision {
        Decides::Approve => "approved",
        Decides::Deny => "DENIED",
        Decides::Revoke => "revoked",
    };
    let name = run.request_name(fields.request).unwrap_or_else(|| fields.covers.clone());
    let reason = if tail.reason.is_empty() { String::new() } else { format!(": {}", tail.reason) };
    format!("{} ({}, {}) {verb} {name}{reason}", tail.person, tail.role, tail.party)
}

/// Who signed a change, in the order of the entry.
fn signers(statements: &[SignedText]) -> String {
    let name = |one: &SignedText| {
        Statement::read(&one.statement).map_or_else(|_| "somebody".to_owned(), |statement| statement.tail.person)
    };
    statements.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn handed_over(text: &str) -> String {
    let Ok(Statement { body, tail }) = Statement::read(text) else { return "an unreadable hand-over".to_owned() };
    let reason = if tail.reason.is_empty() { String::new() } else { format!(": {}", tail.reason) };
    match body {
        Body::HandOver(_, to) => format!("{} handed the run over to {to}{reason}", tail.person),
        Body::Decline(_, to) => format!("{} declined; {to} has the run back{reason}", tail.person),
        _ => "an unreadable hand-over".to_owned(),
    }
}

fn said(text: &str) -> String {
    let Ok(statement) = Statement::read(text) else { return "an unreadable word".to_owned() };
    let tail = &statement.tail;
    let Body::Said(_, fields) = &statement.body else { return "an unreadable word".to_owned() };
    let what = match fields.what.name() {
        "confirmed" => "confirmed",
        "task" => "signed to have done",
        "answer" => "answered",
        "evidence" => "attached evidence to",
        "settled" => "said how it stands with",
        "go-on" => "said to go on with",
        _ => "noted",
    };
    let reason = if tail.reason.is_empty() { String::new() } else { format!(": {}", tail.reason) };
    if let Some(machine) = fields.covers.strip_prefix(RECOVERY) {
        return format!(
            "{} ({}) said that the lost run goes on in the copy {machine}{reason}",
            tail.person, tail.party
        );
    }
    format!("{} {what} {}{reason}", tail.person, fields.covers)
}

/// Why a request is over, in words.
pub fn ended(why: EndedBy) -> &'static str {
    match why {
        EndedBy::Consumed => "used",
        EndedBy::Denied => "denied",
        EndedBy::Expired => "its time ran out",
        EndedBy::Amended => "the runbook was amended",
        EndedBy::PeopleChanged => "the people file changed",
        EndedBy::RollbackStarted => "a rollback or a repair began",
        EndedBy::HandedOver => "the run was handed over",
        EndedBy::PerformerChanged => "another performer signed on",
        EndedBy::NewAttempt => "what it asked about is over",
        EndedBy::AnchorChanged => "what was captured has changed",
    }
}

/// How an operation ended, and how that is known.
pub fn outcome(fact: &Outcome) -> String {
    let result = match fact.result {
        Ended::Done => "done",
        Ended::Failed => "FAILED",
        Ended::NotDone => "nothing happened",
        Ended::InDoubt => "IN DOUBT",
        Ended::SecretLost => "done, but its secret was lost",
    };
    let how = match fact.found {
        Found::Answer | Found::Executor => "",
        Found::Probe => " (found by reading)",
        Found::Word => " (by word)",
    };
    let error = match &fact.error {
        None => String::new(),
        Some(problem) if problem.reason.is_empty() => format!(": {}: {}", problem.code, problem.message),
        Some(problem) => format!(": {} ({}): {}", problem.code, problem.reason, problem.message),
    };
    format!("{result}{how}{error}")
}
