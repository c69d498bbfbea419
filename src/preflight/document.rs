//! Policy documents: read as IAM and Organizations give them (IAM's percent-encoded), and what in them names an
//! organization, trusts an account, or denies an action.
//!
//! Not an evaluation: it says what stands there. A document that can't be read is said to be so.

use serde_json::Value;
use std::collections::BTreeSet;

/// The condition keys whose values are organizations, in small letters.
pub const KEYS: [&str; 6] = [
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
];

/// What a policy says about an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `Sid`, or which statement it is.
    pub statement: String,
    /// As it is written: `ForAnyValue:StringLikeIfExists aws:PrincipalOrgPaths`.
    pub condition: String,
    pub values: Vec<String>,
}

/// Reads a document: JSON, percent-encoded JSON (RFC 3986), or already a table.
pub fn read(document: &Value) -> Result<Value, String> {
    let Some(text) = document.as_str() else {
        return if document.is_object() { Ok(document.clone()) } else { Err("it is no document".to_owned()) };
    };
    let plain = if text.trim_start().starts_with('{') { text.to_owned() } else { decoded(text)? };
    serde_json::from_str(&plain).map_err(|error| format!("it is no JSON ({error})"))
}

/// Takes percent-encoding away; a plus sign is itself.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(byte.ok_or("its percent-encoding is broken")?);
        rest = tail.get(2..).unwrap_or_default();
    }
    String::from_utf8(bytes).map_err(|_| "it is no UTF-8".to_owned())
}

/// Every condition of the document, and every policy variable in it, whose key names an organization.
pub fn organizations(document: &Value) -> Vec<Named> {
    let mut found = Vec::new();
    for (name, statement) in statements(document) {
        for (operator, keys) in members(&statement["Condition"]) {
            for (key, values) in members(keys).filter(|(key, _)| KEYS.contains(&key.to_lowercase().as_str())) {
                let condition = format!("{operator} {key}");
                found.push(Named { statement: name.clone(), condition, values: texts(values) });
            }
        }
        let mut variables = BTreeSet::new();
        in_texts(statement, &mut variables);
        found.extend(variables.into_iter().map(|variable| Named {
            statement: name.clone(),
            condition: format!("the variable {variable}"),
            values: Vec::new(),
        }));
    }
    found
}

/// `${aws:PrincipalOrgID}` and the like in any text.
fn in_texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            for part in text.split("${").skip(1) {
                let name = part.split(['}', ',']).next().unwrap_or_default().trim();
                if KEYS.contains(&name.to_lowercase().as_str()) {
                    found.insert(format!("${{{name}}}"));
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| in_texts(item, found)),
        Value::Object(all) => all.values().for_each(|member| in_texts(member, found)),
        _ => {}
    }
}

/// Whether an allowing statement of a trust policy names this account (by id or by ARN).
pub fn trusts(document: &Value, account: &str) -> bool {
    let names = |text: &String| text == account || text.split(':').nth(4) == Some(account);
    statements(document).iter().any(|(_, statement)| {
        is(&statement["Effect"], "Allow") && texts(&statement["Principal"]["AWS"]).iter().any(names)
    })
}

/// What denies these actions: the statement, the action, and whether only under a condition.
pub fn denies(document: &Value, actions: &[&'static str]) -> Vec<(String, &'static str, bool)> {
    let mut found = Vec::new();
    for (name, statement) in statements(document) {
        if !is(&statement["Effect"], "Deny") {
            continue;
        }
        let sometimes = members(&statement["Condition"]).next().is_some();
        for action in actions {
            let matches = |member: &str| texts(&statement[member]).iter().any(|pattern| fits(pattern, action));
            let denied = if statement["NotAction"].is_null() { matches("Action") } else { !matches("NotAction") };
            if denied {
                found.push((name.clone(), *action, sometimes));
            }
        }
    }
    found
}

/// With `*` and `?`, whatever the case of letters, as IAM compares actions.
fn fits(pattern: &str, text: &str) -> bool {
    fn inner(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => inner(rest, text) || text.split_first().is_some_and(|(_, t)| inner(pattern, t)),
            (Some((b'?', rest)), Some((_, text))) => inner(rest, text),
            (Some((one, rest)), Some((other, text))) => one.eq_ignore_ascii_case(other) && inner(rest, text),
            _ => false,
        }
    }
    // Runs of stars mean the same as one, and cost much more.
    let mut short = pattern.to_owned();
    while short.contains("**") {
        short = short.replace("**", "*");
    }
    short.matches('*').count() <= 8 && inner(short.as_bytes(), text.as_bytes())
}

