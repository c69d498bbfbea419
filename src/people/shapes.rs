//! The keys of every table of a people file.

use crate::runbook::reader::Shape;

pub const TOP: Shape = Shape { name: "the people file", header: "", keys: &["schema", "people", "break_glass"] };
pub const PERSON: Shape =
    Shape { name: "a person", header: "[people.ID]", keys: &["name", "party", "roles", "keys", "mfa"] };
pub const MFA: Shape = Shape { name: "an MFA device", header: "", keys: &["serial", "role"] };
pub const BREAK_GLASS: Shape = Shape { name: "the table [break_glass]", header: "[break_glass]", keys: &["people"] };
