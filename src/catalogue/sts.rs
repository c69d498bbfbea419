//! Actions of STS: who am I, and becoming a role.

use super::action::{Action, Caller, Class, Field, Type};
use super::errors::row;
use super::shapes::{READ, TAG, hidden, may, must};

pub(super) static ACTIONS: &[&Action] = &[&GET_CALLER_IDENTITY, &ASSUME_ROLE, &ASSUME_ROOT];

const TASK: &[Field] = &[must(
    "arn",
    Type::Arn,
    "arn:aws:iam::aws:policy/root-task/ and IAMAuditRootUserCredentials, IAMCreateRootUserPassword, IAMDeleteRootUserCredentials, S3UnlockBucketPolicy or SQSUnlockQueuePolicy",
)];

static ASSUME_ROOT: Action = Action {
    name: "sts:AssumeRoot",
    purpose: "Gives the management account credentials of a member's root user, for one task and 15 minutes at most; changes nothing.",
    source: "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html",
    caller: Caller::Management,
    parameters: &[
        must("TargetPrincipal", Type::String, "the member: its account id, or its root user's ARN"),
        must("TaskPolicyArn", Type::Record(TASK), "which task"),
        may("DurationSeconds", Type::Integer, "900 at most, and unless said otherwise"),
    ],
    outputs: &[
        may("Credentials", Type::Record(CREDENTIALS), "of the session"),
        may("SourceIdentity", Type::String, "who is behind the session"),
    ],
    errors: &[
        row(
            "RegionDisabledException",
            "",
            Class::Refused,
            "STS is turned off in this Region",
            "turn it on, or use another region",
        ),
        row(
            "AccessDenied",
            "",
            Class::Refused,
            "central root access is not on for this task, the account is no member, or the caller may not",
            "look at iam:ListOrganizationsFeatures, and whether the caller is in the management account",
        ),
    ],
    ..READ
};

static GET_CALLER_IDENTITY: Action = Action {
    name: "sts:GetCallerIdentity",
    purpose: "Tells whose credentials these are; needs no permission.",
    source: "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html",
    outputs: &[
        may("UserId", Type::String, "of the user, or role id and session name"),
        may("Account", Type::AccountId, "12 digits"),
        may("Arn", Type::Arn, "root, user or session"),
    ],
    ..READ
};

const CREDENTIALS: &[Field] = &[
    may("AccessKeyId", Type::String, "`ASIA` and the rest"),
    hidden("SecretAccessKey", Type::String, "signs requests"),
    hidden("SessionToken", Type::String, "goes with every request"),
    may("Expiration", Type::Time, "when the session ends"),
];

const ASSUMED_ROLE_USER: &[Field] = &[
    may("AssumedRoleId", Type::String, "role id and session name"),
    may("Arn", Type::Arn, "account, role and session name"),
];

static ASSUME_ROLE: Action = Action {
    name: "sts:AssumeRole",
    purpose: "Gives credentials of a role for a limited time; changes nothing.",
    source: "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html",
    parameters: &[
        must("RoleArn", Type::Arn, "the role"),
        must("RoleSessionName", Type::String, "appears in CloudTrail and in the session's ARN"),
        may("DurationSeconds", Type::Integer, "900 to the role's own limit; 3600 unless said otherwise"),
        may("ExternalId", Type::String, "what the role's trust policy may ask for"),
        may("Policy", Type::Document, "what the session can be allowed at most"),
        may("SerialNumber", Type::String, "the MFA device"),
        hidden("TokenCode", Type::String, "the MFA device's code"),
        may("SourceIdentity", Type::String, "who is behind the session"),
        may("Tags", Type::List(&Type::Record(TAG)), "of the session"),
    ],
    outputs: &[
        may("Credentials", Type::Record(CREDENTIALS), "of the session"),
        may("AssumedRoleUser", Type::Record(ASSUMED_ROLE_USER), "who the session is"),
        may("SourceIdentity", Type::String, "who is behind the session"),
    ],
    errors: &[
        row("MalformedPolicyDocument", "", Class::NotDone, "the policy cannot be read", "correct the runbook"),
        row("PackedPolicyTooLarge", "", Class::NotDone, "policy and tags are too long", "make them shorter"),
        row(
            "RegionDisabledException",
            "",
            Class::Refused,
            "STS is turned off in this Region",
            "turn it on, or use another region",
        ),
    ],
    ..READ
};