/// The statements with their names; one statement may stand without a list.
fn statements(document: &Value) -> Vec<(String, &Value)> {
    let all: Vec<&Value> = match &document["Statement"] {
        Value::Array(items) => items.iter().collect(),
        one @ Value::Object(_) => vec![one],
        _ => Vec::new(),
    };
    let name = |(at, statement): (usize, &Value)| match statement["Sid"].as_str().filter(|sid| !sid.is_empty()) {
        Some(sid) => sid.to_owned(),
        None => format!("statement {}", at + 1),
    };
    all.into_iter().enumerate().map(|(at, statement)| (name((at, statement)), statement)).collect()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// A text, or a list of them.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null | Value::Object(_) => Vec::new(),
        other => vec![other.to_string()],
    }
}

fn is(value: &Value, word: &str) -> bool {
    value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// As IAM encodes a document.
    fn encoded(document: &Value) -> Value {
        let mut text = String::new();
        for byte in document.to_string().bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(byte as char),
                byte => text.push_str(&format!("%{byte:02X}")),
            }
        }
        Value::String(text)
    }

    #[test]
    fn each_key_is_found_in_every_form_and_case() {
        for key in [
            "aws:PrincipalOrgID",
            "aws:PrincipalOrgPaths",
            "aws:ResourceOrgID",
            "aws:ResourceOrgPaths",
            "aws:SourceOrgID",
            "aws:SourceOrgPaths",
        ] {
            for key in [key.to_owned(), key.to_lowercase(), key.to_uppercase()] {
                for operator in ["StringEquals", "StringNotEqualsIfExists", "ForAnyValue:StringLike", "Null"] {
                    let statement = json!({"Effect": "Allow", "Condition": {operator: {key.clone(): ["o-1", "o-2"]}}});
                    for document in [json!({"Statement": statement.clone()}), json!({"Statement": [statement]})] {
                        let found = organizations(&read(&encoded(&document)).unwrap());
                        assert_eq!(found.len(), 1, "{document}");
                        assert_eq!(found[0].condition, format!("{operator} {key}"));
                        assert_eq!(found[0].values, ["o-1", "o-2"]);
                        assert_eq!(found[0].statement, "statement 1");
                    }
                }
            }
        }
        let other = json!({"Statement": {"Condition": {"StringEquals": {"aws:PrincipalAccount": "o-1"}}}});
        assert!(organizations(&other).is_empty());
    }

    #[test]
    fn variables_are_found_too() {
        let document =
            json!({"Statement": [{"Sid": "Own", "Resource": "arn:aws:s3:::b/${aws:principalOrgId, 'x'}/*"}]});
        let found = organizations(&document);
        assert_eq!(found[0].condition, "the variable ${aws:principalOrgId}");
        assert_eq!(found[0].statement, "Own");
    }

    #[test]
    fn what_is_no_document_is_said_to_be_none() {
        for (given, why) in [
            (json!("%7B%zz"), "percent-encoding"),
            (json!("{"), "no JSON"),
            (json!(7), "no document"),
            (json!("%ff"), "UTF-8"),
        ] {
            assert!(read(&given).unwrap_err().contains(why), "{given}");
        }
    }

    #[test]
    fn trust_is_told_by_id_and_by_arn() {
        let trust = |principal: Value| json!({"Statement": [{"Effect": "Allow", "Principal": principal}]});
        for principal in
            ["111111111111", "arn:aws:iam::111111111111:root", "arn:aws:sts::111111111111:assumed-role/a/b"]
        {
            assert!(trusts(&trust(json!({ "AWS": principal })), "111111111111"), "{principal}");
            assert!(trusts(&trust(json!({"AWS": ["222222222222", principal]})), "111111111111"));
            assert!(!trusts(&trust(json!({ "AWS": principal })), "222222222222"));
            assert!(!trusts(&trust(json!({ "Service": principal })), "111111111111"));
        }
        let denies = json!({"Statement": [{"Effect": "Deny", "Principal": {"AWS": "111111111111"}}]});
        assert!(!trusts(&denies, "111111111111"));
    }

    #[test]
    fn denials_are_matched_as_iam_matches() {
        const ACTIONS: &[&str] = &["organizations:LeaveOrganization", "organizations:AcceptHandshake"];
        let found = |statement: Value| denies(&json!({ "Statement": statement }), ACTIONS);
        assert_eq!(found(json!({"Effect": "Deny", "Action": "organizations:leave*"})).len(), 1);
        assert_eq!(found(json!({"Effect": "Deny", "Action": ["s3:*", "*"]})).len(), 2);
        assert_eq!(found(json!({"Effect": "Deny", "NotAction": "organizations:Accept????shake"}))[0].1, ACTIONS[0]);
        assert!(found(json!({"Effect": "Allow", "Action": "*"})).is_empty());
        let under = found(json!({"Effect": "Deny", "Action": "*", "Condition": {"Bool": {"a": "b"}}}));
        assert!(under.iter().all(|(_, _, sometimes)| *sometimes));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in any::<String>(), pattern in "[*?a-c:]{0,40}") {
            let _ = read(&Value::String(text.clone())).map(|document| organizations(&document).len());
            let _ = read(&Value::String(format!("%7B{text}")));
            let _ = fits(&pattern, "organizations:LeaveOrganization");
        }
    }
}
