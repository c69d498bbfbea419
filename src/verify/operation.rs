//! From intent to outcome: what may begin, what it may be, and how it may end.

use super::codes;
use super::template;
use super::walk::{Checked, Walk, fail, signed_form};
use crate::approval::{self, Decision};
use crate::base::{Digest, StepId, Time};
use crate::plan::model::{Body, Step};
use crate::record::Entry;
use crate::record::fact::{AnchorSet, Direction, Ended, Found, Intended, Observed, Outcome, What};
use crate::record::salted;
use crate::record::statement::SaidWhat;
use serde_json::Value;
use std::rc::Rc;

/// Nothing is sent later than this after its intent (milliseconds).
const SEND_WITHIN: i64 = 30_000;
const ROUNDING: i64 = 1_000;

/// The operations of one step so far; the last one in full.
pub(super) struct Work {
    pub attempt: u32,
    tries: u32,
    /// Seq of the attempt's first intent, and of the last one.
    first: u64,
    pub intended: u64,
    operation: Digest,
    /// Of the last operation; none: no outcome yet.
    ended: Option<(Ended, Found)>,
    request: Option<u64>,
    /// Until when the approvals let it run; none where none are needed.
    run_by: Option<Time>,
}

impl Work {
    /// Begun, and it is not known how it ended.
    pub fn is_open(&self) -> bool {
        matches!(self.ended, None | Some((Ended::InDoubt, _)))
    }

    /// Its answer was a failure.
    pub fn has_failed(&self) -> bool {
        matches!(self.ended, Some((Ended::Failed, _)))
    }
}

