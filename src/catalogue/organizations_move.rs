//! Actions that move accounts: invitations and what ends them, leaving, removing, placing.

use super::action::{Action, Caller, Class, ErrorRow, Hazard, ProbeRead, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::shapes::{CHANGE, HANDSHAKE, PARTY, TAG, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &INVITE_ACCOUNT_TO_ORGANIZATION,
    &ACCEPT_HANDSHAKE,
    &CANCEL_HANDSHAKE,
    &DECLINE_HANDSHAKE,
    &LEAVE_ORGANIZATION,
    &REMOVE_ACCOUNT_FROM_ORGANIZATION,
    &MOVE_ACCOUNT,
];

static INVITE_ACCOUNT_TO_ORGANIZATION: Action = Action {
    name: "organizations:InviteAccountToOrganization",
    purpose: "Invites an account to join the caller's organization; the invitation lives 15 days.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_InviteAccountToOrganization.html",
    caller: Caller::Management,
    parameters: &[
        must("Target", Type::Record(PARTY), "the account: by id, or by the root user's email address"),
        may("Notes", Type::String, "text in the email that AWS sends to the account's owner"),
        may("Tags", Type::List(&Type::Record(TAG)), "put on the account when it joins"),
    ],
    outputs: &[may("Handshake", Type::Record(HANDSHAKE), "the invitation")],
    probe: &[Side {
        name: "caller",
        // By its id where AWS's answer gave one: each such read costs the same, however many invitations are out. The
        // list is for an answer that was lost, and for callers who may list but not describe.
        reads: &[
            ProbeRead {
                id: "handshake",
                action: "organizations:DescribeHandshake",
                with: &[("HandshakeId", "${output.Handshake.Id}")],
            },
            ProbeRead {
                id: "handshakes",
                action: "organizations:ListHandshakesForOrganization",
                with: &[(
                    "Filter",
                    "${reads.handshake.answer.Handshake.Id == `null` && {ActionType: 'INVITE'} || `null`}",
                )],
            },
        ],
        done: "contains(['OPEN', 'REQUESTED', 'ACCEPTED'], reads.handshake.answer.Handshake.State) \
               || reads.handshakes.answer != `null` && contains(reads.handshakes.answer.Handshakes\
               [?State == 'OPEN' || State == 'REQUESTED'].Parties[].Id, with.Target.Id)",
        not_done: "reads.handshakes.answer != `null` && !contains(reads.handshakes.answer.Handshakes\
                   [?State == 'OPEN' || State == 'REQUESTED'].Parties[].Id, with.Target.Id)",
        output: "{Handshake: reads.handshake.answer.Handshake || find(reads.handshakes.answer.Handshakes\
                 [?State == 'OPEN' || State == 'REQUESTED'].{Target: (Parties[?Type != 'ORGANIZATION'].Id | [0]), \
                 Handshake: @}, 'Target', with.Target.Id).Handshake}",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "cancel",
        action: "organizations:CancelHandshake",
        with: &[("HandshakeId", "${output.Handshake.Id}")],
        done_if: &[
            "HandshakeAlreadyInStateException",
            "InvalidHandshakeTransitionException",
            "HandshakeNotFoundException",
        ],
    }]),
    errors: &[
        row(
            "DuplicateHandshakeException",
            "",
            Class::AlreadyDone,
            "an invitation to this account is already out",
            "use that one, or cancel it first",
        ),
        row(
            "AccountOwnerNotVerifiedException",
            "",
            Class::Human,
            "the management account's email address is not verified",
            "verify it in the console, then resume",
        ),
        row(
            HCV,
            "MANAGEMENT_ACCOUNT_EMAIL_NOT_VERIFIED",
            Class::Human,
            "the management account's email address is not verified",
            "verify it in the console, then resume",
        ),
        row(
            HCV,
            "ACCOUNT_NUMBER_LIMIT_EXCEEDED",
            Class::Human,
            "the organization may hold no more accounts (pending invitations and closed accounts count; a new organization that is still being set up answers the same)",
            "ask AWS for a higher quota, or wait an hour if the organization is new",
        ),
        row(
            HCV,
            "HANDSHAKE_RATE_LIMIT_EXCEEDED",
            Class::Wait,
            "too many invitations within 24 hours",
            "wait a day, then resume",
        ),
        row(
            HCV,
            "ALREADY_IN_AN_ORGANIZATION",
            Class::NotDone,
            "the account is in an organization from which it cannot be invited",
            "read where it is (DescribeAccount, DescribeOrganization)",
        ),
        row(
            HCV,
            "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES",
            Class::Wait,
            "the organization is turning on all features and sends no invitations meanwhile",
            "finish or cancel that, then resume",
        ),
        row(
            HCV,
            "ORGANIZATION_FROM_DIFFERENT_SELLER_OF_RECORD",
            Class::Refused,
            "the account is billed by another AWS company than the organization",
            "AWS Support must change the seller first",
        ),
        row(HCV, "PAYMENT_INSTRUMENT_REQUIRED", Class::Human, "a payment method is missing", PAYMENT),
        HANDSHAKE_RULE,
        CONSTRAINT,
    ],
    rate: Some((3.0, 5)),
    ..CHANGE
};

