//! Which objects an entry names: what belongs into a bundle, and what a reader may miss.

use super::Entry;
use super::fact::Fact;
use super::statement::{Body, Statement};
use crate::base::Digest;

/// Digests of the objects that `entry` names itself, in no special order. The plan names more:
/// see `plan::model`. Digests that statements repeat from other entries are left out.
pub fn objects(entry: &Entry) -> Vec<Digest> {
    match &entry.fact {
        Fact::RunOpened(fact) => {
            let mut all = vec![fact.runbook, fact.values, fact.plan, fact.people];
            all.extend(fact.people_signatures);
            all
        }
        Fact::StageEntered(fact) => fact.items.into_iter().collect(),
        Fact::AnchorSet(fact) => vec![fact.object],
        Fact::AnchorRefused(fact) => fact.object.into_iter().collect(),
        Fact::HoldProved(fact) => fact.object.into_iter().collect(),
        Fact::Asked(fact) => vec![fact.operations],
        Fact::Said(fact) => signed(&fact.statement, |body| match body {
            Body::Said(_, fields) => fields.object,
            _ => None,
        }),
        Fact::Intended(fact) => vec![fact.operation],
        Fact::Outcome(fact) => fact.output.into_iter().collect(),
        Fact::Observed(fact) => vec![fact.object],
        Fact::Verified(fact) => fact.object.into_iter().collect(),
        Fact::AnchorRegained(fact) => vec![fact.object],
        Fact::Checkpoint(fact) => fact.object.into_iter().collect(),
        Fact::Amended(fact) => vec![fact.runbook, fact.plan],
        Fact::PeopleChanged(fact) => vec![fact.people],
        Fact::BreakGlass(fact) => signed(&fact.statement, |body| match body {
            Body::BreakGlass(_, fields) => Some(fields.operations),
            _ => None,
        }),
        Fact::SignedOn(_)
        | Fact::SignedOff(_)
        | Fact::SessionOpened(_)
        | Fact::HoldBegan(_)
        | Fact::HoldEnded(_)
        | Fact::Approval(_)
        | Fact::Corroborated(_)
        | Fact::RequestEnded(_)
        | Fact::Skipped(_)
        | Fact::Waiting(_)
        | Fact::Waited(_)
        | Fact::Paused(_)
        | Fact::Resumed(_)
        | Fact::RollbackStarted(_)
        | Fact::HandedOver(_)
        | Fact::RunClosed(_)
        | Fact::Witness(_) => Vec::new(),
    }
}

/// The digest that `pick` finds in a statement; none if the text is no statement.
fn signed(text: &str, pick: impl Fn(&Body) -> Option<Digest>) -> Vec<Digest> {
    Statement::read(text).ok().and_then(|statement| pick(&statement.body)).into_iter().collect()
}
