//! The schema of people files.

use super::DRAFT;
use super::key::{ID, Of, Row, table};
use serde_json::{Value, json};

pub(super) const TOP: &[Row] = &[
    ("schema", Of::Integer(1, 1), true, "The version of the format: 1."),
    ("people", Of::ById("person"), true, "Who is who."),
    ("break_glass", Of::One("break_glass"), false, "Who may stand in for missing approvals in an emergency."),
];
pub(super) const PERSON: &[Row] = &[
    ("name", Of::Filled, true, "The name that others read."),
    ("party", Of::Id, true, "The company that the person belongs to: an id."),
    ("roles", Of::One("roles"), false, "The roles that the person holds."),
    ("keys", Of::One("keys"), true, "Lines of .pub files: the person's own public keys."),
    ("mfa", Of::One("mfa"), false, "The MFA device for approvals with a code."),
];
pub(super) const MFA: &[Row] = &[
    ("serial", Of::One("arn"), true, "The device's ARN."),
    ("role", Of::One("arn"), true, "The role whose session the code opens."),
];
pub(super) const BREAK_GLASS: &[Row] = &[("people", Of::Texts, false, "Ids of people.")];

/// The schema of every people file.
pub fn people() -> Value {
    let key = "^(ssh-ed25519|sk-ssh-ed25519@openssh\\.com|sk-ecdsa-sha2-nistp256@openssh\\.com) ";
    let mut top = table(TOP, "Who is who: people, parties, roles and keys.");
    top["$schema"] = json!(DRAFT);
    top["title"] = json!("Countersign people file");
    top["definitions"] = json!({
        "person": table(PERSON, ""),
        "mfa": table(MFA, ""),
        "break_glass": table(BREAK_GLASS, ""),
        "roles": {"type": "array", "items": {"type": "string", "pattern": ID}},
        "keys": {"type": "array", "items": {"type": "string", "pattern": key}},
        "arn": {"type": "string", "pattern": "^arn:[^\\s:]*:[^\\s:]*:[^\\s:]*:[^\\s:]*:\\S*$"},
    });
    top
}
