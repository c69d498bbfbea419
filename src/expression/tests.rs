//! Templates, references and conditions: what they give and what they refuse.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const NOW: Time = Time(1_767_312_000_000); // 2026-01-02

fn scope() -> Value {
    json!({
        "parameters": {"org": "o-1", "count": 3, "accounts": [{"id": "111"}, {"id": "222"}]},
        "item": {"id": "111", "name": "a`b}", "none": null},
        "stages": {"invite": {"invite": {"Handshake": {"Id": "h-1"}}, "111122223333": {"invite": {"Id": "h-2"}}}},
        "anchor": {"parent": {"Parents": [{"Id": "r-1"}]}},
    })
}

fn filled(text: &str) -> Result<Value, ExprError> {
    fill(&json!(text), &scope(), NOW)
}

#[test]
fn a_single_expression_keeps_its_type_and_text_around_it_makes_text() {
    assert_eq!(filled("${parameters.count}"), Ok(json!(3)));
    assert_eq!(filled("n=${parameters.count}, ${item.id}"), Ok(json!("n=3, 111")));
    assert_eq!(filled("${item.none}"), Ok(Value::Null));
    assert_eq!(filled("$${item.id} ${item.id}"), Ok(json!("${item.id} 111")));
    assert_eq!(filled("${stages.invite.\"111122223333\".invite.Id}"), Ok(json!("h-2")));
    assert_eq!(filled("${anchor.parent.Parents[0].Id}"), Ok(json!("r-1")));
    assert!(matches!(filled("x ${item.none}"), Err(ExprError::Value { .. })));
    assert!(matches!(filled("x ${item}"), Err(ExprError::Value { .. })));
}

#[test]
fn the_closing_brace_is_found_past_strings_literals_and_tables() {
    assert_eq!(filled("${'}'}"), Ok(json!("}")));
    assert_eq!(filled("${{a: item.id}}"), Ok(json!({"a": "111"})));
    assert_eq!(filled("${`{\"x\": \"}\"}`}"), Ok(json!({"x": "}"})));
    assert_eq!(filled("${'it\\'s }'}!"), Ok(json!("it's }!")));
    for open in ["${", "a ${item.id", "${'}", "${{a: item.id}"] {
        assert!(matches!(filled(open), Err(ExprError::Syntax { .. })), "{open}");
    }
}

#[test]
fn what_is_not_known_yet_stays_as_written() {
    let template = json!({"a": "${item.id}", "b": "${steps.x.Id}", "c": ["${undo.y.Id == item.id}", "$${a}"]});
    let (value, all) = fill_known(&template, &scope(), NOW);
    assert_eq!(value, json!({"a": "111", "b": "${steps.x.Id}", "c": ["${undo.y.Id == item.id}", "${a}"]}));
    assert!(!all);
    assert!(fill_known(&json!(["${anchor.parent.Missing == `null`}"]), &scope(), NOW).1);
    assert!(!fill_known(&json!("${stages.invite.other.Id || 'x'}"), &scope(), NOW).1);
}

#[test]
fn conditions_are_true_or_false_or_an_error() {
    let holds_now = |text: &str| condition(text, &scope(), NOW);
    assert_eq!(holds_now("${item.id == '111'}"), Ok(true));
    assert_eq!(holds_now("${item.id != '111'}"), Ok(false));
    assert!(matches!(holds_now("${item.id}"), Err(ExprError::NotBoolean { .. })));
    assert!(matches!(holds_now("${item.missing}"), Err(ExprError::NotBoolean { .. })));
    assert!(matches!(holds_now("item.id == '111'"), Err(ExprError::Syntax { .. })));
}

#[test]
fn an_expectation_reads_the_answer_and_takes_values_as_literals() {
    let answer = json!({"Handshakes": [
        {"State": "OPEN", "Parties": [{"Id": "111"}, {"Id": "o-1"}]},
        {"State": "DECLINED", "Parties": [{"Id": "222"}]},
    ], "Name": "a`b}"});
    let holds_now = |text: &str| holds(text, &answer, &scope(), NOW);
    let none_open =
        "length(Handshakes[?State == 'OPEN' || State == 'REQUESTED'].Parties[] | [?Id == ${item.id}]) == `0`";
    assert_eq!(holds_now(none_open), Ok(false));
    assert_eq!(holds_now(&none_open.replace("item.id", "'222'")), Ok(true));
    assert_eq!(holds_now("Name == ${item.name}"), Ok(true));
    assert!(matches!(holds_now("Name == '${item.name}'"), Err(ExprError::Syntax { .. })));
    assert!(matches!(holds_now("Name"), Err(ExprError::NotBoolean { .. })));
    assert!(matches!(holds_now("length(Nothing) == `0`"), Err(ExprError::Value { .. })));
}

