//! Key files: OpenSSH private keys, public keys (which name a key at the agent), and, where the
//! caller allows them, software keys in a text file for simulated runs and tests.

use crate::sshsig::{DEFAULT_APPLICATION, KeyKind, PublicKey, SigError, SoftKey};
use ssh_key::PrivateKey;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const SOFTWARE: &str = "countersign software key v1";
/// Key files are some hundred bytes.
const MAX_FILE: u64 = 64 * 1024;
/// How often a passphrase may be wrong.
const TRIES: u32 = 3;

/// A key file that was read.
#[derive(Clone, Debug)]
pub enum KeyFile {
    /// The private key itself. `flags` matter to software security keys only.
    Soft { key: Box<SoftKey>, flags: u8 },
    /// It names a key that ssh-agent may hold: a public key, or the handle of a security key.
    AtAgent { public: PublicKey, security_key: bool },
}

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("the key file {} could not be read: {why}", path.display())]
    Io { path: PathBuf, why: String },
    #[error("{} is not a key file that can be used: {why}", path.display())]
    Form { path: PathBuf, why: String },
    #[error("the passphrase of {} was not given, or was wrong {TRIES} times", path.display())]
    Passphrase { path: PathBuf },
    #[error("{} is a software key: these sign in simulated runs only", path.display())]
    Software { path: PathBuf },
}

impl KeyFile {
    pub fn public(&self) -> PublicKey {
        match self {
            KeyFile::Soft { key, .. } => key.public(),
            KeyFile::AtAgent { public, .. } => public.clone(),
        }
    }

    /// Reads the file at `path`. `passphrase` is called with the try (from 1) as long as the key is locked;
    /// none means that the person gave up. `allow_software`: software keys count here.
    pub fn read(
        path: &Path,
        allow_software: bool,
        passphrase: &mut dyn FnMut(u32) -> Option<Zeroizing<String>>,
    ) -> Result<KeyFile, KeyFileError> {
        let text = read_text(path)?;
        let form = |why: String| KeyFileError::Form { path: path.to_owned(), why };
        if text.lines().next() == Some(SOFTWARE) {
            if !allow_software {
                return Err(KeyFileError::Software { path: path.to_owned() });
            }
            return read_software(&text).map_err(form);
        }
        if !text.contains("PRIVATE KEY-----") {
            let public = PublicKey::parse(&text).map_err(|error| form(error.to_string()))?;
            return Ok(KeyFile::AtAgent { public, security_key: false });
        }
        let key = PrivateKey::from_openssh(text.as_bytes()).map_err(|error| {
            form(format!("it is not an OpenSSH private key ({error}); `ssh-keygen -p -f FILE` converts older forms"))
        })?;
        let public = public_of(&key).map_err(|error| form(error.to_string()))?;
        if public.kind.is_security_key() {
            return Ok(KeyFile::AtAgent { public, security_key: true });
        }
        let key = unlock(key, path, passphrase)?;
        let pair = key.key_data().ed25519().ok_or_else(|| form("it holds no ed25519 key".to_owned()))?;
        let soft = SoftKey::from_seed(KeyKind::Ed25519, pair.private.to_bytes(), "");
        // A file whose halves do not belong together would sign what nobody can verify.
        if soft.public() != public {
            return Err(form("its private and its public half do not belong together".to_owned()));
        }
        Ok(KeyFile::Soft { key: Box::new(soft), flags: 0 })
    }
}

/// The text of a software key file.
pub fn software_text(kind: KeyKind, seed: &[u8; 32], application: &str, flags: u8) -> String {
    format!(
        "{SOFTWARE}\nkind: {}\nseed: {}\napplication: {application}\nflags: {flags}\n",
        kind.name(),
        hex::encode(seed)
    )
}

