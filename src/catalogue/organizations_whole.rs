//! Actions on a whole organization, and the making of accounts.

use super::action::{Action, Caller, Class, Hazard, ProbeRead, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::shapes::{CHANGE, CONSTRAINT, CREATE_ACCOUNT_STATUS, CVE, HANDSHAKE, ORGANIZATION, TAG, may, must};

pub(super) static ACTIONS: &[&Action] =
    &[&CREATE_ORGANIZATION, &DELETE_ORGANIZATION, &ENABLE_ALL_FEATURES, &CREATE_ACCOUNT, &CLOSE_ACCOUNT];

static CLOSE_ACCOUNT: Action = Action {
    name: "organizations:CloseAccount",
    purpose: "Closes a member account: everything in it stops, and after 90 days it is gone.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CloseAccount.html",
    caller: Caller::Management,
    parameters: &[must("AccountId", Type::AccountId, "the member account")],
    hazards: &[Hazard::ClosesAccount],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead {
            id: "account",
            action: "organizations:DescribeAccount",
            with: &[("AccountId", "${with.AccountId}")],
        }],
        done: "contains(['PENDING_CLOSURE', 'SUSPENDED', 'CLOSED'], reads.account.answer.Account.State || '')",
        not_done: "contains(['ACTIVE', 'PENDING_ACTIVATION'], reads.account.answer.Account.State || '')",
        output: "`{}`",
    }],
    undo: Undo::Impossible(
        "no call opens a closed account; within 90 days AWS Support may, if its owner asks from the closed account itself",
    ),
    lost: "everything in the account, and its email address, for any other AWS account",
    errors: &[
        row(
            "AccountAlreadyClosedException",
            "",
            Class::AlreadyDone,
            "the account is closed, or being closed",
            "nothing, if this run closed it",
        ),
        row(
            "AccountNotFoundException",
            "",
            Class::NotDone,
            "the account is not in this organization",
            "check id and session",
        ),
        row(
            "ConflictException",
            "",
            Class::Retry,
            "the account is just being changed by another request",
            "nothing: it is tried again after a pause",
        ),
        row(
            CVE,
            "CANNOT_CLOSE_MANAGEMENT_ACCOUNT",
            Class::Refused,
            "a management account cannot be closed by this call",
            "delete its organization first, then close it as its root user",
        ),
        row(
            CVE,
            "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED",
            Class::Retry,
            "three accounts are being closed already",
            "nothing: it is tried again after a pause",
        ),
        row(
            CVE,
            "CLOSE_ACCOUNT_QUOTA_EXCEEDED",
            Class::Wait,
            "as many accounts were closed within 30 days as the organization may close",
            "wait until the oldest of them is 30 days back, then resume",
        ),
        CONSTRAINT,
    ],
    rate: Some((0.05, 1)),
    ..CHANGE
};

static ENABLE_ALL_FEATURES: Action = Action {
    name: "organizations:EnableAllFeatures",
    purpose: "Turns an organization with consolidated billing into one with all features; invited accounts must agree, within 90 days.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAllFeatures.html",
    caller: Caller::Management,
    outputs: &[may("Handshake", Type::Record(HANDSHAKE), "what is to be agreed on")],
    probe: &[Side {
        name: "caller",
        reads: &[
            ProbeRead { id: "organization", action: "organizations:DescribeOrganization", with: &[] },
            ProbeRead {
                id: "handshakes",
                action: "organizations:ListHandshakesForOrganization",
                with: &[("Filter", "${{ActionType: 'ENABLE_ALL_FEATURES'}}")],
            },
        ],
        done: "reads.organization.answer != `null` && reads.handshakes.answer != `null` \
               && (reads.organization.answer.Organization.FeatureSet == 'ALL' \
               || length(reads.handshakes.answer.Handshakes[?State == 'OPEN' || State == 'REQUESTED']) > `0`)",
        not_done: "reads.organization.answer != `null` && reads.handshakes.answer != `null` \
                   && reads.organization.answer.Organization.FeatureSet == 'CONSOLIDATED_BILLING' \
                   && length(reads.handshakes.answer.Handshakes[?State == 'OPEN' || State == 'REQUESTED']) == `0`",
        output: "{Handshake: reads.handshakes.answer.Handshakes[-1]}",
    }],
    undo: Undo::Impossible("an organization with all features never goes back to consolidated billing alone"),
    lost: "invitations: none can be sent while it is under way",
    errors: &[
        row(
            "HandshakeConstraintViolationException",
            "ORGANIZATION_ALREADY_HAS_ALL_FEATURES",
            Class::AlreadyDone,
            "the organization has all features",
            "nothing",
        ),
        row(
            "HandshakeConstraintViolationException",
            "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION",
            Class::AlreadyDone,
            "it is under way",
            "nothing, if this run began it; wait until all accounts have agreed",
        ),
        row(
            CVE,
            "ALL_FEATURES_MIGRATION_ORGANIZATION_SIZE_LIMIT_EXCEEDED",
            Class::Human,
            "the organization is too large for it",
            "ask AWS Support",
        ),
        CONSTRAINT,
    ],
    ..CHANGE
};

