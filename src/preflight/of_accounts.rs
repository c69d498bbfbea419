//! Rows that STS, IAM and Account Management answer: who the sessions are, what opens an account, who is reachable.

use super::document;
use super::of_elsewhere::listed;
use super::outcome::{Severity, Stops};
use super::reads;
use super::rows::{Hit, Row, items, text};
use crate::base::Time;
use serde_json::Value;

pub static ROWS: &[&Row] = &[
    &SESSION_ENDS,
    &SESSION_OF_PORTAL,
    &SESSION_OF_ROOT,
    &MAY_NOT,
    &MADE_LATELY,
    &NO_ROOT_DOOR,
    &ROOT_WITHOUT_MFA,
    &ROOT_KEYS,
    &ROOT_ACCESS,
    &USERS_WITHOUT_MFA,
    &CONDITIONS,
    &TRUSTS,
    &ALIAS,
    &NO_SECURITY_CONTACT,
    &CONTACT,
];

static SESSION_ENDS: Row = Row {
    id: "session_may_end",
    title: "would be moved through a session of Identity Center",
    severity: Severity::Blocks,
    read: &reads::IDENTITY,
    stops: Stops::NOTHING,
    why: "Leaving, joining or deleting an organization can end such a session at once. People were locked out so.",
    todo: "Use an IAM user, or a role that does not depend on Identity Center, for this session.",
    find: |about, answer| {
        let dangerous = about.case.ways.get(about.way).is_some_and(|way| way.dangerous);
        Hit::when(dangerous && answer["Kind"] == "identity_center", text(answer, "Arn"))
    },
};

static SESSION_OF_PORTAL: Row = Row {
    id: "session_of_identity_center",
    title: "is read through a session of Identity Center",
    severity: Severity::Warns,
    read: &reads::IDENTITY,
    stops: Stops::NOTHING,
    why: "It depends on the organization that is left, and may die at any moment of the move.",
    todo: "Use an IAM user or a plain role on the day.",
    find: |about, answer| {
        let dangerous = about.case.ways.get(about.way).is_some_and(|way| way.dangerous);
        Hit::when(!dangerous && answer["Kind"] == "identity_center", text(answer, "Arn"))
    },
};

static SESSION_OF_ROOT: Row = Row {
    id: "session_of_root",
    title: "is used as its root user",
    severity: Severity::Warns,
    read: &reads::IDENTITY,
    stops: Stops::NOTHING,
    why: "Nothing limits the root user, and access keys of the root user should not exist.",
    todo: "Use an administrator's role or user.",
    find: |_, answer| Hit::when(answer["Kind"] == "root", text(answer, "Arn")),
};

static MAY_NOT: Row = Row {
    id: "session_may_not",
    title: "is reached through a session that may not do what the move needs",
    severity: Severity::Blocks,
    read: &reads::SIMULATE,
    stops: Stops::BOTH,
    why: "IAM's own simulation of these credentials, with the policies of the organization, does not allow it.",
    todo: "Give the session's role or user the permission, or look for the policy that denies it.",
    find: |_, answer| {
        let denied = items(answer, "EvaluationResults").filter(|one| one["EvalDecision"] != "allowed");
        let words: Vec<String> =
            denied.map(|one| format!("{} is {}", text(one, "EvalActionName"), text(one, "EvalDecision"))).collect();
        Hit::when(!words.is_empty(), words.join(", "))
    },
};

static MADE_LATELY: Row = Row {
    id: "account_made_lately",
    title: "was made within the last four days",
    severity: Severity::Warns,
    read: &reads::INFORMATION,
    stops: Stops::NOTHING,
    why: "An account that an organization created moves only when it is four days old.",
    todo: "Wait until then.",
    find: |about, answer| {
        let made = Time::parse(text(answer, "AccountCreatedDate"));
        let made = made.filter(|made| about.known.now.since(*made) < 4 * 86_400_000);
        Hit::maybe(made.map(|made| format!("made at {}", made.seconds())))
    },
};