fn read_software(text: &str) -> Result<KeyFile, String> {
    let (mut kind, mut seed, mut application, mut flags) = (None, None, DEFAULT_APPLICATION, super::TOUCH_AND_PIN);
    for (number, line) in text.lines().enumerate().skip(1) {
        let wrong =
            || format!("line {} is not `kind: `, `seed: `, `application: ` or `flags: ` with its value", number + 1);
        let (name, value) = line.split_once(": ").ok_or_else(wrong)?;
        match name {
            "kind" => kind = Some(KeyKind::from_name(value).ok_or_else(wrong)?),
            "seed" => {
                let mut bytes = [0u8; 32];
                hex::decode_to_slice(value, &mut bytes).map_err(|_| wrong())?;
                seed = Some(bytes);
            }
            "application" => application = value,
            "flags" => flags = value.parse().map_err(|_| wrong())?,
            _ => return Err(wrong()),
        }
    }
    let (Some(kind), Some(seed)) = (kind, seed) else { return Err("`kind: ` or `seed: ` is missing".to_owned()) };
    let key = SoftKey::from_seed(kind, seed, application);
    PublicKey::from_blob(key.public().blob).map_err(|error| error.to_string())?;
    Ok(KeyFile::Soft { key: Box::new(key), flags })
}

fn read_text(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let io = |why: String| KeyFileError::Io { path: path.to_owned(), why };
    let size = std::fs::metadata(path).map_err(|error| io(error.to_string()))?.len();
    if size > MAX_FILE {
        return Err(io(format!("it is longer than {MAX_FILE} bytes")));
    }
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| io(error.to_string()))
}

/// The public half, which lies open even in a locked file.
fn public_of(key: &PrivateKey) -> Result<PublicKey, SigError> {
    let blob = key.public_key().to_bytes().map_err(|error| SigError::Key(error.to_string()))?;
    PublicKey::from_blob(blob)
}

fn unlock(
    key: PrivateKey,
    path: &Path,
    passphrase: &mut dyn FnMut(u32) -> Option<Zeroizing<String>>,
) -> Result<PrivateKey, KeyFileError> {
    if !key.is_encrypted() {
        return Ok(key);
    }
    for attempt in 1..=TRIES {
        let Some(text) = passphrase(attempt) else { break };
        if let Ok(open) = key.decrypt(text.as_bytes()) {
            return Ok(open);
        }
    }
    Err(KeyFileError::Passphrase { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, allow_software: bool) -> Result<KeyFile, KeyFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, text).unwrap();
        KeyFile::read(&path, allow_software, &mut |_| panic!("no passphrase is needed"))
    }

    #[test]
    fn software_keys_are_read_only_where_they_are_allowed() {
        for kind in KeyKind::ALL {
            let text = software_text(kind, &[7; 32], "ssh:", 1);
            assert!(matches!(read(&text, false), Err(KeyFileError::Software { .. })));
            let KeyFile::Soft { key, flags } = read(&text, true).unwrap() else { panic!("not a private key") };
            assert_eq!((key.public(), flags), (SoftKey::from_seed(kind, [7; 32], "ssh:").public(), 1));
        }
    }

    #[test]
    fn files_that_are_no_keys_give_words() {
        let text = software_text(KeyKind::SkEd25519, &[7; 32], "ssh:", 5);
        for wrong in [
            String::new(),
            "rubbish".to_owned(),
            text.replace("seed", "sead"),
            text.replace("0707", "xx"),
            text.replace("ssh:\n", "https://example.org\n"),
            text.replace("flags: 5", "flags: 256"),
            text.lines().take(2).map(|line| format!("{line}\n")).collect(),
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n".to_owned(),
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n".to_owned(),
            "x".repeat(70_000),
        ] {
            let error = read(&wrong, true).unwrap_err();
            assert!(matches!(error, KeyFileError::Form { .. } | KeyFileError::Io { .. }), "{error}");
        }
        let none = KeyFile::read(Path::new("/nonexistent/key"), true, &mut |_| None);
        assert!(matches!(none, Err(KeyFileError::Io { .. })));
    }
}
