//! Reads of Organizations.

use super::action::{Action, Caller, Class, ErrorRow, Field, Type};
use super::errors::row;
use super::shapes::{
    ACCOUNT, CHILD, CREATE_ACCOUNT_STATUS, DELEGATED_ADMINISTRATOR, DELEGATED_SERVICE, ENABLED_SERVICE, HANDSHAKE,
    HANDSHAKE_FILTER, ORGANIZATION, ORGANIZATIONAL_UNIT, PARENT, POLICY, POLICY_TYPES, READ, ROOT, TAG, may, must,
};

pub(super) static ACTIONS: &[&Action] = &[
    &READ_ORGANIZATION,
    &DESCRIBE_ORGANIZATION,
    &DESCRIBE_ACCOUNT,
    &DESCRIBE_HANDSHAKE,
    &DESCRIBE_CREATE_ACCOUNT_STATUS,
    &DESCRIBE_ORGANIZATIONAL_UNIT,
    &LIST_HANDSHAKES_FOR_ORGANIZATION,
    &LIST_HANDSHAKES_FOR_ACCOUNT,
    &LIST_PARENTS,
    &LIST_CHILDREN,
    &LIST_ROOTS,
    &LIST_ACCOUNTS,
    &LIST_ACCOUNTS_FOR_PARENT,
    &LIST_ORGANIZATIONAL_UNITS_FOR_PARENT,
    &LIST_CREATE_ACCOUNT_STATUS,
    &LIST_DELEGATED_ADMINISTRATORS,
    &LIST_DELEGATED_SERVICES_FOR_ACCOUNT,
    &LIST_TAGS_FOR_RESOURCE,
    &LIST_POLICIES_FOR_TARGET,
    &LIST_AWS_SERVICE_ACCESS_FOR_ORGANIZATION,
];

const UNIT_IN_TREE: &[Field] = &[
    may("Id", Type::OuId, "`ou-` and the rest"),
    may("Arn", Type::Arn, "names the organization"),
    may("Name", Type::String, "unique below its parent"),
    may("ParentId", Type::ParentId, "the root or unit above it"),
    may("Path", Type::String, "ids from the organization down, each with a slash behind it"),
    may("NamePath", Type::String, "names from below the root down: `Prod/Web`"),
];
const ACCOUNT_IN_TREE: &[Field] = &[
    may("Id", Type::AccountId, "12 digits"),
    may("Arn", Type::Arn, "names organization and account"),
    may("Email", Type::Email, "the root user's"),
    may("Name", Type::String, "as its owner chose it"),
    may("State", Type::String, "ACTIVE: it can move"),
    may("Paths", Type::List(&Type::String), "where it is: organization id, root, organizational units"),
    may("JoinedMethod", Type::String, "INVITED or CREATED"),
    may("JoinedTimestamp", Type::Time, "when it became part of the organization"),
    may("ParentId", Type::ParentId, "the root or unit that it is in"),
    may("NamePath", Type::String, "names of the units down to it; empty: in the root"),
];
const TARGET_OF_POLICY: &[Field] = &[
    may("TargetId", Type::String, "account, organizational unit or root"),
    may("Arn", Type::Arn, "names the organization"),
    may("Name", Type::String, "its name"),
    may("Type", Type::String, "ACCOUNT, ORGANIZATIONAL_UNIT or ROOT"),
];
const WHOLE_POLICY: &[Field] = &[
    may("Id", Type::PolicyId, "`p-` and the rest"),
    may("Arn", Type::Arn, "names the organization"),
    may("Name", Type::String, "unique among its kind"),
    may("Description", Type::String, "what it is for"),
    may("Type", Type::String, "kind of policy"),
    may("AwsManaged", Type::Boolean, "AWS wrote it"),
    may("Content", Type::Document, "what it says, as JSON text"),
    may("Targets", Type::List(&Type::Record(TARGET_OF_POLICY)), "where it is attached"),
];