static NO_ROOT_DOOR: Row = Row {
    id: "root_has_no_way_in",
    title: "has a root user without any way in",
    severity: Severity::Blocks,
    read: &reads::SUMMARY,
    stops: Stops::BOTH,
    why: "Central root access took password, keys and MFA away. Outside that organization nobody opens such an account \
          as root, and only its organization can allow the recovery of the password again.",
    todo: "Before the move: AssumeRoot with the task policy IAMCreateRootUserPassword, CreateLoginProfile; then recover \
           the password by mail, and enrol MFA.",
    find: |about, answer| {
        let map = &answer["SummaryMap"];
        let closed = ["AccountPasswordPresent", "AccountMFAEnabled", "AccountAccessKeysPresent"];
        let none = closed.iter().all(|name| map[name] == 0);
        Hit::when(about.case.moves(about.asked).is_some() && none, "no password, no MFA device, no access key")
    },
};

static ROOT_WITHOUT_MFA: Row = Row {
    id: "root_without_mfa",
    title: "has a root user with a password and without MFA",
    severity: Severity::Warns,
    read: &reads::SUMMARY,
    stops: Stops::NOTHING,
    why: "Who reads its mailbox gets in, and during a move nobody's policies stand before that.",
    todo: "Enrol an MFA device with its holder, and settle who holds it.",
    find: |_, answer| {
        let map = &answer["SummaryMap"];
        // Whether it has a password is told by newer answers only.
        Hit::when(map["AccountMFAEnabled"] == 0 && map["AccountPasswordPresent"] != 0, "AccountMFAEnabled is 0")
    },
};

static ROOT_KEYS: Row = Row {
    id: "root_has_access_keys",
    title: "has a root user with access keys",
    severity: Severity::Warns,
    read: &reads::SUMMARY,
    stops: Stops::NOTHING,
    why: "They open everything, without MFA, from anywhere.",
    todo: "Find out who uses them, replace them by a role, delete them.",
    find: |_, answer| {
        let keys = answer["SummaryMap"]["AccountAccessKeysPresent"].as_i64().unwrap_or_default();
        Hit::when(keys > 0, format!("AccountAccessKeysPresent is {keys}"))
    },
};

static ROOT_ACCESS: Row = Row {
    id: "root_access_is_central",
    title: "manages root access of its accounts centrally",
    severity: Severity::ToKnow,
    read: &reads::ROOT_ACCESS,
    stops: Stops::NOTHING,
    why: "Accounts that leave are out of its reach: what it can do for a locked root user, it can do only before.",
    todo: "See that the new organization has it too, or that each root user has a holder and a device.",
    find: |_, answer| {
        let all: Vec<&str> = items(answer, "EnabledFeatures").filter_map(Value::as_str).collect();
        Hit::when(!all.is_empty(), all.join(", "))
    },
};

static USERS_WITHOUT_MFA: Row = Row {
    id: "fewer_devices_than_users",
    title: "has fewer MFA devices in use than users",
    severity: Severity::ToKnow,
    read: &reads::SUMMARY,
    stops: Stops::NOTHING,
    why: "Some users sign in without MFA; which, and who holds the devices, IAM does not tell in one read.",
    todo: "Look at the credential report.",
    find: |_, answer| {
        let number = |name: &str| answer["SummaryMap"][name].as_i64().unwrap_or_default();
        let (users, devices) = (number("Users"), number("MFADevicesInUse"));
        Hit::when(users > devices, format!("{users} users, {devices} devices in use"))
    },
};

static CONDITIONS: Row = Row {
    id: "policy_names_an_organization",
    title: "has IAM policies that name an organization",
    severity: Severity::Warns,
    read: &reads::DETAILS,
    stops: Stops::NOTHING,
    why: "After the move the account is in another organization: what such a condition allowed is denied, and what it \
          denied to others it denies to the account.",
    todo: "Let them name both organizations before the move; take the old one out when all have moved.",
    find: |_, answer| {
        let mut places = Vec::new();
        for (place, text) in documents(answer) {
            match document::read(text) {
                Err(why) => places.push(format!("{place} can't be read: {why}")),
                Ok(document) => places.extend(document::organizations(&document).into_iter().map(|named| {
                    format!("{place}, {}: {} {}", named.statement, named.condition, named.values.join(" "))
                })),
            }
        }
        Hit::when(!places.is_empty(), listed(&places))
    },
};

