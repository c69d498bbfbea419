//! Actions of IAM on roles: who may become them, and what they may do.

use super::action::{Action, Class, ErrorRow, Field, Hazard, ProbeRead, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::iam::{ATTACHED_POLICY, BOUNDARY, CHANGE, NOT_ATTACHABLE};
use super::shapes::{READ, TAG, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &CREATE_ROLE,
    &DELETE_ROLE,
    &UPDATE_ASSUME_ROLE_POLICY,
    &PUT_ROLE_POLICY,
    &DELETE_ROLE_POLICY,
    &ATTACH_ROLE_POLICY,
    &DETACH_ROLE_POLICY,
    &GET_ROLE,
    &GET_ROLE_POLICY,
    &LIST_ROLE_POLICIES,
    &LIST_ATTACHED_ROLE_POLICIES,
];

pub(super) const ROLE: &[Field] = &[
    may("Path", Type::String, "`/` unless said otherwise"),
    may("RoleName", Type::RoleName, "as asked for"),
    may("RoleId", Type::String, "`AROA` and the rest; never used twice"),
    may("Arn", Type::Arn, "names account, path and role"),
    may("CreateDate", Type::Time, "when it was made"),
    may("AssumeRolePolicyDocument", Type::Document, "who may become it, as JSON text"),
    may("Description", Type::String, "as written"),
    may("MaxSessionDuration", Type::Integer, "seconds"),
    may("PermissionsBoundary", Type::Record(BOUNDARY), "what it can be allowed at most"),
    may("Tags", Type::List(&Type::Record(TAG)), "of the role"),
];

const THE_NAME: Field = must("RoleName", Type::RoleName, "the role");
const POLICY_NAME: Field = must("PolicyName", Type::String, "of the inline policy");
const AND_ARN: &[Field] = &[THE_NAME, must("PolicyArn", Type::Arn, "the managed policy")];

const PROTECTED: ErrorRow = row(
    "UnmodifiableEntity",
    "",
    Class::Refused,
    "the role belongs to a service of AWS, which alone changes it",
    "leave it alone, or ask the service to",
);
const MALFORMED: ErrorRow = row(
    "MalformedPolicyDocument",
    "",
    Class::NotDone,
    "the policy cannot be read",
    "correct the policy in the runbook",
);

static CREATE_ROLE: Action = Action {
    name: "iam:CreateRole",
    purpose: "Makes a role, and says who may become it; without rights yet.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
    parameters: &[
        must("RoleName", Type::RoleName, "unique in the account, whatever the case of its letters"),
        must(
            "AssumeRolePolicyDocument",
            Type::Document,
            "the trust policy: who may become it, and under which conditions",
        ),
        may("Path", Type::String, "`/` unless said otherwise"),
        may("Description", Type::String, "for people"),
        may("MaxSessionDuration", Type::Integer, "3600 to 43200 seconds; 3600 unless said otherwise"),
        may("PermissionsBoundary", Type::Arn, "what it can be allowed at most"),
        may("Tags", Type::List(&Type::Record(TAG)), "put on the role"),
    ],
    outputs: &[may("Role", Type::Record(ROLE), "the new role")],
    probe: &[Side {
        name: "caller",
        reads: THE_ROLE,
        done: "reads.role.answer.Role.RoleName != `null` && reads.role.answer.Role.RoleName == with.RoleName",
        not_done: "reads.role.error == 'NoSuchEntity'",
        output: "{Role: reads.role.answer.Role}",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "iam:DeleteRole",
        with: &[("RoleName", "${with.RoleName}")],
        done_if: &["NoSuchEntity"],
    }]),
    errors: &[
        row(
            "EntityAlreadyExists",
            "",
            Class::AlreadyDone,
            "a role of that name is already there",
            "nothing, if this run made it; else choose another name",
        ),
        MALFORMED,
    ],
    ..CHANGE
};

