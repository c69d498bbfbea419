//! Requests and answers as AWS has them on the wire: Organizations JSON 1.1, IAM and STS query/XML, Account
//! REST-JSON, invoicing JSON 1.0.
//! Reads who asks from the SigV4 header (the signature itself is not verified) and writes answers
//! and errors; never decides anything.

use super::state::scatter;
use crate::base::{Time, escape};
use chrono::DateTime;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One HTTP request, complete. Header names in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Access key id and service of the SigV4 credential: `AKIA.../20260102/us-east-1/sts/aws4_request`.
    pub fn credential(&self) -> Option<(&str, &str)> {
        let header = self.header("authorization")?;
        let scope = header.strip_prefix("AWS4-HMAC-SHA256")?.split("Credential=").nth(1)?;
        let scope = scope.split([',', ' ']).next()?;
        let mut parts = scope.split('/');
        let key = parts.next()?;
        Some((key, parts.nth(2).unwrap_or("")))
    }

    /// The region for which it is signed.
    pub fn region(&self) -> Option<&str> {
        self.header("authorization")?.split("Credential=").nth(1)?.split('/').nth(2)
    }
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// The request was carried out; its answer never arrives.
    Lost,
    /// No connection: nothing happened.
    Refused,
    /// First this many milliseconds pass, then `then` arrives.
    Slow {
        ms: i64,
        then: Box<Reply>,
    },
}

/// Which way of speaking an operation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Organizations: JSON 1.1.
    Json,
    Iam,
    Sts,
    /// Account: REST-JSON.
    Account,
    /// Invoicing: JSON 1.0.
    Invoicing,
    /// Query, in XML.
    CloudFormation,
    /// Resource Access Manager: REST-JSON.
    Ram,
    /// Identity Center's administration: JSON 1.1.
    Sso,
    /// Service Quotas: JSON 1.1.
    Quotas,
    /// Billing: JSON 1.0.
    Billing,
}

impl Protocol {
    pub fn service(&self) -> &'static str {
        match self {
            Protocol::Json => "organizations",
            Protocol::Iam => "iam",
            Protocol::Sts => "sts",
            Protocol::Account => "account",
            Protocol::Invoicing => "invoicing",
            Protocol::CloudFormation => "cloudformation",
            Protocol::Ram => "ram",
            Protocol::Sso => "sso",
            Protocol::Quotas => "servicequotas",
            Protocol::Billing => "billing",
        }
    }

    /// IAM, STS and CloudFormation answer XML, the others JSON.
    pub fn is_query(&self) -> bool {
        matches!(self, Protocol::Iam | Protocol::Sts | Protocol::CloudFormation)
    }

    /// An error that every service has: its name in JSON, and name and status in the query protocol.
    pub fn common(&self, json: &'static str, query: (u16, &'static str), message: impl Into<String>) -> AwsError {
        match self {
            Protocol::Account | Protocol::Ram => AwsError::query(403, json, message),
            protocol if protocol.is_query() => AwsError::query(query.0, query.1, message),
            _ => AwsError::json(json, message),
        }
    }

    fn content_type(&self) -> &'static str {
        match self {
            Protocol::Json | Protocol::Sso | Protocol::Quotas => "application/x-amz-json-1.1",
            Protocol::Invoicing | Protocol::Billing => "application/x-amz-json-1.0",
            Protocol::Account | Protocol::Ram => "application/json",
            Protocol::Iam | Protocol::Sts | Protocol::CloudFormation => "text/xml",
        }
    }
}

/// What is asked: `organizations:AcceptHandshake`, and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub protocol: Protocol,
    pub operation: String,
    pub input: Result<Value, AwsError>,
    /// Scheme and host that the caller asked.
    pub origin: String,
    /// The region that it asked.
    pub region: String,
}

impl Asked {
    /// `organizations:AcceptHandshake`.
    pub fn action(&self) -> String {
        format!("{}:{}", self.protocol.service(), self.operation)
    }
}

/// An error as AWS's models have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    pub code: &'static str,
    pub message: String,
    pub reason: Option<&'static str>,
    /// `TooManyRequestsException` carries one.
    pub kind: Option<&'static str>,
    pub status: u16,
}

impl AwsError {
    /// An error of the JSON protocol (status 400).
    pub fn json(code: &'static str, message: impl Into<String>) -> AwsError {
        AwsError { code, message: message.into(), reason: None, kind: None, status: 400 }
    }

    pub fn reason(code: &'static str, reason: &'static str, message: impl Into<String>) -> AwsError {
        AwsError { reason: Some(reason), ..AwsError::json(code, message) }
    }

