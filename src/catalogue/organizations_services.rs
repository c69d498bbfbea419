//! Actions on trusted access of services, and on accounts that administer them for the organization.

use super::action::{Action, Caller, Class, ErrorRow, Field, Hazard, ProbeRead, Side, Type, Undo, UndoStep};
use super::errors::row;
use super::shapes::{CHANGE, CONSTRAINT, CVE, must};

pub(super) static ACTIONS: &[&Action] = &[
    &ENABLE_AWS_SERVICE_ACCESS,
    &DISABLE_AWS_SERVICE_ACCESS,
    &REGISTER_DELEGATED_ADMINISTRATOR,
    &DEREGISTER_DELEGATED_ADMINISTRATOR,
];

const SERVICE: Field = must("ServicePrincipal", Type::String, "for instance `iam.amazonaws.com`");
const AND_SERVICE: &[Field] = &[must("AccountId", Type::AccountId, "the member account"), SERVICE];
const NO_ACCOUNT: ErrorRow = row(
    "AccountNotFoundException",
    "",
    Class::NotDone,
    "the account is not in this organization",
    "check the id and the session",
);

static ENABLE_AWS_SERVICE_ACCESS: Action = Action {
    name: "organizations:EnableAWSServiceAccess",
    purpose: "Lets a service of AWS work in all accounts of the organization.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAWSServiceAccess.html",
    caller: Caller::Management,
    parameters: &[SERVICE],
    probe: &[Side { name: "caller", reads: ACCESS_NOW, done: TRUSTED, not_done: NOT_TRUSTED, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "disable",
        action: "organizations:DisableAWSServiceAccess",
        with: &[("ServicePrincipal", "${with.ServicePrincipal}")],
        done_if: &[],
    }]),
    errors: &[CONSTRAINT],
    rate: Some((1.0, 2)),
    ..CHANGE
};

static DISABLE_AWS_SERVICE_ACCESS: Action = Action {
    name: "organizations:DisableAWSServiceAccess",
    purpose: "Ends a service's access to the organization, and its delegated administrators with it.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DisableAWSServiceAccess.html",
    caller: Caller::Management,
    parameters: &[SERVICE],
    hazards: &[Hazard::EndsIdentityCenterSession],
    probe: &[Side { name: "caller", reads: ACCESS_NOW, done: NOT_TRUSTED, not_done: TRUSTED, output: "`{}`" }],
    undo: Undo::Usual(&[UndoStep {
        id: "enable",
        action: "organizations:EnableAWSServiceAccess",
        with: &[("ServicePrincipal", "${with.ServicePrincipal}")],
        done_if: &[],
    }]),
    lost: "delegated administrators of the service, and what it has set up or gathered in the accounts",
    errors: &[
        row(
            CVE,
            "POLICY_TYPE_ENABLED_FOR_THIS_SERVICE",
            Class::NotDone,
            "a kind of policy of this service is still enabled",
            "disable it first (organizations:DisablePolicyType)",
        ),
        CONSTRAINT,
    ],
    rate: Some((1.0, 2)),
    ..CHANGE
};

static REGISTER_DELEGATED_ADMINISTRATOR: Action = Action {
    name: "organizations:RegisterDelegatedAdministrator",
    purpose: "Lets a member account administer a service for the whole organization.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_RegisterDelegatedAdministrator.html",
    caller: Caller::Management,
    parameters: AND_SERVICE,
    probe: &[Side {
        name: "caller",
        reads: ADMINISTRATORS_NOW,
        done: REGISTERED,
        not_done: NOT_REGISTERED,
        output: "`{}`",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "deregister",
        action: "organizations:DeregisterDelegatedAdministrator",
        with: &[("AccountId", "${with.AccountId}"), ("ServicePrincipal", "${with.ServicePrincipal}")],
        done_if: &["AccountNotRegisteredException"],
    }]),
    errors: &[
        row(
            "AccountAlreadyRegisteredException",
            "",
            Class::AlreadyDone,
            "the account administers this service already",
            "nothing, if this run registered it",
        ),
        row(
            CVE,
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            Class::Refused,
            "the management account can be no delegated administrator",
            "name a member account",
        ),
        row(
            CVE,
            "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
            Class::NotDone,
            "the account is suspended or closed",
            "name an active account",
        ),
        row(
            CVE,
            "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED",
            Class::NotDone,
            "the service has as many administrators as it may have",
            "deregister another one first",
        ),
        row(
            CVE,
            "SERVICE_ACCESS_NOT_ENABLED",
            Class::NotDone,
            "the service has no trusted access",
            "do organizations:EnableAWSServiceAccess for it first",
        ),
        NO_ACCOUNT,
        CONSTRAINT,
    ],
    rate: Some((1.0, 2)),
    ..CHANGE
};

static DEREGISTER_DELEGATED_ADMINISTRATOR: Action = Action {
    name: "organizations:DeregisterDelegatedAdministrator",
    purpose: "Ends that a member account administers a service; needed before it leaves.",
    source: "https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeregisterDelegatedAdministrator.html",
    caller: Caller::Management,
    parameters: AND_SERVICE,
    probe: &[Side {
        name: "caller",
        reads: ADMINISTRATORS_NOW,
        done: NOT_REGISTERED,
        not_done: REGISTERED,
        output: "`{}`",
    }],
    undo: Undo::Usual(&[UndoStep {
        id: "register",
        action: "organizations:RegisterDelegatedAdministrator",
        with: &[("AccountId", "${with.AccountId}"), ("ServicePrincipal", "${with.ServicePrincipal}")],
        done_if: &["AccountAlreadyRegisteredException"],
    }]),
    lost: "what the service kept for this administrator: Detective and Firewall Manager lose their data",
    errors: &[
        row(
            "AccountNotRegisteredException",
            "",
            Class::AlreadyDone,
            "the account does not administer this service",
            "nothing, if this run deregistered it",
        ),
        NO_ACCOUNT,
        CONSTRAINT,
    ],
    rate: Some((1.0, 2)),
    ..CHANGE
};

const ACCESS_NOW: &[ProbeRead] =
    &[ProbeRead { id: "access", action: "organizations:ListAWSServiceAccessForOrganization", with: &[] }];
const ADMINISTRATORS_NOW: &[ProbeRead] = &[ProbeRead {
    id: "administrators",
    action: "organizations:ListDelegatedAdministrators",
    with: &[("ServicePrincipal", "${with.ServicePrincipal}")],
}];
const TRUSTED: &str = "reads.access.answer != `null` \
    && contains(reads.access.answer.EnabledServicePrincipals[].ServicePrincipal, with.ServicePrincipal)";
const NOT_TRUSTED: &str = "reads.access.answer != `null` \
    && !contains(reads.access.answer.EnabledServicePrincipals[].ServicePrincipal, with.ServicePrincipal)";
const REGISTERED: &str = "reads.administrators.answer != `null` \
    && contains(reads.administrators.answer.DelegatedAdministrators[].Id, with.AccountId)";
const NOT_REGISTERED: &str = "reads.administrators.answer != `null` \
    && !contains(reads.administrators.answer.DelegatedAdministrators[].Id, with.AccountId)";
