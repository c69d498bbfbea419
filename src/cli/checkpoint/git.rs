//! A checkpoint kept in a git repository that others can read: one file, one commit, pushed. By the `git` command, with
//! the settings of whoever runs it.

use crate::base::escape;
use crate::cli::child;
use crate::record::note::Checkpoint;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// For each call of git.
const LIMIT: Duration = Duration::from_secs(60);

/// Commits the note to `repository` (a working copy, or what `git clone` takes) and pushes it. Says where it lies there.
///
/// # Errors
/// In words, with what git said.
pub fn keep(repository: &str, checkpoint: &Checkpoint, note: &str, person: &str) -> Result<String, String> {
    let name = format!("countersign/{}/{}.checkpoint", checkpoint.run, checkpoint.size);
    if Path::new(repository).join(".git").exists() {
        commit(Path::new(repository), &name, checkpoint, note, person)?;
        let remotes = git(Path::new(repository), &["remote"])?;
        if remotes.trim().is_empty() {
            return Ok(format!("{name} (committed; the repository has no remote to push to)"));
        }
        git(Path::new(repository), &["push", "--quiet"])?;
        return Ok(name);
    }
    let folder = temporary()?;
    let done =
        git(&std::env::temp_dir(), &["clone", "--quiet", "--depth", "1", "--", &whole(repository), &shown(&folder)])
            .and_then(|_| commit(&folder, &name, checkpoint, note, person))
            .and_then(|()| git(&folder, &["push", "--quiet", "origin", "HEAD"]));
    let _ = std::fs::remove_dir_all(&folder);
    done.map(|_| name)
}

fn commit(folder: &Path, name: &str, checkpoint: &Checkpoint, note: &str, person: &str) -> Result<(), String> {
    let path = folder.join(name);
    let above = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(above).map_err(|error| format!("{}: {error}", shown(above)))?;
    std::fs::write(&path, note).map_err(|error| format!("{}: {error}", shown(&path)))?;
    git(folder, &["add", "--", name])?;
    // The same checkpoint again: nothing to commit.
    if git(folder, &["status", "--porcelain", "--", name])?.is_empty() {
        return Ok(());
    }
    let words = format!("Checkpoint of run {}: {} entries", checkpoint.run.short(), checkpoint.size);
    let unnamed = git(folder, &["config", "user.email"]).is_err();
    let (user, mail) = (format!("user.name={person}"), format!("user.email={person}@localhost"));
    let mut all = if unnamed { vec!["-c", &user, "-c", &mail] } else { Vec::new() };
    all.extend(["commit", "--quiet", "-m", &words, "--", name]);
    git(folder, &all).map(|_| ())
}

/// A path from where we stand; a URL as it is.
fn whole(repository: &str) -> String {
    std::fs::canonicalize(repository).map_or_else(|_| repository.to_owned(), |path| shown(&path))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn temporary() -> Result<PathBuf, String> {
    let name: String = (0..16).map(|_| format!("{:02x}", rand::random::<u8>())).collect();
    Ok(std::env::temp_dir().join(format!("countersign-{name}")))
}

/// Never asks for a password: there may be nobody to answer.
fn git(folder: &Path, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_TERMINAL_PROMPT", "0").args(words);
    let ended = child::run(command, b"", LIMIT)?;
    if ended.good {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    Err(format!("git {}: {}: {}", words.first().unwrap_or(&""), ended.how, escape::block(&ended.stderr)))
}
