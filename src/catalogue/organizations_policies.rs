//! Actions on organization policies: kinds, policies, and where they are attached.

use super::action::{Action, Caller, Class, ErrorRow, Field, ProbeRead, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::shapes::{CHANGE, CONSTRAINT, CVE, POLICY, POLICY_TYPES, READ, ROOT, TAG, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &ENABLE_POLICY_TYPE,
    &DISABLE_POLICY_TYPE,
    &CREATE_POLICY,
    &UPDATE_POLICY,
    &DELETE_POLICY,
    &ATTACH_POLICY,
    &DETACH_POLICY,
    &DESCRIBE_POLICY,
    &LIST_POLICIES,
    &LIST_TARGETS_FOR_POLICY,
    &DESCRIBE_EFFECTIVE_POLICY,
];

const WHOLE: &[Field] = &[
    may("PolicySummary", Type::Record(POLICY), "all but its content"),
    may("Content", Type::Document, "what it says, as JSON text"),
];
const THE_ID: Field = must("PolicyId", Type::PolicyId, "the policy");
const KIND: Field = must("PolicyType", Type::Choice(POLICY_TYPES), "kind of policy");
const AND_TARGET: &[Field] = &[THE_ID, must("TargetId", Type::String, "account, organizational unit or root")];
const AND_ROOT: &[Field] = &[must("RootId", Type::RootId, "the organization's root"), KIND];

const NO_POLICY: ErrorRow =
    row("PolicyNotFoundException", "", Class::NotDone, "there is no such policy", "check the id and the session");
const MALFORMED: ErrorRow = row(
    "MalformedPolicyDocumentException",
    "",
    Class::NotDone,
    "the policy's content cannot be read",
    "correct it in the runbook",
);
const TOO_LONG: ErrorRow = row(
    CVE,
    "POLICY_CONTENT_LIMIT_EXCEEDED",
    Class::NotDone,
    "the policy is too long",
    "make it shorter, or two of it",
);
const NO_TARGET: ErrorRow =
    row("TargetNotFoundException", "", Class::NotDone, "there is no such account, unit or root", "check the id");
const NO_ROOT: ErrorRow =
    row("RootNotFoundException", "", Class::NotDone, "there is no such root", "read it (ListRoots)");
const NOT_ALL: ErrorRow = row(
    "PolicyTypeNotAvailableForOrganizationException",
    "",
    Class::NotDone,
    "the organization has consolidated billing only",
    "enable all features first",
);
const NOT_ENABLED: ErrorRow = row(
    "PolicyTypeNotEnabledException",
    "",
    Class::NotDone,
    "this kind of policy is not enabled in the root",
    "enable it first (organizations:EnablePolicyType)",
);

static ENABLE_POLICY_TYPE: Action = Action {
    name: "organizations:EnablePolicyType",
    purpose: "Lets one kind of policy be used in the organization; it is in force a little later.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnablePolicyType.html",
    caller: Caller::Management,
    parameters: AND_ROOT,
    outputs: &[may("Root", Type::Record(ROOT), "the root, with its kinds of policies")],
    probe: &[Side { name: "caller", reads: ROOTS_NOW, done: ENABLED, not_done: DISABLED, output: THE_ROOT }],
    undo: Undo::Usual(&[UndoStep {
        id: "disable",
        action: "organizations:DisablePolicyType",
        with: &[("RootId", "${with.RootId}"), ("PolicyType", "${with.PolicyType}")],
        done_if: &["PolicyTypeNotEnabledException"],
    }]),
    errors: &[
        row(
            "PolicyTypeAlreadyEnabledException",
            "",
            Class::AlreadyDone,
            "this kind of policy is enabled already",
            "nothing, if this run enabled it",
        ),
        row(
            CVE,
            "SERVICE_ACCESS_NOT_ENABLED",
            Class::NotDone,
            "the service of this kind of policy has no trusted access",
            "do organizations:EnableAWSServiceAccess for it first",
        ),
        NOT_ALL,
        NO_ROOT,
        CONSTRAINT,
    ],
    rate: Some((1.0, 1)),
    ..CHANGE
};

static DISABLE_POLICY_TYPE: Action = Action {
    name: "organizations:DisablePolicyType",
    purpose: "Ends the use of one kind of policy: all policies of that kind are detached everywhere.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DisablePolicyType.html",
    caller: Caller::Management,
    parameters: AND_ROOT,
    outputs: &[may("Root", Type::Record(ROOT), "the root, with its kinds of policies")],
    probe: &[Side { name: "caller", reads: ROOTS_NOW, done: DISABLED, not_done: ENABLED, output: THE_ROOT }],
    undo: Undo::Impossible(
        "enabling it again brings no attachment back; a runbook that captured them (ListTargetsForPolicy) attaches the policies again",
    ),
    lost: "every attachment of policies of this kind",
    errors: &[
        row(
            "PolicyTypeNotEnabledException",
            "",
            Class::AlreadyDone,
            "this kind of policy is not enabled",
            "nothing, if this run disabled it",
        ),
        NO_ROOT,
        CONSTRAINT,
    ],
    rate: Some((1.0, 1)),
    ..CHANGE
};

static CREATE_POLICY: Action = Action {
    name: "organizations:CreatePolicy",
    purpose: "Writes a policy of the organization, attached to nothing yet.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html",
    caller: Caller::Management,
    parameters: &[
        must("Name", Type::String, "unique for its kind"),
        must("Type", Type::Choice(POLICY_TYPES), "its kind"),
        must("Content", Type::Document, "what it says"),
        must("Description", Type::String, "for people; may be empty"),
        may("Tags", Type::List(&Type::Record(TAG)), "put on the policy"),
    ],
    outputs: &[may("Policy", Type::Record(WHOLE), "the new policy")],
    probe: &[Side {
        name: "caller",
        reads: &[
            ProbeRead { id: "policies", action: "organizations:ListPolicies", with: &[("Filter", "${with.Type}")] },
            ProbeRead {
                id: "policy",
                action: "organizations:DescribePolicy",
                with: &[("PolicyId", "${find(reads.policies.answer.Policies || `[]`, 'Name', with.Name).Id}")],
            },
        ],
        done: "reads.policies.answer != `null` && contains(reads.policies.answer.Policies[].Name, with.Name) \
               && reads.policy.answer != `null` \
               && document(reads.policy.answer.Policy.Content) == document(with.Content)",
        not_done: "reads.policies.answer != `null` && !contains(reads.policies.answer.Policies[].Name, with.Name)",
        output: "{Policy: reads.policy.answer.Policy}",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "organizations:DeletePolicy",
        with: &[("PolicyId", "${output.Policy.PolicySummary.Id}")],
        done_if: &["PolicyNotFoundException"],
    }]),
    errors: &[
        row(
            "DuplicatePolicyException",
            "",
            Class::AlreadyDone,
            "a policy of that kind and name is already there",
            "nothing, if this run wrote it; else choose another name",
        ),
        row(
            CVE,
            "POLICY_NUMBER_LIMIT_EXCEEDED",
            Class::NotDone,
            "the organization may have no more policies of that kind",
            "delete one that nobody needs",
        ),
        MALFORMED,
        TOO_LONG,
        NOT_ALL,
        CONSTRAINT,
    ],
    rate: Some((2.0, 3)),
    ..CHANGE
};

