//! Checkpoints that others keep: the note, in a file, in git, under a time stamp; and what `verify --held` says when the
//! history went otherwise since. Through the binary, with openssl, git and ssh-keygen as other people have them.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::sshsig;
use scene::{JOURNAL, ONE_USER, Said, Scene, shipped, who};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn waiting() -> Scene {
    let people = [who("alice", "partner", &["admin"]), who("bob", "customer", &["security"])];
    let scene = Scene::new(ONE_USER, &shipped("tests/fixtures/kinds/worlds/kinds.toml"), &people);
    scene.open("alice").exits(4);
    scene
}

fn tool(folder: &Path, words: &[&str]) -> Vec<u8> {
    let mut command = Command::new(words[0]);
    let output = command.current_dir(folder).args(&words[1..]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn verdict(scene: &Scene, held: &str) -> (String, i32) {
    let said = scene.run("nobody", &["verify", "--format", "json", "--held", held]);
    (said.json()["verdict"].as_str().unwrap().to_owned(), said.status)
}

// --- the note ---

#[test]
fn a_note_says_size_and_root_and_anybody_can_check_its_signature() {
    let scene = waiting();
    let before = scene.status();
    scene.run("bob", &["checkpoint", "-o", "kept"]).exits(0).saying("verify BUNDLE --held kept");
    let note = scene.read("kept");
    let lines: Vec<&str> = note.split('\n').collect();
    let (run, size) = (before["run"].as_str().unwrap(), before["head"]["seq"].as_u64().unwrap() + 1);
    assert_eq!(lines[..2], [format!("countersign/run/{run}"), size.to_string()]);
    assert_eq!((lines[3], lines[5], lines.len()), ("", "", 6), "{note}");
    // The signature is OpenSSH's, behind four bytes that name the key.
    let packed = lines[4].strip_prefix("\u{2014} bob ").unwrap();
    let armoured = sshsig::wrap(&STANDARD.decode(packed).unwrap()[4..]);
    scene.write("text.sig", &armoured);
    let key = sshsig::key_in(&armoured).unwrap();
    scene.write("signers", &format!("bob {}\n", key.line));
    let check = |text: &str| {
        let mut command = Command::new("ssh-keygen");
        command.args([
            "-Y",
            "verify",
            "-f",
            "signers",
            "-I",
            "bob",
            "-n",
            "checkpoint-v1@countersign",
            "-s",
            "text.sig",
        ]);
        scene.write("text", text);
        let text = std::fs::File::open(scene.path("text")).unwrap();
        command.current_dir(scene.path("")).stdin(text).output().unwrap().status.success()
    };
    let text = format!("{}\n", lines[..3].join("\n"));
    assert!(check(&text) && !check(&text.replacen(&size.to_string(), "99", 1)));
    // It is noted, it ends nothing that was waited for, and both verifiers take it.
    let after = scene.status();
    assert_eq!(after["waiting_for"], before["waiting_for"]);
    let entry = scene.entries("checkpoint").pop().unwrap();
    assert_eq!((entry["size"].as_u64(), entry["root"].as_str()), (Some(size), Some(lines[2])));
    assert!(scene.keeps(note.lines().next().unwrap()));
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
    scene.run("bob", &["checkpoint", "-o", "kept"]).exits(2).saying("CS1008");
    assert_eq!(scene.entries("checkpoint").len(), 1, "nothing is signed that has no place to go");
    // As data, for a pipe.
    let said = scene.run("alice", &["checkpoint", "--format", "json"]).exits(0).json();
    assert_eq!((said["size"].as_u64(), &said["timestamp"]), (Some(size + 1), &serde_json::Value::Null));
    let plain = scene.run("alice", &["checkpoint"]).exits(0).stdout;
    scene.write("plain", &plain);
    assert_eq!(verdict(&scene, "plain"), ("OPEN".to_owned(), 4));
    scene.run("eve", &["checkpoint"]).exits(7).saying("CS7003");
}

#[test]
fn who_keeps_a_note_sees_when_the_history_goes_otherwise() {
    let scene = waiting();
    let journal = std::fs::read(scene.path(JOURNAL)).unwrap();
    scene.run("bob", &["approve", "make/user"]).exits(0);
    scene.run("alice", &["checkpoint", "-o", "kept"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(verdict(&scene, "kept"), ("CLOSED".to_owned(), 0), "it stands in what came after");
    // After the end too; and the run has to be the same.
    scene.run("alice", &["checkpoint", "-o", "last"]).exits(0);
    assert_eq!(verdict(&scene, "last"), ("CLOSED".to_owned(), 0));
    let run = scene.status()["run"].as_str().unwrap().to_owned();
    let note = scene.read("kept");
    scene.write("other", &note.replacen(&run, &"0".repeat(32), 1));
    scene
        .run("nobody", &["verify", "--held", "other"])
        .exits(2)
        .saying("CS0877")
        .saying("signature of alice is not good");
    scene.write("cut", note.lines().take(3).collect::<Vec<_>>().join("\n").as_str());
    scene.run("nobody", &["verify", "--held", "cut"]).exits(2).saying("CS0877");
    // The journal is put back and goes on otherwise.
    std::fs::write(scene.path(JOURNAL), journal).unwrap();
    assert_eq!(verdict(&scene, "kept"), ("DIVERGED".to_owned(), 6), "cut off");
    std::fs::remove_dir_all(scene.path("bob/home")).unwrap();
    std::fs::create_dir_all(scene.path("bob/home")).unwrap();
    for words in [["note", "otherwise"], ["note", "and more"], ["note", "and more still"]] {
        scene.run("bob", &words).exits(0);
    }
    assert_eq!(verdict(&scene, "kept"), ("DIVERGED".to_owned(), 6));
}

// --- git ---

#[test]
fn git_keeps_it_where_others_can_read_it() {
    let scene = waiting();
    let at = scene.path("");
    tool(&at, &["git", "init", "--quiet", "--bare", "-b", "main", "theirs.git"]);
    let run = scene.status()["run"].as_str().unwrap().to_owned();
    let named = |size: u64| format!("countersign/{run}/{size}.checkpoint");
    let size = || scene.log().len() as u64;
    let first = size();
    scene.run("alice", &["checkpoint", "--git", "theirs.git", "-o", "one"]).exits(0).saying(&named(first));
    let shown = |what: &str| String::from_utf8(tool(&scene.path("theirs.git"), &["git", "show", what])).unwrap();
    assert_eq!(shown(&format!("main:{}", named(first))), scene.read("one"));
    // A working copy with work of its own: only the note is committed.
    tool(&at, &["git", "clone", "--quiet", "theirs.git", "mine"]);
    scene.write("mine/unfinished", "not yet");
    tool(&scene.path("mine"), &["git", "add", "unfinished"]);
    let second = size();
    scene.run("bob", &["checkpoint", "--git", "mine", "-o", "two"]).exits(0).saying(&named(second));
    assert_eq!(shown(&format!("main:{}", named(second))), scene.read("two"));
    let log = String::from_utf8(tool(&scene.path("theirs.git"), &["git", "log", "--format=%s", "--name-only", "main"]))
        .unwrap();
    assert!(!log.contains("unfinished") && log.contains(&format!("Checkpoint of run {}", &run[..8])), "{log}");
    // Where git refuses, the checkpoint stands in the journal all the same.
    let count = scene.entries("checkpoint").len();
    scene
        .run("alice", &["checkpoint", "--git", "nowhere.git"])
        .exits(1)
        .saying("CS1051")
        .saying("git clone: exit code");
    assert_eq!(scene.entries("checkpoint").len(), count + 1);
}

// --- time stamps ---

/// An authority with a key of its own, behind a tiny HTTP server.
struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let config = "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_cert = tsa.pem\nsigner_key = tsa.key\n\
            signer_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\naccuracy = secs:1\n";
        std::fs::write(folder.path().join("tsa.cnf"), config).unwrap();
        let words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=stamps \
            -addext extendedKeyUsage=critical,timeStamping -keyout tsa.key -out tsa.pem";
        tool(folder.path(), &words.split_whitespace().collect::<Vec<_>>());
        Authority { folder }
    }

    fn certificate(&self) -> String {
        self.folder.path().join("tsa.pem").display().to_string()
    }

    fn reply(folder: &Path, query: &[u8]) -> Vec<u8> {
        std::fs::write(folder.join("query"), query).unwrap();
        let words = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply"];
        tool(folder, &words);
        std::fs::read(folder.join("reply")).unwrap()
    }

    /// Answers `count` requests by `how`; the address.
    fn serve(&self, count: usize, how: impl Fn(&[u8], Vec<u8>) -> (u16, Vec<u8>) + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/tsr", listener.local_addr().unwrap());
        let folder: PathBuf = self.folder.path().to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().take(count) {
                let mut stream = stream.unwrap();
                let query = request(&mut stream);
                let (status, body) = how(&query, Authority::reply(&folder, &query));
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).unwrap();
            }
        });
        address
    }
}