static CREATE_ORGANIZATION: Action = Action {
    name: "organizations:CreateOrganization",
    purpose: "Makes an organization with the caller's account as its management account.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganization.html",
    caller: Caller::Member,
    parameters: &[may("FeatureSet", Type::Choice(&["ALL", "CONSOLIDATED_BILLING"]), "ALL unless said otherwise")],
    outputs: &[may("Organization", Type::Record(ORGANIZATION), "the new organization")],
    hazards: &[Hazard::EndsIdentityCenterSession],
    probe: &[Side {
        name: "caller",
        reads: &[
            ProbeRead { id: "organization", action: "organizations:DescribeOrganization", with: &[] },
            ProbeRead { id: "identity", action: "sts:GetCallerIdentity", with: &[] },
        ],
        done: "reads.identity.answer.Account != `null` \
               && reads.organization.answer.Organization.MasterAccountId == reads.identity.answer.Account",
        not_done: "reads.organization.error == 'AWSOrganizationsNotInUseException'",
        output: "{Organization: reads.organization.answer.Organization}",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "delete",
        action: "organizations:DeleteOrganization",
        with: &[],
        done_if: &["AWSOrganizationsNotInUseException"],
    }]),
    lost: "an Identity Center session that is left over from an earlier organization",
    errors: &[
        row(
            "AlreadyInOrganizationException",
            "",
            Class::AlreadyDone,
            "the account is in an organization",
            "read which one, and whether this account manages it (DescribeOrganization)",
        ),
        row(
            "AccessDeniedForDependencyException",
            "",
            Class::Refused,
            "the caller may not create the service-linked role that an organization needs",
            "allow iam:CreateServiceLinkedRole for organizations.amazonaws.com",
        ),
        row(
            CVE,
            "MASTER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED",
            Class::Human,
            "the account has no payment method",
            "add one in the console (Billing), then resume",
        ),
        row(
            CVE,
            "INVALID_PAYMENT_INSTRUMENT",
            Class::Human,
            "the payment method is not valid",
            "correct it in the console, then resume",
        ),
        row(
            CVE,
            "MASTER_ACCOUNT_MISSING_CONTACT_INFO",
            Class::Human,
            "the account's contact information is incomplete",
            "complete it in the console, then resume",
        ),
        row(
            CVE,
            "ACCOUNT_CREATION_NOT_COMPLETE",
            Class::Human,
            "the account's sign-up is not complete",
            "complete it in the console, then resume",
        ),
        CONSTRAINT,
    ],
    rate: Some((1.0, 1)),
    ..CHANGE
};

