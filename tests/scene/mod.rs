//! A scene of one's own: any runbook, any world, people with homes, keys and credentials of their own, the
//! simulator as a process, and commands run as one of them. Never reaches behind the program, but for keys.
#![allow(dead_code, reason = "helpers of tests; not every test uses each of them")]

#[path = "../second/mod.rs"]
pub mod second;

use countersign::keys::file::software_text;
use countersign::sshsig::{DEFAULT_APPLICATION, KeyKind, SoftKey};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const BOOK: &str = "runbooks/book.toml";
pub const JOURNAL: &str = "journal.db";

/// A runbook of one step, which the other party approves.
pub const ONE_USER: &str = r#"schema = 1
[runbook]
name = "user"
title = "Make a user"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
security = { title = "Security", party = "customer" }
[separation]
apart = [["admin", "security"]]
[sessions]
management = { account = "111111111111", used_by = ["admin"], kinds = ["user"] }
[[stages]]
id = "make"
performer = "admin"
session = "management"
approvals = [{ role = "security" }]
[stages.anchor]
prove = [{ action = "iam:GetUser", with = { UserName = "one" }, expect_error = "NoSuchEntity" }]
[[stages.steps]]
id = "user"
action = "iam:CreateUser"
with = { UserName = "one" }
undo = "usual"
"#;

/// Somebody in the people file: id, party, roles, and the flags of their security key (none: a plain key).
pub struct Who<'a> {
    pub id: &'a str,
    pub party: &'a str,
    pub roles: &'a [&'a str],
    pub flags: Option<u8>,
}

