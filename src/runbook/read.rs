//! The top of a runbook: everything but its stages.

use super::kind::Kind;
use super::node::{At, Data, Node, Notes, Text};
use super::read_stage;
use super::reader::{Table, name, one_of, shown, unique};
use super::shapes::{EXPECT, HOLD, PARAMETER, ROLE, RUNBOOK, SEPARATION, SESSION, TOP};
use super::written::{Hold, Parameter, Proof, Role, Runbook, Session};
use crate::base::{Finding, Severity, escape};
use std::collections::BTreeSet;

/// Reads a runbook. None if anything that was found is an error.
pub fn read(file: &str, text: &str) -> (Option<Runbook>, Vec<Finding>) {
    let (runbook, found) = read_anyway(file, text);
    let failed = found.iter().any(|finding| finding.severity == Severity::Error);
    (if failed { None } else { runbook }, found)
}

/// As [`read`], but what could be read comes out even where there are errors (not where the syntax is
/// broken): so that `check` can say more at once. Never to be planned.
pub fn read_anyway(file: &str, text: &str) -> (Option<Runbook>, Vec<Finding>) {
    let mut notes = Notes::new(file, text);
    let (root, good) = super::node::parse(&mut notes);
    hidden_characters(&root, &mut notes);
    let runbook = read_root(&root, &mut notes);
    if !good {
        keep_what_syntax_does_not_explain(&mut notes);
    }
    (runbook.filter(|_| good), notes.sorted())
}

/// Texts that people read must be what they seem: nothing invisible, nothing that moves the cursor or turns
/// the direction. (They are escaped when shown; a runbook in good faith has none. Emoji selectors are harmless.)
fn hidden_characters(node: &Node, notes: &mut Notes) {
    match &node.is {
        Data::Text(text) => {
            let hidden =
                |c: &char| !escape::is_harmless(*c) && !matches!(c, '\n' | '\t' | '\r' | '\u{fe0e}' | '\u{fe0f}');
            if let Some(found) = text.chars().find(hidden) {
                let message =
                    format!("the text holds the character {}, which nobody sees", escape::line(&found.to_string()));
                notes.error("CS0115", &node.span, message, "remove it; it would be shown as it stands here");
            }
        }
        Data::List(items) => items.iter().for_each(|item| hidden_characters(item, notes)),
        Data::Table(entries) => entries.iter().for_each(|entry| hidden_characters(&entry.value, notes)),
        _ => {}
    }
}

/// Where the syntax is broken, the parser's guess misses keys and may have mangled a line.
fn keep_what_syntax_does_not_explain(notes: &mut Notes) {
    let syntax = notes.found.iter().filter(|finding| finding.code == "CS0101");
    let broken: BTreeSet<usize> = syntax.map(|finding| finding.place.line).collect();
    notes.found.retain(|finding| match finding.code {
        "CS0101" => true,
        "CS0102" | "CS0103" | "CS0105" | "CS0106" => !broken.contains(&finding.place.line),
        _ => false,
    });
}

fn read_root(root: &Node, notes: &mut Notes) -> Option<Runbook> {
    let top = Table::open(root, &TOP, "the runbook file", &[], notes)?;
    schema(&top, notes);
    let head = head(&top, notes);
    let files = texts_by_name(&top, "files", notes);
    let parameters = named(&top, "parameters", notes, parameter);
    let roles = named(&top, "roles", notes, role);
    let apart = separation(&top, notes);
    let sessions = named(&top, "sessions", notes, session);
    let holds = named(&top, "holds", notes, hold);
    let stages = read_stage::stages(&top, notes);
    let head = head?;
    Some(Runbook { files, parameters, roles, apart, sessions, holds, stages, source: notes.source.clone(), ..head })
}

fn schema(top: &Table<'_>, notes: &mut Notes) {
    match top.get("schema").map(|node| (&node.is, node.span.clone())) {
        Some((Data::Integer(1), _)) => {}
        Some((_, span)) => notes.error("CS0109", &span, "this version reads `schema = 1` only", ""),
        None => notes.error("CS0104", &(0..0), "the file has no `schema`", "write `schema = 1` at the top"),
    }
}

