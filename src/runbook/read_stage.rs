//! Stages, anchors and steps of a runbook.

use super::node::{At, Data, Node, Notes, Text};
use super::read::{kind, texts_by_name, unique_ids};
use super::reader::{Shape, Table, name, one_of, shown};
use super::shapes::{
    ANCHOR, APPROVAL, CAPTURE, CONFIRM, EVIDENCE, EXPECT, FIELD, PROVE, SECRET_TO, STAGE, STEP, STEP_COMMON,
    STEP_KINDS, TOP,
};
use super::written::{
    Action, Anchor, Approval, Approvals, Body, Capture, Command, Confirm, Evidence, Expect, Field, Manual, Per, Prove,
    Read, Stage, Step, Undo, Until, Wait,
};

pub(super) fn stages(top: &Table<'_>, notes: &mut Notes) -> Vec<Stage> {
    let nodes = top.tables("stages", notes);
    if nodes.is_empty() && !top.has("stages") {
        notes.error("CS0113", &(0..0), "the runbook has no stages", "write at least one `[[stages]]` with a step");
    }
    let stages: Vec<Stage> = nodes.into_iter().filter_map(|node| stage(node, notes)).collect();
    unique_ids(stages.iter().map(|stage| &stage.id), "stages", notes);
    stages
}

fn stage(node: &Node, notes: &mut Notes) -> Option<Stage> {
    let what = called("the stage", node);
    let table = Table::open(node, &STAGE, &what, &[&TOP], notes)?;
    let id = table.id(notes);
    let anchor = table.get("anchor").and_then(|node| anchor(node, &what, notes));
    let nodes = table.tables("steps", notes);
    if nodes.is_empty() {
        notes.error("CS0113", &node.span, format!("{what} has no steps"), "write at least one `[[stages.steps]]`");
    }
    let around: &[&Shape] = &[&STAGE, &TOP];
    let mut steps = Vec::new();
    for node in nodes {
        if let Some(step) = step(node, around, notes) {
            placed(node, &step, id.as_ref(), notes);
            steps.push(step);
        }
    }
    unique_ids(steps.iter().map(|step| &step.id), "steps of one stage", notes);
    let for_each = for_each(&table, notes);
    repeats(&table, for_each.is_some(), notes);
    Some(Stage {
        id: id?,
        span: node.span.clone(),
        title: table.text("title", notes),
        when: table.text("when", notes),
        for_each,
        key: table.text("key", notes),
        at_once: table.integer("at_once", 1, 1000, notes),
        canary: table.integer("canary", 0, 1000, notes),
        stop_after: table.integer("stop_after", 1, 1_000_000, notes),
        needs_holds: table.texts("needs_holds", notes).unwrap_or_default(),
        session: table.text("session", notes),
        performer: table.text("performer", notes),
        approvals: approvals(&table, notes),
        anchor,
        steps,
    })
}

fn for_each(table: &Table<'_>, notes: &mut Notes) -> Option<Node> {
    let node = table.get("for_each")?;
    if !matches!(node.is, Data::Text(_) | Data::List(_)) {
        let hint = "write `for_each = \"${parameters.NAME}\"`, or a list";
        notes.error(
            "CS0105",
            &node.span,
            format!("`for_each` must be a `${{...}}` or a list, not {}", node.kind()),
            hint,
        );
        return None;
    }
    Some(node.clone())
}

/// What goes with `for_each` only, and what `for_each` needs.
fn repeats(table: &Table<'_>, repeats: bool, notes: &mut Notes) {
    if repeats && !table.has("key") {
        let hint = "for instance `key = \"${item.id}\"`: how items are named in steps, approvals and the journal";
        notes.error(
            "CS0104",
            &table.key_span("for_each"),
            format!("{} has `for_each`, but no `key`", table.what),
            hint,
        );
    }
    for key in ["key", "at_once", "canary", "stop_after"] {
        if !repeats && table.has(key) && !table.has("for_each") {
            let message = format!("`{key}` goes with `for_each` only");
            notes.error("CS0112", &table.key_span(key), message, "");
        }
    }
}

