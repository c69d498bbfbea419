//! The simulator over real sockets: answers, answers that get lost, the log, the control calls.
//! (A client that others wrote asks it in `tests/test_simulator_boto3.py`.)

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use countersign::cli::simulate::Server;
use countersign::simulator::World;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

const WORLD: &str = include_str!("../runbooks/worlds/move_member_accounts.toml");

struct Running {
    address: SocketAddr,
    log: PathBuf,
    _runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

fn start(more: &str) -> Running {
    let text = format!("{}\n{more}", WORLD.replace("throttling = true", "throttling = false\nsignatures = false"));
    let world = World::parse("world.toml", &text).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.log");
    let file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
    let server = runtime.block_on(Server::bind(&world, "127.0.0.1:0".parse().unwrap(), Some(file))).unwrap();
    let address = server.address;
    runtime.spawn(server.serve());
    Running { address, log, _runtime: runtime, _folder: folder }
}

impl Running {
    /// Everything that comes back over one connection; empty if it is closed without a byte.
    fn send(&self, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        match stream.read_to_string(&mut answer) {
            Ok(_) => answer,
            Err(_) => String::new(),
        }
    }

    fn organizations(&self, operation: &str, body: &str) -> String {
        let headers = format!(
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIASIMULATEDNEW0001/20260102/us-east-1/organizations/aws4_request, SignedHeaders=host, Signature=0\r\nX-Amz-Target: AWSOrganizationsV20161128.{operation}\r\nContent-Type: application/x-amz-json-1.1\r\n"
        );
        self.send("/", &headers, body)
    }

