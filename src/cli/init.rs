//! `countersign init [DIR]`: a new runbook repository with an example that checks, plans and rehearses at once, and
//! schemas for editors that work offline. Never writes over a file that is there.

use super::decide::{io, write_file};
use super::schema::pretty;
use super::ui::Exit;
use super::ui::{CliError, CliResult, Ui};
use crate::base::escape;
use crate::{runbook, schema};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The folder; it is made if it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

const RUNBOOK: &str = include_str!("new/move_account.toml");

/// Files that are the same in every new repository.
const FILES: &[(&str, &str)] = &[
    ("runbooks/move_account.toml", RUNBOOK),
    ("runbooks/move_account.values.toml", include_str!("new/move_account.values.toml")),
    ("runbooks/people.toml", include_str!("new/people.toml")),
    ("runbooks/worlds/move_account.toml", include_str!("new/world.toml")),
    ("countersign.toml", include_str!("new/countersign.toml")),
    (".gitignore", include_str!("new/gitignore")),
    (".taplo.toml", include_str!("new/taplo.toml")),
    (".vscode/settings.json", include_str!("new/vscode-settings.json")),
    (".vscode/extensions.json", include_str!("new/vscode-extensions.json")),
];

pub fn run(args: &Args, ui: &Ui) -> CliResult {
    let root = &args.folder;
    let mut kept = Vec::new();
    folder(&root.join("journal"))?;
    for (name, text) in files() {
        let path = root.join(&name);
        if path.symlink_metadata().is_ok() {
            kept.push(name);
            continue;
        }
        folder(path.parent().unwrap_or(root))?;
        write_file(&path, text.as_bytes())?;
        ui.say(&format!("wrote {}", shown(&path)));
    }
    for name in &kept {
        ui.must_say(&format!("kept  {}: it is there already", shown(&root.join(name))));
    }
    ui.must_say(&next(root));
    Ok(Exit::Done)
}

/// Everything that is written, in order.
fn files() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> =
        FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let mut schemas = vec![("runbook", schema::runbook()), ("people", schema::people()), ("world", schema::world())];
    if let (Some(example), _) = runbook::read("move_account.toml", RUNBOOK) {
        schemas.push(("move_account.values", schema::values(&example)));
    }
    for (name, schema) in schemas {
        files.push((format!("schemas/{name}.schema.json"), pretty(&schema) + "\n"));
    }
    files
}

fn folder(path: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(path).map_err(|error| io(path, &error))
}

/// What to do next: commands that work as they stand.
fn next(root: &Path) -> String {
    let mut text = "next:\n".to_owned();
    if root != Path::new(".") {
        text.push_str(&format!("  cd {}\n", quoted(&root.display().to_string())));
    }
    text.push_str(
        "  countersign check runbooks/move_account.toml --people runbooks/people.toml
  countersign plan runbooks/move_account.toml
  countersign rehearse runbooks/move_account.toml
then make the runbook and people.toml your own; `countersign actions` lists what steps can do",
    );
    text
}

/// As a shell takes it as one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let text = escape::line(text);
    if text.chars().all(plain) && !text.starts_with('-') { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn shown(path: &Path) -> String {
    escape::line(&path.display().to_string())
}