/// A step may say in which stage it stands, against a slip with TOML's headers.
fn placed(node: &Node, step: &Step, stage: Option<&Text>, notes: &mut Notes) {
    let (Some(says), Some(stage)) = (node.get("stage").and_then(Node::text), stage) else { return };
    if says.is != stage.is {
        let message = format!(
            "the step `{}` says that it belongs to the stage `{}`, but TOML puts it into `{}`",
            shown(&step.id.is),
            shown(&says.is),
            shown(&stage.is)
        );
        notes.error("CS0114", &says.span, message, "a step belongs to the last `[[stages]]` above it");
    }
}

fn anchor(node: &Node, stage: &str, notes: &mut Notes) -> Option<Anchor> {
    let what = format!("the anchor of {stage}");
    let table = Table::open(node, &ANCHOR, &what, &[&STAGE, &TOP], notes)?;
    let capture: Vec<Capture> =
        table.tables("capture", notes).into_iter().filter_map(|node| capture(node, notes)).collect();
    unique_ids(capture.iter().map(|capture| &capture.id), "captures of one anchor", notes);
    let prove = table.tables("prove", notes).into_iter().filter_map(|node| prove(node, notes)).collect();
    Some(Anchor { span: node.span.clone(), title: table.text("title", notes), capture, prove })
}

fn capture(node: &Node, notes: &mut Notes) -> Option<Capture> {
    let table = Table::open(node, &CAPTURE, called("the capture", node), &[&ANCHOR, &STAGE, &TOP], notes)?;
    let id = table.id(notes);
    let read = read(&table, notes);
    Some(Capture { id: id?, read: read?, absent_if: table.text("absent_if", notes) })
}

fn prove(node: &Node, notes: &mut Notes) -> Option<Prove> {
    let around: &[&Shape] = &[&ANCHOR, &STAGE, &TOP];
    if node.get("kind").is_none() {
        return expect_table(node, &PROVE, "the proof of an anchor", around, notes)
            .map(|expect| Prove::Read(Box::new(expect)));
    }
    let table = Table::open(node, &PROVE, "the proof of an anchor", around, notes)?;
    table.choice("kind", &[("manual", ())], notes)?;
    for key in table.keys().filter(|key| !matches!(key.is.as_str(), "kind" | "instructions")) {
        if PROVE.keys.contains(&key.is.as_str()) {
            notes.error("CS0111", &key.span, format!("`{}` does not belong to a manual proof", shown(&key.is)), "");
        }
    }
    table.required("instructions", notes).map(Prove::Manual)
}

/// A table with a read and what its answer must be.
pub(super) fn expect_table(
    node: &Node,
    shape: &Shape,
    what: &str,
    around: &[&Shape],
    notes: &mut Notes,
) -> Option<Expect> {
    let table = Table::open(node, shape, what, around, notes)?;
    expect(&table, notes)
}

fn expect(table: &Table<'_>, notes: &mut Notes) -> Option<Expect> {
    let read = read(table, notes);
    let found = Expect {
        expect: table.text("expect", notes),
        expect_error: table.text("expect_error", notes),
        within: table.duration("within", notes),
        read: read?,
    };
    if table.has("expect") == table.has("expect_error") {
        let message = format!("{} needs exactly one of `expect` and `expect_error`", table.what);
        notes.error("CS0112", &table.span, message, "");
        return None;
    }
    Some(found)
}

fn read(table: &Table<'_>, notes: &mut Notes) -> Option<Read> {
    let session = table.text("session", notes);
    let with = with(table, notes);
    Some(Read { span: table.span.clone(), session, with, action: table.required("action", notes)? })
}

fn with(table: &Table<'_>, notes: &mut Notes) -> Node {
    match table.get("with") {
        None => Node::empty_table(table.span.clone()),
        Some(node) if matches!(node.is, Data::Table(_)) => node.clone(),
        Some(node) => {
            let hint = "write `with = { Name = value }`, with AWS's own parameter names";
            notes.error("CS0105", &node.span, format!("`with` must be a table, not {}", node.kind()), hint);
            Node::empty_table(node.span.clone())
        }
    }
}

fn approvals(table: &Table<'_>, notes: &mut Notes) -> Option<Approvals> {
    let node = table.get("approvals")?;
    let nodes = table.tables("approvals", notes);
    let list = nodes.into_iter().filter_map(|node| approval(node, notes)).collect();
    Some(At::new(list, node.span.clone()))
}

