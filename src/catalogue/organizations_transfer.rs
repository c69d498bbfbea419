//! Actions on transfers of billing responsibility: another management account pays, and nobody moves.

use super::action::{Action, Caller, Class, ErrorRow, Field, ProbeRead, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::shapes::{CHANGE, CONSTRAINT, CVE, HANDSHAKE, PARTY, READ, TAG, may, must};

pub(super) static ACTIONS: &[&Action] = &[
    &INVITE_ORGANIZATION_TO_TRANSFER_RESPONSIBILITY,
    &TERMINATE_RESPONSIBILITY_TRANSFER,
    &UPDATE_RESPONSIBILITY_TRANSFER,
    &DESCRIBE_RESPONSIBILITY_TRANSFER,
    &LIST_INBOUND_RESPONSIBILITY_TRANSFERS,
    &LIST_OUTBOUND_RESPONSIBILITY_TRANSFERS,
];

const HCV: &str = "HandshakeConstraintViolationException";
const PARTICIPANT: &[Field] = &[
    may("ManagementAccountId", Type::AccountId, "12 digits"),
    may("ManagementAccountEmail", Type::Email, "its root user's"),
];
const STATUS: &[&str] = &["REQUESTED", "DECLINED", "CANCELED", "EXPIRED", "ACCEPTED", "WITHDRAWN"];
const TRANSFER: &[Field] = &[
    may("Id", Type::String, "`rt-` and the rest"),
    may("Arn", Type::Arn, "names account, organization and direction"),
    may("Name", Type::String, "as who pays calls it"),
    may("Type", Type::Choice(&["BILLING"]), "what is transferred"),
    may("Status", Type::Choice(STATUS), "ACCEPTED: it is agreed"),
    may("Source", Type::Record(PARTICIPANT), "whose bills they are"),
    may("Target", Type::Record(PARTICIPANT), "who pays them"),
    may("StartTimestamp", Type::Time, "the beginning of a month (UTC)"),
    may("EndTimestamp", Type::Time, "the end of a month, once it is ended"),
    may("ActiveHandshakeId", Type::HandshakeId, "the invitation, as long as it can be accepted"),
];
const KIND: Field = must("Type", Type::Choice(&["BILLING"]), "what is transferred");
const THE_ID: Field = must("Id", Type::String, "`rt-` and the rest");
const ONE: &[Field] = &[may("ResponsibilityTransfer", Type::Record(TRANSFER), "the transfer")];
const ALL: &[Field] = &[may("ResponsibilityTransfers", Type::List(&Type::Record(TRANSFER)), "all of them")];
const NONE: ErrorRow = row(
    "ResponsibilityTransferNotFoundException",
    "",
    Class::NotDone,
    "there is no such transfer",
    "check the id and the session",
);

static INVITE_ORGANIZATION_TO_TRANSFER_RESPONSIBILITY: Action = Action {
    name: "organizations:InviteOrganizationToTransferResponsibility",
    purpose: "Asks another organization to let the caller's pay its bills from a month on; its management account accepts with AcceptHandshake.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_InviteOrganizationToTransferResponsibility.html",
    caller: Caller::Management,
    parameters: &[
        KIND,
        must("Target", Type::Record(PARTY), "the other management account: by id or by email address"),
        must("StartTimestamp", Type::Time, "00:00 UTC on the first of a month, a day away at least"),
        must("SourceName", Type::String, "what the caller will call it"),
        may("Notes", Type::String, "text in the email that AWS sends"),
        may("Tags", Type::List(&Type::Record(TAG)), "put on the transfer"),
    ],
    outputs: &[may("Handshake", Type::Record(HANDSHAKE), "the invitation")],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead {
            id: "handshakes",
            action: "organizations:ListHandshakesForOrganization",
            with: &[("Filter", "${{ActionType: 'TRANSFER_RESPONSIBILITY'}}")],
        }],
        done: "reads.handshakes.answer != `null` && contains(reads.handshakes.answer.Handshakes\
               [?State == 'OPEN' || State == 'REQUESTED'].Parties[].Id, with.Target.Id)",
        not_done: "reads.handshakes.answer != `null` && !contains(reads.handshakes.answer.Handshakes\
                   [?State == 'OPEN' || State == 'REQUESTED'].Parties[].Id, with.Target.Id)",
        output: "{Handshake: find(reads.handshakes.answer.Handshakes[?State == 'OPEN' || State == 'REQUESTED']\
                 .{Target: (Parties[?Type != 'ORGANIZATION'].Id | [0]), Handshake: @}, 'Target', with.Target.Id).Handshake}",
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
    errors: INVITE_ERRORS,
    ..CHANGE
};