static TRUSTS: Row = Row {
    id: "old_management_is_trusted",
    title: "has roles that the management account it leaves may still assume",
    severity: Severity::ToKnow,
    read: &reads::DETAILS,
    stops: Stops::NOTHING,
    why: "A role such as OrganizationAccountAccessRole stays after the move with its trust: the old management account \
          keeps full access.",
    todo: "After the move is settled, and not before, let it trust the new management account, or delete it.",
    find: |about, answer| {
        let Some(left) = about.known.management_of(about.case, about.asked) else { return Vec::new() };
        let trusting = items(answer, "RoleDetailList").filter(|role| {
            let document = document::read(&role["AssumeRolePolicyDocument"]);
            document.is_ok_and(|document| document::trusts(&document, &left))
        });
        let names: Vec<String> = trusting.map(|role| text(role, "RoleName").to_owned()).collect();
        Hit::when(!names.is_empty() && left != about.asked, format!("{left} may assume {}", listed(&names)))
    },
};

static ALIAS: Row = Row {
    id: "account_alias",
    title: "has an alias",
    severity: Severity::ToKnow,
    read: &reads::ALIASES,
    stops: Stops::NOTHING,
    why: "It is unique across AWS and stays with the account.",
    todo: "Nothing; a sign-in portal's prefix is another thing (a question below).",
    find: |_, answer| {
        let all: Vec<&str> = items(answer, "AccountAliases").filter_map(Value::as_str).collect();
        Hit::when(!all.is_empty(), all.join(", "))
    },
};

static NO_SECURITY_CONTACT: Row = Row {
    id: "no_security_contact",
    title: "has no security contact",
    severity: Severity::Warns,
    read: &reads::SECURITY_CONTACT,
    stops: Stops::NOTHING,
    why: "AWS writes to the root mailbox alone when something is wrong, on the very day when people change.",
    todo: "PutAlternateContact with the address of a team.",
    find: |_, answer| {
        Hit::when(answer["Error"] == "ResourceNotFoundException", "AlternateContactType SECURITY is not set")
    },
};

static CONTACT: Row = Row {
    id: "contact_to_confirm",
    title: "has this contact",
    severity: Severity::ToKnow,
    read: &reads::CONTACT,
    stops: Stops::NOTHING,
    why: "AWS calls this number when a root user must be recovered.",
    todo: "Somebody picks it up, and confirms it.",
    find: |_, answer| {
        let contact = &answer["ContactInformation"];
        let words = [text(contact, "FullName"), text(contact, "CompanyName"), text(contact, "PhoneNumber")];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let says = if words.is_empty() { "none is set".to_owned() } else { words.join(", ") };
        vec![Hit::says(says)]
    },
};

/// Every document of GetAccountAuthorizationDetails, with its place.
fn documents(answer: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    let own = [
        ("user", "UserDetailList", "UserName", "UserPolicyList"),
        ("group", "GroupDetailList", "GroupName", "GroupPolicyList"),
        ("role", "RoleDetailList", "RoleName", "RolePolicyList"),
    ];
    for (kind, list, name, policies) in own {
        for one in items(answer, list) {
            let holder = format!("{kind} {}", text(one, name));
            if kind == "role" && one.get("AssumeRolePolicyDocument").is_some() {
                all.push((format!("{holder}, trust policy"), &one["AssumeRolePolicyDocument"]));
            }
            for policy in items(one, policies) {
                all.push((format!("{holder}, policy {}", text(policy, "PolicyName")), &policy["PolicyDocument"]));
            }
        }
    }
    for policy in items(answer, "Policies") {
        let version = items(policy, "PolicyVersionList").find(|version| version["IsDefaultVersion"] == true);
        if let Some(version) = version {
            all.push((format!("managed policy {}", text(policy, "PolicyName")), &version["Document"]));
        }
    }
    all
}

/// What a row needs to know of an open session beside AWS's answer.
pub fn identity(account: &str, arn: &str, kind: &str) -> Value {
    serde_json::json!({ "Account": account, "Arn": arn, "Kind": kind })
}

/// The principal whose policies are simulated; a role session stands for its role.
pub fn principal(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &["arn", partition, service, _, account, resource] = parts.as_slice() else { return None };
    match (service, resource.split('/').collect::<Vec<_>>().as_slice()) {
        ("iam", ["user", ..]) => Some(arn.to_owned()),
        ("sts", ["assumed-role", role, ..]) => Some(format!("arn:{partition}:iam::{account}:role/{role}")),
        _ => None,
    }
}
