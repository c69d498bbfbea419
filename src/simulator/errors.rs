//! Which errors each operation can answer, as AWS's models have them. What is not in this table reaches
//! nobody: it becomes an internal failure, so an error that was forgotten here is seen at once.
//! `GET /_countersign/operations` gives the table, and a test asks a foreign client for every row of it.

mod more;

use super::wire::{AwsError, Protocol};
use serde_json::{Value, json};

/// One error: its code, the `Reason` where the code has one, and the HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub code: &'static str,
    pub reason: Option<&'static str>,
    pub status: u16,
    /// No state of the simulator leads to it: a world orders it, with a fault of the kind `error`.
    pub ordered: bool,
}

const fn e(code: &'static str) -> Row {
    Row { code, reason: None, status: 400, ordered: false }
}

const fn because(code: &'static str, reason: &'static str) -> Row {
    Row { code, reason: Some(reason), status: 400, ordered: false }
}

const fn q(status: u16, code: &'static str) -> Row {
    Row { code, reason: None, status, ordered: false }
}

/// Only by order of the world.
const fn ordered_row(row: Row) -> Row {
    Row { ordered: true, ..row }
}

const fn input(reason: &'static str) -> Row {
    because("InvalidInputException", reason)
}

const fn limit(reason: &'static str) -> Row {
    because("ConstraintViolationException", reason)
}

const fn handshake(reason: &'static str) -> Row {
    because("HandshakeConstraintViolationException", reason)
}

/// Of every operation of Organizations.
const EVERY_JSON: &[Row] = &[
    e("MissingAuthenticationTokenException"),
    e("UnrecognizedClientException"),
    e("InvalidSignatureException"),
    e("IncompleteSignatureException"),
    e("ExpiredTokenException"),
    e("AccessDeniedException"),
    e("TooManyRequestsException"),
    e("ConcurrentModificationException"),
    e("SerializationException"),
    q(500, "ServiceException"),
];

/// Of every operation of IAM and STS.
const EVERY_QUERY: &[Row] = &[
    q(403, "MissingAuthenticationToken"),
    q(403, "InvalidClientTokenId"),
    q(403, "SignatureDoesNotMatch"),
    e("IncompleteSignature"),
    q(403, "ExpiredToken"),
    q(403, "AccessDenied"),
    e("Throttling"),
    q(409, "ConcurrentModification"),
    q(500, "ServiceFailure"),
];

/// Of every operation of the account service.
const EVERY_ACCOUNT: &[Row] = &[
    q(403, "MissingAuthenticationTokenException"),
    q(403, "UnrecognizedClientException"),
    q(403, "InvalidSignatureException"),
    q(403, "IncompleteSignatureException"),
    q(403, "ExpiredTokenException"),
    q(403, "AccessDeniedException"),
    q(429, "TooManyRequestsException"),
    e("SerializationException"),
    e("ValidationException"),
    q(500, "InternalServerException"),
];

/// Of every operation of invoicing.
const EVERY_INVOICING: &[Row] = &[
    e("MissingAuthenticationTokenException"),
    e("UnrecognizedClientException"),
    e("InvalidSignatureException"),
    e("IncompleteSignatureException"),
    e("ExpiredTokenException"),
    e("AccessDeniedException"),
    e("ThrottlingException"),
    e("SerializationException"),
    e("ValidationException"),
    e("ResourceNotFoundException"),
    q(500, "InternalServerException"),
];

/// Of every operation of Identity Center's administration, and of billing.
const EVERY_SSO: &[Row] = &[
    e("MissingAuthenticationTokenException"),
    e("UnrecognizedClientException"),
    e("InvalidSignatureException"),
    e("IncompleteSignatureException"),
    e("ExpiredTokenException"),
    e("AccessDeniedException"),
    e("ThrottlingException"),
    e("SerializationException"),
    e("ValidationException"),
    q(500, "InternalServerException"),
];

/// Of every operation of Service Quotas.
const EVERY_QUOTAS: &[Row] = &[
    e("MissingAuthenticationTokenException"),
    e("UnrecognizedClientException"),
    e("InvalidSignatureException"),
    e("IncompleteSignatureException"),
    e("ExpiredTokenException"),
    e("AccessDeniedException"),
    e("TooManyRequestsException"),
    e("SerializationException"),
    e("IllegalArgumentException"),
    q(500, "ServiceException"),
];

