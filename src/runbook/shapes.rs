//! The keys of every table of a runbook.

use super::reader::Shape;

pub const TOP: Shape = Shape {
    name: "the runbook file",
    header: "",
    keys: &["schema", "runbook", "files", "parameters", "roles", "separation", "sessions", "holds", "stages"],
};
pub const RUNBOOK: Shape = Shape {
    name: "the table [runbook]",
    header: "[runbook]",
    keys: &["name", "title", "version", "description", "require_proof", "exclude_starter"],
};
pub const PARAMETER: Shape = Shape {
    name: "a parameter",
    header: "[parameters.ID]",
    keys: &["type", "description", "default", "example", "choices", "items", "columns", "min", "max"],
};
pub const ROLE: Shape = Shape { name: "a role", header: "[roles.ID]", keys: &["title", "party", "proof"] };
pub const SEPARATION: Shape = Shape { name: "the table [separation]", header: "[separation]", keys: &["apart"] };
pub const SESSION: Shape = Shape {
    name: "a session",
    header: "[sessions.ID]",
    keys: &[
        "account",
        "used_by",
        "kinds",
        "profile",
        "through",
        "assume_role",
        "external_id",
        "mfa",
        "assume_root",
        "region",
    ],
};
pub const HOLD: Shape = Shape {
    name: "a hold",
    header: "[holds.ID]",
    keys: &["title", "session", "prove", "by_hand", "instructions", "from", "until", "fresh_within"],
};
pub const STAGE: Shape = Shape {
    name: "a stage",
    header: "[[stages]]",
    keys: &[
        "id",
        "title",
        "when",
        "for_each",
        "key",
        "at_once",
        "canary",
        "stop_after",
        "needs_holds",
        "session",
        "performer",
        "approvals",
        "anchor",
        "steps",
    ],
};
pub const ANCHOR: Shape = Shape { name: "an anchor", header: "[stages.anchor]", keys: &["title", "capture", "prove"] };
pub const CAPTURE: Shape = Shape {
    name: "a capture",
    header: "[[stages.anchor.capture]]",
    keys: &["id", "action", "session", "with", "absent_if"],
};
pub const PROVE: Shape = Shape {
    name: "a proof of an anchor",
    header: "[[stages.anchor.prove]]",
    keys: &["kind", "instructions", "action", "session", "with", "expect", "expect_error", "within"],
};
pub const EXPECT: Shape = Shape {
    name: "a read that is checked",
    header: "",
    keys: &["action", "session", "with", "expect", "expect_error", "within"],
};
pub const APPROVAL: Shape =
    Shape { name: "an approval", header: "", keys: &["role", "count", "from_parties", "within", "run_within", "per"] };
pub const CONFIRM: Shape = Shape { name: "a confirmation", header: "", keys: &["text", "typed"] };
pub const SECRET_TO: Shape = Shape { name: "`secret_to`", header: "", keys: &["profile", "file", "prompt"] };
pub const FIELD: Shape =
    Shape { name: "a field", header: "", keys: &["name", "type", "text", "required", "choices", "example"] };
pub const EVIDENCE: Shape =
    Shape { name: "a piece of evidence", header: "", keys: &["name", "type", "by", "required", "example"] };

/// All keys that a step may have, whatever its kind.
pub const STEP: Shape = Shape {
    name: "a step",
    header: "[[stages.steps]]",
    keys: &[
        "id",
        "stage",
        "title",
        "kind",
        "performer",
        "session",
        "when",
        "confirm",
        "approvals",
        "verify",
        "undo",
        "no_undo",
        "point_of_no_return",
        "lost",
        "repair",
        "accept_existing",
        "even_though",
        "probe",
        "action",
        "with",
        "secret_to",
        "expect",
        "expect_error",
        "within",
        "for",
        "after",
        "until",
        "every",
        "fields",
        "instructions",
        "performers",
        "says",
        "evidence",
        "together",
        "settles",
        "mutates",
        "argv",
        "env",
        "credentials",
        "ok_exit",
        "touches",
    ],
};

/// The keys that belong to every kind of step.
pub const STEP_COMMON: &[&str] = &[
    "id",
    "stage",
    "title",
    "kind",
    "performer",
    "session",
    "when",
    "confirm",
    "approvals",
    "verify",
    "undo",
    "no_undo",
    "point_of_no_return",
    "lost",
    "repair",
    "accept_existing",
    "even_though",
];

/// The keys of each kind of its own.
pub const STEP_KINDS: &[(&str, &[&str])] = &[
    ("action", &["action", "with", "secret_to", "probe"]),
    ("read", &["action", "with"]),
    ("check", &["action", "with", "expect", "expect_error", "within"]),
    ("wait", &["for", "after", "until", "action", "with", "expect", "expect_error", "every", "within"]),
    ("ask", &["fields"]),
    ("manual", &["instructions", "performers", "says", "evidence", "together", "settles", "mutates"]),
    ("command", &["argv", "env", "credentials", "ok_exit", "within", "mutates", "touches", "probe"]),
];
