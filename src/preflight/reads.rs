//! What a preflight reads: each read once, with whom it is asked of, when, and what is not known without it.
//! Data only; who asks is `run`.

use super::outcome::Stops;
use serde_json::{Value, json};

/// One read.
#[derive(Debug)]
pub struct Read {
    /// Of the catalogue.
    pub action: &'static str,
    pub whom: Whom,
    /// Reads of a later round need what those of the rounds before told.
    pub round: u8,
    /// The parameters; the text is what it is asked about.
    pub with: fn(&str) -> Value,
    /// Error codes that are an answer too.
    pub answers: &'static [&'static str],
    /// What it tells, as in "not known: ...".
    pub tells: &'static str,
    /// Requests per second and burst of all accounts of an organization together, where AWS publishes them and many
    /// accounts are asked: a little less than AWS's, for clocks and networks are not exact.
    pub together: Option<(u32, u32)>,
    /// Routes that may be stopped by what later reads find with its answer.
    pub leads_to: Stops,
}

/// Who is asked, about what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whom {
    /// Every session: who its credentials are.
    Session,
    /// Every account with an open session, about itself.
    Held,
    /// Each account that moves, about itself.
    Inside,
    /// The management account of the organization that an account leaves, about the account.
    OfMember,
    /// The management account of each organization that accounts leave.
    Leaving,
    /// The management account of the organization that accounts join.
    Joining,
    /// The management account, about each root, unit and account on the way up, and a kind of policy.
    Target,
    /// The management account, about each policy in force on the way up.
    Policy,
    /// The management account that it leaves, about each account that moves and is a delegated administrator.
    Delegated,
    /// The same about each account of which no path is known.
    Unplaced,
    /// Each account that moves, about the very credentials of the session in it.
    Credentials,
    /// The management account of the organization that is left, in each region that it uses.
    LeavingRegions,
    /// Each account that moves, in each region that it uses.
    InsideRegions,
    /// The management account, about each of its stack sets.
    StackSet,
    /// The management account, about each account that moves, in its Identity Center.
    Assigned,
    /// The same, about each permission set there.
    Permission,
}

impl Whom {
    pub fn words(self) -> &'static str {
        match self {
            Whom::Session => "each session",
            Whom::Held => "each account with a session",
            Whom::Inside => "each account that moves",
            Whom::OfMember => "the management account that it leaves, about each account that moves",
            Whom::Leaving => "the management account of the organization that is left",
            Whom::Joining => "the management account of the organization that is joined",
            Whom::Target => "the management account that it leaves, about each root, unit and account on the way up",
            Whom::Policy => "the management account that it leaves, about each policy on the way up",
            Whom::Delegated => "the management account that it leaves, about each delegated administrator that moves",
            Whom::Unplaced => "the management account that it leaves, about each account whose path it did not tell",
            Whom::Credentials => "each account that moves, about the session's own credentials",
            Whom::LeavingRegions => "the management account of the organization that is left, in each region it uses",
            Whom::InsideRegions => "each account that moves, in each region it uses",
            Whom::StackSet => "the management account of the organization that is left, about each of its stack sets",
            Whom::Assigned => "the management account with Identity Center, about each account that moves",
            Whom::Permission => "the management account with Identity Center, about each permission set in use",
        }
    }
}

/// The last round.
pub const LAST: u8 = 5;

const NOT_IN_USE: &str = "AWSOrganizationsNotInUseException";

fn nothing(_: &str) -> Value {
    json!({})
}

fn account(about: &str) -> Value {
    json!({ "AccountId": about })
}

pub(super) const READ: Read = Read {
    action: "",
    whom: Whom::Session,
    round: 2,
    with: nothing,
    answers: &[],
    tells: "",
    together: None,
    leads_to: Stops::NOTHING,
};

/// The `nth` word of what a read is about.
fn word(about: &str, nth: usize) -> &str {
    about.split(' ').nth(nth).unwrap_or_default()
}

pub static IDENTITY: Read =
    Read { action: "sts:GetCallerIdentity", round: 0, tells: "whose credentials the session has", ..READ };
