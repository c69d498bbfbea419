//! RFC 3161: a time stamping authority says that it has seen these bytes. `openssl ts` makes the query and checks the
//! reply; this file carries them, and judges nothing itself.

use crate::base::escape;
use crate::cli::{child, http};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// For each call of openssl, and for the authority's answer.
const LIMIT: Duration = Duration::from_secs(30);

/// A reply that openssl has checked against the authority's certificates.
pub struct Stamp {
    pub authority: String,
    pub query: Vec<u8>,
    pub reply: Vec<u8>,
}

impl Stamp {
    /// As the checkpoint's object keeps it.
    pub fn value(&self) -> Value {
        json!({
            "authority": self.authority, "query": STANDARD.encode(&self.query), "reply": STANDARD.encode(&self.reply),
        })
    }
}

/// Asks the authority at `url` for a time stamp over `note`, and checks it with the certificates in `authorities`.
///
/// # Errors
/// In words; nothing was kept.
pub async fn stamp(note: &[u8], url: &str, authorities: &Path) -> Result<Stamp, String> {
    let folder = Folder::new()?;
    let at = |name: &str| folder.0.join(name);
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(at(name), bytes).map_err(|error| format!("{}: {error}", at(name).display()))
    };
    write("note", note)?;
    let query = openssl(&["-query", "-sha256", "-cert", "-data"], &[&at("note")])?;
    let headers = [
        ("content-type", "application/timestamp-query".to_owned()),
        ("accept", "application/timestamp-reply".to_owned()),
    ];
    let answer = http::post(url, &headers, query.clone(), LIMIT).await?;
    if answer.status != 200 {
        return Err(format!("it answered with status {}", answer.status));
    }
    write("query", &query)?;
    write("reply", &answer.body)?;
    let reply = at("reply");
    openssl(&["-verify", "-CAfile"], &[authorities, Path::new("-in"), &reply, Path::new("-queryfile"), &at("query")])
        .map_err(|why| format!("its reply does not hold: {why}"))?;
    Ok(Stamp { authority: url.to_owned(), query, reply: answer.body })
}

fn openssl(words: &[&str], paths: &[&Path]) -> Result<Vec<u8>, String> {
    let mut command = Command::new("openssl");
    command.arg("ts").args(words).args(paths);
    let ended = child::run(command, b"", LIMIT)?;
    if ended.good {
        return Ok(ended.stdout);
    }
    let last = ended.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("openssl ts: {} ({})", ended.how, escape::line(last)))
}

/// Removed with everything in it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Result<Folder, String> {
        let name: String = (0..16).map(|_| format!("{:02x}", rand::random::<u8>())).collect();
        let path = std::env::temp_dir().join(format!("countersign-{name}"));
        std::fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
