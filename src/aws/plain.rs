//! Reads of services that have no crate here: a signed request, an answer as the catalogue describes it. Each such crate
//! would cost more to build than all that this asks for. Owns where those services are and how they speak; never
//! changes anything: what is no read of the catalogue is not sent.

use super::call::{Wire, endless, goes_on};
use super::endpoint;
use super::fault::{invalid, unreadable};
use super::shape::With;
use super::xml;
use crate::base::Time;
use crate::catalogue::action::{Field, Type};
use crate::engine::port::Fault;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::{Map, Value, json};
use std::fmt;

/// A parameter of ours: which region is asked. It does not go out with the others.
const REGION: &str = "Region";

/// How a service is spoken to.
#[derive(Clone, Copy, Debug)]
enum Speech {
    /// `x-amz-target`, with this version of the content type.
    Json(&'static str, &'static str),
    /// `POST /operation`, in small letters.
    Rest,
    /// A form, with this version of the API; XML comes back.
    Query(&'static str),
}

struct Service {
    /// Before the colon of the action's name.
    prefix: &'static str,
    /// The SDK's id of it, by which profiles name endpoints.
    id: &'static str,
    /// In host names, and in signatures.
    host: &'static str,
    domain: &'static str,
    speech: Speech,
    /// The only region that it is in.
    home: Option<&'static str>,
    /// What its lists call the next page.
    token: &'static str,
}

const AMAZON: &str = "amazonaws.com";

static SERVICES: &[Service] = &[
    Service {
        prefix: "cloudformation",
        id: "CloudFormation",
        host: "cloudformation",
        domain: AMAZON,
        speech: Speech::Query("2010-05-15"),
        home: None,
        token: "NextToken",
    },
    Service {
        prefix: "ram",
        id: "RAM",
        host: "ram",
        domain: AMAZON,
        speech: Speech::Rest,
        home: None,
        token: "nextToken",
    },
    Service {
        prefix: "sso",
        id: "SSO Admin",
        host: "sso",
        domain: AMAZON,
        speech: Speech::Json("1.1", "SWBExternalService"),
        home: None,
        token: "NextToken",
    },
    Service {
        prefix: "servicequotas",
        id: "Service Quotas",
        host: "servicequotas",
        domain: AMAZON,
        speech: Speech::Json("1.1", "ServiceQuotasV20190624"),
        home: None,
        token: "NextToken",
    },
    Service {
        prefix: "billing",
        id: "Billing",
        host: "billing",
        domain: "api.aws",
        speech: Speech::Json("1.0", "AWSBilling"),
        home: Some("us-east-1"),
        token: "nextToken",
    },
];

/// The host name of the service that this action belongs to, if it is one of these.
pub(super) fn host(action: &str) -> Option<&'static str> {
    of(action).map(|service| service.host)
}

fn of(action: &str) -> Option<&'static Service> {
    let prefix = action.split(':').next().unwrap_or_default();
    SERVICES.iter().find(|service| service.prefix == prefix)
}

/// Performs the action, or says that it is not one of these services'.
pub(super) async fn perform(wire: &Wire<'_>, with: With<'_>) -> Option<Result<Value, Fault>> {
    let service = of(wire.action.name).filter(|_| !wire.action.mutates)?;
    Some(Box::pin(read(wire, service, with)).await)
}

