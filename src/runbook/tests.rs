//! The grammar read: what is accepted, and each finding with its place.

use super::*;
use crate::base::Finding;
use proptest::prelude::*;

const SHIPPED: &str = include_str!("../../runbooks/move_member_accounts.toml");

fn findings(text: &str) -> Vec<Finding> {
    read("r.toml", text).1
}

fn codes(text: &str) -> Vec<(&'static str, usize)> {
    findings(text).iter().map(|finding| (finding.code, finding.place.line)).collect()
}

#[test]
fn the_shipped_runbook_reads_without_a_finding() {
    let (runbook, found) = read("r.toml", SHIPPED);
    assert_eq!(found, Vec::new());
    let runbook = runbook.unwrap();
    assert_eq!(runbook.stages.len(), 3);
    let accept = &runbook.stages[1].steps[0];
    let Some(written::Undo::Steps(steps)) = accept.undo.as_ref().map(|undo| &undo.is) else { panic!("no undo") };
    assert_eq!(steps.iter().map(|step| step.id.is.as_str()).collect::<Vec<_>>(), ["ask_back", "come_back", "put_back"]);
}

#[test]
fn a_place_inside_a_text_is_found_where_the_text_has_no_escapes() {
    let (runbook, _) = read("r.toml", SHIPPED);
    let runbook = runbook.unwrap();
    let key = runbook.stages[0].key.clone().unwrap();
    let span = runbook.source.inside(&key, &(2..6));
    assert_eq!(&runbook.source.text[span], "item");
}

#[test]
fn keys_in_the_wrong_table_are_told_where_they_belong() {
    let text = SHIPPED.replace("undo = \"usual\"                              #", "canary = 2\n#");
    let found = findings(&text);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, "CS0106");
    assert!(found[0].message.contains("is a key of a stage"), "{}", found[0].message);
    assert!(found[0].hint.contains("[[stages]]"));
}

#[test]
fn all_findings_come_at_once() {
    let text = SHIPPED
        .replace("version = \"1.0.0\"", "verison = \"1.0.0\"")
        .replace("party = \"partner\" }", "party = 3 }")
        .replace("canary = 1 ", "canary = -1 ")
        .replace("within = \"15m\"", "within = \"15 minutes\"");
    let found: Vec<&str> = findings(&text).iter().map(|finding| finding.code).collect();
    assert_eq!(found, ["CS0103", "CS0105", "CS0110", "CS0110"]);
    assert_eq!(findings(&text)[0].hint, "did you mean `version`?");
}

#[test]
fn toml_1_1_is_warned_of_and_does_not_stop() {
    let text = SHIPPED.replace("partner_billing   = { title", "partner_billing   = {\n title");
    let (runbook, found) = read("r.toml", &text);
    assert!(runbook.is_some());
    assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["CS0102"]);
}

#[test]
fn broken_syntax_does_not_hide_a_wrong_key_elsewhere() {
    let text = SHIPPED.replace("version = \"1.0.0\"", "version = 1.0.0").replace("canary = 1 ", "canari = 1 ");
    let found = codes(&text);
    assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["CS0101", "CS0103"]);
}

proptest! {
    #[test]
    fn any_text_is_harmless(text in any::<String>()) {
        let _ = read("r.toml", &text);
    }

    #[test]
    fn a_damaged_runbook_is_harmless(at in 0..SHIPPED.len(), length in 0usize..200, put in "[\\[\\]{}\"'=a-z0-9\n.]{0,8}") {
        let mut start = at;
        while !SHIPPED.is_char_boundary(start) { start -= 1; }
        let mut end = (start + length).min(SHIPPED.len());
        while !SHIPPED.is_char_boundary(end) { end -= 1; }
        let text = format!("{}{}{}", &SHIPPED[..start], put, &SHIPPED[end.max(start)..]);
        let (runbook, found) = read("r.toml", &text);
        let errors = found.iter().any(|finding| finding.severity == crate::base::Severity::Error);
        prop_assert!(runbook.is_some() != errors);
    }
}