static READ_ORGANIZATION: Action = Action {
    name: "countersign:ReadOrganization",
    purpose: "Reads a whole organization: units with their paths, accounts, policies with content and targets. Many reads \
              of AWS in one, each within its rate.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations_AWS_Organizations.html",
    caller: Caller::Management,
    parameters: &[may(
        "PolicyTypes",
        Type::List(&Type::Choice(POLICY_TYPES)),
        "policies of these kinds; of those in force if left out",
    )],
    outputs: &[
        may("Organization", Type::Record(ORGANIZATION), "the organization"),
        may("Roots", Type::List(&Type::Record(ROOT)), "its root, with the kinds of policies in force"),
        may("OrganizationalUnits", Type::List(&Type::Record(UNIT_IN_TREE)), "parents before their children"),
        may("Accounts", Type::List(&Type::Record(ACCOUNT_IN_TREE)), "the management account among them"),
        may("Policies", Type::List(&Type::Record(WHOLE_POLICY)), "kind by kind"),
    ],
    ..READ
};

static DESCRIBE_ORGANIZATION: Action = Action {
    name: "organizations:DescribeOrganization",
    purpose: "Tells which organization the caller's account is in.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html",
    outputs: &[may("Organization", Type::Record(ORGANIZATION), "the organization")],
    rate: Some((1.0, 2)),
    ..READ
};

static DESCRIBE_ACCOUNT: Action = Action {
    name: "organizations:DescribeAccount",
    purpose: "Tells about an account of the organization.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeAccount.html",
    caller: Caller::Management,
    parameters: &[must("AccountId", Type::AccountId, "the account")],
    outputs: &[may("Account", Type::Record(ACCOUNT), "the account")],
    errors: &[NO_ACCOUNT],
    rate: Some((20.0, 30)),
    ..READ
};

static DESCRIBE_HANDSHAKE: Action = Action {
    name: "organizations:DescribeHandshake",
    purpose: "Tells how an invitation stands, to either of its sides; until 30 days after it ended.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeHandshake.html",
    parameters: &[must("HandshakeId", Type::HandshakeId, "the invitation")],
    outputs: &[may("Handshake", Type::Record(HANDSHAKE), "the invitation")],
    errors: &[row(
        "HandshakeNotFoundException",
        "",
        Class::NotDone,
        "there is no such invitation, or it ended more than 30 days ago",
        "check the id and the account",
    )],
    rate: Some((1.0, 2)),
    ..READ
};

static DESCRIBE_CREATE_ACCOUNT_STATUS: Action = Action {
    name: "organizations:DescribeCreateAccountStatus",
    purpose: "Tells how far the making of an account is.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeCreateAccountStatus.html",
    caller: Caller::Management,
    parameters: &[must("CreateAccountRequestId", Type::String, "the `Id` that CreateAccount gave")],
    outputs: &[may("CreateAccountStatus", Type::Record(CREATE_ACCOUNT_STATUS), "how far it is")],
    errors: &[row(
        "CreateAccountStatusNotFoundException",
        "",
        Class::NotDone,
        "there is no such request",
        "check the id",
    )],
    ..READ
};

static DESCRIBE_ORGANIZATIONAL_UNIT: Action = Action {
    name: "organizations:DescribeOrganizationalUnit",
    purpose: "Tells about an organizational unit.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganizationalUnit.html",
    caller: Caller::Management,
    parameters: &[must("OrganizationalUnitId", Type::OuId, "the unit")],
    outputs: &[may("OrganizationalUnit", Type::Record(ORGANIZATIONAL_UNIT), "the unit")],
    errors: &[row("OrganizationalUnitNotFoundException", "", Class::NotDone, "there is no such unit", "check the id")],
    ..READ
};

static LIST_HANDSHAKES_FOR_ORGANIZATION: Action = Action {
    name: "organizations:ListHandshakesForOrganization",
    purpose: "Lists the organization's invitations, ended ones for 30 days.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListHandshakesForOrganization.html",
    caller: Caller::Management,
    parameters: &[may("Filter", Type::Record(HANDSHAKE_FILTER), "which ones")],
    outputs: &[may("Handshakes", Type::List(&Type::Record(HANDSHAKE)), "all of them")],
    rate: Some((5.0, 8)),
    pages: Some("Handshakes"),
    ..READ
};

