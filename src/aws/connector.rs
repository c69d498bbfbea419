//! Answers the SDK inside this process: a connector over a plain function, without a socket.

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A signed HTTP request as the SDK would have sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRequest {
    pub method: String,
    pub uri: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl WireRequest {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireResult {
    Response {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// It took effect (or not), and the connection broke before the answer.
    ResponseLost,
    /// No connection: not one byte was sent.
    Refused,
    /// No answer ever: the caller's time limit ends it.
    Hang,
    /// First this many milliseconds pass (if the caller waits so long), then this.
    Slow {
        ms: u64,
        then: Box<WireResult>,
    },
}

/// What answers.
pub trait WireServer: Send + Sync {
    fn serve(&self, request: WireRequest) -> WireResult;
}

/// The SDK's HTTP client over a [`WireServer`].
#[derive(Clone)]
pub struct InProcessClient(Arc<dyn WireServer>);

impl InProcessClient {
    pub fn new(server: Arc<dyn WireServer>) -> InProcessClient {
        InProcessClient(server)
    }
}

impl fmt::Debug for InProcessClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcessClient")
    }
}

impl HttpClient for InProcessClient {
    fn http_connector(&self, _: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector { client: self.clone(), sleep: components.sleep_impl() })
    }
}

/// The client with the SDK's own way of waiting.
#[derive(Clone, Debug)]
struct Connector {
    client: InProcessClient,
    sleep: Option<SharedAsyncSleep>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let result = self.client.0.serve(plain(&request));
        let sleep = self.sleep.clone();
        HttpConnectorFuture::new(async move {
            let mut result = result;
            while let WireResult::Slow { ms, then } = result {
                if let Some(sleep) = &sleep {
                    sleep.sleep(Duration::from_millis(ms)).await;
                }
                result = *then;
            }
            answer(result).await
        })
    }
}

async fn answer(result: WireResult) -> Result<HttpResponse, ConnectorError> {
    match result {
        WireResult::Response { status, headers, body } => response(status, headers, body),
        WireResult::ResponseLost => Err(ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionReset).into())),
        WireResult::Refused => {
            let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
            Err(ConnectorError::io(refused.into()).never_connected())
        }
        WireResult::Hang | WireResult::Slow { .. } => std::future::pending().await,
    }
}

fn plain(request: &HttpRequest) -> WireRequest {
    WireRequest {
        method: request.method().to_owned(),
        uri: request.uri().to_owned(),
        headers: request.headers().iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
        body: request.body().bytes().map(<[u8]>::to_vec).unwrap_or_default(),
    }
}

fn response(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::user(error.into()))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    for (name, value) in headers {
        response.headers_mut().try_append(name, value).map_err(|error| ConnectorError::user(error.into()))?;
    }
    Ok(response)
}
