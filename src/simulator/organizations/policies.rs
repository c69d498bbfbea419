//! Organization policies: kinds that are enabled, policies, and where they are attached. Documents are kept as they
//! are written; what a service control policy denies is read from them. FullAWSAccess stays where it is.

use super::super::Call;
use super::super::document;
use super::super::state::{LOWER, Organization, Policy};
use super::super::wire::{AwsError, epoch};
use super::input::{POLICY, ROOT, Shape, TARGET, invalid};
use super::tree::{kind_of_target, show_policy};
use super::{Done, constraint, member, tags};
use crate::base::Time;
use serde_json::{Value, json};

/// All kinds that AWS has.
pub(super) const TYPES: [&str; 15] = [
    "SERVICE_CONTROL_POLICY",
    "RESOURCE_CONTROL_POLICY",
    "TAG_POLICY",
    "BACKUP_POLICY",
    "AISERVICES_OPT_OUT_POLICY",
    "CHATBOT_POLICY",
    "DECLARATIVE_POLICY_EC2",
    "SECURITYHUB_POLICY",
    "SECURITYHUB_CSPM_POLICY",
    "INSPECTOR_POLICY",
    "UPGRADE_ROLLOUT_POLICY",
    "BEDROCK_POLICY",
    "S3_POLICY",
    "NETWORK_SECURITY_DIRECTOR_POLICY",
    "GUARDDUTY_POLICY",
];
/// Until a kind that was enabled is in force.
const ENABLES: i64 = 10_000;
/// Characters of a document, policies of one kind on one target, at most.
const LONGEST: usize = 10_240;
const MOST_ATTACHED: usize = 10;

const NAME: Shape = Shape { fits: |text| (1..=128).contains(&text.chars().count()), reason: "MAX_LENGTH_EXCEEDED" };
const DESCRIPTION: Shape = Shape { fits: |text| text.chars().count() <= 512, reason: "MAX_LENGTH_EXCEEDED" };
const CONTENT: Shape = Shape { fits: |text| !text.is_empty(), reason: "MIN_LENGTH_EXCEEDED" };

fn not_found() -> AwsError {
    AwsError::json("PolicyNotFoundException", "We can't find a policy with the PolicyId that you specified.")
}

fn target_not_found() -> AwsError {
    let message = "We can't find a root, OU, or account with the TargetId that you specified.";
    AwsError::json("TargetNotFoundException", message)
}

fn in_progress() -> AwsError {
    let message = "Changes to the effective policy are in progress. Try again later.";
    AwsError::json("PolicyChangesInProgressException", message)
}

fn needs_type(call: &Call<'_>, name: &str) -> Result<String, AwsError> {
    call.choice(name, &TYPES)?.ok_or_else(|| invalid("INPUT_REQUIRED", name))
}

/// The root as AWS shows it, with the kinds of policies that are enabled in it.
pub(super) fn show_root(organization: &Organization, now: Time) -> Value {
    let status = |since: &Time| if *since <= now { "ENABLED" } else { "PENDING_ENABLE" };
    let show = |(kind, since): (&String, &Time)| json!({"Type": kind, "Status": status(since)});
    let types: Vec<Value> = organization.policy_types.iter().map(show).collect();
    let arn = organization.arn("root", &organization.root);
    json!({"Id": organization.root, "Arn": arn, "Name": "Root", "PolicyTypes": types})
}

/// Root and kind of a request about a kind.
fn root_and_kind(call: &Call<'_>) -> Result<(String, String), AwsError> {
    let organization = call.managed()?;
    let root = call.need("RootId", ROOT)?;
    let kind = needs_type(call, "PolicyType")?;
    if organization.root != root {
        return Err(AwsError::json(
            "RootNotFoundException",
            "We can't find a root with the RootId that you specified.",
        ));
    }
    if organization.policy_types.values().any(|since| *since > call.now) {
        return Err(in_progress());
    }
    Ok((organization.id.clone(), kind))
}

pub(super) fn enable_type(call: &mut Call<'_>) -> Done {
    let (id, kind) = root_and_kind(call)?;
    let found = call.managed()?;
    if found.feature_set != "ALL" {
        let message = "You can't use the specified policy type with the feature set of this organization.";
        return Err(AwsError::json("PolicyTypeNotAvailableForOrganizationException", message));
    }
    if found.policy_types.contains_key(&kind) {
        let message = "The specified policy type is already enabled in the specified root.";
        return Err(AwsError::json("PolicyTypeAlreadyEnabledException", message));
    }
    let now = call.now;
    let found = call.organization_mut(&id)?;
    found.policy_types.insert(kind, now.plus(ENABLES));
    Ok(json!({"Root": show_root(found, now)}))
}

