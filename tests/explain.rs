//! The pages of `explain`: every code of the sources has one, every page's code is in the sources, and each example
//! gives exactly the code of its page.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the helpers of a test file are tests too

use countersign::base::Finding;
use countersign::cli::load;
use countersign::simulator::World;
use countersign::{explain, people, plan};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let mut sources = Vec::new();
    collect(&root().join("src"), &mut sources);
    let used: BTreeSet<String> =
        sources.iter().flat_map(|file| codes(&std::fs::read_to_string(file).unwrap())).collect();
    let pages: BTreeSet<String> =
        explain::all().map(|page| page.code.to_owned()).filter(|code| code.starts_with("CS")).collect();
    let without: Vec<&String> = used.difference(&pages).collect();
    assert!(without.is_empty(), "no page in docs/errors: {without:?}");
    let unused: Vec<&String> = pages.difference(&used).collect();
    assert!(unused.is_empty(), "no source has these codes: {unused:?}");
}

#[test]
fn exit_codes_and_verdicts_have_pages() {
    for code in 0..=8 {
        assert!(explain::find(&code.to_string()).is_some(), "{code}");
    }
    use countersign::verify::Verdict;
    for verdict in [Verdict::Witnessed, Verdict::Closed, Verdict::Open, Verdict::Diverged, Verdict::Invalid] {
        assert!(explain::find(verdict.name()).is_some(), "{}", verdict.name());
    }
}

#[test]
fn every_file_of_pages_is_compiled_in() {
    let text = std::fs::read_to_string(root().join("src/explain/mod.rs")).unwrap();
    for file in std::fs::read_dir(root().join("docs/errors")).unwrap().flatten() {
        let name = file.file_name().into_string().unwrap();
        assert!(name == "README.md" || text.contains(&format!("docs/errors/{name}")), "{name}");
    }
}

#[test]
fn each_example_gives_exactly_the_code_of_its_page() {
    let mut seen = 0;
    let mut faults = Vec::new();
    for page in explain::all() {
        for (mark, text) in blocks(page.text) {
            seen += 1;
            let found = findings(&mark, &text);
            let got: BTreeSet<&str> = found.iter().map(|finding| finding.code).collect();
            if got != BTreeSet::from([page.code]) {
                let words: Vec<String> =
                    found.iter().map(|one| format!("  {} {} ({})", one.code, one.message, one.hint)).collect();
                faults.push(format!("{} gives {got:?}\n{}", page.code, words.join("\n")));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(seen >= 55, "only {seen} examples");
}

/// What the examples are laid over has nothing wrong by itself.
#[test]
fn an_example_that_changes_nothing_gives_nothing() {
    for mark in ["toml", "toml people", "toml who", "toml values", "toml world"] {
        assert_eq!(findings(mark, ""), Vec::new(), "{mark}");
    }
}

/// The answer of the reader that the mark of a block names.
fn findings(mark: &str, text: &str) -> Vec<Finding> {
    let new = |name: &str| std::fs::read_to_string(root().join("src/cli/new").join(name)).unwrap();
    let over = |name: &str| laid_over(&new(name), text);
    let runbook = new("move_account.toml");
    match mark {
        "toml file" => load::checked("runbook.toml", text, None).1,
        "toml" => load::checked("runbook.toml", &over("move_account.toml"), None).1,
        "toml people" => people::parse("people.toml", &over("people.toml"), false).1,
        "toml who" => {
            let (who, mut found) = people::parse("people.toml", &over("people.toml"), false);
            found.extend(load::checked("runbook.toml", &runbook, who.as_ref()).1);
            found
        }
        "toml values" => {
            let checked = load::checked("runbook.toml", &runbook, None).0.unwrap();
            let values = over("move_account.values.toml");
            let file = Some(("values.toml", values.as_str()));
            plan::values::read(&checked, file, &[], BTreeMap::new(), false).err().unwrap_or_default()
        }
        "toml world" => World::parse("world.toml", &over("world.toml")).err().unwrap_or_default(),
        other => panic!("a block is marked `{other}`"),
    }
}

fn laid_over(base: &str, text: &str) -> String {
    let mut base: Table = base.parse().unwrap();
    join(&mut base, text.parse::<Table>().unwrap_or_else(|error| panic!("{error}\n{text}")));
    toml::to_string(&base).unwrap()
}

/// Tables are joined, lists of tables by the `id` of their entries; everything else is replaced.
fn join(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => join(old, new),
            (Some(Value::Array(old)), Value::Array(new))
                if !new.is_empty() && new.iter().all(|entry| entry.get("id").is_some()) =>
            {
                for entry in new {
                    let id = entry.get("id").cloned();
                    match old.iter_mut().find(|one| id.is_some() && one.get("id") == id.as_ref()) {
                        Some(Value::Table(one)) => join(one, entry.try_into().unwrap()),
                        _ => old.push(entry),
                    }
                }
            }
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

/// The fenced blocks of a page: mark and text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(mark), false) => {
                inside = true;
                found.push((mark.to_owned(), String::new()));
            }
            (Some(_), true) => inside = false,
            (None, true) => {
                let last = found.last_mut().unwrap();
                last.1.push_str(line);
                last.1.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!inside, "a block is not closed");
    found
}

/// Every text that is a code and nothing else.
fn codes(text: &str) -> BTreeSet<String> {
    let is = |part: &&str| part.len() == 6 && part.starts_with("CS") && part[2..].bytes().all(|b| b.is_ascii_digit());
    text.split('"').filter(is).map(str::to_owned).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}
