//! Signatures against the installed OpenSSH: what it writes is read here, and what is written here
//! verifies there. Skipped, with a word, where `ssh-keygen` is not installed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "helpers of tests")]

use countersign::sshsig::{KeyKind, PublicKey, SigError, rehearsal_key, verify};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const SPACE: &str = "approval-v1@countersign";
const TEXT: &[u8] = b"countersign approval v1\nreason: \\u{dc}ber\n";

fn installed() -> bool {
    let found = Command::new("ssh-keygen").arg("-?").stderr(Stdio::null()).stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("ssh-keygen is not installed: nothing was compared with it");
    }
    found
}

/// `ssh-keygen -Y verify` over TEXT.
fn openssh_accepts(folder: &Path, line: &str, signature: &str, namespace: &str) -> bool {
    std::fs::write(folder.join("signers"), format!("bob {line}\n")).unwrap();
    std::fs::write(folder.join("text.sig"), signature).unwrap();
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-I", "bob", "-n", namespace, "-f", "signers", "-s", "text.sig"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(TEXT).unwrap();
    child.wait().unwrap().success()
}

#[test]
fn openssh_accepts_what_is_signed_here() {
    if !installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for kind in KeyKind::ALL {
        let key = rehearsal_key("bob", kind);
        let signature = key.sign(SPACE, TEXT, 5);
        assert!(openssh_accepts(folder.path(), &key.line("bob"), &signature, SPACE), "{kind:?}");
        assert!(!openssh_accepts(folder.path(), &key.line("bob"), &signature, "other"), "{kind:?}");
        let other = rehearsal_key("alice", kind).line("bob");
        assert!(!openssh_accepts(folder.path(), &other, &signature, SPACE), "{kind:?}");
    }
}

#[test]
fn what_openssh_signs_is_accepted_here_with_both_hashes() {
    if !installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let keygen = |arguments: &[&str]| {
        let done = Command::new("ssh-keygen").args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    keygen(&["-q", "-t", "ed25519", "-N", "", "-C", "bob", "-f", "key"]);
    let line = std::fs::read_to_string(folder.path().join("key.pub")).unwrap();
    let key = PublicKey::parse(&line).unwrap();
    assert!(keygen(&["-l", "-f", "key.pub"]).contains(&key.fingerprint()));
    for hash in ["sha512", "sha256"] {
        std::fs::write(folder.path().join("text"), TEXT).unwrap();
        let _ = std::fs::remove_file(folder.path().join("text.sig"));
        keygen(&["-q", "-Y", "sign", "-f", "key", "-n", SPACE, "-O", &format!("hashalg={hash}"), "text"]);
        let signature = std::fs::read_to_string(folder.path().join("text.sig")).unwrap();
        let good = verify(&key, SPACE, TEXT, &signature).unwrap();
        assert_eq!((good.kind, good.flags), (KeyKind::Ed25519, None));
        assert_eq!(verify(&key, SPACE, b"another text", &signature), Err(SigError::Mismatch));
    }
}

#[test]
fn keys_of_other_types_are_refused_by_name() {
    if !installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ecdsa", "-N", "", "-f"]).arg(&path).status().unwrap();
    assert!(made.success());
    let line = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    assert_eq!(PublicKey::parse(&line), Err(SigError::Kind("ecdsa-sha2-nistp256".to_owned())));
}