#[test]
fn the_added_functions() {
    let found = |text: &str| search(text, &scope(), NOW);
    assert_eq!(found("find(parameters.accounts, 'id', '222').id"), Ok(json!("222")));
    assert_eq!(found("find(parameters.accounts, 'id', '333')"), Ok(Value::Null));
    assert_eq!(found("older_than('2025-12-25T00:00:00Z', '7d')"), Ok(json!(true)));
    assert_eq!(found("older_than('2025-12-27T00:00:00Z', '7d')"), Ok(json!(false)));
    assert_eq!(found("json(parameters.accounts)"), Ok(json!(r#"[{"id":"111"},{"id":"222"}]"#)));
    assert!(matches!(found("older_than(item.none, '7d')"), Err(ExprError::Value { .. })));
    assert!(matches!(found("older_than('x', '7 days')"), Err(ExprError::Syntax { .. })));
    let Err(ExprError::Syntax { message, span }) = found("item.id == lenght(item)") else { panic!("not refused") };
    assert!(message.contains("did you mean `length`"), "{message}");
    assert_eq!(span, 11..17);
}

#[test]
fn what_would_make_the_library_panic_is_refused() {
    for text in ["parameters.accounts[1::2147483647]", "item[::0]", "&item", "foo(", "[:::]", ""] {
        assert!(search(text, &scope(), NOW).is_err(), "{text}");
    }
    for piece in ["(", "[", "{a:", "!", "&", "a.", "a|", "[?", "a[*]", "a[]", "a&&", "length("] {
        let _ = search(&piece.repeat(100_000), &scope(), NOW);
        let _ = search(&format!("{}a", piece.repeat(60)), &scope(), NOW);
    }
    let deep = format!("{}a{}", "(".repeat(249), ")".repeat(249));
    assert_eq!(search(&deep, &scope(), NOW), Ok(Value::Null));
}

#[test]
fn references_name_their_paths_and_places() {
    let of = |text: &str| {
        let found = references(text).unwrap();
        found.iter().map(|r| (r.text(), text[r.span.clone()].to_owned(), r.hidden_root)).collect::<Vec<_>>()
    };
    let row = |text: &str, head: &str| (text.to_owned(), head.to_owned(), false);
    assert_eq!(
        of("a ${item.id} b ${stages.accept.\"1\".accept}"),
        vec![row("item.id", "item"), row("stages.accept.\"1\".accept", "stages"),]
    );
    assert_eq!(of("${anchor.roots.Roots[0].Id}"), vec![row("anchor.roots.Roots[].Id", "anchor")]);
    assert_eq!(
        of("${parameters.accounts[?id == item.id].name}"),
        vec![
            row("parameters.accounts[].id", "id"),
            ("parameters.accounts[].item.id".to_owned(), "item".to_owned(), true),
            row("parameters.accounts[].name", "parameters"),
        ]
    );
    assert_eq!(of("${steps.a.List[*].Id | [0]}"), vec![row("steps.a.List[].Id", "steps")]);
    assert_eq!(
        of("${sort_by(steps.a.List, &Name)[0].Id}"),
        vec![row("steps.a.List", "steps"), row("steps.a.List[].Name", "Name"), row("steps.a.List[].Id", "steps"),]
    );
}

#[test]
fn an_expectations_references_are_told_apart() {
    let text = "length(H[?S == 'O'].P[] | [?Id == ${item.id}]) == `0` && ${parameters.x} == T";
    let (answer, scope) = expect_references(text).unwrap();
    let texts: Vec<String> = answer.iter().map(Reference::text).collect();
    assert_eq!(texts, ["H[].S", "H[].P[].Id", "H[].P[]", "T"]);
    assert_eq!(&text[answer[3].span.clone()], "T");
    assert_eq!(scope.iter().map(Reference::text).collect::<Vec<_>>(), ["item.id", "parameters.x"]);
}

proptest! {
    #[test]
    fn any_text_is_harmless(text in any::<String>()) {
        let _ = filled(&text);
        let _ = references(&text);
    }

    #[test]
    fn anything_that_looks_like_an_expression_is_harmless(text in "[a-z@.\\[\\]?*|&!(){}:,'`\"0-9$<>= \\\\-]{0,60}") {
        let _ = filled(&format!("${{{text}}}"));
        let _ = holds(&text, &scope(), &scope(), NOW);
        let _ = expect_references(&text);
        let _ = condition(&text, &scope(), NOW);
    }

    #[test]
    fn any_value_stands_as_a_literal(text in any::<String>()) {
        let scope = json!({"item": text});
        prop_assert_eq!(holds("Value == ${item}", &json!({"Value": text}), &scope, NOW), Ok(true));
    }
}

#[test]
fn documents_are_compared_by_what_they_say() {
    let data = json!({"a": "{\"x\": [1, 2]}", "b": {"x": [1, 2]}, "c": "no json"});
    for (expression, expected) in [
        ("document(a) == document(b)", json!(true)),
        ("document(a).x[1]", json!(2)),
        ("document(c)", json!(null)),
        ("document(missing)", json!(null)),
    ] {
        assert_eq!(search(expression, &data, Time(0)).unwrap(), expected, "{expression}");
    }
}
