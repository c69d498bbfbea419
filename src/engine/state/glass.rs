//! What approvals and break-glass mean to the request that they are about: both stand beside it. Pure.

use super::{Run, Voice};
use crate::base::{StepId, Time};
use crate::record::entry::Entry;
use crate::record::fact::What;
use crate::record::statement::{Body, BreakGlassFields};

/// One use of break-glass, for people.
#[derive(Clone, Debug)]
pub struct Glass {
    pub seq: u64,
    pub at: Time,
    pub person: String,
    pub party: String,
    /// The step whose approvals it waives (`undo STEP`: its undo).
    pub covers: String,
    pub attempt: u32,
    pub reason: String,
}

impl Run {
    pub(super) fn voice(&mut self, seq: u64, text: &str, signature: &str, key: &str) -> Result<(), String> {
        let (statement, good, key, head) = self.signed("approval", text, signature, key)?;
        let Body::Approval(_, fields) = &statement.body else { return Err("it is no approval statement".to_owned()) };
        let request = self.requests.get_mut(&fields.request).ok_or("it is about a request that there is not")?;
        let before = self.corroborated.take().filter(|(at, _)| at + 1 == seq);
        let corroborated = before.map(|(_, fact)| fact);
        request.voices.push(Voice { seq, statement, good, key: key.blob, head, corroborated });
        let request = &*request;
        self.index.heard(request);
        Ok(())
    }

    pub(super) fn break_glass(&mut self, entry: &Entry, text: &str, signature: &str, key: &str) -> Result<(), String> {
        let (statement, good, key, head) = self.signed("break-glass", text, signature, key)?;
        let Body::BreakGlass(_, fields) = &statement.body else { return Err("it is no break-glass".to_owned()) };
        let (request, _) = self.waives(fields).ok_or("it is about no open request")?;
        let (attempt, covers, tail) = (fields.attempt, fields.covers.clone(), statement.tail.clone());
        self.glass.push(Glass {
            seq: entry.seq,
            at: entry.at,
            person: tail.person,
            party: tail.party,
            covers,
            attempt,
            reason: tail.reason,
        });
        if let Some(request) = self.requests.get_mut(&request) {
            request.glass.push(Voice { seq: entry.seq, statement, good, key: key.blob, head, corroborated: None });
        }
        Ok(())
    }

    /// The newest open request that break-glass with these fields is about, and the step.
    pub fn waives(&self, fields: &BreakGlassFields) -> Option<(u64, StepId)> {
        let fits = |request: &&super::RequestState| {
            request.is_live()
                && request.asked.what == What::Approval
                && request.asked.operations == fields.operations
                && request.asked.attempt == fields.attempt
        };
        self.requests.values().rev().filter(fits).find_map(|request| {
            let slot = request.operations.iter().find(|slot| slot.step.covers() == fields.covers)?;
            Some((request.seq, slot.step.clone()))
        })
    }

    /// Approvals were waived, and not every party has witnessed the result since.
    pub fn is_unreconciled(&self) -> bool {
        let parties = self.plan.parties();
        !self.glass.is_empty()
            && (self.closed.is_none()
                || !parties.into_iter().all(|one| self.end.witnesses.iter().any(|witness| witness.party == one)))
    }
}