/// The answer, with all pages of a list.
async fn read(wire: &Wire<'_>, service: &'static Service, with: With<'_>) -> Result<Value, Fault> {
    let region = with.text(REGION).or_else(|| wire.sdk().region().map(ToString::to_string)).unwrap_or_default();
    let region = service.home.map_or(region, str::to_owned);
    let mut input: Map<String, Value> = Map::new();
    for field in wire.action.parameters.iter().filter(|field| field.name != REGION) {
        if let Some(value) = with.member(field.name) {
            input.insert(field.name.to_owned(), sent(value, &field.of));
        }
    }
    let (mut all, mut token, mut page) = (Vec::new(), None, 0);
    loop {
        wire.pace().await;
        let answer = ask(wire, service, &region, &input).await?;
        let Some(list) = wire.action.pages else { return Ok(shaped(&answer, wire.action.outputs)) };
        let mut shown = shaped(&answer, wire.action.outputs);
        if let Some(Value::Array(items)) = shown.get_mut(list).map(Value::take) {
            all.extend(items);
        }
        page += 1;
        let next = answer[service.token].as_str().filter(|next| !next.is_empty()).map(str::to_owned);
        match goes_on(page, &token, &next) {
            Ok(true) => token = next,
            Ok(false) => return Ok(json!({ list: all })),
            Err(()) => return Err(endless(wire.action)),
        }
        input.insert(service.token.to_owned(), json!(token));
    }
}

/// One request.
async fn ask(
    wire: &Wire<'_>,
    service: &'static Service,
    region: &str,
    input: &Map<String, Value>,
) -> Result<Value, Fault> {
    let operation = wire.action.name.split(':').nth(1).unwrap_or_default();
    let base = base(wire.sdk(), service, region)?;
    let request = request(service, operation, &base, input).map_err(invalid)?;
    let request = signed(wire, service, region, request).await?;
    let (http, timeouts) = (wire.sdk().http_client(), wire.sdk().timeout_config());
    let mut builder = Operation::builder()
        .service_name(service.host)
        .operation_name(operation.to_owned())
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&base)
        .no_auth()
        .no_retry()
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .sleep_impl(wire.clockwork.sleep.clone())
        .time_source(wire.clockwork.time.clone())
        .interceptor(wire.seen.clone());
    if let Some(http) = http {
        builder = builder.http_client(http);
    }
    if let Some(timeouts) = timeouts {
        builder = builder.timeout_config(timeouts.clone());
    }
    let query = matches!(service.speech, Speech::Query(_));
    let operation = builder
        .serializer(move |parts: Parts| parts.build())
        .deserializer(move |answer: &HttpResponse| told(answer, query))
        .build();
    let answer: Result<Told, SdkError<Refusal, HttpResponse>> = operation.invoke(request).await;
    let told = wire.judge(answer)?;
    let Speech::Query(_) = service.speech else { return Ok(told.0) };
    let name = wire.action.name.split(':').nth(1).unwrap_or_default();
    match told.0.get(format!("{name}Result")) {
        Some(result) => Ok(result.clone()),
        None => Err(unreadable(wire.action, &format!("AWS's answer has no {name}Result"))),
    }
}