pub fn who<'a>(id: &'a str, party: &'a str, roles: &'a [&'a str]) -> Who<'a> {
    Who { id, party, roles, flags: None }
}

pub fn with_key<'a>(id: &'a str, party: &'a str, roles: &'a [&'a str], flags: u8) -> Who<'a> {
    Who { id, party, roles, flags: Some(flags) }
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
    pub fn of(output: &Output) -> Said {
        Said {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn exits(self, status: i32) -> Said {
        assert_eq!(self.status, status, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// These words stand in what it said.
    #[track_caller]
    pub fn saying(self, words: &str) -> Said {
        // Speech is folded to the width of the screen.
        let all = format!("{}{}", self.stdout, self.stderr);
        let flat = all.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(words), "`{words}` is not in:\n{all}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_countersign")
}

/// A file of the repository.
pub fn shipped(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

pub struct Scene {
    folder: tempfile::TempDir,
    simulator: Child,
    pub port: u16,
    /// Credentials by profile, as the simulator wrote them.
    profiles: BTreeMap<String, String>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.simulator.kill();
        let _ = self.simulator.wait();
    }
}

impl Scene {
    /// Everybody has the credentials of every profile of the world; nothing is signed yet.
    pub fn unsigned(runbook: &str, world: &str, people: &[Who<'_>]) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        std::fs::create_dir_all(at.join("runbooks/worlds")).unwrap();
        std::fs::write(at.join(BOOK), runbook).unwrap();
        std::fs::write(at.join("runbooks/worlds/book.toml"), world).unwrap();
        for one in people {
            std::fs::create_dir_all(at.join(one.id).join("home")).unwrap();
        }
        let mut simulate = Command::new(program());
        simulate.current_dir(at).env_clear().args(["simulate", "--world", "runbooks/worlds/book.toml"]);
        simulate.args(["--port-file", "port", "--log", "sim.log", "--credentials", "profiles"]);
        let simulator = simulate.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        await_file(&at.join("port"));
        let port = std::fs::read_to_string(at.join("port")).unwrap().trim().parse().unwrap();
        let profiles = sections(&std::fs::read_to_string(at.join("profiles")).unwrap());
        let scene = Scene { folder, simulator, port, profiles };
        scene.write("runbooks/people.toml", &scene.people(people));
        let all: Vec<&str> = scene.profiles.keys().map(String::as_str).collect();
        people.iter().for_each(|one| scene.credentials(one.id, &all));
        scene
    }

    /// The same, the people file signed by the first person of each party.
    pub fn new(runbook: &str, world: &str, people: &[Who<'_>]) -> Scene {
        let scene = Scene::unsigned(runbook, world, people);
        let mut signed: Vec<&str> = Vec::new();
        for one in people {
            if !signed.contains(&one.party) {
                scene.run(one.id, &["people", "sign", "runbooks/people.toml", "--simulated"]).exits(0);
                signed.push(one.party);
            }
        }
        scene
    }

    /// Makes keys; gives the people file.
    fn people(&self, people: &[Who<'_>]) -> String {
        people.iter().fold("schema = 1\n".to_owned(), |text, one| {
            let kind = if one.flags.is_some() { KeyKind::SkEd25519 } else { KeyKind::Ed25519 };
            let key = self.key(&format!("{}/key", one.id), kind, one.flags.unwrap_or(5));
            let roles: Vec<String> = one.roles.iter().map(|role| format!("\"{role}\"")).collect();
            let Who { id, party, .. } = one;
            text + &format!(
                "\n[people.{id}]\nname = \"{id} example\"\nparty = \"{party}\"\nroles = [{}]\nkeys = [\"{key}\"]\n",
                roles.join(", ")
            )
        })
    }

    /// A new software key in this file; gives its public line.
    pub fn key(&self, file: &str, kind: KeyKind, flags: u8) -> String {
        let seed: [u8; 32] = std::array::from_fn(|_| rand::random());
        std::fs::write(self.path(file), software_text(kind, &seed, DEFAULT_APPLICATION, flags)).unwrap();
        SoftKey::from_seed(kind, seed, DEFAULT_APPLICATION).line("test")
    }

    /// This person has the credentials of these profiles of the world, and no others.
    pub fn credentials(&self, person: &str, profiles: &[&str]) {
        let text: String = profiles.iter().map(|name| self.profiles[*name].as_str()).collect();
        self.write(&format!("{person}/credentials"), &text);
        self.write(&format!("{person}/config"), "");
    }

    pub fn profile(&self, name: &str) -> &str {
        &self.profiles[name]
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The program as this person starts it: their home, key and credentials, nothing of ours.
    pub fn command(&self, person: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(words).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        for name in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            std::env::var_os(name).into_iter().for_each(|value| {
                command.env(name, value);
            });
        }
        command
            .env("COUNTERSIGN_PERSON", person)
            .env("COUNTERSIGN_KEY", self.path(person).join("key"))
            .env("COUNTERSIGN_JOURNAL", self.path(JOURNAL))
            .env("HOME", self.path(person).join("home"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.path(person).join("credentials"))
            .env("AWS_CONFIG_FILE", self.path(person).join("config"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port));
        command
    }

    pub fn run(&self, person: &str, words: &[&str]) -> Said {
        finish(self.command(person, words))
    }

    /// Opens a run of the scene's runbook.
    pub fn open(&self, person: &str) -> Said {
        self.seat(person, &["run", BOOK])
    }

    pub fn resume(&self, person: &str) -> Said {
        self.seat(person, &["resume"])
    }

    /// `run`, `resume` or `rollback`, with each profile bound to the session of its name.
    pub fn seat(&self, person: &str, words: &[&str]) -> Said {
        finish(self.seat_command(person, words))
    }

    pub fn seat_command(&self, person: &str, words: &[&str]) -> Command {
        let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        all.push("--simulated".to_owned());
        let own = sections(&self.read(&format!("{person}/credentials")));
        for name in own.keys() {
            all.extend(["--session".to_owned(), format!("{name}=profile:{name}")]);
        }
        self.command(person, &all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// `status --format json`, as somebody who needs no key for it.
    pub fn status(&self) -> Value {
        self.run("nobody", &["status", "--format", "json"]).exits(0).json()
    }

    /// The journal's entries.
    pub fn log(&self) -> Vec<Value> {
        let said = self.run("nobody", &["log", "--format", "json"]).exits(0);
        said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What the entries of a kind say.
    pub fn entries(&self, kind: &str) -> Vec<Value> {
        self.log().into_iter().filter(|entry| entry["kind"] == kind).map(|entry| entry["data"].clone()).collect()
    }

    /// Whether an object of the journal holds these words.
    pub fn keeps(&self, words: &str) -> bool {
        let base = rusqlite::Connection::open(self.path(JOURNAL)).unwrap();
        let mut all = base.prepare("SELECT bytes FROM object").unwrap();
        let found = all.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        found.map(Result::unwrap).any(|bytes| String::from_utf8_lossy(&bytes).contains(words))
    }

    /// What the simulator wrote down.
    pub fn requests(&self) -> Vec<Value> {
        self.read("sim.log").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Operations that changed the simulated AWS.
    pub fn effects(&self) -> Vec<String> {
        let changed = self.requests().into_iter().filter(|line| line["effect"] == true);
        changed.map(|line| line["operation"].as_str().unwrap().to_owned()).collect()
    }

    /// `verify` says so, with its exit code; the second verifier agrees.
    #[track_caller]
    pub fn verdict(&self) -> (String, i32) {
        let bundle = self.path("verdict.countersign");
        let _ = std::fs::remove_file(&bundle);
        self.run("nobody", &["export", "-o", "verdict.countersign"]).exits(0);
        second::agrees(&std::fs::read(&bundle).unwrap());
        let said = self.run("nobody", &["verify", "--format", "json"]);
        (said.json()["verdict"].as_str().unwrap_or_default().to_owned(), said.status)
    }

    /// Which person, in which step, is waited for with what, as `what at by people`.
    pub fn waits(&self) -> Vec<String> {
        let status = self.status();
        let words = |one: &Value| {
            let people: Vec<&str> = one["people"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            format!("{} {}", one["what"].as_str().unwrap(), people.join(","))
        };
        status["waiting_for"].as_array().unwrap().iter().map(words).collect()
    }

    /// The state of a step, as `status` tells it.
    pub fn state_of(&self, stage: &str, item: Option<&str>, step: &str) -> String {
        let status = self.status();
        let found = status["steps"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["stage"] == stage && one["step"] == step && one["item"].as_str() == item);
        found.unwrap_or_else(|| panic!("no step {step} in {status:#}"))["state"].as_str().unwrap().to_owned()
    }
}

/// Runs a command to its end, which must come within a minute.
pub fn finish(mut command: Command) -> Said {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().map(listen);
    let stderr = child.stderr.take().map(listen);
    let patience = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > patience {
            child.kill().unwrap();
            break child.wait().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |pipe: Option<std::thread::JoinHandle<Vec<u8>>>| {
        String::from_utf8_lossy(&pipe.unwrap().join().unwrap()).into_owned()
    };
    Said { status: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

fn listen(mut pipe: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let _ = pipe.read_to_end(&mut all);
        all
    })
}

/// Waits until a file is there, and not empty.
pub fn await_file(path: &Path) {
    await_that(&format!("{} appears", path.display()), || std::fs::metadata(path).is_ok_and(|found| found.len() > 0));
}

#[track_caller]
pub fn await_that(what: &str, mut is: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !is() {
        assert!(Instant::now() < patience, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The sections of an AWS credentials file, by name, each with its head.
fn sections(text: &str) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(head) = line.trim().strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name = head.to_owned();
        }
        if !name.is_empty() && !line.trim().is_empty() {
            all.entry(name.clone()).or_default().push_str(&format!("{line}\n"));
        }
    }
    all
}
