//! The operations object: the ordered list of exactly what a request asks approval for.

use super::fact::Direction;
use crate::base::StepId;
use crate::base::json::{self, Form, JsonError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One operation of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// `stage:item/step`, or `undo stage:item/step`.
    pub covers: String,
    pub step: StepId,
    pub direction: Direction,
    pub attempt: u32,
    /// The signed-on person who will perform.
    pub performer: String,
    /// The resolved operation; what an earlier one of the list will give stays as `${...}` text.
    pub operation: Value,
}

/// Why bytes are not an operations object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationsError {
    #[error("the operations object is not canonical: {0}")]
    Json(#[from] JsonError),
    #[error("the operations object is not of its form: {0}")]
    Form(String),
}

/// The canonical bytes of the list: what is stored, and named by digest.
pub fn write(list: &[Operation]) -> Result<Vec<u8>, JsonError> {
    let items = list.iter().map(|operation| serde_json::to_value(operation).unwrap_or(Value::Null)).collect();
    json::object_bytes(&Value::Array(items))
}

/// Reads such bytes: an array of objects with exactly the six members.
pub fn read(bytes: &[u8]) -> Result<Vec<Operation>, OperationsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| OperationsError::Form("it is not UTF-8".to_owned()))?;
    let value = json::parse(text, Form::Object)?;
    serde_json::from_value(value).map_err(|error| OperationsError::Form(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_list_reads_back_and_nothing_else_is_accepted() {
        let list = vec![Operation {
            covers: "move:1/accept".to_owned(),
            step: "move:1/accept".parse().unwrap(),
            direction: Direction::Do,
            attempt: 1,
            performer: "alice".to_owned(),
            operation: json!({"action": "organizations:AcceptHandshake", "with": {"HandshakeId": "h-1"}}),
        }];
        let bytes = write(&list).unwrap();
        assert_eq!(read(&bytes), Ok(list));
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with(r#"[{"attempt":1,"covers":"move:1/accept","direction":"do","operation":{"#));
        assert!(matches!(read(text.replace("[{", "[ {").as_bytes()), Err(OperationsError::Json(_))));
        for (from, to) in
            [("\"attempt\":1,", ""), ("[{", "[{\"a\":1,"), ("\"do\"", "\"redo\""), ("move:1/accept\"}", "m\"}")]
        {
            assert!(matches!(read(text.replacen(from, to, 1).as_bytes()), Err(OperationsError::Form(_))), "{from}");
        }
        assert!(read(&[0xff]).is_err());
    }
}