static DELETE_ROLE: Action = Action {
    name: "iam:DeleteRole",
    purpose: "Deletes a role, which must have no policies left; its sessions end.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html",
    parameters: &[THE_NAME],
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side {
        name: "caller",
        reads: THE_ROLE,
        done: "reads.role.error == 'NoSuchEntity'",
        not_done: "reads.role.answer.Role.RoleName != `null`",
        output: "`{}`",
    }],
    undo: Undo::NotNeeded(
        "a role that this run made may go; a new one of the same name has another id, which policies elsewhere may name",
    ),
    lost: "the role's id, to which policies elsewhere may be bound",
    errors: &[
        row("NoSuchEntity", "", Class::AlreadyDone, "there is no such role", "nothing, if this run deleted it"),
        row("DeleteConflict", "", Class::NotDone, "the role still has policies", "remove those first"),
        PROTECTED,
    ],
    ..CHANGE
};

static UPDATE_ASSUME_ROLE_POLICY: Action = Action {
    name: "iam:UpdateAssumeRolePolicy",
    purpose: "Replaces the trust policy of a role: who may become it.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html",
    parameters: &[THE_NAME, must("PolicyDocument", Type::Document, "the new trust policy, whole")],
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side {
        name: "caller",
        reads: THE_ROLE,
        done: "reads.role.answer != `null` \
               && document(reads.role.answer.Role.AssumeRolePolicyDocument) == document(with.PolicyDocument)",
        not_done: "reads.role.answer != `null` \
                   && document(reads.role.answer.Role.AssumeRolePolicyDocument) != document(with.PolicyDocument)",
        output: "`{}`",
    }],
    undo: Undo::Impossible(
        "the old trust policy is not in AWS's answer; a runbook that captured it (GetRole) puts it back with iam:UpdateAssumeRolePolicy",
    ),
    errors: &[MALFORMED, PROTECTED],
    ..CHANGE
};

static PUT_ROLE_POLICY: Action = Action {
    name: "iam:PutRolePolicy",
    purpose: "Writes an inline policy of a role; one of that name is replaced.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html",
    parameters: &[THE_NAME, POLICY_NAME, must("PolicyDocument", Type::Document, "what the role may do")],
    probe: &[Side {
        name: "caller",
        reads: THE_POLICY,
        done: "reads.policy.answer != `null` \
               && document(reads.policy.answer.PolicyDocument) == document(with.PolicyDocument)",
        not_done: "reads.policy.error == 'NoSuchEntity' || (reads.policy.answer != `null` \
                   && document(reads.policy.answer.PolicyDocument) != document(with.PolicyDocument))",
        output: "`{}`",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "iam:DeleteRolePolicy",
        with: &[("RoleName", "${with.RoleName}"), ("PolicyName", "${with.PolicyName}")],
        done_if: &["NoSuchEntity"],
    }]),
    lost: "the policy of that name that was there before (capture it, and write an undo of your own, if there is one)",
    errors: &[MALFORMED, PROTECTED],
    ..CHANGE
};

static DELETE_ROLE_POLICY: Action = Action {
    name: "iam:DeleteRolePolicy",
    purpose: "Deletes an inline policy of a role.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePolicy.html",
    parameters: &[THE_NAME, POLICY_NAME],
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side {
        name: "caller",
        reads: THE_POLICY,
        done: "reads.policy.error == 'NoSuchEntity'",
        not_done: "reads.policy.answer.PolicyName != `null`",
        output: "`{}`",
    }],
    undo: Undo::Impossible(
        "the policy is gone; a runbook that captured it (GetRolePolicy) puts it back with iam:PutRolePolicy",
    ),
    lost: "the policy's text",
    errors: &[
        row(
            "NoSuchEntity",
            "",
            Class::AlreadyDone,
            "there is no such role or policy",
            "nothing, if this run deleted it",
        ),
        PROTECTED,
    ],
    ..CHANGE
};

