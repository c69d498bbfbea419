//! Actions of IAM on central root access, and the reads that tell how an account stands.

use super::action::{Action, Caller, Class, ErrorRow, Field, Hazard, ProbeRead, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::iam::{ATTACHED_POLICY, CHANGE};
use super::shapes::{READ, TAG, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &ENABLE_ORGANIZATIONS_ROOT_CREDENTIALS_MANAGEMENT,
    &DISABLE_ORGANIZATIONS_ROOT_CREDENTIALS_MANAGEMENT,
    &ENABLE_ORGANIZATIONS_ROOT_SESSIONS,
    &DISABLE_ORGANIZATIONS_ROOT_SESSIONS,
    &LIST_ORGANIZATIONS_FEATURES,
    &GET_ACCOUNT_SUMMARY,
    &GET_ACCOUNT_AUTHORIZATION_DETAILS,
    &SIMULATE_PRINCIPAL_POLICY,
    &GENERATE_CREDENTIAL_REPORT,
    &GET_CREDENTIAL_REPORT,
];

const FEATURES: &[Field] = &[
    may("OrganizationId", Type::OrganizationId, "the organization"),
    may("EnabledFeatures", Type::List(&Type::Choice(&["RootCredentialsManagement", "RootSessions"])), "what is on"),
];

const ERRORS: &[ErrorRow] = &[
    row(
        "ServiceAccessNotEnabledException",
        "",
        Class::NotDone,
        "IAM has no trusted access in the organization",
        "do organizations:EnableAWSServiceAccess for iam.amazonaws.com first",
    ),
    row(
        "AccountNotManagementOrDelegatedAdministratorException",
        "",
        Class::Refused,
        "the caller's account neither manages the organization nor administers IAM for it",
        "use a session of the management account",
    ),
    row(
        "OrganizationNotFoundException",
        "",
        Class::NotDone,
        "the account is in no organization",
        "check which account the session is in",
    ),
    row(
        "OrganizationNotInAllFeaturesModeException",
        "",
        Class::NotDone,
        "the organization has consolidated billing only",
        "enable all features first",
    ),
    row(
        "CallerIsNotManagementAccountException",
        "",
        Class::Refused,
        "only the management account may turn this on",
        "use a session of the management account",
    ),
];

static ENABLE_ORGANIZATIONS_ROOT_CREDENTIALS_MANAGEMENT: Action = Action {
    name: "iam:EnableOrganizationsRootCredentialsManagement",
    purpose: "Lets the management account look at root credentials of its members, delete them, and allow a new password.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableOrganizationsRootCredentialsManagement.html",
    caller: Caller::Management,
    outputs: FEATURES,
    probe: &[Side {
        name: "caller",
        reads: FEATURES_NOW,
        done: HAS_CREDENTIALS,
        not_done: NO_CREDENTIALS,
        output: FOUND,
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "disable",
        action: "iam:DisableOrganizationsRootCredentialsManagement",
        with: &[],
        done_if: &[],
    }]),
    lost: "root passwords of accounts that are created meanwhile: those never had one",
    errors: ERRORS,
    ..CHANGE
};

static DISABLE_ORGANIZATIONS_ROOT_CREDENTIALS_MANAGEMENT: Action = Action {
    name: "iam:DisableOrganizationsRootCredentialsManagement",
    purpose: "Ends central management of root credentials: accounts without any have no root door until it is on again.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DisableOrganizationsRootCredentialsManagement.html",
    caller: Caller::Management,
    outputs: FEATURES,
    hazards: &[Hazard::StrandsRoot],
    probe: &[Side {
        name: "caller",
        reads: FEATURES_NOW,
        done: NO_CREDENTIALS,
        not_done: HAS_CREDENTIALS,
        output: FOUND,
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "enable",
        action: "iam:EnableOrganizationsRootCredentialsManagement",
        with: &[],
        done_if: &[],
    }]),
    errors: ERRORS,
    ..CHANGE
};

