//! `countersign:ReadOrganization`: one read made of many, where a runbook would otherwise need a program. Units from the
//! root down, the accounts in each, the policies with content and targets. What changes meanwhile is seen or not: it is
//! as consistent as AWS's own reads one after the other.

use super::call::{Wire, tried};
use super::fault::{invalid, unreadable};
use super::organizations;
use super::shape::With;
use crate::catalogue;
use crate::engine::port::Fault;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;

/// More roots and units than any organization has.
const MOST: usize = 10_000;

/// Performs the action, or says that it is another.
pub(super) async fn perform(wire: &Wire<'_>, with: With<'_>) -> Option<Result<Value, Fault>> {
    match wire.action.name {
        "countersign:ReadOrganization" => Some(Box::pin(whole(wire, with)).await),
        _ => None,
    }
}

async fn whole(wire: &Wire<'_>, with: With<'_>) -> Result<Value, Fault> {
    let organization = read(wire, "organizations:DescribeOrganization", json!({})).await?["Organization"].take();
    let roots = list(wire, "organizations:ListRoots", json!({}), "Roots").await?;
    let (units, accounts) = tree(wire, &organization, &roots).await?;
    let policies = policies(wire, with, &roots).await?;
    Ok(json!({
        "Organization": organization, "Roots": roots, "OrganizationalUnits": units, "Accounts": accounts,
        "Policies": policies,
    }))
}

/// Every unit and account, from the roots down, with parent and paths.
async fn tree(wire: &Wire<'_>, organization: &Value, roots: &[Value]) -> Result<(Vec<Value>, Vec<Value>), Fault> {
    let (mut units, mut accounts) = (Vec::new(), Vec::new());
    let id = text(organization, "Id");
    let start = |root: &Value| (text(root, "Id"), format!("{id}/{}/", text(root, "Id")), String::new());
    let mut open: VecDeque<(String, String, String)> = roots.iter().map(start).collect();
    let mut seen = 0;
    while let Some((parent, path, names)) = open.pop_front() {
        seen += 1;
        if seen > MOST {
            return Err(unreadable(wire.action, "the tree of units does not end"));
        }
        let of_parent = json!({"ParentId": parent});
        for mut account in list(wire, "organizations:ListAccountsForParent", of_parent.clone(), "Accounts").await? {
            account["ParentId"] = json!(parent);
            account["NamePath"] = json!(names);
            accounts.push(account);
        }
        let below = "organizations:ListOrganizationalUnitsForParent";
        for mut unit in list(wire, below, of_parent, "OrganizationalUnits").await? {
            let (own, name) = (text(&unit, "Id"), text(&unit, "Name"));
            let down = format!("{path}{own}/");
            let named = if names.is_empty() { name } else { format!("{names}/{name}") };
            unit["ParentId"] = json!(parent);
            unit["NamePath"] = json!(named);
            unit["Path"] = json!(down);
            units.push(unit);
            open.push_back((own, down, named));
        }
    }
    Ok((units, accounts))
}

/// Every policy of the kinds that are wanted: those in force, unless the caller names some.
async fn policies(wire: &Wire<'_>, with: With<'_>, roots: &[Value]) -> Result<Vec<Value>, Fault> {
    let in_force = || {
        let types = roots.iter().flat_map(|root| root["PolicyTypes"].as_array().into_iter().flatten());
        types.filter(|kind| kind["Status"] == "ENABLED").map(|kind| text(kind, "Type")).collect()
    };
    let kinds: Vec<String> = with.texts("PolicyTypes").unwrap_or_else(in_force);
    let mut all = Vec::new();
    for kind in kinds {
        for mut policy in list(wire, "organizations:ListPolicies", json!({ "Filter": kind }), "Policies").await? {
            let id = json!({"PolicyId": policy["Id"]});
            policy["Content"] =
                read(wire, "organizations:DescribePolicy", id.clone()).await?["Policy"]["Content"].take();
            policy["Targets"] = list(wire, "organizations:ListTargetsForPolicy", id, "Targets").await?.into();
            all.push(policy);
        }
    }
    Ok(all)
}

async fn list(wire: &Wire<'_>, action: &str, with: Value, member: &str) -> Result<Vec<Value>, Fault> {
    match read(wire, action, with).await?[member].take() {
        Value::Array(items) => Ok(items),
        _ => Err(unreadable(wire.action, &format!("the answer of {action} has no {member}"))),
    }
}

/// One read of Organizations, within its own rate.
async fn read(wire: &Wire<'_>, action: &str, with: Value) -> Result<Value, Fault> {
    let action = catalogue::find(action).ok_or_else(|| invalid(format!("there is no action {action}")))?;
    let with = if with.is_object() { with } else { Value::Object(Map::new()) };
    let one = wire.of(action);
    let checked = With::checked(&with, action.parameters)?;
    tried(&one, async || {
        let answer = organizations::perform(&one, checked).await;
        answer.unwrap_or_else(|| Err(invalid(format!("{} cannot be called by this version", action.name))))
    })
    .await
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
