//! What a world file says of other services: stack sets, resource shares, Identity Center, credits. Shapes and checks.

use super::{AccountFile, Check, Text};
use serde::Deserialize;

/// An account administers it, and it has stacks in others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct StackSetFile {
    pub account: Text,
    pub name: String,
    /// `us-east-1` if left out.
    pub region: Option<String>,
    /// The organization deploys it to accounts that come, and takes it from those that go.
    #[serde(default)]
    pub auto_deployment: bool,
    /// What its stacks made stays in accounts that go.
    #[serde(default)]
    pub retain_stacks: bool,
    /// Where it has stacks.
    #[serde(default)]
    pub accounts: Vec<Text>,
    /// The regions of those stacks; its own if left out.
    #[serde(default)]
    pub stack_regions: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct ShareFile {
    pub owner: Text,
    pub name: String,
    pub region: Option<String>,
    /// It lasts when an account leaves the organization.
    #[serde(default)]
    pub retain: bool,
    /// With whom it is shared.
    #[serde(default)]
    pub accounts: Vec<Text>,
}

/// An instance of Identity Center.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct CenterFile {
    pub account: Text,
    pub region: Option<String>,
    #[serde(default)]
    pub assignments: Vec<AssignmentFile>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct AssignmentFile {
    pub account: Text,
    pub permission_set: String,
    pub group: Option<Text>,
    pub user: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct CreditFile {
    pub id: Text,
    #[serde(default)]
    pub description: String,
    /// In US dollars.
    #[serde(default)]
    pub amount: String,
}

impl Check<'_> {
    pub(super) fn elsewhere(&mut self, written: &super::Written) {
        let accounts = &written.accounts;
        for set in &written.stack_sets {
            self.all_known(std::iter::once(&set.account).chain(&set.accounts), accounts);
        }
        for share in &written.resource_shares {
            self.all_known(std::iter::once(&share.owner).chain(&share.accounts), accounts);
        }
        for center in &written.identity_centers {
            let assigned = center.assignments.iter().map(|one| &one.account);
            self.all_known(std::iter::once(&center.account).chain(assigned), accounts);
            for one in &center.assignments {
                if one.group.is_some() == one.user.is_some() {
                    let hint = "Write `group = \"...\"` or `user = \"...\"`.";
                    self.bad("CS1504", one.account.span(), "an assignment is to a group or to a user", hint);
                }
            }
        }
    }

    fn all_known<'t>(&mut self, ids: impl Iterator<Item = &'t Text>, accounts: &[AccountFile]) {
        ids.for_each(|id| self.known_account(id, accounts));
    }
}