/// The table `[runbook]`, as a runbook without anything else.
fn head(top: &Table<'_>, notes: &mut Notes) -> Option<Runbook> {
    let Some(node) = top.get("runbook") else {
        notes.error("CS0104", &(0..0), "the file has no table `[runbook]`", "write `[runbook]` with at least `name`");
        return None;
    };
    let table = Table::open(node, &RUNBOOK, "the table [runbook]", &[&TOP], notes)?;
    let id = table.required("name", notes).filter(|id| name(id, notes));
    Some(Runbook {
        source: notes.source.clone(),
        title: table.text("title", notes),
        version: table.text("version", notes),
        description: table.text("description", notes),
        require_proof: table.boolean("require_proof", notes),
        exclude_starter: table.boolean("exclude_starter", notes),
        files: Vec::new(),
        parameters: Vec::new(),
        roles: Vec::new(),
        apart: Vec::new(),
        sessions: Vec::new(),
        holds: Vec::new(),
        stages: Vec::new(),
        name: id?,
    })
}

/// The entries of a table of named tables.
fn named<T>(
    top: &Table<'_>,
    key: &str,
    notes: &mut Notes,
    read: impl Fn(&Text, &Node, &mut Notes) -> Option<T>,
) -> Vec<T> {
    let Some(node) = top.get(key) else { return Vec::new() };
    let entries = Table::named(node, &format!("`{key}`"), notes);
    let mut out = Vec::new();
    for (id, node) in entries {
        let good = name(&id, notes);
        out.extend(read(&id, node, notes).filter(|_| good));
    }
    out
}

/// A table of names and texts.
pub(super) fn texts_by_name(table: &Table<'_>, key: &str, notes: &mut Notes) -> Vec<(Text, Text)> {
    let Some(node) = table.get(key) else { return Vec::new() };
    let mut out = Vec::new();
    for (id, node) in Table::named(node, &format!("`{key}` of {}", table.what), notes) {
        match node.text() {
            Some(text) => out.push((id, text)),
            None => {
                let message = format!("`{}` must be text, not {}", shown(&id.is), node.kind());
                notes.error("CS0105", &node.span, message, "");
            }
        }
    }
    out
}

/// A type by its name, where `key` must be one.
pub(super) fn kind(table: &Table<'_>, key: &str, notes: &mut Notes) -> Option<At<Kind>> {
    let text = table.text(key, notes)?;
    match Kind::parse(&text.is) {
        Some(kind) => Some(At::new(kind, text.span)),
        None => {
            let names: Vec<&str> = Kind::names().collect();
            notes.error(
                "CS0110",
                &text.span,
                format!("there is no type `{}`", shown(&text.is)),
                one_of(&text.is, &names),
            );
            None
        }
    }
}

pub(super) fn parameter(id: &Text, node: &Node, notes: &mut Notes) -> Option<Parameter> {
    let what = format!("the parameter `{}`", shown(&id.is));
    let table = Table::open(node, &PARAMETER, what, &[&TOP], notes)?;
    if !table.has("type") {
        table.missing("type", notes);
    }
    let of = kind(&table, "type", notes)?;
    if of.is == Kind::File {
        notes.error(
            "CS0110",
            &of.span,
            "a parameter can't be a file",
            "pin it under [files], or ask for it as evidence",
        );
    }
    let columns = columns(&table, notes);
    let parameter = Parameter {
        id: id.clone(),
        of: of.is,
        description: table.text("description", notes),
        default: table.get("default").cloned(),
        example: table.get("example").cloned(),
        choices: table.texts("choices", notes).unwrap_or_default(),
        items: kind(&table, "items", notes).map(|kind| kind.is),
        columns,
        min: table.integer("min", i64::MIN, i64::MAX, notes),
        max: table.integer("max", i64::MIN, i64::MAX, notes),
    };
    fitting_keys(&table, &parameter, notes);
    Some(parameter)
}