static ACCEPT_HANDSHAKE: Action = Action {
    name: "organizations:AcceptHandshake",
    purpose: "The invited account accepts: it leaves its organization, if any, and joins the inviting one.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_AcceptHandshake.html",
    caller: Caller::Member,
    parameters: &[must("HandshakeId", Type::HandshakeId, "the invitation")],
    outputs: &[may("Handshake", Type::Record(HANDSHAKE), "the invitation, now ACCEPTED")],
    hazards: &[Hazard::EndsIdentityCenterSession],
    probe: &[ACCEPTED_BY_MEMBER, ACCEPTED_AT_MANAGEMENT],
    undo: Undo::Impossible(
        "no call takes an acceptance back; the way back is an invitation from the old organization, accepted by the account, and its old place in the tree",
    ),
    lost: "its place in the old tree, policies and tags put on it there, Identity Center assignments, resources shared inside the old organization, sight of the old cost history",
    errors: &[
        row(
            "HandshakeAlreadyInStateException",
            "",
            Class::AlreadyDone,
            "the invitation is already accepted",
            "nothing, if this run accepted it",
        ),
        row(
            "HandshakeNotFoundException",
            "",
            Class::NotDone,
            "there is no such invitation for this account",
            "read the account's invitations; one ends after 15 days; a management account sees none",
        ),
        row(
            "InvalidHandshakeTransitionException",
            "",
            Class::NotDone,
            "the invitation is cancelled, declined or expired",
            "send a new one",
        ),
        row(
            "MasterCannotLeaveOrganizationException",
            "",
            Class::NotDone,
            "a management account cannot move",
            "empty and delete its organization first",
        ),
        row(
            "AccessDeniedForDependencyException",
            "",
            Class::Refused,
            "the caller may not create the service-linked role that joining needs",
            "allow iam:CreateServiceLinkedRole for organizations.amazonaws.com",
        ),
        row(
            HCV,
            "ALREADY_IN_AN_ORGANIZATION",
            Class::AlreadyDone,
            "the account is in an organization already: the inviting one, or one that it must leave first",
            "nothing, if this run accepted it; else read where it is (DescribeOrganization)",
        ),
        row(
            HCV,
            "ORGANIZATION_MEMBERSHIP_CHANGE_RATE_LIMIT_EXCEEDED",
            Class::Wait,
            "the account changed organizations too often lately",
            "wait (AWS publishes no figure), then resume",
        ),
        row(HCV, "PAYMENT_INSTRUMENT_REQUIRED", Class::Human, "a payment method is missing", PAYMENT),
        row(
            HCV,
            "ACCOUNT_NUMBER_LIMIT_EXCEEDED",
            Class::Human,
            "the inviting organization may hold no more accounts",
            "ask AWS for a higher quota",
        ),
        HANDSHAKE_RULE,
        TOO_YOUNG,
        DELEGATED,
        CONSTRAINT,
    ],
    rate: Some((1.0, 2)),
    ..CHANGE
};

