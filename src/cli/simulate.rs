//! `simulate`: the simulated AWS on loopback, for the AWS CLI or any SDK.
//! The state machine is `simulator`'s; here are sockets, the clock, files and signals only.

use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::{Time, escape};
use crate::simulator::{self, Handled, Reply, Simulator, World};
use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::serve::IncomingStream;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Requests longer than this are refused (bytes); AWS takes 1 MiB.
const LONGEST: usize = 1024 * 1024;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The world file: accounts, organizations, keys, faults
    #[arg(long, value_name = "FILE")]
    pub world: PathBuf,
    /// Where to listen: a loopback address; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: String,
    /// Write the port to this file as soon as the simulator listens
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<PathBuf>,
    /// Append one JSON line per request to this file
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Write the world's profiles to this file, in the format of AWS's shared credentials file
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
}

/// Serves until SIGINT or SIGTERM.
pub async fn run(args: &Args, ui: &Ui) -> CliResult {
    let address = loopback(&args.listen)?;
    let world = read_world(&args.world)?;
    let log = args.log.as_deref().map(open_log).transpose()?;
    let stop = stop_asked()
        .map_err(|error| CliError::new(Exit::Failed, "CS1514", format!("signals can't be caught: {error}"), ""))?;
    let server = Server::bind(&world, address, log).await?;
    if let Some(path) = &args.credentials {
        write_whole(path, &server.credentials_file(), 0o600)?;
    }
    let listening = server.address;
    if let Some(path) = &args.port_file {
        write_whole(path, &format!("{}\n", listening.port()), 0o644)?;
    }
    ui.say(&format!(
        "Simulated AWS ({}) at http://{listening}. Point clients at it with AWS_ENDPOINT_URL=http://{listening}; Ctrl-C stops it.",
        escape::line(&args.world.display().to_string())
    ));
    tokio::select! {
        failed = server.serve() => Err(failed),
        () = stop => Ok(Exit::Done),
    }
}

/// Loopback only: whoever reaches it could otherwise speak as any principal of the world.
fn loopback(text: &str) -> Result<SocketAddr, CliError> {
    let usage = |message: String| {
        CliError::new(Exit::Usage, "CS1510", message, "Write for instance --listen 127.0.0.1:0 or --listen [::1]:4566.")
    };
    let address: SocketAddr = text
        .parse()
        .map_err(|_| usage(format!("`{text}` is not an address and port that the simulator can listen on")))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(usage(format!("the simulator listens on loopback addresses only, and {address} is not one")))
    }
}

fn read_world(path: &Path) -> Result<World, CliError> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        CliError::new(Exit::Usage, "CS1511", format!("the world file {name} can't be read: {error}"), "")
    })?;
    World::parse(&name, &text).map_err(CliError::findings)
}

fn open_log(path: &Path) -> Result<File, CliError> {
    OpenOptions::new().create(true).append(true).open(path).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> CliError {
    CliError::new(Exit::Failed, "CS1512", format!("{} can't be written: {error}", path.display()), "")
}

/// The file appears complete or not at all.
fn write_whole(path: &Path, text: &str, mode: u32) -> Result<(), CliError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&beside, path)).map_err(|error| cannot_write(path, &error))
}

/// Ends when SIGINT or SIGTERM arrives; they are caught from the moment this is called.
fn stop_asked() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// A simulator that listens.
pub struct Server {
    /// Where, with the real port.
    pub address: SocketAddr,
    listener: TcpListener,
    shared: Arc<Shared>,
    failed: mpsc::Receiver<CliError>,
}

struct Shared {
    inner: Mutex<Inner>,
    failing: mpsc::Sender<CliError>,
}

struct Inner {
    simulator: Simulator,
    log: Option<File>,
    clock: Clock,
}

/// The real clock, moved to where the world begins; or one that stands still.
#[derive(Clone, Copy)]
enum Clock {
    Real { ahead: i64 },
    Still(Time),
}

impl Clock {
    fn now(&self) -> Time {
        match self {
            Clock::Real { ahead } => Time(chrono::Utc::now().timestamp_millis()).plus(*ahead),
            Clock::Still(time) => *time,
        }
    }
}

