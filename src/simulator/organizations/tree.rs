//! Roots, organizational units, who is under whom, and which policies hang there.

use super::super::Call;
use super::super::state::{LOWER, Organization, Policy, State, Unit};
use super::super::wire::AwsError;
use super::input::{CHILD, PARENT, TARGET, UNIT, UNIT_NAME, invalid};
use super::{Account, Done, constraint, member, policies};
use serde_json::{Value, json};

/// Units below the root, at most.
const DEPTH: usize = 5;
/// Units per organization, at most.
const UNITS: usize = 2_000;

pub(super) fn parent_not_found() -> AwsError {
    AwsError::json("ParentNotFoundException", "We can't find a root or OU with the ParentId that you specified.")
}

fn unit_not_found() -> AwsError {
    let message = "We can't find an OU with the OrganizationalUnitId that you specified.";
    AwsError::json("OrganizationalUnitNotFoundException", message)
}

pub(super) fn list_roots(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    call.page("Roots", vec![policies::show_root(organization, call.now)])
}

fn kind(organization: &Organization, parent: &str) -> &'static str {
    if organization.root == parent { "ROOT" } else { "ORGANIZATIONAL_UNIT" }
}

pub(super) fn list_parents(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let child = call.need("ChildId", CHILD)?;
    let parent = match organization.units.get(&child) {
        Some(unit) => Some(&unit.parent),
        None => member(&call.state, &organization.id, &child).ok().and_then(|a| a.member.as_ref()).map(|m| &m.parent),
    };
    let parent = parent.ok_or_else(|| {
        let message = "We can't find an organizational unit (OU) or AWS account with the ChildId that you specified.";
        AwsError::json("ChildNotFoundException", message)
    })?;
    call.page("Parents", vec![json!({"Id": parent, "Type": kind(organization, parent)})])
}

pub(super) fn list_children(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let parent = call.need("ParentId", PARENT)?;
    let wanted = call.choice("ChildType", &["ACCOUNT", "ORGANIZATIONAL_UNIT"])?;
    let wanted = wanted.ok_or_else(|| invalid("INPUT_REQUIRED", "ChildType"))?;
    if !organization.has_parent(&parent) {
        return Err(parent_not_found());
    }
    let ids: Vec<&String> = if wanted == "ACCOUNT" {
        let below = |account: &&Account| account.member.as_ref().is_some_and(|member| member.parent == parent);
        call.state.members(&organization.id).filter(below).map(|account| &account.id).collect()
    } else {
        organization.units.values().filter(|unit| unit.parent == parent).map(|unit| &unit.id).collect()
    };
    call.page("Children", ids.into_iter().map(|id| json!({"Id": id, "Type": wanted})).collect())
}

pub(super) fn create(call: &mut Call<'_>) -> Done {
    let id = call.managed()?.id.clone();
    let parent = call.need("ParentId", PARENT)?;
    let name = call.need("Name", UNIT_NAME)?;
    let tags = super::tags::given(call.input, false)?;
    let organization = call.managed()?;
    if !organization.has_parent(&parent) {
        return Err(parent_not_found());
    }
    if organization.units.values().any(|unit| unit.parent == parent && unit.name == name) {
        return Err(AwsError::json("DuplicateOrganizationalUnitException", "An OU with the same name already exists."));
    }
    // The path holds the root itself, which does not count.
    if organization.upwards(&parent).len() > DEPTH {
        return Err(constraint("OU_DEPTH_LIMIT_EXCEEDED", "OUs can be nested five levels deep."));
    }
    if organization.units.len() >= UNITS {
        return Err(constraint("OU_NUMBER_LIMIT_EXCEEDED", "You have reached the number of OUs in an organization."));
    }
    let seed = call.settings.seed;
    let root = organization.root.trim_start_matches("r-").to_owned();
    let unit_id = call.change().new_id(seed, &format!("ou-{root}-"), LOWER, 8);
    let unit = Unit { id: unit_id.clone(), name, parent };
    let organization = call.organization_mut(&id)?;
    organization.units.insert(unit_id.clone(), unit.clone());
    if !tags.is_empty() {
        organization.tags.insert(unit_id, tags);
    }
    Ok(json!({ "OrganizationalUnit": show(organization, &unit) }))
}

