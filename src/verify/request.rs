//! Requests: what was asked against the plan, who decided, and how a request ended.

use super::codes;
use super::signed::Signed;
use super::walk::{Checked, Spoken, Walk, fail};
use crate::approval::{self, Case, Decision, Given};
use crate::base::{Digest, StepId, Time};
use crate::plan::model::Plan;
use crate::record::Entry;
use crate::record::fact::{Asked, Corroborated, Direction, EndedBy, Fact, Mode, RequestEnded, What};
use crate::record::operations::{self, Operation};
use crate::record::statement::{Decides, SaidWhat};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Clocks of a request may be rounded to whole seconds (milliseconds).
const ROUNDING: i64 = 1_000;
/// A request's clock may begin before its entry's time, where the operator's clock was set back.
const SET_BACK: i64 = 120_000;

/// A request and what became of it.
pub(super) struct Request {
    pub asked: Asked,
    pub leaf: Digest,
    /// The plan when it was asked.
    pub plan: Rc<Plan>,
    /// Empty for a settlement.
    pub operations: Vec<Operation>,
    /// Where in it each step stands.
    pub by_step: BTreeMap<StepId, Vec<usize>>,
    pub steps: Vec<StepId>,
    pub demands: Vec<crate::plan::model::Approval>,
    pub statements: Vec<(u64, Signed)>,
    /// Break-glass about steps of it.
    pub glass: Vec<(u64, Signed)>,
    /// Why nothing can be done with it any more.
    pub over: Option<String>,
    /// By step: the `intended` that it paid for (a settlement: the outcome).
    pub spent: BTreeMap<StepId, u64>,
    /// Items whose anchor changed since.
    pub stale: BTreeSet<StepId>,
    /// Who performs what it covers, as they were when so many words had been said.
    performers: RefCell<Option<(usize, BTreeSet<String>)>>,
}

impl Request {
    /// Its operations of this step, in their order.
    pub fn operations_of(&self, step: &StepId) -> impl Iterator<Item = &Operation> {
        self.by_step.get(step).into_iter().flatten().filter_map(|at| self.operations.get(*at))
    }
}

