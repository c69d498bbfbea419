//! The schemas know every key that the readers know, and no other.

use super::{key::Row, people, runbook, values, world};
use crate::base::duration;
use crate::people::shapes as people_shapes;
use crate::runbook::kind::Kind;
use crate::runbook::reader::Shape;
use crate::runbook::shapes;
use crate::simulator::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn keys(rows: &[Row]) -> BTreeSet<&'static str> {
    let keys: BTreeSet<&str> = rows.iter().map(|row| row.0).collect();
    assert_eq!(keys.len(), rows.len(), "a key stands twice");
    assert!(rows.iter().all(|row| row.3.ends_with('.') || row.3.ends_with("...")), "each has its meaning");
    keys
}

#[track_caller]
fn same(shape: &Shape, rows: &[Row]) {
    assert_eq!(keys(rows), shape.keys.iter().copied().collect(), "{}", shape.name);
}

#[test]
fn every_key_of_a_runbook_is_in_the_schema_and_the_other_way_round() {
    let all = [
        &shapes::TOP,
        &shapes::RUNBOOK,
        &shapes::PARAMETER,
        &shapes::ROLE,
        &shapes::SEPARATION,
        &shapes::SESSION,
        &shapes::HOLD,
        &shapes::STAGE,
        &shapes::ANCHOR,
        &shapes::CAPTURE,
        &shapes::PROVE,
        &shapes::EXPECT,
        &shapes::APPROVAL,
        &shapes::CONFIRM,
        &shapes::SECRET_TO,
        &shapes::FIELD,
        &shapes::EVIDENCE,
        &shapes::STEP,
    ];
    assert_eq!(all.len(), runbook::TABLES.len());
    for (shape, (_, rows)) in all.into_iter().zip(runbook::TABLES) {
        same(shape, rows);
    }
    let source = include_str!("../runbook/shapes.rs");
    assert_eq!(source.matches(": Shape").count(), all.len(), "a shape is missing here");
}

#[test]
fn every_key_of_a_people_file_is_in_the_schema_and_the_other_way_round() {
    same(&people_shapes::TOP, people::TOP);
    same(&people_shapes::PERSON, people::PERSON);
    same(&people_shapes::MFA, people::MFA);
    same(&people_shapes::BREAK_GLASS, people::BREAK_GLASS);
}

/// The simulator's reader names the keys that it expects when it meets another one.
#[test]
fn every_key_of_a_world_is_in_the_schema_and_the_other_way_round() {
    let heads = [
        ("", ""),
        ("clock", "[clock]"),
        ("timing", "[timing]"),
        ("settings", "[settings]"),
        ("account", "[[accounts]]"),
        ("invoice", "[[accounts]]\n[[accounts.invoices]]"),
        ("organization", "[[organizations]]"),
        ("unit", "[[organizations]]\n[[organizations.organizational_units]]"),
        ("delegated", "[[organizations]]\n[[organizations.delegated_administrators]]"),
        ("policy", "[[organizations]]\n[[organizations.policies]]"),
        ("principal", "[[principals]]"),
        ("mfa", "[[principals]]\n[principals.mfa]"),
        ("statement", "[[principals]]\n[[principals.statements]]"),
        ("role", "[[roles]]"),
        ("stack_set", "[[stack_sets]]"),
        ("share", "[[resource_shares]]"),
        ("center", "[[identity_centers]]"),
        ("assignment", "[[identity_centers]]\n[[identity_centers.assignments]]"),
        ("credit", "[[accounts]]\n[[accounts.credits]]"),
        ("fault", "[[faults]]"),
        ("command", "[[commands]]"),
    ];
    assert_eq!(heads.len(), world::TABLES.len());
    for ((name, head), (table, rows)) in heads.into_iter().zip(world::TABLES) {
        assert_eq!(name, *table);
        let found = World::parse("world.toml", &format!("{head}\nzzz = 1\n")).unwrap_err();
        let hint = found[0].hint.strip_prefix("one of: ").unwrap_or_else(|| panic!("{head}: {found:?}"));
        let expected: BTreeSet<&str> = hint.split(", ").collect();
        assert_eq!(keys(rows), expected, "{head}");
    }
}

/// Each definition that is referred to is there, and each that is there is referred to.
#[test]
fn references_lead_somewhere() {
    for schema in [super::runbook(), super::people(), super::world()] {
        let text = schema.to_string();
        let named: BTreeSet<&str> =
            text.split("\"#/definitions/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let defined: BTreeSet<&str> = schema["definitions"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, defined);
    }
}

#[test]
fn the_schema_of_values_follows_the_parameters() {
    let text = include_str!("../../runbooks/move_member_accounts.toml");
    let schema = values(&crate::runbook::read("runbook.toml", text).0.unwrap());
    assert_eq!(schema["required"], json!(["old_management", "new_management", "accounts"]));
    let row = &schema["properties"]["accounts"]["items"];
    assert_eq!(row["properties"]["id"]["pattern"], json!("^[0-9]{12}$"));
    assert_eq!(row["additionalProperties"], json!(false));
}

/// Samples on which pattern and reader must agree; the patterns themselves run in the Python tests.
#[test]
fn every_type_has_a_schema() {
    for name in Kind::names() {
        let schema = super::values::kind(Kind::parse(name).unwrap());
        assert!(schema["type"] != Value::Null, "{name}");
    }
    assert!(duration::parse("1h30m").is_ok() && duration::parse("90").is_err());
}
