//! Who asks, and may they: keys, managed policies, statements, service control policies.
//! Small but honest: default deny, allow by statement, explicit deny wins. Conditions other than MFA,
//! permission boundaries and allow-list SCPs are not modelled; resources are matched only where the
//! simulator names them (roles that are assumed, IAM users).

use super::state::{State, Statement, Who};
use super::wire::{AwsError, Protocol, Request};
use super::{document, signature};
use crate::base::Time;
use std::collections::BTreeSet;

/// The principal behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Access key id.
    pub key: String,
    pub account: String,
    pub arn: String,
    pub user_id: String,
    pub who: Who,
    /// The session was opened with MFA.
    pub mfa: bool,
}

/// The caller of `request`, or why its key is not accepted.
pub(super) fn caller(
    state: &State,
    request: &Request,
    protocol: Protocol,
    signatures: bool,
    now: Time,
) -> Result<Caller, AwsError> {
    let Some((id, _)) = request.credential() else {
        let message = "The request has no authentication token.";
        let query = (403, "MissingAuthenticationToken");
        return Err(protocol.common("MissingAuthenticationTokenException", query, message));
    };
    let token = request.header("x-amz-security-token").unwrap_or("");
    let Some(key) = state.keys.get(id).filter(|key| key.token.is_empty() || key.token == token) else {
        let message = "The security token included in the request is invalid.";
        return Err(protocol.common("UnrecognizedClientException", (403, "InvalidClientTokenId"), message));
    };
    if key.expires.is_some_and(|at| at <= now) {
        return Err(expired(protocol));
    }
    if signatures && let Err(wrong) = signature::verify(request, &key.secret) {
        return Err(unsigned(wrong, protocol));
    }
    let (arn, user_id) = names(state, &key.account, &key.who);
    Ok(Caller { key: key.id.clone(), account: key.account.clone(), arn, user_id, who: key.who.clone(), mfa: key.mfa })
}

fn unsigned(wrong: signature::Wrong, protocol: Protocol) -> AwsError {
    match wrong {
        signature::Wrong::Incomplete => {
            let message = "The request signature does not conform to AWS standards.";
            protocol.common("IncompleteSignatureException", (400, "IncompleteSignature"), message)
        }
        signature::Wrong::Other => {
            let message = "The request signature we calculated does not match the signature you provided. \
                           Check your AWS Secret Access Key and signing method.";
            protocol.common("InvalidSignatureException", (403, "SignatureDoesNotMatch"), message)
        }
    }
}

/// ARN and unique id of a principal.
fn names(state: &State, account: &str, who: &Who) -> (String, String) {
    let found = state.accounts.get(account);
    match who {
        Who::Root | Who::RootTask(_) => (format!("arn:aws:iam::{account}:root"), account.to_owned()),
        Who::User(name) => {
            let user = found.and_then(|account| account.users.get(name));
            (user_arn(state, account, name), user.map_or(String::new(), |user| user.id.clone()))
        }
        Who::Session { role, session, .. } => {
            let id = found.and_then(|a| a.roles.get(role)).map_or(String::new(), |role| role.id.clone());
            (format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"), format!("{id}:{session}"))
        }
    }
}

/// The user's ARN holds the path, if there is such a user.
pub fn user_arn(state: &State, account: &str, name: &str) -> String {
    let user = state.accounts.get(account).and_then(|account| account.users.get(name));
    format!("arn:aws:iam::{account}:user{}{name}", user.map_or("/", |user| user.path.as_str()))
}

pub fn role_arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

/// The session is over.
pub(super) fn expired(protocol: Protocol) -> AwsError {
    let message = "The security token included in the request is expired";
    protocol.common("ExpiredTokenException", (403, "ExpiredToken"), message)
}

pub(super) fn denied(protocol: Protocol, message: &str) -> AwsError {
    protocol.common("AccessDeniedException", (403, "AccessDenied"), message)
}

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    ServiceControlPolicy,
    Explicit,
    NotAllowed,
    /// The account is closed: nobody does anything in it.
    Closed,
}

