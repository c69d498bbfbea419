//! Stored evidence, answers and outputs: wrapped with a salt, so that they can be withheld from a
//! reader without their digest giving them away.

use crate::base::json::{self, Form, JsonError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// The member beside `salt` of a step's output.
pub const OUTPUT: &str = "output";
/// Of what an anchor captured.
pub const CAPTURED: &str = "captured";
/// Of a person's answer.
pub const ANSWER: &str = "answer";
/// Of a probe's reads.
pub const READS: &str = "reads";

/// 16 random bytes.
pub type Salt = [u8; 16];

/// A file given as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    /// As in `application/pdf`.
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// Why bytes are not such an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaltedError {
    #[error("the object is not canonical: {0}")]
    Json(#[from] JsonError),
    #[error("the object is not of its form: {0}")]
    Form(String),
}

/// `{"salt":"<32 hex>","<member>":value}`, canonical.
pub fn wrap(salt: &Salt, member: &str, value: &Value) -> Result<Vec<u8>, JsonError> {
    json::object_bytes(&json!({"salt": hex::encode(salt), member: value}))
}

/// What [`wrap`] wrapped as `member`.
pub fn unwrap(bytes: &[u8], member: &str) -> Result<Value, SaltedError> {
    let mut members = open(bytes)?;
    let value = members.remove(member).ok_or_else(|| form(&format!("`{member}` is missing")))?;
    if members.is_empty() { Ok(value) } else { Err(form("it has members that do not belong there")) }
}

/// `{"base64":...,"media_type":...,"name":...,"salt":...}`, canonical.
pub fn wrap_file(salt: &Salt, file: &File) -> Result<Vec<u8>, JsonError> {
    json::object_bytes(&json!({
        "salt": hex::encode(salt), "name": file.name, "media_type": file.media_type,
        "base64": STANDARD.encode(&file.bytes),
    }))
}

/// The inverse of [`wrap_file`].
pub fn unwrap_file(bytes: &[u8]) -> Result<File, SaltedError> {
    let mut members = open(bytes)?;
    let mut text = |name: &str| match members.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(form(&format!("`{name}` is missing or not a text"))),
    };
    let (name, media_type, base64) = (text("name")?, text("media_type")?, text("base64")?);
    if !members.is_empty() {
        return Err(form("it has members that do not belong there"));
    }
    let bytes = STANDARD.decode(base64).map_err(|_| form("`base64` is not base64"))?;
    Ok(File { name, media_type, bytes })
}

/// The same content under whatever salts.
pub fn same_content(left: &[u8], right: &[u8]) -> bool {
    matches!((open(left), open(right)), (Ok(left), Ok(right)) if left == right)
}

/// The members beside the salt.
fn open(bytes: &[u8]) -> Result<Map<String, Value>, SaltedError> {
    let text = std::str::from_utf8(bytes).map_err(|_| form("it is not UTF-8"))?;
    let Value::Object(mut members) = json::parse(text, Form::Object)? else { return Err(form("it is not an object")) };
    let salted = match members.remove("salt") {
        Some(Value::String(salt)) => {
            salt.len() == 32 && salt.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
        }
        _ => false,
    };
    if salted { Ok(members) } else { Err(form("it has no salt of 32 hex digits")) }
}

fn form(why: &str) -> SaltedError {
    SaltedError::Form(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_files_come_back() {
        let value = json!({"Account": {"Id": "1"}});
        let bytes = wrap(&[1; 16], OUTPUT, &value).unwrap();
        assert_eq!(unwrap(&bytes, OUTPUT), Ok(value.clone()));
        assert!(matches!(unwrap(&bytes, ANSWER), Err(SaltedError::Form(_))));
        let file = File { name: "mail ü.pdf".into(), media_type: "application/pdf".into(), bytes: vec![0, 255] };
        let bytes = wrap_file(&[1; 16], &file).unwrap();
        assert_eq!(unwrap_file(&bytes), Ok(file));
        assert!(unwrap(&bytes, OUTPUT).is_err());
        for wrong in [&b"{}"[..], b"[]", b"\xff", br#"{"output":1,"salt":"00"}"#, br#"{"a":1,"output":1}"#] {
            assert!(unwrap(wrong, OUTPUT).is_err());
        }
    }

    #[test]
    fn content_is_compared_without_the_salt() {
        let (value, other) = (json!([1]), json!([2]));
        let first = wrap(&[1; 16], CAPTURED, &value).unwrap();
        assert!(same_content(&first, &wrap(&[2; 16], CAPTURED, &value).unwrap()));
        assert!(!same_content(&first, &wrap(&[1; 16], CAPTURED, &other).unwrap()));
        assert!(!same_content(b"x", b"x"));
    }
}
