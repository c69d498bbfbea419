use super::*;
use crate::base::Finding;
use crate::people::{self, People};
use crate::sshsig::{KeyKind, rehearsal_key};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SHIPPED: &str = include_str!("../../runbooks/move_member_accounts.toml");
const VALUES: &str = include_str!("../../runbooks/move_member_accounts.values.toml");

fn checked(text: &str) -> crate::check::Checked {
    let (runbook, found) = crate::runbook::read("r.toml", text);
    assert_eq!(found, Vec::new());
    let (checked, found) = crate::check::check(&runbook.unwrap(), None, &crate::catalogue::find);
    assert_eq!(found, Vec::new());
    checked.unwrap()
}

fn pins() -> Pins {
    Pins { runbook: Digest::of(b"runbook"), people: Digest::of(b"people"), files: BTreeMap::new() }
}

fn read(values: &str, sets: &[values::SetValue]) -> Result<Values, Vec<Finding>> {
    values::read(&checked(SHIPPED), Some(("v.toml", values)), sets, BTreeMap::new(), false)
}

fn set(name: &str, text: &str, file: Option<&str>) -> values::SetValue {
    values::SetValue { name: name.to_owned(), text: text.to_owned(), file: file.map(str::to_owned) }
}

fn codes<T>(result: Result<T, Vec<Finding>>) -> Vec<(&'static str, usize)> {
    result.err().unwrap_or_default().iter().map(|finding| (finding.code, finding.place.line)).collect()
}

fn shipped() -> model::Plan {
    build(&checked(SHIPPED), &read(VALUES, &[]).unwrap(), &pins(), None).unwrap()
}

fn team() -> People {
    let mut text = "schema = 1\n".to_owned();
    for (id, party, role, kind) in [
        ("alice", "partner", "partner_billing", KeyKind::Ed25519),
        ("bob", "customer", "customer_security", KeyKind::Ed25519),
        ("carol", "customer", "mfa_holder", KeyKind::SkEd25519),
    ] {
        let line = rehearsal_key(id, kind).public().line;
        text.push_str(&format!(
            "[people.{id}]\nname = \"{id} Example\"\nparty = \"{party}\"\nroles = [\"{role}\"]\nkeys = [\"{line}\"]\n"
        ));
    }
    people::parse("people.toml", &text, true).0.unwrap()
}

#[test]
fn the_shipped_plan_reads_back_from_its_bytes() {
    let plan = shipped();
    assert_eq!(Plan::read(&plan.bytes()), Ok(plan.clone()));
    let items = plan.stages[1].items.as_ref().unwrap();
    assert_eq!(
        items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(),
        ["111122223333", "222233334444", "333344445555"]
    );
    assert!(Plan::read(b"{}").is_err());
}

#[test]
fn operations_undo_and_defaults_are_what_the_engine_needs() {
    let plan = shipped();
    let invite = &plan.stages[0].steps[0];
    assert_eq!(
        invite.template,
        json!({"action": "organizations:InviteAccountToOrganization", "session": "new_management",
            "account": "${parameters.new_management}", "time_limit": 30_000,
            "with": {"Target": {"Id": "${item.id}", "Type": "ACCOUNT"}}})
    );
    assert_eq!(invite.approvals[0].per, model::Per::Stage);
    let cancel = &invite.back.undo[0];
    assert!(invite.back.usual);
    assert_eq!(cancel.template["with"], json!({"HandshakeId": "${output.Handshake.Id}"}));
    assert_eq!(cancel.approvals[0].per, model::Per::Step);
    assert!(invite.back.done_if["cancel"].contains(&"HandshakeAlreadyInStateException".to_owned()));
    let accept = &plan.stages[1].steps[0];
    assert_eq!(accept.probe["management"], "new_management");
    assert_eq!(accept.approvals.iter().map(|one| one.within).collect::<Vec<_>>(), [86_400_000, 86_400_000]);
    let back = &accept.back.undo[1];
    assert_eq!((back.session.as_str(), back.performer.as_str()), ("member", "customer_security"));
    assert_eq!(back.approvals.len(), 2);
    assert_eq!(back.probe["management"], "old_management");
    let place = &plan.stages[2];
    assert_eq!(place.performer, "partner_billing");
    assert_eq!(place.steps[0].session, "new_management");
}

#[test]
fn a_worlds_timing_replaces_the_catalogues() {
    let timing = Timing { time_limit_ms: Some(50), settles_within_ms: Some(70) };
    let plan = build(&checked(SHIPPED), &read(VALUES, &[]).unwrap(), &pins(), Some(&timing)).unwrap();
    let accept = &plan.stages[1].steps[0];
    assert_eq!((accept.template["time_limit"].as_i64(), accept.settles_within), (Some(50), 70));
    assert_ne!(plan.digest(), shipped().digest());
}

