//! Private key files: OpenSSH's, and for simulated runs a security key made in software.

use super::{Ask, TOUCH_AND_PIN};
use crate::engine::port::SignError;
use crate::sshsig::{KeyKind, PublicKey, SoftKey};
use std::path::Path;
use zeroize::Zeroizing;

/// First line of a software key file.
pub const SOFTWARE: &str = "countersign software key v1";

/// A private key that was read.
pub struct PrivateKey {
    key: SoftKey,
    flags: u8,
}

impl PrivateKey {
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }

    pub fn sign(&self, namespace: &str, message: &[u8]) -> String {
        self.key.sign(namespace, message, self.flags)
    }
}

/// Reads a key file; asks for its passphrase if it has one.
pub fn read(path: &Path, software: bool, ask: &Ask) -> Result<PrivateKey, SignError> {
    let failed = |message: String| SignError::Failed(format!("{}: {message}", path.display()));
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?);
    if text.starts_with(SOFTWARE) {
        if !software {
            return Err(failed("a key made in software can't stand in for a security key in a live run".to_owned()));
        }
        return read_software(&text).map_err(|message| failed(message.to_owned()));
    }
    let mut key = ssh_key::PrivateKey::from_openssh(text.as_bytes()).map_err(|error| failed(format!("not an OpenSSH private key: {error}")))?;
    if key.is_encrypted() {
        let phrase = ask(&path.display().to_string()).ok_or_else(|| failed("its passphrase was not given".to_owned()))?;
        let phrase = Zeroizing::new(phrase);
        key = key.decrypt(phrase.as_bytes()).map_err(|_| failed("the passphrase is wrong".to_owned()))?;
    }
    match key.key_data() {
        ssh_key::private::KeypairData::Ed25519(pair) => {
            let seed = pair.private.to_bytes();
            Ok(PrivateKey { key: SoftKey::from_seed(KeyKind::Ed25519, seed, ""), flags: 0 })
        }
        other => {
            let kind = other.algorithm().map(|algorithm| algorithm.to_string()).unwrap_or_default();
            let hint = if kind.starts_with("sk-") {
                "a security key signs through ssh-agent (ssh-add), or by hand with --print and --signature"
            } else {
                "only ssh-ed25519 key files are used; others are not accepted by the journal's format"
            };
            Err(failed(format!("{kind}: {hint}")))
        }
    }
}

/// `countersign software key v1`, then `kind`, `seed` (hex), `application`, `flags`, one `name: value` per line.
fn read_software(text: &str) -> Result<PrivateKey, &'static str> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim);
    let kind = field("kind").and_then(KeyKind::from_name).ok_or("`kind` is missing or not known")?;
    let mut seed = [0u8; 32];
    let hex = field("seed").ok_or("`seed` is missing")?;
    hex::decode_to_slice(hex, &mut seed).map_err(|_| "`seed` is not 64 hex digits")?;
    let flags = match field("flags") {
        None => TOUCH_AND_PIN,
        Some(text) => text.parse().map_err(|_| "`flags` is no number")?,
    };
    let application = field("application").unwrap_or(crate::sshsig::DEFAULT_APPLICATION);
    Ok(PrivateKey { key: SoftKey::from_seed(kind, seed, application), flags })
}

/// The text of such a file.
pub fn software_text(kind: KeyKind, seed: [u8; 32], flags: u8) -> String {
    format!("{SOFTWARE}\nkind: {}\nseed: {}\nflags: {flags}\n", kind.name(), hex::encode(seed))
}