static UPDATE_POLICY: Action = Action {
    name: "organizations:UpdatePolicy",
    purpose: "Changes name, description or content of a policy, wherever it is attached.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdatePolicy.html",
    caller: Caller::Management,
    parameters: &[
        THE_ID,
        may("Name", Type::String, "unchanged unless said otherwise"),
        may("Description", Type::String, "unchanged unless said otherwise"),
        may("Content", Type::Document, "unchanged unless said otherwise; else the new one, whole"),
    ],
    outputs: &[may("Policy", Type::Record(WHOLE), "the policy as it is now")],
    probe: &[Side {
        name: "caller",
        reads: THE_POLICY,
        done: "reads.policy.answer != `null` \
               && (with.Name == `null` || reads.policy.answer.Policy.PolicySummary.Name == with.Name) \
               && (with.Description == `null` \
               || reads.policy.answer.Policy.PolicySummary.Description == with.Description) \
               && (with.Content == `null` \
               || document(reads.policy.answer.Policy.Content) == document(with.Content))",
        not_done: "reads.policy.answer != `null` \
                   && ((with.Name != `null` && reads.policy.answer.Policy.PolicySummary.Name != with.Name) \
                   || (with.Description != `null` \
                   && reads.policy.answer.Policy.PolicySummary.Description != with.Description) \
                   || (with.Content != `null` \
                   && document(reads.policy.answer.Policy.Content) != document(with.Content)))",
        output: "{Policy: reads.policy.answer.Policy}",
    }],
    undo: Undo::Impossible(
        "the old text is not in AWS's answer; a runbook that captured it (DescribePolicy) puts it back with organizations:UpdatePolicy",
    ),
    errors: &[
        NO_POLICY,
        MALFORMED,
        TOO_LONG,
        row(
            "DuplicatePolicyException",
            "",
            Class::NotDone,
            "another policy of that kind has this name",
            "choose another name",
        ),
        row(
            "InvalidInputException",
            "IMMUTABLE_POLICY",
            Class::Refused,
            "AWS wrote this policy and alone changes it",
            "write one of your own",
        ),
        CONSTRAINT,
    ],
    rate: Some((2.0, 3)),
    ..CHANGE
};

