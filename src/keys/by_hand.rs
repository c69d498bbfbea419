//! Signing by hand: the statement goes out as a file, `ssh-keygen -Y sign` signs it anywhere, and the
//! signature comes back as a file.

use crate::record::{SignedText, Statement};
use crate::sshsig::{Good, PublicKey, key_in, verify};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ByHandError {
    #[error("{} could not be {what}: {why}", path.display())]
    Io { path: PathBuf, what: &'static str, why: String },
    #[error("{} already exists; name a file that does not", path.display())]
    Exists { path: PathBuf },
    #[error("the signature does not hold: {0}")]
    Signature(#[from] crate::sshsig::SigError),
    #[error("the signature is by {found}, which is none of {person}'s keys ({theirs})")]
    NotTheirs { person: String, found: String, theirs: String },
    #[error("{} is not a statement: {why}", path.display())]
    Statement { path: PathBuf, why: String },
}

/// Writes a statement's text to a new file, byte for byte what must be signed.
pub fn write_statement(path: &Path, text: &str) -> Result<(), ByHandError> {
    let mut file = std::fs::File::create_new(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => ByHandError::Exists { path: path.to_owned() },
        _ => io(path, "written", &error),
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| io(path, "written", &error))
}

/// The command that signs it; the signature is then beside it, in `<file>.sig`.
pub fn command(statement: &Statement, path: &Path) -> String {
    format!("ssh-keygen -Y sign -n {} -f YOUR_KEY {}", statement.namespace(), path.display())
}

/// Reads back a statement that was written for signing.
pub fn read_statement(path: &Path) -> Result<(Statement, String), ByHandError> {
    let text = std::fs::read_to_string(path).map_err(|error| io(path, "read", &error))?;
    let statement = Statement::read(&text)
        .map_err(|error| ByHandError::Statement { path: path.to_owned(), why: error.to_string() })?;
    Ok((statement, text))
}

/// Reads a signature over `text`, which must be by one of `person`'s keys.
pub fn read_signature(
    path: &Path,
    statement: &Statement,
    text: &str,
    keys: &[PublicKey],
) -> Result<(SignedText, Good), ByHandError> {
    let signature = std::fs::read_to_string(path).map_err(|error| io(path, "read", &error))?;
    // Mail programs change line ends; nothing else is forgiven.
    let signature = signature.replace("\r\n", "\n");
    let key = key_in(&signature)?;
    if !keys.contains(&key) {
        return Err(ByHandError::NotTheirs {
            person: statement.person().to_owned(),
            found: key.fingerprint(),
            theirs: super::fingerprints(keys),
        });
    }
    let good = verify(&key, &statement.namespace(), text.as_bytes(), &signature)?;
    Ok((SignedText { statement: text.to_owned(), signature, key: key.line }, good))
}

fn io(path: &Path, what: &'static str, error: &std::io::Error) -> ByHandError {
    ByHandError::Io { path: path.to_owned(), what, why: error.to_string() }
}
