//! Dangers that the catalogue names, and waits that outlive what they wait with.

use super::checked::{Approval, Body, Stage, Step, Until};
use crate::base::duration;
use crate::catalogue::Action;
use crate::catalogue::action::Hazard;
use crate::expression;
use crate::runbook::node::Notes;
use crate::runbook::reader::{one_of, shown};
use crate::runbook::written::{self, Per, Runbook};
use std::ops::Range;

/// How long an invitation lives (AWS: 15 days).
const HANDSHAKE_LIFE: i64 = 15 * 86_400_000;

/// The hazards of one step: each is met, or overridden by name with a reason.
pub(super) fn of_step(
    written: &written::Step,
    step: &Step,
    action: Option<&'static Action>,
    runbook: &Runbook,
    notes: &mut Notes,
) {
    let hazards = action.map_or(&[][..], |action| action.hazards);
    overridden(written, hazards, notes);
    for hazard in hazards.iter().filter(|hazard| !step.even_though.contains_key(hazard.name())) {
        let problem = match hazard {
            Hazard::EndsIdentityCenterSession => identity_center(&step.session, runbook).map(|session| {
                let message = format!("it may end the Identity Center session that it is done with (session `{session}`)");
                (message, format!("write `kinds` of the session `{session}` without identity_center, for instance [\"role\", \"user\"]"))
            }),
            // `check::holds` looks at these two, hold by hold.
            Hazard::RemovesAccess => None,
            Hazard::StrandsRoot => (!recovery_settled(written, runbook)).then(|| {
                let message = "the account may be left without root credentials and without a way to recover them";
                let hint = "let a manual step before it settle `mailbox` or `root_mfa`";
                (message.to_owned(), hint.to_owned())
            }),
            Hazard::ClosesAccount => Some((
                "it closes an account: nothing in it works any more, and a closed account moves nowhere (one that was \
                 closed before it had left stayed where it was, until its owner had AWS reopen it)"
                    .to_owned(),
                "let it leave first and close it afterwards, or keep it".to_owned(),
            )),
            Hazard::DeletesOrganization => Some((
                "it deletes the organization, with its tree, policies and delegations, and every session that comes \
                 through it (people were locked out that way)"
                    .to_owned(),
                "be sure that every account that matters is out, and hold a way in that does not depend on it".to_owned(),
            )),
        };
        if let Some((message, hint)) = problem {
            let hint = format!("{hint}; or say `even_though = {{ {} = \"why\" }}`", hazard.name());
            notes.error("CS0307", &written.span, format!("step `{}`: {message}", step.id), hint);
        }
    }
}

fn overridden(written: &written::Step, hazards: &[Hazard], notes: &mut Notes) {
    for (name, why) in &written.even_though {
        let known: Vec<&str> = hazards.iter().map(Hazard::name).collect();
        if !known.contains(&name.is.as_str()) {
            let message = format!("this step has no hazard `{}`", shown(&name.is));
            let hint = if known.is_empty() { "leave `even_though` out".to_owned() } else { one_of(&name.is, &known) };
            notes.error("CS0308", &name.span, message, hint);
        }
        if why.is.trim().is_empty() {
            notes.error("CS0308", &why.span, "an override needs its reason", "");
        }
    }
}

/// The session of a chain whose credentials may come from Identity Center.
fn identity_center(id: &str, runbook: &Runbook) -> Option<String> {
    let mut at = runbook.sessions.iter().find(|session| session.id.is == id)?;
    for _ in 0..runbook.sessions.len() {
        let Some(through) = &at.through else { break };
        at = runbook.sessions.iter().find(|session| session.id.is == through.is)?;
    }
    let open = at.kinds.is_empty() || at.kinds.iter().any(|kind| kind.is == "identity_center");
    open.then(|| at.id.is.clone())
}

/// Whether people settle the root user's recovery before this step.
fn recovery_settled(written: &written::Step, runbook: &Runbook) -> bool {
    let steps = runbook.stages.iter().flat_map(|stage| &stage.steps);
    let mut before = steps.take_while(|step| step.span.start < written.span.start);
    before.any(|step| match &step.body {
        written::Body::Manual(manual) => {
            manual.settles.iter().any(|fact| matches!(fact.is.as_str(), "mailbox" | "root_mfa"))
        }
        _ => false,
    })
}