impl Walk<'_> {
    pub fn asked(&mut self, entry: &Entry, asked: &Asked) -> Checked {
        let plan = self.plan()?;
        let (operations, steps) = match asked.what {
            What::Approval => {
                let bytes = self.bytes("operations", &asked.operations)?;
                let list = operations::read(bytes).map_err(|error| (codes::FORM, error.to_string()))?;
                let steps = list.iter().map(|operation| operation.step.clone()).collect();
                (list, steps)
            }
            What::Settle => {
                self.bytes("operations", &asked.operations)?;
                (Vec::new(), vec![self.in_doubt(asked)?])
            }
        };
        let demands = approval::demands(&plan, &steps, asked.what).map_err(|message| (codes::ASKED, message))?;
        let leaf = self.chain.tree.leaf(entry.seq).unwrap_or(Digest::ZERO);
        let mut by_step: BTreeMap<StepId, Vec<usize>> = BTreeMap::new();
        for (at, operation) in operations.iter().enumerate() {
            by_step.entry(operation.step.clone()).or_default().push(at);
        }
        let request = Request {
            by_step,
            performers: RefCell::new(None),
            asked: asked.clone(),
            leaf,
            plan,
            operations,
            steps,
            demands,
            statements: Vec::new(),
            glass: Vec::new(),
            over: None,
            spent: BTreeMap::new(),
            stale: BTreeSet::new(),
        };
        let checked = self.asked_rightly(entry, &request);
        self.requests.insert(entry.seq, request);
        checked
    }

    fn asked_rightly(&self, entry: &Entry, request: &Request) -> Checked {
        let asked = &request.asked;
        if asked.summary.chars().count() > crate::record::statement::MAX_SUMMARY {
            return fail(codes::ASKED, "its summary is longer than 400 characters");
        }
        if let Some(seq) = asked.again.iter().find(|seq| !self.requests.contains_key(seq)) {
            return fail(codes::ASKED, format!("it names {seq} as a request before it, which it is not"));
        }
        if !self.seated.contains(&asked.performer) {
            return fail(codes::ASKED, format!("its performer {} is not signed on", asked.performer));
        }
        for operation in &request.operations {
            self.operation_asked(asked, operation)?;
        }
        if asked.what == What::Settle {
            self.settlement_said(asked)?;
        }
        for step in &request.steps {
            self.performs(&asked.performer, step).map_err(|(_, message)| (codes::ASKED, message))?;
            self.anchored(step)?;
        }
        clocks(entry.at, request)
    }

    /// One operation of the list: the plan's step, as the request says it, filled from its template.
    fn operation_asked(&self, asked: &Asked, operation: &Operation) -> Checked {
        let id = &operation.step;
        let (_, step) = self.step(id).map_err(|(_, message)| (codes::ASKED, message))?;
        if operation.covers != id.covers() || (operation.direction == Direction::Undo) != id.undo.is_some() {
            return fail(codes::ASKED, format!("the operation of {id} is called {}", operation.covers));
        }
        if !covers(&asked.covers, id) {
            return fail(codes::ASKED, format!("it says that it covers {}, but holds {id}", asked.covers));
        }
        if operation.attempt != asked.attempt || operation.performer != asked.performer {
            return fail(codes::ASKED, format!("attempt or performer of {id} are not those of the request"));
        }
        if !super::template::fits(&step.template, &operation.operation, &|path| self.known(id, path)) {
            return fail(codes::ASKED, format!("the operation of {id} does not fit the plan's template"));
        }
        Ok(())
    }

    /// The operation in doubt, or the undo or repair that failed, that a settlement is about.
    fn in_doubt(&self, asked: &Asked) -> Checked<StepId> {
        let found = self.works.iter().find(|(id, work)| {
            (work.is_open() || (!id.is_forward() && work.has_failed()))
                && work.attempt == asked.attempt
                && (id.covers() == asked.covers || id.to_string() == asked.covers)
        });
        match found {
            Some((id, _)) => Ok(id.clone()),
            None => fail(codes::ASKED, format!("no operation of {} is in doubt", asked.covers)),
        }
    }

    fn settlement_said(&self, asked: &Asked) -> Checked {
        let said = self.spoken.values().flatten().any(|spoken| {
            spoken.what == SaidWhat::Settled
                && spoken.object == Some(asked.operations)
                && spoken.person == asked.performer
                && spoken.attempt == asked.attempt
        });
        if said { Ok(()) } else { fail(codes::ASKED, format!("{} has not said how it ended", asked.performer)) }
    }

    /// The person holds the step's performer role (of a joint task: one of them).
    pub fn performs(&self, person: &str, id: &StepId) -> Checked {
        let (_, step) = self.step(id)?;
        let people = self.people()?;
        let held = people.get(person).map(|person| person.roles.as_slice()).unwrap_or_default();
        let joint: &[String] = match &step.body {
            crate::plan::model::Body::Manual(manual) => &manual.performers,
            _ => &[],
        };
        if held.contains(&step.performer) || held.iter().any(|role| joint.contains(role)) {
            return Ok(());
        }
        fail(codes::PERFORMER, format!("{person} does not hold the role {}, which performs {id}", step.performer))
    }

    pub fn approval(&mut self, entry: &Entry) -> Checked {
        let mut signed = self.signed(entry)?;
        signed.corroborated = self.corroborated.take().filter(|fact| fact.statement == digest_of(&signed));
        let Some(fields) = signed.statement.approval() else { return fail(codes::ENVELOPE, "it decides nothing") };
        let (request, decision) = (fields.request, fields.decision);
        if let Some(why) = self.requests.get(&request).and_then(|request| request.over.clone()) {
            return fail(codes::REFUSED, format!("the request {request} is over: {why}"));
        }
        let Some(case) = self.case(request) else {
            return fail(codes::REFUSED, format!("there is no request {request}"));
        };
        approval::admit(&case, &given(entry.seq, &signed))
            .map_err(|refusal| (refused(&refusal), format!("{}: {refusal}", decision.name())))?;
        self.cover(&signed.statement);
        if let Some(request) = self.requests.get_mut(&request) {
            if decision == Decides::Deny {
                request.over = Some(format!("{} denied it", signed.statement.tail.person));
            }
            request.statements.push((entry.seq, signed));
        }
        Ok(())
    }

    /// The decision's ground at this point of the history.
    pub fn case(&self, seq: u64) -> Option<Case<'_>> {
        let request = self.requests.get(&seq)?;
        Some(Case {
            plan: &request.plan,
            people: self.people.as_ref()?,
            request: seq,
            request_leaf: request.leaf,
            asked: &request.asked,
            demands: request.demands.clone(),
            performers: self.performers(request),
            starter: self.starter.clone(),
            statements: request.statements.iter().map(|(seq, signed)| given(*seq, signed)).collect(),
            glass: request.glass.iter().map(|(seq, signed)| given(*seq, signed)).collect(),
            now: self.now(),
        })
    }

    /// Everybody who performs, confirmed, answered or attached for what the request covers. Looked up anew only where
    /// somebody has said something since: a stage's request is decided about once for each of its items.
    fn performers(&self, request: &Request) -> BTreeSet<String> {
        let mut known = request.performers.borrow_mut();
        match known.as_ref() {
            Some((words, performers)) if *words == self.words => performers.clone(),
            _ => known.insert((self.words, self.performers_now(request))).1.clone(),
        }
    }

    fn performers_now(&self, request: &Request) -> BTreeSet<String> {
        let words = request.steps.iter().flat_map(|step| self.spoken_of(step));
        let words = words.filter(|spoken| !matches!(spoken.what, SaidWhat::Note | SaidWhat::GoOn));
        words.map(|spoken| spoken.person.clone()).chain([request.asked.performer.clone()]).collect()
    }

    /// Every word that covers the step.
    pub fn spoken_of(&self, id: &StepId) -> impl Iterator<Item = &Spoken> {
        // Where nobody has said anything yet, no name need be made.
        let names = if self.spoken.is_empty() { BTreeSet::new() } else { names(id) };
        names.into_iter().filter_map(|name| self.spoken.get(&name)).flatten()
    }

    /// AWS's answer about a code: of the signer of the approval that comes right after it, and of that statement.
    pub fn corroborated(&mut self, entry: &Entry, fact: &Corroborated) -> Checked {
        if self.mode == Some(Mode::Live) && !super::walk::is_aws(&fact.endpoint) {
            return fail(codes::CORROBORATED, format!("a code of a live run was checked at {}", fact.endpoint));
        }
        let next = usize::try_from(entry.seq + 1).ok().and_then(|next| self.chain.entries.get(next));
        let belongs = next.is_none_or(|next| match &next.fact {
            Fact::Approval(approval) => {
                next.by == entry.by && Digest::of(approval.statement.as_bytes()) == fact.statement
            }
            _ => false,
        });
        if !belongs {
            return fail(codes::CORROBORATED, "it does not stand right before the approval that it is about");
        }
        self.corroborated = Some(fact.clone());
        Ok(())
    }

    pub fn request_ended(&mut self, fact: &RequestEnded) -> Checked {
        let Some(case) = self.case(fact.request) else {
            return fail(codes::ENDED, format!("there is no request {}", fact.request));
        };
        let decision = approval::decide(&case);
        let late = self.floor > case.asked.approve_by;
        let held = match fact.why {
            EndedBy::Denied => matches!(decision, Decision::Denied { .. }),
            EndedBy::Expired => matches!(decision, Decision::Expired { .. }) || late,
            _ => true,
        };
        if !held {
            return fail(codes::ENDED, format!("the request {} was not {:?}", fact.request, fact.why).to_lowercase());
        }
        // Consumed: its slots are counted one by one.
        if fact.why != EndedBy::Consumed
            && let Some(request) = self.requests.get_mut(&fact.request)
        {
            request.over.get_or_insert_with(|| "it was ended".to_owned());
        }
        Ok(())
    }

    /// Nothing that was asked before this point may be used any more.
    pub fn void_all(&mut self, why: &str) {
        for request in self.requests.values_mut() {
            request.over.get_or_insert_with(|| why.to_owned());
        }
    }
}