/// Of every operation of Resource Access Manager.
const EVERY_RAM: &[Row] = &[
    q(403, "MissingAuthenticationTokenException"),
    q(403, "UnrecognizedClientException"),
    q(403, "InvalidSignatureException"),
    q(403, "IncompleteSignatureException"),
    q(403, "ExpiredTokenException"),
    q(403, "AccessDeniedException"),
    q(429, "ThrottlingException"),
    e("SerializationException"),
    e("InvalidParameterException"),
    e("InvalidNextTokenException"),
    q(500, "ServerInternalException"),
];

/// Of every operation of CloudFormation.
const EVERY_CLOUDFORMATION: &[Row] = &[
    q(403, "MissingAuthenticationToken"),
    q(403, "InvalidClientTokenId"),
    q(403, "SignatureDoesNotMatch"),
    e("IncompleteSignature"),
    q(403, "ExpiredToken"),
    q(403, "AccessDenied"),
    e("Throttling"),
    e("ValidationError"),
    q(500, "InternalFailure"),
];

const NOT_IN_USE: &[Row] = &[e("AWSOrganizationsNotInUseException")];
const ID: &[Row] = &[input("INPUT_REQUIRED"), input("INVALID_PATTERN")];
const PAGES: &[Row] = &[input("MIN_VALUE_EXCEEDED"), input("MAX_VALUE_EXCEEDED"), input("INVALID_NEXT_TOKEN")];
const ENUM: &[Row] = &[input("INVALID_ENUM")];
const SERVICE: &[Row] = &[input("UNRECOGNIZED_SERVICE_PRINCIPAL")];
const TAGS: &[Row] =
    &[input("MAX_LENGTH_EXCEEDED"), input("INVALID_SYSTEM_TAGS_PARAMETER"), input("DUPLICATE_TAG_KEY")];
/// No tag policy of the simulator is enforced.
const TAG_POLICY: &[Row] = &[ordered_row(limit("TAG_POLICY_VIOLATION"))];
const ANSWERED: &[Row] =
    &[e("HandshakeNotFoundException"), e("HandshakeAlreadyInStateException"), e("InvalidHandshakeTransitionException")];
const LEAVING: &[Row] = &[
    e("MasterCannotLeaveOrganizationException"),
    limit("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"),
    limit("WAIT_PERIOD_ACTIVE"),
    limit("MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED"),
    ordered_row(limit("INVALID_PAYMENT_INSTRUMENT")),
    limit("ACCOUNT_CANNOT_LEAVE_WITHOUT_EULA"),
    limit("ACCOUNT_CANNOT_LEAVE_WITHOUT_PHONE_VERIFICATION"),
    limit("ACCOUNT_CANNOT_LEAVE_ORGANIZATION"),
];
const NO_ACCOUNT: &[Row] = &[e("AccountNotFoundException")];
const NO_PARENT: &[Row] = &[e("ParentNotFoundException")];
const NO_TARGET: &[Row] = &[e("TargetNotFoundException")];
const NO_UNIT: &[Row] = &[e("OrganizationalUnitNotFoundException")];
const FILTER: &[Row] = &[input("INVALID_ENUM"), input("MAX_LIMIT_EXCEEDED_FILTER")];
const NO_ROLE: &[Row] =
    &[because("AccessDeniedForDependencyException", "ACCESS_DENIED_DURING_CREATE_SERVICE_LINKED_ROLE")];
const VALID: &[Row] = &[e("ValidationError")];
const NO_ENTITY: &[Row] = &[q(404, "NoSuchEntity")];
const EXISTS: &[Row] = &[q(409, "EntityAlreadyExists")];
const QUOTA: &[Row] = &[q(409, "LimitExceeded")];
const INPUT: &[Row] = &[e("InvalidInput")];

type Lists = &'static [&'static [Row]];

