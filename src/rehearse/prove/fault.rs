//! The faults of the table: their names and heads, what each does, and which kinds of step they can strike.

use crate::plan::model::{Body, Step};
use crate::report::proof::Column;
use crate::simulator::{Fault, FaultKind, Lasting};

/// What happens to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happens {
    KilledBeforeIntent,
    KilledAfterIntent,
    KilledAfterCall,
    KilledAfterOutcome,
    ResponseLost,
    ResponseLostStale,
    Throttled,
    SessionExpired,
    AccessDenied,
    StaleReads,
    ApprovalDenied,
    ApprovalExpired,
}

/// In the order of the table.
pub const ALL: [Happens; 12] = [
    Happens::KilledBeforeIntent,
    Happens::KilledAfterIntent,
    Happens::KilledAfterCall,
    Happens::KilledAfterOutcome,
    Happens::ResponseLost,
    Happens::ResponseLostStale,
    Happens::Throttled,
    Happens::SessionExpired,
    Happens::AccessDenied,
    Happens::StaleReads,
    Happens::ApprovalDenied,
    Happens::ApprovalExpired,
];

const fn column(head: &'static str, name: &'static str, words: &'static str) -> Column {
    Column { head, name, words }
}

/// One per fault, in the same order.
pub const COLUMNS: [Column; 12] = [
    column("K1", "killed_before_intent", "killed before the intent was written"),
    column("K2", "killed_after_intent", "killed between intent and call"),
    column("K3", "killed_after_call", "killed between call and outcome"),
    column("K4", "killed_after_outcome", "killed after the outcome was written"),
    column("RL", "response_lost", "AWS carried it out and its answer was lost"),
    column("LS", "response_lost_stale", "the answer was lost, and reads did not show the change for a while"),
    column("TH", "throttled", "AWS throttled the call"),
    column("SE", "session_expired", "the session had expired at the call"),
    column("AD", "access_denied", "AWS denied the call once"),
    column("SR", "stale_reads", "reads did not show the change for a while"),
    column("NO", "approval_denied", "an approver denied, once"),
    column("EX", "approval_expired", "nobody approved in time, once"),
];

impl Happens {
    pub fn column(self) -> Column {
        let at = ALL.iter().position(|one| *one == self).unwrap_or(0);
        COLUMNS[at]
    }

    pub fn name(self) -> &'static str {
        self.column().name
    }

    pub fn is_kill(self) -> bool {
        self <= Happens::KilledAfterOutcome
    }

    pub fn is_of_people(self) -> bool {
        self >= Happens::ApprovalDenied
    }

    /// Why it can't happen to this step; none if it can.
    pub fn not_for(self, step: &Step) -> Option<&'static str> {
        let calls = reads(step).is_some() || matches!(step.body, Body::Action);
        match self {
            Happens::KilledAfterIntent if !step.mutates && !matches!(step.body, Body::Wait(_)) => {
                Some("it changes nothing, so no intent is written")
            }
            Happens::ApprovalDenied | Happens::ApprovalExpired if step.approvals.is_empty() => {
                Some("it needs no approval")
            }
            Happens::ResponseLost if matches!(step.body, Body::Command(_)) => None,
            one if !one.is_kill() && !one.is_of_people() && !calls => Some(match step.body {
                Body::Command(_) => "a command makes its own calls, which the world does not simulate",
                _ => "it makes no call to AWS",
            }),
            _ => None,
        }
    }

    /// What AWS, or the way to it, does to the call.
    pub fn of_aws(self, settles_within: i64) -> Vec<Fault> {
        let of = |kind| Fault::first("*", kind);
        // As long as AWS may take to show a change, and not longer.
        let stale = || Fault { lasting: Lasting::Ms(settles_within.max(1)), ..of(FaultKind::StaleReads) };
        match self {
            Happens::ResponseLost => vec![of(FaultKind::ResponseLost)],
            Happens::ResponseLostStale => vec![of(FaultKind::ResponseLost), stale()],
            Happens::Throttled => vec![of(FaultKind::Throttled)],
            Happens::SessionExpired => vec![of(FaultKind::SessionExpired)],
            Happens::AccessDenied => vec![of(FaultKind::AccessDenied)],
            Happens::StaleReads => vec![stale()],
            _ => Vec::new(),
        }
    }
}

/// The action of a step that only reads.
pub fn reads(step: &Step) -> Option<String> {
    match &step.body {
        Body::Read => step.template.get("action").and_then(|action| action.as_str()).map(str::to_owned),
        Body::Check(expect) => Some(expect.read.action.clone()),
        Body::Wait(wait) => wait.expect.as_ref().map(|expect| expect.read.action.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn heads_and_names_are_two_letters_and_unique() {
        let heads: BTreeSet<&str> = COLUMNS.iter().map(|column| column.head).collect();
        let names: BTreeSet<&str> = COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!((heads.len(), names.len()), (12, 12));
        assert!(heads.iter().all(|head| head.len() == 2));
        assert_eq!(Happens::ApprovalExpired.name(), "approval_expired");
        assert!(Happens::KilledAfterOutcome.is_kill() && !Happens::ResponseLost.is_kill());
    }
}