/// Whether `caller` may do `action` (`iam:GetUser`) on `resource` (an ARN, or `*` where none is modelled).
pub fn decide(state: &State, caller: &Caller, action: &str, resource: &str) -> Result<(), Denial> {
    if action == "sts:GetCallerIdentity" {
        return Ok(());
    }
    if state.accounts.get(&caller.account).is_some_and(|account| account.state == "CLOSED") {
        return Err(Denial::Closed);
    }
    if denied_by_organization(state, &caller.account, action) {
        return Err(Denial::ServiceControlPolicy);
    }
    match &caller.who {
        Who::Root => return Ok(()),
        Who::RootTask(task) => {
            let allowed = task_actions(task).iter().any(|pattern| matches(pattern, action));
            return if allowed { Ok(()) } else { Err(Denial::NotAllowed) };
        }
        _ => {}
    }
    let statements = statements(state, caller);
    let meant = |statement: &&Statement| {
        statement.actions.iter().any(|pattern| matches(pattern, action))
            && statement.resources.iter().any(|pattern| pattern == "*" || matches_exactly(pattern, resource))
    };
    let (allows, denies): (Vec<_>, Vec<_>) = statements.iter().filter(meant).partition(|statement| statement.allow);
    if denies.iter().any(|statement| !statement.mfa || !caller.mfa) {
        return Err(Denial::Explicit);
    }
    match allows.iter().any(|statement| !statement.mfa || caller.mfa) {
        true => Ok(()),
        false => Err(Denial::NotAllowed),
    }
}

/// As [`decide`], with AWS's error.
pub fn authorize(
    state: &State,
    caller: &Caller,
    protocol: Protocol,
    action: &str,
    resource: &str,
) -> Result<(), AwsError> {
    decide(state, caller, action, resource).map_err(|denial| {
        let why = match denial {
            Denial::ServiceControlPolicy => "with an explicit deny in a service control policy",
            Denial::Explicit => "with an explicit deny in an identity-based policy",
            Denial::NotAllowed => "because no identity-based policy allows the action",
            Denial::Closed => "because the account is closed",
        };
        denied(protocol, &format!("User: {} is not authorized to perform: {action} {why}", caller.arn))
    })
}

/// A service control policy at the account or above it denies `action`. Management accounts are exempt.
pub fn denied_by_organization(state: &State, account: &str, action: &str) -> bool {
    let Some(organization) = state.organization_of(account) else { return false };
    let Some(member) = state.accounts.get(account).and_then(|account| account.member.as_ref()) else { return false };
    if organization.management == account || organization.feature_set != "ALL" {
        return false;
    }
    let above = organization.upwards(&member.parent);
    organization.policies.values().any(|policy| {
        policy.kind == "SERVICE_CONTROL_POLICY"
            && organization.policy_types.contains_key(&policy.kind)
            && policy.denies.iter().any(|pattern| matches(pattern, action))
            && (policy.targets.contains(account) || above.iter().any(|id| policy.targets.contains(*id)))
    })
}

fn statements(state: &State, caller: &Caller) -> Vec<Statement> {
    let Some(account) = state.accounts.get(&caller.account) else { return Vec::new() };
    let mut all = Vec::new();
    match &caller.who {
        Who::Root | Who::RootTask(_) => {}
        Who::User(name) => {
            if let Some(user) = account.users.get(name) {
                all.extend(user.statements.iter().cloned());
                all.extend(managed_statements(&user.attached));
                let groups = account.inside.groups.values().filter(|group| group.users.contains(name));
                all.extend(groups.flat_map(|group| managed_statements(&group.attached)));
            }
        }
        Who::Session { role, .. } => {
            if let Some(role) = account.roles.get(role) {
                all.extend(role.statements.iter().cloned());
                all.extend(managed_statements(&role.attached));
                all.extend(role.inline.values().filter_map(|text| document::statements(text)).flatten());
            }
        }
    }
    all
}

/// What a session may do with each of AWS's task policies for central root access.
const TASKS: &[(&str, &[&str])] = &[
    (
        "IAMAuditRootUserCredentials",
        &[
            "iam:GetUser",
            "iam:GetLoginProfile",
            "iam:ListAccessKeys",
            "iam:ListMFADevices",
            "iam:ListSigningCertificates",
            "iam:GetAccountSummary",
            "iam:GetAccessKeyLastUsed",
        ],
    ),
    ("IAMCreateRootUserPassword", &["iam:CreateLoginProfile", "iam:GetLoginProfile"]),
    (
        "IAMDeleteRootUserCredentials",
        &[
            "iam:DeleteAccessKey",
            "iam:DeleteLoginProfile",
            "iam:DeleteSigningCertificate",
            "iam:DeactivateMFADevice",
            "iam:DeleteVirtualMFADevice",
            "iam:GetUser",
            "iam:GetLoginProfile",
            "iam:GetAccountSummary",
            "iam:ListAccessKeys",
            "iam:ListMFADevices",
            "iam:ListSigningCertificates",
            "iam:ListVirtualMFADevices",
        ],
    ),
    ("S3UnlockBucketPolicy", &["s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:ListAllMyBuckets"]),
    ("SQSUnlockQueuePolicy", &["sqs:GetQueueAttributes", "sqs:ListQueues", "sqs:SetQueueAttributes"]),
];