pub(super) fn update(call: &mut Call<'_>) -> Done {
    let id = call.managed()?.id.clone();
    let unit = call.need("OrganizationalUnitId", UNIT)?;
    let name = call.text("Name", UNIT_NAME)?;
    let organization = call.managed()?;
    let mut found = organization.units.get(&unit).ok_or_else(unit_not_found)?.clone();
    if let Some(name) = name {
        let same = |other: &Unit| other.parent == found.parent && other.name == name && other.id != unit;
        if organization.units.values().any(same) {
            let message = "An OU with the same name already exists.";
            return Err(AwsError::json("DuplicateOrganizationalUnitException", message));
        }
        found.name = name;
    }
    let organization = call.organization_mut(&id)?;
    let shown = show(organization, &found);
    organization.units.insert(unit, found);
    Ok(json!({ "OrganizationalUnit": shown }))
}

pub(super) fn delete(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?;
    let id = organization.id.clone();
    let unit = call.need("OrganizationalUnitId", UNIT)?;
    if !organization.units.contains_key(&unit) {
        return Err(unit_not_found());
    }
    let holds_units = organization.units.values().any(|other| other.parent == unit);
    let below = |account: &Account| account.member.as_ref().is_some_and(|member| member.parent == unit);
    if holds_units || call.state.members(&id).any(below) {
        let message = "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs, and try the operation again.";
        return Err(AwsError::json("OrganizationalUnitNotEmptyException", message));
    }
    let organization = call.organization_mut(&id)?;
    organization.units.remove(&unit);
    organization.tags.remove(&unit);
    for policy in organization.policies.values_mut() {
        policy.targets.remove(&unit);
    }
    Ok(Value::Null)
}

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let id = call.need("OrganizationalUnitId", UNIT)?;
    let unit = organization.units.get(&id).ok_or_else(unit_not_found)?;
    Ok(json!({ "OrganizationalUnit": show(organization, unit) }))
}

pub(super) fn list(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let parent = call.need("ParentId", PARENT)?;
    if !organization.has_parent(&parent) {
        return Err(parent_not_found());
    }
    let units = organization.units.values().filter(|unit| unit.parent == parent);
    call.page("OrganizationalUnits", units.map(|unit| show(organization, unit)).collect())
}

fn show(organization: &Organization, unit: &Unit) -> Value {
    json!({
        "Id": unit.id, "Arn": organization.arn("ou", &unit.id), "Name": unit.name, "Path": organization.path(&unit.id),
    })
}

pub(super) fn list_policies(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let target = call.need("TargetId", TARGET)?;
    let kind = call.choice("Filter", &policies::TYPES)?.ok_or_else(|| invalid("INPUT_REQUIRED", "Filter"))?;
    if !organization.has_parent(&target) && member(&call.state, &organization.id, &target).is_err() {
        return Err(AwsError::json(
            "TargetNotFoundException",
            "We can't find a root, OU, or account with the TargetId that you specified.",
        ));
    }
    let attached = |policy: &&Policy| policy.kind == kind && policies::attached(policy, &target);
    let policies = organization.policies.values().filter(attached);
    call.page("Policies", policies.map(|policy| show_policy(organization, policy)).collect())
}

/// What a target is, its ARN and its name.
pub(super) fn kind_of_target(state: &State, organization: &Organization, id: &str) -> (&'static str, String, String) {
    match (organization.units.get(id), state.accounts.get(id)) {
        (Some(unit), _) => ("ORGANIZATIONAL_UNIT", organization.arn("ou", id), unit.name.clone()),
        (None, Some(account)) => ("ACCOUNT", organization.arn("account", id), account.name.clone()),
        (None, None) => ("ROOT", organization.arn("root", id), "Root".to_owned()),
    }
}

pub(super) fn show_policy(organization: &Organization, policy: &Policy) -> Value {
    let kind = policy.kind.to_ascii_lowercase();
    let arn = match policy.aws_managed {
        true => format!("arn:aws:organizations::aws:policy/{kind}/{}", policy.id),
        false => organization.arn("policy", &format!("{kind}/{}", policy.id)),
    };
    json!({
        "Id": policy.id, "Arn": arn, "Name": policy.name, "Description": policy.description, "Type": policy.kind,
        "AwsManaged": policy.aws_managed,
    })
}
