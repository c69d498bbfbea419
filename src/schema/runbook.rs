//! The schema of runbooks: one table of rows for each table of the language.

use super::DRAFT;
use super::key::{Of, Row, exactly_one, filled, table, with};
use crate::runbook::kind::Kind;
use crate::runbook::shapes::{STEP_COMMON, STEP_KINDS};
use serde_json::{Map, Value, json};

const CREDENTIALS: &[&str] = &["root", "user", "role", "identity_center", "federated"];
const FACTS: &[&str] = &["payment_method", "phone", "agreement", "support_plan", "mailbox", "root_mfa"];

const TOP: &[Row] = &[
    ("schema", Of::Integer(1, 1), true, "The version of the language: 1."),
    ("runbook", Of::One("runbook"), true, "What this runbook is."),
    ("files", Of::Named, false, "Pinned files: id = path below the runbook."),
    ("parameters", Of::ById("parameter"), false, "What a run is given."),
    ("roles", Of::ById("role"), false, "Who performs and who approves."),
    ("separation", Of::One("separation"), false, "Which roles no one person may hold together."),
    ("sessions", Of::ById("session"), false, "Named credentials, each pinned to an account."),
    ("holds", Of::ById("hold"), false, "Ways in that must stay until they are released."),
    ("stages", Of::Some("stage"), true, "What is done, in order."),
];
const RUNBOOK: &[Row] = &[
    ("name", Of::Id, true, "An id: small letters, digits and _."),
    ("title", Of::Text, false, "What people read."),
    ("version", Of::Text, false, "The runbook's own version."),
    ("description", Of::Text, false, "What it is for, and what it is not for."),
    ("require_proof", Of::Flag, false, "Run only what was proved (default: false)."),
    ("exclude_starter", Of::Flag, false, "Who opened the run may not approve (default: false)."),
];
const PARAMETER: &[Row] = &[
    ("type", Of::One("type"), true, "The type of its values."),
    ("description", Of::Text, false, "What it is; shown where a value is wrong."),
    ("default", Of::Any, false, "Used where no value is given."),
    ("example", Of::Any, false, "What a rehearsal uses where no value is given."),
    ("choices", Of::Texts, false, "The possible values of a choice."),
    ("items", Of::One("type"), false, "What the items of a list are."),
    ("columns", Of::ById("parameter"), false, "The columns of a table."),
    ("min", Of::Integer(i64::MIN, i64::MAX), false, "Least number, or length."),
    ("max", Of::Integer(i64::MIN, i64::MAX), false, "Greatest number, or length."),
];
const ROLE: &[Row] = &[
    ("title", Of::Text, false, "What people read."),
    ("party", Of::Filled, false, "The company whose people may hold it; any if left out."),
    (
        "proof",
        Of::Choice(&["signature", "user_verified", "mfa_code"]),
        false,
        "What its approvals need (default: signature).",
    ),
];
const SEPARATION: &[Row] =
    &[("apart", Of::One("apart"), false, "Lists of roles: nobody holds two of one list in the same run.")];
