//! The building blocks of the table: how a field is written, and the shapes that several actions share.
//! Names and members are AWS's own.

use super::action::{Action, Caller, Class, ErrorRow, Field, Repeat, Type, Undo};
use super::errors::row;

/// A parameter that AWS insists on.
pub(super) const fn must(name: &'static str, of: Type, about: &'static str) -> Field {
    Field { name, of, required: true, secret: false, about }
}

/// A parameter that may be left out, or an output member that AWS may leave out.
pub(super) const fn may(name: &'static str, of: Type, about: &'static str) -> Field {
    Field { name, of, required: false, secret: false, about }
}

/// An output member that is never journaled and never shown.
pub(super) const fn hidden(name: &'static str, of: Type, about: &'static str) -> Field {
    Field { name, of, required: false, secret: true, about }
}

/// Where AWS's `Reason` says which limit or rule of the organization is in the way.
pub(super) const CVE: &str = "ConstraintViolationException";
pub(super) const CONSTRAINT: ErrorRow = row(
    CVE,
    "",
    Class::NotDone,
    "a limit or rule of the organization forbids it; AWS's reason says which",
    "read the reason, correct, resume",
);

/// What Organizations may take until every read shows a change; AWS names no bound.
pub(super) const ORGANIZATIONS_SETTLE: i64 = 60_000;
/// The same for IAM.
pub(super) const IAM_SETTLE: i64 = 30_000;
/// How long one call may take.
pub(super) const TIME_LIMIT: i64 = 30_000;

/// What all reads have in common; the rest is written over it.
pub(super) const READ: Action = Action {
    name: "",
    purpose: "",
    source: "",
    mutates: false,
    caller: Caller::Anyone,
    parameters: &[],
    outputs: &[],
    hazards: &[],
    probe: &[],
    repeat: Repeat::Detected,
    another: None,
    settles_within: 0,
    time_limit: TIME_LIMIT,
    undo: Undo::None,
    lost: "",
    errors: &[],
    rate: None,
    pages: None,
};

/// What all changes have in common. Probe, undo and source are always written over it (a test looks).
pub(super) const CHANGE: Action = Action { mutates: true, settles_within: ORGANIZATIONS_SETTLE, ..READ };

pub(super) const STATES_OF_HANDSHAKE: &[&str] = &["REQUESTED", "OPEN", "CANCELED", "ACCEPTED", "DECLINED", "EXPIRED"];
const STATES_OF_ACCOUNT: &[&str] = &["PENDING_ACTIVATION", "ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED"];
const ACTION_TYPES: &[&str] = &[
    "INVITE",
    "ENABLE_ALL_FEATURES",
    "APPROVE_ALL_FEATURES",
    "ADD_ORGANIZATIONS_SERVICE_LINKED_ROLE",
    "TRANSFER_RESPONSIBILITY",
];
pub(super) const POLICY_TYPES: &[&str] = &[
    "SERVICE_CONTROL_POLICY",
    "RESOURCE_CONTROL_POLICY",
    "TAG_POLICY",
    "BACKUP_POLICY",
    "AISERVICES_OPT_OUT_POLICY",
    "CHATBOT_POLICY",
    "DECLARATIVE_POLICY_EC2",
    "SECURITYHUB_POLICY",
    "INSPECTOR_POLICY",
    "UPGRADE_ROLLOUT_POLICY",
    "BEDROCK_POLICY",
    "S3_POLICY",
    "NETWORK_SECURITY_DIRECTOR_POLICY",
    "GUARDDUTY_POLICY",
];

pub(super) const TAG: &[Field] =
    &[must("Key", Type::String, "name of the tag"), must("Value", Type::String, "its value; may be empty")];

/// Who an invitation is for, or who takes part in it.
pub(super) const PARTY: &[Field] = &[
    must("Id", Type::String, "account id, email address or organization id, as `Type` says"),
    must("Type", Type::Choice(&["ACCOUNT", "ORGANIZATION", "EMAIL"]), "what `Id` is"),
];

const RESOURCE_INSIDE: &[Field] = &[
    may("Value", Type::String, "for instance an organization id or a name"),
    may(
        "Type",
        Type::String,
        "ACCOUNT, ORGANIZATION, ORGANIZATION_FEATURE_SET, EMAIL, MASTER_EMAIL, MASTER_NAME, NOTES",
    ),
];

const RESOURCE: &[Field] = &[
    may("Value", Type::String, "for instance an organization id or a name"),
    may(
        "Type",
        Type::String,
        "ACCOUNT, ORGANIZATION, ORGANIZATION_FEATURE_SET, EMAIL, MASTER_EMAIL, MASTER_NAME, NOTES",
    ),
    may("Resources", Type::List(&Type::Record(RESOURCE_INSIDE)), "details of this one"),
];

pub(super) const HANDSHAKE: &[Field] = &[
    may("Id", Type::HandshakeId, "`h-` and the rest"),
    may("Arn", Type::Arn, "names the inviting management account and organization"),
    may("Parties", Type::List(&Type::Record(PARTY)), "the inviting organization and the invited account"),
    may("State", Type::Choice(STATES_OF_HANDSHAKE), "REQUESTED or OPEN: it can still be accepted"),
    may("RequestedTimestamp", Type::Time, "when it was sent"),
    may("ExpirationTimestamp", Type::Time, "15 days later for an invitation"),
    may("Action", Type::Choice(ACTION_TYPES), "what is agreed on"),
    may("Resources", Type::List(&Type::Record(RESOURCE)), "more about both sides"),
];

