//! What the answers so far say of the accounts, as far as later reads and the choice of a route need it.
//! Small on purpose: an answer is dropped when its findings are made.

use super::case::Case;
use super::reads::{self, Read};
use crate::base::Time;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// When the look began.
    pub now: Time,
    /// By account: its organization, or none.
    pub organizations: BTreeMap<String, Option<Organization>>,
    /// By account that moves: where it is, itself first, then units, the root last.
    pub paths: BTreeMap<String, Vec<String>>,
    /// By management account: kinds of policies in force.
    pub kinds: BTreeMap<String, Vec<String>>,
    /// Delegated administrators, by management account.
    pub delegated: BTreeMap<String, BTreeSet<String>>,
    /// By policy id.
    pub policies: BTreeMap<String, Policy>,
    /// Whom the organization that is joined has invited, by its management account.
    pub pending: BTreeMap<String, Vec<String>>,
    /// By management account: how many accounts its organization may have.
    pub quotas: BTreeMap<String, usize>,
    /// By account: the regions that it uses.
    pub regions: BTreeMap<String, Vec<String>>,
    /// By management account, region and name: whether the stack set deletes what it made in accounts that leave.
    pub stack_sets: BTreeMap<(String, String, String), bool>,
    /// By management account: its instance of Identity Center, and the region of that.
    pub centers: BTreeMap<String, (String, String)>,
    /// Account, instance, region and permission set, by management account.
    pub permissions: BTreeMap<String, BTreeSet<String>>,
    /// By session: the ARN of its credentials.
    pub arns: BTreeMap<usize, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    pub id: String,
    pub management: String,
    pub features: String,
}

/// A policy that is attached somewhere on the way up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub name: String,
    pub kind: String,
    /// The management account of its organization.
    pub management: String,
    pub targets: BTreeSet<String>,
}

impl Known {
    /// The management account of the organization that this account leaves: by its own word, else the only other
    /// management account there is a session for.
    pub fn management_of(&self, case: &Case, account: &str) -> Option<String> {
        if let Some(own) = self.organizations.get(account) {
            return own.as_ref().map(|organization| organization.management.clone());
        }
        let joins = case.moves(account).map(|moving| moving.joins.as_str()).unwrap_or_default();
        let manages = |id: &String, one: &Option<Organization>| one.as_ref().is_some_and(|one| &one.management == id);
        let others: Vec<&String> = self
            .organizations
            .iter()
            .filter(|(id, one)| manages(id, one) && *id != joins && case.moves(id).is_none())
            .map(|(id, _)| id)
            .collect();
        match others.as_slice() {
            [one] => Some((*one).clone()),
            _ => None,
        }
    }

    /// The regions that this account uses; where it could not be told, the one that every account uses.
    pub fn regions_of(&self, account: &str) -> Vec<String> {
        let known = self.regions.get(account).filter(|regions| !regions.is_empty()).cloned();
        known.unwrap_or_else(|| vec!["us-east-1".to_owned()])
    }

    pub fn is_management(&self, account: &str) -> bool {
        let own = self.organizations.get(account).and_then(Option::as_ref);
        own.is_some_and(|organization| organization.management == account)
    }

    /// The management accounts of organizations that accounts leave.
    pub fn left(&self, case: &Case) -> BTreeSet<String> {
        let left = case.moving.iter().filter_map(|moving| {
            let management = self.management_of(case, &moving.account)?;
            (management != moving.joins).then_some(management)
        });
        left.collect()
    }

    /// The accounts that move and stand below this root or unit, or are it.
    pub fn below(&self, target: &str) -> Vec<String> {
        let stands = self.paths.iter().filter(|(_, path)| path.iter().any(|one| one == target));
        stands.map(|(account, _)| account.clone()).collect()
    }