pub static ORGANIZATION: Read = Read {
    action: "organizations:DescribeOrganization",
    whom: Whom::Held,
    round: 1,
    answers: &[NOT_IN_USE],
    tells: "which organization the account is in, and whether it is its management account",
    ..READ
};
pub static ACCOUNT: Read = Read {
    action: "organizations:DescribeAccount",
    whom: Whom::OfMember,
    with: account,
    tells: "state, age, place and root address of the account",
    ..READ
};
pub static JOINING_ACCOUNT: Read = Read {
    action: "organizations:DescribeAccount",
    whom: Whom::Joining,
    with: account,
    tells: "how old the organization is that accounts join",
    ..READ
};
pub static ROOTS: Read = Read {
    action: "organizations:ListRoots",
    whom: Whom::Leaving,
    tells: "which kinds of policies are in force",
    ..READ
};
pub static PARENTS: Read = Read {
    action: "organizations:ListParents",
    whom: Whom::Unplaced,
    round: 3,
    with: |about| json!({ "ChildId": about }),
    tells: "where the account is in its organization",
    ..READ
};
pub static TAGS: Read = Read {
    action: "organizations:ListTagsForResource",
    whom: Whom::OfMember,
    with: |about| json!({ "ResourceId": about }),
    tells: "its tags in the organization",
    ..READ
};
pub static DELEGATED: Read = Read {
    action: "organizations:ListDelegatedAdministrators",
    whom: Whom::Leaving,
    tells: "which accounts are delegated administrators",
    ..READ
};
pub static TRUSTED: Read = Read {
    action: "organizations:ListAWSServiceAccessForOrganization",
    whom: Whom::Leaving,
    tells: "which services have trusted access",
    ..READ
};
pub static ROOT_ACCESS: Read = Read {
    action: "iam:ListOrganizationsFeatures",
    whom: Whom::Leaving,
    answers: &["ServiceAccessNotEnabledException", "ServiceAccessNotEnabled"],
    tells: "whether root access is managed centrally",
    ..READ
};
pub static INBOUND: Read = Read {
    action: "organizations:ListInboundResponsibilityTransfers",
    whom: Whom::Leaving,
    with: |_| json!({ "Type": "BILLING" }),
    tells: "whether its bills are taken over from another organization",
    ..READ
};
pub static OUTBOUND: Read = Read {
    action: "organizations:ListOutboundResponsibilityTransfers",
    whom: Whom::Leaving,
    with: |_| json!({ "Type": "BILLING" }),
    tells: "whether another organization takes over its bills",
    ..READ
};
pub static INVITATIONS: Read = Read {
    action: "organizations:ListHandshakesForOrganization",
    whom: Whom::Joining,
    tells: "which invitations are out",
    ..READ
};
pub static ACCOUNTS: Read = Read {
    action: "organizations:ListAccounts",
    whom: Whom::Joining,
    // After the invitations and the quota.
    round: 3,
    tells: "how many accounts the organization has",
    ..READ
};
pub static INVITED: Read = Read {
    action: "organizations:ListHandshakesForAccount",
    whom: Whom::Inside,
    tells: "which invitations the account has",
    // AWS: 6 and 10.
    together: Some((5, 8)),
    ..READ
};
pub static INFORMATION: Read =
    Read { action: "account:GetAccountInformation", whom: Whom::Inside, tells: "when the account was made", ..READ };
pub static CONTACT: Read = Read {
    action: "account:GetContactInformation",
    whom: Whom::Held,
    answers: &["ResourceNotFoundException"],
    tells: "the primary contact and its phone",
    ..READ
};
pub static SECURITY_CONTACT: Read = Read {
    action: "account:GetAlternateContact",
    whom: Whom::Held,
    with: |_| json!({ "AlternateContactType": "SECURITY" }),
    answers: &["ResourceNotFoundException"],
    tells: "the security contact",
    ..READ
};
pub static SUMMARY: Read = Read {
    action: "iam:GetAccountSummary",
    whom: Whom::Held,
    tells: "whether the root user has a password, keys and MFA",
    ..READ
};
pub static ALIASES: Read =
    Read { action: "iam:ListAccountAliases", whom: Whom::Inside, tells: "the account's alias", ..READ };
pub static DETAILS: Read = Read {
    action: "iam:GetAccountAuthorizationDetails",
    whom: Whom::Inside,
    // Policies that AWS wrote name nobody's organization.
    with: |_| json!({ "Filter": ["User", "Role", "Group", "LocalManagedPolicy"] }),
    tells: "whether IAM policies name an organization, and who may assume its roles",
    ..READ
};
pub static SIMULATE: Read = Read {
    action: "iam:SimulatePrincipalPolicy",
    whom: Whom::Credentials,
    with: |about| {
        json!({ "PolicySourceArn": about, "ActionNames": [
            "organizations:AcceptHandshake", "organizations:LeaveOrganization", "iam:CreateServiceLinkedRole"
        ] })
    },
    tells: "whether the session in it may accept and leave",
    ..READ
};
pub static ATTACHED: Read = Read {
    action: "organizations:ListPoliciesForTarget",
    whom: Whom::Target,
    round: 4,
    with: |about| {
        let (target, kind) = about.split_once(' ').unwrap_or((about, ""));
        json!({ "TargetId": target, "Filter": kind })
    },
    tells: "which policies are attached",
    ..READ
};
pub static SERVICES: Read = Read {
    action: "organizations:ListDelegatedServicesForAccount",
    whom: Whom::Delegated,
    round: 3,
    with: account,
    answers: &["AccountNotRegisteredException"],
    tells: "which services it administers",
    ..READ
};
pub static POLICY: Read = Read {
    action: "organizations:DescribePolicy",
    whom: Whom::Policy,
    round: 5,
    with: |about| json!({ "PolicyId": about }),
    tells: "what a policy in force on the way up denies",
    ..READ
};

