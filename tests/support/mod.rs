//! A scene for tests through the binary: the shipped runbook, three people with homes, keys and credentials of
//! their own, the simulator as a process, and commands run as one of them. Never reaches into the library.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of tests; not every test uses each of them"
)]

pub mod mask;
pub mod pump;
pub mod transcript;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The runbook of every scene, below its folder.
pub const RUNBOOK: &str = "runbooks/move_member_accounts.toml";
/// Where the journal lies when nothing is said.
pub const JOURNAL: &str = "journal/countersign.db";
/// The accounts that move, in order.
pub const ACCOUNTS: [&str; 3] = ["111122223333", "222233334444", "333344445555"];

/// Which credentials a person has: the binding of the session, as `--session` takes it.
pub fn binding(person: &str) -> Option<&'static str> {
    match person {
        "alice" => Some("new_management=profile:new_management"),
        "bob" => Some("old_management=profile:old_management"),
        _ => None,
    }
}

/// What a command gave.
#[derive(Clone, Debug)]
pub struct Said {
    /// -1: ended by a signal.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn of(output: Output) -> Said {
        Said {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn exits(self, status: i32) -> Said {
        assert_eq!(self.status, status, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

/// The simulator as a child process, ended when dropped.
pub struct Simulator {
    child: Child,
    pub port: u16,
}

impl Simulator {
    fn start(folder: &Path, world: &str) -> Simulator {
        let mut command = Command::new(program());
        command.current_dir(folder).env_clear().args(["simulate", "--world", world, "--port-file", "port"]);
        let child = command.args(["--log", "sim.log"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut simulator = Simulator { child, port: 0 };
        let file = folder.join("port");
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(text) = std::fs::read_to_string(&file) {
                simulator.port = text.trim().parse().unwrap();
                return simulator;
            }
            assert!(Instant::now() < patience, "the simulator did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program under test.
pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_countersign")
}

/// A folder with everything that the people of a run have.
pub struct Scene {
    folder: tempfile::TempDir,
    pub simulator: Simulator,
}

impl Scene {
    /// The shipped runbook and world, keys made, the people file not signed yet.
    pub fn unsigned() -> Scene {
        Scene::in_world(&shipped("runbooks/worlds/move_member_accounts.toml"))
    }

    /// The same, with the people file signed by each party.
    pub fn new() -> Scene {
        let scene = Scene::unsigned();
        scene.sign_people();
        scene
    }

    /// A scene in another world (its whole text), nothing signed.
    pub fn in_world(world: &str) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        std::fs::create_dir_all(at.join("runbooks/worlds")).unwrap();
        for name in ["runbooks/move_member_accounts.toml", "runbooks/move_member_accounts.values.toml"] {
            std::fs::write(at.join(name), shipped(name)).unwrap();
        }
        std::fs::write(at.join("runbooks/worlds/move_member_accounts.toml"), world).unwrap();
        for person in ["alice", "bob", "carol"] {
            std::fs::create_dir_all(at.join(person).join("home")).unwrap();
        }
        credentials(at, "alice", "new_management", "AKIASIMULATEDNEW0001", "simulated-secret-of-the-new-management-0");
        credentials(at, "bob", "old_management", "AKIASIMULATEDOLD0001", "simulated-secret-of-the-old-management-0");
        std::fs::write(at.join("runbooks/people.toml"), people(at)).unwrap();
        let simulator = Simulator::start(at, "runbooks/worlds/move_member_accounts.toml");
        Scene { folder, simulator }
    }

    pub fn sign_people(&self) {
        self.run("alice", "people sign runbooks/people.toml --as alice --key alice/key").exits(0);
        self.run("bob", "people sign runbooks/people.toml --as bob --key bob/key").exits(0);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The program as this person would start it: their home and credentials, nothing of ours.
    pub fn command(&self, person: &str, line: &str) -> Command {
        let mut command = Command::new(program());
        command.args(line.split_whitespace());
        self.as_person(&mut command, person);
        command
    }

    /// Any program, in the folder and with the environment of this person.
    pub fn as_person(&self, command: &mut Command, person: &str) {
        command.current_dir(self.folder.path()).env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", self.path(person).join("home"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.path(person).join("credentials"))
            .env("AWS_CONFIG_FILE", self.path(person).join("config"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.simulator.port));
    }

    /// Runs `countersign LINE` as this person, off a terminal, to its end.
    pub fn run(&self, person: &str, line: &str) -> Said {
        Said::of(self.command(person, line).stdin(Stdio::null()).output().unwrap())
    }

    /// A signing verb of this person.
    pub fn says(&self, person: &str, line: &str) -> Said {
        self.run(person, &format!("{line} --as {person} --key {person}/key"))
    }

    /// The run's beginning by its starter: exit 4, the first request is out.
    pub fn open(&self) -> Said {
        let binding = binding("alice").unwrap();
        self.says("alice", &format!("run {RUNBOOK} --simulated --session {binding}"))
    }

    pub fn resume(&self, person: &str) -> Said {
        let binding = binding(person).map(|binding| format!(" --session {binding}")).unwrap_or_default();
        self.says(person, &format!("resume --simulated{binding}"))
    }

    /// `status --format json`.
    pub fn status(&self) -> Value {
        self.run("alice", "status --format json").exits(0).json()
    }

    /// The id of the only run.
    pub fn run_id(&self) -> String {
        self.status()["run"].as_str().unwrap().to_owned()
    }

    /// The journal's entries, as JSON.
    pub fn log(&self) -> Vec<Value> {
        let said = self.run("alice", "log --format json").exits(0);
        said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The data of all entries of a kind.
    pub fn entries(&self, kind: &str) -> Vec<Value> {
        self.log().into_iter().filter(|entry| entry["kind"] == kind).map(|entry| entry["data"].clone()).collect()
    }

    /// What the simulator wrote down, one value per request.
    pub fn requests(&self) -> Vec<Value> {
        self.read("sim.log").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// `operation by account`, for every request that changed the simulated AWS, in order.
    pub fn effects(&self) -> Vec<String> {
        let changed = |line: &&Value| line["effect"] == true;
        let words = |line: &Value| {
            format!("{} by {}", line["operation"].as_str().unwrap(), line["account"].as_str().unwrap_or("?"))
        };
        self.requests().iter().filter(changed).map(words).collect()
    }

    /// Where the accounts are now, asked past the program: organization's management account, then each account
    /// with its parent.
    pub fn places(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (management, key) in [("111111111111", "AKIASIMULATEDOLD0001"), ("222222222222", "AKIASIMULATEDNEW0001")] {
            let accounts = read_aws(self.simulator.port, key, "ListAccounts", "{}");
            for account in accounts["Accounts"].as_array().unwrap() {
                let id = account["Id"].as_str().unwrap();
                let body = format!("{{\"ChildId\":\"{id}\"}}");
                let parents = read_aws(self.simulator.port, key, "ListParents", &body);
                let parent = parents["Parents"][0]["Id"].as_str().unwrap();
                let (state, how) = (&account["State"], &account["JoinedMethod"]);
                all.push(format!("{management}: {id} in {parent}, {state}, {how}"));
            }
        }
        all.sort();
        all
    }
}

/// The effects of the whole move: each once.
pub fn whole_move() -> Vec<String> {
    let mut all = vec!["organizations:InviteAccountToOrganization by 222222222222".to_owned(); 3];
    all.extend(ACCOUNTS.map(|account| format!("organizations:AcceptHandshake by {account}")));
    all.extend(vec!["organizations:MoveAccount by 222222222222".to_owned(); 3]);
    all
}

/// A file of the repository.
pub fn shipped(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn credentials(folder: &Path, person: &str, profile: &str, access: &str, secret: &str) {
    let text = format!("[{profile}]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n");
    std::fs::write(folder.join(person).join("credentials"), text).unwrap();
    std::fs::write(folder.join(person).join("config"), "").unwrap();
}

/// Makes the keys; gives the people file.
fn people(folder: &Path) -> String {
    let alice = ed25519(folder, "alice");
    let bob = ed25519(folder, "bob");
    let carol = security_key(folder, "carol");
    [
        ("alice", "Alice Example", "partner", "partner_billing", alice),
        ("bob", "Bob Example", "customer", "customer_security", bob),
        ("carol", "Carol Example", "customer", "mfa_holder", carol),
    ]
    .iter()
    .fold("schema = 1\n".to_owned(), |text, (id, name, party, role, key)| {
        text + &format!(
            "\n[people.{id}]\nname = \"{name}\"\nparty = \"{party}\"\nroles = [\"{role}\"]\nkeys = [\"{key}\"]\n"
        )
    })
}

/// A key made by OpenSSH; gives its public line.
fn ed25519(folder: &Path, person: &str) -> String {
    let path = folder.join(person).join("key");
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", person, "-f"]).arg(&path);
    assert!(keygen.status().unwrap().success(), "ssh-keygen is needed");
    std::fs::read_to_string(path.with_extension("pub")).unwrap().trim().to_owned()
}

/// A security key made in software, with touch and PIN; gives its public line.
fn security_key(folder: &Path, person: &str) -> String {
    use countersign::sshsig::{DEFAULT_APPLICATION, KeyKind, SoftKey};
    let seed: [u8; 32] = std::array::from_fn(|_| rand::random());
    let key = SoftKey::from_seed(KeyKind::SkEd25519, seed, DEFAULT_APPLICATION);
    let text = countersign::keys::file::software_text(KeyKind::SkEd25519, &seed, DEFAULT_APPLICATION, 5);
    std::fs::write(folder.join(person).join("key"), text).unwrap();
    format!("{} {person}", key.public().line)
}

/// A read, repeated while it is throttled.
fn read_aws(port: u16, key: &str, operation: &str, body: &str) -> Value {
    for _ in 0..100 {
        let answer = simple_call(port, key, operation, body);
        match answer["__type"].as_str() {
            None => return answer,
            Some(error) => assert!(error.ends_with("TooManyRequestsException"), "{operation}: {answer}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{operation} is throttled for ever")
}

/// A signed POST of AWS JSON 1.1, past every SDK.
fn simple_call(port: u16, key: &str, operation: &str, body: &str) -> Value {
    use countersign::simulator::{Request, signature};
    use std::io::{Read, Write};
    let world =
        countersign::simulator::World::parse("", &shipped("runbooks/worlds/move_member_accounts.toml")).unwrap();
    let world = countersign::simulator::Simulator::new(&world, countersign::base::Time(0));
    let secret = world.profiles().find(|(_, keys)| keys.access_key == key).unwrap().1.secret_key;
    let headers = [
        ("Host", format!("127.0.0.1:{port}")),
        ("Content-Type", "application/x-amz-json-1.1".to_owned()),
        ("X-Amz-Date", "20260101T000000Z".to_owned()),
        ("X-Amz-Target", format!("AWSOrganizationsV20161128.{operation}")),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let mut request = Request { method: "POST".into(), path: "/".into(), headers, body: body.into() };
    let signed = signature::authorization(&request, key, &secret, "organizations").unwrap();
    request.headers.push(("Authorization".to_owned(), signed));
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("POST / HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, content) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(content).unwrap_or_else(|error| panic!("{error}: {answer}"))
}