fn columns(table: &Table<'_>, notes: &mut Notes) -> Vec<Parameter> {
    let Some(node) = table.get("columns") else { return Vec::new() };
    let mut out = Vec::new();
    for (id, node) in Table::named(node, "`columns`", notes) {
        let column = name(&id, notes).then(|| parameter(&id, node, notes)).flatten();
        if let Some(column) = column {
            if matches!(column.of, Kind::List | Kind::Table | Kind::Document | Kind::Secret) {
                let hint = "columns are single values: text, integer, account_id, ...";
                notes.error("CS0110", &id.span, format!("a column can't be a {}", column.of.name()), hint);
            }
            out.push(column);
        }
    }
    out
}

/// `choices`, `items`, `columns`, `min` and `max` belong to some types only.
fn fitting_keys(table: &Table<'_>, parameter: &Parameter, notes: &mut Notes) {
    let of = parameter.of;
    let rules: &[(&str, bool, bool)] = &[
        ("choices", of == Kind::Choice, of == Kind::Choice),
        ("columns", of == Kind::Table, of == Kind::Table),
        ("items", of == Kind::List, false),
        ("min", matches!(of, Kind::Integer | Kind::String | Kind::List | Kind::Table), false),
        ("max", matches!(of, Kind::Integer | Kind::String | Kind::List | Kind::Table), false),
    ];
    for (key, allowed, needed) in rules {
        if table.has(key) && !allowed {
            let message = format!("`{key}` does not belong to a parameter of type {}", of.name());
            notes.error("CS0111", &table.key_span(key), message, "");
        }
        if *needed && !table.has(key) {
            table.missing(key, notes);
        }
    }
    if of == Kind::Secret && (table.has("default") || table.has("example")) {
        let key = if table.has("default") { "default" } else { "example" };
        let hint = "secrets come from a prompt, a file or the environment";
        notes.error("CS0315", &table.key_span(key), "a secret can't stand in a runbook", hint);
    }
}

fn role(id: &Text, node: &Node, notes: &mut Notes) -> Option<Role> {
    let table = Table::open(node, &ROLE, format!("the role `{}`", shown(&id.is)), &[&TOP], notes)?;
    let choices =
        [("signature", Proof::Signature), ("user_verified", Proof::UserVerified), ("mfa_code", Proof::MfaCode)];
    let title = table.text("title", notes);
    let proof = table.choice("proof", &choices, notes);
    Some(Role {
        id: id.clone(),
        title,
        party: table.required_if_there("party", notes),
        proof: proof.unwrap_or(At::new(Proof::Signature, id.span.clone())),
    })
}

fn separation(top: &Table<'_>, notes: &mut Notes) -> Vec<Vec<Text>> {
    let Some(node) = top.get("separation") else { return Vec::new() };
    let Some(table) = Table::open(node, &SEPARATION, "the table [separation]", &[&TOP], notes) else {
        return Vec::new();
    };
    let Some(node) = table.get("apart") else { return Vec::new() };
    let Data::List(groups) = &node.is else {
        let hint = "write for instance `apart = [[\"a\", \"b\"]]`";
        notes.error("CS0105", &node.span, "`apart` must be a list of lists of roles", hint);
        return Vec::new();
    };
    groups.iter().filter_map(|group| apart_group(group, notes)).collect()
}

fn apart_group(group: &Node, notes: &mut Notes) -> Option<Vec<Text>> {
    let hint = "write for instance `apart = [[\"a\", \"b\"]]`";
    let Data::List(roles) = &group.is else {
        notes.error("CS0105", &group.span, "each entry of `apart` is a list of roles", hint);
        return None;
    };
    let names: Vec<Text> = roles.iter().filter_map(Node::text).collect();
    if names.len() != roles.len() || names.len() < 2 {
        notes.error("CS0110", &group.span, "each entry of `apart` names two roles or more", hint);
        return None;
    }
    Some(names)
}

