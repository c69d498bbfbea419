//! What is found, where, and in which words; and that nothing is found in what is right.

use super::*;
use crate::people;
use crate::sshsig::{KeyKind, rehearsal_key};
use proptest::prelude::*;

const SHIPPED: &str = include_str!("../../runbooks/move_member_accounts.toml");

fn findings(text: &str) -> Vec<Finding> {
    let (runbook, mut found) = crate::runbook::read("r.toml", text);
    if let Some(runbook) = runbook {
        found.extend(check(&runbook, None, &crate::catalogue::find).1);
    }
    found
}

fn codes(text: &str) -> Vec<&'static str> {
    findings(text).iter().map(|finding| finding.code).collect()
}

/// The shipped runbook with one text replaced, which must be there.
fn with(from: &str, to: &str) -> String {
    assert!(SHIPPED.contains(from), "{from}");
    SHIPPED.replacen(from, to, 1)
}

#[test]
fn the_shipped_runbook_is_good() {
    let (runbook, found) = crate::runbook::read("r.toml", SHIPPED);
    assert_eq!(found, Vec::new());
    let (checked, found) = check(&runbook.unwrap(), None, &crate::catalogue::find);
    assert_eq!(found, Vec::new());
    assert!(checked.is_some());
}

#[test]
fn a_change_without_way_back_or_anchor_is_refused() {
    assert_eq!(
        codes(&with("undo = \"usual\"                              # the catalogue's: CancelHandshake", "")),
        ["CS0301"]
    );
    let lost =
        with("undo = \"usual\"                              # the catalogue's: CancelHandshake", "no_undo = \"no\"");
    assert_eq!(codes(&lost), ["CS0304"]);
    let start = SHIPPED.find("[stages.anchor]\ntitle = \"No invitation").unwrap();
    let end = SHIPPED.find("[[stages.steps]]\nid = \"invite\"").unwrap();
    assert_eq!(codes(&format!("{}{}", &SHIPPED[..start], &SHIPPED[end..])), ["CS0302"]);
}

#[test]
fn references_are_followed_into_awss_answers() {
    let code = |from: &str, to: &str| codes(&with(from, to));
    assert_eq!(code("stages.invite.invite.Handshake.Id", "stages.invite.invite.Handshake.Ids"), ["CS0207"]);
    assert_eq!(code("stages.invite.invite.Handshake.Id", "stages.place.place.Handshake.Id"), ["CS0206"]);
    assert_eq!(code("${undo.ask_back.Handshake.Id}", "${undo.put_back.Handshake.Id}"), ["CS0306"]);
    assert_eq!(code("${anchor.parent.Parents[0].Id}", "${anchor.parnt.Parents[0].Id}"), ["CS0306"]);
    assert_eq!(
        code("DestinationParentId = \"${item.target_ou}\"", "DestinationParentId = \"${item.target}\""),
        ["CS0207"]
    );
    assert_eq!(code("AccountId = \"${item.id}\" }\nexpect", "AccountId = \"${item.target_ou}\" }\nexpect"), ["CS0212"]);
    assert_eq!(code("[?Id == ${item.id}]", "[?Id == item.id]"), ["CS0208"]);
    assert_eq!(code("Account.State == 'ACTIVE' &&", "Account.Stat == 'ACTIVE' &&"), ["CS0207"]);
    assert_eq!(code("'4d')", "'4 days')"), ["CS0205"]);
    assert_eq!(code("ChildId = \"${item.id}\"", "ChildID = \"${item.id}\""), ["CS0211", "CS0210"]);
    assert_eq!(code("Type = \"ACCOUNT\"", "Type = \"ACOUNT\""), ["CS0212"]);
    assert_eq!(code("organizations:AcceptHandshake", "organizations:AcceptHandshakes"), ["CS0209"]);
}

#[test]
fn sessions_must_fit_their_users_and_probes() {
    let code = |from: &str, to: &str| codes(&with(from, to));
    assert_eq!(
        code("probe = { management = \"new_management\", member = \"member\" }\nconfirm", "confirm"),
        ["CS0310"]
    );
    assert_eq!(
        code("used_by = [\"partner_billing\"]", "used_by = [\"mfa_holder\"]"),
        ["CS0312", "CS0311", "CS0312", "CS0311"]
    );
    // Who performs a changing step reads the anchor again, right before.
    assert_eq!(
        code("confirm = { text = \"Move", "performer = \"partner_billing\"\nconfirm = { text = \"Move"),
        ["CS0312", "CS0311", "CS0311", "CS0311", "CS0311"]
    );
    assert_eq!(
        code("kinds = [\"role\", \"user\"] }\nmember", "kinds = [\"identity_center\"] }\nmember"),
        ["CS0307", "CS0306", "CS0306", "CS0307", "CS0306"]
    );
}

#[test]
fn approvals_of_one_list_cover_the_same() {
    let text = with(
        "approvals = [{ role = \"partner_billing\" }, { role = \"mfa_holder\" }]",
        "approvals = [{ role = \"partner_billing\", per = \"item\" }, { role = \"mfa_holder\" }]",
    );
    assert_eq!(codes(&text), ["CS0313"]);
}

#[test]
fn people_must_be_able_to_carry_it_out() {
    let person = |id: &str, party: &str, role: &str, kind: KeyKind| {
        let line = rehearsal_key(id, kind).public().line;
        format!("[people.{id}]\nname = \"{id} example\"\nparty = \"{party}\"\nroles = [{role}]\nkeys = [\"{line}\"]\n")
    };
    let check_with = |people: &[String]| {
        let text = format!("schema = 1\n{}", people.concat());
        let (people, found) = people::parse("people.toml", &text, true);
        assert_eq!(found, Vec::new());
        let runbook = crate::runbook::read("r.toml", SHIPPED).0.unwrap();
        let found = check(&runbook, people.as_ref(), &crate::catalogue::find).1;
        found.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    let alice = person("alice", "partner", "\"partner_billing\"", KeyKind::Ed25519);
    let bob = person("bob", "customer", "\"customer_security\"", KeyKind::Ed25519);
    let carol = person("carol", "customer", "\"mfa_holder\"", KeyKind::SkEd25519);
    assert_eq!(check_with(&[alice.clone(), bob.clone(), carol.clone()]), Vec::<&str>::new());
    assert_eq!(check_with(&[alice.clone(), bob.clone()]), ["CS0401"]);
    let plain = person("carol", "customer", "\"mfa_holder\"", KeyKind::Ed25519);
    assert_eq!(check_with(&[alice.clone(), bob, plain]), ["CS0402"]);
    let both = person("bob", "customer", "\"customer_security\", \"mfa_holder\"", KeyKind::SkEd25519);
    assert!(check_with(&[alice, both]).contains(&"CS0403"));
}

proptest! {
    #[test]
    fn a_damaged_runbook_is_harmless(at in 0..SHIPPED.len(), length in 0usize..60, put in "[\\[\\]{}\"'=$a-z0-9\n.]{0,8}") {
        let mut start = at;
        while !SHIPPED.is_char_boundary(start) { start -= 1; }
        let mut end = (start + length).min(SHIPPED.len());
        while !SHIPPED.is_char_boundary(end) { end -= 1; }
        let _ = findings(&format!("{}{}{}", &SHIPPED[..start], put, &SHIPPED[end.max(start)..]));
    }
}