pub(super) fn disable_type(call: &mut Call<'_>) -> Done {
    let (id, kind) = root_and_kind(call)?;
    if !call.managed()?.policy_types.contains_key(&kind) {
        let message = "The specified policy type isn't currently enabled in this root.";
        return Err(AwsError::json("PolicyTypeNotEnabledException", message));
    }
    let now = call.now;
    let found = call.organization_mut(&id)?;
    found.policy_types.remove(&kind);
    // All attachments of that kind go with it.
    found.policies.values_mut().filter(|policy| policy.kind == kind).for_each(|policy| policy.targets.clear());
    Ok(json!({"Root": show_root(found, now)}))
}

/// A document that AWS would take.
fn sound(kind: &str, content: &str) -> Result<(), AwsError> {
    if content.chars().count() > LONGEST {
        return Err(constraint("POLICY_CONTENT_LIMIT_EXCEEDED", "The policy document is too long."));
    }
    let readable = match kind {
        "SERVICE_CONTROL_POLICY" | "RESOURCE_CONTROL_POLICY" => document::statements(content).is_some(),
        _ => serde_json::from_str::<Value>(content).is_ok_and(|value| value.is_object()),
    };
    match readable {
        true => Ok(()),
        false => Err(AwsError::json("MalformedPolicyDocumentException", "The provided policy document isn't valid.")),
    }
}

fn duplicate(organization: &Organization, kind: &str, name: &str, but: &str) -> Result<(), AwsError> {
    let same = |one: &Policy| one.kind == kind && one.name == name && one.id != but;
    match organization.policies.values().any(same) {
        true => Err(AwsError::json("DuplicatePolicyException", "A policy with the same name already exists.")),
        false => Ok(()),
    }
}

fn shown(organization: &Organization, policy: &Policy) -> Value {
    let content = match policy.content.is_empty() {
        false => policy.content.clone(),
        true => json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Action": policy.denies, "Resource": "*"}]})
        .to_string(),
    };
    json!({"Policy": {"PolicySummary": show_policy(organization, policy), "Content": content}})
}

pub(super) fn create(call: &mut Call<'_>) -> Done {
    let id = call.managed()?.id.clone();
    let content = call.need("Content", CONTENT)?;
    let description = call.need("Description", DESCRIPTION)?;
    let name = call.need("Name", NAME)?;
    let kind = needs_type(call, "Type")?;
    let tags = tags::given(call.input, false)?;
    let organization = call.managed()?;
    if organization.feature_set != "ALL" {
        let message = "You can't use the specified policy type with the feature set of this organization.";
        return Err(AwsError::json("PolicyTypeNotAvailableForOrganizationException", message));
    }
    sound(&kind, &content)?;
    duplicate(organization, &kind, &name, "")?;
    let seed = call.settings.seed;
    let policy_id = call.change().new_id(seed, "p-", LOWER, 10);
    let denies = document::denied(&content).unwrap_or_default();
    let made = Policy {
        id: policy_id.clone(),
        name,
        description,
        kind,
        aws_managed: false,
        denies,
        targets: std::collections::BTreeSet::new(),
        content,
    };
    let organization = call.organization_mut(&id)?;
    let answer = shown(organization, &made);
    organization.policies.insert(policy_id.clone(), made);
    if !tags.is_empty() {
        organization.tags.insert(policy_id, tags);
    }
    Ok(answer)
}

/// The policy that `PolicyId` names.
fn policy<'a>(call: &'a Call<'_>, organization: &'a Organization) -> Result<&'a Policy, AwsError> {
    let id = call.need("PolicyId", POLICY)?;
    organization.policies.get(&id).ok_or_else(not_found)
}

/// The same, to be changed: not AWS's own.
fn own_policy(call: &Call<'_>) -> Result<(String, Policy), AwsError> {
    let organization = call.managed()?;
    let policy = policy(call, organization)?;
    match policy.aws_managed {
        true => Err(invalid("IMMUTABLE_POLICY", "PolicyId")),
        false => Ok((organization.id.clone(), policy.clone())),
    }
}

pub(super) fn update(call: &mut Call<'_>) -> Done {
    let (id, mut policy) = own_policy(call)?;
    if let Some(name) = call.text("Name", NAME)? {
        duplicate(call.managed()?, &policy.kind, &name, &policy.id)?;
        policy.name = name;
    }
    if let Some(description) = call.text("Description", DESCRIPTION)? {
        policy.description = description;
    }
    if let Some(content) = call.text("Content", CONTENT)? {
        sound(&policy.kind, &content)?;
        policy.denies = document::denied(&content).unwrap_or_default();
        policy.content = content;
    }
    let organization = call.organization_mut(&id)?;
    let answer = shown(organization, &policy);
    organization.policies.insert(policy.id.clone(), policy);
    Ok(answer)
}

pub(super) fn delete(call: &mut Call<'_>) -> Done {
    let (id, policy) = own_policy(call)?;
    if !policy.targets.is_empty() {
        return Err(AwsError::json("PolicyInUseException", "The policy is attached to one or more entities."));
    }
    let organization = call.organization_mut(&id)?;
    organization.policies.remove(&policy.id);
    organization.tags.remove(&policy.id);
    Ok(Value::Null)
}

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    Ok(shown(organization, policy(call, organization)?))
}

