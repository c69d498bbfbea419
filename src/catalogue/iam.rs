//! Actions of IAM: users, their policies and their access keys (a way in for break-glass).

use super::action::{Action, Another, Class, ErrorRow, Field, Hazard, ProbeRead, Repeat, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::shapes::{CHANGE as ORGANIZATIONS_CHANGE, IAM_SETTLE, READ, TAG, hidden, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &CREATE_USER,
    &DELETE_USER,
    &ATTACH_USER_POLICY,
    &DETACH_USER_POLICY,
    &CREATE_ACCESS_KEY,
    &DELETE_ACCESS_KEY,
    &GET_USER,
    &LIST_ATTACHED_USER_POLICIES,
    &LIST_ACCESS_KEYS,
];

pub(super) const CHANGE: Action = Action { settles_within: IAM_SETTLE, ..ORGANIZATIONS_CHANGE };

pub(super) const BOUNDARY: &[Field] = &[
    may("PermissionsBoundaryType", Type::String, "`PermissionsBoundaryPolicy`"),
    may("PermissionsBoundaryArn", Type::Arn, "the policy"),
];

pub(super) const USER: &[Field] = &[
    may("Path", Type::String, "`/` unless said otherwise"),
    may("UserName", Type::UserName, "as asked for"),
    may("UserId", Type::String, "`AIDA` and the rest; never used twice"),
    may("Arn", Type::Arn, "names account, path and user"),
    may("CreateDate", Type::Time, "when it was made"),
    may("PasswordLastUsed", Type::Time, "last sign-in with a password"),
    may("PermissionsBoundary", Type::Record(BOUNDARY), "what it can be allowed at most"),
    may("Tags", Type::List(&Type::Record(TAG)), "of the user"),
];

const ACCESS_KEY: &[Field] = &[
    may("UserName", Type::UserName, "whose it is"),
    may("AccessKeyId", Type::String, "`AKIA` and the rest"),
    may("Status", Type::Choice(&["Active", "Inactive", "Expired"]), "whether it can be used"),
    hidden("SecretAccessKey", Type::String, "given once, by CreateAccessKey, and never again"),
    may("CreateDate", Type::Time, "when it was made"),
];

const ACCESS_KEY_METADATA: &[Field] = &[
    may("UserName", Type::UserName, "whose it is"),
    may("AccessKeyId", Type::String, "`AKIA` and the rest"),
    may("Status", Type::Choice(&["Active", "Inactive", "Expired"]), "whether it can be used"),
    may("CreateDate", Type::Time, "when it was made"),
];

pub(super) const ATTACHED_POLICY: &[Field] =
    &[may("PolicyName", Type::String, "its name"), may("PolicyArn", Type::Arn, "which one")];

static CREATE_USER: Action = Action {
    name: "iam:CreateUser",
    purpose: "Makes an IAM user, without any way to sign in yet.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html",
    parameters: &[
        must("UserName", Type::UserName, "unique in the account, whatever the case of its letters"),
        may("Path", Type::String, "`/` unless said otherwise"),
        may("PermissionsBoundary", Type::Arn, "what it can be allowed at most"),
        may("Tags", Type::List(&Type::Record(TAG)), "put on the user"),
    ],
    outputs: &[may("User", Type::Record(USER), "the new user")],
    probe: &[Side {
        name: "caller",
        reads: THE_USER,
        done: "reads.user.answer.User.UserName != `null` && reads.user.answer.User.UserName == with.UserName",
        not_done: "reads.user.error == 'NoSuchEntity'",
        output: "{User: reads.user.answer.User}",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "iam:DeleteUser",
        with: &[("UserName", "${with.UserName}")],
        done_if: &["NoSuchEntity"],
    }]),
    errors: &[row(
        "EntityAlreadyExists",
        "",
        Class::AlreadyDone,
        "a user of that name is already there",
        "nothing, if this run made it; else choose another name",
    )],
    ..CHANGE
};