#[test]
fn wrong_values_are_found_where_they_stand() {
    assert_eq!(codes(read(&VALUES.replace("\"222233334444\"", "\"2222\""), &[])), [("CS0503", 11)]);
    assert_eq!(codes(read(&VALUES.replace("target_ou = \"ou-ab12-22222222\"", ""), &[])), [("CS0503", 10)]);
    assert_eq!(codes(read(&VALUES.replace("old_management", "old_managment"), &[])), [("CS0501", 18), ("CS0502", 2)]);
    assert_eq!(
        codes(read("old_management = 1\nnew_management = \"222222222222\"\naccounts = 3", &[])),
        [("CS0503", 1), ("CS0503", 3)]
    );
}

#[test]
fn two_items_can_not_have_one_key() {
    let values = read(&VALUES.replace("222233334444", "111122223333"), &[]).unwrap();
    let found = build(&checked(SHIPPED), &values, &pins(), None).unwrap_err();
    assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["CS0505"]);
}

#[test]
fn a_table_comes_from_csv_and_the_command_line_wins() {
    let csv = "id,name,target_ou\n444455556666, mail ,ou-ab12-11111111\n";
    let sets = [set("accounts", csv, Some("accounts.csv")), set("old_management", "999999999999", None)];
    let values = read(VALUES, &sets).unwrap();
    assert_eq!(values.object["old_management"], "999999999999");
    assert_eq!(
        values.object["accounts"],
        json!([{"id": "444455556666", "name": "mail", "target_ou": "ou-ab12-11111111"}])
    );
    let bad = set("accounts", "id,nam\n1,2\n4,5,6\n", Some("accounts.csv"));
    assert_eq!(codes(read(VALUES, &[bad])), [("CS0507", 1), ("CS0503", 2), ("CS0507", 3)]);
}

#[test]
fn secrets_stay_out_of_the_values_and_examples_stand_in_for_rehearsals_only() {
    let text = SHIPPED.replace("[parameters.accounts]", "password = { type = \"secret\" }\n[parameters.accounts]");
    let (runbook, _) = crate::runbook::read("r.toml", &text);
    let checked = crate::check::check(&runbook.unwrap(), None, &crate::catalogue::find).0.unwrap();
    let secret = set("password", "hush\n", Some("password.txt"));
    let read =
        |sets: &[values::SetValue]| values::read(&checked, Some(("v.toml", VALUES)), sets, BTreeMap::new(), false);
    let values = read(&[secret]).unwrap();
    assert_eq!(values.secrets["password"], "hush");
    assert!(!String::from_utf8(values.bytes()).unwrap().contains("hush"));
    let found = read(&[set("password", "hush", None)]).unwrap_err();
    assert_eq!(found[0].code, "CS0509");
    let short = "[[accounts]]\nid = \"111122223333\"\nname = \"a\"\ntarget_ou = \"ou-ab12-11111111\"\n";
    let rehearsed = values::read(&checked, Some(("v.toml", short)), &[], BTreeMap::new(), true).unwrap();
    assert_eq!(rehearsed.examples, ["old_management", "new_management"]);
    assert!(values::read(&checked, Some(("v.toml", short)), &[], BTreeMap::new(), false).is_err());
}

#[test]
fn the_summary_fits_80_columns_and_a_person_sees_the_own_part() {
    let (plan, team) = (shipped(), team());
    let all = text(&plan, &team, None);
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    for wanted in [
        "1.1 invite",
        "way back",
        "alice Example (partner_billing)",
        "Points of no return: none.",
        "one decision for all",
    ] {
        assert!(all.contains(wanted), "{wanted}\n{all}");
    }
    let carol = text(&plan, &team, Some("carol"));
    assert!(carol.contains("2.1 accept") && !carol.contains("1.1 invite"), "{carol}");
}

#[test]
fn operations_are_resolved_as_far_as_they_are_known() {
    let values = read(VALUES, &[]).unwrap();
    let operations = operations(&shipped(), &values);
    assert_eq!(operations.len(), 9);
    assert_eq!(operations[0]["step"], "invite:111122223333/invite");
    assert_eq!(operations[0]["resolved"], Value::Bool(true));
    assert_eq!(operations[0]["operation"]["with"]["Target"]["Id"], "111122223333");
    assert_eq!(operations[3]["resolved"], Value::Bool(false));
}