/// Only how many accounts are in the way of deleting the organization that is left.
pub static LEAVING_ACCOUNTS: Read = Read {
    action: "organizations:ListAccounts",
    whom: Whom::Leaving,
    tells: "which accounts are in the organization that is left",
    ..READ
};

pub static QUOTA: Read = Read {
    action: "servicequotas:GetServiceQuota",
    whom: Whom::Joining,
    // Organizations is at home in one region, and its quotas are read there.
    with: |_| json!({ "ServiceCode": "organizations", "QuotaCode": "L-E619E033", "Region": "us-east-1" }),
    tells: "how many accounts the organization may have",
    ..READ
};
pub static REGIONS: Read = Read {
    action: "account:ListRegions",
    whom: Whom::Held,
    with: |_| json!({ "RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT", "ENABLING", "DISABLING"] }),
    tells: "which regions the account uses, and so where stack sets and shares may be",
    leads_to: Stops::BOTH,
    ..READ
};
pub static STACK_SETS: Read = Read {
    action: "cloudformation:ListStackSets",
    whom: Whom::LeavingRegions,
    round: 3,
    with: |about| json!({ "Region": word(about, 1), "Status": "ACTIVE" }),
    tells: "which stack sets there are",
    leads_to: Stops::BOTH,
    ..READ
};
pub static STACK_INSTANCES: Read = Read {
    action: "cloudformation:ListStackInstances",
    whom: Whom::StackSet,
    round: 4,
    with: |about| json!({ "Region": word(about, 0), "StackSetName": word(about, 1) }),
    tells: "in which accounts a stack set has stacks, which may be deleted there",
    ..READ
};
pub static SHARES: Read = Read {
    action: "ram:GetResourceShares",
    whom: Whom::InsideRegions,
    round: 3,
    with: |about| json!({ "Region": word(about, 1), "resourceOwner": "SELF", "resourceShareStatus": "ACTIVE" }),
    tells: "what the account shares",
    ..READ
};
pub static SHARED: Read = Read {
    with: |about| json!({ "Region": word(about, 1), "resourceOwner": "OTHER-ACCOUNTS", "resourceShareStatus": "ACTIVE" }),
    tells: "what is shared with the account",
    ..SHARES_AGAIN
};
const SHARES_AGAIN: Read = Read { action: "ram:GetResourceShares", whom: Whom::InsideRegions, round: 3, ..READ };
pub static CENTERS: Read = Read {
    action: "sso:ListInstances",
    whom: Whom::LeavingRegions,
    round: 3,
    with: |about| json!({ "Region": word(about, 1) }),
    // Some regions have no Identity Center, and so no host of that name.
    answers: &["ConnectionRefused"],
    tells: "where Identity Center is",
    ..READ
};
pub static PERMISSION_SETS: Read = Read {
    action: "sso:ListPermissionSetsProvisionedToAccount",
    whom: Whom::Assigned,
    round: 4,
    with: |about| json!({ "AccountId": word(about, 0), "InstanceArn": word(about, 1), "Region": word(about, 2) }),
    tells: "with which permission sets people enter the account",
    // AWS: 20 for the whole service.
    together: Some((9, 15)),
    ..READ
};
pub static ASSIGNMENTS: Read = Read {
    action: "sso:ListAccountAssignments",
    whom: Whom::Permission,
    round: 5,
    with: |about| {
        json!({ "AccountId": word(about, 0), "InstanceArn": word(about, 1), "Region": word(about, 2),
            "PermissionSetArn": word(about, 3) })
    },
    tells: "who enters the account through Identity Center",
    together: Some((9, 15)),
    ..READ
};

/// Every read, in the order in which they are asked within their rounds.
pub static ALL: [&Read; 35] = [
    &IDENTITY,
    &ORGANIZATION,
    &ACCOUNT,
    &JOINING_ACCOUNT,
    &ROOTS,
    &PARENTS,
    &TAGS,
    &DELEGATED,
    &TRUSTED,
    &ROOT_ACCESS,
    &INBOUND,
    &OUTBOUND,
    &INVITATIONS,
    &ACCOUNTS,
    &INVITED,
    &INFORMATION,
    &CONTACT,
    &SECURITY_CONTACT,
    &SUMMARY,
    &ALIASES,
    &DETAILS,
    &SIMULATE,
    &ATTACHED,
    &SERVICES,
    &POLICY,
    &LEAVING_ACCOUNTS,
    &QUOTA,
    &REGIONS,
    &STACK_SETS,
    &STACK_INSTANCES,
    &SHARES,
    &SHARED,
    &CENTERS,
    &PERMISSION_SETS,
    &ASSIGNMENTS,
];