/// Errors of an operation's own, by its action.
const TABLE: &[(&str, Lists)] = &[
    (
        "organizations:InviteAccountToOrganization",
        &[
            NOT_IN_USE,
            &[
                input("INPUT_REQUIRED"),
                input("INVALID_ENUM"),
                input("MAX_LENGTH_EXCEEDED"),
                input("INVALID_PATTERN_TARGET_ID"),
                input("INVALID_EMAIL_ADDRESS_TARGET"),
                input("INVALID_PARTY_TYPE_TARGET"),
                e("AccountOwnerNotVerifiedException"),
                e("FinalizingOrganizationException"),
                e("DuplicateHandshakeException"),
                handshake("ALREADY_IN_AN_ORGANIZATION"),
                handshake("ORGANIZATION_FROM_DIFFERENT_SELLER_OF_RECORD"),
                handshake("INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES"),
                handshake("PAYMENT_INSTRUMENT_REQUIRED"),
                // AWS has this for what it otherwise answers with AccountOwnerNotVerified.
                ordered_row(handshake("MANAGEMENT_ACCOUNT_EMAIL_NOT_VERIFIED")),
                handshake("ACCOUNT_NUMBER_LIMIT_EXCEEDED"),
                handshake("HANDSHAKE_RATE_LIMIT_EXCEEDED"),
            ],
        ],
    ),
    (
        "organizations:AcceptHandshake",
        &[
            ID,
            ANSWERED,
            NO_ROLE,
            &[
                e("MasterCannotLeaveOrganizationException"),
                handshake("ALREADY_IN_AN_ORGANIZATION"),
                handshake("ORGANIZATION_MEMBERSHIP_CHANGE_RATE_LIMIT_EXCEEDED"),
                handshake("PAYMENT_INSTRUMENT_REQUIRED"),
                handshake("ORGANIZATION_FROM_DIFFERENT_SELLER_OF_RECORD"),
                handshake("ACCOUNT_NUMBER_LIMIT_EXCEEDED"),
                limit("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"),
                limit("WAIT_PERIOD_ACTIVE"),
            ],
        ],
    ),
    ("organizations:CancelHandshake", &[ID, ANSWERED]),
    ("organizations:DeclineHandshake", &[ID, ANSWERED]),
    ("organizations:DescribeHandshake", &[ID, &[e("HandshakeNotFoundException")]]),
    ("organizations:ListHandshakesForOrganization", &[NOT_IN_USE, FILTER, PAGES]),
    ("organizations:ListHandshakesForAccount", &[FILTER, PAGES]),
    ("organizations:LeaveOrganization", &[NOT_IN_USE, LEAVING]),
    ("organizations:RemoveAccountFromOrganization", &[NOT_IN_USE, ID, NO_ACCOUNT, LEAVING]),
    (
        "organizations:MoveAccount",
        &[
            NOT_IN_USE,
            ID,
            NO_ACCOUNT,
            &[
                input("MOVING_ACCOUNT_BETWEEN_DIFFERENT_ROOTS"),
                e("SourceParentNotFoundException"),
                e("DestinationParentNotFoundException"),
                e("DuplicateAccountException"),
            ],
        ],
    ),
    (
        "organizations:CreateOrganization",
        &[
            ENUM,
            NO_ROLE,
            &[
                e("AlreadyInOrganizationException"),
                limit("ACCOUNT_CREATION_NOT_COMPLETE"),
                limit("MASTER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED"),
                ordered_row(limit("INVALID_PAYMENT_INSTRUMENT")),
                limit("MASTER_ACCOUNT_MISSING_CONTACT_INFO"),
            ],
        ],
    ),
    (
        "organizations:DeleteOrganization",
        &[NOT_IN_USE, &[e("OrganizationNotEmptyException"), limit("ACTIVE_RESPONSIBILITY_TRANSFER_PROCESS")]],
    ),
    ("organizations:DescribeOrganization", &[NOT_IN_USE]),
    (
        "organizations:CreateAccount",
        &[
            NOT_IN_USE,
            ID,
            TAGS,
            &[
                input("INVALID_ROLE_NAME"),
                e("FinalizingOrganizationException"),
                limit("ACCOUNT_NUMBER_LIMIT_EXCEEDED"),
                limit("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"),
            ],
        ],
    ),
    ("organizations:DescribeCreateAccountStatus", &[NOT_IN_USE, ID, &[e("CreateAccountStatusNotFoundException")]]),
    ("organizations:ListCreateAccountStatus", &[NOT_IN_USE, ENUM, PAGES]),
    ("organizations:DescribeAccount", &[NOT_IN_USE, ID, NO_ACCOUNT]),
    ("organizations:ListAccounts", &[NOT_IN_USE, PAGES]),
    ("organizations:ListAccountsForParent", &[NOT_IN_USE, ID, PAGES, NO_PARENT]),
    ("organizations:ListParents", &[NOT_IN_USE, ID, PAGES, &[e("ChildNotFoundException")]]),
    ("organizations:ListChildren", &[NOT_IN_USE, ID, ENUM, PAGES, NO_PARENT]),
    ("organizations:ListRoots", &[NOT_IN_USE, PAGES]),
    (
        "organizations:CreateOrganizationalUnit",
        &[
            NOT_IN_USE,
            ID,
            TAGS,
            NO_PARENT,
            &[
                e("DuplicateOrganizationalUnitException"),
                limit("OU_DEPTH_LIMIT_EXCEEDED"),
                limit("OU_NUMBER_LIMIT_EXCEEDED"),
            ],
        ],
    ),
    ("organizations:DeleteOrganizationalUnit", &[NOT_IN_USE, ID, NO_UNIT, &[e("OrganizationalUnitNotEmptyException")]]),
    ("organizations:DescribeOrganizationalUnit", &[NOT_IN_USE, ID, NO_UNIT]),
    ("organizations:ListOrganizationalUnitsForParent", &[NOT_IN_USE, ID, PAGES, NO_PARENT]),
    ("organizations:TagResource", &[NOT_IN_USE, ID, TAGS, NO_TARGET, &[limit("MAX_TAG_LIMIT_EXCEEDED")], TAG_POLICY]),
    ("organizations:UntagResource", &[NOT_IN_USE, ID, NO_TARGET, TAG_POLICY]),
    ("organizations:ListTagsForResource", &[NOT_IN_USE, ID, NO_TARGET, &[input("INVALID_NEXT_TOKEN")]]),
    (
        "organizations:RegisterDelegatedAdministrator",
        &[
            NOT_IN_USE,
            ID,
            SERVICE,
            NO_ACCOUNT,
            &[
                limit("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"),
                limit("CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR"),
                limit("SERVICE_ACCESS_NOT_ENABLED"),
                ordered_row(limit("MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED")),
                e("AccountAlreadyRegisteredException"),
            ],
        ],
    ),
    (
        "organizations:DeregisterDelegatedAdministrator",
        &[NOT_IN_USE, ID, SERVICE, NO_ACCOUNT, &[e("AccountNotRegisteredException")]],
    ),
    ("organizations:ListDelegatedAdministrators", &[NOT_IN_USE, SERVICE, PAGES]),
    (
        "organizations:ListDelegatedServicesForAccount",
        &[NOT_IN_USE, ID, PAGES, NO_ACCOUNT, &[e("AccountNotRegisteredException")]],
    ),
    ("organizations:EnableAWSServiceAccess", &[NOT_IN_USE, SERVICE, &[input("INPUT_REQUIRED")]]),
    (
        "organizations:DisableAWSServiceAccess",
        &[NOT_IN_USE, SERVICE, &[input("INPUT_REQUIRED"), ordered_row(limit("POLICY_TYPE_ENABLED_FOR_THIS_SERVICE"))]],
    ),
    ("organizations:ListAWSServiceAccessForOrganization", &[NOT_IN_USE, PAGES]),
    ("organizations:ListPoliciesForTarget", &[NOT_IN_USE, ID, ENUM, PAGES, NO_TARGET]),
    ("iam:CreateUser", &[VALID, INPUT, NO_ENTITY, EXISTS, QUOTA]),
    ("iam:GetUser", &[VALID, NO_ENTITY]),
    ("iam:DeleteUser", &[VALID, NO_ENTITY, &[q(409, "DeleteConflict")]]),
    ("iam:AttachUserPolicy", &[VALID, INPUT, NO_ENTITY, QUOTA, &[e("PolicyNotAttachable")]]),
    ("iam:DetachUserPolicy", &[VALID, INPUT, NO_ENTITY]),
    ("iam:ListAttachedUserPolicies", &[VALID, NO_ENTITY]),
    ("iam:CreateAccessKey", &[VALID, NO_ENTITY, QUOTA]),
    ("iam:ListAccessKeys", &[VALID, NO_ENTITY]),
    ("iam:DeleteAccessKey", &[VALID, NO_ENTITY]),
    ("sts:GetCallerIdentity", &[]),
    ("sts:AssumeRole", &[VALID, &[e("MalformedInput")]]),
];