static LIST_HANDSHAKES_FOR_ACCOUNT: Action = Action {
    name: "organizations:ListHandshakesForAccount",
    purpose: "Lists the invitations to the caller's account; a management account sees none.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListHandshakesForAccount.html",
    parameters: &[may("Filter", Type::Record(HANDSHAKE_FILTER), "which ones")],
    outputs: &[may("Handshakes", Type::List(&Type::Record(HANDSHAKE)), "all of them")],
    rate: Some((5.0, 8)),
    pages: Some("Handshakes"),
    ..READ
};

static LIST_PARENTS: Action = Action {
    name: "organizations:ListParents",
    purpose: "Tells what an account or a unit is directly below; always one.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListParents.html",
    caller: Caller::Management,
    parameters: &[must("ChildId", Type::String, "account or organizational unit")],
    outputs: &[may("Parents", Type::List(&Type::Record(PARENT)), "one root or unit")],
    errors: &[row(
        "ChildNotFoundException",
        "",
        Class::NotDone,
        "there is no such account or unit here",
        "check the id and the session",
    )],
    rate: Some((5.0, 8)),
    pages: Some("Parents"),
    ..READ
};

static LIST_CHILDREN: Action = Action {
    name: "organizations:ListChildren",
    purpose: "Lists the accounts or the units directly below a root or a unit.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListChildren.html",
    caller: Caller::Management,
    parameters: &[
        must("ParentId", Type::ParentId, "below what"),
        must("ChildType", Type::Choice(&["ACCOUNT", "ORGANIZATIONAL_UNIT"]), "which of the two"),
    ],
    outputs: &[may("Children", Type::List(&Type::Record(CHILD)), "all of them")],
    errors: &[NO_PARENT],
    pages: Some("Children"),
    ..READ
};

static LIST_ROOTS: Action = Action {
    name: "organizations:ListRoots",
    purpose: "Tells the root of the organization's tree.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListRoots.html",
    caller: Caller::Management,
    outputs: &[may("Roots", Type::List(&Type::Record(ROOT)), "one")],
    rate: Some((1.0, 2)),
    pages: Some("Roots"),
    ..READ
};

static LIST_ACCOUNTS: Action = Action {
    name: "organizations:ListAccounts",
    purpose: "Lists all accounts of the organization.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html",
    caller: Caller::Management,
    outputs: &[may("Accounts", Type::List(&Type::Record(ACCOUNT)), "all of them")],
    rate: Some((8.0, 12)),
    pages: Some("Accounts"),
    ..READ
};

static LIST_ACCOUNTS_FOR_PARENT: Action = Action {
    name: "organizations:ListAccountsForParent",
    purpose: "Lists the accounts directly below a root or a unit.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsForParent.html",
    caller: Caller::Management,
    parameters: &[must("ParentId", Type::ParentId, "below what")],
    outputs: &[may("Accounts", Type::List(&Type::Record(ACCOUNT)), "all of them")],
    errors: &[NO_PARENT],
    pages: Some("Accounts"),
    ..READ
};

static LIST_ORGANIZATIONAL_UNITS_FOR_PARENT: Action = Action {
    name: "organizations:ListOrganizationalUnitsForParent",
    purpose: "Lists the units directly below a root or another unit.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListOrganizationalUnitsForParent.html",
    caller: Caller::Management,
    parameters: &[must("ParentId", Type::ParentId, "below what")],
    outputs: &[may("OrganizationalUnits", Type::List(&Type::Record(ORGANIZATIONAL_UNIT)), "all of them")],
    errors: &[NO_PARENT],
    pages: Some("OrganizationalUnits"),
    ..READ
};

static LIST_CREATE_ACCOUNT_STATUS: Action = Action {
    name: "organizations:ListCreateAccountStatus",
    purpose: "Lists the requests for new accounts.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListCreateAccountStatus.html",
    caller: Caller::Management,
    parameters: &[may(
        "States",
        Type::List(&Type::Choice(&["IN_PROGRESS", "SUCCEEDED", "FAILED"])),
        "only these; all unless said otherwise",
    )],
    outputs: &[may("CreateAccountStatuses", Type::List(&Type::Record(CREATE_ACCOUNT_STATUS)), "all of them")],
    pages: Some("CreateAccountStatuses"),
    ..READ
};

