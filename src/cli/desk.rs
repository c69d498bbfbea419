//! Where a person speaks: at the journal, or over a file that holds the run. Signs in their name, and puts what was
//! signed into the journal or into an answer file. Never asks a question, never says who may.

use super::Global;
use super::decide::{io, refused, unknown, write_file};
use super::kept::Memory;
use super::parts::{OsRandom, SystemClock, Who};
use super::place;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::{Digest, escape};
use crate::engine::port::{Clock, Store};
use crate::engine::state::Run;
use crate::engine::status;
use crate::journal::{Journal, MemoryStore};
use crate::keys::KeyRing;
use crate::record::answer::{self, Answer};
use crate::record::bundle::{self, Bundle};
use crate::record::fact::SignedText;
use crate::record::statement::{Body, Decides, SaidWhat};
use crate::run::voice;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How a word travels.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Via {
    /// The run (a unique prefix)
    #[arg(long)]
    pub run: Option<String>,
    /// Speak over a file written by `requests -o` or `export`, without the journal
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    pub from: Option<PathBuf>,
    /// Write what is signed to an answer file, which `import` takes in, and not into the journal
    #[arg(long, short = 'o', value_name = "FILE")]
    pub answer: Option<PathBuf>,
}

enum Place {
    Journal(Journal),
    /// Nothing can be appended there: what is signed travels.
    File,
}

/// A run opened for one person's word.
pub struct Desk {
    pub run: Run,
    pub person: String,
    pub clock: SystemClock,
    place: Place,
    out: Option<PathBuf>,
    who: Who,
    ring: Option<KeyRing>,
    memory: Option<Memory>,
    signed: Vec<SignedText>,
    objects: BTreeMap<Digest, Vec<u8>>,
}

impl Desk {
    pub fn open(global: &Global, via: &Via, who: &Who) -> Result<Desk, CliError> {
        let (place, run) = match &via.from {
            None => {
                let journal = place::journal(global)?;
                let id = place::find(&journal, via.run.as_deref())?;
                let run = place::open_run(&journal, &id)?;
                (Place::Journal(journal), run)
            }
            Some(path) => (Place::File, read_run(path)?),
        };
        if run.closed.is_some() {
            return Err(CliError::new(Exit::Refused, "CS7007", "the run is closed", ""));
        }
        if matches!(place, Place::Journal(_)) {
            place::is_here(&run)?;
        }
        let person = who.person()?;
        if run.people.get(&person).is_none() {
            return Err(unknown(&run, &person));
        }
        let out = match (&via.answer, &via.from) {
            (Some(path), _) => Some(path.clone()),
            (None, Some(from)) => Some(answer_name(from, &format!("{person}.answer"))),
            (None, None) => None,
        };
        let (clock, objects) = (SystemClock::new(), BTreeMap::new());
        let who = who.clone();
        Ok(Desk { run, person, clock, place, out, who, ring: None, memory: None, signed: Vec::new(), objects })
    }

    /// Compares the history with what this machine saw of it before, and remembers it. Comes before any decision.
    pub fn remember(&mut self, ui: &Ui) -> Result<(), CliError> {
        let Some(mut memory) = Memory::open(&self.run, &self.person, ui)? else { return Ok(()) };
        memory.look(&self.run, &self.person, ui)?;
        self.memory = Some(memory);
        Ok(())
    }

    /// Whether somebody sits at the run, and so goes on by themselves.
    pub fn seated(&self) -> bool {
        match &self.place {
            Place::Journal(journal) => journal.seated(&self.run.id).is_err(),
            Place::File => false,
        }
    }

    /// Whether a word goes into a file, and so is not in the journal yet.
    pub fn travels(&self) -> bool {
        self.out.is_some()
    }

    /// Signs a decision, and appends it or puts it to the answer.
    pub fn decide(&mut self, seq: u64, decides: Decides, reason: &str) -> Result<(), CliError> {
        self.ready()?;
        let now = self.clock.now();
        let role = voice::deciding_role(&self.run, seq, &self.person, now);
        let role = role.ok_or_else(|| unknown(&self.run, &self.person))?;
        let before = match &self.memory {
            Some(memory) => memory.before(&self.run, seq, decides)?,
            None => None,
        };
        let here = |text: &SignedText| {
            let voices = self.run.requests.get(&seq).map(|request| request.voices.as_slice()).unwrap_or_default();
            voices.iter().any(|voice| voice.statement.text() == text.statement)
        };
        let signed = match before.filter(|text| !here(text)) {
            // Signed before, and not arrived yet: the same statement goes once more.
            Some(text) => text,
            None => {
                let body = voice::approval_body(&self.run, seq, decides).map_err(|error| place::run_error(&error))?;
                let ring = self.ring.as_ref().ok_or_else(no_ring)?;
                voice::sign(&self.run, &mut OsRandom, ring, &self.person, &role, body, reason, now)
                    .map_err(|error| place::run_error(&error))?
            }
        };
        voice::admit(&self.run, &signed, now).map_err(refused)?;
        if let Some(memory) = &mut self.memory {
            memory.keep(&self.run, seq, decides, &signed)?;
        }
        self.bring(signed)
    }