const INVITE_ERRORS: &[ErrorRow] = &[
    row(
        "DuplicateHandshakeException",
        "",
        Class::AlreadyDone,
        "such an invitation is already out",
        "use that one, or cancel it first",
    ),
    row(
        HCV,
        "RESPONSIBILITY_TRANSFER_ALREADY_EXISTS",
        Class::NotDone,
        "the bills of that organization are transferred already",
        "end that transfer first",
    ),
    row(HCV, "PAST_DUE_INVOICE", Class::Human, "an invoice is past due", "pay it, then resume"),
    row(
        HCV,
        "UNUSED_PREPAYMENT_BALANCE",
        Class::Human,
        "a prepaid balance is left",
        "use it up or have AWS Support settle it, then resume",
    ),
    row(
        HCV,
        "LEGACY_PERMISSIONS_STILL_IN_USE",
        Class::Human,
        "policies still use retired billing permissions",
        "replace them, then resume",
    ),
    row(
        HCV,
        "TARGET_ACCOUNT_VALIDATION_FAILURE",
        Class::NotDone,
        "the target cannot take part: it manages no organization, or AWS does not allow it",
        "name a management account",
    ),
    row(
        HCV,
        "SOURCE_AND_TARGET_CANNOT_MATCH",
        Class::NotDone,
        "both sides are the same organization",
        "name the other organization's management account",
    ),
    row(
        CVE,
        "UNSUPPORTED_PRICING",
        Class::Refused,
        "one side has prices that cannot be transferred",
        "ask AWS about the contract",
    ),
    row(
        CVE,
        "UNMET_BILLING_PREREQUISITE",
        Class::Human,
        "billing lacks something that a transfer needs",
        "read AWS's message, settle it in the console, then resume",
    ),
    row(
        "InvalidInputException",
        "START_DATE_NOT_BEGINNING_OF_MONTH",
        Class::NotDone,
        "a transfer begins with a month",
        "name 00:00 UTC on the first of a month",
    ),
    row(
        "InvalidInputException",
        "START_DATE_TOO_EARLY",
        Class::NotDone,
        "it must be accepted a day before it begins",
        "name a later month",
    ),
    row(
        HCV,
        "",
        Class::NotDone,
        "a rule for transfers forbids it; AWS's reason says which",
        "read the reason, correct, resume",
    ),
    CONSTRAINT,
];

static TERMINATE_RESPONSIBILITY_TRANSFER: Action = Action {
    name: "organizations:TerminateResponsibilityTransfer",
    purpose: "Ends a transfer at the end of a month: from then on the source pays for itself.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_TerminateResponsibilityTransfer.html",
    caller: Caller::Management,
    parameters: &[
        THE_ID,
        may("EndTimestamp", Type::Time, "the last second of a month; this month unless said otherwise"),
    ],
    outputs: ONE,
    probe: &[Side {
        name: "caller",
        reads: THE_TRANSFER,
        done: "reads.transfer.answer.ResponsibilityTransfer.EndTimestamp != `null`",
        not_done: "reads.transfer.answer.ResponsibilityTransfer.Id != `null` \
                   && reads.transfer.answer.ResponsibilityTransfer.EndTimestamp == `null`",
        output: "{ResponsibilityTransfer: reads.transfer.answer.ResponsibilityTransfer}",
    }],
    undo: Undo::Impossible(
        "an ended transfer does not come back: a new one is asked for, and accepted, for a later month",
    ),
    lost: "the months until a new transfer begins",
    errors: &[
        row(
            "ResponsibilityTransferAlreadyInStatusException",
            "",
            Class::AlreadyDone,
            "the transfer is ended already",
            "nothing, if this run ended it",
        ),
        row(
            "InvalidResponsibilityTransferTransitionException",
            "",
            Class::NotDone,
            "only an accepted transfer can be ended",
            "cancel or decline its invitation instead",
        ),
        NONE,
        CONSTRAINT,
    ],
    ..CHANGE
};

static UPDATE_RESPONSIBILITY_TRANSFER: Action = Action {
    name: "organizations:UpdateResponsibilityTransfer",
    purpose: "Gives a transfer another name.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdateResponsibilityTransfer.html",
    caller: Caller::Management,
    parameters: &[THE_ID, must("Name", Type::String, "the new name")],
    outputs: ONE,
    probe: &[Side {
        name: "caller",
        reads: THE_TRANSFER,
        done: "reads.transfer.answer != `null` && reads.transfer.answer.ResponsibilityTransfer.Name == with.Name",
        not_done: "reads.transfer.answer != `null` && reads.transfer.answer.ResponsibilityTransfer.Name != with.Name",
        output: "{ResponsibilityTransfer: reads.transfer.answer.ResponsibilityTransfer}",
    }],
    undo: Undo::NotNeeded("a name binds nobody; the old one can be given again"),
    errors: &[
        NONE,
        row(
            CVE,
            "TRANSFER_RESPONSIBILITY_UPDATE_NOT_ALLOWED",
            Class::Refused,
            "only who pays may rename the transfer",
            "use a session of the management account that pays",
        ),
        CONSTRAINT,
    ],
    ..CHANGE
};

static DESCRIBE_RESPONSIBILITY_TRANSFER: Action = Action {
    name: "organizations:DescribeResponsibilityTransfer",
    purpose: "Tells about a transfer, to either of its sides.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeResponsibilityTransfer.html",
    caller: Caller::Management,
    parameters: &[THE_ID],
    outputs: ONE,
    errors: &[NONE],
    ..READ
};

static LIST_INBOUND_RESPONSIBILITY_TRANSFERS: Action = Action {
    name: "organizations:ListInboundResponsibilityTransfers",
    purpose: "Lists the transfers by which the caller pays for others.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListInboundResponsibilityTransfers.html",
    caller: Caller::Management,
    parameters: &[KIND, may("Id", Type::String, "only this one")],
    outputs: ALL,
    errors: &[NONE, CONSTRAINT],
    pages: Some("ResponsibilityTransfers"),
    ..READ
};

static LIST_OUTBOUND_RESPONSIBILITY_TRANSFERS: Action = Action {
    name: "organizations:ListOutboundResponsibilityTransfers",
    purpose: "Lists the transfers by which others pay for the caller; one that is under way keeps an organization from being deleted.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListOutboundResponsibilityTransfers.html",
    caller: Caller::Management,
    parameters: &[KIND],
    outputs: ALL,
    errors: &[CONSTRAINT],
    pages: Some("ResponsibilityTransfers"),
    ..READ
};

const THE_TRANSFER: &[ProbeRead] = &[ProbeRead {
    id: "transfer",
    action: "organizations:DescribeResponsibilityTransfer",
    with: &[("Id", "${with.Id}")],
}];