static ATTACH_ROLE_POLICY: Action = Action {
    name: "iam:AttachRolePolicy",
    purpose: "Attaches a managed policy to a role.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html",
    parameters: AND_ARN,
    probe: &[Side { name: "caller", reads: POLICIES_NOW, done: ATTACHED, not_done: NOT_ATTACHED, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "detach",
        action: "iam:DetachRolePolicy",
        with: &[("RoleName", "${with.RoleName}"), ("PolicyArn", "${with.PolicyArn}")],
        done_if: &["NoSuchEntity"],
    }]),
    errors: &[NOT_ATTACHABLE, PROTECTED],
    ..CHANGE
};

static DETACH_ROLE_POLICY: Action = Action {
    name: "iam:DetachRolePolicy",
    purpose: "Takes a managed policy from a role.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html",
    parameters: AND_ARN,
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side { name: "caller", reads: POLICIES_NOW, done: NOT_ATTACHED, not_done: ATTACHED, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "attach",
        action: "iam:AttachRolePolicy",
        with: &[("RoleName", "${with.RoleName}"), ("PolicyArn", "${with.PolicyArn}")],
        done_if: &[],
    }]),
    errors: &[
        row(
            "NoSuchEntity",
            "",
            Class::AlreadyDone,
            "there is no such role, or the policy is not attached",
            "nothing, if this run detached it",
        ),
        PROTECTED,
    ],
    ..CHANGE
};

static GET_ROLE: Action = Action {
    name: "iam:GetRole",
    purpose: "Tells about a role, and who may become it.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html",
    parameters: &[THE_NAME],
    outputs: &[may("Role", Type::Record(ROLE), "the role")],
    ..READ
};

static GET_ROLE_POLICY: Action = Action {
    name: "iam:GetRolePolicy",
    purpose: "Tells an inline policy of a role.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html",
    parameters: &[THE_NAME, POLICY_NAME],
    outputs: &[
        may("RoleName", Type::RoleName, "the role"),
        may("PolicyName", Type::String, "the policy"),
        may("PolicyDocument", Type::Document, "what it allows and denies, as JSON text"),
    ],
    ..READ
};

static LIST_ROLE_POLICIES: Action = Action {
    name: "iam:ListRolePolicies",
    purpose: "Lists the names of a role's inline policies.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRolePolicies.html",
    parameters: &[THE_NAME],
    outputs: &[may("PolicyNames", Type::List(&Type::String), "all of them")],
    pages: Some("PolicyNames"),
    ..READ
};

static LIST_ATTACHED_ROLE_POLICIES: Action = Action {
    name: "iam:ListAttachedRolePolicies",
    purpose: "Lists the managed policies that are attached to a role.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html",
    parameters: &[THE_NAME, may("PathPrefix", Type::String, "only policies below this path")],
    outputs: &[may("AttachedPolicies", Type::List(&Type::Record(ATTACHED_POLICY)), "all of them")],
    pages: Some("AttachedPolicies"),
    ..READ
};

const THE_ROLE: &[ProbeRead] =
    &[ProbeRead { id: "role", action: "iam:GetRole", with: &[("RoleName", "${with.RoleName}")] }];
const THE_POLICY: &[ProbeRead] = &[ProbeRead {
    id: "policy",
    action: "iam:GetRolePolicy",
    with: &[("RoleName", "${with.RoleName}"), ("PolicyName", "${with.PolicyName}")],
}];
const POLICIES_NOW: &[ProbeRead] =
    &[ProbeRead { id: "policies", action: "iam:ListAttachedRolePolicies", with: &[("RoleName", "${with.RoleName}")] }];
const ATTACHED: &str = "reads.policies.answer != `null` \
    && contains(reads.policies.answer.AttachedPolicies[].PolicyArn, with.PolicyArn)";
const NOT_ATTACHED: &str = "reads.policies.error == 'NoSuchEntity' || (reads.policies.answer != `null` \
    && !contains(reads.policies.answer.AttachedPolicies[].PolicyArn, with.PolicyArn))";
