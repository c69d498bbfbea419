//! `docs/procedures.md` names only steps that the shipped runbooks have.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

fn steps(book: &str) -> BTreeSet<String> {
    let text =
        std::fs::read_to_string(format!("runbooks/{book}.toml")).unwrap_or_else(|error| panic!("{book}: {error}"));
    let read: toml::Table = text.parse().unwrap();
    let mut found = BTreeSet::new();
    for stage in read["stages"].as_array().unwrap() {
        for step in stage["steps"].as_array().unwrap() {
            found.insert(format!("{}/{}", stage["id"].as_str().unwrap(), step["id"].as_str().unwrap()));
        }
    }
    found
}

#[test]
fn every_step_of_the_page_stands_in_a_runbook() {
    let page = std::fs::read_to_string("docs/procedures.md").unwrap();
    let spans = page.split('`').skip(1).step_by(2);
    let named: Vec<(&str, &str)> =
        spans.filter_map(|span| span.split_once(": ")).filter(|(_, step)| step.contains('/')).collect();
    assert!(named.len() > 70, "only {} steps are named", named.len());
    let missing: Vec<_> = named.iter().filter(|(book, step)| !steps(book).contains(*step)).collect();
    assert!(missing.is_empty(), "there are no such steps: {missing:?}");
    let books: BTreeSet<&str> = named.iter().map(|(book, _)| *book).collect();
    for entry in std::fs::read_dir("runbooks").unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(book) = file.strip_suffix(".toml") else { continue };
        assert!(book == "people" || book.ends_with(".values") || books.contains(book), "{book} is not on the page");
    }
}

#[test]
fn every_row_says_where() {
    for line in std::fs::read_to_string("docs/procedures.md").unwrap().lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 2 && cells.iter().all(|cell| !cell.is_empty()), "{line}");
    }
}