    pub fn query(status: u16, code: &'static str, message: impl Into<String>) -> AwsError {
        AwsError { status, ..AwsError::json(code, message) }
    }
}

/// How `x-amz-target` begins.
const TARGETS: [(&str, Protocol); 5] = [
    ("AWSOrganizationsV20161128.", Protocol::Json),
    ("Invoicing.", Protocol::Invoicing),
    ("SWBExternalService.", Protocol::Sso),
    ("ServiceQuotasV20190624.", Protocol::Quotas),
    ("AWSBilling.", Protocol::Billing),
];

/// Reads what is asked, or the error that says why it can't be understood.
pub fn asked(request: &Request) -> Result<Asked, AwsError> {
    let origin = format!("http://{}", request.header("host").unwrap_or("localhost"));
    let region = request.region().unwrap_or_default().to_owned();
    if let Some(target) = request.header("x-amz-target") {
        let named = TARGETS.iter().find_map(|(prefix, protocol)| Some((target.strip_prefix(prefix)?, *protocol)));
        let Some((operation, protocol)) = named else {
            return Err(AwsError::json("UnknownOperationException", "This simulator does not know that service."));
        };
        let (operation, input) = (operation.to_owned(), json_input(request, protocol));
        return Ok(Asked { protocol, operation, input, origin, region });
    }
    if let Some((protocol, operation)) = rest_operation(request) {
        return Ok(Asked { protocol, operation, input: json_input(request, protocol), origin, region });
    }
    let form = form(&request.body);
    let Some(operation) = form.get("Action").cloned() else {
        return Err(AwsError::query(400, "MissingAction", "The request has no Action parameter."));
    };
    let service = request.credential().map_or("", |(_, service)| service);
    let version = form.get("Version").map(String::as_str);
    let protocol = match (version, service) {
        (Some("2010-05-08"), _) | (None, "iam") => Protocol::Iam,
        (Some("2011-06-15"), _) | (None, "sts") => Protocol::Sts,
        (Some("2010-05-15"), _) | (None, "cloudformation") => Protocol::CloudFormation,
        _ => {
            let version = version.unwrap_or("NO_VERSION_SPECIFIED");
            let named = escape::cut(&operation, 128);
            let message = format!("Could not find operation {named} for version {}", escape::cut(version, 64));
            return Err(AwsError::query(400, "InvalidAction", message));
        }
    };
    let input = form.into_iter().map(|(key, value)| (key, Value::String(value))).collect::<Map<_, _>>();
    Ok(Asked { protocol, operation, input: Ok(Value::Object(input)), origin, region })
}

/// `POST /putAccountName` asks the account service for PutAccountName; RAM writes its names small.
fn rest_operation(request: &Request) -> Option<(Protocol, String)> {
    let name = request.path.strip_prefix('/').filter(|_| request.method == "POST")?;
    if name == "getresourceshares" {
        return Some((Protocol::Ram, "GetResourceShares".to_owned()));
    }
    let first = name.chars().next().filter(char::is_ascii_lowercase)?;
    let plain = name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| (Protocol::Account, format!("{}{}", first.to_ascii_uppercase(), &name[1..])))
}

fn json_input(request: &Request, protocol: Protocol) -> Result<Value, AwsError> {
    if request.body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(&request.body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        // The account room's errors have statuses of their own.
        _ => Err(AwsError::json(
            "SerializationException",
            format!("The body for {} is no JSON object.", protocol.service()),
        )),
    }
}

/// `a=b&c=d` with percent escapes. Bytes that are no UTF-8 become replacement characters.
pub fn form(body: &[u8]) -> BTreeMap<String, String> {
    let mut members = BTreeMap::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let key = unescape(halves.next().unwrap_or_default());
        members.insert(key, unescape(halves.next().unwrap_or_default()));
    }
    members
}