static DELETE_POLICY: Action = Action {
    name: "organizations:DeletePolicy",
    purpose: "Deletes a policy that is attached to nothing.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeletePolicy.html",
    caller: Caller::Management,
    parameters: &[THE_ID],
    probe: &[Side {
        name: "caller",
        reads: THE_POLICY,
        done: "reads.policy.error == 'PolicyNotFoundException'",
        not_done: "reads.policy.answer.Policy.PolicySummary.Id != `null`",
        output: "`{}`",
    }],
    undo: Undo::NotNeeded(
        "only a policy that is attached to nothing can go; a new one of the same text has another id",
    ),
    lost: "the policy's id, text and tags (capture it with DescribePolicy)",
    errors: &[
        row(
            "PolicyNotFoundException",
            "",
            Class::AlreadyDone,
            "there is no such policy",
            "nothing, if this run deleted it",
        ),
        row(
            "PolicyInUseException",
            "",
            Class::NotDone,
            "it is still attached somewhere",
            "detach it first (ListTargetsForPolicy)",
        ),
        row("InvalidInputException", "IMMUTABLE_POLICY", Class::Refused, "AWS wrote this policy", "leave it alone"),
    ],
    rate: Some((2.0, 3)),
    ..CHANGE
};

static ATTACH_POLICY: Action = Action {
    name: "organizations:AttachPolicy",
    purpose: "Puts a policy in force for an account, or for all accounts below a unit or the root.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html",
    caller: Caller::Management,
    parameters: AND_TARGET,
    probe: &[Side { name: "caller", reads: TARGETS_NOW, done: ATTACHED, not_done: DETACHED, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "detach",
        action: "organizations:DetachPolicy",
        with: &[("PolicyId", "${with.PolicyId}"), ("TargetId", "${with.TargetId}")],
        done_if: &["PolicyNotAttachedException"],
    }]),
    errors: &[
        row(
            "DuplicatePolicyAttachmentException",
            "",
            Class::AlreadyDone,
            "the policy is attached there already",
            "nothing, if this run attached it",
        ),
        row(
            CVE,
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            Class::NotDone,
            "the target may have no more policies of that kind",
            "detach one, or put two into one",
        ),
        NO_POLICY,
        NO_TARGET,
        NOT_ENABLED,
        CONSTRAINT,
    ],
    rate: Some((2.0, 3)),
    ..CHANGE
};

static DETACH_POLICY: Action = Action {
    name: "organizations:DetachPolicy",
    purpose: "Takes a policy from an account, a unit or the root.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DetachPolicy.html",
    caller: Caller::Management,
    parameters: AND_TARGET,
    probe: &[Side { name: "caller", reads: TARGETS_NOW, done: DETACHED, not_done: ATTACHED, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "attach",
        action: "organizations:AttachPolicy",
        with: &[("PolicyId", "${with.PolicyId}"), ("TargetId", "${with.TargetId}")],
        done_if: &["DuplicatePolicyAttachmentException"],
    }]),
    errors: &[
        row(
            "PolicyNotAttachedException",
            "",
            Class::AlreadyDone,
            "the policy is not attached there",
            "nothing, if this run detached it",
        ),
        row(
            CVE,
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            Class::NotDone,
            "the target needs one service control policy at least",
            "attach another one first",
        ),
        NO_POLICY,
        NO_TARGET,
        CONSTRAINT,
    ],
    rate: Some((2.0, 3)),
    ..CHANGE
};

