//! One POST over HTTP or HTTPS, with the client that the AWS SDK brings. No redirects, no retries, no proxy of its own:
//! callers say what is sent, how long it may take, and what an answer means.

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use std::error::Error;
use std::time::Duration;

/// Longer answers are cut off and are an error.
const LONGEST: usize = 4 * 1024 * 1024;

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// `http://` or `https://` and a host; anything else never leaves this machine.
pub fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) && text.chars().all(|c| c.is_ascii_graphic())
}

/// Sends `body`; the whole answer must be there within `limit`.
///
/// # Errors
/// In words, without the URL: it may hold a secret.
pub async fn post(
    url: &str,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
    limit: Duration,
) -> Result<Answer, String> {
    match tokio::time::timeout(limit, exchange(url, headers, body, limit)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} s", limit.as_secs_f32())),
    }
}

async fn exchange(
    url: &str,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
    limit: Duration,
) -> Result<Answer, String> {
    let settings = HttpConnectorSettings::builder().connect_timeout(limit).read_timeout(limit).build();
    let sleep = SharedAsyncSleep::new(TokioSleep::new());
    let connector =
        aws_smithy_http_client::default_connector(&settings, Some(sleep)).ok_or("this program has no HTTP client")?;
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST").map_err(|error| error.to_string())?;
    request.set_uri(url).map_err(|_| "it is no URL".to_owned())?;
    for (name, value) in headers {
        request.headers_mut().try_insert(*name, value.clone()).map_err(|error| error.to_string())?;
    }
    let response = connector.call(request).await.map_err(|error| causes(&error))?;
    let status = response.status().as_u16();
    let mut stream = ByteStream::new(response.into_body());
    let mut body = Vec::new();
    while let Some(part) = stream.next().await {
        body.extend_from_slice(&part.map_err(|error| causes(&error))?);
        if body.len() > LONGEST {
            return Err("the answer is too long".to_owned());
        }
    }
    Ok(Answer { status, body })
}

/// An error with what caused it, the last first cause being the telling one.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words = format!("{words}: {cause}");
        next = cause.source();
    }
    words
}