    fn log(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(&self.log).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

const INVITE: &str = r#"{"Target":{"Id":"111122223333","Type":"ACCOUNT"}}"#;

#[test]
fn answers_carry_aws_s_headers_and_errors() {
    let aws = start("");
    let answer = aws.organizations("DescribeOrganization", "{}");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("x-amzn-requestid: ") && answer.contains("date: "), "{answer}");
    assert_eq!(answer.to_ascii_lowercase().matches("\r\ndate: ").count(), 1, "{answer}");
    assert!(answer.contains(r#""Id":"o-neworg22222""#), "{answer}");
    let answer = aws.organizations("DescribeAccount", r#"{"AccountId":"111122223333"}"#);
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.contains("x-amzn-errortype: AccountNotFoundException\r\n"), "{answer}");
}

#[test]
fn a_lost_answer_closes_the_connection_after_the_effect_and_a_refused_one_before_it() {
    let faults = [("response_lost", true), ("refused_before", false)];
    for (kind, effect) in faults {
        let aws =
            start(&format!("[[faults]]\non = \"organizations:InviteAccountToOrganization\"\nkind = \"{kind}\"\n"));
        assert_eq!(aws.organizations("InviteAccountToOrganization", INVITE), "", "{kind}");
        let line = &aws.log()[0];
        assert_eq!((&line["effect"], &line["fault"]), (&effect.into(), &kind.into()), "{line}");
        let again = aws.organizations("InviteAccountToOrganization", INVITE);
        let wanted = if effect { "DuplicateHandshakeException" } else { "HTTP/1.1 200 OK" };
        assert!(again.contains(wanted), "{kind}: {again}");
    }
}

#[test]
fn a_slow_answer_keeps_nobody_else_waiting() {
    let aws = start("[[faults]]\non = \"organizations:ListRoots\"\nkind = \"slow\"\ndelay = \"600ms\"\n");
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| aws.organizations("ListRoots", "{}"));
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(aws.organizations("DescribeOrganization", "{}").contains("200 OK"));
        assert!(began.elapsed().as_millis() < 500, "the other request waited");
        assert!(slow.join().unwrap().contains("200 OK"));
    });
    assert!(began.elapsed().as_millis() >= 600);
}

#[test]
fn people_settle_facts_and_put_the_clock_forward_over_http() {
    let aws = start("");
    let settle = r#"{"account":"111122223333","fact":"phone","settled":false}"#;
    assert!(aws.send("/_countersign/human", "", settle).contains("200 OK"));
    assert!(aws.send("/_countersign/human", "", r#"{"account":"1","fact":"phone"}"#).contains("400 Bad Request"));
    let before: String = aws.send("/_countersign/clock", "", r#"{"advance":"0s"}"#);
    let after: String = aws.send("/_countersign/clock", "", r#"{"advance":"4d"}"#);
    let now = |answer: &str| {
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        countersign::base::Time::parse_millis(body["now"].as_str().unwrap()).unwrap()
    };
    let passed = now(&after).since(now(&before));
    assert!((4 * 86_400_000..4 * 86_400_000 + 60_000).contains(&passed), "{passed}");
}

#[test]
fn rubbish_gets_an_answer() {
    let aws = start("");
    for (headers, body) in
        [("", ""), ("", "Action"), ("X-Amz-Target: x\r\n", "{"), ("Authorization: AWS4\r\n", "\u{0}")]
    {
        let answer = aws.send("/x?y=z", headers, body);
        assert!(answer.starts_with("HTTP/1.1 4"), "{headers} {body}: {answer}");
    }
    assert!(aws.send("/", "", &"x".repeat(2 * 1024 * 1024)).starts_with("HTTP/1.1 413"));
}

#[test]
fn the_verb_writes_its_files_and_ends_with_0_on_sigterm() {
    use countersign::cli::{simulate, ui};
    let folder = tempfile::tempdir().unwrap();
    let (port, log, credentials) = (folder.path().join("port"), folder.path().join("log"), folder.path().join("keys"));
    let args = simulate::Args {
        world: Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks/worlds/move_member_accounts.toml"),
        listen: "127.0.0.1:0".into(),
        port_file: Some(port.clone()),
        log: Some(log.clone()),
        credentials: Some(credentials.clone()),
    };
    let quiet = ui::Ui { color: false, quiet: true, verbose: false, json: false, interactive: false };
    let verb = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(simulate::run(&args, &quiet)).unwrap()
    });
    while !port.exists() {
        assert!(!verb.is_finished(), "{:?}", verb.join());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let port: u16 = std::fs::read_to_string(&port).unwrap().trim().parse().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 1);
    assert!(std::fs::read_to_string(&credentials).unwrap().contains("[new_management]\naws_access_key_id = AKIASIM"));
    let kill = std::process::Command::new("kill").args(["-TERM", &std::process::id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(verb.join().unwrap(), ui::Exit::Done);
}

/// The product's own SDK, over the same sockets.
#[cfg(feature = "aws")]
mod sdk {
    use super::{Running, start};
    use aws_sdk_organizations::error::{ProvideErrorMetadata, SdkError};
    use aws_sdk_organizations::types::{HandshakeParty, HandshakePartyType, HandshakeState};

    async fn config(aws: &Running, key: &str, token: Option<&str>) -> aws_config::SdkConfig {
        let keys = aws_credential_types::Credentials::new(key, "s", token.map(str::to_owned), None, "test");
        aws_config::defaults(aws_config::BehaviorVersion::latest())
            .endpoint_url(format!("http://{}", aws.address))
            .region("us-east-1")
            .credentials_provider(keys)
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .load()
            .await
    }

    fn party(id: &str) -> HandshakeParty {
        HandshakeParty::builder().id(id).r#type(HandshakePartyType::Account).build().unwrap()
    }

    #[test]
    fn the_main_flow_is_read_and_a_lost_answer_is_a_lost_connection() {
        let aws = start(
            "[[faults]]\non = \"organizations:AcceptHandshake\"\nkind = \"response_lost\"\n[[faults]]\non = \"iam:GetUser\"\nkind = \"throttled\"\n",
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let new = aws_sdk_organizations::Client::new(&config(&aws, "AKIASIMULATEDNEW0001", None).await);
            let invited = new.invite_account_to_organization().target(party("111122223333")).send().await.unwrap();
            let id = invited.handshake().unwrap().id().unwrap().to_owned();
            let again = new.invite_account_to_organization().target(party("111122223333")).send().await.unwrap_err();
            assert!(again.into_service_error().is_duplicate_handshake_exception());

            let old = config(&aws, "AKIASIMULATEDOLD0001", None).await;
            let role = "arn:aws:iam::111122223333:role/OrganizationAccountAccessRole";
            let sts = aws_sdk_sts::Client::new(&old);
            let assumed = sts.assume_role().role_arn(role).role_session_name("sdk").send().await.unwrap();
            let keys = assumed.credentials().unwrap();
            let member = config(&aws, keys.access_key_id(), Some(keys.session_token())).await;
            let member = aws_sdk_organizations::Client::new(&member);
            let lost = member.accept_handshake().handshake_id(&id).send().await.unwrap_err();
            assert!(matches!(lost, SdkError::DispatchFailure(_)), "{lost:?}");
            let again = member.accept_handshake().handshake_id(&id).send().await.unwrap_err();
            assert_eq!(again.code(), Some("HandshakeAlreadyInStateException"));
            let seen = new.describe_handshake().handshake_id(&id).send().await.unwrap();
            assert_eq!(seen.handshake().unwrap().state(), Some(&HandshakeState::Accepted));
            let account = new.describe_account().account_id("111122223333").send().await.unwrap();
            assert!(account.account().unwrap().joined_timestamp().is_some());

            let iam = aws_sdk_iam::Client::new(&old);
            assert_eq!(iam.get_user().send().await.unwrap_err().code(), Some("Throttling"));
            assert_eq!(iam.get_user().send().await.unwrap().user().unwrap().user_name(), "mover");
            let missing = iam.get_user().user_name("nobody").send().await.unwrap_err();
            assert!(missing.into_service_error().is_no_such_entity_exception());
            assert!(iam.list_access_keys().send().await.unwrap().access_key_metadata().len() == 1);
        });
    }
}
