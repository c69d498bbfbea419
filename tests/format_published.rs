//! `journal/FORMAT.md` names everything that the code writes and refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that can't go on says so
#![cfg(test)]

use countersign::record::fact::Fact;
use countersign::record::statement::Statement;
use countersign::verify;

const FORMAT: &str = include_str!("../journal/FORMAT.md");
const FACTS: &str = include_str!("../src/record/fact.rs");
const PLAN: &str = include_str!("../src/plan/model.rs");
const STATEMENTS: &str = include_str!("../src/record/statement_text.rs");

/// `(struct name, its fields)`, read from declarations `Name { a: T, r#b: U }`.
fn structs(source: &str) -> Vec<(String, Vec<String>)> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for (at, _) in text.match_indices('{') {
        let name = text[..at].trim_end().rsplit([' ', '(', '\n']).next().unwrap_or("");
        let body = text[at + 1..].split('}').next().unwrap_or("");
        let fields: Vec<String> = body
            .split(',')
            .filter_map(|part| part.split_once(':'))
            .map(|(name, _)| name.trim().trim_start_matches("pub ").trim_start_matches("r#").trim().to_owned())
            .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !name.is_empty())
            .collect();
        if name.starts_with(char::is_uppercase) && !fields.is_empty() {
            found.push((name.to_owned(), fields));
        }
    }
    found
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[test]
fn every_kind_has_a_section_with_every_member() {
    let facts = structs(FACTS);
    for kind in Fact::KINDS {
        let heading = format!("### `{kind}`\n");
        let section = FORMAT.split(&heading).nth(1).unwrap_or_else(|| panic!("no section for {kind}"));
        let section = section.split("\n#").next().unwrap();
        let (_, members) = facts.iter().find(|(name, _)| snake(name) == *kind).unwrap_or_else(|| panic!("{kind}"));
        for member in members {
            assert!(section.contains(&format!("`{member}`")), "{kind}: {member} is not explained");
        }
    }
    assert_eq!(FORMAT.matches("\n### `").count(), Fact::KINDS.len(), "a section for a kind that is not there");
}

#[test]
fn every_member_of_the_plan_is_named() {
    let section = FORMAT.split("### The plan").nth(1).unwrap().split("\n## ").next().unwrap();
    let all = structs(PLAN);
    assert!(all.len() > 12, "{}", all.len());
    for (name, members) in all {
        for member in members {
            assert!(section.contains(&format!("`{member}`")), "{name}: {member}");
        }
    }
}

#[test]
fn every_type_and_line_of_a_statement_is_named() {
    let section = FORMAT.split("## 4. Signed statements").nth(1).unwrap().split("\n## ").next().unwrap();
    for kind in Statement::KINDS {
        assert!(section.contains(&format!("| `{kind}` |")), "{kind}");
    }
    let mut keys = 0;
    for part in STATEMENTS.split("put(\"").skip(1) {
        let key = part.split('"').next().unwrap();
        assert!(section.contains(&format!("`{key}`")), "{key}");
        keys += 1;
    }
    assert!(keys > 25, "{keys}");
}

#[test]
fn every_code_of_the_verifier_is_listed_and_no_other() {
    for (code, about) in verify::CODES {
        assert!(FORMAT.contains(&format!("`{code}`")), "{code}");
        assert!(about.ends_with('.'), "{code}");
    }
    assert_eq!(FORMAT.matches("`CS08").count(), verify::CODES.len());
}