static DELETE_USER: Action = Action {
    name: "iam:DeleteUser",
    purpose: "Deletes an IAM user, who must have no keys, policies, devices or groups left.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html",
    parameters: &[must("UserName", Type::UserName, "the user")],
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side {
        name: "caller",
        reads: THE_USER,
        done: "reads.user.error == 'NoSuchEntity'",
        not_done: "reads.user.answer.User.UserName != `null`",
        output: "`{}`",
    }],
    undo: Undo::NotNeeded(
        "a user that this run made may go; a new one of the same name has another id, which policies elsewhere may name",
    ),
    lost: "the user's id, to which policies elsewhere may be bound",
    errors: &[
        row("NoSuchEntity", "", Class::AlreadyDone, "there is no such user", "nothing, if this run deleted it"),
        row(
            "DeleteConflict",
            "",
            Class::NotDone,
            "the user still has keys, policies, devices or groups",
            "remove those first",
        ),
    ],
    ..CHANGE
};

static ATTACH_USER_POLICY: Action = Action {
    name: "iam:AttachUserPolicy",
    purpose: "Attaches a managed policy to a user.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachUserPolicy.html",
    parameters: USER_AND_POLICY,
    probe: &[Side {
        name: "caller",
        reads: POLICIES_NOW,
        done: IS_ATTACHED,
        not_done: IS_NOT_ATTACHED,
        output: "`{}`",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "detach",
        action: "iam:DetachUserPolicy",
        with: &[("UserName", "${with.UserName}"), ("PolicyArn", "${with.PolicyArn}")],
        done_if: &["NoSuchEntity"],
    }]),
    errors: &[
        row("NoSuchEntity", "", Class::NotDone, "there is no such user or policy", "check user name and policy ARN"),
        NOT_ATTACHABLE,
    ],
    ..CHANGE
};

static DETACH_USER_POLICY: Action = Action {
    name: "iam:DetachUserPolicy",
    purpose: "Takes a managed policy from a user.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachUserPolicy.html",
    parameters: USER_AND_POLICY,
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side {
        name: "caller",
        reads: POLICIES_NOW,
        done: IS_NOT_ATTACHED,
        not_done: IS_ATTACHED,
        output: "`{}`",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "attach",
        action: "iam:AttachUserPolicy",
        with: &[("UserName", "${with.UserName}"), ("PolicyArn", "${with.PolicyArn}")],
        done_if: &[],
    }]),
    errors: &[row(
        "NoSuchEntity",
        "",
        Class::AlreadyDone,
        "there is no such user, or the policy is not attached",
        "nothing, if this run detached it",
    )],
    ..CHANGE
};

static CREATE_ACCESS_KEY: Action = Action {
    name: "iam:CreateAccessKey",
    purpose: "Makes an access key for a user; AWS gives its secret once.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html",
    parameters: &[must("UserName", Type::UserName, "whose key it will be; two at most")],
    outputs: &[may("AccessKey", Type::Record(ACCESS_KEY), "the key; the secret goes where `secret_to` says")],
    // With AWS's answer the list must show the key. Without it, exactly one key must be new since the call, and the
    // journal must tell which were there before; else nobody guesses: people look at the list and settle it.
    probe: &[Side {
        name: "caller",
        reads: KEYS_NOW,
        done: "(output.AccessKey.AccessKeyId != `null` \
               && contains(reads.keys.answer.AccessKeyMetadata[].AccessKeyId, output.AccessKey.AccessKeyId)) \
               || (output.AccessKey.AccessKeyId == `null` && length(fresh || `[]`) == `1`)",
        not_done: "`false`",
        output: "{AccessKey: fresh[0]}",
    }],
    repeat: Repeat::MakesAnother,
    another: Some(Another {
        read: "keys",
        lists: "iam:ListAccessKeys",
        list: "AccessKeyMetadata",
        name: "AccessKeyId",
        made: "CreateDate",
        of: "UserName",
        output: "AccessKey",
        none_after: "iam:CreateUser",
    }),
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "iam:DeleteAccessKey",
        with: &[("UserName", "${with.UserName}"), ("AccessKeyId", "${output.AccessKey.AccessKeyId}")],
        done_if: &["NoSuchEntity"],
    }]),
    lost: "the secret, if the answer is lost: then the key is deleted and another one made",
    errors: &[row(
        "LimitExceeded",
        "",
        Class::NotDone,
        "the user has two keys already",
        "delete one that nobody needs",
    )],
    ..CHANGE
};