fn task_actions(task: &str) -> &'static [&'static str] {
    TASKS.iter().find(|(name, _)| *name == task).map_or(&[], |(_, actions)| actions)
}

/// Whether AWS has a task policy of that name.
pub fn is_task(name: &str) -> bool {
    TASKS.iter().any(|(known, _)| *known == name)
}

fn managed_statements(attached: &BTreeSet<String>) -> Vec<Statement> {
    let patterns = attached.iter().filter_map(|name| managed(name));
    patterns
        .map(|actions| Statement {
            allow: true,
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            resources: vec!["*".to_owned()],
            mfa: false,
        })
        .collect()
}

/// The managed policies that the simulator knows, as far as its own services go.
const MANAGED: &[(&str, &[&str])] = &[
    ("AdministratorAccess", &["*"]),
    (
        "ReadOnlyAccess",
        &[
            "organizations:Describe*",
            "organizations:List*",
            "iam:Get*",
            "iam:List*",
            "sts:GetCallerIdentity",
            "account:ListRegions",
            "cloudformation:List*",
            "ram:Get*",
            "sso:List*",
            "servicequotas:Get*",
        ],
    ),
    (
        "PowerUserAccess",
        &[
            "sts:*",
            "iam:CreateServiceLinkedRole",
            "iam:DeleteServiceLinkedRole",
            "iam:ListRoles",
            "organizations:DescribeOrganization",
        ],
    ),
    ("AWSOrganizationsFullAccess", &["organizations:*", "iam:CreateServiceLinkedRole"]),
    ("AWSOrganizationsReadOnlyAccess", &["organizations:Describe*", "organizations:List*"]),
    (
        "IAMFullAccess",
        &[
            "iam:*",
            "organizations:DescribeAccount",
            "organizations:DescribeOrganization",
            "organizations:ListParents",
            "organizations:ListPoliciesForTarget",
            "organizations:ListRoots",
        ],
    ),
    ("Billing", &["invoicing:*", "billing:*", "account:GetAccountInformation", "organizations:DescribeOrganization"]),
    ("IAMReadOnlyAccess", &["iam:Get*", "iam:List*", "iam:Simulate*"]),
    ("SecurityAudit", &["iam:Get*", "iam:List*", "organizations:Describe*", "organizations:List*"]),
    ("ViewOnlyAccess", &["iam:List*", "organizations:List*"]),
    ("IAMUserChangePassword", &["iam:ChangePassword", "iam:GetAccountPasswordPolicy"]),
    ("IAMUserSSHKeys", &["iam:DeleteSSHPublicKey", "iam:GetSSHPublicKey", "iam:ListSSHPublicKeys"]),
    ("AWSBillingReadOnlyAccess", &["organizations:DescribeOrganization"]),
];

/// The actions that a managed policy allows; none if the simulator does not know it.
pub fn managed(name: &str) -> Option<&'static [&'static str]> {
    MANAGED.iter().find(|(known, _)| *known == name).map(|(_, actions)| *actions)
}

pub fn managed_names() -> Vec<&'static str> {
    MANAGED.iter().map(|(name, _)| *name).collect()
}

/// `text` fits `pattern`, in which `*` is any text and `?` any one character; case does not count.
pub fn matches(pattern: &str, text: &str) -> bool {
    glob(pattern.to_ascii_lowercase().as_bytes(), text.to_ascii_lowercase().as_bytes())
}

fn matches_exactly(pattern: &str, text: &str) -> bool {
    glob(pattern.as_bytes(), text.as_bytes())
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go back to: the last star, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    p = at + 1;
                    t = taken + 1;
                    star = Some((at, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, fits) in [
            ("*", "iam:GetUser", true),
            ("iam:*", "iam:GetUser", true),
            ("iam:Get*", "IAM:getuser", true),
            ("iam:Get?ser", "iam:GetUser", true),
            ("iam:*User", "iam:DeleteUserPolicy", false),
            ("*a*b*c", "xxaxxbxxbc", true),
            ("organizations:Leave", "organizations:LeaveOrganization", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