pub(super) fn given(seq: u64, signed: &Signed) -> Given<'_> {
    Given {
        seq,
        statement: &signed.statement,
        good: signed.good,
        key: signed.key.blob.clone(),
        corroborated: signed.corroborated.as_ref(),
        head: &signed.head,
    }
}

fn digest_of(signed: &Signed) -> Digest {
    Digest::of(signed.statement.text().as_bytes())
}

/// The request's clocks are not longer than the plan's shortest.
fn clocks(at: Time, request: &Request) -> Checked {
    let asked = &request.asked;
    let shortest = |pick: fn(&crate::plan::model::Approval) -> i64| request.demands.iter().map(pick).min();
    let Some(within) = shortest(|demand| demand.within) else { return Ok(()) };
    let run_within = shortest(|demand| demand.run_within).unwrap_or(0);
    let open = asked.approve_by.since(at);
    let rest = asked.run_by.since(asked.approve_by);
    if open > within + ROUNDING || open < within - SET_BACK {
        return fail(codes::CLOCKS, format!("its approve-by {} is not the plan's", asked.approve_by));
    }
    if (rest - run_within).abs() > ROUNDING {
        return fail(codes::CLOCKS, format!("its run-by {} is not the plan's", asked.run_by));
    }
    Ok(())
}

