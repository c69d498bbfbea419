//! Holds: ways in that stay until they are released. What they are, where they live, and whether a step
//! of the runbook takes away what one of them needs.

use super::Checker;
use super::checked::{Back, Body, Hold, Stage, Step};
use super::scope::Scope;
use crate::catalogue::action::Hazard;
use crate::runbook::node::Text;
use crate::runbook::reader::{one_of, shown};
use crate::runbook::written;
use serde_json::Value;

/// How old a hold's last proof may be when a point of no return begins, if the runbook says nothing.
const FRESH_SESSION: i64 = 15 * 60_000;
const FRESH_BY_HAND: i64 = 12 * 3_600_000;
/// The stage id that a runbook with holds can't use: `hold:NAME` is a hold.
const RESERVED: &str = "hold";
/// Hazards that end somebody's access. (Stranded root users and sessions that a step ends
/// itself have rules of their own.)
const ENDS_ACCESS: [Hazard; 2] = [Hazard::RemovesAccess, Hazard::DeletesOrganization];

impl Checker<'_> {
    pub(super) fn holds(&mut self) -> Vec<Hold> {
        let runbook = self.runbook;
        for stage in runbook.stages.iter().filter(|stage| stage.id.is == RESERVED && !runbook.holds.is_empty()) {
            let message = "a stage can't be called `hold`: `hold:NAME` means a hold";
            self.notes.error("CS0110", &stage.id.span, message, "choose another id");
        }
        let holds = runbook.holds.iter().filter_map(|hold| self.hold(hold)).collect();
        self.needed_holds();
        holds
    }

    fn hold(&mut self, hold: &written::Hold) -> Option<Hold> {
        let from = hold.from.as_ref().and_then(|stage| self.stage_name(stage));
        let until = hold.until.as_ref().and_then(|stage| self.stage_name(stage));
        if let (Some(from), Some(until), Some(place)) = (from, until, &hold.until)
            && until <= from
        {
            self.notes.error("CS0317", &place.span, "this hold ends before it begins", "");
        }
        if let Some(session) = &hold.session {
            self.session_name(session);
        } else if hold.by_hand.is_empty() {
            let hint = "`session` names the way in; its reads prove that it is open";
            self.notes.error("CS0104", &hold.span, format!("the hold `{}` has no `session`", hold.id.is), hint);
        }
        for role in &hold.by_hand {
            self.role(role);
        }
        let own = hold.session.as_ref().map(|session| session.is.as_str());
        let prove: Option<Vec<_>> =
            hold.prove.iter().map(|proof| self.expectation(proof, own, Scope::default())).collect();
        let by_hand: Vec<String> = hold.by_hand.iter().map(|role| role.is.clone()).collect();
        let fresh = if by_hand.is_empty() { FRESH_SESSION } else { FRESH_BY_HAND };
        let text = |text: &Option<Text>| text.as_ref().map_or(String::new(), |text| text.is.clone());
        Some(Hold {
            id: hold.id.is.clone(),
            title: hold.title.as_ref().map_or_else(|| hold.id.is.clone(), |title| title.is.clone()),
            session: text(&hold.session),
            prove: prove?,
            by_hand,
            instructions: text(&hold.instructions),
            from: text(&hold.from),
            until: text(&hold.until),
            fresh_within: hold.fresh_within.as_ref().map_or(fresh, |at| at.is),
        })
    }

    /// A stage may need only holds that are live while it runs.
    fn needed_holds(&mut self) {
        let runbook = self.runbook;
        for (at, stage) in runbook.stages.iter().enumerate() {
            for name in &stage.needs_holds {
                let Some(hold) = runbook.holds.iter().find(|hold| hold.id.is == name.is) else {
                    let known: Vec<&str> = runbook.holds.iter().map(|hold| hold.id.is.as_str()).collect();
                    let message = format!("there is no hold `{}`", shown(&name.is));
                    self.notes.error("CS0213", &name.span, message, one_of(&name.is, &known));
                    continue;
                };
                let place = |text: &Option<Text>| {
                    let text = text.as_ref()?;
                    runbook.stages.iter().position(|stage| stage.id.is == text.is)
                };
                if place(&hold.from).is_some_and(|from| from >= at)
                    || place(&hold.until).is_some_and(|until| until < at)
                {
                    let message = format!("the hold `{}` is not live in the stage `{}`", name.is, stage.id.is);
                    let hint = "a hold lives from the close of `from` to the close of `until`";
                    self.notes.error("CS0317", &name.span, message, hint);
                }
            }
        }
    }

    /// Every step against every hold that is live where it stands.
    pub(super) fn held_ways(&mut self, stages: &[Stage], holds: &[Hold]) {
        let runbook = self.runbook;
        for (at, stage) in stages.iter().enumerate() {
            let live: Vec<&Hold> = holds.iter().filter(|hold| lives(hold, stages, at)).collect();
            for (index, step) in stage.steps.iter().enumerate() {
                let written = &runbook.stages[at].steps[index];
                let undo = if let Back::Steps(undo) = &step.back { undo.as_slice() } else { &[] };
                for part in std::iter::once(step).chain(undo).chain(&step.repair) {
                    for hold in &live {
                        self.takes_away(written, part, hold, stages);
                    }
                }
                if live.is_empty() {
                    self.unheld(written, step);
                }
            }
        }
    }

    /// No step may take away what a live hold needs: what can be told before the run is refused here, the
    /// rest right before the operation begins.
    fn takes_away(&mut self, written: &written::Step, step: &Step, hold: &Hold, stages: &[Stage]) {
        let Body::Action(call) = &step.body else { return };
        let has = |hazard: Hazard| call.action.hazards.contains(&hazard);
        let sessions = &self.runbook.sessions;
        let account = |id: &str| sessions.iter().find(|one| one.id.is == id).map(|one| one.account.is.as_str());
        let target = |name: &str| call.with.get(name).and_then(Value::as_str);
        let chain = chain(&hold.session, self.runbook);
        let in_account = |text: &str| chain.iter().any(|session| session.account.is == text);
        let why = if has(Hazard::ClosesAccount) && target("AccountId").is_some_and(in_account) {
            "closes the account"
        } else if has(Hazard::EndsIdentityCenterSession) && chain.iter().any(|session| through_organization(session)) {
            "may end the Identity Center or central root session"
        } else if has(Hazard::RemovesAccess)
            && account(&step.session).is_some_and(in_account)
            && self.same_principal(target("UserName"), &chain, stages)
        {
            "removes access of a user"
        } else {
            return;
        };
        let message = format!(
            "step `{}`: {} {why} that the hold `{}` (`{}`) needs while it is live",
            step.id, call.action.name, hold.id, hold.session
        );
        let hint = format!(
            "do it after the stage `{}`, where the hold is released; or let the hold be another way in",
            hold.until
        );
        self.notes.error("CS0318", &written.span, message, hint);
    }

    /// Whether the user may be the hold's: it is, or which user the hold is can't be told from the runbook.
    fn same_principal(&self, user: Option<&str>, chain: &[&written::Session], stages: &[Stage]) -> bool {
        let Some(user) = user else { return true };
        let steps = stages.iter().flat_map(|stage| &stage.steps);
        let mut made = steps.filter_map(|step| match &step.body {
            Body::Action(call) => {
                let profile = step.secret_to.get("profile").and_then(Value::as_str)?;
                let own = chain.iter().any(|session| session.profile.as_ref().is_some_and(|text| text.is == profile));
                (own && call.action.name == "iam:CreateAccessKey").then(|| call.with.get("UserName"))?
            }
            _ => None,
        });
        made.next().and_then(Value::as_str).is_none_or(|own| own == user)
    }

    /// A point of no return that ends access wants a way in that is held.
    fn unheld(&mut self, written: &written::Step, step: &Step) {
        let Body::Action(call) = &step.body else { return };
        let mut ends = call.action.hazards.iter().filter(|hazard| ENDS_ACCESS.contains(hazard));
        let open = ends.find(|hazard| !step.even_though.contains_key(hazard.name()));
        let deletes = call.action.hazards.contains(&Hazard::DeletesOrganization);
        if let Some(hazard) = open
            && (deletes || matches!(step.back, Back::PointOfNoReturn(_)))
        {
            let message = format!("step `{}` ends access for good, and no hold is live", step.id);
            let hint = format!(
                "declare a way in under [holds.ID] that lives here; or say `even_though = {{ {} = \"why\" }}`",
                hazard.name()
            );
            self.notes.error("CS0317", &written.span, message, hint);
        }
    }
}

/// Whether a hold is live in the stage `at`.
fn lives(hold: &Hold, stages: &[Stage], at: usize) -> bool {
    let place = |id: &str| stages.iter().position(|stage| stage.id == id);
    place(&hold.from).is_some_and(|from| from < at) && place(&hold.until).is_some_and(|until| at <= until)
}

/// A session and those through which it is reached.
fn chain<'a>(id: &str, runbook: &'a written::Runbook) -> Vec<&'a written::Session> {
    let mut chain = Vec::new();
    let mut next = Some(id);
    while let Some(session) = next.and_then(|id| runbook.sessions.iter().find(|session| session.id.is == id)) {
        if chain.len() > runbook.sessions.len() {
            break;
        }
        chain.push(session);
        next = session.through.as_ref().map(|text| text.is.as_str());
    }
    chain
}

/// It depends on the organization: credentials of Identity Center, or central root access.
fn through_organization(session: &written::Session) -> bool {
    session.assume_root.is_some() || session.kinds.iter().any(|kind| kind.is == "identity_center")
}
