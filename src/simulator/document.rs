//! Policy documents: JSON text into the statements that the simulator evaluates, and trust policies into who may
//! assume a role. Small: NotAction, NotResource and conditions other than MFA and external ids allow nothing.

use super::state::Statement;
use serde_json::{Value, json};

/// What a trust policy says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Account ids and ARNs of principals.
    pub principals: Vec<String>,
    /// Empty: none is asked for.
    pub external_id: String,
    pub mfa: bool,
}

/// The statements of an identity or organization policy; none where the text is no policy.
pub fn statements(text: &str) -> Option<Vec<Statement>> {
    let mut found = Vec::new();
    for written in written(text)? {
        let actions = texts(&written["Action"]);
        let resources = texts(&written["Resource"]);
        let condition = written.get("Condition").and_then(Value::as_object);
        let mfa = asks_mfa(&written);
        // A statement that can't be judged allows nothing; one that denies is kept only as it stands.
        let odd = condition.is_some_and(|condition| !mfa || condition.len() > 1);
        if !odd && !actions.is_empty() && !resources.is_empty() {
            found.push(Statement { allow: written["Effect"] == "Allow", actions, resources, mfa });
        }
    }
    Some(found)
}

/// What organization policies deny: actions, on everything and without conditions.
pub fn denied(text: &str) -> Option<Vec<String>> {
    let all = statements(text)?;
    Some(all.into_iter().filter(|one| !one.allow && !one.mfa).flat_map(|one| one.actions).collect())
}

/// Who may assume a role, by its trust policy; none where the text is none.
pub fn trust(text: &str) -> Option<Trust> {
    let mut trust = Trust::default();
    for written in written(text)?.into_iter().filter(|one| one["Effect"] == "Allow") {
        let principal = written.get("Principal")?;
        let named = if principal == "*" { vec!["*".to_owned()] } else { texts(&principal["AWS"]) };
        trust.principals.extend(named.into_iter().map(|one| account_of_root(&one).unwrap_or(one)));
        trust.mfa |= asks_mfa(&written);
        if let Some(id) = written.pointer("/Condition/StringEquals/sts:ExternalId").and_then(Value::as_str) {
            trust.external_id = id.to_owned();
        }
    }
    Some(trust)
}

/// A trust policy of these parts, as AWS's console would write it.
pub fn trust_text(principals: &[String], external_id: &str, mfa: bool) -> String {
    let whole = |one: &String| match one.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("arn:aws:iam::{one}:root"),
        false => one.clone(),
    };
    let mut condition = serde_json::Map::new();
    if !external_id.is_empty() {
        condition.insert("StringEquals".to_owned(), json!({"sts:ExternalId": external_id}));
    }
    if mfa {
        condition.insert("Bool".to_owned(), json!({"aws:MultiFactorAuthPresent": "true"}));
    }
    let principals: Vec<String> = principals.iter().map(whole).collect();
    let mut statement = json!({"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "sts:AssumeRole"});
    if !condition.is_empty() {
        statement["Condition"] = Value::Object(condition);
    }
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn written(text: &str) -> Option<Vec<Value>> {
    let document: Value = serde_json::from_str(text).ok()?;
    let all = match document.get("Statement")? {
        Value::Array(all) => all.clone(),
        one @ Value::Object(_) => vec![one.clone()],
        _ => return None,
    };
    let sound = all.iter().all(|one| matches!(one["Effect"].as_str(), Some("Allow" | "Deny")));
    (sound && !all.is_empty()).then_some(all)
}

fn asks_mfa(statement: &Value) -> bool {
    let tests = ["Bool", "BoolIfExists"];
    tests.iter().any(|test| {
        let value = &statement["Condition"][test]["aws:MultiFactorAuthPresent"];
        let wanted = if statement["Effect"] == "Allow" { "true" } else { "false" };
        value == wanted || value == (wanted == "true")
    })
}

/// One text or several.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn account_of_root(arn: &str) -> Option<String> {
    arn.strip_prefix("arn:aws:iam::")?.strip_suffix(":root").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_as_far_as_they_can_be_judged() {
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},
            {"Effect":"Deny","Action":["a:b","a:c"],"Resource":["*"]},
            {"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},
            {"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]}"#;
        let found = statements(text).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found[0].allow && found[0].mfa && !found[1].allow);
        assert_eq!(denied(text).unwrap(), ["a:b", "a:c"]);
        for wrong in ["", "[]", "{}", r#"{"Statement":[]}"#, r#"{"Statement":{"Effect":"Maybe"}}"#] {
            assert_eq!(statements(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_trust_policy_comes_back_as_it_was_written() {
        let principals = ["111111111111".to_owned(), "arn:aws:iam::222222222222:user/a".to_owned()];
        let text = trust_text(&principals, "x-1", true);
        let back = trust(&text).unwrap();
        assert_eq!(back, Trust { principals: principals.to_vec(), external_id: "x-1".to_owned(), mfa: true });
        assert!(text.contains("arn:aws:iam::111111111111:root"));
        assert_eq!(trust("{\"Statement\":[{\"Effect\":\"Allow\"}]}"), None);
    }
}
