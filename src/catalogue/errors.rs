//! What AWS's error codes mean: the rows that all actions of a service share, and the look-up.

use super::action::{Action, Class, ErrorRow};

/// A row of the error table.
pub(super) const fn row(
    code: &'static str,
    reason: &'static str,
    class: Class,
    means: &'static str,
    todo: &'static str,
) -> ErrorRow {
    ErrorRow { code, reason, class, means, todo }
}

/// What `code` (and AWS's `Reason`, or empty) means for this action, and the row that says so.
///
/// A row with the same reason wins over one for every reason, the action's own over the shared ones.
/// A code that no row names means that AWS refused the request: nothing happened.
/// Reads change nothing, so what would be in doubt for a change is only tried again.
pub fn classify(action: &'static Action, code: &str, reason: &str) -> (Class, Option<&'static ErrorRow>) {
    let rows = || errors(action).filter(|row| row.code == code);
    let exact = rows().find(|row| !reason.is_empty() && row.reason == reason);
    let found = exact.or_else(|| rows().find(|row| row.reason.is_empty()));
    let class = found.map_or(Class::NotDone, |row| row.class);
    if !action.mutates && class == Class::InDoubt { (Class::Retry, found) } else { (class, found) }
}

/// Every row that applies to the action: its own first, then what its service and all of AWS share.
pub fn errors(action: &'static Action) -> impl Iterator<Item = &'static ErrorRow> {
    let service: &'static [ErrorRow] = match action.name.split(':').next() {
        Some("organizations" | "countersign") => ORGANIZATIONS,
        Some("iam") => IAM,
        Some("account" | "invoicing" | "sso" | "billing") => NEWER,
        _ => &[],
    };
    let outside = OUTSIDE.contains(&action.name);
    let service = service.iter().filter(move |row| !(outside && row.code == NOT_IN_USE));
    action.errors.iter().chain(service).chain(EVERYWHERE)
}

const NOT_IN_USE: &str = "AWSOrganizationsNotInUseException";

/// Organizations' operations that an account outside any organization may call.
const OUTSIDE: [&str; 5] = [
    "organizations:CreateOrganization",
    "organizations:DescribeHandshake",
    "organizations:ListHandshakesForAccount",
    "organizations:CancelHandshake",
    "organizations:DeclineHandshake",
];

const SIGN_IN: &str = "sign in again (or renew the profile), then resume";

