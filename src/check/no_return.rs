//! Points of no return: who agrees and what is typed where the runbook does not say, and when nobody is left to agree.

use super::checked::{Approval, Confirm};
use super::step::{Inherited, Place, RUN_WITHIN, WITHIN, title};
use super::{Checker, Lookup};
use crate::runbook::written::{self, Per};

impl Checker<'_> {
    /// Where neither step nor stage says who agrees: every role of the other parties. One decision for a whole stage
    /// never covers a point of no return, but its roles are asked for this step alone.
    pub(super) fn no_return_approvals(
        &mut self,
        written: &written::Step,
        inherited: &Inherited,
        performer: &str,
        approvals: &mut Vec<Approval>,
    ) {
        if written.point_of_no_return.is_none() {
            return;
        }
        if written.approvals.is_none() && inherited.approvals.is_none() {
            let party = |id: &str| {
                let role = self.runbook.roles.iter().find(|role| role.id.is == id)?;
                role.party.as_ref().map(|party| party.is.as_str())
            };
            let own = party(performer);
            let ids = self.runbook.roles.iter().map(|role| role.id.is.as_str());
            let others = ids.filter(|id| party(id).is_some_and(|party| Some(party) != own));
            approvals.extend(others.map(|id| Approval {
                role: id.to_owned(),
                count: 1,
                from_parties: 1,
                within: WITHIN,
                run_within: RUN_WITHIN,
                per: Per::Step,
            }));
        }
        if approvals.is_empty() {
            let message =
                format!("nobody agrees to the point of no return `{}`: its performer decides alone", written.id.is);
            let hint =
                "write `approvals`; without them every role of the other parties is asked, and here there is none";
            self.notes.warning("CS0330", &written.span, message, hint);
        }
    }

    /// The item's key is typed, else the step's name. A task is signed by those who do it: nothing more is typed.
    pub(super) fn no_return_confirm(
        &self,
        written: &written::Step,
        place: Place<'_>,
        find: &Lookup<'_>,
    ) -> Option<Confirm> {
        let Place::Forward { stage, .. } = place else { return None };
        let task = matches!(written.body, written::Body::Manual(_));
        written.point_of_no_return.as_ref().filter(|_| !task)?;
        let stage = &self.runbook.stages[stage];
        let name = format!("{}/{}", stage.id.is, written.id.is);
        let typed = stage.key.as_ref().map_or(name, |key| key.is.clone());
        Some(Confirm { text: format!("{}: go on?", plain(&title(written, find))), typed })
    }
}

/// A title is no template: `${` in it stays as it is written.
fn plain(text: &str) -> String {
    text.replace("${", "$${")
}
