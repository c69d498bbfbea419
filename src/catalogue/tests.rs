//! The table holds what the engine relies on.

use super::action::{Field, Repeat, Type, Undo};
use super::*;
use std::collections::BTreeSet;

/// The text inside each `${...}`, or a panic where a brace is missing.
fn expressions(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let body = &rest[start + 2..];
        let mut depth = 1;
        let end = body
            .char_indices()
            .find(|(_, c)| {
                depth += match c {
                    '{' => 1,
                    '}' => -1,
                    _ => 0,
                };
                depth == 0
            })
            .unwrap_or_else(|| panic!("`{text}` is not balanced"))
            .0;
        found.push(&body[..end]);
        rest = &body[end + 1..];
    }
    found
}

fn parses(expression: &str) {
    jmespath::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
}

fn names(action: &str) -> Vec<&'static str> {
    let action = find(action).unwrap_or_else(|| panic!("{action} is not in the catalogue"));
    action.parameters.iter().map(|field| field.name).collect()
}

fn with_is_sound(action: &str, with: &[(&str, &str)]) {
    let known = names(action);
    for (name, value) in with {
        assert!(known.contains(name), "{action} has no parameter {name}");
        expressions(value).into_iter().for_each(parses);
    }
    let given: Vec<&str> = with.iter().map(|(name, _)| *name).collect();
    for field in find(action).unwrap().parameters.iter().filter(|field| field.required) {
        assert!(given.contains(&field.name), "{action} needs {}", field.name);
    }
}

#[test]
fn names_are_unique_and_sources_are_aws_pages() {
    let mut seen = BTreeSet::new();
    for action in all() {
        assert!(seen.insert(action.name), "{} twice", action.name);
        let operation = action.name.split(':').nth(1).unwrap();
        // What is made of several operations has the page that lists them.
        let own = action.name.starts_with("countersign:");
        assert!(
            action.source.contains("/API_") && (own || action.source.ends_with(&format!("_{operation}.html"))),
            "{}",
            action.name
        );
        assert!(!action.purpose.is_empty() && action.purpose.ends_with('.'), "{}", action.name);
        assert!(action.time_limit > 0, "{}", action.name);
    }
    assert_eq!(seen.len(), 136);
}

#[test]
fn every_change_can_be_probed_and_says_how_it_is_taken_back() {
    for action in all().filter(|action| action.mutates) {
        assert!(!action.probe.is_empty(), "{} has no probe", action.name);
        assert!(action.settles_within > 0, "{}", action.name);
        assert!(!matches!(action.undo, Undo::None), "{}", action.name);
        assert!(action.pages.is_none(), "{}", action.name);
    }
    for action in all().filter(|action| !action.mutates) {
        assert!(action.probe.is_empty() && matches!(action.undo, Undo::None), "{}", action.name);
        assert_eq!(action.settles_within, 0, "{}", action.name);
    }
}

#[test]
fn probes_name_reads_and_their_parameters_and_can_be_parsed() {
    for action in all() {
        for side in action.probe {
            assert!(["caller", "management", "member"].contains(&side.name), "{}", action.name);
            for read in side.reads {
                assert!(!find(read.action).unwrap().mutates, "{} probes by changing", action.name);
                with_is_sound(read.action, read.with);
            }
            for expression in [side.done, side.not_done] {
                parses(expression);
            }
            if !side.output.is_empty() {
                parses(side.output);
            }
            if action.repeat == Repeat::MakesAnother {
                assert_eq!(side.not_done, "`false`", "{} could be repeated by mistake", action.name);
            }
        }
    }
}

#[test]
fn usual_undos_name_changes_and_their_parameters() {
    for action in all() {
        let Undo::Usual(steps) = action.undo else { continue };
        assert!(!steps.is_empty(), "{}", action.name);
        for step in steps {
            assert!(find(step.action).unwrap().mutates, "{}", action.name);
            with_is_sound(step.action, step.with);
        }
    }
}

#[test]
fn pages_and_fields_are_the_actions_own() {
    fn look(field: &Field) {
        assert!(!field.name.is_empty() && !field.about.is_empty());
        let mut of = &field.of;
        while let Type::List(inner) = of {
            of = inner;
        }
        if let Type::Record(fields) = of {
            fields.iter().for_each(look);
        }
    }
    for action in all() {
        action.parameters.iter().chain(action.outputs).for_each(look);
        if let Some(pages) = action.pages {
            let field = action.outputs.iter().find(|field| field.name == pages).unwrap();
            assert!(matches!(field.of, Type::List(_)), "{}", action.name);
        }
    }
}