/// Where the service is: what profile or environment say, else AWS's own host.
fn base(sdk: &SdkConfig, service: &Service, region: &str) -> Result<String, Fault> {
    if let Some(url) = endpoint::configured(sdk, service.id) {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let plain = !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !plain {
        return Err(invalid(format!("{region} is no region")));
    }
    let china = if region.starts_with("cn-") && service.domain == AMAZON { ".cn" } else { "" };
    let fips = if sdk.use_fips() == Some(true) { "-fips" } else { "" };
    Ok(format!("https://{}{fips}.{region}.{}{china}", service.host, service.domain))
}

/// A request before it becomes the SDK's.
#[derive(Clone, Debug)]
struct Parts {
    path: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Parts {
    fn build(self) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
        let mut request = HttpRequest::new(SdkBody::from(self.body));
        request.set_method("POST")?;
        request.set_uri(self.path)?;
        for (name, value) in self.headers {
            request.headers_mut().try_insert(name, value)?;
        }
        Ok(request)
    }
}

fn request(service: &Service, operation: &str, base: &str, input: &Map<String, Value>) -> Result<Parts, String> {
    let header = |name: &str, value: String| (name.to_owned(), value);
    let body = Value::Object(input.clone()).to_string();
    let (path, headers, body) = match service.speech {
        Speech::Json(version, target) => {
            let kind = format!("application/x-amz-json-{version}");
            let target = format!("{target}.{operation}");
            ("/".to_owned(), vec![header("content-type", kind), header("x-amz-target", target)], body)
        }
        Speech::Rest => {
            let path = format!("/{}", operation.to_ascii_lowercase());
            (path, vec![header("content-type", "application/json".to_owned())], body)
        }
        Speech::Query(version) => {
            let mut form = format!("Action={operation}&Version={version}");
            for (name, value) in input {
                let value = match value {
                    Value::String(text) => text.clone(),
                    Value::Bool(_) | Value::Number(_) => value.to_string(),
                    _ => return Err(format!("{name} can't be sent in a form")),
                };
                form.push_str(&format!("&{}={}", escaped(name), escaped(&value)));
            }
            let kind = "application/x-www-form-urlencoded".to_owned();
            ("/".to_owned(), vec![header("content-type", kind)], form)
        }
    };
    Ok(Parts { url: format!("{base}{path}"), path, headers, body })
}

/// Percent-encoded, as RFC 3986 has it.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// With the signature of the session's frozen credentials.
async fn signed(wire: &Wire<'_>, service: &Service, region: &str, mut parts: Parts) -> Result<Parts, Fault> {
    let failed = |what: &str| invalid(format!("the request could not be signed: {what}"));
    let provider = wire.sdk().credentials_provider().ok_or_else(|| failed("there are no credentials"))?;
    let credentials = provider.provide_credentials().await.map_err(|_| failed("the credentials can't be read"))?;
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service.host)
        .time(wire.clockwork.time.now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| failed(&error.to_string()))?
        .into();
    let headers: Vec<(String, String)> = {
        let given = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = SignableBody::Bytes(parts.body.as_bytes());
        let request = SignableRequest::new("POST", parts.url.as_str(), given, body);
        let request = request.map_err(|error| failed(&error.to_string()))?;
        let (instructions, _) = sign(request, &params).map_err(|error| failed(&error.to_string()))?.into_parts();
        instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    parts.headers.extend(headers);
    Ok(parts)
}

/// AWS's answer.
#[derive(Debug)]
struct Told(Value);

/// AWS's refusal: its code and words.
#[derive(Debug)]
struct Refusal(ErrorMetadata);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code().unwrap_or("an answer without a code"))
    }
}

impl std::error::Error for Refusal {}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

fn told(answer: &HttpResponse, query: bool) -> Result<Told, OrchestratorError<Refusal>> {
    let body = std::str::from_utf8(answer.body().bytes().unwrap_or_default()).unwrap_or_default();
    let read =
        if query { xml::read(body) } else { serde_json::from_str(if body.is_empty() { "{}" } else { body }).ok() };
    if answer.status().is_success() {
        let broken = || OrchestratorError::other("the answer is neither JSON nor XML".to_owned());
        return read.map(Told).ok_or_else(broken);
    }
    let read = read.unwrap_or_default();
    let (code, message) = match query {
        true => (read["Error"]["Code"].as_str(), read["Error"]["Message"].as_str()),
        false => {
            let named = answer.headers().get("x-amzn-errortype").or_else(|| read["__type"].as_str());
            (named.map(bare), read["message"].as_str().or_else(|| read["Message"].as_str()))
        }
    };
    let mut meta = ErrorMetadata::builder();
    if let Some(code) = code {
        meta = meta.code(code);
    }
    if let Some(message) = message {
        meta = meta.message(message);
    }
    Err(OrchestratorError::operation(Refusal(meta.build())))
}

/// `com.amazonaws.x#CodeException:http://...` without what stands around the code.
fn bare(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code)
}