const SESSION: &[Row] = &[
    ("account", Of::Filled, true, "The account that the credentials must belong to."),
    ("used_by", Of::Texts, false, "Roles that may change things through it."),
    ("kinds", Of::Choices(CREDENTIALS), false, "Kinds of credentials that are accepted."),
    ("profile", Of::Text, false, "The AWS profile, where the command line binds none."),
    ("through", Of::Text, false, "The session whose credentials assume the role."),
    ("assume_role", Of::Text, false, "The role to assume in the account."),
    ("external_id", Of::Text, false, "The external id of the assumed role."),
    ("mfa", Of::Flag, false, "Assume the role with MFA."),
    ("assume_root", Of::Text, false, "The task policy of a root session."),
    ("region", Of::Text, false, "The AWS region."),
];
const HOLD: &[Row] = &[
    ("title", Of::Text, false, "What people read."),
    ("session", Of::Text, false, "The session of its reads."),
    ("prove", Of::Many("expect"), false, "Reads that show that the way in works."),
    ("by_hand", Of::Texts, false, "Roles that all sign that they got in."),
    ("instructions", Of::Text, false, "What they do to see it; Markdown."),
    ("from", Of::Filled, true, "The stage whose end begins it."),
    ("until", Of::Filled, true, "The stage whose end releases it."),
    ("fresh_within", Of::Duration, false, "How old its last proof may be at a point of no return."),
];
const STAGE: &[Row] = &[
    ("id", Of::Id, true, "An id, unique among the stages."),
    ("title", Of::Text, false, "What people read."),
    ("when", Of::Text, false, "One ${...} that gives true or false: whether the stage applies."),
    ("for_each", Of::One("for_each"), false, "A list: the stage is done for each item of it."),
    ("key", Of::Text, false, "How an item is named; needed with for_each."),
    ("at_once", Of::Integer(1, 1000), false, "How many items at the same time (default: 1)."),
    ("canary", Of::Integer(0, 1000), false, "So many items go first; then somebody says to go on (default: 0)."),
    ("stop_after", Of::Integer(1, 1_000_000), false, "Stop after so many failed items (default: 1)."),
    ("needs_holds", Of::Texts, false, "Holds that must live."),
    ("session", Of::Text, false, "The default session of its steps."),
    ("performer", Of::Text, false, "The default performer of its steps: a role."),
    ("approvals", Of::Many("approval"), false, "The default approvals of its steps."),
    ("anchor", Of::One("anchor"), false, "The state that the stage can be brought back to."),
    ("steps", Of::Some("step"), true, "What is done, in order."),
];
const ANCHOR: &[Row] = &[
    ("title", Of::Text, false, "The state, in words."),
    ("capture", Of::Many("capture"), false, "Reads whose answers an undo needs."),
    ("prove", Of::Many("prove"), false, "Reads that show that the state is as it must be."),
];
const CAPTURE: &[Row] = &[
    ("id", Of::Id, true, "Its name in ${anchor.ID}."),
    ("action", Of::Filled, true, "A reading action."),
    ("session", Of::Text, false, "The session; the stage's if left out."),
    ("with", Of::Table, false, "Parameters, with AWS's own names."),
    ("absent_if", Of::Text, false, "The error code that means: there is none."),
];
const PROVE: &[Row] = &[
    ("kind", Of::Choice(&["manual"]), false, "manual: people look, and sign."),
    ("instructions", Of::Filled, false, "What they look at; Markdown."),
    ("action", Of::Filled, false, "A reading action."),
    ("session", Of::Text, false, "The session; the stage's if left out."),
    ("with", Of::Table, false, "Parameters, with AWS's own names."),
    ("expect", Of::Text, false, "A JMESPath condition over the answer."),
    ("expect_error", Of::Text, false, "The error code that must come."),
    ("within", Of::Duration, false, "Read again until it holds, at most so long."),
];
const EXPECT: &[Row] = &[
    ("action", Of::Filled, true, "A reading action."),
    ("session", Of::Text, false, "The session; the stage's if left out."),
    ("with", Of::Table, false, "Parameters, with AWS's own names."),
    ("expect", Of::Text, false, "A JMESPath condition over the answer."),
    ("expect_error", Of::Text, false, "The error code that must come."),
    ("within", Of::Duration, false, "Read again until it holds, at most so long."),
];
const APPROVAL: &[Row] = &[
    ("role", Of::Filled, true, "Who approves."),
    ("count", Of::Integer(1, 100), false, "How many people of the role (default: 1)."),
    ("from_parties", Of::Integer(1, 100), false, "Of how many companies (default: 1)."),
    ("within", Of::Duration, false, "Approve within this time after asking (default: 24h)."),
    ("run_within", Of::Duration, false, "Run within this time after the approval (default: 1h)."),
    ("per", Of::Choice(&["step", "item", "stage"]), false, "What one decision covers (default: step)."),
];
const CONFIRM: &[Row] = &[
    ("text", Of::Filled, true, "The question to the performer."),
    ("typed", Of::Text, false, "What must be typed, for instance the account id."),
];
const SECRET_TO: &[Row] = &[
    ("profile", Of::Text, false, "An AWS profile that is written."),
    ("file", Of::Text, false, "A file that is written."),
    ("prompt", Of::Flag, false, "Shown once on the terminal."),
];
const FIELD: &[Row] = &[
    ("name", Of::Id, true, "Its name in the output."),
    ("type", Of::One("type"), false, "The type of the answer (default: string)."),
    ("text", Of::Text, false, "The question."),
    ("required", Of::Flag, false, "Whether it must be answered."),
    ("choices", Of::Texts, false, "The possible answers of a choice."),
    ("example", Of::Any, false, "What simulated people answer."),
];
const EVIDENCE: &[Row] = &[
    ("name", Of::Id, true, "Its name in the output."),
    ("type", Of::One("any_type"), false, "Its type; file for a file (default: string)."),
    ("by", Of::Text, false, "The role that gives it."),
    ("required", Of::Flag, false, "Whether it must be given."),
    ("example", Of::Any, false, "What simulated people give."),
];
const STEP: &[Row] = &[
    ("id", Of::Id, true, "An id, unique in its stage."),
    ("stage", Of::Text, false, "The stage it belongs to: checked against where TOML puts it."),
    ("title", Of::Text, false, "What people read."),
    (
        "kind",
        Of::Choice(&["action", "read", "check", "wait", "ask", "manual", "command"]),
        false,
        "What the step is (default: action).",
    ),
    ("performer", Of::Text, false, "The role that carries it out."),
    ("session", Of::Text, false, "The credentials it uses."),
    ("when", Of::Text, false, "One ${...} that gives true or false: whether it applies."),
    ("confirm", Of::One("confirm"), false, "The performer says yes once more."),
    ("approvals", Of::Many("approval"), false, "Who must agree; all of them."),
    ("verify", Of::Many("expect"), false, "Checks after it, besides the action's own."),
    ("undo", Of::One("undo"), false, "\"usual\", or the steps that take it back."),
    ("no_undo", Of::Filled, false, "Why it needs none; only where the catalogue allows it."),
    ("point_of_no_return", Of::Filled, false, "Why there is no way back."),
    ("lost", Of::Text, false, "What an undo does not bring back."),
    ("repair", Of::Many("step"), false, "Forward repair after a point of no return."),
    ("accept_existing", Of::Flag, false, "What is there already counts as done."),
    ("even_though", Of::Named, false, "Hazards that are accepted: name = reason."),
    ("probe", Of::One("probe"), false, "Which session sees which side; of a command, the read that tells."),
    ("action", Of::Filled, false, "AWS's own name: service:Operation."),
    ("with", Of::Table, false, "Parameters, with AWS's own names."),
    ("secret_to", Of::One("secret_to"), false, "Where a secret answer goes."),
    ("expect", Of::Text, false, "A JMESPath condition over the answer."),
    ("expect_error", Of::Text, false, "The error code that must come."),
    ("within", Of::Duration, false, "The longest it may take."),
    ("for", Of::Duration, false, "How long to wait."),
    ("after", Of::Text, false, "The time from which `for` counts."),
    ("until", Of::Filled, false, "The time to wait for."),
    ("every", Of::Duration, false, "How often to look."),
    ("fields", Of::Some("field"), false, "What is asked."),
    ("instructions", Of::Filled, false, "What people do; Markdown."),
    ("performers", Of::One("performers"), false, "Two or more roles who all sign."),
    ("says", Of::Named, false, "What each role signs: role = sentence."),
    ("evidence", Of::Many("evidence"), false, "What people bring along."),
    ("together", Of::Duration, false, "All sign within this time."),
    ("settles", Of::Choices(FACTS), false, "Facts that no API tells."),
    ("mutates", Of::Flag, false, "Whether it changes something (default: true)."),
    ("argv", Of::One("argv"), false, "The program and its arguments; no shell reads them."),
    ("env", Of::Named, false, "Environment of the program."),
    ("credentials", Of::Text, false, "The session whose credentials the program gets."),
    ("ok_exit", Of::One("ok_exit"), false, "Exit codes that are fine (default: 0)."),
    ("touches", Of::Any, false, "What the program changes."),
];