fn approval(node: &Node, notes: &mut Notes) -> Option<Approval> {
    let table = Table::open(node, &APPROVAL, "the approval", &[&STEP, &STAGE], notes)?;
    let per = [("step", Per::Step), ("item", Per::Item), ("stage", Per::Stage)];
    Some(Approval {
        span: node.span.clone(),
        count: table.integer("count", 1, 100, notes),
        from_parties: table.integer("from_parties", 1, 100, notes),
        within: table.duration("within", notes),
        run_within: table.duration("run_within", notes),
        per: table.choice("per", &per, notes),
        role: table.required("role", notes)?,
    })
}

/// One step; `around` are the shapes of the tables that it lies in.
fn step(node: &Node, around: &[&Shape], notes: &mut Notes) -> Option<Step> {
    let what = called("the step", node);
    let table = Table::open(node, &STEP, &what, around, notes)?;
    let kind = step_kind(&table, notes);
    let inner: Vec<&Shape> = std::iter::once(&STEP).chain(around.iter().copied()).collect();
    let id = table.id(notes);
    let verify = table
        .tables("verify", notes)
        .into_iter()
        .filter_map(|node| expect_table(node, &EXPECT, &format!("a check of {what}"), &inner, notes))
        .collect();
    let undo = undo(&table, &inner, notes);
    let repair = steps(&table, "repair", &inner, notes);
    let confirm = table.get("confirm").and_then(|node| confirm(node, &inner, notes));
    let body = kind.and_then(|kind| body(&table, kind, &inner, notes));
    Some(Step {
        id: id?,
        span: table.key_span("id"),
        title: table.text("title", notes),
        performer: table.text("performer", notes),
        session: table.text("session", notes),
        when: table.text("when", notes),
        confirm,
        approvals: approvals(&table, notes),
        verify,
        undo,
        no_undo: table.required_if_there("no_undo", notes),
        point_of_no_return: table.required_if_there("point_of_no_return", notes),
        lost: table.text("lost", notes),
        repair,
        accept_existing: table.boolean("accept_existing", notes),
        even_though: texts_by_name(&table, "even_though", notes),
        body: body?,
    })
}

/// The kind's name, its keys checked.
fn step_kind(table: &Table<'_>, notes: &mut Notes) -> Option<&'static str> {
    let choices: Vec<(&str, &'static str)> = STEP_KINDS.iter().map(|(name, _)| (*name, *name)).collect();
    let kind = if table.has("kind") { table.choice("kind", &choices, notes)?.is } else { "action" };
    let own = STEP_KINDS.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, keys)| keys);
    for key in table.keys() {
        let text = key.is.as_str();
        if !STEP.keys.contains(&text) || STEP_COMMON.contains(&text) || own.contains(&text) {
            continue;
        }
        let homes: Vec<&str> =
            STEP_KINDS.iter().filter(|(_, keys)| keys.contains(&text)).map(|(name, _)| *name).collect();
        let hint = if table.has("kind") {
            format!("`{text}` belongs to kind {}", homes.join(", "))
        } else {
            format!("`{text}` belongs to kind {}; this step has no `kind`, so it is an action", homes.join(", "))
        };
        notes.error("CS0111", &key.span, format!("{} is of kind {kind}, which has no `{text}`", table.what), hint);
    }
    Some(kind)
}

fn steps(table: &Table<'_>, key: &str, around: &[&Shape], notes: &mut Notes) -> Vec<Step> {
    let steps: Vec<Step> = table.tables(key, notes).into_iter().filter_map(|node| step(node, around, notes)).collect();
    unique_ids(steps.iter().map(|step| &step.id), &format!("{key} steps of one step"), notes);
    steps
}

fn undo(table: &Table<'_>, around: &[&Shape], notes: &mut Notes) -> Option<At<Undo>> {
    let node = table.get("undo")?;
    let span = table.key_span("undo");
    match &node.is {
        Data::Text(text) if text == "usual" => Some(At::new(Undo::Usual, span)),
        Data::Text(text) => {
            let hint = "write `undo = \"usual\"`, or the steps as `[[stages.steps.undo]]`";
            notes.error("CS0110", &node.span, format!("there is no undo `{}`", shown(text)), hint);
            None
        }
        Data::List(items) if items.is_empty() => {
            let hint = "say `point_of_no_return = \"why\"` if there is no way back";
            notes.error("CS0113", &node.span, format!("the undo of {} is empty", table.what), hint);
            None
        }
        _ => Some(At::new(Undo::Steps(steps(table, "undo", around, notes)), span)),
    }
}