/// Every error that the operation can answer; empty where the simulator does not know it.
pub fn of(action: &str) -> Vec<Row> {
    let all = || TABLE.iter().chain(more::TABLE);
    let Some((_, own)) = all().find(|(known, _)| *known == action) else { return Vec::new() };
    let every = match action.split(':').next() {
        Some("organizations") => EVERY_JSON,
        Some("account") => EVERY_ACCOUNT,
        Some("invoicing") => EVERY_INVOICING,
        Some("sso" | "billing") => EVERY_SSO,
        Some("servicequotas") => EVERY_QUOTAS,
        Some("ram") => EVERY_RAM,
        Some("cloudformation") => EVERY_CLOUDFORMATION,
        _ => EVERY_QUERY,
    };
    own.iter().flat_map(|list| list.iter()).chain(every).copied().collect()
}

/// Whether the operation can answer with this code and reason (or none).
pub fn known(action: &str, code: &str, reason: &str) -> bool {
    ordered(action, code, reason).is_some()
}

/// The error that a world orders by a fault.
pub(super) fn ordered(action: &str, code: &str, reason: &str) -> Option<AwsError> {
    let row = of(action).into_iter().find(|row| row.code == code && row.reason.unwrap_or("") == reason)?;
    let kind = (row.code == "TooManyRequestsException" && action.starts_with("organizations:")).then_some("RATE_LIMIT");
    let message = "The world orders this error.".to_owned();
    Some(AwsError { code: row.code, message, reason: row.reason, kind, status: row.status })
}