pub(super) fn list(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let kind = needs_type(call, "Filter")?;
    let found = organization.policies.values().filter(|policy| policy.kind == kind);
    call.page("Policies", found.map(|policy| show_policy(organization, policy)).collect())
}

/// Where a policy hangs: AWS's own one everywhere.
pub(super) fn attached(policy: &Policy, target: &str) -> bool {
    policy.aws_managed || policy.targets.contains(target)
}

pub(super) fn list_targets(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let policy = policy(call, organization)?;
    let units = organization.units.keys().chain([&organization.root]);
    let accounts = call.state.members(&organization.id).map(|account| &account.id);
    let all = units.chain(accounts).filter(|id| attached(policy, id));
    let shown = all.map(|id| {
        let (kind, arn, name) = kind_of_target(&call.state, organization, id);
        json!({"TargetId": id, "Arn": arn, "Name": name, "Type": kind})
    });
    call.page("Targets", shown.collect())
}

/// A target of the organization.
fn target(call: &Call<'_>, organization: &Organization, needed: bool) -> Result<Option<String>, AwsError> {
    let target = match needed {
        true => Some(call.need("TargetId", TARGET)?),
        false => call.text("TargetId", TARGET)?,
    };
    match target {
        Some(id) if !organization.has_parent(&id) && member(&call.state, &organization.id, &id).is_err() => {
            Err(target_not_found())
        }
        other => Ok(other),
    }
}

/// Organization, policy and target of a request that attaches or detaches.
fn hanging(call: &Call<'_>, attaching: bool) -> Result<(String, Policy, String), AwsError> {
    let organization = call.managed()?;
    let policy = policy(call, organization)?.clone();
    let target = target(call, organization, true)?.ok_or_else(target_not_found)?;
    match organization.policy_types.get(&policy.kind) {
        None if attaching => {
            let message = "The specified policy type isn't currently enabled in this root.";
            Err(AwsError::json("PolicyTypeNotEnabledException", message))
        }
        Some(since) if *since > call.now => Err(in_progress()),
        _ => Ok((organization.id.clone(), policy, target)),
    }
}

fn count(organization: &Organization, kind: &str, target: &str) -> usize {
    organization.policies.values().filter(|one| one.kind == kind && attached(one, target)).count()
}

pub(super) fn attach(call: &mut Call<'_>) -> Done {
    let (id, policy, target) = hanging(call, true)?;
    if attached(&policy, &target) {
        let message = "The selected policy is already attached to the specified target.";
        return Err(AwsError::json("DuplicatePolicyAttachmentException", message));
    }
    if count(call.managed()?, &policy.kind, &target) >= MOST_ATTACHED {
        let message = "You have attached the most policies of that type that a target can have.";
        return Err(constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message));
    }
    if let Some(policy) = call.organization_mut(&id)?.policies.get_mut(&policy.id) {
        policy.targets.insert(target);
    }
    Ok(Value::Null)
}

pub(super) fn detach(call: &mut Call<'_>) -> Done {
    let (id, policy, target) = hanging(call, false)?;
    if !attached(&policy, &target) {
        let message = "The policy isn't attached to the specified target in the specified root.";
        return Err(AwsError::json("PolicyNotAttachedException", message));
    }
    if policy.aws_managed {
        let message = "A target needs one policy of that type at least.";
        return Err(constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message));
    }
    if let Some(policy) = call.organization_mut(&id)?.policies.get_mut(&policy.id) {
        policy.targets.remove(&target);
    }
    Ok(Value::Null)
}

/// The nearest policy of a kind, going up from the target. (AWS merges all of them.)
pub(super) fn effective(call: &mut Call<'_>) -> Done {
    let organization = call.organization()?;
    let kinds = &TYPES[2..];
    let kind = call.choice("PolicyType", kinds)?.ok_or_else(|| invalid("INPUT_REQUIRED", "PolicyType"))?;
    let own = call.caller.account.clone();
    let target = target(call, organization, false)?.unwrap_or_else(|| own.clone());
    if target != own && call.overseen().is_err() {
        return Err(super::access_denied());
    }
    let parent = member(&call.state, &organization.id, &target).ok().and_then(|account| account.member.as_ref());
    let mut way = vec![target.as_str()];
    way.extend(
        parent.map(|place| organization.upwards(&place.parent)).unwrap_or_else(|| organization.upwards(&target)),
    );
    let at = |id: &&str| organization.policies.values().find(|one| one.kind == kind && one.targets.contains(*id));
    let Some(policy) = way.iter().find_map(at) else {
        let message = "There is no effective policy of that type for the target.";
        return Err(AwsError::json("EffectivePolicyNotFoundException", message));
    };
    Ok(json!({"EffectivePolicy": {
        "PolicyContent": policy.content, "LastUpdatedTimestamp": epoch(call.now), "TargetId": target,
        "PolicyType": kind,
    }}))
}