static DELETE_ACCESS_KEY: Action = Action {
    name: "iam:DeleteAccessKey",
    purpose: "Deletes an access key of a user.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html",
    parameters: &[
        may("UserName", Type::UserName, "whose key it is; left out in a root session: the root user's"),
        must("AccessKeyId", Type::String, "`AKIA` and the rest"),
    ],
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side {
        name: "caller",
        reads: KEYS_NOW,
        done: "reads.keys.error == 'NoSuchEntity' || (reads.keys.answer != `null` \
               && !contains(reads.keys.answer.AccessKeyMetadata[].AccessKeyId, with.AccessKeyId))",
        not_done: "reads.keys.answer != `null` && contains(reads.keys.answer.AccessKeyMetadata[].AccessKeyId, with.AccessKeyId)",
        output: "`{}`",
    }],
    undo: Undo::NotNeeded("a key that this run made may go; another one can be made"),
    lost: "the key: whatever still uses it loses its access",
    errors: &[row(
        "NoSuchEntity",
        "",
        Class::AlreadyDone,
        "there is no such user or key",
        "nothing, if this run deleted it",
    )],
    ..CHANGE
};

static GET_USER: Action = Action {
    name: "iam:GetUser",
    purpose: "Tells about an IAM user.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html",
    parameters: &[may("UserName", Type::UserName, "the caller unless said otherwise")],
    outputs: &[may("User", Type::Record(USER), "the user")],
    ..READ
};

static LIST_ATTACHED_USER_POLICIES: Action = Action {
    name: "iam:ListAttachedUserPolicies",
    purpose: "Lists the managed policies that are attached to a user.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedUserPolicies.html",
    parameters: &[
        must("UserName", Type::UserName, "the user"),
        may("PathPrefix", Type::String, "only policies below this path"),
    ],
    outputs: &[may("AttachedPolicies", Type::List(&Type::Record(ATTACHED_POLICY)), "all of them")],
    pages: Some("AttachedPolicies"),
    ..READ
};

static LIST_ACCESS_KEYS: Action = Action {
    name: "iam:ListAccessKeys",
    purpose: "Lists the access keys of a user, without their secrets.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html",
    parameters: &[may("UserName", Type::UserName, "the caller unless said otherwise")],
    outputs: &[may("AccessKeyMetadata", Type::List(&Type::Record(ACCESS_KEY_METADATA)), "all of them")],
    pages: Some("AccessKeyMetadata"),
    ..READ
};

pub(super) const NOT_ATTACHABLE: ErrorRow = row(
    "PolicyNotAttachable",
    "",
    Class::NotDone,
    "AWS keeps this policy for its own service roles",
    "choose another policy",
);

const USER_AND_POLICY: &[Field] =
    &[must("UserName", Type::UserName, "the user"), must("PolicyArn", Type::Arn, "the policy")];

const THE_USER: &[ProbeRead] =
    &[ProbeRead { id: "user", action: "iam:GetUser", with: &[("UserName", "${with.UserName}")] }];
const POLICIES_NOW: &[ProbeRead] =
    &[ProbeRead { id: "policies", action: "iam:ListAttachedUserPolicies", with: &[("UserName", "${with.UserName}")] }];
const KEYS_NOW: &[ProbeRead] =
    &[ProbeRead { id: "keys", action: "iam:ListAccessKeys", with: &[("UserName", "${with.UserName}")] }];

const IS_ATTACHED: &str = "reads.policies.answer != `null` \
    && contains(reads.policies.answer.AttachedPolicies[].PolicyArn, with.PolicyArn)";
const IS_NOT_ATTACHED: &str = "reads.policies.error == 'NoSuchEntity' || (reads.policies.answer != `null` \
    && !contains(reads.policies.answer.AttachedPolicies[].PolicyArn, with.PolicyArn))";
