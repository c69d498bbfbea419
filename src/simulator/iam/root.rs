//! Central root access, and what tells how an account stands: summary, all of its policies, what a principal may do.

use super::super::access::{self, Caller, Denial};
use super::super::state::{Account, Organization, User, Who};
use super::super::wire::AwsError;
use super::super::{Call, Operation};
use super::{AWS_POLICY, Done, invalid, text, texts};
use base64::Engine as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SERVICE: &str = "iam.amazonaws.com";
pub(in super::super) const CREDENTIALS: &str = "RootCredentialsManagement";
pub(in super::super) const SESSIONS: &str = "RootSessions";

pub(super) fn operation(name: &str) -> Option<Operation> {
    let read = |run: fn(&mut Call<'_>) -> Done| Operation { writes: false, run };
    let write = |run: fn(&mut Call<'_>) -> Done| Operation { writes: true, run };
    Some(match name {
        "EnableOrganizationsRootCredentialsManagement" => write(|call| set(call, CREDENTIALS, true)),
        "DisableOrganizationsRootCredentialsManagement" => write(|call| set(call, CREDENTIALS, false)),
        "EnableOrganizationsRootSessions" => write(|call| set(call, SESSIONS, true)),
        "DisableOrganizationsRootSessions" => write(|call| set(call, SESSIONS, false)),
        "ListOrganizationsFeatures" => read(features),
        "GetAccountSummary" => read(summary),
        "GenerateCredentialReport" => read(|_| Ok(json!({"State": "COMPLETE"}))),
        "GetCredentialReport" => read(report),
        "GetAccountAuthorizationDetails" => read(details),
        "SimulatePrincipalPolicy" => read(simulate),
        _ => return None,
    })
}

/// What AWS grants every account, and what the simulator has none of.
const QUOTAS: [(&str, i64); 20] = [
    ("AccountSigningCertificatesPresent", 0),
    ("Policies", 0),
    ("PolicyVersionsInUse", 0),
    ("ServerCertificates", 0),
    ("AccessKeysPerUserQuota", 2),
    ("AttachedPoliciesPerGroupQuota", 10),
    ("AttachedPoliciesPerRoleQuota", 10),
    ("AttachedPoliciesPerUserQuota", 10),
    ("GlobalEndpointTokenVersion", 1),
    ("GroupPolicySizeQuota", 5_120),
    ("GroupsPerUserQuota", 10),
    ("GroupsQuota", 300),
    ("PoliciesQuota", 1_500),
    ("PolicySizeQuota", 6_144),
    ("PolicyVersionsInUseQuota", 10_000),
    ("ServerCertificatesQuota", 20),
    ("SigningCertificatesPerUserQuota", 2),
    ("UserPolicySizeQuota", 2_048),
    ("UsersQuota", 5_000),
    ("VersionsPerPolicyQuota", 5),
];

/// The organization whose central root access the caller may look at or change.
fn organization<'a>(call: &'a Call<'_>) -> Result<&'a Organization, AwsError> {
    let me = &call.caller.account;
    let error = |code, message: &str| AwsError::query(400, code, message);
    let Some(found) = call.state.organization_of(me) else {
        return Err(error("OrganizationNotFoundException", "The account is in no organization."));
    };
    let delegated = found.delegated.get(me).is_some_and(|services| services.contains_key(SERVICE));
    if found.management != *me && !delegated {
        let message = "The account is neither the management account nor a delegated administrator.";
        return Err(error("AccountNotManagementOrDelegatedAdministratorException", message));
    }
    if found.feature_set != "ALL" {
        let message = "The organization has not all features.";
        return Err(error("OrganizationNotInAllFeaturesModeException", message));
    }
    if !found.service_access.contains_key(SERVICE) {
        let message = "Trusted access for IAM is not enabled in the organization.";
        return Err(error("ServiceAccessNotEnabledException", message));
    }
    Ok(found)
}

fn set(call: &mut Call<'_>, feature: &str, on: bool) -> Done {
    let found = organization(call)?;
    if on && found.management != call.caller.account {
        let message = "Only the management account may enable this.";
        return Err(AwsError::query(400, "CallerIsNotManagementAccountException", message));
    }
    let id = found.id.clone();
    let changes = found.features.contains(feature) != on;
    if changes && let Some(found) = call.change().organizations.get_mut(&id) {
        match on {
            true => found.features.insert(feature.to_owned()),
            false => found.features.remove(feature),
        };
    }
    features(call)
}

fn features(call: &mut Call<'_>) -> Done {
    let found = organization(call)?;
    let features: Vec<&String> = found.features.iter().collect();
    Ok(json!({"OrganizationId": found.id, "EnabledFeatures": features}))
}

fn summary(call: &mut Call<'_>) -> Done {
    let account = call.account()?;
    let root_key = |key: &&super::Key| key.account == account.id && key.who == Who::Root && key.token.is_empty();
    let number = |yes: bool| i64::from(yes);
    let devices = account.users.values().filter(|user| user.mfa.is_some()).count();
    let members = [
        ("AccountAccessKeysPresent", number(call.state.keys.values().any(|key| root_key(&key)))),
        ("AccountMFAEnabled", number(account.facts.root_mfa)),
        ("AccountPasswordPresent", number(account.root_password)),
        ("Groups", account.inside.groups.len() as i64),
        ("MFADevices", account.inside.devices.len() as i64),
        ("MFADevicesInUse", devices as i64),
        ("Roles", account.roles.len() as i64),
        ("Users", account.users.len() as i64),
    ];
    let entries: Vec<Value> =
        members.into_iter().chain(QUOTAS).map(|(key, value)| json!({"key": key, "value": value})).collect();
    Ok(json!({ "SummaryMap": entries }))
}

/// The columns of AWS's credential report.
const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// As of now: the simulator makes it at once, and nobody has used anything yet.
fn report(call: &mut Call<'_>) -> Done {
    let account = call.account()?;
    let keys = |who: &Who| {
        let mut own =
            call.state.keys.values().filter(|key| key.account == account.id && key.who == *who && key.token.is_empty());
        let one = |key: Option<&super::Key>| match key {
            Some(key) => format!("true,{},N/A,N/A,N/A", key.created.seconds()),
            None => "false,N/A,N/A,N/A,N/A".to_owned(),
        };
        format!("{},{},false,N/A,false,N/A", one(own.next()), one(own.next()))
    };
    let line = |name: &str, arn: String, made: String, password: bool, mfa: bool, who: &Who| {
        let changed = if password { made.as_str() } else { "N/A" };
        format!("\n{name},{arn},{made},{password},no_information,{changed},N/A,{mfa},{}", keys(who))
    };
    let root = format!("arn:aws:iam::{}:root", account.id);
    let (made, open) = (account.created.seconds(), account.root_password);
    let mut text = COLUMNS.to_owned();
    text.push_str(&line("<root_account>", root, made, open, account.facts.root_mfa, &Who::Root));
    for user in account.users.values() {
        let arn = access::user_arn(&call.state, &account.id, &user.name);
        let (made, password) = (user.created.seconds(), user.password.is_some());
        text.push_str(&line(&user.name, arn, made, password, user.mfa.is_some(), &Who::User(user.name.clone())));
    }
    let content = base64::engine::general_purpose::STANDARD.encode(text);
    Ok(json!({"Content": content, "ReportFormat": "text/csv", "GeneratedTime": call.now.seconds()}))
}

fn managed_list(names: &BTreeSet<String>) -> Vec<Value> {
    names.iter().map(|name| json!({"PolicyName": name, "PolicyArn": format!("{AWS_POLICY}{name}")})).collect()
}

fn user_detail(call: &Call<'_>, account: &Account, user: &User) -> Value {
    let groups = account.inside.groups.values().filter(|group| group.users.contains(&user.name));
    let groups: Vec<&String> = groups.map(|group| &group.name).collect();
    let mut shown = super::show_plain(call, user);
    shown["GroupList"] = json!(groups);
    shown["AttachedManagedPolicies"] = json!(managed_list(&user.attached));
    shown
}

fn details(call: &mut Call<'_>) -> Done {
    let filter = texts(call.input, "Filter");
    let kinds = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];
    if filter.iter().any(|kind| !kinds.contains(&kind.as_str())) {
        return Err(invalid("Filter has an entity type that is not known."));
    }
    let wanted = |kind: &str| filter.is_empty() || filter.iter().any(|one| one == kind);
    let account = call.account()?;
    let mut all: Vec<(&str, Value)> = Vec::new();
    if wanted("User") {
        all.extend(account.users.values().map(|user| ("UserDetailList", user_detail(call, account, user))));
    }
    if wanted("Group") {
        all.extend(account.inside.groups.values().map(|group| {
            let arn = format!("arn:aws:iam::{}:group{}{}", account.id, group.path, group.name);
            let shown = json!({
                "Path": group.path, "GroupName": group.name, "GroupId": group.id, "Arn": arn,
                "CreateDate": group.created.seconds(), "AttachedManagedPolicies": managed_list(&group.attached),
            });
            ("GroupDetailList", shown)
        }));
    }
    if wanted("Role") {
        all.extend(account.roles.values().map(|role| {
            let mut shown = super::roles::show(&account.id, role);
            if let Some(members) = shown.as_object_mut() {
                members.remove("MaxSessionDuration");
                members.remove("Description");
            }
            let inline = role.inline.iter();
            let inline: Vec<Value> = inline
                .map(|(name, text)| json!({"PolicyName": name, "PolicyDocument": super::encoded(text)}))
                .collect();
            shown["RolePolicyList"] = json!(inline);
            shown["AttachedManagedPolicies"] = json!(managed_list(&role.attached));
            ("RoleDetailList", shown)
        }));
    }
    let (from, to) = call.marks(all.len())?;
    let of = |name: &str| -> Vec<&Value> {
        all[from..to].iter().filter(|(list, _)| *list == name).map(|(_, shown)| shown).collect()
    };
    let mut answer = json!({
        "UserDetailList": of("UserDetailList"), "GroupDetailList": of("GroupDetailList"),
        "RoleDetailList": of("RoleDetailList"), "IsTruncated": to < all.len(),
    });
    if to < all.len() {
        answer["Marker"] = json!(format!("after-{to}"));
    }
    Ok(answer)
}

/// The principal whose policies are tried: a user or role of the caller's account.
fn principal(call: &Call<'_>, arn: &str) -> Result<Caller, AwsError> {
    let account = call.account()?;
    let gone = || AwsError::query(404, "NoSuchEntity", format!("{arn} cannot be found."));
    let resource = arn.strip_prefix(&format!("arn:aws:iam::{}:", account.id));
    let resource = resource.ok_or_else(|| match arn.starts_with("arn:aws:iam::") {
        true => gone(),
        false => AwsError::query(400, "InvalidInput", format!("Invalid Entity Arn: {arn}")),
    })?;
    let name = resource.rsplit('/').next().unwrap_or_default().to_owned();
    let who = match resource.split('/').next() {
        Some("user") if account.users.contains_key(&name) => Who::User(name),
        Some("role") if account.roles.contains_key(&name) => {
            Who::Session { role: name, session: "simulated".to_owned(), identity_center: false }
        }
        Some("user" | "role") => return Err(gone()),
        _ => return Err(AwsError::query(400, "InvalidInput", format!("Invalid Entity Arn: {arn}"))),
    };
    let mfa = texts_of_context(call, "aws:MultiFactorAuthPresent").iter().any(|value| value == "true");
    Ok(Caller {
        key: String::new(),
        account: account.id.clone(),
        arn: arn.to_owned(),
        user_id: String::new(),
        who,
        mfa,
    })
}

/// The values of a context key of the request.
fn texts_of_context(call: &Call<'_>, key: &str) -> Vec<String> {
    let entry = |number: usize, member: &str| format!("ContextEntries.member.{number}.{member}");
    let found = (1..100).take_while(|number| text(call.input, &entry(*number, "ContextKeyName")).is_some());
    let mut meant = found.filter(|number| text(call.input, &entry(*number, "ContextKeyName")) == Some(key));
    meant.next().map_or_else(Vec::new, |number| texts(call.input, &entry(number, "ContextKeyValues")))
}

fn simulate(call: &mut Call<'_>) -> Done {
    let arn = text(call.input, "PolicySourceArn").ok_or_else(|| invalid("PolicySourceArn is required."))?;
    let actions = texts(call.input, "ActionNames");
    if actions.is_empty() || actions.iter().any(|action| !action.contains(':')) {
        return Err(invalid("ActionNames has one action at least, `service:Action`."));
    }
    let principal = principal(call, arn)?;
    let mut resources = texts(call.input, "ResourceArns");
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let mut results = Vec::new();
    for action in &actions {
        for resource in &resources {
            // The same function that judges requests.
            let (decision, organizations) = match access::decide(&call.state, &principal, action, resource) {
                Ok(()) => ("allowed", true),
                Err(Denial::Explicit) => ("explicitDeny", true),
                Err(Denial::ServiceControlPolicy) => ("explicitDeny", false),
                Err(Denial::NotAllowed | Denial::Closed) => ("implicitDeny", true),
            };
            results.push(json!({
                "EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision,
                "MatchedStatements": [], "MissingContextValues": [],
                "OrganizationsDecisionDetail": {"AllowedByOrganizations": organizations},
            }));
        }
    }
    call.marked("EvaluationResults", results)
}
