//! What a preflight is about, read from the plan alone: which accounts move, whose organization they join, through
//! which sessions one can look, who holds those, and who settles what no API tells. Asks nobody.

use super::route::Route;
use crate::base::{Digest, StepId, Time};
use crate::catalogue::{self, action::Hazard};
use crate::engine::port::SessionWanted;
use crate::expression;
use crate::people::People;
use crate::plan::model::{Body, Expect, Plan, Prove, Read, Stage, Step};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// See the module.
#[derive(Clone, Debug)]
pub struct Case {
    pub runbook: String,
    pub title: String,
    pub version: String,
    pub digests: Digests,
    /// In the order in which the runbook names them.
    pub moving: Vec<Moving>,
    /// Sessions, each in one account; those of the management accounts come first.
    pub ways: Vec<Way>,
    /// By fact (`payment_method`): the manual steps that settle it.
    pub tasks: BTreeMap<String, Vec<Task>>,
    /// What can't be known before the run.
    pub later: Vec<String>,
    /// How many people hold each role.
    holders: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Digests {
    pub runbook: Digest,
    pub values: Digest,
    pub people: Digest,
}

/// An account that changes organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moving {
    pub account: String,
    /// What the values call it; empty if they don't.
    pub name: String,
    /// The management account of the organization that it joins; empty if the runbook does not say.
    pub joins: String,
    /// Rows of table parameters that are about it: the parameter and the place in its list.
    pub rows: BTreeSet<(String, usize)>,
    /// The runbook lets it leave first.
    pub leaves: bool,
    /// The runbook deletes its organization.
    pub deletes: bool,
}

impl Moving {
    /// The way that the runbook takes with it.
    pub fn taken(&self) -> Route {
        match (self.deletes, self.leaves) {
            (true, _) => Route::Emptying,
            (_, true) => Route::Leaving,
            _ => Route::Direct,
        }
    }
}

/// A session of the runbook in one account, and who may use it.
#[derive(Clone, Debug)]
pub struct Way {
    pub wanted: SessionWanted,
    pub roles: Vec<String>,
    pub people: Vec<String>,
    /// A step through it ends sessions of Identity Center, or can't be taken back.
    pub dangerous: bool,
}

/// A manual step, and the roles that sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub step: String,
    pub roles: Vec<String>,
}

impl Case {
    /// Reads the plan with its values. `now` is for templates that compare times.
    pub fn of(plan: &Plan, values: &Value, people: &People, now: Time) -> Case {
        let holders = plan
            .roles
            .keys()
            .map(|role| (role.clone(), people.holders(role).map(|person| person.id.clone()).collect()))
            .collect();
        let case = Case {
            runbook: plan.name.clone(),
            title: plan.title.clone(),
            version: plan.version.clone(),
            digests: Digests { runbook: plan.runbook, values: plan.values, people: plan.people },
            moving: Vec::new(),
            ways: Vec::new(),
            tasks: BTreeMap::new(),
            later: Vec::new(),
            holders,
        };
        let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
        let made = steps.filter_map(|step| step.secret_to["profile"].as_str().map(str::to_owned)).collect();
        let (moving, ways) = (BTreeMap::new(), BTreeMap::new());
        let mut reader = Reader { plan, values, now, case, moving, ways, made };
        plan.stages.iter().for_each(|stage| reader.stage(stage));
        reader.finish()
    }

    /// The people who hold any of these roles.
    pub fn people_of(&self, roles: &[String]) -> Vec<String> {
        let all: BTreeSet<String> = roles.iter().filter_map(|role| self.holders.get(role)).flatten().cloned().collect();
        all.into_iter().collect()
    }

    /// The management accounts that accounts join.
    pub fn joined(&self) -> BTreeSet<&str> {
        self.moving.iter().map(|one| one.joins.as_str()).filter(|joins| !joins.is_empty()).collect()
    }

    pub fn moves(&self, account: &str) -> Option<&Moving> {
        self.moving.iter().find(|one| one.account == account)
    }
}

struct Reader<'a> {
    plan: &'a Plan,
    values: &'a Value,
    now: Time,
    case: Case,
    /// By account: its place in `case.moving`.
    moving: BTreeMap<String, usize>,
    ways: BTreeMap<SessionWanted, bool>,
    /// Profiles that steps of the run put credentials into.
    made: BTreeSet<String>,
}