static ENABLE_ORGANIZATIONS_ROOT_SESSIONS: Action = Action {
    name: "iam:EnableOrganizationsRootSessions",
    purpose: "Lets the management account open short root sessions in its members, for unlocking buckets and queues.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableOrganizationsRootSessions.html",
    caller: Caller::Management,
    outputs: FEATURES,
    probe: &[Side { name: "caller", reads: FEATURES_NOW, done: HAS_SESSIONS, not_done: NO_SESSIONS, output: FOUND }],
    undo: Undo::Usual(&[UndoStep {
        id: "disable",
        action: "iam:DisableOrganizationsRootSessions",
        with: &[],
        done_if: &[],
    }]),
    errors: ERRORS,
    ..CHANGE
};

static DISABLE_ORGANIZATIONS_ROOT_SESSIONS: Action = Action {
    name: "iam:DisableOrganizationsRootSessions",
    purpose: "Ends short root sessions of the management account in its members.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DisableOrganizationsRootSessions.html",
    caller: Caller::Management,
    outputs: FEATURES,
    probe: &[Side { name: "caller", reads: FEATURES_NOW, done: NO_SESSIONS, not_done: HAS_SESSIONS, output: FOUND }],
    undo: Undo::Usual(&[UndoStep {
        id: "enable",
        action: "iam:EnableOrganizationsRootSessions",
        with: &[],
        done_if: &[],
    }]),
    errors: ERRORS,
    ..CHANGE
};

static LIST_ORGANIZATIONS_FEATURES: Action = Action {
    name: "iam:ListOrganizationsFeatures",
    purpose: "Tells which kinds of central root access are on.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOrganizationsFeatures.html",
    caller: Caller::Management,
    outputs: FEATURES,
    errors: ERRORS,
    ..READ
};

const SUMMARY: &[Field] = &[
    may("AccountAccessKeysPresent", Type::Integer, "1: the root user has access keys"),
    may("AccountMFAEnabled", Type::Integer, "1: the root user has an MFA device"),
    may("AccountPasswordPresent", Type::Integer, "1: the root user has a password, or may set one by email"),
    may("AccountSigningCertificatesPresent", Type::Integer, "1: the root user has signing certificates"),
    may("Groups", Type::Integer, "how many there are"),
    may("MFADevices", Type::Integer, "how many there are"),
    may("MFADevicesInUse", Type::Integer, "how many are in use"),
    may("Policies", Type::Integer, "how many of the account's own there are"),
    may("Roles", Type::Integer, "how many there are"),
    may("Users", Type::Integer, "how many there are"),
];

static GET_ACCOUNT_SUMMARY: Action = Action {
    name: "iam:GetAccountSummary",
    purpose: "Tells what root credentials an account has, and how many users, roles and groups.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html",
    outputs: &[may("SummaryMap", Type::Record(SUMMARY), "numbers; 0 and 1 where it is a yes or no")],
    ..READ
};

static GENERATE_CREDENTIAL_REPORT: Action = Action {
    name: "iam:GenerateCredentialReport",
    purpose: "Asks for a report on the credentials of all users; AWS makes one every four hours at most.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateCredentialReport.html",
    outputs: &[
        may(
            "State",
            Type::Choice(&["STARTED", "INPROGRESS", "COMPLETE"]),
            "COMPLETE: iam:GetCredentialReport gives it",
        ),
        may("Description", Type::String, "more about the state"),
    ],
    ..READ
};