/// The account itself: the organization that it is in is the one that invited it.
const ACCEPTED_BY_MEMBER: Side = Side {
    name: "member",
    reads: &[THE_HANDSHAKE, ProbeRead { id: "organization", action: "organizations:DescribeOrganization", with: &[] }],
    // Who lets another pay stays where they are: the invitation itself tells.
    done: "(reads.handshake.answer.Handshake.Action == 'TRANSFER_RESPONSIBILITY' \
           && reads.handshake.answer.Handshake.State == 'ACCEPTED') \
           || (reads.organization.answer.Organization.Id != `null` \
           && reads.organization.answer.Organization.Id \
           == (reads.handshake.answer.Handshake.Parties[?Type == 'ORGANIZATION'].Id | [0]))",
    not_done: "contains(['OPEN', 'REQUESTED', 'CANCELED', 'DECLINED', 'EXPIRED'], reads.handshake.answer.Handshake.State) \
               && (reads.organization.error == 'AWSOrganizationsNotInUseException' \
               || (reads.organization.answer.Organization.Id != `null` \
               && reads.organization.answer.Organization.Id \
               != (reads.handshake.answer.Handshake.Parties[?Type == 'ORGANIZATION'].Id | [0])))",
    output: "{Handshake: reads.handshake.answer.Handshake}",
};

/// The inviting management account: the invitation is accepted, or the account is there.
const ACCEPTED_AT_MANAGEMENT: Side = Side {
    name: "management",
    reads: &[
        THE_HANDSHAKE,
        ProbeRead {
            id: "account",
            action: "organizations:DescribeAccount",
            with: &[("AccountId", "${reads.handshake.answer.Handshake.Parties[?Type == 'ACCOUNT'].Id | [0]}")],
        },
    ],
    done: "reads.handshake.answer.Handshake.State == 'ACCEPTED' || reads.account.answer.Account.Id != `null`",
    not_done: "contains(['OPEN', 'REQUESTED', 'CANCELED', 'DECLINED', 'EXPIRED'], reads.handshake.answer.Handshake.State) \
               && reads.account.answer == `null` \
               && (reads.account.error == `null` || reads.account.error == 'AccountNotFoundException')",
    output: "{Handshake: reads.handshake.answer.Handshake}",
};

const THE_HANDSHAKE: ProbeRead = ProbeRead {
    id: "handshake",
    action: "organizations:DescribeHandshake",
    with: &[("HandshakeId", "${with.HandshakeId}")],
};

static CANCEL_HANDSHAKE: Action = Action {
    name: "organizations:CancelHandshake",
    purpose: "The inviting organization takes an invitation back.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CancelHandshake.html",
    caller: Caller::Management,
    parameters: &[must("HandshakeId", Type::HandshakeId, "the invitation")],
    outputs: &[may("Handshake", Type::Record(HANDSHAKE), "the invitation, now CANCELED")],
    probe: &[Side {
        name: "caller",
        reads: &[THE_HANDSHAKE],
        done: "reads.handshake.answer.Handshake.State == 'CANCELED'",
        not_done: "reads.handshake.answer.Handshake.State != `null` \
                   && reads.handshake.answer.Handshake.State != 'CANCELED'",
        output: "{Handshake: reads.handshake.answer.Handshake}",
    }],
    undo: Undo::NotNeeded("it ends an invitation; a new one can be sent, which counts against the daily quota"),
    errors: ENDS_HANDSHAKE,
    rate: Some((2.0, 3)),
    ..CHANGE
};

static DECLINE_HANDSHAKE: Action = Action {
    name: "organizations:DeclineHandshake",
    purpose: "The invited account turns an invitation down.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeclineHandshake.html",
    caller: Caller::Member,
    parameters: &[must("HandshakeId", Type::HandshakeId, "the invitation")],
    outputs: &[may("Handshake", Type::Record(HANDSHAKE), "the invitation, now DECLINED")],
    probe: &[Side {
        name: "caller",
        reads: &[THE_HANDSHAKE],
        done: "reads.handshake.answer.Handshake.State == 'DECLINED'",
        not_done: "reads.handshake.answer.Handshake.State != `null` \
                   && reads.handshake.answer.Handshake.State != 'DECLINED'",
        output: "{Handshake: reads.handshake.answer.Handshake}",
    }],
    undo: Undo::NotNeeded("it ends an invitation; the other organization can send a new one"),
    errors: ENDS_HANDSHAKE,
    rate: Some((1.0, 1)),
    ..CHANGE
};

