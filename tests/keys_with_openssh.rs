//! Keys against the installed OpenSSH: key files it made, a real ssh-agent.
//! Skipped, with a word, where OpenSSH is not installed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "helpers of tests")]
#![cfg(unix)]

use countersign::engine::port::{SignError, Signer};
use countersign::keys::KeyRing;
use countersign::keys::agent::Agent;
use countersign::keys::file::{KeyFile, KeyFileError};
use countersign::sshsig::{KeyKind, PublicKey, rehearsal_key, verify};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

const SPACE: &str = "people-v1@countersign";

fn installed() -> bool {
    let quiet = |program: &str| Command::new(program).arg("-?").stderr(Stdio::null()).stdout(Stdio::null()).status();
    let found = quiet("ssh-keygen").is_ok() && quiet("ssh-add").is_ok();
    if !found {
        eprintln!("OpenSSH is not installed: nothing was compared with it");
    }
    found
}

/// Makes a key; gives its path and its public key.
fn make_key(folder: &Path, name: &str, passphrase: &str) -> (PathBuf, PublicKey) {
    let path = folder.join(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-C", name, "-N", passphrase, "-f"]).arg(&path);
    assert!(keygen.status().unwrap().success());
    (path.clone(), PublicKey::parse(&std::fs::read_to_string(path.with_extension("pub")).unwrap()).unwrap())
}

fn ring(person: &str, keys: &[&PublicKey]) -> KeyRing {
    KeyRing::new(BTreeMap::from([(person.to_owned(), keys.iter().map(|key| (*key).clone()).collect())]))
}

fn read(path: &Path) -> KeyFile {
    KeyFile::read(path, false, &mut |_| panic!("no passphrase is needed")).unwrap()
}

/// A running ssh-agent, ended when dropped.
struct Running {
    child: Child,
    socket: PathBuf,
}

impl Running {
    fn start(folder: &Path) -> Running {
        let socket = folder.join("agent.socket");
        let mut command = Command::new("ssh-agent");
        // Nobody is there to be asked for a confirmation.
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env("SSH_ASKPASS", "false");
        let child = command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        let patience = Instant::now() + Duration::from_secs(10);
        while !socket.exists() {
            assert!(Instant::now() < patience, "ssh-agent did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Running { child, socket }
    }

    fn add(&self, arguments: &[&str], key: &Path) {
        let mut add = Command::new("ssh-add");
        add.args(arguments).arg(key).env("SSH_AUTH_SOCK", &self.socket).stderr(Stdio::null());
        assert!(add.status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_key_file_signs_and_its_passphrase_is_asked() {
    if !installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (open, public) = make_key(folder.path(), "open", "");
    let (signature, line) = ring("bob", &[&public]).with_file(read(&open)).sign("bob", SPACE, "text").unwrap();
    assert!(verify(&public, SPACE, b"text", &signature).is_ok());
    assert_eq!(line, public.line);

    let (locked, public) = make_key(folder.path(), "locked", "right words");
    let mut asked = Vec::new();
    let file = KeyFile::read(&locked, false, &mut |attempt| {
        asked.push(attempt);
        Some(Zeroizing::new(if attempt == 1 { "wrong" } else { "right words" }.to_owned()))
    });
    assert_eq!((file.unwrap().public(), asked), (public, vec![1, 2]));
    for answer in [None, Some("wrong".to_owned())] {
        let file = KeyFile::read(&locked, false, &mut |_| answer.clone().map(Zeroizing::new));
        assert!(matches!(file, Err(KeyFileError::Passphrase { .. })));
    }
}

#[test]
fn the_agent_signs_with_the_key_that_is_the_persons() {
    if !installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path());
    let (_, strange) = make_key(folder.path(), "strange", "");
    let (bobs, bob) = make_key(folder.path(), "bob", "");
    let (others, other) = make_key(folder.path(), "other", "");
    let with_agent = |keys: &[&PublicKey]| ring("bob", keys).with_agent(Agent::new(&agent.socket));

    let error = with_agent(&[&bob]).sign("bob", SPACE, "text").unwrap_err().to_string();
    assert!(error.contains("ssh-agent holds 0 key(s)") && error.contains(&bob.fingerprint()), "{error}");
    agent.add(&[], &others);
    agent.add(&[], &bobs);
    let (signature, line) = with_agent(&[&strange, &bob]).sign("bob", SPACE, "text").unwrap();
    assert!(verify(&bob, SPACE, b"text", &signature).is_ok());
    assert_eq!(line, bob.line);

    // A public key file chooses among the person's keys at the agent.
    let named = with_agent(&[&bob, &other]).with_file(read(&others.with_extension("pub")));
    assert_eq!(named.sign("bob", SPACE, "text").unwrap().1, other.line);

    // The agent says no: it is locked with a confirmation that nobody gives.
    agent.add(&["-D"], Path::new(""));
    agent.add(&["-c"], &bobs);
    assert!(matches!(with_agent(&[&bob]).sign("bob", SPACE, "text"), Err(SignError::NoKey { .. })));
}

/// The private key file of a security key: it holds a handle, and no secret.
fn security_key_file() -> String {
    fn put(out: &mut Vec<u8>, bytes: &[u8]) {
        out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        out.extend_from_slice(bytes);
    }
    let public = rehearsal_key("bob", KeyKind::SkEd25519).public();
    let mut private = vec![1, 2, 3, 4, 1, 2, 3, 4];
    private.extend_from_slice(&public.blob);
    private.push(1);
    for field in [&b"handle"[..], b"", b"comment"] {
        put(&mut private, field);
    }
    for n in 1..=(8 - private.len() % 8) % 8 {
        private.push(n as u8);
    }
    let mut blob = b"openssh-key-v1\0".to_vec();
    for field in [&b"none"[..], b"none", b""] {
        put(&mut blob, field);
    }
    blob.extend_from_slice(&1u32.to_be_bytes());
    put(&mut blob, &public.blob);
    put(&mut blob, &private);
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(blob);
    let lines: Vec<&str> = text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n", lines.join("\n"))
}

#[test]
fn the_file_of_a_security_key_signs_nothing_by_itself_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("id_sk");
    std::fs::write(&path, security_key_file()).unwrap();
    let file = read(&path);
    let public = rehearsal_key("bob", KeyKind::SkEd25519).public();
    assert!(matches!(&file, KeyFile::AtAgent { security_key: true, public: found } if *found == public));
    let error = ring("bob", &[&public]).with_file(file).sign("bob", SPACE, "text").unwrap_err().to_string();
    assert!(error.contains("ssh-add"), "{error}");
}
