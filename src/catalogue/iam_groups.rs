//! Actions of IAM on groups.

use super::action::{Action, Class, ErrorRow, Field, Hazard, ProbeRead, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::iam::{ATTACHED_POLICY, CHANGE, NOT_ATTACHABLE, USER};
use super::shapes::{READ, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &CREATE_GROUP,
    &DELETE_GROUP,
    &ATTACH_GROUP_POLICY,
    &DETACH_GROUP_POLICY,
    &ADD_USER_TO_GROUP,
    &REMOVE_USER_FROM_GROUP,
    &GET_GROUP,
    &LIST_ATTACHED_GROUP_POLICIES,
    &LIST_GROUPS_FOR_USER,
];

pub(super) const GROUP: &[Field] = &[
    may("Path", Type::String, "`/` unless said otherwise"),
    may("GroupName", Type::String, "as asked for"),
    may("GroupId", Type::String, "`AGPA` and the rest; never used twice"),
    may("Arn", Type::Arn, "names account, path and group"),
    may("CreateDate", Type::Time, "when it was made"),
];
const THE_NAME: Field = must("GroupName", Type::String, "the group");
const AND_POLICY: &[Field] = &[THE_NAME, must("PolicyArn", Type::Arn, "the managed policy")];
const AND_USER: &[Field] = &[THE_NAME, must("UserName", Type::UserName, "the user")];

static CREATE_GROUP: Action = Action {
    name: "iam:CreateGroup",
    purpose: "Makes a group of users, empty and without rights.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html",
    parameters: &[
        must("GroupName", Type::String, "unique in the account, whatever the case of its letters"),
        may("Path", Type::String, "`/` unless said otherwise"),
    ],
    outputs: &[may("Group", Type::Record(GROUP), "the new group")],
    probe: &[Side {
        name: "caller",
        reads: THE_GROUP,
        done: "reads.group.answer.Group.GroupName != `null` && reads.group.answer.Group.GroupName == with.GroupName",
        not_done: "reads.group.error == 'NoSuchEntity'",
        output: "{Group: reads.group.answer.Group}",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "iam:DeleteGroup",
        with: &[("GroupName", "${with.GroupName}")],
        done_if: &["NoSuchEntity"],
    }]),
    errors: &[row(
        "EntityAlreadyExists",
        "",
        Class::AlreadyDone,
        "a group of that name is already there",
        "nothing, if this run made it; else choose another name",
    )],
    ..CHANGE
};

static DELETE_GROUP: Action = Action {
    name: "iam:DeleteGroup",
    purpose: "Deletes a group, which must have no users and policies left.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html",
    parameters: &[THE_NAME],
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side {
        name: "caller",
        reads: THE_GROUP,
        done: "reads.group.error == 'NoSuchEntity'",
        not_done: "reads.group.answer.Group.GroupName != `null`",
        output: "`{}`",
    }],
    undo: Undo::NotNeeded("only an empty group can go; a new one of the same name has another id"),
    lost: "the group's id",
    errors: &[
        NO_GROUP_ANY_MORE,
        row("DeleteConflict", "", Class::NotDone, "the group still has users or policies", "remove those first"),
    ],
    ..CHANGE
};

static ATTACH_GROUP_POLICY: Action = Action {
    name: "iam:AttachGroupPolicy",
    purpose: "Attaches a managed policy to a group: all its users have those rights.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachGroupPolicy.html",
    parameters: AND_POLICY,
    probe: &[Side { name: "caller", reads: POLICIES_NOW, done: ATTACHED, not_done: NOT_ATTACHED, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "detach",
        action: "iam:DetachGroupPolicy",
        with: &[("GroupName", "${with.GroupName}"), ("PolicyArn", "${with.PolicyArn}")],
        done_if: &["NoSuchEntity"],
    }]),
    errors: &[NOT_ATTACHABLE],
    ..CHANGE
};

static DETACH_GROUP_POLICY: Action = Action {
    name: "iam:DetachGroupPolicy",
    purpose: "Takes a managed policy from a group.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachGroupPolicy.html",
    parameters: AND_POLICY,
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side { name: "caller", reads: POLICIES_NOW, done: NOT_ATTACHED, not_done: ATTACHED, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "attach",
        action: "iam:AttachGroupPolicy",
        with: &[("GroupName", "${with.GroupName}"), ("PolicyArn", "${with.PolicyArn}")],
        done_if: &[],
    }]),
    errors: &[row(
        "NoSuchEntity",
        "",
        Class::AlreadyDone,
        "there is no such group, or the policy is not attached",
        "nothing, if this run detached it",
    )],
    ..CHANGE
};