impl Reader<'_> {
    fn stage(&mut self, stage: &Stage) {
        stage.steps.iter().for_each(|step| self.task(stage, step));
        let one = [(None, Value::Null)];
        let many: Vec<(Option<usize>, Value)> = match &stage.items {
            Some(items) => items.iter().enumerate().map(|(at, item)| (Some(at), item.value.clone())).collect(),
            None if stage.for_each.is_null() => one.to_vec(),
            None => {
                let words = format!("the items of the stage {}: an earlier stage gives them", stage.id);
                self.case.later.push(words);
                return;
            }
        };
        for (at, item) in many {
            self.item(stage, at, &item);
        }
    }

    fn item(&mut self, stage: &Stage, at: Option<usize>, item: &Value) {
        let reads = stage.anchor.iter().flat_map(|anchor| {
            let captures = anchor.capture.iter().map(|capture| &capture.read);
            captures.chain(anchor.prove.iter().filter_map(|prove| match prove {
                Prove::Read(expect) => Some(&expect.read),
                Prove::Manual(_) => None,
            }))
        });
        let sessions: Vec<String> = reads.map(|read: &Read| read.session.clone()).collect();
        sessions.iter().for_each(|session| drop(self.way(session, false, item)));
        for step in &stage.steps {
            let dangerous = is_dangerous(step);
            let account = self.way(&step.session, dangerous, item);
            for session in sessions_of(step) {
                self.way(&session, false, item);
            }
            if matches!(step.body, Body::Action) {
                self.mover(stage, step, at, item, account);
            }
        }
    }

    /// The session `id`, for this item; its account.
    fn way(&mut self, id: &str, dangerous: bool, item: &Value) -> Option<String> {
        if id.is_empty() {
            return None;
        }
        match self.wanted(id, item, 0) {
            Ok(wanted) if !wanted.profile.is_empty() && self.made.contains(&wanted.profile) => {
                self.later(format!("the session {id}: the run makes its credentials"));
                Some(wanted.account)
            }
            Ok(wanted) => {
                let account = wanted.account.clone();
                *self.ways.entry(wanted).or_default() |= dangerous;
                Some(account)
            }
            Err(why) => {
                self.later(format!("the session {id}: {why}"));
                None
            }
        }
    }

    fn later(&mut self, words: String) {
        if !self.case.later.contains(&words) {
            self.case.later.push(words);
        }
    }

    fn wanted(&self, id: &str, item: &Value, depth: u32) -> Result<SessionWanted, String> {
        let session = self.plan.sessions.get(id).ok_or_else(|| format!("there is no session {id}"))?;
        if depth > 4 {
            return Err("it is reached through too many others".to_owned());
        }
        let fill = |text: &str| self.text(text, item);
        let through = match session.through.as_str() {
            "" => None,
            other => Some(Box::new(self.wanted(other, item, depth + 1)?)),
        };
        Ok(SessionWanted {
            id: id.to_owned(),
            account: fill(&session.account)?,
            kinds: session.kinds.clone(),
            profile: fill(&session.profile)?,
            region: session.region.clone(),
            through,
            assume_role: fill(&session.assume_role)?,
            external_id: session.external_id.clone(),
            // A preflight has no seat, so nobody's device is known: such a session says so, and is left out.
            mfa: session.mfa,
            serial: String::new(),
            role_session_name: "countersign-preflight".to_owned(),
        })
    }

    /// Fills a template with what is known before the run: only the parameters that it names are put before it.
    fn text(&self, text: &str, item: &Value) -> Result<String, String> {
        if !text.contains("${") {
            return Ok(text.to_owned());
        }
        let later = || format!("`{text}` is known only during the run");
        let named = expression::references(text).map_err(|_| later())?;
        let named = named.iter().filter(|reference| reference.root == "parameters");
        let named: BTreeSet<&str> = named.filter_map(|reference| reference.members().into_iter().next()).collect();
        let pick = |name: &str| Some((name.to_owned(), self.values.get(name)?.clone()));
        let parameters: Map<String, Value> = named.into_iter().filter_map(pick).collect();
        let scope = json!({"parameters": parameters, "item": item});
        let value = expression::fill(&Value::String(text.to_owned()), &scope, self.now).map_err(|_| later())?;
        value.as_str().map(str::to_owned).ok_or_else(|| format!("`{text}` is no text"))
    }

    /// Notes the account that this step moves, if it moves one.
    fn mover(&mut self, stage: &Stage, step: &Step, at: Option<usize>, item: &Value, account: Option<String>) {
        let named = |pointer: &str| {
            let text = step.template.pointer(pointer)?.as_str()?;
            self.text(text, item).ok()
        };
        let action = step.template["action"].as_str().unwrap_or_default();
        let found = match action {
            "organizations:InviteAccountToOrganization" => (named("/with/Target/Id"), account),
            "organizations:RemoveAccountFromOrganization" => (named("/with/AccountId"), None),
            "organizations:AcceptHandshake"
            | "organizations:LeaveOrganization"
            | "organizations:DeleteOrganization" => (account, None),
            _ => return,
        };
        let (Some(account), joins) = found else { return };
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        let place = *self.moving.entry(account.clone()).or_insert_with(|| {
            self.case.moving.push(Moving { account, ..Moving::default() });
            self.case.moving.len() - 1
        });
        let Some(moving) = self.case.moving.get_mut(place) else { return };
        moving.joins = joins.filter(|_| moving.joins.is_empty()).unwrap_or_else(|| moving.joins.clone());
        moving.leaves |=
            matches!(action, "organizations:LeaveOrganization" | "organizations:RemoveAccountFromOrganization");
        moving.deletes |= action == "organizations:DeleteOrganization";
        if moving.name.is_empty() {
            moving.name = item["name"].as_str().unwrap_or_default().to_owned();
        }
        let over = stage.for_each.as_str().unwrap_or_default();
        let parameter = over.strip_prefix("${parameters.").and_then(|rest| rest.strip_suffix('}'));
        moving.rows.extend(parameter.zip(at).map(|(parameter, at)| (parameter.trim().to_owned(), at)));
    }

    fn task(&mut self, stage: &Stage, step: &Step) {
        let Body::Manual(manual) = &step.body else { return };
        let roles = if manual.performers.is_empty() { vec![step.performer.clone()] } else { manual.performers.clone() };
        let name = StepId::new(&stage.id, None, &step.id).to_string();
        for fact in &manual.settles {
            let task = Task { step: name.clone(), roles: roles.clone() };
            self.case.tasks.entry(fact.clone()).or_default().push(task);
        }
    }

    fn finish(mut self) -> Case {
        let joined: BTreeSet<String> = self.case.joined().into_iter().map(str::to_owned).collect();
        // Who takes others in does not move itself.
        self.case.moving.retain(|one| !joined.contains(&one.account));
        let moving: BTreeSet<&str> = self.case.moving.iter().map(|one| one.account.as_str()).collect();
        let ways = std::mem::take(&mut self.ways);
        let (inside, outside): (Vec<_>, Vec<_>) =
            ways.into_iter().partition(|(wanted, _)| moving.contains(wanted.account.as_str()));
        let ways = outside.into_iter().chain(inside).map(|(wanted, dangerous)| {
            let roles = self.roles(&wanted);
            let people = self.case.people_of(&roles);
            Way { wanted, roles, people, dangerous }
        });
        self.case.ways = ways.collect();
        self.case
    }

    /// The roles whose credentials open it: its own users, or those of the session that it goes through.
    fn roles(&self, wanted: &SessionWanted) -> Vec<String> {
        let users = |id: &str| self.plan.sessions.get(id).map(|session| session.used_by.clone()).unwrap_or_default();
        match &wanted.through {
            Some(through) => {
                let roles = self.roles(through);
                if roles.is_empty() { users(&wanted.id) } else { roles }
            }
            None => users(&wanted.id),
        }
    }
}

/// The other sessions that a step reads through.
fn sessions_of(step: &Step) -> BTreeSet<String> {
    let verify = step.verify.iter().map(|expect: &Expect| expect.read.session.clone());
    let undo = step.back.undo.iter().map(|undo| undo.session.clone());
    step.probe.values().cloned().chain(verify).chain(undo).filter(|id| !id.is_empty()).collect()
}

fn is_dangerous(step: &Step) -> bool {
    let action = step.template["action"].as_str().and_then(catalogue::find);
    let ends = action.is_some_and(|action| action.hazards.contains(&Hazard::EndsIdentityCenterSession));
    ends || !step.back.point_of_no_return.is_empty()
}