/// Every table of the language, by the name of its definition.
pub(super) const TABLES: &[(&str, &[Row])] = &[
    ("", TOP),
    ("runbook", RUNBOOK),
    ("parameter", PARAMETER),
    ("role", ROLE),
    ("separation", SEPARATION),
    ("session", SESSION),
    ("hold", HOLD),
    ("stage", STAGE),
    ("anchor", ANCHOR),
    ("capture", CAPTURE),
    ("prove", PROVE),
    ("expect", EXPECT),
    ("approval", APPROVAL),
    ("confirm", CONFIRM),
    ("secret_to", SECRET_TO),
    ("field", FIELD),
    ("evidence", EVIDENCE),
    ("step", STEP),
];

/// The schema of every runbook.
pub fn runbook() -> Value {
    let mut definitions: Map<String, Value> =
        TABLES[1..].iter().map(|(name, rows)| ((*name).to_owned(), ruled(name, rows))).collect();
    definitions.extend(pieces());
    let mut top = table(TOP, "A runbook of Countersign.");
    top["$schema"] = json!(DRAFT);
    top["title"] = json!("Countersign runbook");
    top["definitions"] = Value::Object(definitions);
    top
}

/// A table with the rules between its keys.
fn ruled(name: &str, rows: &[Row]) -> Value {
    let plain = table(rows, "");
    match name {
        "expect" => with(plain, vec![exactly_one(&["expect", "expect_error"])]),
        "prove" => with(
            plain,
            vec![json!({
                "if": {"required": ["kind"]},
                "then": {"required": ["instructions"], "propertyNames": {"enum": ["kind", "instructions"]}},
                "else": with(json!({"required": ["action"]}), vec![exactly_one(&["expect", "expect_error"])]),
            })],
        ),
        "stage" => with(
            plain,
            vec![json!({"dependencies": {
                "for_each": ["key"], "key": ["for_each"], "at_once": ["for_each"], "canary": ["for_each"],
                "stop_after": ["for_each"],
            }})],
        ),
        "session" => with(
            plain,
            vec![json!({"dependencies": {
                "assume_role": ["through"], "assume_root": ["through"], "external_id": ["assume_role"],
                "mfa": ["assume_role"],
            }})],
        ),
        "secret_to" => with(plain, vec![exactly_one(&["profile", "file", "prompt"])]),
        "hold" => with(plain, vec![exactly_one(&["prove", "by_hand"])]),
        "step" => with(plain, STEP_KINDS.iter().map(|(kind, own)| of_kind(kind, own)).collect()),
        _ => plain,
    }
}