    /// Keeps of an answer what later reads need.
    pub fn learn(&mut self, read: &'static Read, asked: &str, about: &str, answer: &Value) {
        let texts = |list: &Value, member: &str| -> Vec<String> {
            let items = list.as_array().into_iter().flatten();
            items.filter_map(|item| item[member].as_str().map(str::to_owned)).collect()
        };
        if std::ptr::eq(read, &reads::ORGANIZATION) {
            let text = |name: &str| answer["Organization"][name].as_str().map(str::to_owned);
            let organization = text("Id").zip(text("MasterAccountId")).map(|(id, management)| Organization {
                id,
                management,
                features: text("FeatureSet").unwrap_or_default(),
            });
            self.organizations.insert(about.to_owned(), organization);
        } else if std::ptr::eq(read, &reads::ACCOUNT) {
            let path = answer["Account"]["Paths"][0].as_str().and_then(|path| path_of(about, path));
            if let Some(path) = path {
                self.paths.insert(about.to_owned(), path);
            }
        } else if std::ptr::eq(read, &reads::PARENTS) {
            // Used where DescribeAccount tells no path: one step up, and the root where that is it.
            let up = answer["Parents"][0]["Id"].as_str().map(str::to_owned);
            self.paths.entry(about.to_owned()).or_insert_with(|| std::iter::once(about.to_owned()).chain(up).collect());
        } else if std::ptr::eq(read, &reads::ROOTS) {
            let types = answer["Roots"][0]["PolicyTypes"].as_array().into_iter().flatten();
            let enabled = types.filter(|kind| kind["Status"] == "ENABLED");
            let kinds = enabled.filter_map(|kind| kind["Type"].as_str().map(str::to_owned)).collect();
            self.kinds.insert(asked.to_owned(), kinds);
        } else if std::ptr::eq(read, &reads::DELEGATED) {
            let ids = texts(&answer["DelegatedAdministrators"], "Id").into_iter().collect();
            self.delegated.insert(asked.to_owned(), ids);
        } else if std::ptr::eq(read, &reads::INVITATIONS) {
            let pending = answer["Handshakes"].as_array().into_iter().flatten().filter(|one| is_pending(one));
            let invited = |one: &Value| {
                let parties = one["Parties"].as_array().into_iter().flatten();
                let other =
                    parties.filter(|party| party["Type"] != "ORGANIZATION").find_map(|party| party["Id"].as_str());
                other.unwrap_or_default().to_owned()
            };
            self.pending.insert(asked.to_owned(), pending.map(invited).collect());
        } else if std::ptr::eq(read, &reads::QUOTA) {
            let value = answer["Quota"]["Value"].as_u64().and_then(|value| usize::try_from(value).ok());
            self.quotas.extend(value.map(|value| (asked.to_owned(), value)));
        } else if std::ptr::eq(read, &reads::REGIONS) {
            self.regions.insert(asked.to_owned(), texts(&answer["Regions"], "RegionName"));
        } else if std::ptr::eq(read, &reads::STACK_SETS) {
            let region = about.split(' ').nth(1).unwrap_or_default();
            for one in answer["Summaries"].as_array().into_iter().flatten() {
                let automatic = &one["AutoDeployment"];
                let deletes = automatic["Enabled"] == true && automatic["RetainStacksOnAccountRemoval"] != true;
                let name = one["StackSetName"].as_str().unwrap_or_default().to_owned();
                self.stack_sets.insert((asked.to_owned(), region.to_owned(), name), deletes);
            }
        } else if std::ptr::eq(read, &reads::CENTERS) {
            let own = answer["Instances"].as_array().into_iter().flatten().find(|one| one["OwnerAccountId"] == asked);
            let arn = own.and_then(|one| one["InstanceArn"].as_str());
            let region = about.split(' ').nth(1).unwrap_or_default();
            self.centers.extend(arn.map(|arn| (asked.to_owned(), (arn.to_owned(), region.to_owned()))));
        } else if std::ptr::eq(read, &reads::PERMISSION_SETS) {
            let sets = answer["PermissionSets"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let all = self.permissions.entry(asked.to_owned()).or_default();
            all.extend(sets.map(|set| format!("{about} {set}")));
        } else if std::ptr::eq(read, &reads::ATTACHED) {
            let target = about.split(' ').next().unwrap_or_default();
            for one in answer["Policies"].as_array().into_iter().flatten() {
                let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
                let policy = self.policies.entry(text("Id")).or_default();
                policy.name = text("Name");
                policy.kind = text("Type");
                policy.management = asked.to_owned();
                policy.targets.insert(target.to_owned());
            }
        }
    }
}

/// An invitation that can still be accepted.
pub fn is_pending(handshake: &Value) -> bool {
    handshake["State"] == "OPEN" || handshake["State"] == "REQUESTED"
}

/// `o-1/r-1/ou-1/ou-2/111122223333/` as account, ou-2, ou-1, r-1.
fn path_of(account: &str, path: &str) -> Option<Vec<String>> {
    let above: Vec<&str> = path.split('/').filter(|part| part.starts_with("r-") || part.starts_with("ou-")).collect();
    let known = above.first()?.starts_with("r-");
    known.then(|| std::iter::once(account).chain(above.into_iter().rev()).map(str::to_owned).collect())
}