/// What handshake lists can be narrowed by.
pub(super) const HANDSHAKE_FILTER: &[Field] = &[
    may("ActionType", Type::Choice(ACTION_TYPES), "only this kind"),
    may("ParentHandshakeId", Type::HandshakeId, "only the children of this one"),
];

pub(super) const ACCOUNT: &[Field] = &[
    may("Id", Type::AccountId, "12 digits"),
    may("Arn", Type::Arn, "names organization and account"),
    may("Email", Type::Email, "the root user's"),
    may("Name", Type::String, "as its owner chose it"),
    may("State", Type::Choice(STATES_OF_ACCOUNT), "ACTIVE: it can move"),
    may("Paths", Type::List(&Type::String), "where it is: organization id, root, organizational units"),
    may("JoinedMethod", Type::Choice(&["INVITED", "CREATED"]), "CREATED: it must be four days old before it leaves"),
    may("JoinedTimestamp", Type::Time, "when it became part of the organization"),
];

const POLICY_TYPE: &[Field] = &[
    may("Type", Type::Choice(POLICY_TYPES), "kind of policy"),
    may("Status", Type::Choice(&["ENABLED", "PENDING_ENABLE", "PENDING_DISABLE"]), "whether it is in force"),
];

pub(super) const ORGANIZATION: &[Field] = &[
    may("Id", Type::OrganizationId, "`o-` and the rest"),
    may("Arn", Type::Arn, "names the management account"),
    may("FeatureSet", Type::Choice(&["ALL", "CONSOLIDATED_BILLING"]), "what the organization can do"),
    may("MasterAccountArn", Type::Arn, "the management account's"),
    may("MasterAccountId", Type::AccountId, "the management account's"),
    may("MasterAccountEmail", Type::Email, "the management account's"),
];

pub(super) const ROOT: &[Field] = &[
    may("Id", Type::RootId, "`r-` and the rest"),
    may("Arn", Type::Arn, "names the organization"),
    may("Name", Type::String, "`Root`"),
    may("PolicyTypes", Type::List(&Type::Record(POLICY_TYPE)), "which kinds of policies are in force"),
];

pub(super) const PARENT: &[Field] = &[
    may("Id", Type::ParentId, "root or organizational unit"),
    may("Type", Type::Choice(&["ROOT", "ORGANIZATIONAL_UNIT"]), "which of the two"),
];

pub(super) const CHILD: &[Field] = &[
    may("Id", Type::String, "account or organizational unit"),
    may("Type", Type::Choice(&["ACCOUNT", "ORGANIZATIONAL_UNIT"]), "which of the two"),
];

pub(super) const ORGANIZATIONAL_UNIT: &[Field] = &[
    may("Id", Type::OuId, "`ou-` and the rest"),
    may("Arn", Type::Arn, "names the organization"),
    may("Name", Type::String, "unique below its parent"),
    may("Path", Type::String, "from the organization down"),
];

pub(super) const CREATE_ACCOUNT_STATUS: &[Field] = &[
    may("Id", Type::String, "`car-` and the rest: ask with it how far the creation is"),
    may("AccountName", Type::String, "as asked for"),
    may("State", Type::Choice(&["IN_PROGRESS", "SUCCEEDED", "FAILED"]), "how far it is"),
    may("RequestedTimestamp", Type::Time, "when it was asked for"),
    may("CompletedTimestamp", Type::Time, "when it ended"),
    may("AccountId", Type::AccountId, "the new account, once there"),
    may("GovCloudAccountId", Type::AccountId, "its twin in GovCloud, where asked for"),
    may("FailureReason", Type::String, "EMAIL_ALREADY_EXISTS, ACCOUNT_LIMIT_EXCEEDED, INVALID_EMAIL, ..."),
];

pub(super) const DELEGATED_ADMINISTRATOR: &[Field] = &[
    may("Id", Type::AccountId, "the account"),
    may("Arn", Type::Arn, "names organization and account"),
    may("Email", Type::Email, "the root user's"),
    may("Name", Type::String, "as its owner chose it"),
    may("State", Type::Choice(STATES_OF_ACCOUNT), "of the account"),
    may("JoinedMethod", Type::Choice(&["INVITED", "CREATED"]), "how it came"),
    may("JoinedTimestamp", Type::Time, "when it came"),
    may("DelegationEnabledDate", Type::Time, "since when it administers"),
];

pub(super) const DELEGATED_SERVICE: &[Field] = &[
    may("ServicePrincipal", Type::String, "for instance `config.amazonaws.com`"),
    may("DelegationEnabledDate", Type::Time, "since when"),
];

pub(super) const ENABLED_SERVICE: &[Field] = &[
    may("ServicePrincipal", Type::String, "for instance `config.amazonaws.com`"),
    may("DateEnabled", Type::Time, "since when"),
];

pub(super) const POLICY: &[Field] = &[
    may("Id", Type::PolicyId, "`p-` and the rest"),
    may("Arn", Type::Arn, "names organization and kind"),
    may("Name", Type::String, "unique for its kind"),
    may("Description", Type::String, "as written"),
    may("Type", Type::Choice(POLICY_TYPES), "its kind"),
    may("AwsManaged", Type::Boolean, "AWS wrote it"),
];