/// The body of a POST.
fn request(stream: &mut std::net::TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

fn stamped(scene: &Scene, url: &str, certificate: &str, file: &str) -> Said {
    scene.run("alice", &["checkpoint", "--timestamp", url, "--timestamp-ca", certificate, "-o", file])
}

#[test]
fn an_authority_says_when_it_saw_the_note() {
    let (scene, authority) = (waiting(), Authority::new());
    let url = authority.serve(1, |_, reply| (200, reply));
    stamped(&scene, &url, &authority.certificate(), "kept").exits(0);
    let digest = scene.entries("checkpoint")[0]["object"].as_str().unwrap().to_owned();
    // The bundle carries it, and openssl alone proves it.
    scene.run("nobody", &["export", "-o", "bundle"]).exits(0);
    let text = scene.read("bundle");
    let line = text.lines().find(|line| line.starts_with("{\"base64\"") && line.contains(&digest)).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let object: serde_json::Value =
        serde_json::from_slice(&STANDARD.decode(line["base64"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(
        (object["note"].as_str().unwrap(), object["timestamp"]["authority"].as_str().unwrap()),
        (scene.read("kept").as_str(), url.as_str())
    );
    let reply = STANDARD.decode(object["timestamp"]["reply"].as_str().unwrap()).unwrap();
    std::fs::write(scene.path("reply"), reply).unwrap();
    let certificate = authority.certificate();
    let check = ["openssl", "ts", "-verify", "-data", "kept", "-in", "reply", "-CAfile", &certificate];
    tool(&scene.path(""), &check);
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
}

#[test]
fn a_stamp_that_does_not_hold_is_not_kept() {
    let (scene, authority, stranger) = (waiting(), Authority::new(), Authority::new());
    let (good, other) = (authority.certificate(), stranger.certificate());
    let old = authority.serve(1, {
        let folder = authority.folder.path().to_owned();
        move |_, _| {
            std::fs::write(folder.join("something"), "else").unwrap();
            let query = tool(&folder, &["openssl", "ts", "-query", "-sha256", "-cert", "-data", "something"]);
            (200, Authority::reply(&folder, &query))
        }
    });
    stamped(&scene, &old, &good, "a").exits(1).saying("CS1050").saying("its reply does not hold");
    let honest = authority.serve(1, |_, reply| (200, reply));
    stamped(&scene, &honest, &other, "b").exits(1).saying("its reply does not hold");
    let broken = authority.serve(1, |_, _| (503, b"later".to_vec()));
    stamped(&scene, &broken, &good, "c").exits(1).saying("status 503");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}/", silent.local_addr().unwrap());
    drop(silent);
    stamped(&scene, &nobody, &good, "d").exits(1).saying("CS1050");
    stamped(&scene, "ftp://somewhere/", &good, "e").exits(1).saying("no http:// or https:// URL");
    assert!(scene.entries("checkpoint").is_empty());
    assert!(["a", "b", "c", "d", "e"].iter().all(|file| !scene.path(file).exists()));
}