const ENDS_HANDSHAKE: &[ErrorRow] = &[
    row(
        "HandshakeAlreadyInStateException",
        "",
        Class::AlreadyDone,
        "the invitation has already ended this way",
        "nothing, if this run ended it",
    ),
    row(
        "HandshakeNotFoundException",
        "",
        Class::NotDone,
        "there is no such invitation, or it ended more than 30 days ago",
        "check the id and the account",
    ),
    row(
        "InvalidHandshakeTransitionException",
        "",
        Class::NotDone,
        "the invitation has already ended in another way",
        "read its state (DescribeHandshake)",
    ),
];

static LEAVE_ORGANIZATION: Action = Action {
    name: "organizations:LeaveOrganization",
    purpose: "The account leaves its organization and stands alone, paying for itself.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_LeaveOrganization.html",
    caller: Caller::Member,
    hazards: &[Hazard::EndsIdentityCenterSession, Hazard::StrandsRoot],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead { id: "organization", action: "organizations:DescribeOrganization", with: &[] }],
        done: "reads.organization.error == 'AWSOrganizationsNotInUseException'",
        not_done: "reads.organization.answer.Organization.Id != `null`",
        output: "`{}`",
    }],
    undo: Undo::Impossible(LEFT),
    lost: LEFT_BEHIND,
    errors: &[
        row(
            "AWSOrganizationsNotInUseException",
            "",
            Class::AlreadyDone,
            "the account is in no organization",
            "nothing, if this run took it out",
        ),
        row(
            "AccountNotFoundException",
            "",
            Class::AlreadyDone,
            "the account is not in the organization",
            "nothing, if this run took it out",
        ),
        MASTER,
        NO_PAYMENT,
        BAD_PAYMENT,
        NO_EULA,
        NO_PHONE,
        TOO_YOUNG,
        DELEGATED,
        MAY_NOT_LEAVE,
        CONSTRAINT,
    ],
    rate: Some((1.0, 1)),
    ..CHANGE
};

static REMOVE_ACCOUNT_FROM_ORGANIZATION: Action = Action {
    name: "organizations:RemoveAccountFromOrganization",
    purpose: "The management account puts an account out of the organization; it stands alone, paying for itself.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_RemoveAccountFromOrganization.html",
    caller: Caller::Management,
    parameters: &[must("AccountId", Type::AccountId, "the account that goes")],
    hazards: &[Hazard::EndsIdentityCenterSession, Hazard::StrandsRoot],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead {
            id: "account",
            action: "organizations:DescribeAccount",
            with: &[("AccountId", "${with.AccountId}")],
        }],
        done: "reads.account.error == 'AccountNotFoundException'",
        not_done: "reads.account.answer.Account.Id != `null`",
        output: "`{}`",
    }],
    undo: Undo::Impossible(LEFT),
    lost: LEFT_BEHIND,
    errors: &[
        row(
            "AccountNotFoundException",
            "",
            Class::AlreadyDone,
            "the account is not in the organization",
            "nothing, if this run took it out",
        ),
        MASTER,
        NO_PAYMENT,
        BAD_PAYMENT,
        NO_EULA,
        NO_PHONE,
        TOO_YOUNG,
        DELEGATED,
        MAY_NOT_LEAVE,
        CONSTRAINT,
    ],
    rate: Some((2.0, 2)),
    ..CHANGE
};