#[test]
fn codes_are_classed_by_reason_then_by_code_then_as_refused_by_aws() {
    let accept = find("organizations:AcceptHandshake").unwrap();
    assert_eq!(classify(accept, "ConstraintViolationException", "WAIT_PERIOD_ACTIVE").0, Class::Wait);
    assert_eq!(classify(accept, "ConstraintViolationException", "SOMETHING_NEW").0, Class::NotDone);
    assert_eq!(classify(accept, "HandshakeAlreadyInStateException", "").0, Class::AlreadyDone);
    assert_eq!(classify(accept, "ServiceException", "").0, Class::InDoubt);
    assert_eq!(classify(accept, "ExpiredTokenException", "").0, Class::SessionExpired);
    assert_eq!(classify(accept, "NeverHeardOf", ""), (Class::NotDone, None));
    let leave = find("organizations:LeaveOrganization").unwrap();
    assert_eq!(classify(leave, "AWSOrganizationsNotInUseException", "").0, Class::AlreadyDone);
    let read = find("organizations:DescribeOrganization").unwrap();
    assert_eq!(classify(read, "AWSOrganizationsNotInUseException", "").0, Class::NotDone);
    assert_eq!(classify(read, "ServiceException", "").0, Class::Retry);
    let key = find("iam:CreateAccessKey").unwrap();
    assert_eq!(classify(key, "NoSuchEntity", "").0, Class::NotDone);
    let decline = find("organizations:DeclineHandshake").unwrap();
    assert!(errors(decline).all(|row| row.code != "AWSOrganizationsNotInUseException"));
}

#[test]
fn rows_of_one_action_are_not_said_twice() {
    for action in all() {
        let mut seen = BTreeSet::new();
        for row in action.errors {
            assert!(seen.insert((row.code, row.reason)), "{} {} {}", action.name, row.code, row.reason);
            assert!(!row.means.is_empty() && !row.todo.is_empty());
        }
    }
}

/// What a probe expression without added functions gives over `scope`.
fn gives(expression: &str, scope: &serde_json::Value) -> serde_json::Value {
    let data = jmespath::Variable::from_json(&scope.to_string()).unwrap();
    let result = jmespath::compile(expression).unwrap().search(data).unwrap();
    serde_json::from_str(&result.to_string()).unwrap()
}

#[test]
fn acceptance_is_told_by_both_sides_and_never_from_missing_answers() {
    use serde_json::json;
    let accept = find("organizations:AcceptHandshake").unwrap();
    let handshake = |state: &str| {
        json!({"error": null, "answer": {"Handshake": {"State": state, "Parties": [
            {"Id": "o-new", "Type": "ORGANIZATION"}, {"Id": "333333333333", "Type": "ACCOUNT"}]}}})
    };
    let organization = |id: &str| json!({"error": null, "answer": {"Organization": {"Id": id}}});
    let failed = |code: &str| json!({"error": code, "answer": null});
    let nothing = json!({"error": null, "answer": null});
    let told = |side: &action::Side, reads: serde_json::Value| {
        let scope = json!({"with": {"HandshakeId": "h-1"}, "output": null, "before": null, "reads": reads});
        (gives(side.done, &scope) == json!(true), gives(side.not_done, &scope) == json!(true))
    };
    let (member, management) = (&accept.probe[0], &accept.probe[1]);
    let cases = [
        (json!({"handshake": handshake("ACCEPTED"), "organization": organization("o-new")}), (true, false)),
        (json!({"handshake": handshake("OPEN"), "organization": organization("o-old")}), (false, true)),
        (
            json!({"handshake": handshake("OPEN"), "organization": failed("AWSOrganizationsNotInUseException")}),
            (false, true),
        ),
        (json!({"handshake": handshake("ACCEPTED"), "organization": organization("o-old")}), (false, false)),
        (json!({"handshake": failed("Throttling"), "organization": failed("Throttling")}), (false, false)),
        (json!({"handshake": failed("AccessDeniedException"), "organization": organization("o-old")}), (false, false)),
    ];
    for (reads, expected) in cases {
        assert_eq!(told(member, reads.clone()), expected, "{reads}");
    }
    let cases = [
        (json!({"handshake": handshake("ACCEPTED"), "account": failed("AccountNotFoundException")}), (true, false)),
        (json!({"handshake": handshake("OPEN"), "account": failed("AccountNotFoundException")}), (false, true)),
        (json!({"handshake": handshake("REQUESTED"), "account": nothing}), (false, true)),
        (json!({"handshake": handshake("OPEN"), "account": failed("Throttling")}), (false, false)),
        (json!({"handshake": failed("Throttling"), "account": nothing}), (false, false)),
    ];
    for (reads, expected) in cases {
        assert_eq!(told(management, reads.clone()), expected, "{reads}");
    }
}
