//! What AWS STS answered when an approver asked it to name their statement: how the statement becomes a session's
//! name, and how the answer travels beside it. Never holds a code or credentials. Pure.

use super::fact::Corroborated;
use crate::base::Digest;
use crate::base::json::{self, Form, JsonError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

/// The member of the object that travels in an answer file.
const MEMBER: &str = "corroborated";

/// `RoleSessionName` for the statement with this SHA-256: its base64url, 43 characters.
pub fn session_name(statement: &Digest) -> String {
    URL_SAFE_NO_PAD.encode(statement.0)
}

/// The bytes of the object that goes beside a statement in an answer file.
pub fn object(fact: &Corroborated) -> Result<Vec<u8>, JsonError> {
    json::object_bytes(&json!({ MEMBER: fact }))
}

/// What [`object`] wrote; none if it is something else.
pub fn read(bytes: &[u8]) -> Option<Corroborated> {
    let value = json::parse(std::str::from_utf8(bytes).ok()?, Form::Object).ok()?;
    let members = value.as_object().filter(|members| members.len() == 1)?;
    serde_json::from_value(members.get(MEMBER)?.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_a_session_and_the_answer_reads_back() {
        let statement = Digest::of(b"statement");
        let name = session_name(&statement);
        assert_eq!(name.len(), 43);
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        let fact = Corroborated {
            statement,
            account: "111122223333".into(),
            arn: format!("arn:aws:sts::111122223333:assumed-role/approve/{name}"),
            assumed_role_id: format!("AROA:{name}"),
            date: None,
            endpoint: "https://sts.amazonaws.com".into(),
            request_id: Some("r".into()),
            serial: "arn:aws:iam::111122223333:mfa/carol".into(),
        };
        let bytes = object(&fact).unwrap();
        assert_eq!(read(&bytes), Some(fact));
        for other in [&b"{}"[..], b"[]", br#"{"corroborated":{}}"#, br#"{"answer":1}"#] {
            assert_eq!(read(other), None);
        }
    }
}
