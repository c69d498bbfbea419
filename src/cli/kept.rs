//! What an approver's machine remembers of a run: the last head that it saw, the people file's digest, its person's
//! keys, and every statement that was signed here. One file per run and person, written under a lock, before anything
//! leaves the hand. It is a head that `verify --held` takes. Never decides who may approve.

use super::desk::answer_name;
use super::ui::{CliError, Exit, Style, Ui};
use crate::base::{Digest, RunId, escape};
use crate::engine::state::Run;
use crate::record::fact::{Corroborated, SignedText};
use crate::record::statement::Decides;
use crate::record::tree::{parse_root, root_text};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    run: RunId,
    size: u64,
    root: String,
    leaf: Digest,
    person: String,
    /// The people file at the first review, and the person's keys in it.
    people: Digest,
    keys: Vec<String>,
    signed: Vec<Signed>,
    /// Words of a performer, and what was witnessed.
    #[serde(default)]
    words: Vec<SignedText>,
}

/// A decision that was signed here.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Signed {
    request: u64,
    request_leaf: Digest,
    decision: String,
    text: SignedText,
    /// It needs a code, and AWS has taken none yet.
    #[serde(default)]
    pending: bool,
    /// What AWS said about the code.
    #[serde(default)]
    corroborated: Option<Corroborated>,
}

/// How far a decision is that is kept.
#[derive(Clone, Copy)]
pub enum Kept<'a> {
    Whole,
    /// Signed, and still without the code that it needs.
    Pending,
    Corroborated(&'a Corroborated),
}

impl<'a> Kept<'a> {
    pub fn of(corroborated: Option<&'a Corroborated>) -> Kept<'a> {
        corroborated.map_or(Kept::Whole, Kept::Corroborated)
    }
}

/// The memory of one run and one person, as long as this process holds its lock.
pub struct Memory {
    path: PathBuf,
    _lock: File,
    kept: Option<Head>,
}

impl Memory {
    /// None, with a warning, where there is no folder to keep anything in.
    pub fn open(run: &Run, person: &str, ui: &Ui) -> Result<Option<Memory>, CliError> {
        let Some(folder) = folder() else {
            let warning = ui.paint(Style::Warn, "warning");
            ui.must_say(&format!(
                "{warning}: no folder to remember in what you saw and signed; name one with COUNTERSIGN_KEPT"
            ));
            return Ok(None);
        };
        std::fs::create_dir_all(&folder).map_err(|error| unusable(&folder, &error.to_string()))?;
        let path = folder.join(format!("{}.{person}.json", run.id));
        let lock = path.with_extension("lock");
        let file = File::options().create(true).append(true).open(&lock);
        let file = file.map_err(|error| unusable(&lock, &error.to_string()))?;
        file.lock().map_err(|error| unusable(&lock, &error.to_string()))?;
        let kept = match std::fs::read_to_string(&path) {
            Ok(text) => Some(serde_json::from_str(&text).map_err(|error| unusable(&path, &error.to_string()))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(unusable(&path, &error.to_string())),
        };
        Ok(Some(Memory { path, _lock: file, kept }))
    }

    /// Looks at a history: it must go on from the one seen last (exit 6). Its head is kept from now on.
    pub fn look(&mut self, run: &Run, person: &str, ui: &Ui) -> Result<(), CliError> {
        let keys: Vec<String> = run
            .people
            .get(person)
            .into_iter()
            .flat_map(|known| known.keys.iter().map(|key| key.line.clone()))
            .collect();
        if let Some(kept) = &self.kept {
            if let Some(why) = contradiction(kept, run) {
                let hint = format!(
                    "nothing was signed. Ask for a fresh file, compare with the other side; what you hold: {}",
                    self.path.display()
                );
                return Err(CliError::new(Exit::NotVerified, "CS6010", format!("DIVERGED: {why}"), hint));
            }
            let warning = ui.paint(Style::Warn, "warning");
            if kept.people != run.people.digest {
                ui.must_say(&format!("{warning}: the people file in force is not the one of your first review"));
            }
            if kept.keys != keys {
                ui.must_say(&format!("{warning}: your own keys in it are not those of your first review"));
            }
            for denial in kept.signed.iter().filter(|signed| signed.decision == Decides::Deny.name()) {
                let arrived = run.requests.get(&denial.request).is_some_and(|request| {
                    request.voices.iter().any(|voice| voice.statement.text() == denial.text.statement)
                });
                if !arrived {
                    ui.must_say(&format!(
                        "{warning}: your denial of request #{} is not in this history: was the answer file imported?",
                        denial.request
                    ));
                }
            }
        }
        let head = head_of(run);
        match &mut self.kept {
            Some(kept) => (kept.size, kept.root, kept.leaf) = head,
            None => {
                self.kept = Some(Head {
                    run: run.id.clone(),
                    size: head.0,
                    root: head.1,
                    leaf: head.2,
                    person: person.to_owned(),
                    people: run.people.digest,
                    keys,
                    signed: Vec::new(),
                    words: Vec::new(),
                });
            }
        }
        self.write()
    }

    /// The same decision as it was signed here before; another one is refused.
    pub fn before(&self, run: &Run, request: u64, decides: Decides) -> Result<Option<SignedText>, CliError> {
        let Some(leaf) = run.requests.get(&request).map(|request| request.leaf) else { return Ok(None) };
        let signed = self.kept.iter().flat_map(|kept| &kept.signed);
        let mine: Vec<&Signed> =
            signed.filter(|one| one.request_leaf == leaf && Decides::from_name(&one.decision).is_some()).collect();
        let Some(last) = mine.last() else { return Ok(None) };
        if last.decision == decides.name() {
            return Ok(Some(last.text.clone()));
        }
        // An approval that never left the hand, for want of a code, binds nobody.
        if last.pending && decides == Decides::Deny {
            return Ok(None);
        }
        if decides == Decides::Revoke {
            return Ok(None);
        }
        let was = last.decision.as_str();
        Err(CliError::new(
            Exit::Refused,
            "CS7040",
            format!("request #{request}: you signed `{was}` here, and a second, different decision is not signed"),
            "an approval can be taken back with `countersign revoke` as long as it was not used",
        ))
    }

    /// What AWS said about a code for this very statement.
    pub fn corroborated(&self, text: &SignedText) -> Option<Corroborated> {
        let mut signed = self.kept.iter().flat_map(|kept| &kept.signed);
        signed.find(|signed| signed.text.statement == text.statement)?.corroborated.clone()
    }

    /// Keeps a decision before it goes anywhere.
    pub fn keep(
        &mut self,
        run: &Run,
        request: u64,
        decision: &str,
        text: &SignedText,
        how: Kept<'_>,
    ) -> Result<(), CliError> {
        let pending = matches!(how, Kept::Pending);
        let corroborated = match how {
            Kept::Corroborated(fact) => Some(fact.clone()),
            _ => None,
        };
        let Some(leaf) = run.requests.get(&request).map(|request| request.leaf) else { return Ok(()) };
        let Some(kept) = &mut self.kept else { return Ok(()) };
        if let Some(same) = kept.signed.iter_mut().find(|signed| signed.text.statement == text.statement) {
            if corroborated.is_none() {
                return Ok(());
            }
            (same.pending, same.corroborated) = (false, corroborated);
            return self.write();
        }
        kept.signed.push(Signed {
            request,
            request_leaf: leaf,
            decision: decision.to_owned(),
            text: text.clone(),
            pending,
            corroborated,
        });
        self.write()
    }

    /// Keeps any other statement before it goes anywhere.
    pub fn keep_word(&mut self, text: &SignedText) -> Result<(), CliError> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        kept.words.push(text.clone());
        self.write()
    }