/// An undo must not need what its own step takes away.
pub(super) fn gone_by_then(
    written: &written::Step,
    undo: &Step,
    action: Option<&'static Action>,
    runbook: &Runbook,
    notes: &mut Notes,
) {
    let ends = action.is_some_and(|action| action.hazards.contains(&Hazard::EndsIdentityCenterSession));
    if !ends || undo.session.is_empty() {
        return;
    }
    let assumed_root =
        runbook.sessions.iter().any(|session| session.id.is == undo.session && session.assume_root.is_some());
    let why = if assumed_root {
        "central root access ends when the account changes organization"
    } else if identity_center(&undo.session, runbook).is_some() {
        "an Identity Center session may have ended by then"
    } else {
        return;
    };
    let message = format!("the undo step `{}` needs the session `{}`, but {why}", undo.id, undo.session);
    notes.error("CS0306", &written.span, message, "take it back through a session that the step leaves alone");
}

/// Waits and approvals that are longer than an invitation lives.
pub(super) fn waits(stages: &[Stage], runbook: &Runbook, notes: &mut Notes) {
    for (here, stage) in stages.iter().enumerate() {
        for (index, step) in stage.steps.iter().enumerate() {
            let Some((from, at)) = invitation_of(step, stages, here) else { continue };
            let between = waited(stages, (from, at), (here, index));
            let patience = step.approvals.iter().map(|one| one.within).max().unwrap_or(0);
            let place = runbook.stages[here].steps[index].span.clone();
            if between > HANDSHAKE_LIFE {
                let message = format!(
                    "between the invitation and the step `{}` the runbook waits {}, but an invitation lives 15 days",
                    step.id,
                    duration::show(between)
                );
                notes.error("CS0309", &place, message, "invite later, or wait less");
            } else if between + patience > HANDSHAKE_LIFE {
                let message = format!(
                    "the approvals of the step `{}` may take {}, but the invitation lives 15 days",
                    step.id,
                    duration::show(patience)
                );
                notes.error("CS0309", &place, message, "shorten `within` of its approvals");
            }
        }
    }
}

/// Stage and step of the invitation whose handshake a step takes.
fn invitation_of(step: &Step, stages: &[Stage], here: usize) -> Option<(usize, usize)> {
    let Body::Action(call) = &step.body else { return None };
    let text = call.with.get("HandshakeId")?.as_str()?;
    for reference in expression::references(text).ok()? {
        let members = reference.members();
        let found = match (reference.root.as_str(), members.as_slice()) {
            ("steps", [id, ..]) => stages[here].steps.iter().position(|one| one.id == *id).map(|at| (here, at)),
            ("stages", [stage, id, rest @ ..]) => stages.iter().position(|one| one.id == *stage).and_then(|stage| {
                let ids = [Some(id), rest.first()];
                let named = |step: &Step| ids.iter().flatten().any(|id| step.id == **id);
                stages[stage].steps.iter().position(named).map(|at| (stage, at))
            }),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// How long the fixed waits between two steps are, in all.
fn waited(stages: &[Stage], from: (usize, usize), to: (usize, usize)) -> i64 {
    let mut total: i64 = 0;
    for (at, stage) in stages.iter().enumerate() {
        for (index, step) in stage.steps.iter().enumerate() {
            if (at, index) > from && (at, index) < to {
                total = total.saturating_add(fixed_wait(step));
            }
        }
    }
    total
}

fn fixed_wait(step: &Step) -> i64 {
    match &step.body {
        Body::Wait(wait) => match &wait.until {
            Until::For { ms, .. } => *ms,
            _ => 0,
        },
        _ => 0,
    }
}

/// One decision over several steps (per item or stage) runs out while a wait lies between them.
pub(super) fn shared_decisions(written: &written::Stage, steps: &[Step], notes: &mut Notes) {
    for (index, step) in steps.iter().enumerate() {
        let wait = fixed_wait(step);
        if wait == 0 {
            continue;
        }
        let shared = steps[..index].iter().find(|before| {
            let same = |after: &&Step| !after.approvals.is_empty() && after.approvals == before.approvals;
            covers_more(&before.approvals) && steps[index..].iter().any(|after| same(&after) && before.mutates)
        });
        let Some(shared) = shared else { continue };
        let life = shared.approvals.iter().map(|one| one.within.saturating_add(one.run_within)).min().unwrap_or(0);
        if wait > life {
            let message = format!(
                "the stage waits {} here, but one decision covers the steps on both sides and lives {} at most",
                duration::show(wait),
                duration::show(life)
            );
            let span: &Range<usize> = &written.steps[index].span;
            notes.error("CS0309", span, message, "ask `per = \"step\"`, or put what follows into a stage of its own");
        }
    }
}

fn covers_more(approvals: &[Approval]) -> bool {
    approvals.iter().any(|one| one.per != Per::Step)
}