fn confirm(node: &Node, around: &[&Shape], notes: &mut Notes) -> Option<Confirm> {
    let table = Table::open(node, &CONFIRM, "the confirmation", around, notes)?;
    Some(Confirm { typed: table.text("typed", notes), text: table.required("text", notes)? })
}

fn body(table: &Table<'_>, kind: &str, around: &[&Shape], notes: &mut Notes) -> Option<Body> {
    match kind {
        "action" => action(table, around, notes).map(Body::Action),
        "read" => read(table, notes).map(Body::Read),
        "check" => expect(table, notes).map(Body::Check),
        "wait" => wait(table, notes).map(Body::Wait),
        "ask" => ask(table, notes).map(Body::Ask),
        "manual" => manual(table, notes).map(Body::Manual),
        _ => command(table, around, notes).map(Body::Command),
    }
}

fn action(table: &Table<'_>, around: &[&Shape], notes: &mut Notes) -> Option<Action> {
    let probe = texts_by_name(table, "probe", notes);
    for (side, _) in &probe {
        let known = ["caller", "management", "member"];
        if !known.contains(&side.is.as_str()) {
            let message = format!("a probe has no side `{}`", shown(&side.is));
            notes.error("CS0103", &side.span, message, one_of(&side.is, &known));
        }
    }
    let secret_to = table.get("secret_to").and_then(|node| secret_to(node, around, notes));
    Some(Action { call: read(table, notes)?, probe, secret_to })
}

fn secret_to(node: &Node, around: &[&Shape], notes: &mut Notes) -> Option<Node> {
    let table = Table::open(node, &SECRET_TO, "`secret_to`", around, notes)?;
    if table.keys().count() != 1 {
        notes.error("CS0112", &node.span, "`secret_to` needs exactly one of `profile`, `file` and `prompt`", "");
        return None;
    }
    table.text("profile", notes);
    table.text("file", notes);
    table.boolean("prompt", notes);
    Some(node.clone())
}

fn wait(table: &Table<'_>, notes: &mut Notes) -> Option<Wait> {
    let given: Vec<&str> = ["for", "until", "action"].into_iter().filter(|key| table.has(key)).collect();
    let until = match given.as_slice() {
        ["for"] => table.duration("for", notes).map(|ms| Until::For { ms, after: table.text("after", notes) }),
        ["until"] => table.required("until", notes).map(Until::Time),
        ["action"] => expect(table, notes).map(|mut expect| {
            expect.within = None;
            Until::Holds(expect)
        }),
        _ => {
            let message = format!("{} needs exactly one of `for`, `until` and `action` with `expect`", table.what);
            notes.error("CS0112", &table.span, message, "");
            None
        }
    };
    let only_for = table.has("after") && !table.has("for");
    if only_for {
        notes.error("CS0112", &table.key_span("after"), "`after` goes with `for` only", "");
    }
    Some(Wait { until: until?, every: table.duration("every", notes), within: table.duration("within", notes) })
}

fn ask(table: &Table<'_>, notes: &mut Notes) -> Option<Vec<Field>> {
    let fields: Vec<Field> = table.tables("fields", notes).into_iter().filter_map(|node| field(node, notes)).collect();
    if fields.is_empty() {
        notes.error("CS0113", &table.span, format!("{} asks for nothing", table.what), "write `fields`");
        return None;
    }
    unique_ids(fields.iter().map(|field| &field.name), "fields", notes);
    Some(fields)
}

fn field(node: &Node, notes: &mut Notes) -> Option<Field> {
    let table = Table::open(node, &FIELD, "the field", &[&STEP, &STAGE], notes)?;
    let of = kind(&table, "type", notes);
    let id = table.required("name", notes).filter(|id| name(id, notes));
    let of = of.map_or(super::kind::Kind::String, |of| of.is);
    let choices = table.texts("choices", notes).unwrap_or_default();
    if (of == super::kind::Kind::Choice) == choices.is_empty() {
        notes.error("CS0112", &node.span, "`choices` and the type `choice` go together", "");
    }
    let text = table.text("text", notes);
    let required = table.boolean("required", notes);
    Some(Field { name: id?, of, text, required, choices, example: table.get("example").cloned() })
}