fn unescape(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let code = (text[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let code = code.filter(|code| code.iter().all(u8::is_ascii_hexdigit));
        let byte = code.and_then(|code| std::str::from_utf8(code).ok()).and_then(|c| u8::from_str_radix(c, 16).ok());
        match (text[at], byte) {
            (_, Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (other, _) => out.push(other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A time as Organizations writes it: seconds since 1970, with milliseconds behind the point.
pub fn epoch(time: Time) -> Value {
    json!(time.0 as f64 / 1000.0)
}

/// The answer to `asked`: its output, or its error.
pub fn answer(protocol: Protocol, operation: &str, result: &Result<Value, AwsError>, id: &str, now: Time) -> Reply {
    match (protocol.is_query(), result) {
        (false, Ok(output)) => {
            // Operations without an output shape answer with an empty body.
            let body = if output.is_null() { String::new() } else { output.to_string() };
            reply(200, protocol.content_type(), body, id, now, None)
        }
        (false, Err(error)) => json_error(protocol, error, id, now),
        (_, Ok(output)) => {
            let result = if output.is_null() { String::new() } else { xml(&format!("{operation}Result"), output) };
            let body = format!(
                "<{operation}Response xmlns=\"{}\">{result}<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>",
                namespace(protocol)
            );
            reply(200, "text/xml", body, id, now, None)
        }
        (_, Err(error)) => {
            let side = if error.status >= 500 { "Receiver" } else { "Sender" };
            let body = format!(
                "<ErrorResponse xmlns=\"{}\"><Error><Type>{side}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
                namespace(protocol),
                error.code,
                xml_text(&error.message)
            );
            reply(error.status, "text/xml", body, id, now, None)
        }
    }
}

fn json_error(protocol: Protocol, error: &AwsError, id: &str, now: Time) -> Reply {
    // Some services write the member with a capital letter.
    let capital = matches!(protocol, Protocol::Json | Protocol::Sso | Protocol::Quotas);
    let message = if capital { "Message" } else { "message" };
    let mut body = json!({"__type": error.code, message: error.message});
    if let Some(reason) = error.reason {
        body[if protocol == Protocol::Json { "Reason" } else { "reason" }] = json!(reason);
    }
    if protocol == Protocol::Billing && error.code == "ValidationException" {
        body["reason"] = json!("other");
    }
    if let Some(kind) = error.kind {
        body["Type"] = json!(kind);
    }
    reply(error.status, protocol.content_type(), body.to_string(), id, now, Some(error.code))
}

fn reply(status: u16, kind: &str, body: String, id: &str, now: Time, error: Option<&str>) -> Reply {
    let mut headers = vec![
        ("content-type".to_owned(), kind.to_owned()),
        ("x-amzn-requestid".to_owned(), id.to_owned()),
        ("date".to_owned(), http_date(now)),
    ];
    if let Some(code) = error {
        headers.push(("x-amzn-errortype".to_owned(), code.to_owned()));
    }
    Reply::Answer { status, headers, body: body.into_bytes() }
}

/// `Fri, 02 Jan 2026 03:04:05 GMT`.
pub fn http_date(time: Time) -> String {
    let date = DateTime::from_timestamp_millis(time.0).unwrap_or_default();
    date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A request id in AWS's form, the same for the same seed and count.
pub fn request_id(seed: u64, count: u64) -> String {
    let hex = scatter(seed, &format!("request {count}"), b"0123456789abcdef", 32);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn namespace(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        Protocol::CloudFormation => "http://cloudformation.amazonaws.com/doc/2010-05-15/",
        _ => "https://iam.amazonaws.com/doc/2010-05-08/",
    }
}

/// An element and what is in it; members in the order of the object; lists as `<member>`.
fn xml(name: &str, value: &Value) -> String {
    let inner = match value {
        Value::Object(members) => members.iter().map(|(key, value)| xml(key, value)).collect(),
        // The one map that these services have: entries of key and value.
        Value::Array(items) if name == "SummaryMap" => items.iter().map(|item| xml("entry", item)).collect(),
        Value::Array(items) => items.iter().map(|item| xml("member", item)).collect(),
        Value::String(text) => xml_text(text),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    format!("<{name}>{inner}</{name}>")
}

/// Text for XML; characters that XML 1.0 can't hold become U+FFFD.
fn xml_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", c as u32)),
            c if (c as u32) < 0x20 || matches!(c as u32, 0xFFFE | 0xFFFF) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_and_rubbish_is_kept_as_it_is() {
        let members = form(b"Action=Get%20It&Name=a+b&Odd=%zz&Half=%4&Empty=&&Alone");
        assert_eq!(members["Action"], "Get It");
        assert_eq!(members["Name"], "a b");
        assert_eq!(members["Odd"], "%zz");
        assert_eq!(members["Half"], "%4");
        assert_eq!(members["Empty"], "");
        assert_eq!(members["Alone"], "");
    }

    #[test]
    fn the_credential_gives_key_and_service() {
        let header =
            "AWS4-HMAC-SHA256 Credential=AKIA1/20260102/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
        let request = Request {
            method: "POST".into(),
            path: "/".into(),
            headers: vec![("Authorization".into(), header.into())],
            body: vec![],
        };
        assert_eq!(request.credential(), Some(("AKIA1", "iam")));
        assert_eq!(http_date(Time(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(xml("A", &json!({"B": ["<", 1]})), "<A><B><member>&lt;</member><member>1</member></B></A>");
    }
}