/// The operations that the simulator knows.
pub fn actions() -> impl Iterator<Item = &'static str> {
    TABLE.iter().chain(more::TABLE).map(|(action, _)| *action)
}

/// Lets through what the table lists.
pub(super) fn listed(action: &str, protocol: Protocol, error: AwsError) -> AwsError {
    let same = |row: &Row| (row.code, row.reason, row.status) == (error.code, error.reason, error.status);
    if of(action).iter().any(same) {
        return error;
    }
    let code = if protocol.is_query() { "InternalFailure" } else { "InternalFailureException" };
    let reason = error.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let message = format!("The simulator answers {action} with {}{reason}, which its table does not list.", error.code);
    AwsError::query(500, code, message)
}

/// The table, as a client may read it.
pub(super) fn shown() -> Value {
    let rows = |action: &str| {
        let row =
            |row: Row| json!({"code": row.code, "reason": row.reason, "status": row.status, "ordered": row.ordered});
        of(action).into_iter().map(row).collect::<Vec<Value>>()
    };
    actions().map(|action| (action.to_owned(), json!(rows(action)))).collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_operations_are_the_same() {
        for action in actions() {
            let (service, name) = action.split_once(':').unwrap();
            let found = match service {
                "organizations" => super::super::organizations::operation(name),
                "iam" => super::super::iam::operation(name),
                "account" => super::super::account::operation(name),
                "invoicing" => super::super::invoicing::operation(name),
                "sts" => super::super::sts::operation(name),
                other => [Protocol::CloudFormation, Protocol::Ram, Protocol::Sso, Protocol::Quotas, Protocol::Billing]
                    .into_iter()
                    .filter(|protocol| protocol.service() == other)
                    .find_map(|protocol| super::super::elsewhere::operation(protocol, name)),
            };
            assert!(found.is_some(), "{action} is in the table, but not carried out");
        }
        // What is made of several operations is asked for one by one.
        let own = crate::catalogue::all().filter(|action| !action.name.starts_with("countersign:"));
        for action in own.map(|action| action.name) {
            assert!(actions().any(|known| known == action), "the simulator has no {action}");
        }
    }

    #[test]
    fn an_error_that_is_not_listed_gets_no_further() {
        let error = AwsError::reason("ConstraintViolationException", "NO_SUCH_REASON", "?");
        let got = listed("organizations:MoveAccount", Protocol::Json, error);
        assert_eq!((got.code, got.status), ("InternalFailureException", 500));
    }
}