fn manual(table: &Table<'_>, notes: &mut Notes) -> Option<Manual> {
    let evidence: Vec<Evidence> =
        table.tables("evidence", notes).into_iter().filter_map(|node| evidence(node, notes)).collect();
    unique_ids(evidence.iter().map(|evidence| &evidence.name), "pieces of evidence", notes);
    let settles = table.texts("settles", notes).unwrap_or_default();
    let known = ["payment_method", "phone", "agreement", "support_plan", "mailbox", "root_mfa"];
    for fact in settles.iter().filter(|fact| !known.contains(&fact.is.as_str())) {
        let message = format!("there is no fact `{}` to settle", shown(&fact.is));
        notes.error("CS0110", &fact.span, message, one_of(&fact.is, &known));
    }
    let performers = table.texts("performers", notes).unwrap_or_default();
    if performers.len() == 1 {
        let message = "`performers` names two roles or more, who all sign";
        notes.error("CS0110", &table.key_span("performers"), message, "for one, write `performer`");
    }
    unique_ids(&performers, "performers of one task", notes);
    Some(Manual {
        performers,
        says: texts_by_name(table, "says", notes),
        evidence,
        together: table.duration("together", notes),
        settles,
        mutates: table.boolean("mutates", notes),
        instructions: table.required("instructions", notes)?,
    })
}

fn evidence(node: &Node, notes: &mut Notes) -> Option<Evidence> {
    let table = Table::open(node, &EVIDENCE, "the evidence", &[&STEP, &STAGE], notes)?;
    let of = kind(&table, "type", notes);
    let id = table.required("name", notes).filter(|id| name(id, notes));
    let by = table.text("by", notes);
    let required = table.boolean("required", notes);
    let of = of.map_or(super::kind::Kind::String, |of| of.is);
    Some(Evidence { name: id?, of, by, required, example: table.get("example").cloned() })
}

fn command(table: &Table<'_>, around: &[&Shape], notes: &mut Notes) -> Option<Command> {
    let argv = match table.get("argv").map(|node| (&node.is, &node.span)) {
        Some((Data::Text(_), span)) => {
            let hint = "a list of arguments, for instance [\"aws\", \"s3\", \"ls\"]: no shell reads it";
            notes.error("CS0105", span, "`argv` must be a list of texts, never one shell line", hint);
            None
        }
        _ => table.texts("argv", notes),
    };
    if argv.as_ref().is_none_or(Vec::is_empty) && !matches!(table.get("argv").map(|node| &node.is), Some(Data::Text(_)))
    {
        table.missing("argv", notes);
    }
    let probe = table
        .get("probe")
        .and_then(|node| expect_table(node, &EXPECT, &format!("the probe of {}", table.what), around, notes));
    Some(Command {
        env: texts_by_name(table, "env", notes),
        credentials: table.text("credentials", notes),
        ok_exit: exits(table, notes),
        within: table.duration("within", notes),
        mutates: table.boolean("mutates", notes),
        touches: table.get("touches").cloned(),
        probe,
        argv: argv?,
    })
}

fn exits(table: &Table<'_>, notes: &mut Notes) -> Vec<At<i64>> {
    let Some(node) = table.get("ok_exit") else { return Vec::new() };
    let items = match &node.is {
        Data::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut out = Vec::new();
    for item in items {
        match item.is {
            Data::Integer(code) if (0..=255).contains(&code) => out.push(At::new(code, item.span.clone())),
            _ => notes.error("CS0110", &item.span, "an exit code is an integer between 0 and 255", ""),
        }
    }
    out
}

/// "the step `accept`", or only "the step" where it has no id.
fn called(what: &str, node: &Node) -> String {
    match node.get("id").and_then(Node::text) {
        Some(id) => format!("{what} `{}`", shown(&id.is)),
        None => what.to_owned(),
    }
}

impl Table<'_> {
    /// A text that may be left out, but not be blank.
    pub fn required_if_there(&self, key: &str, notes: &mut Notes) -> Option<Text> {
        if self.has(key) { self.required(key, notes) } else { None }
    }
}
