//! The schema of world files. The simulator reads them with serde; the tests compare its keys with these.

use super::DRAFT;
use super::key::{Of, Row, table};
use super::values::kind;
use crate::runbook::kind::Kind;
use crate::simulator::FaultKind;
use serde_json::{Value, json};

const STATES: &[&str] = &["ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION"];

const TOP: &[Row] = &[
    ("schema", Of::Integer(1, 1), true, "The version of the format: 1."),
    ("clock", Of::One("clock"), false, "When the world begins, and how time goes."),
    ("timing", Of::One("timing"), false, "Time limits that plans of simulated runs use."),
    ("settings", Of::One("settings"), false, "Where AWS publishes no figure, or a test wants another one."),
    ("accounts", Of::Many("account"), false, "Every account."),
    ("organizations", Of::Many("organization"), false, "Every organization."),
    ("principals", Of::Many("principal"), false, "Users, roles and sessions, with their keys."),
    ("roles", Of::Many("role"), false, "Roles that can be assumed."),
    ("stack_sets", Of::Many("stack_set"), false, "Stack sets of CloudFormation."),
    ("resource_shares", Of::Many("share"), false, "Shares of Resource Access Manager."),
    ("identity_centers", Of::Many("center"), false, "Instances of Identity Center."),
    ("faults", Of::Many("fault"), false, "What goes wrong, and when."),
    ("commands", Of::Many("command"), false, "What command steps are answered."),
];
const CLOCK: &[Row] = &[
    ("start", Of::Text, false, "RFC 3339; now if left out."),
    ("kind", Of::Choice(&["real", "virtual"]), false, "virtual: stands still until it is put forward."),
];
const TIMING: &[Row] = &[
    ("time_limit", Of::Duration, false, "How long one call may take."),
    ("settles_within", Of::Duration, false, "How long an effect may take to show."),
];
const SETTINGS: &[Row] = &[
    ("seed", Of::Integer(0, i64::MAX), false, "All ids and lags come from it."),
    ("throttling", Of::Flag, false, "AWS's published rates (default: true)."),
    ("signatures", Of::Flag, false, "Requests must be signed rightly (default: true)."),
    ("stale_lag", Of::Duration, false, "How old a read may be at most."),
    ("page_size", Of::Integer(1, 20), false, "Things per page of a list (default: 20)."),
    ("pending_state", Of::Choice(&["OPEN", "REQUESTED"]), false, "What a fresh invitation shows."),
    ("initialises_within", Of::Duration, false, "How long a new organization initialises."),
    ("creates_account_within", Of::Duration, false, "How long creating an account takes."),
    ("created_account_wait", Of::Duration, false, "How long a created account can't leave."),
    ("new_organization_wait", Of::Duration, false, "How long a new organization can't take accounts over."),
    ("handshake_life", Of::Duration, false, "How long an invitation lives."),
    ("closes_account_within", Of::Duration, false, "How long closing an account takes."),
    ("one_time_code", Of::Text, false, "The code that AWS sends by email or reads on the phone."),
    ("closures", Of::Integer(0, i64::MAX), false, "How many accounts may be closed within 30 days (default: 250)."),
    ("membership_changes", Of::Integer(0, i64::MAX), false, "Changes of organization per account and day."),
    ("accept_needs_leave", Of::Flag, false, "Denying LeaveOrganization also stops a direct transfer."),
    ("accept_needs_payment", Of::Flag, false, "An account alone needs a payment method to join."),
    (
        "identity_center_ends",
        Of::Choices(&["leave", "delete_organization", "create_organization"]),
        false,
        "After these an Identity Center session ends.",
    ),
    ("regions", Of::Texts, false, "Regions that accounts use (default: us-east-1)."),
    ("precedence", Of::One("precedence"), false, "Order of gates by operation."),
];
const ACCOUNT: &[Row] = &[
    ("id", Of::One("account_id"), true, "12 digits."),
    ("name", Of::Text, true, "Its name."),
    ("email", Of::Text, false, "Its e-mail address."),
    ("created", Of::Text, false, "An age (400d) or RFC 3339."),
    ("organization", Of::Text, false, "The organization that it is in."),
    ("parent", Of::Text, false, "Its root or organizational unit; the root if left out."),
    ("joined_method", Of::Choice(&["CREATED", "INVITED"]), false, "How it came in."),
    ("joined", Of::Text, false, "An age (400d) or RFC 3339."),
    ("state", Of::Choice(STATES), false, "Its state (default: ACTIVE)."),
    ("seller", Of::Text, false, "The seller of record."),
    ("payment_method", Of::Flag, false, "A fact that people settle (default: true)."),
    ("phone", Of::Flag, false, "A fact that people settle (default: true)."),
    ("agreement", Of::Flag, false, "A fact that people settle (default: true)."),
    ("support_plan", Of::Flag, false, "A fact that people settle (default: true)."),
    ("mailbox", Of::Flag, false, "A fact that people settle (default: true)."),
    ("contact", Of::Flag, false, "A fact that people settle (default: true)."),
    ("root_mfa", Of::Flag, false, "Root has an MFA device (default: false)."),
    ("root_password", Of::Flag, false, "Root has a password, or may set one by email (default: true)."),
    ("invoices", Of::Many("invoice"), false, "Its invoices."),
    ("credits", Of::Many("credit"), false, "Its credits."),
    ("tags", Of::Named, false, "Its tags."),
];
const INVOICE: &[Row] = &[
    ("id", Of::Text, true, "Its number."),
    ("issued", Of::Text, true, "An age (40d) or RFC 3339."),
    ("amount", Of::Text, false, "In US dollars."),
];
const ORGANIZATION: &[Row] = &[
    ("id", Of::Text, true, "o-..."),
    ("management", Of::One("account_id"), true, "The management account."),
    ("created", Of::Text, false, "An age (400d) or RFC 3339."),
    ("root", Of::Text, true, "r-..."),
    ("feature_set", Of::Choice(&["ALL", "CONSOLIDATED_BILLING"]), false, "Default: ALL."),
    ("enabling_all_features", Of::Flag, false, "All features are being enabled."),
    ("initialising", Of::Duration, false, "How long after the start it still initialises."),
    ("account_quota", Of::Integer(0, i64::MAX), false, "How many accounts it may have."),
    ("daily_invites", Of::Integer(0, i64::MAX), false, "How many invitations a day."),
    ("organizational_units", Of::Many("unit"), false, "Its organizational units."),
    ("delegated_administrators", Of::Many("delegated"), false, "Accounts that administer services."),
    ("service_access", Of::Texts, false, "Services with trusted access."),
    ("policies", Of::Many("policy"), false, "Its policies."),
    ("responsibility_transfer", Of::Flag, false, "A billing transfer is in force."),
    (
        "root_access",
        Of::Choices(&["RootCredentialsManagement", "RootSessions"]),
        false,
        "Central root access that is on.",
    ),
];
const UNIT: &[Row] = &[
    ("id", Of::Text, true, "ou-..."),
    ("name", Of::Text, true, "Its name."),
    ("parent", Of::Text, false, "The root if left out."),
];
const DELEGATED: &[Row] =
    &[("account", Of::One("account_id"), true, "A member account."), ("service", Of::Text, true, "The service.")];
