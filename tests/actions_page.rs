//! `docs/actions.md` is what the catalogue says: written by `COUNTERSIGN_BLESS=1`, compared otherwise.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use countersign::catalogue::action::{Field, Repeat, Type, Undo};
use countersign::catalogue::{self, Action};
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "# Actions\n\nAll that the catalogue knows, from `src/catalogue`; this page is checked against it by a test. `countersign actions NAME`\ntells the same about one of them, with outputs, every error code of its service and the conditions of its probe.\n";

#[test]
fn the_page_is_what_the_catalogue_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/actions.md");
    let page = page();
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let differs = page.lines().zip(written.lines()).find(|(now, then)| now != then);
    assert!(
        page == written,
        "docs/actions.md is old ({differs:?}): COUNTERSIGN_BLESS=1 cargo test --test actions_page"
    );
}

fn page() -> String {
    let mut page = String::from(HEAD);
    let mut service = "";
    for action in catalogue::all() {
        let (of, name) = action.name.split_once(':').unwrap();
        if of != service {
            write!(page, "\n## {of}\n").unwrap();
            service = of;
        }
        write!(page, "\n### {name}\n\n{}", about(action)).unwrap();
    }
    page
}

fn about(action: &'static Action) -> String {
    let mut text =
        format!("[{}]({}) {}\n\n", if action.mutates { "Changes." } else { "Reads." }, action.source, action.purpose);
    let given: Vec<String> = action.parameters.iter().map(parameter).collect();
    if !given.is_empty() {
        writeln!(text, "- with: {}", given.join(", ")).unwrap();
    }
    let outputs: Vec<String> = action.outputs.iter().map(|field| format!("`{}`", field.name)).collect();
    if !outputs.is_empty() {
        writeln!(
            text,
            "- gives: {}{}",
            outputs.join(", "),
            if action.outputs.iter().any(secret) { "; a part of it is secret" } else { "" }
        )
        .unwrap();
    }
    if !action.hazards.is_empty() {
        let names: Vec<String> = action.hazards.iter().map(|hazard| format!("`{}`", hazard.name())).collect();
        writeln!(text, "- hazards: {}", names.join(", ")).unwrap();
    }
    for side in action.probe {
        let reads: Vec<String> = side.reads.iter().map(|read| format!("`{}`", read.action)).collect();
        writeln!(text, "- whether it has happened, told by {}: {}", side.name, reads.join(", ")).unwrap();
    }
    if action.repeat == Repeat::MakesAnother {
        writeln!(text, "- called twice, it makes two").unwrap();
    }
    match &action.undo {
        Undo::None => {}
        Undo::Usual(steps) => {
            let names: Vec<String> = steps.iter().map(|step| format!("`{}`", step.action)).collect();
            writeln!(text, "- usual undo: {}", names.join(", then ")).unwrap();
        }
        Undo::Impossible(why) => writeln!(text, "- no usual undo: {why}").unwrap(),
        Undo::NotNeeded(why) => writeln!(text, "- `no_undo` is allowed: {why}").unwrap(),
    }
    if !action.lost.is_empty() {
        writeln!(text, "- lost all the same: {}", action.lost).unwrap();
    }
    for row in action.errors {
        let reason = if row.reason.is_empty() { String::new() } else { format!(" {}", row.reason) };
        let class = catalogue::classify(action, row.code, row.reason).0.name();
        writeln!(text, "- `{}{reason}` ({class}): {}; {}", row.code, row.means, row.todo).unwrap();
    }
    text
}

fn parameter(field: &Field) -> String {
    let marks = [(field.required, ""), (!field.required, " (may be left out)"), (field.secret, " (secret)")];
    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    format!("`{}`{marks}", field.name)
}

fn secret(field: &Field) -> bool {
    let inside = match &field.of {
        Type::Record(fields) | Type::List(Type::Record(fields)) => fields.iter().any(secret),
        _ => false,
    };
    field.secret || inside
}