/// The columns of AWS's report, which are its own.
const REPORT: &[Field] = &[
    may("user", Type::String, "the user; `<root_account>` is the root user"),
    may("arn", Type::Arn, "the user"),
    may("user_creation_time", Type::String, "when it was made"),
    may("password_enabled", Type::String, "`true`, `false`, or `not_supported`"),
    may("password_last_used", Type::String, "when, or `no_information`"),
    may("password_last_changed", Type::String, "when, or `not_supported`"),
    may("password_next_rotation", Type::String, "when, or `not_supported`"),
    may("mfa_active", Type::String, "`true`: it has a device"),
    may("access_key_1_active", Type::String, "`true`: it works"),
    may("access_key_1_last_rotated", Type::String, "when, or `N/A`"),
    may("access_key_1_last_used_date", Type::String, "when, or `N/A`"),
    may("access_key_1_last_used_region", Type::String, "where, or `N/A`"),
    may("access_key_1_last_used_service", Type::String, "for what, or `N/A`"),
    may("access_key_2_active", Type::String, "`true`: it works"),
    may("access_key_2_last_rotated", Type::String, "when, or `N/A`"),
    may("access_key_2_last_used_date", Type::String, "when, or `N/A`"),
    may("access_key_2_last_used_region", Type::String, "where, or `N/A`"),
    may("access_key_2_last_used_service", Type::String, "for what, or `N/A`"),
    may("cert_1_active", Type::String, "`true`: it works"),
    may("cert_1_last_rotated", Type::String, "when, or `N/A`"),
    may("cert_2_active", Type::String, "`true`: it works"),
    may("cert_2_last_rotated", Type::String, "when, or `N/A`"),
];
const REPORT_ERRORS: &[ErrorRow] = &[
    row(
        "ReportNotPresent",
        "",
        Class::NotDone,
        "nobody has asked for a report",
        "do iam:GenerateCredentialReport first",
    ),
    row("ReportExpired", "", Class::NotDone, "the report is too old", "do iam:GenerateCredentialReport first"),
    row("ReportInProgress", "", Class::Retry, "AWS is still at it", "nothing: it is asked for again"),
];

static GET_CREDENTIAL_REPORT: Action = Action {
    name: "iam:GetCredentialReport",
    purpose: "Fetches the report on the credentials of all users, the root user among them.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetCredentialReport.html",
    outputs: &[
        may("Content", Type::String, "the report as AWS has it: CSV text"),
        may("Rows", Type::List(&Type::Record(REPORT)), "the same by columns, one for each user"),
        may("ReportFormat", Type::String, "`text/csv`"),
        may("GeneratedTime", Type::Time, "how old it is"),
    ],
    errors: REPORT_ERRORS,
    ..READ
};

const INLINE: &[Field] = &[
    may("PolicyName", Type::String, "its name"),
    may("PolicyDocument", Type::Document, "what it allows and denies, as JSON text"),
];
const USER_DETAIL: &[Field] = &[
    may("UserName", Type::UserName, "the user"),
    may("UserId", Type::String, "never used twice"),
    may("Path", Type::String, "`/` unless said otherwise"),
    may("Arn", Type::Arn, "names account, path and user"),
    may("CreateDate", Type::Time, "when it was made"),
    may("UserPolicyList", Type::List(&Type::Record(INLINE)), "inline policies"),
    may("GroupList", Type::List(&Type::String), "names of its groups"),
    may("AttachedManagedPolicies", Type::List(&Type::Record(ATTACHED_POLICY)), "managed policies"),
    may("Tags", Type::List(&Type::Record(TAG)), "of the user"),
];
const GROUP_DETAIL: &[Field] = &[
    may("GroupName", Type::String, "the group"),
    may("GroupId", Type::String, "never used twice"),
    may("Path", Type::String, "`/` unless said otherwise"),
    may("Arn", Type::Arn, "names account, path and group"),
    may("CreateDate", Type::Time, "when it was made"),
    may("GroupPolicyList", Type::List(&Type::Record(INLINE)), "inline policies"),
    may("AttachedManagedPolicies", Type::List(&Type::Record(ATTACHED_POLICY)), "managed policies"),
];
const ROLE_DETAIL: &[Field] = &[
    may("RoleName", Type::RoleName, "the role"),
    may("RoleId", Type::String, "never used twice"),
    may("Path", Type::String, "`/` unless said otherwise"),
    may("Arn", Type::Arn, "names account, path and role"),
    may("CreateDate", Type::Time, "when it was made"),
    may("AssumeRolePolicyDocument", Type::Document, "who may become it, as JSON text"),
    may("RolePolicyList", Type::List(&Type::Record(INLINE)), "inline policies"),
    may("AttachedManagedPolicies", Type::List(&Type::Record(ATTACHED_POLICY)), "managed policies"),
    may("Tags", Type::List(&Type::Record(TAG)), "of the role"),
];
const POLICY_VERSION: &[Field] = &[
    may("VersionId", Type::String, "`v1` and on"),
    may("IsDefaultVersion", Type::Boolean, "it is in force"),
    may("Document", Type::Document, "what it allows and denies, as JSON text"),
];
const POLICY_DETAIL: &[Field] = &[
    may("PolicyName", Type::String, "its name"),
    may("Arn", Type::Arn, "which one"),
    may("AttachmentCount", Type::Integer, "to how many it is attached"),
    may("PolicyVersionList", Type::List(&Type::Record(POLICY_VERSION)), "its versions"),
];

