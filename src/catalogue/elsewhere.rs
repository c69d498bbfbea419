//! Reads of services outside of Organizations that know what a move takes away: stack sets, resource shares, Identity
//! Center, quotas, credits. They have no SDK crate here; `aws::plain` asks them. `Region` is a parameter of ours.

use super::action::{Action, Caller, Class, ErrorRow, Field, Type};
use super::errors::row;
use super::shapes::{READ, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &LIST_STACK_SETS,
    &LIST_STACK_INSTANCES,
    &GET_RESOURCE_SHARES,
    &LIST_INSTANCES,
    &LIST_PERMISSION_SETS,
    &LIST_ASSIGNMENTS,
    &GET_SERVICE_QUOTA,
    &GET_CREDITS,
];

const REGION: Field = may("Region", Type::String, "which region is asked; the session's own if left out");
const CALL_AS: Field = may(
    "CallAs",
    Type::Choice(&["SELF", "DELEGATED_ADMIN"]),
    "DELEGATED_ADMIN in an account that administers stack sets for its organization",
);

const AUTO_DEPLOYMENT: &[Field] = &[
    may("Enabled", Type::Boolean, "accounts that enter a target get the stacks, and those that leave it lose them"),
    may("RetainStacksOnAccountRemoval", Type::Boolean, "false: what the stacks made is DELETED in accounts that leave"),
];
const STACK_SET: &[Field] = &[
    may("StackSetName", Type::String, "its name"),
    may("StackSetId", Type::String, "its id"),
    may("Status", Type::Choice(&["ACTIVE", "DELETED"]), "whether it is there"),
    may("AutoDeployment", Type::Record(AUTO_DEPLOYMENT), "what becomes of accounts that come and go"),
    may("PermissionModel", Type::Choice(&["SERVICE_MANAGED", "SELF_MANAGED"]), "SERVICE_MANAGED: by the organization"),
];
static LIST_STACK_SETS: Action = Action {
    name: "cloudformation:ListStackSets",
    purpose: "Lists the stack sets that the account administers in one region.",
    source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackSets.html",
    parameters: &[REGION, may("Status", Type::Choice(&["ACTIVE", "DELETED"]), "only these"), CALL_AS],
    outputs: &[may("Summaries", Type::List(&Type::Record(STACK_SET)), "all of them")],
    pages: Some("Summaries"),
    ..READ
};

const STACK_INSTANCE: &[Field] = &[
    may("StackSetId", Type::String, "whose it is"),
    may("Account", Type::AccountId, "where the stack is"),
    may("Region", Type::String, "where the stack is"),
    may("StackId", Type::String, "the stack"),
    may("Status", Type::String, "CURRENT, OUTDATED or INOPERABLE"),
    may("OrganizationalUnitId", Type::String, "the unit that it was deployed to"),
];
const NO_STACK_SET: ErrorRow = row(
    "StackSetNotFoundException",
    "",
    Class::NotDone,
    "the account has no such stack set in this region",
    "check name, account and region",
);
static LIST_STACK_INSTANCES: Action = Action {
    name: "cloudformation:ListStackInstances",
    purpose: "Lists the accounts and regions in which a stack set has stacks.",
    source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackInstances.html",
    parameters: &[
        must("StackSetName", Type::String, "its name or id"),
        REGION,
        may("StackInstanceAccount", Type::AccountId, "only those in this account"),
        CALL_AS,
    ],
    outputs: &[may("Summaries", Type::List(&Type::Record(STACK_INSTANCE)), "all of them")],
    errors: &[NO_STACK_SET],
    pages: Some("Summaries"),
    ..READ
};

const SHARE_CONFIGURATION: &[Field] = &[may(
    "retainSharingOnAccountLeaveOrganization",
    Type::Boolean,
    "true: the share lasts when an account leaves the organization",
)];
const SHARE: &[Field] = &[
    may("resourceShareArn", Type::Arn, "names owner and region"),
    may("name", Type::String, "as its owner calls it"),
    may("owningAccountId", Type::AccountId, "who shares"),
    may("allowExternalPrincipals", Type::Boolean, "accounts outside of the organization may be in it"),
    may("status", Type::String, "ACTIVE: in force"),
    may("creationTime", Type::Time, "since when"),
    may("featureSet", Type::String, "STANDARD, or how it came to be"),
    may("resourceShareConfiguration", Type::Record(SHARE_CONFIGURATION), "what becomes of it when accounts leave"),
];
const SHARE_ERRORS: &[ErrorRow] = &[
    row("InvalidParameterException", "", Class::NotDone, "a parameter is wrong", "correct the runbook"),
    row("InvalidNextTokenException", "", Class::NotDone, "the next page is not to be had", "ask again"),
    row("ServerInternalException", "", Class::Retry, "the service failed inside", "nothing: it is tried again"),
    row("ServiceUnavailableException", "", Class::Retry, "the service was not ready", "nothing: it is tried again"),
];
static GET_RESOURCE_SHARES: Action = Action {
    name: "ram:GetResourceShares",
    purpose: "Lists what the account shares, or what is shared with it, in one region.",
    source: "https://docs.aws.amazon.com/ram/latest/APIReference/API_GetResourceShares.html",
    parameters: &[
        must("resourceOwner", Type::Choice(&["SELF", "OTHER-ACCOUNTS"]), "who shares"),
        REGION,
        may(
            "resourceShareStatus",
            Type::Choice(&["PENDING", "ACTIVE", "FAILED", "DELETING", "DELETED"]),
            "only shares in this state",
        ),
    ],
    outputs: &[may("resourceShares", Type::List(&Type::Record(SHARE)), "all of them")],
    errors: SHARE_ERRORS,
    pages: Some("resourceShares"),
    ..READ
};