static ADD_USER_TO_GROUP: Action = Action {
    name: "iam:AddUserToGroup",
    purpose: "Puts a user into a group, with all its rights.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddUserToGroup.html",
    parameters: AND_USER,
    probe: &[Side { name: "caller", reads: GROUPS_NOW, done: INSIDE, not_done: OUTSIDE, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "remove",
        action: "iam:RemoveUserFromGroup",
        with: &[("GroupName", "${with.GroupName}"), ("UserName", "${with.UserName}")],
        done_if: &["NoSuchEntity"],
    }]),
    ..CHANGE
};

static REMOVE_USER_FROM_GROUP: Action = Action {
    name: "iam:RemoveUserFromGroup",
    purpose: "Takes a user out of a group, and its rights from the user.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveUserFromGroup.html",
    parameters: AND_USER,
    hazards: &[Hazard::RemovesAccess],
    probe: &[Side { name: "caller", reads: GROUPS_NOW, done: OUTSIDE, not_done: INSIDE, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "add",
        action: "iam:AddUserToGroup",
        with: &[("GroupName", "${with.GroupName}"), ("UserName", "${with.UserName}")],
        done_if: &[],
    }]),
    errors: &[row(
        "NoSuchEntity",
        "",
        Class::AlreadyDone,
        "there is no such user or group",
        "nothing, if this run took the user out",
    )],
    ..CHANGE
};

static GET_GROUP: Action = Action {
    name: "iam:GetGroup",
    purpose: "Tells about a group, and who is in it.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetGroup.html",
    parameters: &[THE_NAME],
    outputs: &[
        may("Group", Type::Record(GROUP), "the group"),
        may("Users", Type::List(&Type::Record(USER)), "who is in it; of more than 1000 the first 1000"),
    ],
    ..READ
};

static LIST_ATTACHED_GROUP_POLICIES: Action = Action {
    name: "iam:ListAttachedGroupPolicies",
    purpose: "Lists the managed policies that are attached to a group.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedGroupPolicies.html",
    parameters: &[THE_NAME, may("PathPrefix", Type::String, "only policies below this path")],
    outputs: &[may("AttachedPolicies", Type::List(&Type::Record(ATTACHED_POLICY)), "all of them")],
    pages: Some("AttachedPolicies"),
    ..READ
};

static LIST_GROUPS_FOR_USER: Action = Action {
    name: "iam:ListGroupsForUser",
    purpose: "Lists the groups that a user is in.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupsForUser.html",
    parameters: &[must("UserName", Type::UserName, "the user")],
    outputs: &[may("Groups", Type::List(&Type::Record(GROUP)), "all of them")],
    pages: Some("Groups"),
    ..READ
};

const NO_GROUP_ANY_MORE: ErrorRow =
    row("NoSuchEntity", "", Class::AlreadyDone, "there is no such group", "nothing, if this run deleted it");

const THE_GROUP: &[ProbeRead] =
    &[ProbeRead { id: "group", action: "iam:GetGroup", with: &[("GroupName", "${with.GroupName}")] }];
const POLICIES_NOW: &[ProbeRead] = &[ProbeRead {
    id: "policies",
    action: "iam:ListAttachedGroupPolicies",
    with: &[("GroupName", "${with.GroupName}")],
}];
const GROUPS_NOW: &[ProbeRead] =
    &[ProbeRead { id: "groups", action: "iam:ListGroupsForUser", with: &[("UserName", "${with.UserName}")] }];
const ATTACHED: &str = "reads.policies.answer != `null` \
    && contains(reads.policies.answer.AttachedPolicies[].PolicyArn, with.PolicyArn)";
const NOT_ATTACHED: &str = "reads.policies.error == 'NoSuchEntity' || (reads.policies.answer != `null` \
    && !contains(reads.policies.answer.AttachedPolicies[].PolicyArn, with.PolicyArn))";
const INSIDE: &str =
    "reads.groups.answer != `null` && contains(reads.groups.answer.Groups[].GroupName, with.GroupName)";
const OUTSIDE: &str = "reads.groups.error == 'NoSuchEntity' || (reads.groups.answer != `null` \
    && !contains(reads.groups.answer.Groups[].GroupName, with.GroupName))";
