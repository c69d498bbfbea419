//! Actions on the tree and on tags.

use super::action::{Action, Caller, Class, ErrorRow, ProbeRead, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::shapes::{CHANGE, CONSTRAINT, CVE, ORGANIZATIONAL_UNIT, TAG, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &CREATE_ORGANIZATIONAL_UNIT,
    &UPDATE_ORGANIZATIONAL_UNIT,
    &DELETE_ORGANIZATIONAL_UNIT,
    &TAG_RESOURCE,
    &UNTAG_RESOURCE,
];

static UPDATE_ORGANIZATIONAL_UNIT: Action = Action {
    name: "organizations:UpdateOrganizationalUnit",
    purpose: "Gives an organizational unit another name; its id and all in it stay.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdateOrganizationalUnit.html",
    caller: Caller::Management,
    parameters: &[
        must("OrganizationalUnitId", Type::OuId, "the unit"),
        must("Name", Type::String, "the new name, unique below its parent"),
    ],
    outputs: &[may("OrganizationalUnit", Type::Record(ORGANIZATIONAL_UNIT), "the unit as it is now")],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead {
            id: "unit",
            action: "organizations:DescribeOrganizationalUnit",
            with: &[("OrganizationalUnitId", "${with.OrganizationalUnitId}")],
        }],
        done: "reads.unit.answer != `null` && reads.unit.answer.OrganizationalUnit.Name == with.Name",
        not_done: "reads.unit.answer != `null` && reads.unit.answer.OrganizationalUnit.Name != with.Name",
        output: "{OrganizationalUnit: reads.unit.answer.OrganizationalUnit}",
    }],
    undo: Undo::Impossible(
        "the old name is not in AWS's answer; a runbook that captured it (DescribeOrganizationalUnit) gives it again with organizations:UpdateOrganizationalUnit",
    ),
    errors: &[
        row("OrganizationalUnitNotFoundException", "", Class::NotDone, "there is no such unit", "check the id"),
        row(
            "DuplicateOrganizationalUnitException",
            "",
            Class::NotDone,
            "another unit there has that name",
            "choose another name",
        ),
    ],
    ..CHANGE
};

static CREATE_ORGANIZATIONAL_UNIT: Action = Action {
    name: "organizations:CreateOrganizationalUnit",
    purpose: "Makes an organizational unit below a root or another unit.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganizationalUnit.html",
    caller: Caller::Management,
    parameters: &[
        must("ParentId", Type::ParentId, "below what"),
        must("Name", Type::String, "unique there"),
        may("Tags", Type::List(&Type::Record(TAG)), "put on the unit"),
    ],
    outputs: &[may("OrganizationalUnit", Type::Record(ORGANIZATIONAL_UNIT), "the new unit")],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead {
            id: "units",
            action: "organizations:ListOrganizationalUnitsForParent",
            with: &[("ParentId", "${with.ParentId}")],
        }],
        done: "reads.units.answer != `null` && contains(reads.units.answer.OrganizationalUnits[].Name, with.Name)",
        not_done: "reads.units.answer != `null` && !contains(reads.units.answer.OrganizationalUnits[].Name, with.Name)",
        output: "{OrganizationalUnit: find(reads.units.answer.OrganizationalUnits, 'Name', with.Name)}",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "organizations:DeleteOrganizationalUnit",
        with: &[("OrganizationalUnitId", "${output.OrganizationalUnit.Id}")],
        done_if: &["OrganizationalUnitNotFoundException"],
    }]),
    errors: &[
        row(
            "DuplicateOrganizationalUnitException",
            "",
            Class::AlreadyDone,
            "a unit of that name is already there",
            "nothing, if this run made it",
        ),
        row(
            "ParentNotFoundException",
            "",
            Class::NotDone,
            "there is no such root or organizational unit",
            "check the id",
        ),
        row(CVE, "OU_DEPTH_LIMIT_EXCEEDED", Class::NotDone, "the tree may not be deeper", "choose a higher parent"),
        row(
            CVE,
            "OU_NUMBER_LIMIT_EXCEEDED",
            Class::NotDone,
            "the organization may hold no more units",
            "delete unused ones, or ask AWS for more",
        ),
        CONSTRAINT,
    ],
    ..CHANGE
};