/// A parameter as JSON carries it: times as seconds.
fn sent(value: &Value, of: &Type) -> Value {
    match (of, value) {
        (Type::Time, Value::String(text)) => match Time::parse(text) {
            Some(time) => json!(time.0 as f64 / 1000.0),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

/// What the catalogue knows of the answer, in its types; the rest is left out.
fn shaped(value: &Value, fields: &[Field]) -> Value {
    let mut members = Map::new();
    for field in fields {
        if let Some(member) = value.get(field.name).and_then(|member| one(member, &field.of)) {
            members.insert(field.name.to_owned(), member);
        }
    }
    Value::Object(members)
}

fn one(value: &Value, of: &Type) -> Option<Value> {
    Some(match (of, value) {
        (_, Value::Null) => return None,
        (Type::Record(fields), Value::Object(_)) => shaped(value, fields),
        (Type::List(inner), Value::Array(items)) => items.iter().filter_map(|item| one(item, inner)).collect(),
        // An empty element of XML.
        (Type::List(_), Value::String(text)) if text.trim().is_empty() => json!([]),
        (Type::Boolean, Value::String(text)) => json!(text == "true"),
        (Type::Integer, Value::Number(number)) => json!(number.as_f64()? as i64),
        (Type::Integer, Value::String(text)) => json!(text.parse::<i64>().ok()?),
        (Type::Time, Value::Number(number)) => json!(Time((number.as_f64()? * 1000.0) as i64).seconds()),
        (Type::Time | Type::String, Value::String(_)) | (Type::Boolean, Value::Bool(_)) => value.clone(),
        (Type::Record(_) | Type::List(_) | Type::Integer | Type::Boolean | Type::Time, _) => return None,
        (_, Value::String(_)) => value.clone(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_what_the_catalogue_says() {
        const INSIDE: &[Field] = &[Field { name: "On", of: Type::Boolean, required: false, secret: false, about: "" }];
        const FIELDS: &[Field] = &[
            Field { name: "Items", of: Type::List(&Type::Record(INSIDE)), required: false, secret: false, about: "" },
            Field { name: "At", of: Type::Time, required: false, secret: false, about: "" },
            Field { name: "Count", of: Type::Integer, required: false, secret: false, about: "" },
        ];
        let xml = json!({"Items": [{"On": "false", "Other": "x"}], "At": "2026-01-01T00:00:00Z", "Count": "3", "X": 1});
        assert_eq!(shaped(&xml, FIELDS), json!({"Items": [{"On": false}], "At": "2026-01-01T00:00:00Z", "Count": 3}));
        let json = json!({"Items": "", "At": 1767225600.5, "Count": 10.0});
        assert_eq!(shaped(&json, FIELDS), json!({"Items": [], "At": "2026-01-01T00:00:00Z", "Count": 10}));
        assert_eq!(shaped(&json!({"Items": 7, "At": {}, "Count": "x"}), FIELDS), json!({}));
    }

    #[test]
    fn hosts_are_those_that_aws_gives_and_the_guard_lets_through() {
        let sdk = SdkConfig::builder().build();
        for (action, region, url) in [
            ("cloudformation:ListStackSets", "eu-central-1", "https://cloudformation.eu-central-1.amazonaws.com"),
            ("sso:ListInstances", "cn-north-1", "https://sso.cn-north-1.amazonaws.com.cn"),
            ("billing:GetCredits", "us-east-1", "https://billing.us-east-1.api.aws"),
        ] {
            let service = of(action).unwrap();
            assert_eq!(base(&sdk, service, region).unwrap(), url);
            assert_eq!(endpoint::allowed(service.host, url, false), Ok(()));
            assert!(endpoint::allowed(service.host, url, true).is_err());
        }
        assert!(base(&sdk, of("ram:GetResourceShares").unwrap(), "evil.example/").is_err());
    }

    #[test]
    fn error_codes_are_bare() {
        for code in ["X", "a.b#X", "X:http://a/", "a#X:b"] {
            assert_eq!(bare(code), "X");
        }
    }

    #[test]
    fn forms_are_encoded_and_lists_have_no_place_in_them() {
        let service = of("cloudformation:ListStackSets").unwrap();
        let input = json!({"Status": "a b&c", "MaxResults": 5});
        let parts = request(service, "ListStackSets", "https://x", input.as_object().unwrap()).unwrap();
        assert_eq!(parts.body, "Action=ListStackSets&Version=2010-05-15&MaxResults=5&Status=a%20b%26c");
        assert!(request(service, "X", "https://x", json!({"A": []}).as_object().unwrap()).is_err());
    }
}
