//! Proves a held way in: opens its session and reads what it must be able to read, then journals it (P6).

use super::{Appended, Executor, RunError};
use crate::engine::next::{Draft, Stop, StopKind};
use crate::engine::port::{Clock, Cloud, Store};
use crate::engine::{hold, scope};
use crate::operator::Operator;
use crate::record::fact;
use crate::record::salted;
use serde_json::{Value, json};

impl<S: Store, C: Cloud, K: Clock, O: Operator> Executor<S, C, K, O> {
    /// `stage`: where the run stands (by index); `begin`: from now on the way in is held.
    pub(super) async fn hold(&mut self, id: &str, stage: usize, begin: bool) -> Result<Option<Stop>, RunError> {
        let plan = self.run.plan.clone();
        let Some(hold) = plan.holds.iter().find(|hold| hold.id == id) else { return Ok(None) };
        let (Some(at), place) = (hold::reading_at(&self.run, stage), hold::place(id)) else { return Ok(None) };
        let named = |mut stop: Stop| {
            stop.at.clone_from(&place);
            stop.why = format!("the hold `{}`: {}", hold.title, stop.why);
            stop
        };
        if let Err(stop) = self.session(&hold.session, &at).await? {
            return Ok(Some(named(stop)));
        }
        let Some(here) = plan.stage(&at.stage) else { return Ok(None) };
        let scope = scope::of(&self.run, here, None, None);
        let mut proofs = Vec::new();
        for expect in &hold.prove {
            match self.held_within(expect, &scope, &at).await? {
                super::look::Held::Yes => proofs.push(Value::String(expect.read.action.clone())),
                super::look::Held::Blocked(stop) => return Ok(Some(named(stop))),
                super::look::Held::No(why) => {
                    let why = format!("the way in that the hold `{}` keeps is not open: {why}", hold.title);
                    return Ok(Some(Stop::of(StopKind::Refused, &place, why)));
                }
            }
        }
        let identity = self.run.sessions.get(&hold.session).cloned().unwrap_or(Value::Null);
        let object = self.salted(salted::CAPTURED, &json!({"session": identity, "proved": proofs}))?;
        let mut drafts = Vec::new();
        if begin {
            drafts.push(Draft::new(fact::HoldBegan { hold: id.to_owned() }));
        }
        let seq = self.run.size() + drafts.len() as u64;
        drafts.push(Draft::new(fact::HoldProved { hold: id.to_owned(), object: Some(object.0) }).with(object));
        if self.append(drafts)? == Appended::Yes {
            self.seat.held.insert(id.to_owned(), seq);
        }
        Ok(None)
    }
}