    /// A decision that was signed by hand: kept here, and brought where it belongs.
    pub fn keep_and_bring(&mut self, signed: SignedText) -> Result<(), CliError> {
        let statement = voice::admit(&self.run, &signed, self.clock.now()).map_err(refused)?;
        if let (Body::Approval(_, fields), Some(memory)) = (&statement.body, &mut self.memory) {
            memory.before(&self.run, fields.request, fields.decision)?;
            memory.keep(&self.run, fields.request, fields.decision, &signed)?;
        }
        self.bring(signed)
    }

    fn bring(&mut self, signed: SignedText) -> Result<(), CliError> {
        match (&mut self.place, &self.out) {
            (Place::Journal(journal), None) => {
                voice::decide(journal, &self.clock, &mut self.run, &signed).map(|_| ()).map_err(refused)
            }
            _ => {
                self.signed.push(signed);
                Ok(())
            }
        }
    }

    /// Signs a performer's word, and appends it or puts it to the answer.
    pub fn say(
        &mut self,
        what: SaidWhat,
        covers: &str,
        attempt: u32,
        role: &str,
        object: Option<(Digest, Vec<u8>)>,
        reason: &str,
    ) -> Result<(), CliError> {
        let body = voice::said_body(&self.run, what, covers, attempt, object.as_ref().map(|object| object.0));
        self.ready()?;
        let ring = self.ring.as_ref().ok_or_else(no_ring)?;
        let now = self.clock.now();
        let signed = voice::sign(&self.run, &mut OsRandom, ring, &self.person, role, body, reason, now)
            .map_err(|error| place::run_error(&error))?;
        match (&mut self.place, &self.out) {
            (Place::Journal(journal), None) => {
                voice::say(journal, &self.clock, &mut self.run, &signed, object).map(|_| ()).map_err(refused)
            }
            _ => {
                voice::may_be_said(&self.run, &signed, object.as_ref(), now).map_err(refused)?;
                self.signed.push(signed);
                self.objects.extend(object);
                Ok(())
            }
        }
    }

    /// The keys, once: a passphrase is asked for one time, however many statements it signs.
    fn ready(&mut self) -> Result<(), CliError> {
        if self.ring.is_none() {
            self.ring = Some(self.who.signer(&self.run.people, self.run.opened.mode)?);
        }
        Ok(())
    }

    /// Writes the answer file, if what was signed travels by file; else remembers the history with it.
    pub fn finish(&mut self, ui: &Ui) -> CliResult {
        let Some(path) = &self.out else {
            self.memory.as_mut().map_or(Ok(()), |memory| memory.saw(&self.run))?;
            return Ok(Exit::Done);
        };
        let (statements, objects) = (std::mem::take(&mut self.signed), std::mem::take(&mut self.objects));
        let count = statements.len();
        let whole = Answer { run: self.run.id.clone(), statements, objects };
        let text =
            answer::write(&whole).map_err(|error| CliError::new(Exit::Failed, "CS1003", error.to_string(), ""))?;
        write_file(path, text.as_bytes())?;
        let shown = escape::line(&path.display().to_string());
        let word = place::quoted(&path.to_string_lossy());
        let statements = if count == 1 { "1 statement".to_owned() } else { format!("{count} statements") };
        ui.say(&format!("wrote {shown} with {statements}; nothing is in the journal yet"));
        ui.say(&format!(
            "where the journal is: countersign import {}{}",
            escape::line(&word),
            self.run.whereabouts.journal()
        ));
        Ok(Exit::Done)
    }

    /// Who goes on after a performer's word.
    pub fn resume_hint(&mut self, ui: &Ui, done: &str) -> CliResult {
        ui.say(&format!("ok: {done}"));
        if self.travels() {
            return self.finish(ui);
        }
        let seat = self.run.signed_on.first().cloned().unwrap_or_else(|| self.person.clone());
        ui.say(&format!("go on with: {}", status::resume(&self.run, &seat)));
        Ok(Exit::Done)
    }
}

fn no_ring() -> CliError {
    CliError::new(Exit::Failed, "CS1003", "no key was read", "")
}

/// `requests.countersign` and `bob.answer` give `requests.countersign.bob.answer`: beside it, never over another.
pub fn answer_name(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// The run that a file holds, after everything in it was verified.
pub fn read_run(file: &Path) -> Result<Run, CliError> {
    let bytes = std::fs::read(file).map_err(|error| io(file, &error))?;
    let bundle = bundle::read(&bytes).map_err(|error| {
        CliError::new(
            Exit::NotVerified,
            "CS6002",
            format!("{}: {error}", file.display()),
            "ask for a fresh file: `countersign requests -o FILE`",
        )
    })?;
    let report = crate::verify::check(&bundle, &[], &[]);
    if matches!(report.verdict, crate::verify::Verdict::Invalid | crate::verify::Verdict::Diverged) {
        return Err(CliError::new(Exit::NotVerified, "CS6003", crate::verify::text(&report), "nothing was signed"));
    }
    place::load_run(&from_bundle(&bundle)?, &bundle.run)
}

/// A store in memory with what a bundle holds.
pub fn from_bundle(bundle: &Bundle) -> Result<MemoryStore, CliError> {
    let mut store = MemoryStore::new();
    let objects: Vec<_> = bundle.objects.iter().map(|(digest, bytes)| (*digest, bytes.clone())).collect();
    store.append(&bundle.run, None, None, &bundle.lines, &objects).map_err(|error| place::store_error(&error))?;
    Ok(store)
}