impl Server {
    /// Listens on `address`; nothing is answered before [`Server::serve`].
    pub async fn bind(world: &World, address: SocketAddr, log: Option<File>) -> Result<Server, CliError> {
        let cannot = |error: io::Error| {
            let hint = "Is the port in use? Port 0 takes a free one.";
            CliError::new(Exit::Failed, "CS1513", format!("the simulator can't listen on {address}: {error}"), hint)
        };
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let real = Time(chrono::Utc::now().timestamp_millis());
        let start = world.clock.start.unwrap_or(real);
        let clock = if world.clock.r#virtual { Clock::Still(start) } else { Clock::Real { ahead: start.since(real) } };
        let inner = Inner { simulator: Simulator::new(world, start), log, clock };
        let (failing, failed) = mpsc::channel(1);
        Ok(Server {
            address: listener.local_addr().map_err(cannot)?,
            listener,
            shared: Arc::new(Shared { inner: Mutex::new(inner), failing }),
            failed,
        })
    }

    /// Profiles as `aws configure` would write them.
    pub fn credentials_file(&self) -> String {
        let mut text = String::new();
        for (profile, keys) in self.shared.lock().simulator.profiles() {
            text.push_str(&format!(
                "[{profile}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                keys.access_key, keys.secret_key
            ));
            if !keys.session_token.is_empty() {
                text.push_str(&format!("aws_session_token = {}\n", keys.session_token));
            }
            text.push('\n');
        }
        text
    }

    /// Answers until something breaks for good: the error is why.
    pub async fn serve(self) -> CliError {
        let Server { listener, shared, mut failed, .. } = self;
        let service =
            Router::new().fallback(answer).with_state(shared).into_make_service_with_connect_info::<Connection>();
        let stopped =
            |error: String| CliError::new(Exit::Failed, "CS1514", format!("the simulator stopped: {error}"), "");
        tokio::select! {
            served = axum::serve(Loopback(listener), service).into_future() => {
                stopped(served.err().map_or_else(|| "no reason given".to_owned(), |error| error.to_string()))
            }
            error = failed.recv() => error.unwrap_or_else(|| stopped("no reason given".to_owned())),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that holds the lock leaves the simulator half-changed, so a poisoned lock is as good.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the simulator and writes the log line before anybody hears the answer.
    fn handle(&self, request: &simulator::Request) -> Reply {
        let mut inner = self.lock();
        let now = inner.clock.now();
        let Handled { reply, log } = inner.simulator.handle(request, now);
        if let Some(file) = &mut inner.log
            && let Err(error) = file.write_all(format!("{}\n", log.line()).as_bytes()).and_then(|()| file.flush())
        {
            let message = format!("the request log can't be written: {error}");
            let _ = self.failing.try_send(CliError::new(Exit::Failed, "CS1512", message, ""));
        }
        reply
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let request = simulator::Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path_and_query().map_or_else(String::new, |path| path.as_str().to_owned()),
        headers: parts.headers.iter().map(header).collect(),
        body: body.to_vec(),
    };
    let mut reply = shared.handle(&request);
    while let Reply::Slow { ms, then } = reply {
        tokio::time::sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0))).await;
        reply = *then;
    }
    match reply {
        Reply::Answer { status, headers, body } => written(status, headers, body),
        // Over an open connection both look the same to the client: it closes without a byte.
        _ => {
            connection.cut.store(true, Ordering::SeqCst);
            plain(StatusCode::OK)
        }
    }
}

fn written(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Response {
    let mut response = plain(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    *response.body_mut() = Body::from(body);
    response
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// What a request knows of its connection: how to cut it.
#[derive(Clone, Debug)]
struct Connection {
    cut: Arc<AtomicBool>,
}

impl Connected<IncomingStream<'_, Loopback>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Loopback>) -> Connection {
        stream.remote_addr().clone()
    }
}

/// A listener whose connections can be cut before the answer's first byte: that is how an answer is lost.
struct Loopback(TcpListener);

impl axum::serve::Listener for Loopback {
    type Io = Cuttable;
    type Addr = Connection;

    async fn accept(&mut self) -> (Cuttable, Connection) {
        let (stream, _) = axum::serve::Listener::accept(&mut self.0).await;
        let _ = stream.set_nodelay(true);
        let cut = Arc::new(AtomicBool::new(false));
        (Cuttable { stream, cut: Arc::clone(&cut) }, Connection { cut })
    }

    fn local_addr(&self) -> io::Result<Connection> {
        Ok(Connection { cut: Arc::new(AtomicBool::new(false)) })
    }
}

/// A connection that fails to write from the moment it is cut; its owner then closes it.
struct Cuttable {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

impl AsyncRead for Cuttable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_listened_on() {
        assert!(loopback("127.0.0.1:0").is_ok());
        assert!(loopback("[::1]:4566").is_ok());
        for wrong in ["0.0.0.0:80", "10.0.0.1:80", "[::]:80", "localhost", ""] {
            let error = loopback(wrong).unwrap_err();
            assert_eq!((error.exit, error.code), (Exit::Usage, "CS1510"), "{wrong}");
        }
    }
}
