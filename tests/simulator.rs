//! The simulator over real sockets: answers, answers that get lost, the log, the control calls;
//! and, where Python is at hand, the same through boto3 (`tests/simulator_boto3.py`).

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
    let text = format!("{}\n{more}", WORLD.replace("throttling = true", "throttling = false"));
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

/// Needs python3 and pip's index; run with `cargo test --test simulator -- --ignored`.
#[test]
#[ignore = "installs boto3 into target/boto3"]
fn boto3_sees_aws_s_own_errors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = root.join("target/boto3");
    let python = home.join("bin/python");
    let run = |command: &mut std::process::Command| assert!(command.status().unwrap().success(), "{command:?}");
    if !python.exists() {
        run(std::process::Command::new("python3").args(["-m", "venv"]).arg(&home));
        run(std::process::Command::new(&python)
            .args(["-m", "pip", "-q", "install", "-r"])
            .arg(root.join("tests/requirements.txt")));
    }
    let aws = start(include_str!("simulator_boto3.toml"));
    run(std::process::Command::new(&python)
        .arg(root.join("tests/simulator_boto3.py"))
        .arg(format!("http://{}", aws.address)));
}