const POLICY: &[Row] = &[
    ("id", Of::Text, true, "p-..."),
    ("name", Of::Text, true, "Its name."),
    ("description", Of::Text, false, "What it is for."),
    ("type", Of::Text, false, "SERVICE_CONTROL_POLICY if left out."),
    ("denies", Of::Texts, false, "Actions that it denies."),
    ("targets", Of::Texts, false, "Accounts, units or the root."),
];
const PRINCIPAL: &[Row] = &[
    ("profile", Of::Text, true, "The AWS profile that its keys stand for."),
    ("account", Of::One("account_id"), true, "Its account."),
    ("kind", Of::Choice(&["user", "role", "root", "identity_center"]), true, "What it is."),
    ("name", Of::Text, false, "The user's or role's name."),
    ("session_name", Of::Text, false, "The role session's name."),
    ("access_key", Of::Text, false, "The simulated access key."),
    ("secret_key", Of::Text, false, "The simulated secret key."),
    ("session_token", Of::Text, false, "The simulated session token."),
    ("policies", Of::Texts, false, "Managed policies (default: AdministratorAccess)."),
    ("statements", Of::Many("statement"), false, "Statements of its own."),
    ("expires", Of::Duration, false, "How long after the start the session ends."),
    ("mfa", Of::One("mfa"), false, "Its MFA device."),
    ("with_mfa", Of::Flag, false, "The session was opened with MFA."),
];
const MFA: &[Row] =
    &[("serial", Of::Text, true, "The device's serial or ARN."), ("seed", Of::Text, true, "The seed, base32.")];