static DELETE_ORGANIZATION: Action = Action {
    name: "organizations:DeleteOrganization",
    purpose: "Deletes the caller's organization, which must be empty.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteOrganization.html",
    caller: Caller::Management,
    hazards: &[Hazard::DeletesOrganization, Hazard::EndsIdentityCenterSession],
    probe: &[Side {
        name: "caller",
        reads: &[ProbeRead { id: "organization", action: "organizations:DescribeOrganization", with: &[] }],
        done: "reads.organization.error == 'AWSOrganizationsNotInUseException'",
        not_done: "reads.organization.answer.Organization.Id != `null`",
        output: "`{}`",
    }],
    undo: Undo::Impossible(
        "a deleted organization does not come back: a new one has another id, and none of the tree, policies, delegations and Identity Center",
    ),
    lost: "the organization's id, its tree, policies, delegated administrators, trusted access, Identity Center and its portal address",
    errors: &[
        row(
            "AWSOrganizationsNotInUseException",
            "",
            Class::AlreadyDone,
            "the account is in no organization",
            "nothing, if this run deleted it",
        ),
        row(
            "OrganizationNotEmptyException",
            "",
            Class::NotDone,
            "accounts, organizational units or policies are left in it (closed accounts stay 90 days)",
            "list what is left (ListAccounts), move it out, then resume",
        ),
        row(
            CVE,
            "ACTIVE_RESPONSIBILITY_TRANSFER_PROCESS",
            Class::Wait,
            "a transfer of billing responsibility is under way",
            "end it, which takes effect at the end of a month, then resume",
        ),
        CONSTRAINT,
    ],
    rate: Some((1.0, 1)),
    ..CHANGE
};

static CREATE_ACCOUNT: Action = Action {
    name: "organizations:CreateAccount",
    purpose: "Asks AWS to make a new account in the organization; it is ready some minutes later.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html",
    caller: Caller::Management,
    parameters: &[
        must("Email", Type::Email, "the root user's; never used for an AWS account before"),
        must("AccountName", Type::String, "as people shall see it"),
        may(
            "RoleName",
            Type::RoleName,
            "the role through which the management account gets in; OrganizationAccountAccessRole unless said otherwise",
        ),
        may("IamUserAccessToBilling", Type::Choice(&["ALLOW", "DENY"]), "ALLOW unless said otherwise"),
        may("Tags", Type::List(&Type::Record(TAG)), "put on the account"),
    ],
    outputs: &[may("CreateAccountStatus", Type::Record(CREATE_ACCOUNT_STATUS), "how far it is: ask again with its Id")],
    probe: &[Side {
        name: "caller",
        reads: &[
            ProbeRead { id: "statuses", action: "organizations:ListCreateAccountStatus", with: &[] },
            ProbeRead { id: "accounts", action: "organizations:ListAccounts", with: &[] },
        ],
        done: "reads.accounts.answer != `null` && reads.statuses.answer != `null` \
               && (contains(reads.accounts.answer.Accounts[].Email, with.Email) \
               || contains(reads.statuses.answer.CreateAccountStatuses[?State == 'IN_PROGRESS'].AccountName, with.AccountName))",
        not_done: "reads.accounts.answer != `null` && reads.statuses.answer != `null` \
                   && !contains(reads.accounts.answer.Accounts[].Email, with.Email) \
                   && !contains(reads.statuses.answer.CreateAccountStatuses[?State == 'IN_PROGRESS'].AccountName, with.AccountName)",
        output: "{CreateAccountStatus: find(reads.statuses.answer.CreateAccountStatuses, 'AccountId', \
                 find(reads.accounts.answer.Accounts, 'Email', with.Email).Id) \
                 || find(reads.statuses.answer.CreateAccountStatuses[?State == 'IN_PROGRESS'], 'AccountName', with.AccountName)}",
    }],
    undo: Undo::Impossible(
        "an account can only be closed: that takes 90 days, and its email address is spent for ever",
    ),
    lost: "the email address, for any other AWS account",
    errors: &[
        row(
            CVE,
            "ACCOUNT_NUMBER_LIMIT_EXCEEDED",
            Class::Human,
            "the organization may hold no more accounts",
            "ask AWS for a higher quota",
        ),
        row(
            CVE,
            "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED",
            Class::Retry,
            "five accounts are being made already",
            "nothing: it is tried again after a pause",
        ),
        CONSTRAINT,
    ],
    rate: Some((0.1, 3)),
    ..CHANGE
};
