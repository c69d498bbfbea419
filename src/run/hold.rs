//! Proves a held way in: its session is opened and reads what it must be able to read, then that is journaled (P6).

use super::RunError;
use super::desk::{After, Desk, Landing};
use super::hands::{Came, Held, Trip, Unset};
use crate::engine::hold;
use crate::engine::next::{Draft, Stop, StopKind};
use crate::engine::port::{Clock, Cloud, Store};
use crate::operator::Operator;
use crate::plan::model::Hold;
use crate::record::fact;
use crate::record::salted;
use serde_json::{Value, json};

impl<C: Cloud, K: Clock> Trip<'_, C, K> {
    /// The actions that proved it, or why it is not open.
    pub(super) async fn hold(&mut self, id: String, begin: bool, scope: &Value) -> Came {
        let plan = self.plan;
        let found = match plan.hold(&id) {
            Some(hold) => self.proved(hold, scope).await,
            None => Err(Unset::Refused(format!("the plan has no hold `{id}`"))),
        };
        Came::Hold { id, begin, found }
    }

    async fn proved(&mut self, hold: &Hold, scope: &Value) -> Result<Vec<String>, Unset> {
        self.session(&hold.session).await.map_err(Unset::Blocked)?;
        let mut proofs = Vec::new();
        for expect in &hold.prove {
            match self.held_within(expect, scope).await {
                Held::Yes => proofs.push(expect.read.action.clone()),
                Held::No(why) => return Err(Unset::Refused(why)),
                Held::Blocked(blocked) => return Err(Unset::Blocked(blocked)),
            }
        }
        Ok(proofs)
    }
}

impl<S: Store, K: Clock, O: Operator> Desk<'_, S, K, O> {
    /// `begin`: from now on the way in is held.
    pub(super) fn hold_came(
        &mut self,
        at: &crate::base::StepId,
        id: &str,
        begin: bool,
        found: &Result<Vec<String>, Unset>,
    ) -> Result<Landing, RunError> {
        let plan = std::sync::Arc::clone(&self.run.plan);
        let Some(hold) = plan.hold(id) else { return Ok(Landing::default()) };
        let place = hold::place(id);
        let proofs = match found {
            Ok(proofs) => proofs,
            Err(Unset::Blocked(blocked)) => {
                let mut stop = self.stop_of(at, blocked);
                stop.why = format!("the hold `{}`: {}", hold.title, stop.why);
                stop.at = place;
                return Ok(Landing::stop(stop));
            }
            Err(Unset::Refused(why)) => {
                let why = format!("the way in that the hold `{}` keeps is not open: {why}", hold.title);
                return Ok(Landing::stop(Stop::of(StopKind::Refused, &place, why)));
            }
        };
        let object = self.salted(salted::CAPTURED, &json!({"session": hold.session, "proved": proofs}))?;
        let mut drafts = Vec::new();
        if begin {
            drafts.push(Draft::new(fact::HoldBegan { hold: id.to_owned() }));
        }
        drafts.push(Draft::new(fact::HoldProved { hold: id.to_owned(), object: Some(object.0) }).with(object));
        Ok(Landing::of(drafts).after(After::Held(id.to_owned())))
    }
}