static DELETE_ORGANIZATIONAL_UNIT: Action = Action {
    name: "organizations:DeleteOrganizationalUnit",
    purpose: "Deletes an empty organizational unit.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteOrganizationalUnit.html",
    caller: Caller::Management,
    parameters: &[must("OrganizationalUnitId", Type::OuId, "the unit; nothing may be in it")],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead {
            id: "unit",
            action: "organizations:DescribeOrganizationalUnit",
            with: &[("OrganizationalUnitId", "${with.OrganizationalUnitId}")],
        }],
        done: "reads.unit.error == 'OrganizationalUnitNotFoundException'",
        not_done: "reads.unit.answer.OrganizationalUnit.Id != `null`",
        output: "`{}`",
    }],
    undo: Undo::NotNeeded("only an empty unit can be deleted; a new one of the same name has another id"),
    lost: "the unit's id, policies attached to it, its tags",
    errors: &[
        row(
            "OrganizationalUnitNotFoundException",
            "",
            Class::AlreadyDone,
            "there is no such unit",
            "nothing, if this run deleted it",
        ),
        row(
            "OrganizationalUnitNotEmptyException",
            "",
            Class::NotDone,
            "accounts or units are still in it",
            "move them out first",
        ),
    ],
    ..CHANGE
};

static TAG_RESOURCE: Action = Action {
    name: "organizations:TagResource",
    purpose: "Puts tags on an account, a unit, a root or a policy; a tag of the same key is overwritten.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_TagResource.html",
    caller: Caller::Management,
    parameters: &[
        must("ResourceId", Type::String, "account, organizational unit, root or policy"),
        must("Tags", Type::List(&Type::Record(TAG)), "up to five at once, so that the probe can tell"),
    ],
    probe: &[Side {
        name: "caller",
        reads: TAGS_NOW,
        done: "reads.tags.answer != `null` && length(with.Tags) <= `5` \
               && contains(reads.tags.answer.Tags, with.Tags[0]) \
               && (with.Tags[1] == `null` || contains(reads.tags.answer.Tags, with.Tags[1])) \
               && (with.Tags[2] == `null` || contains(reads.tags.answer.Tags, with.Tags[2])) \
               && (with.Tags[3] == `null` || contains(reads.tags.answer.Tags, with.Tags[3])) \
               && (with.Tags[4] == `null` || contains(reads.tags.answer.Tags, with.Tags[4]))",
        not_done: "reads.tags.answer != `null` && !contains(reads.tags.answer.Tags, with.Tags[0])",
        output: "`{}`",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "untag",
        action: "organizations:UntagResource",
        with: &[("ResourceId", "${with.ResourceId}"), ("TagKeys", "${with.Tags[].Key}")],
        done_if: &[],
    }]),
    lost: "the values that tags of the same keys had before (capture them, and write an undo of your own, if there are any)",
    errors: TAG_ERRORS,
    ..CHANGE
};

static UNTAG_RESOURCE: Action = Action {
    name: "organizations:UntagResource",
    purpose: "Takes tags off an account, a unit, a root or a policy.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_UntagResource.html",
    caller: Caller::Management,
    parameters: &[
        must("ResourceId", Type::String, "account, organizational unit, root or policy"),
        must("TagKeys", Type::List(&Type::String), "up to five at once, so that the probe can tell"),
    ],
    probe: &[Side {
        name: "caller",
        reads: TAGS_NOW,
        done: "reads.tags.answer != `null` && length(with.TagKeys) <= `5` \
               && !contains(reads.tags.answer.Tags[].Key, with.TagKeys[0]) \
               && !contains(reads.tags.answer.Tags[].Key, with.TagKeys[1]) \
               && !contains(reads.tags.answer.Tags[].Key, with.TagKeys[2]) \
               && !contains(reads.tags.answer.Tags[].Key, with.TagKeys[3]) \
               && !contains(reads.tags.answer.Tags[].Key, with.TagKeys[4])",
        not_done: "reads.tags.answer != `null` && contains(reads.tags.answer.Tags[].Key, with.TagKeys[0])",
        output: "`{}`",
    }],
    undo: Undo::Impossible(
        "the values are gone; a runbook that captured them (ListTagsForResource) puts them back with organizations:TagResource",
    ),
    lost: "the values of the tags",
    errors: &[NO_TARGET, TAG_POLICY, CONSTRAINT],
    ..CHANGE
};

const TAGS_NOW: &[ProbeRead] = &[ProbeRead {
    id: "tags",
    action: "organizations:ListTagsForResource",
    with: &[("ResourceId", "${with.ResourceId}")],
}];

const TAG_ERRORS: &[ErrorRow] = &[
    NO_TARGET,
    row(CVE, "MAX_TAG_LIMIT_EXCEEDED", Class::NotDone, "it may carry no more tags", "take some off first"),
    TAG_POLICY,
    CONSTRAINT,
];
const NO_TARGET: ErrorRow = row(
    "TargetNotFoundException",
    "",
    Class::NotDone,
    "there is no such account, unit, root or policy",
    "check the id",
);
const TAG_POLICY: ErrorRow = row(
    CVE,
    "TAG_POLICY_VIOLATION",
    Class::Refused,
    "a tag policy forbids these tags",
    "change the tags or the tag policy",
);
