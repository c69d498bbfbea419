//! SigV4: the signature that a request should carry, and whether it does. The time of a signature is not
//! compared with the clock: simulated clocks run ahead of those of clients.

use super::wire::Request;
use crate::base::Digest;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The parts of an `Authorization` header.
struct Given<'a> {
    scope: &'a str,
    headers: &'a str,
    signature: &'a str,
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A part that every signature has is missing.
    Incomplete,
    /// Made with another secret, or over another request.
    Other,
}

/// Whether the request is signed with `secret`.
pub fn verify(request: &Request, secret: &str) -> Result<(), Wrong> {
    let given = given(request.header("authorization").unwrap_or("")).ok_or(Wrong::Incomplete)?;
    let expected = signature(request, secret, given.scope, given.headers).ok_or(Wrong::Incomplete)?;
    if expected == given.signature { Ok(()) } else { Err(Wrong::Other) }
}

/// The header of a request that is signed with these keys, as a client makes it. The request has its
/// `x-amz-date`; `service` as in hosts.
pub fn authorization(request: &Request, key: &str, secret: &str, service: &str) -> Option<String> {
    let date = request.header("x-amz-date")?.get(..8)?;
    let scope = format!("{date}/us-east-1/{service}/aws4_request");
    let mut names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.retain(|name| name != "authorization");
    names.sort();
    names.dedup();
    let headers = names.join(";");
    let signature = signature(request, secret, &scope, &headers)?;
    Some(format!("{ALGORITHM} Credential={key}/{scope}, SignedHeaders={headers}, Signature={signature}"))
}

fn given(header: &str) -> Option<Given<'_>> {
    let parts = header.strip_prefix(ALGORITHM)?;
    let part = |name: &str| parts.split([',', ' ']).find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let (_, scope) = part("Credential")?.split_once('/')?;
    Some(Given { scope, headers: part("SignedHeaders")?, signature: part("Signature")? })
}

fn signature(request: &Request, secret: &str, scope: &str, signed: &str) -> Option<String> {
    let moment = request.header("x-amz-date")?;
    let parts: Vec<&str> = scope.split('/').collect();
    let [date, region, service, "aws4_request"] = parts.as_slice() else { return None };
    let text = format!("{ALGORITHM}\n{moment}\n{scope}\n{}", Digest::of(canonical(request, signed)?.as_bytes()).hex());
    let mut key = sign(format!("AWS4{secret}").as_bytes(), date)?;
    for part in [*region, *service, "aws4_request"] {
        key = sign(&key, part)?;
    }
    Some(hex::encode(sign(&key, &text)?))
}

fn sign(key: &[u8], text: &str) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}

/// The request in the one form that both sides sign.
fn canonical(request: &Request, signed: &str) -> Option<String> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let mut pairs: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    pairs.iter_mut().filter(|pair| !pair.contains('=')).for_each(|pair| pair.push('='));
    pairs.sort();
    let mut headers = String::new();
    for name in signed.split(';') {
        let named = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        let values: Vec<String> = request.headers.iter().filter(named).map(|(_, value)| trimmed(value)).collect();
        if values.is_empty() {
            return None;
        }
        headers.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    let payload = match request.header("x-amz-content-sha256") {
        Some(hash) => hash.to_owned(),
        None => Digest::of(&request.body).hex(),
    };
    let (method, query) = (&request.method, pairs.join("&"));
    Some(format!("{method}\n{path}\n{query}\n{headers}\n{signed}\n{payload}"))
}

fn trimmed(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of AWS's documentation (IAM ListUsers, GET, 30 August 2015).
    #[test]
    fn the_example_that_aws_publishes() {
        let pairs = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ];
        let mut request = Request {
            method: "GET".into(),
            path: "/?Action=ListUsers&Version=2010-05-08".into(),
            headers: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Vec::new(),
        };
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let header = authorization(&request, "AKIDEXAMPLE", secret, "iam").unwrap();
        let wanted = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        assert_eq!(header, wanted);
        request.headers.push(("Authorization".into(), header));
        assert_eq!(verify(&request, secret), Ok(()));
        assert_eq!(verify(&request, "another"), Err(Wrong::Other));
        request.body = b"x".to_vec();
        assert_eq!(verify(&request, secret), Err(Wrong::Other));
        request.headers.remove(2);
        assert_eq!(verify(&request, secret), Err(Wrong::Incomplete));
    }
}