/// Credentials, signatures and throttling: the same in every service.
static EVERYWHERE: &[ErrorRow] = &[
    row("ExpiredToken", "", Class::SessionExpired, "the session has ended", SIGN_IN),
    row("ExpiredTokenException", "", Class::SessionExpired, "the session has ended", SIGN_IN),
    row("RequestExpired", "", Class::SessionExpired, "the signature is too old", SIGN_IN),
    row("TokenRefreshRequired", "", Class::SessionExpired, "the session must be renewed", SIGN_IN),
    row("InvalidClientTokenId", "", Class::SessionExpired, "AWS does not know these credentials (any more)", SIGN_IN),
    row("UnrecognizedClientException", "", Class::SessionExpired, "AWS does not know these credentials", SIGN_IN),
    row("InvalidToken", "", Class::SessionExpired, "AWS does not know this session", SIGN_IN),
    row("AuthFailure", "", Class::SessionExpired, "AWS does not accept these credentials", SIGN_IN),
    row("MissingAuthenticationToken", "", Class::SessionExpired, "the request carried no credentials", SIGN_IN),
    row(
        "MissingAuthenticationTokenException",
        "",
        Class::SessionExpired,
        "the request carried no credentials",
        SIGN_IN,
    ),
    row("SignatureDoesNotMatch", "", Class::SessionExpired, "the secret key or the clock is wrong", CLOCK),
    row("InvalidSignatureException", "", Class::SessionExpired, "the secret key or the clock is wrong", CLOCK),
    row("AccessDenied", "", Class::Refused, "the caller may not do this", ALLOW),
    row("AccessDeniedException", "", Class::Refused, "the caller may not do this", ALLOW),
    row("OptInRequired", "", Class::Human, "the account is not signed up for the service", "sign it up in the console"),
    row("ValidationError", "", Class::NotDone, "a parameter is wrong", "correct the runbook"),
    row("ValidationException", "", Class::NotDone, "a parameter is wrong", "correct the runbook"),
    row("IncompleteSignature", "", Class::SessionExpired, "the signature lacks a part", CLOCK),
    row("IncompleteSignatureException", "", Class::SessionExpired, "the signature lacks a part", CLOCK),
    row("MalformedInput", "", Class::NotDone, "AWS could not read a parameter", "correct the runbook"),
    row("SerializationException", "", Class::NotDone, "AWS could not read the request", "correct the runbook"),
    row("Throttling", "", Class::Retry, "too many requests", LATER),
    row("ThrottlingException", "", Class::Retry, "too many requests", LATER),
    row("ThrottledException", "", Class::Retry, "too many requests", LATER),
    row("RequestThrottled", "", Class::Retry, "too many requests", LATER),
    row("RequestThrottledException", "", Class::Retry, "too many requests", LATER),
    row("RequestLimitExceeded", "", Class::Retry, "too many requests", LATER),
    row("TooManyRequestsException", "", Class::Retry, "too many requests", LATER),
    row("SlowDown", "", Class::Retry, "too many requests", LATER),
    row("PriorRequestNotComplete", "", Class::Retry, "an earlier request is still worked on", LATER),
    row("ConcurrentModification", "", Class::Retry, "the same thing is being changed by another request", LATER),
    row("ServiceFailure", "", Class::InDoubt, "the service failed inside; the change may have been made", PROBE),
    row("InternalFailure", "", Class::InDoubt, "AWS failed inside; the change may have been made", PROBE),
    row("InternalError", "", Class::InDoubt, "AWS failed inside; the change may have been made", PROBE),
    row("InternalServerError", "", Class::InDoubt, "AWS failed inside; the change may have been made", PROBE),
    row("ServiceUnavailable", "", Class::InDoubt, "AWS was not ready; the change may have been made", PROBE),
    row("RequestTimeout", "", Class::InDoubt, "AWS gave up waiting; the change may have been made", PROBE),
    row("RequestTimeoutException", "", Class::InDoubt, "AWS gave up waiting; the change may have been made", PROBE),
];

const CLOCK: &str = "check this machine's clock and the profile's keys, then resume";
const ALLOW: &str = "look for a missing permission, an SCP that denies it, or the wrong account; then resume";
const LATER: &str = "nothing: it is tried again after a pause";
const PROBE: &str = "nothing: the state is read before anything is sent again";

/// What nearly all operations of Organizations may answer.
static ORGANIZATIONS: &[ErrorRow] = &[
    row(NOT_IN_USE, "", Class::NotDone, "the account is in no organization", "check which account the session is in"),
    row(
        "ConcurrentModificationException",
        "",
        Class::Retry,
        "the organization is being changed by another request",
        LATER,
    ),
    row("PolicyChangesInProgressException", "", Class::Retry, "policies are still being put in force", LATER),
    row(
        "FinalizingOrganizationException",
        "",
        Class::Retry,
        "the organization is new and not ready (up to an hour)",
        LATER,
    ),
    row(
        "InvalidInputException",
        "",
        Class::NotDone,
        "a parameter is wrong; AWS's reason says which way",
        "correct the runbook",
    ),
    row("ServiceException", "", Class::InDoubt, "Organizations failed inside; the change may have been made", PROBE),
    row(
        "UnsupportedAPIEndpointException",
        "",
        Class::NotDone,
        "this Region or partition has no such operation",
        "check the session's region",
    ),
];

/// What the operations of newer services may answer.
static NEWER: &[ErrorRow] = &[row(
    "InternalServerException",
    "",
    Class::InDoubt,
    "the service failed inside; the change may have been made",
    PROBE,
)];

/// What nearly all operations of IAM may answer (the codes of the wire, not the names of the shapes).
static IAM: &[ErrorRow] = &[
    row("EntityTemporarilyUnmodifiable", "", Class::Retry, "it was made or deleted a moment ago", LATER),
    row("NoSuchEntity", "", Class::NotDone, "there is no such user, policy or key", "check names and account"),
    row("InvalidInput", "", Class::NotDone, "a parameter is wrong", "correct the runbook"),
    row("LimitExceeded", "", Class::NotDone, "a quota of the account is used up", "make room, or ask AWS for more"),
    row("EntityAlreadyExists", "", Class::AlreadyDone, "it is already there", "nothing, if this run made it"),
];