impl Walk<'_> {
    pub fn anchor_set(&mut self, fact: &AnchorSet) -> Checked {
        self.place(&fact.stage, fact.item.as_deref())?;
        let plan = self.plan()?;
        let Some(anchor) = plan.stage(&fact.stage).and_then(|stage| stage.anchor.as_ref()) else {
            return fail(codes::STEP, format!("the stage {} has no anchor", fact.stage));
        };
        let place = (fact.stage.clone(), fact.item.clone());
        let before = self.anchors.insert(place, fact.object);
        if before.is_some_and(|before| before != fact.object) {
            for request in self.requests.values_mut() {
                let stale = request.steps.iter().filter(|step| step.stage == fact.stage && step.item == fact.item);
                let stale: Vec<StepId> = stale.filter(|step| step.is_forward()).cloned().collect();
                request.stale.extend(stale);
            }
        }
        if fact.proved as usize != anchor.prove.len() {
            return fail(codes::ANCHOR, format!("{} of {} proofs were made", fact.proved, anchor.prove.len()));
        }
        Ok(())
    }

    /// A changing step's anchor stands before it is asked for and before it begins.
    pub fn anchored(&self, id: &StepId) -> Checked {
        let (plan, step) = self.step(id)?;
        let has_anchor = plan.stage(&id.stage).is_some_and(|stage| stage.anchor.is_some());
        let place = (id.stage.clone(), id.item.clone());
        if has_anchor && step.mutates && !self.anchors.contains_key(&place) {
            return fail(codes::ANCHOR, format!("the anchor of {} was not set before {id}", id.place()));
        }
        Ok(())
    }

    pub fn intended(&mut self, entry: &Entry, fact: &Intended) -> Checked {
        let checked = self.may_begin(entry, fact);
        let run_by = checked.as_ref().ok().copied().flatten();
        let id = &fact.step;
        let before = self.works.remove(id).filter(|work| work.attempt == fact.attempt);
        let work = Work {
            attempt: fact.attempt,
            tries: fact.r#try,
            first: before.as_ref().map_or(entry.seq, |work| work.first),
            intended: entry.seq,
            operation: fact.operation,
            ended: None,
            request: fact.request.or(before.as_ref().and_then(|work| work.request)),
            run_by: run_by.or(before.and_then(|work| work.run_by)),
        };
        self.works.insert(id.clone(), work);
        if let Some(request) = fact.request.and_then(|seq| self.requests.get_mut(&seq)) {
            request.spent.entry(id.clone()).or_insert(entry.seq);
        }
        checked.map(|_| ())
    }

    /// All rules of a beginning; gives until when its approvals let it run.
    fn may_begin(&mut self, entry: &Entry, fact: &Intended) -> Checked<Option<Time>> {
        let id = &fact.step;
        let (_, step) = self.step(id)?;
        if (fact.direction == Direction::Undo) != id.undo.is_some() {
            return fail(codes::STEP, format!("the direction of {id} is not what its name says"));
        }
        if id.undo.is_some() && !self.works.contains_key(&id.forward()) {
            return fail(codes::STEP, format!("{id} takes back what was never begun"));
        }
        if id.repair.is_some() && self.repairs != Some(id.forward()) {
            return fail(codes::STEP, format!("{id} begins, and no repair of {} was started", id.forward()));
        }
        if self.works.get(id).is_some_and(Work::is_open) {
            return fail(codes::TWO_OPEN, format!("the last operation of {id} is still open"));
        }
        if self.lost.contains_key(id) && self.stands_at(id, &step) {
            return fail(
                codes::NUMBERS,
                format!("{id} begins again, and what its lost secret belongs to was not taken back"),
            );
        }
        self.numbered(fact)?;
        self.performed_by(entry, fact, &step)?;
        self.anchored(id)?;
        self.held(entry, fact, &step)?;
        let bytes = self.bytes("operation", &fact.operation)?;
        let operation: Value = signed_form("operation", bytes)?;
        if !template::fits(&step.template, &operation, &|path| self.known(id, path)) {
            return fail(codes::OPERATION, format!("what {id} does is not what the plan's template allows"));
        }
        let run_by = if fact.r#try == 1 { self.paid(fact, &step)? } else { self.tried_again(fact)? };
        if let Some(seq) = fact.request.filter(|_| fact.r#try == 1) {
            self.as_approved(seq, id, &operation)?;
        }
        self.confirmed(entry, fact, &step)?;
        self.sent_in_time(entry, fact, &step, run_by)?;
        Ok(run_by)
    }

    /// Attempts and tries count up by one.
    fn numbered(&self, fact: &Intended) -> Checked {
        let id = &fact.step;
        let last = self.works.get(id);
        if fact.r#try > 1 {
            let follows = last.is_some_and(|last| {
                last.attempt == fact.attempt
                    && last.tries.saturating_add(1) == fact.r#try
                    && fact.first == Some(last.first)
            });
            return if follows {
                Ok(())
            } else {
                fail(codes::NUMBERS, format!("there was no try before this one of {id}"))
            };
        }
        // An undo is of the attempt that it takes back; a rollback opens a new one for all that follows.
        let forward = self.works.get(&id.forward()).filter(|_| id.undo.is_some()).map_or(0, |work| work.attempt);
        let before = last.map_or(0, |last| last.attempt);
        let most = forward.max(before.saturating_add(1)).saturating_add(self.rollbacks);
        if fact.r#try != 1 || fact.first.is_some() || fact.attempt <= before || fact.attempt > most {
            return fail(codes::NUMBERS, format!("attempt {} of {id} does not follow {before}", fact.attempt));
        }
        Ok(())
    }

    /// Whoever begins it is signed on, performs this step, and may change things through its session.
    fn performed_by(&self, entry: &Entry, fact: &Intended, step: &Step) -> Checked {
        let Some(person) = entry.by.as_deref() else {
            return fail(codes::PERFORMER, format!("nobody is named who begins {}", fact.step));
        };
        if !self.seated.contains(person) {
            return fail(codes::PERFORMER, format!("{person} is not signed on, and begins {}", fact.step));
        }
        self.performs(person, &fact.step)?;
        let plan = self.plan()?;
        let people = self.people()?;
        let roles = people.get(person).map(|person| person.roles.as_slice()).unwrap_or_default();
        let used_by = plan.sessions.get(&step.session).map(|session| session.used_by.as_slice()).unwrap_or_default();
        if !used_by.is_empty() && step.mutates && !roles.iter().any(|role| used_by.contains(role)) {
            return fail(codes::PERFORMER, format!("{person} may change nothing through {}", step.session));
        }
        Ok(())
    }

    fn confirmed(&self, entry: &Entry, fact: &Intended, step: &Step) -> Checked {
        if step.confirm.is_none() {
            return Ok(());
        }
        let asked = fact.request.and_then(|seq| self.requests.get(&seq)).map(|request| request.asked.operations);
        let confirmed = self.spoken_of(&fact.step).any(|spoken| {
            spoken.what == SaidWhat::Confirmed
                && spoken.attempt == fact.attempt
                && Some(spoken.person.as_str()) == entry.by.as_deref()
                && (spoken.object == Some(fact.operation) || spoken.object == asked || fact.r#try > 1)
        });
        if confirmed { Ok(()) } else { fail(codes::CONFIRM, format!("{} was not confirmed", fact.step)) }
    }

    /// The approvals of a first try: granted by the plan in force, each spent once.
    fn paid(&mut self, fact: &Intended, step: &Step) -> Checked<Option<Time>> {
        let id = &fact.step;
        let Some(seq) = fact.request else {
            if step.approvals.is_empty() && fact.consumes.is_empty() {
                return Ok(None);
            }
            return fail(codes::UNPAID, format!("{id} needs approvals, and none are named"));
        };
        if step.approvals.is_empty() {
            return fail(codes::UNPAID, format!("{id} needs no approval, but names the request {seq}"));
        }
        let (Some(request), Some(case)) = (self.requests.get(&seq), self.case(seq)) else {
            return fail(codes::UNPAID, format!("there is no request {seq}"));
        };
        if let Some(why) = &request.over {
            return fail(codes::UNPAID, format!("the request {seq} is over: {why}"));
        }
        let slot = request.operations_of(id).any(|operation| operation.attempt == fact.attempt);
        if !slot || request.asked.what != What::Approval {
            return fail(codes::UNPAID, format!("the request {seq} does not cover attempt {} of {id}", fact.attempt));
        }
        if let Some(spent) = request.spent.get(id) {
            return fail(
                codes::SPENT,
                format!("the approvals of the request {seq} for {id} were spent in entry {spent}"),
            );
        }
        if request.stale.contains(id) {
            return fail(codes::UNPAID, format!("the anchor of {} changed after the request {seq}", id.place()));
        }
        match approval::may_begin(&case, id) {
            Decision::Granted { consumes, run_by } if consumes == fact.consumes => Ok(Some(run_by)),
            Decision::Waived { run_by, .. } if fact.consumes.is_empty() => Ok(Some(run_by)),
            Decision::Waived { .. } => fail(codes::UNPAID, "break-glass stands for approvals, so none are spent"),
            Decision::Granted { consumes, .. } => {
                fail(codes::UNPAID, format!("it spends {:?}, but {consumes:?} grant it", fact.consumes))
            }
            Decision::Expired { at } => fail(codes::LATE, format!("the request {seq} expired at {at}")),
            Decision::Denied { person, .. } => fail(codes::UNPAID, format!("{person} denied the request {seq}")),
            Decision::Missing(lacks) => {
                let roles: Vec<&str> = lacks.iter().map(|lack| lack.role.as_str()).collect();
                fail(codes::UNPAID, format!("approvals are missing for {id}: {}", roles.join(", ")))
            }
        }
    }

    /// A later try: nothing happened before, the same operation, the same approvals, still in time.
    fn tried_again(&self, fact: &Intended) -> Checked<Option<Time>> {
        let id = &fact.step;
        let Some(last) = self.works.get(id) else { return fail(codes::NUMBERS, format!("{id} was never begun")) };
        let nothing_happened = match last.ended {
            Some((Ended::NotDone, found)) => found != Found::Word,
            // What it made was taken back: see `may_begin`.
            Some((Ended::SecretLost, _)) => true,
            _ => false,
        };
        if !nothing_happened {
            return fail(codes::NUMBERS, format!("{id} is tried again, though something may have happened"));
        }
        if !fact.consumes.is_empty() || fact.request.is_some_and(|seq| Some(seq) != last.request) {
            return fail(codes::SPENT, format!("a later try of {id} spends nothing"));
        }
        if fact.operation != last.operation {
            return fail(codes::OPERATION, format!("a later try of {id} is another operation"));
        }
        if let Some(why) = last.request.and_then(|seq| self.requests.get(&seq)?.over.as_ref()) {
            return fail(codes::UNPAID, format!("the request that paid for {id} is over: {why}"));
        }
        match last.run_by {
            Some(run_by) if self.floor > run_by => fail(codes::LATE, format!("run-by {run_by} of {id} had passed")),
            run_by => Ok(run_by),
        }
    }

    /// What is done is what the request showed, where that was fully resolved.
    fn as_approved(&self, seq: u64, id: &StepId, operation: &Value) -> Checked {
        let Some(request) = self.requests.get(&seq) else { return Ok(()) };
        let Some(asked) = request.operations_of(id).next() else { return Ok(()) };
        let list = request.operations.len() > 1;
        let filled = || template::fits(&asked.operation, operation, &|path| self.known(id, path));
        if asked.operation == *operation || (list && filled()) {
            return Ok(());
        }
        fail(codes::OPERATION, format!("what {id} does is not what was approved"))
    }

    fn sent_in_time(&self, entry: &Entry, fact: &Intended, step: &Step, run_by: Option<Time>) -> Checked {
        let machine = matches!(step.body, Body::Action | Body::Read | Body::Command(_));
        let Some(send_by) = fact.send_by else {
            return if machine { fail(codes::LATE, format!("{} has no send_by", fact.step)) } else { Ok(()) };
        };
        if send_by.since(entry.at) > SEND_WITHIN + ROUNDING {
            return fail(codes::LATE, format!("its send_by {send_by} is more than 30 s after it"));
        }
        match run_by {
            Some(run_by) if send_by > run_by => {
                fail(codes::LATE, format!("its send_by {send_by} is later than run-by {run_by}"))
            }
            _ => Ok(()),
        }
    }

    pub fn outcome(&mut self, entry: &Entry, fact: &Outcome) -> Checked {
        let checked = self.may_end(fact);
        if let Some(date) = fact.date.as_deref().and_then(Time::parse) {
            self.floor = self.floor.max(date);
        }
        if let Ok(step) = &checked {
            // On whose word it ended is one question; that it has ended, the next entries go by.
            let agreed = self.agreed(fact, step);
            self.note_outcome(entry, fact);
            agreed?;
        }
        checked?;
        match fact.date.as_deref() {
            Some(date) if Time::parse(date).is_none() => fail(codes::OUTCOME, "AWS's date is not a time"),
            _ => Ok(()),
        }
    }

    fn note_outcome(&mut self, entry: &Entry, fact: &Outcome) {
        let id = &fact.step;
        if let Some(work) = self.works.get_mut(id).filter(|work| Some(work.intended) == fact.intended) {
            work.ended = Some((fact.result, fact.found));
            if matches!(fact.result, Ended::Done | Ended::Failed) {
                self.passed.insert(id.clone());
            }
        }
        if fact.result == Ended::SecretLost {
            self.lost.insert(id.clone(), entry.seq);
            match fact.output {
                Some(output) => self.outputs.insert(id.clone(), output),
                None => self.outputs.remove(id),
            };
        }
        if fact.result == Ended::Done {
            self.lost.remove(id);
            self.done.insert(id.clone(), entry.seq);
            match fact.output {
                Some(output) => self.outputs.insert(id.clone(), output),
                None => self.outputs.remove(id),
            };
        }
    }

    /// It is the end of an operation that is open, or of a step that has none; gives the step.
    fn may_end(&self, fact: &Outcome) -> Checked<Rc<Step>> {
        let id = &fact.step;
        let (_, step) = self.step(id)?;
        if (fact.direction == Direction::Undo) != id.undo.is_some() {
            return fail(codes::STEP, format!("the direction of {id} is not what its name says"));
        }
        let Some(seq) = fact.intended else {
            if step.mutates {
                return fail(codes::NO_INTENT, format!("{id} changes something, and nothing says that it was begun"));
            }
            return Ok(step);
        };
        let Some(work) = self.works.get(id).filter(|work| work.intended == seq && work.attempt == fact.attempt) else {
            return fail(codes::OUTCOME, format!("entry {seq} did not begin attempt {} of {id}", fact.attempt));
        };
        // An undo or a repair that failed may be done by hand: then people's word ends it a second time.
        let by_hand = !id.is_forward() && work.has_failed() && (fact.result, fact.found) == (Ended::Done, Found::Word);
        if !work.is_open() && !by_hand {
            return fail(codes::OUTCOME, format!("the operation of entry {seq} had ended before"));
        }
        if fact.result == Ended::SecretLost && step.secret_outputs.is_empty() {
            return fail(codes::OUTCOME, format!("{id} has no secret that could be lost"));
        }
        if work.ended.is_some() && fact.result == Ended::InDoubt {
            return fail(codes::OUTCOME, format!("the operation of entry {seq} is in doubt already"));
        }
        Ok(step)
    }

    /// The words that this end rests on.
    fn agreed(&mut self, fact: &Outcome, step: &Step) -> Checked {
        let machine = matches!(step.body, Body::Action | Body::Command(_));
        if machine && fact.found == Found::Word && fact.intended.is_some() {
            return self.settled_by_word(fact);
        }
        self.people_said(fact, step)
    }

    /// People settle what nobody else can tell: a request of its own, granted, with this very result.
    fn settled_by_word(&mut self, fact: &Outcome) -> Checked {
        let id = &fact.step;
        let requests = self.requests.iter().filter(|(_, request)| {
            request.asked.what == What::Settle
                && request.steps.contains(id)
                && request.asked.attempt == fact.attempt
                && request.over.is_none()
                && request.spent.is_empty()
        });
        let mut granted = None;
        for (seq, request) in requests {
            let settlement: Value = signed_form("settlement", self.bytes("settlement", &request.asked.operations)?)?;
            // Who says done has no secret to show.
            let said = if fact.result == Ended::SecretLost { Ended::Done } else { fact.result };
            let result = serde_json::to_value(said).unwrap_or(Value::Null);
            let is_granted =
                self.case(*seq).is_some_and(|case| matches!(approval::decide(&case), Decision::Granted { .. }));
            if settlement.get("result") == Some(&result) && is_granted {
                granted = Some(*seq);
            }
        }
        let Some(request) = granted.and_then(|seq| self.requests.get_mut(&seq)) else {
            return fail(codes::BY_WORD, format!("nobody agreed that {id} ended so"));
        };
        request.spent.insert(id.clone(), fact.intended.unwrap_or(0));
        self.by_word.push(id.to_string());
        Ok(())
    }

    /// A task of people, or a question, is done when those who perform it have signed so.
    fn people_said(&self, fact: &Outcome, step: &Step) -> Checked {
        let joint: &[String] = match &step.body {
            Body::Manual(manual) => &manual.performers,
            Body::Ask(_) => &[],
            _ => return Ok(()),
        };
        if fact.result != Ended::Done {
            return Ok(());
        }
        let people = self.people()?;
        let words = self.spoken_of(&fact.step).filter(|spoken| {
            matches!(spoken.what, SaidWhat::Task | SaidWhat::Answer | SaidWhat::Evidence)
                && spoken.attempt == fact.attempt
        });
        let speakers: Vec<_> = words.filter_map(|spoken| people.get(&spoken.person)).collect();
        let single = [step.performer.clone()];
        let roles = if joint.is_empty() { &single[..] } else { joint };
        for role in roles {
            if !speakers.iter().any(|person| person.roles.contains(role)) {
                return fail(codes::TASK, format!("no {role} signed that {} is done", fact.step));
            }
        }
        let mut different: Vec<&str> = speakers.iter().map(|person| person.id.as_str()).collect();
        different.sort_unstable();
        different.dedup();
        if different.len() < roles.len() {
            return fail(codes::TASK, format!("{} needs {} different people", fact.step, roles.len()));
        }
        Ok(())
    }

    pub fn observed(&self, fact: &Observed) -> Checked {
        let id = &fact.step;
        self.step(id)?;
        let fits = self.works.get(id).is_some_and(|work| work.intended == fact.intended && work.is_open());
        if fits {
            Ok(())
        } else {
            fail(codes::OUTCOME, format!("entry {} is no open operation of {id}", fact.intended))
        }
    }

    /// What a plain member path of a template is, by the outcomes so far.
    pub fn known(&self, of: &StepId, path: &str) -> Option<Value> {
        let (root, rest) = path.split_once('.')?;
        if root == "with" && of.undo.is_some() {
            // The usual undo names what its step was done with.
            let done = self.objects.get(&self.works.get(&of.forward())?.operation)?;
            let done: Value = serde_json::from_slice(done).ok()?;
            return template::member(done.get("with")?, rest).cloned();
        }
        let (id, rest) = match root {
            "output" if of.undo.is_some() => (of.forward(), rest),
            "undo" => rest.split_once('.').map(|(undo, rest)| (of.with_undo(undo), rest))?,
            "repair" => rest.split_once('.').map(|(repair, rest)| (of.with_repair(repair), rest))?,
            "steps" => {
                rest.split_once('.').map(|(step, rest)| (StepId::new(&of.stage, of.item.as_deref(), step), rest))?
            }
            "stages" => {
                let (stage, rest) = rest.split_once('.')?;
                let (step, rest) = rest.split_once('.')?;
                let same_item = StepId::new(stage, of.item.as_deref(), step);
                let id = if self.done.contains_key(&same_item) { same_item } else { StepId::new(stage, None, step) };
                (id, rest)
            }
            _ => return None,
        };
        let bytes = self.objects.get(self.outputs.get(&id)?)?;
        template::member(&salted::unwrap(bytes, salted::OUTPUT).ok()?, rest).cloned()
    }
}