static LIST_DELEGATED_ADMINISTRATORS: Action = Action {
    name: "organizations:ListDelegatedAdministrators",
    purpose: "Lists the accounts that administer a service for the organization.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListDelegatedAdministrators.html",
    caller: Caller::Management,
    parameters: &[may("ServicePrincipal", Type::String, "only for this service")],
    outputs: &[may("DelegatedAdministrators", Type::List(&Type::Record(DELEGATED_ADMINISTRATOR)), "all of them")],
    errors: &[CONSTRAINT],
    pages: Some("DelegatedAdministrators"),
    ..READ
};

static LIST_DELEGATED_SERVICES_FOR_ACCOUNT: Action = Action {
    name: "organizations:ListDelegatedServicesForAccount",
    purpose: "Lists the services that an account administers for the organization.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListDelegatedServicesForAccount.html",
    caller: Caller::Management,
    parameters: &[must("AccountId", Type::AccountId, "the account")],
    outputs: &[may("DelegatedServices", Type::List(&Type::Record(DELEGATED_SERVICE)), "all of them")],
    errors: &[
        NO_ACCOUNT,
        row("AccountNotRegisteredException", "", Class::NotDone, "the account administers no service", "nothing"),
        CONSTRAINT,
    ],
    pages: Some("DelegatedServices"),
    ..READ
};

static LIST_TAGS_FOR_RESOURCE: Action = Action {
    name: "organizations:ListTagsForResource",
    purpose: "Lists the tags of an account, a unit, a root or a policy.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListTagsForResource.html",
    caller: Caller::Management,
    parameters: &[must("ResourceId", Type::String, "account, organizational unit, root or policy")],
    outputs: &[may("Tags", Type::List(&Type::Record(TAG)), "all of them")],
    errors: &[NO_TARGET],
    pages: Some("Tags"),
    ..READ
};

static LIST_POLICIES_FOR_TARGET: Action = Action {
    name: "organizations:ListPoliciesForTarget",
    purpose: "Lists the policies of one kind that are attached directly to an account, a unit or a root.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPoliciesForTarget.html",
    caller: Caller::Management,
    parameters: &[
        must("TargetId", Type::String, "account, organizational unit or root"),
        must("Filter", Type::Choice(POLICY_TYPES), "which kind"),
    ],
    outputs: &[may("Policies", Type::List(&Type::Record(POLICY)), "all of them")],
    errors: &[NO_TARGET],
    pages: Some("Policies"),
    ..READ
};

static LIST_AWS_SERVICE_ACCESS_FOR_ORGANIZATION: Action = Action {
    name: "organizations:ListAWSServiceAccessForOrganization",
    purpose: "Lists the services that may work in all accounts of the organization.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAWSServiceAccessForOrganization.html",
    caller: Caller::Management,
    outputs: &[may("EnabledServicePrincipals", Type::List(&Type::Record(ENABLED_SERVICE)), "all of them")],
    errors: &[CONSTRAINT],
    rate: Some((1.0, 2)),
    pages: Some("EnabledServicePrincipals"),
    ..READ
};

const NO_ACCOUNT: ErrorRow = row(
    "AccountNotFoundException",
    "",
    Class::NotDone,
    "the account is not in this organization",
    "check the id and the session",
);
const NO_PARENT: ErrorRow =
    row("ParentNotFoundException", "", Class::NotDone, "there is no such root or organizational unit", "check the id");
const NO_TARGET: ErrorRow = row(
    "TargetNotFoundException",
    "",
    Class::NotDone,
    "there is no such account, unit, root or policy",
    "check the id",
);
const CONSTRAINT: ErrorRow = row(
    "ConstraintViolationException",
    "",
    Class::NotDone,
    "a limit or rule of the organization forbids it; AWS's reason says which",
    "read the reason, correct, resume",
);