static DESCRIBE_POLICY: Action = Action {
    name: "organizations:DescribePolicy",
    purpose: "Gives a policy with its content.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribePolicy.html",
    caller: Caller::Management,
    parameters: &[THE_ID],
    outputs: &[may("Policy", Type::Record(WHOLE), "the policy")],
    errors: &[NO_POLICY],
    ..READ
};

static LIST_POLICIES: Action = Action {
    name: "organizations:ListPolicies",
    purpose: "Lists the policies of one kind, without their content.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPolicies.html",
    caller: Caller::Management,
    parameters: &[must("Filter", Type::Choice(POLICY_TYPES), "which kind")],
    outputs: &[may("Policies", Type::List(&Type::Record(POLICY)), "all of them")],
    pages: Some("Policies"),
    ..READ
};

const TARGET: &[Field] = &[
    may("TargetId", Type::String, "account, organizational unit or root"),
    may("Arn", Type::Arn, "names the organization"),
    may("Name", Type::String, "its name"),
    may("Type", Type::Choice(&["ACCOUNT", "ORGANIZATIONAL_UNIT", "ROOT"]), "which of the three"),
];

static LIST_TARGETS_FOR_POLICY: Action = Action {
    name: "organizations:ListTargetsForPolicy",
    purpose: "Lists where a policy is attached.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListTargetsForPolicy.html",
    caller: Caller::Management,
    parameters: &[THE_ID],
    outputs: &[may("Targets", Type::List(&Type::Record(TARGET)), "all of them")],
    errors: &[NO_POLICY],
    pages: Some("Targets"),
    ..READ
};

const EFFECTIVE: &[Field] = &[
    may("PolicyContent", Type::Document, "what is in force, as JSON text"),
    may("LastUpdatedTimestamp", Type::Time, "since when"),
    may("TargetId", Type::String, "for whom"),
    may("PolicyType", Type::String, "its kind"),
];

static DESCRIBE_EFFECTIVE_POLICY: Action = Action {
    name: "organizations:DescribeEffectivePolicy",
    purpose: "Gives what all policies of one kind come to for an account (not for service control policies).",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeEffectivePolicy.html",
    parameters: &[KIND, may("TargetId", Type::String, "the caller's account unless said otherwise")],
    outputs: &[may("EffectivePolicy", Type::Record(EFFECTIVE), "what is in force")],
    errors: &[
        row(
            "EffectivePolicyNotFoundException",
            "",
            Class::NotDone,
            "no policy of that kind is in force there",
            "nothing",
        ),
        NO_TARGET,
        CONSTRAINT,
    ],
    ..READ
};

const ROOTS_NOW: &[ProbeRead] = &[ProbeRead { id: "roots", action: "organizations:ListRoots", with: &[] }];
const THE_ROOT: &str = "{Root: reads.roots.answer.Roots[0]}";
const ENABLED: &str = "reads.roots.answer != `null` \
    && contains(reads.roots.answer.Roots[].PolicyTypes[].Type, with.PolicyType)";
const DISABLED: &str = "reads.roots.answer != `null` \
    && !contains(reads.roots.answer.Roots[].PolicyTypes[].Type, with.PolicyType)";
const THE_POLICY: &[ProbeRead] =
    &[ProbeRead { id: "policy", action: "organizations:DescribePolicy", with: &[("PolicyId", "${with.PolicyId}")] }];
const TARGETS_NOW: &[ProbeRead] = &[ProbeRead {
    id: "targets",
    action: "organizations:ListTargetsForPolicy",
    with: &[("PolicyId", "${with.PolicyId}")],
}];
const ATTACHED: &str =
    "reads.targets.answer != `null` && contains(reads.targets.answer.Targets[].TargetId, with.TargetId)";
const DETACHED: &str =
    "reads.targets.answer != `null` && !contains(reads.targets.answer.Targets[].TargetId, with.TargetId)";