const CENTER: &[Field] = &[
    may("InstanceArn", Type::Arn, "its name in other calls"),
    may("IdentityStoreId", Type::String, "where its people are"),
    may("OwnerAccountId", Type::AccountId, "the account that it belongs to"),
    may("Name", Type::String, "as its owner calls it"),
    may("Status", Type::String, "ACTIVE: in use"),
    may("CreatedDate", Type::Time, "since when"),
];
static LIST_INSTANCES: Action = Action {
    name: "sso:ListInstances",
    purpose: "Lists the instances of Identity Center that the account sees in one region.",
    source: "https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListInstances.html",
    parameters: &[REGION],
    outputs: &[may("Instances", Type::List(&Type::Record(CENTER)), "all of them")],
    pages: Some("Instances"),
    ..READ
};

const NO_CENTER: ErrorRow = row(
    "ResourceNotFoundException",
    "",
    Class::NotDone,
    "Identity Center knows no such instance, account or permission set",
    "check the ARN and the region",
);
const INSTANCE: Field = must("InstanceArn", Type::Arn, "of sso:ListInstances");
static LIST_PERMISSION_SETS: Action = Action {
    name: "sso:ListPermissionSetsProvisionedToAccount",
    purpose: "Lists the permission sets with which people of Identity Center enter an account.",
    source: "https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListPermissionSetsProvisionedToAccount.html",
    caller: Caller::Management,
    parameters: &[INSTANCE, must("AccountId", Type::AccountId, "which account they lead into"), REGION],
    outputs: &[may("PermissionSets", Type::List(&Type::Arn), "their ARNs")],
    errors: &[NO_CENTER],
    pages: Some("PermissionSets"),
    ..READ
};

const ASSIGNMENT: &[Field] = &[
    may("AccountId", Type::AccountId, "where they may go"),
    may("PermissionSetArn", Type::Arn, "as what"),
    may("PrincipalType", Type::Choice(&["USER", "GROUP"]), "who"),
    may("PrincipalId", Type::String, "who, in the identity store"),
];
static LIST_ASSIGNMENTS: Action = Action {
    name: "sso:ListAccountAssignments",
    purpose: "Lists who of Identity Center enters an account with a permission set.",
    source: "https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListAccountAssignments.html",
    caller: Caller::Management,
    parameters: &[
        INSTANCE,
        must("AccountId", Type::AccountId, "which account"),
        must("PermissionSetArn", Type::Arn, "which permission set"),
        REGION,
    ],
    outputs: &[may("AccountAssignments", Type::List(&Type::Record(ASSIGNMENT)), "all of them")],
    errors: &[NO_CENTER],
    pages: Some("AccountAssignments"),
    ..READ
};

const QUOTA: &[Field] = &[
    may("ServiceCode", Type::String, "of which service"),
    may("QuotaCode", Type::String, "which quota"),
    may("QuotaName", Type::String, "its name"),
    may("Value", Type::Integer, "how many"),
    may("Adjustable", Type::Boolean, "AWS may be asked for more"),
    may("GlobalQuota", Type::Boolean, "the same in every region"),
];
const QUOTA_ERRORS: &[ErrorRow] = &[
    row("NoSuchResourceException", "", Class::NotDone, "there is no such service or quota", "check both codes"),
    row("IllegalArgumentException", "", Class::NotDone, "a parameter is wrong", "correct the runbook"),
    row("ServiceException", "", Class::Retry, "the service failed inside", "nothing: it is tried again"),
];
static GET_SERVICE_QUOTA: Action = Action {
    name: "servicequotas:GetServiceQuota",
    purpose: "Reads one quota of the account: for accounts of an organization, `organizations` and `L-E619E033`, in us-east-1.",
    source: "https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html",
    parameters: &[
        must("ServiceCode", Type::String, "for instance `organizations`"),
        must("QuotaCode", Type::String, "for instance `L-E619E033`: accounts of an organization"),
        REGION,
    ],
    outputs: &[may("Quota", Type::Record(QUOTA), "the quota as it is applied")],
    errors: QUOTA_ERRORS,
    ..READ
};

const AMOUNT: &[Field] =
    &[may("currencyCode", Type::String, "for instance `USD`"), may("currencyAmount", Type::String, "how much")];
const CREDIT: &[Field] = &[
    may("creditId", Type::String, "its number"),
    may("accountId", Type::AccountId, "whose it is"),
    may("creditType", Type::String, "what kind of credit"),
    may("initialAmount", Type::Record(AMOUNT), "how much it was"),
    may("remainingAmount", Type::Record(AMOUNT), "how much is left"),
    may("description", Type::String, "as AWS calls it"),
    may("startDate", Type::Time, "since when"),
    may("endDate", Type::Time, "until when"),
    may("creditStatus", Type::String, "ENABLED or DISABLED"),
    may("creditSharingType", Type::String, "with whom of the organization it is shared"),
];
static GET_CREDITS: Action = Action {
    name: "billing:GetCredits",
    purpose: "Lists the credits of an account: what is left, and until when.",
    source: "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_billing_GetCredits.html",
    parameters: &[
        must("accountId", Type::AccountId, "whose credits"),
        must("startDate", Type::Time, "from when on"),
        may("endDate", Type::Time, "until when"),
        may("payerAccountFlag", Type::Boolean, "true: as the payer of the organization sees them"),
    ],
    outputs: &[may("credits", Type::List(&Type::Record(CREDIT)), "all of them")],
    ..READ
};