static MOVE_ACCOUNT: Action = Action {
    name: "organizations:MoveAccount",
    purpose: "Moves an account to another place in its organization's tree.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_MoveAccount.html",
    caller: Caller::Management,
    parameters: &[
        must("AccountId", Type::AccountId, "the account"),
        must("SourceParentId", Type::ParentId, "where it is now"),
        must("DestinationParentId", Type::ParentId, "where it goes"),
    ],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead {
            id: "parents",
            action: "organizations:ListParents",
            with: &[("ChildId", "${with.AccountId}")],
        }],
        done: "reads.parents.answer != `null` && reads.parents.answer.Parents[0].Id == with.DestinationParentId",
        not_done: "reads.parents.answer != `null` && reads.parents.answer.Parents[0].Id == with.SourceParentId",
        output: "`{}`",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "move_back",
        action: "organizations:MoveAccount",
        with: &[
            ("AccountId", "${with.AccountId}"),
            ("SourceParentId", "${with.DestinationParentId}"),
            ("DestinationParentId", "${with.SourceParentId}"),
        ],
        done_if: &["DuplicateAccountException"],
    }]),
    errors: &[
        row(
            "DuplicateAccountException",
            "",
            Class::AlreadyDone,
            "the account is already there",
            "nothing, if this run put it there",
        ),
        row(
            "AccountNotFoundException",
            "",
            Class::NotDone,
            "the account is not in this organization",
            "check id and session",
        ),
        row(
            "SourceParentNotFoundException",
            "",
            Class::NotDone,
            "the account is not where the runbook says",
            "read its place (ListParents)",
        ),
        row(
            "DestinationParentNotFoundException",
            "",
            Class::NotDone,
            "there is no such root or organizational unit",
            "check the id",
        ),
        row(
            "InvalidInputException",
            "MOVING_ACCOUNT_BETWEEN_DIFFERENT_ROOTS",
            Class::NotDone,
            "source and destination are in different trees",
            "name two places of one organization",
        ),
    ],
    rate: Some((2.0, 3)),
    ..CHANGE
};

const HCV: &str = "HandshakeConstraintViolationException";
const CVE: &str = "ConstraintViolationException";
const PAYMENT: &str = "add a valid payment method in the console (Billing), then resume";
const LEFT: &str = "no call takes a departure back; the way back is an invitation from the organization, accepted by the account, and its old place in the tree";
const LEFT_BEHIND: &str = "its place in the tree, policies and tags put on it there, Identity Center assignments, resources shared inside the organization, sight of the cost history; it pays for itself meanwhile";

const HANDSHAKE_RULE: ErrorRow = row(
    HCV,
    "",
    Class::NotDone,
    "a rule for invitations forbids it; AWS's reason says which",
    "read the reason, correct, resume",
);
const CONSTRAINT: ErrorRow = row(
    CVE,
    "",
    Class::NotDone,
    "a limit or rule of the organization forbids it; AWS's reason says which",
    "read the reason, correct, resume",
);
const TOO_YOUNG: ErrorRow = row(
    CVE,
    "WAIT_PERIOD_ACTIVE",
    Class::Wait,
    "an account that was created in an organization must be four days old before it goes",
    "wait until four days after its JoinedTimestamp, then resume",
);
const DELEGATED: ErrorRow = row(
    CVE,
    "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
    Class::NotDone,
    "the account administers a service for the organization",
    "give that up first (organizations:DeregisterDelegatedAdministrator)",
);
const MASTER: ErrorRow = row(
    "MasterCannotLeaveOrganizationException",
    "",
    Class::NotDone,
    "a management account cannot leave its organization",
    "empty and delete the organization instead",
);
const NO_PAYMENT: ErrorRow = row(
    CVE,
    "MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED",
    Class::Human,
    "the account has no payment method of its own",
    PAYMENT,
);
const BAD_PAYMENT: ErrorRow =
    row(CVE, "INVALID_PAYMENT_INSTRUMENT", Class::Human, "the account's payment method is not valid", PAYMENT);
const NO_EULA: ErrorRow = row(
    CVE,
    "ACCOUNT_CANNOT_LEAVE_WITHOUT_EULA",
    Class::Human,
    "the AWS Customer Agreement is not accepted for this account",
    "accept it in the console as its root user, then resume",
);
const NO_PHONE: ErrorRow = row(
    CVE,
    "ACCOUNT_CANNOT_LEAVE_WITHOUT_PHONE_VERIFICATION",
    Class::Human,
    "the account's phone number is not verified",
    "verify it in the console as its root user, then resume",
);
const MAY_NOT_LEAVE: ErrorRow = row(
    CVE,
    "ACCOUNT_CANNOT_LEAVE_ORGANIZATION",
    Class::Human,
    "the account lacks what it needs to stand alone (contact, payment, phone, support plan)",
    "complete its sign-up in the console, then resume",
);