static GET_ACCOUNT_AUTHORIZATION_DETAILS: Action = Action {
    name: "iam:GetAccountAuthorizationDetails",
    purpose: "Gives all users, groups, roles and policies of the account at once: where to look for organization ids in conditions.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html",
    parameters: &[may(
        "Filter",
        Type::List(&Type::Choice(&["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"])),
        "only these; all unless said otherwise",
    )],
    outputs: &[
        may("UserDetailList", Type::List(&Type::Record(USER_DETAIL)), "users"),
        may("GroupDetailList", Type::List(&Type::Record(GROUP_DETAIL)), "groups"),
        may("RoleDetailList", Type::List(&Type::Record(ROLE_DETAIL)), "roles"),
        may("Policies", Type::List(&Type::Record(POLICY_DETAIL)), "managed policies"),
    ],
    time_limit: 60_000,
    ..READ
};

const CONTEXT: &[Field] = &[
    must("ContextKeyName", Type::String, "for instance `aws:MultiFactorAuthPresent`"),
    must("ContextKeyValues", Type::List(&Type::String), "what it is taken to be"),
    must("ContextKeyType", Type::String, "string, boolean, numeric, date, ip, ..."),
];
const BY_ORGANIZATION: &[Field] = &[may("AllowedByOrganizations", Type::Boolean, "no policy above it denies it")];
const EVALUATION: &[Field] = &[
    may("EvalActionName", Type::String, "the action"),
    may("EvalResourceName", Type::String, "the resource"),
    may("EvalDecision", Type::Choice(&["allowed", "explicitDeny", "implicitDeny"]), "what AWS would say"),
    may("MissingContextValues", Type::List(&Type::String), "keys that the policies ask for"),
    may("OrganizationsDecisionDetail", Type::Record(BY_ORGANIZATION), "what service control policies say"),
];

static SIMULATE_PRINCIPAL_POLICY: Action = Action {
    name: "iam:SimulatePrincipalPolicy",
    purpose: "Tells whether a user or role may do something, without doing it; resource policies and sessions are not looked at.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
    parameters: &[
        must("PolicySourceArn", Type::Arn, "the user or role"),
        must("ActionNames", Type::List(&Type::String), "for instance `organizations:LeaveOrganization`"),
        may("ResourceArns", Type::List(&Type::String), "on what; everything unless said otherwise"),
        may("ContextEntries", Type::List(&Type::Record(CONTEXT)), "what conditions shall see"),
    ],
    outputs: &[may("EvaluationResults", Type::List(&Type::Record(EVALUATION)), "one for each action and resource")],
    errors: &[row(
        "PolicyEvaluation",
        "",
        Class::Retry,
        "AWS could not judge a policy",
        "nothing: it is tried again; if it stays so, read the message and look at the policies",
    )],
    pages: Some("EvaluationResults"),
    ..READ
};

const FEATURES_NOW: &[ProbeRead] = &[ProbeRead { id: "features", action: "iam:ListOrganizationsFeatures", with: &[] }];
const FOUND: &str = "{OrganizationId: reads.features.answer.OrganizationId, \
    EnabledFeatures: reads.features.answer.EnabledFeatures}";
const HAS_CREDENTIALS: &str = "reads.features.answer != `null` \
    && contains(reads.features.answer.EnabledFeatures, 'RootCredentialsManagement')";
const NO_CREDENTIALS: &str = "reads.features.answer != `null` \
    && !contains(reads.features.answer.EnabledFeatures, 'RootCredentialsManagement')";
const HAS_SESSIONS: &str =
    "reads.features.answer != `null` && contains(reads.features.answer.EnabledFeatures, 'RootSessions')";
const NO_SESSIONS: &str =
    "reads.features.answer != `null` && !contains(reads.features.answer.EnabledFeatures, 'RootSessions')";
