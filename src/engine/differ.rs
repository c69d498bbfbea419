//! What is not as it was captured, for people: member paths, before -> after, one sentence each. Pure; judges nothing.

use crate::base::escape;
use serde_json::{Map, Value};

/// Of more differences than these only their number is said.
const MOST: usize = 40;
/// Characters of one value.
const LONGEST: usize = 80;

/// How the captures differ from what they were: ``parent.Parents[0].Id: "r-1" -> "ou-1"``.
pub fn differs(before: &Value, now: &Map<String, Value>) -> Vec<String> {
    let mut all = Vec::new();
    for (id, value) in now {
        compare(id, before.get(id).unwrap_or(&Value::Null), value, &mut all);
    }
    let more = all.len().saturating_sub(MOST);
    if more > 0 {
        all.truncate(MOST);
        all.push(format!("and {more} more differences"));
    }
    all
}

fn compare(path: &str, before: &Value, now: &Value, all: &mut Vec<String>) {
    match (before, now) {
        _ if before == now => {}
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                let path = format!("{path}.{key}");
                match new.get(key) {
                    Some(other) => compare(&path, value, other, all),
                    None => all.push(format!("{path}: {} -> gone", show(value))),
                }
            }
            let added = new.iter().filter(|(key, _)| !old.contains_key(*key));
            all.extend(added.map(|(key, value)| format!("{path}.{key}: new, {}", show(value))));
        }
        (Value::Array(old), Value::Array(new)) => lists(path, old, new, all),
        _ => all.push(format!("{path}: {} -> {}", show(before), show(now))),
    }
}

/// AWS orders its lists as it likes: what stands in both is left out, wherever it stands.
fn lists(path: &str, old: &[Value], new: &[Value], all: &mut Vec<String>) {
    let mut added: Vec<&Value> = new.iter().collect();
    let mut gone: Vec<(usize, &Value)> = Vec::new();
    for (at, value) in old.iter().enumerate() {
        match added.iter().position(|other| *other == value) {
            Some(found) => {
                added.remove(found);
            }
            None => gone.push((at, value)),
        }
    }
    if gone.is_empty() && added.is_empty() {
        all.push(format!("{path}: in another order"));
    } else if gone.len() == added.len() {
        gone.iter().zip(added).for_each(|((at, value), other)| compare(&format!("{path}[{at}]"), value, other, all));
    } else {
        all.extend(gone.iter().map(|(at, value)| format!("{path}[{at}]: {} -> gone", show(value))));
        all.extend(added.iter().map(|value| format!("{path}: new, {}", show(value))));
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        other => escape::cut(&other.to_string(), LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::differs;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn of(before: Value, now: Value) -> Vec<String> {
        differs(&json!({ "c": before }), json!({ "c": now }).as_object().unwrap_or(&Map::new()))
    }

    #[test]
    fn each_difference_is_a_path_with_before_and_after() {
        assert_eq!(
            of(json!({"A": [{"Id": "x", "N": 1}]}), json!({"A": [{"Id": "y", "N": 1}]})),
            ["c.A[0].Id: \"x\" -> \"y\""]
        );
        assert_eq!(of(json!({"A": 1, "B": 2}), json!({"A": 1, "C": 3})), ["c.B: 2 -> gone", "c.C: new, 3"]);
        assert_eq!(of(json!(["a", "b"]), json!(["b", "c", "a"])), ["c: new, \"c\""]);
        assert_eq!(of(json!(["a", "b"]), json!(["b"])), ["c[0]: \"a\" -> gone"]);
        assert_eq!(of(json!(["a", "b"]), json!(["b", "a"])), ["c: in another order"]);
        assert_eq!(of(Value::Null, json!({"User": 1})), ["c: nothing -> {\"User\":1}"]);
    }

    #[test]
    fn much_is_cut() {
        let long = of(json!("x".repeat(5_000)), json!(1));
        assert!(long[0].chars().count() < 200, "{long:?}");
        let many: Vec<Value> = (0..100).map(|n| json!(n)).collect();
        let all = of(json!([]), json!(many));
        assert_eq!((all.len(), all[40].as_str()), (41, "and 60 more differences"));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<u8>().prop_map(Value::from), "[a-c]{0,2}".prop_map(Value::from)];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        /// Nothing is said of what is equal, and something of everything else.
        #[test]
        fn silence_means_equal(before in value(), now in value()) {
            prop_assert!(of(before.clone(), before.clone()).is_empty());
            prop_assert_eq!(of(before.clone(), now.clone()).is_empty(), before == now);
        }
    }
}