const STATEMENT: &[Row] = &[
    ("effect", Of::Choice(&["Allow", "Deny"]), true, "What it does."),
    ("actions", Of::Texts, true, "Actions, with *."),
    ("resources", Of::Texts, false, "Resources, with * (default: all)."),
    ("mfa", Of::Flag, false, "Only for sessions with MFA."),
];
const ROLE: &[Row] = &[
    ("account", Of::One("account_id"), true, "Its account."),
    ("name", Of::Text, true, "Its name."),
    ("trusts", Of::Texts, true, "Account ids and ARNs that may assume it."),
    ("external_id", Of::Text, false, "The external id that it wants."),
    ("mfa", Of::Flag, false, "It wants MFA."),
    ("max_session", Of::Duration, false, "The longest session."),
    ("path", Of::Text, false, "Its path (default: /)."),
    ("inline", Of::Named, false, "Inline policies: name and JSON text."),
    ("policies", Of::Texts, false, "Managed policies (default: AdministratorAccess)."),
    ("statements", Of::Many("statement"), false, "Statements of its own."),
];
const STACK_SET: &[Row] = &[
    ("account", Of::One("account_id"), true, "Who administers it."),
    ("name", Of::Text, true, "Its name."),
    ("region", Of::Text, false, "Where it is administered (default: us-east-1)."),
    ("auto_deployment", Of::Flag, false, "The organization deploys it (default: false)."),
    ("retain_stacks", Of::Flag, false, "What its stacks made stays in accounts that go (default: false)."),
    ("accounts", Of::Texts, false, "Where it has stacks."),
    ("stack_regions", Of::Texts, false, "The regions of its stacks (default: its own)."),
];
const SHARE: &[Row] = &[
    ("owner", Of::One("account_id"), true, "Who shares."),
    ("name", Of::Text, true, "Its name."),
    ("region", Of::Text, false, "Where it is (default: us-east-1)."),
    ("retain", Of::Flag, false, "It lasts when an account leaves the organization (default: false)."),
    ("accounts", Of::Texts, false, "With whom it is shared."),
];
const CENTER: &[Row] = &[
    ("account", Of::One("account_id"), true, "Whose it is."),
    ("region", Of::Text, false, "Where it is (default: us-east-1)."),
    ("assignments", Of::Many("assignment"), false, "Who may go where as what."),
];
const ASSIGNMENT: &[Row] = &[
    ("account", Of::One("account_id"), true, "Where they may go."),
    ("permission_set", Of::Text, true, "As what."),
    ("group", Of::Text, false, "Who: a group."),
    ("user", Of::Text, false, "Who: a user."),
];
const CREDIT: &[Row] = &[
    ("id", Of::Text, true, "Its number."),
    ("description", Of::Text, false, "What it is for."),
    ("amount", Of::Text, false, "In US dollars."),
];
const FAULT: &[Row] = &[
    ("on", Of::Text, true, "organizations:AcceptHandshake, organizations:* or *."),
    ("nth", Of::Integer(1, i64::MAX), false, "From which fitting request on (default: 1)."),
    ("kind", Of::One("fault_kind"), true, "What goes wrong."),
    ("account", Of::Text, false, "Only for requests of this account."),
    ("times", Of::Integer(1, i64::MAX), false, "How often (default: 1)."),
    ("lasting", Of::One("lasting"), false, "Of stale reads: how long, or how many reads."),
    ("delay", Of::Duration, false, "Of slow answers: how slow."),
    ("readers", Of::Texts, false, "Of stale reads: whose."),
    ("code", Of::Text, false, "Of errors: AWS's code, one that the operation has."),
    ("reason", Of::Text, false, "Of errors: AWS's reason, where the code has one."),
];
const COMMAND: &[Row] = &[
    ("step", Of::Text, true, "The step."),
    ("exit", Of::Integer(i64::MIN, i64::MAX), false, "Its exit code (default: 0)."),
    ("stdout", Of::Text, false, "What it prints."),
];

/// Every table, by the name of its definition.
pub(super) const TABLES: &[(&str, &[Row])] = &[
    ("", TOP),
    ("clock", CLOCK),
    ("timing", TIMING),
    ("settings", SETTINGS),
    ("account", ACCOUNT),
    ("invoice", INVOICE),
    ("organization", ORGANIZATION),
    ("unit", UNIT),
    ("delegated", DELEGATED),
    ("policy", POLICY),
    ("principal", PRINCIPAL),
    ("mfa", MFA),
    ("statement", STATEMENT),
    ("role", ROLE),
    ("stack_set", STACK_SET),
    ("share", SHARE),
    ("center", CENTER),
    ("assignment", ASSIGNMENT),
    ("credit", CREDIT),
    ("fault", FAULT),
    ("command", COMMAND),
];

/// The schema of every world file.
pub fn world() -> Value {
    let mut top = table(TOP, "A simulated AWS: how it looks at the start, and how it misbehaves.");
    top["$schema"] = json!(DRAFT);
    top["title"] = json!("Countersign world");
    let mut definitions = json!({
        "account_id": kind(Kind::AccountId),
        "precedence": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "fault_kind": {"type": "string", "enum": FaultKind::names().collect::<Vec<_>>()},
        "lasting": {"oneOf": [{"type": "integer", "minimum": 0}, kind(Kind::Duration)]},
    });
    for (name, rows) in &TABLES[1..] {
        definitions[*name] = table(rows, "");
    }
    top["definitions"] = definitions;
    top
}