fn session(id: &Text, node: &Node, notes: &mut Notes) -> Option<Session> {
    let table = Table::open(node, &SESSION, format!("the session `{}`", shown(&id.is)), &[&TOP], notes)?;
    let kinds = table.texts("kinds", notes).unwrap_or_default();
    let known = ["root", "user", "role", "identity_center", "federated"];
    for kind in kinds.iter().filter(|kind| !known.contains(&kind.is.as_str())) {
        let message = format!("there is no kind of credentials `{}`", shown(&kind.is));
        notes.error("CS0110", &kind.span, message, one_of(&kind.is, &known));
    }
    let session = Session {
        id: id.clone(),
        used_by: table.texts("used_by", notes).unwrap_or_default(),
        kinds,
        profile: table.text("profile", notes),
        through: table.text("through", notes),
        assume_role: table.text("assume_role", notes),
        external_id: table.text("external_id", notes),
        mfa: table.boolean("mfa", notes),
        assume_root: table.text("assume_root", notes),
        region: table.text("region", notes),
        account: table.required("account", notes)?,
    };
    chained(&table, &session, notes);
    Some(session)
}

/// `through` goes with exactly one of `assume_role` and `assume_root`.
fn chained(table: &Table<'_>, session: &Session, notes: &mut Notes) {
    let assumes = usize::from(session.assume_role.is_some()) + usize::from(session.assume_root.is_some());
    let message = match (session.through.is_some(), assumes) {
        (false, 0) | (true, 1) => None,
        (true, _) => Some(("through", "`through` needs exactly one of `assume_role` and `assume_root`")),
        (false, _) if session.assume_role.is_some() => {
            Some(("assume_role", "`assume_role` needs `through`: the session whose credentials assume it"))
        }
        (false, _) => Some(("assume_root", "`assume_root` needs `through`: the session whose credentials assume it")),
    };
    if let Some((key, message)) = message {
        notes.error("CS0112", &table.key_span(key), message, "");
    }
    for key in ["external_id", "mfa"] {
        if table.has(key) && session.assume_role.is_none() {
            notes.error("CS0112", &table.key_span(key), format!("`{key}` goes with `assume_role` only"), "");
        }
    }
    if session.through.is_some() && session.profile.is_some() {
        let message = "a session that goes `through` another has no `profile` of its own";
        notes.error("CS0112", &table.key_span("profile"), message, "");
    }
}

fn hold(id: &Text, node: &Node, notes: &mut Notes) -> Option<Hold> {
    let table = Table::open(node, &HOLD, format!("the hold `{}`", shown(&id.is)), &[&TOP], notes)?;
    let prove = table.tables("prove", notes);
    let prove: Vec<_> = prove
        .into_iter()
        .filter_map(|node| read_stage::expect_table(node, &EXPECT, "a proof of the hold", &[&HOLD, &TOP], notes))
        .collect();
    let by_hand = table.texts("by_hand", notes).unwrap_or_default();
    if prove.is_empty() == by_hand.is_empty() {
        let hint = "`session` with `prove` (reads), or `by_hand` (roles) with `instructions`";
        notes.error("CS0112", &id.span, "a hold is proved either by reads or by hand", hint);
    }
    if !by_hand.is_empty() && !table.has("instructions") {
        table.missing("instructions", notes);
    }
    Some(Hold {
        id: id.clone(),
        span: id.span.clone(),
        title: table.text("title", notes),
        session: table.text("session", notes),
        prove,
        by_hand,
        instructions: table.text("instructions", notes),
        from: table.required("from", notes),
        until: table.required("until", notes),
        fresh_within: table.duration("fresh_within", notes),
    })
}

/// Reports second uses of ids that TOML itself does not refuse.
pub(super) fn unique_ids<'a>(ids: impl IntoIterator<Item = &'a Text>, what: &str, notes: &mut Notes) {
    unique(ids, what, notes);
}