/// Whether what a request or a word says it covers includes this step.
pub(super) fn covers(said: &str, id: &StepId) -> bool {
    names(id).iter().any(|name| name == said)
}

/// All that may be said to cover this step.
fn names(id: &StepId) -> BTreeSet<String> {
    let mut names = BTreeSet::from([id.covers(), id.to_string()]);
    // A whole stage or item never includes an undo or a repair.
    if id.is_forward() {
        names.insert(format!("{}/*", id.place()));
        if id.item.is_some() {
            names.insert(format!("{}:*/*", id.stage));
        }
    }
    names
}

fn refused(refusal: &approval::Refusal) -> &'static str {
    match refusal {
        approval::Refusal::NotCorroborated { .. } | approval::Refusal::Corroboration { .. } => codes::CORROBORATED,
        _ => codes::REFUSED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_covers_what() {
        let id = |text: &str| text.parse::<StepId>().unwrap();
        for (said, step, yes) in [
            ("s:k/a", "s:k/a", true),
            ("s:k/*", "s:k/a", true),
            ("s:*/*", "s:k/a", true),
            ("s/*", "s/a", true),
            ("s/*", "s:k/a", false),
            ("s:*/*", "s/a", false),
            ("s:k/*", "s:l/a", false),
            ("s:k/*", "s:k/a/undo/u", false),
            ("undo s:k/a", "s:k/a/undo/u", true),
            ("s:k/a", "s:k/a/undo/u", false),
            ("undo s:k/a", "s:k/a", false),
            ("s:k/*", "s:k/a/repair/r", false),
            ("s:k/a", "s:k/a/repair/r", false),
            ("repair s:k/a", "s:k/a/repair/r", true),
            ("undo s:k/a", "s:k/a/repair/r", false),
        ] {
            assert_eq!(covers(said, &id(step)), yes, "{said} {step}");
        }
    }
}
