//! Does a resolved operation fit the template it came from? Compares what is literal, and follows
//! plain member paths into earlier outcomes; evaluates no expression.

use serde_json::Value;

/// Everything literal in `template` is the same in `value`. `lookup` gives what a plain member path
/// (`undo.ask_back.Handshake.Id`) is known to be, or nothing where that is not known.
pub(super) fn fits(template: &Value, value: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> bool {
    match (template, value) {
        (Value::String(text), value) => text_fits(text, value, lookup),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| fits(wanted, found, lookup))
        }
        (Value::Object(wanted), Value::Object(found)) => {
            found.keys().all(|key| wanted.contains_key(key))
                && wanted.iter().all(|(key, wanted)| match found.get(key) {
                    Some(found) => fits(wanted, found, lookup),
                    // A parameter whose expression gave null may be left out.
                    None => wanted.as_str().is_some_and(|text| whole(text).is_some()),
                })
        }
        (wanted, found) => wanted == found,
    }
}

fn text_fits(template: &str, value: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> bool {
    if let Some(expression) = whole(template) {
        return lookup(expression).is_none_or(|known| known == *value);
    }
    let Some(found) = value.as_str() else { return false };
    let Some(before) = literal_before(template) else { return found == template.replace("$${", "${") };
    // What follows the last brace is literal, wherever the last expression ends.
    let after = template.rfind('}').map_or("", |at| &template[at + 1..]);
    found.len() >= before.len() + after.len() && found.starts_with(&before) && found.ends_with(after)
}

/// The expression of a text that is exactly one `${...}`.
fn whole(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    // `${a}-${b}` is two of them; braces inside an expression stand in pairs.
    let mut depth = 0i32;
    for c in inner.chars() {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if depth < 0 {
            return None;
        }
    }
    Some(inner)
}

/// The literal text before the first `${`; none where there is no expression.
fn literal_before(template: &str) -> Option<String> {
    let mut from = 0;
    while let Some(at) = template[from..].find("${").map(|at| from + at) {
        if !template[..at].ends_with('$') {
            return Some(template[..at].replace("$${", "${"));
        }
        from = at + 2;
    }
    None
}

/// Follows `a.b[0].c` into `value`; none where the path is not plain or the member is not there.
pub(super) fn member<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = value;
    for part in path.split('.') {
        let (name, indices) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return None;
        }
        at = at.get(name)?;
        for index in indices.split('[').filter(|index| !index.is_empty()) {
            at = at.get(index.strip_suffix(']')?.parse::<usize>().ok()?)?;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(template: &Value, value: &Value) -> bool {
        fits(template, value, &|_| None)
    }

    #[test]
    fn what_is_literal_must_be_the_same() {
        let template =
            json!({"action": "iam:CreateUser", "n": 1, "with": {"UserName": "x-${item.id}-y", "Tags": "${t}"}});
        let good = json!({"action": "iam:CreateUser", "n": 1, "with": {"UserName": "x-1-y", "Tags": [1]}});
        assert!(plain(&template, &good));
        for (pointer, value) in [
            ("/action", json!("iam:DeleteUser")),
            ("/n", json!(2)),
            ("/with/UserName", json!("x-1")),
            ("/with/UserName", json!("x--")),
            ("/with/UserName", json!(1)),
        ] {
            let mut wrong = good.clone();
            *wrong.pointer_mut(pointer).unwrap() = value;
            assert!(!plain(&template, &wrong), "{pointer}");
        }
        let mut more = good.clone();
        more["with"]["Path"] = json!("/");
        assert!(!plain(&template, &more));
        let mut less = good.clone();
        less["with"].as_object_mut().unwrap().remove("UserName");
        assert!(!plain(&template, &less));
    }

    #[test]
    fn an_escaped_dollar_is_literal() {
        assert!(plain(&json!("$${aws:username}"), &json!("${aws:username}")));
        assert!(!plain(&json!("$${aws:username}"), &json!("bob")));
        assert!(plain(&json!("$${a}/${b}"), &json!("${a}/c")));
        assert!(!plain(&json!("$${a}/${b}"), &json!("x/c")));
    }

    #[test]
    fn plain_paths_are_followed() {
        let known = json!({"Handshake": {"Id": "h-1"}, "L": [{"A": 7}]});
        let lookup = |path: &str| member(&known, path.strip_prefix("undo.back.")?).cloned();
        assert!(fits(&json!("${undo.back.Handshake.Id}"), &json!("h-1"), &lookup));
        assert!(!fits(&json!("${undo.back.Handshake.Id}"), &json!("h-2"), &lookup));
        assert!(fits(&json!("${undo.back.L[0].A}"), &json!(7), &lookup));
        assert!(fits(&json!("${length(undo.back.L)}"), &json!(9), &lookup));
    }
}