/// What a step of this kind may have and must have; a step without `kind` is an action.
fn of_kind(kind: &str, own: &[&str]) -> Value {
    let mut condition = json!({"properties": {"kind": {"const": kind}}});
    if kind != "action" {
        condition["required"] = json!(["kind"]);
    }
    let keys: Vec<&&str> = STEP_COMMON.iter().chain(own).collect();
    let mut then = json!({"propertyNames": {"enum": keys}});
    let required: &[&str] = match kind {
        "action" | "read" | "check" => &["action"],
        "ask" => &["fields"],
        "manual" => &["instructions"],
        "command" => &["argv"],
        _ => &[],
    };
    then["required"] = json!(required);
    match kind {
        "check" => then["allOf"] = json!([exactly_one(&["expect", "expect_error"])]),
        "wait" => {
            then["allOf"] = json!([exactly_one(&["for", "until", "action"]), {"dependencies": {"after": ["for"]}}]);
        }
        _ => {}
    }
    json!({"if": condition, "then": then})
}

/// Definitions that are no tables of fixed keys.
fn pieces() -> Map<String, Value> {
    let all: Vec<&str> = Kind::names().collect();
    let without_file: Vec<&&str> = all.iter().filter(|name| **name != Kind::File.name()).collect();
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let at_least = |count: u32| {
        let mut list = texts.clone();
        list["minItems"] = json!(count);
        list
    };
    let apart = at_least(2);
    let steps = json!({"type": "array", "items": {"$ref": "#/definitions/step"}, "minItems": 1});
    let exit = json!({"type": "integer", "minimum": 0, "maximum": 255});
    let pieces = json!({
        "type": {"type": "string", "enum": without_file},
        "any_type": {"type": "string", "enum": all},
        "apart": {"type": "array", "items": apart},
        "for_each": {"oneOf": [filled(), {"type": "array"}]},
        "undo": {"oneOf": [{"const": "usual"}, steps]},
        "performers": at_least(2),
        "argv": at_least(1),
        "ok_exit": {"oneOf": [exit, {"type": "array", "items": exit}]},
        "probe": {"oneOf": [
            {
                "type": "object", "additionalProperties": false,
                "properties": {
                    "caller": {"type": "string"}, "management": {"type": "string"}, "member": {"type": "string"},
                },
            },
            {"$ref": "#/definitions/expect"},
        ]},
    });
    match pieces {
        Value::Object(pieces) => pieces,
        _ => Map::new(),
    }
}