    /// The history as it stands now, with what was just appended here.
    pub fn saw(&mut self, run: &Run) -> Result<(), CliError> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        (kept.size, kept.root, kept.leaf) = head_of(run);
        self.write()
    }

    /// The whole new text or the whole old one.
    fn write(&self) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(&self.kept).unwrap_or_default();
        let beside = answer_name(&self.path, "new");
        let put = || -> std::io::Result<()> {
            use std::io::Write as _;
            let mut file = File::create(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&beside, &self.path)
        };
        put().map_err(|error| unusable(&self.path, &error.to_string()))
    }
}

fn head_of(run: &Run) -> (u64, String, Digest) {
    (run.size(), root_text(&run.tree.root()), run.leaf)
}

/// How a history contradicts what was seen before.
fn contradiction(kept: &Head, run: &Run) -> Option<String> {
    if run.size() < kept.size {
        return Some(format!(
            "you saw {} entries of run {}, and here are {}: the end was cut off, or this is an older file",
            kept.size,
            run.id.short(),
            run.size()
        ));
    }
    let same = run.tree.root_at(kept.size) == parse_root(&kept.root);
    (!same).then(|| format!("the first {} entries of run {} are not those that you saw", kept.size, run.id.short()))
}

fn folder() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    of("COUNTERSIGN_KEPT")
        .or_else(|| of("XDG_STATE_HOME").map(|path| path.join("countersign")))
        .or_else(|| of("HOME").map(|path| path.join(".local/state/countersign")))
        .or_else(|| of("LOCALAPPDATA").map(|path| path.join("countersign")))
}

fn unusable(path: &Path, why: &str) -> CliError {
    CliError::new(
        Exit::Failed,
        "CS1040",
        format!("{}: what this machine remembers of the run can't be used: {}", path.display(), escape::line(why)),
        "nothing was signed; check the file, or name another folder with COUNTERSIGN_KEPT",
    )
}
