//! Tags of accounts, roots, units and policies. An account's tags are lost when it leaves.

use super::super::Call;
use super::super::state::State;
use super::super::wire::AwsError;
use super::input::{RESOURCE, invalid, malformed};
use super::{Done, constraint, member};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Tags per resource, at most.
const MOST: usize = 50;

type Tags = BTreeMap<String, String>;

/// The `Tags` parameter, checked; `needed`: it must be there.
pub(super) fn given(input: &Value, needed: bool) -> Result<Tags, AwsError> {
    let list = match input.get("Tags") {
        None | Some(Value::Null) if needed => return Err(invalid("INPUT_REQUIRED", "Tags")),
        None | Some(Value::Null) => return Ok(Tags::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(malformed("Tags")),
    };
    let mut tags = Tags::new();
    for tag in list {
        let text = |name: &str| tag.get(name).and_then(Value::as_str).ok_or_else(|| invalid("INPUT_REQUIRED", name));
        let (key, value) = (text("Key")?, text("Value")?);
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid("MAX_LENGTH_EXCEEDED", "Tags"));
        }
        if key.starts_with("aws:") {
            return Err(invalid("INVALID_SYSTEM_TAGS_PARAMETER", "Tags"));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid("DUPLICATE_TAG_KEY", "Tags"));
        }
    }
    Ok(tags)
}

/// The tags of a resource of the caller's organization, or that it does not exist.
fn read(call: &Call<'_>, organization: &str, resource: &str) -> Result<Tags, AwsError> {
    if let Ok(account) = member(&call.state, organization, resource) {
        return Ok(account.tags.clone());
    }
    let found = call.organization()?;
    if found.has_parent(resource) || found.policies.contains_key(resource) {
        return Ok(found.tags.get(resource).cloned().unwrap_or_default());
    }
    let message = "We can't find a root, OU, account, or policy with the TargetId that you specified.";
    Err(AwsError::json("TargetNotFoundException", message))
}

fn write(state: &mut State, organization: &str, resource: &str, tags: Tags) {
    if let Some(account) = state.accounts.get_mut(resource) {
        account.tags = tags;
    } else if let Some(organization) = state.organizations.get_mut(organization) {
        organization.tags.insert(resource.to_owned(), tags);
    }
}

pub(super) fn tag(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?.id.clone();
    let resource = call.need("ResourceId", RESOURCE)?;
    let given = given(call.input, true)?;
    let before = read(call, &organization, &resource)?;
    let mut tags = before.clone();
    tags.extend(given);
    if tags.len() > MOST {
        return Err(constraint("MAX_TAG_LIMIT_EXCEEDED", "A resource can have at most 50 tags."));
    }
    if tags != before {
        write(call.change(), &organization, &resource, tags);
    }
    Ok(Value::Null)
}

pub(super) fn untag(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?.id.clone();
    let resource = call.need("ResourceId", RESOURCE)?;
    let keys: Vec<&str> = match call.input.get("TagKeys") {
        None | Some(Value::Null) => return Err(invalid("INPUT_REQUIRED", "TagKeys")),
        Some(Value::Array(keys)) => keys.iter().filter_map(Value::as_str).collect(),
        Some(_) => return Err(malformed("TagKeys")),
    };
    let before = read(call, &organization, &resource)?;
    let mut tags = before.clone();
    tags.retain(|key, _| !keys.contains(&key.as_str()));
    if tags != before {
        write(call.change(), &organization, &resource, tags);
    }
    Ok(Value::Null)
}

pub(super) fn list(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?.id.clone();
    let resource = call.need("ResourceId", RESOURCE)?;
    let tags = read(call, &organization, &resource)?;
    // The only list whose size the caller cannot choose.
    let shown = tags.into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    call.page_of("Tags", shown, call.settings.page_size, Value::clone)
}
