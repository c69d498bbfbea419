//! Where a person speaks: at the journal, or over a file that holds the run. Signs in their name, and puts what was
//! signed into the journal or into an answer file. Never asks a question, never says who may.

use super::Global;
use super::by_hand;
use super::code::Coder;
use super::decide::{io, refused, unknown, write_file};
use super::kept::{Kept, Memory};
use super::parts::{OsRandom, SystemClock, Who};
use super::place;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::approval::Refusal;
use crate::base::{Digest, StepId, escape};
use crate::engine::port::{Clock, Store};
use crate::engine::state::Run;
use crate::engine::status;
use crate::journal::{Journal, MemoryStore};
use crate::keys::KeyRing;
use crate::record::answer::{self, Answer};
use crate::record::bundle::{self, Bundle};
use crate::record::corroboration;
use crate::record::fact::Corroborated;
use crate::record::fact::SignedText;
use crate::record::statement::{Body, Decides, SaidWhat, Statement};
use crate::run::voice::{self, VoiceError};
use crate::run::witness;
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
    #[command(flatten)]
    pub hand: Hand,
}

/// A signature that is made elsewhere.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Hand {
    /// Only write the statement to this file, to be signed elsewhere with ssh-keygen -Y sign
    #[arg(long, value_name = "FILE", conflicts_with = "signature")]
    pub print: Option<PathBuf>,
    /// The signature made by ssh-keygen -Y sign over what --print wrote (FILE.sig): the rest of the command is the same
    #[arg(long, value_name = "FILE.sig")]
    pub signature: Option<PathBuf>,
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
    /// Has codes checked, where the approver's role needs one.
    pub coder: Option<Coder>,
    hand: Hand,
    /// In place of a signature a statement was written out.
    printed: Option<String>,
}

impl Desk {
    /// At a run that is still open.
    pub fn open(global: &Global, via: &Via, who: &Who) -> Result<Desk, CliError> {
        let desk = Desk::at(global, via, who)?;
        if desk.run.closed.is_some() {
            return Err(CliError::new(Exit::Refused, "CS7007", "the run is closed", ""));
        }
        Ok(desk)
    }

    /// At an open run, for a performer's word: what this machine saw of the run before is compared first.
    pub fn to_speak(global: &Global, via: &Via, who: &Who, ui: &Ui) -> Result<Desk, CliError> {
        let mut desk = Desk::open(global, via, who)?;
        desk.remember(ui)?;
        Ok(desk)
    }

    /// At any run.
    pub fn at(global: &Global, via: &Via, who: &Who) -> Result<Desk, CliError> {
        let (place, run) = match &via.from {
            None => {
                let journal = place::journal(global)?;
                let id = place::find(&journal, via.run.as_deref())?;
                let run = place::open_run(&journal, &id)?;
                (Place::Journal(journal), run)
            }
            Some(path) => (Place::File, read_run(path)?),
        };
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
        let (who, hand) = (who.clone(), via.hand.clone());
        Ok(Desk {
            run,
            person,
            clock,
            place,
            out,
            who,
            ring: None,
            memory: None,
            signed: Vec::new(),
            objects,
            coder: None,
            hand,
            printed: None,
        })
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

    /// Tells people outside what was added from entry `from` on; a seat that is taken tells it itself.
    pub fn tell(&self, settings: Option<&super::notify::settings::Settings>, from: u64, ui: &Ui) {
        if let (Place::Journal(journal), false) = (&self.place, self.seated()) {
            super::notify::appended(settings, journal, &self.run, from, ui);
        }
    }

    /// Whether a word goes into a file, and so is not in the journal yet.
    pub fn travels(&self) -> bool {
        self.out.is_some()
    }

    /// Signs a decision, and appends it or puts it to the answer.
    pub fn decide(&mut self, seq: u64, decides: Decides, reason: &str) -> Result<(), CliError> {
        if self.hand.print.is_none() && self.hand.signature.is_none() {
            self.ready()?;
        }
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
                match self.sign(&role, body, reason, &mut None)? {
                    Some(signed) => signed,
                    None => return Ok(()),
                }
            }
        };
        let corroborated = self.checked(seq, decides, &signed)?;
        voice::admit_with(&self.run, &signed, corroborated.as_ref(), self.clock.now()).map_err(refused)?;
        if let Some(memory) = &mut self.memory {
            memory.keep(&self.run, seq, decides.name(), &signed, Kept::of(corroborated.as_ref()))?;
        }
        self.bring(signed, corroborated)
    }

    /// What AWS says about a code, where the role of an approval needs one. Before anybody is asked for a code, all
    /// other rules are kept, and the signed statement too: the next try goes on with it.
    fn checked(&mut self, seq: u64, decides: Decides, signed: &SignedText) -> Result<Option<Corroborated>, CliError> {
        if decides != Decides::Approve || !voice::needs_code(&self.run, signed) {
            return Ok(None);
        }
        if let Some(before) = self.memory.as_ref().and_then(|memory| memory.corroborated(signed)) {
            return Ok(Some(before));
        }
        match voice::admit(&self.run, signed, self.clock.now()) {
            Ok(_) | Err(VoiceError::Refused(Refusal::NotCorroborated { .. })) => {}
            Err(error) => return Err(refused(error)),
        }
        if let Some(memory) = &mut self.memory {
            memory.keep(&self.run, seq, decides.name(), signed, Kept::Pending)?;
        }
        let statement = Digest::of(signed.statement.as_bytes());
        let Some(coder) = &mut self.coder else { return Ok(None) };
        coder.corroborate(&self.run, &self.person, &statement).map(Some)
    }

    /// A decision that was signed by hand: kept here, and brought where it belongs.
    pub fn keep_and_bring(&mut self, signed: SignedText) -> Result<(), CliError> {
        let read = Statement::read(&signed.statement).ok();
        let fields =
            read.as_ref().and_then(Statement::approval).ok_or_else(|| refused(Refusal::NotAnApproval.into()))?;
        if let Some(memory) = &self.memory {
            memory.before(&self.run, fields.request, fields.decision)?;
        }
        let corroborated = self.checked(fields.request, fields.decision, &signed)?;
        voice::admit_with(&self.run, &signed, corroborated.as_ref(), self.clock.now()).map_err(refused)?;
        if let Some(memory) = &mut self.memory {
            let kept = Kept::of(corroborated.as_ref());
            memory.keep(&self.run, fields.request, fields.decision.name(), &signed, kept)?;
        }
        self.bring(signed, corroborated)
    }

    fn bring(&mut self, signed: SignedText, corroborated: Option<Corroborated>) -> Result<(), CliError> {
        match (&mut self.place, &self.out) {
            (Place::Journal(journal), None) => {
                let with = corroborated.as_ref();
                voice::decide_with(journal, &self.clock, &mut self.run, &signed, with).map(|_| ()).map_err(refused)
            }
            _ => {
                if let Some(fact) = &corroborated {
                    let bytes = corroboration::object(fact)
                        .map_err(|error| CliError::new(Exit::Failed, "CS1003", error.to_string(), ""))?;
                    self.objects.insert(Digest::of(&bytes), bytes);
                }
                self.signed.push(signed);
                Ok(())
            }
        }
    }

    /// Signs break-glass for one step of a request, and appends it or puts it to the answer.
    pub fn break_glass(&mut self, seq: u64, step: &StepId, reason: &str) -> Result<(), CliError> {
        let now = self.clock.now();
        let body = voice::break_glass_body(&self.run, seq, step).map_err(|error| place::run_error(&error))?;
        let Some(signed) = self.sign("", body, reason, &mut None)? else { return Ok(()) };
        voice::admit_glass(&self.run, &signed, now).map_err(refused)?;
        if let Some(memory) = &mut self.memory {
            memory.keep(&self.run, seq, "break-glass", &signed, Kept::Whole)?;
        }
        match (&mut self.place, &self.out) {
            (Place::Journal(journal), None) => {
                voice::break_glass(journal, &self.clock, &mut self.run, &signed).map(|_| ()).map_err(refused)
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
        let mut object = object;
        let body = voice::said_body(&self.run, what, covers, attempt, object.as_ref().map(|object| object.0));
        let Some(signed) = self.sign(role, body, reason, &mut object)? else { return Ok(()) };
        let now = self.clock.now();
        voice::may_be_said(&self.run, &signed, object.as_ref(), now).map_err(refused)?;
        if let Some(memory) = &mut self.memory {
            memory.keep_word(&signed)?;
        }
        match (&mut self.place, &self.out) {
            (Place::Journal(journal), None) => {
                voice::say(journal, &self.clock, &mut self.run, &signed, object).map(|_| ()).map_err(refused)
            }
            _ => {
                self.signed.push(signed);
                self.objects.extend(object);
                Ok(())
            }
        }
    }

    /// Signs how the closed run ended, and appends it or puts it to the answer.
    pub fn witness(&mut self, role: &str, reason: &str) -> Result<(), CliError> {
        let body = witness::body(&self.run).ok_or_else(not_closed)?;
        let Some(signed) = self.sign(role, body, reason, &mut None)? else { return Ok(()) };
        let now = self.clock.now();
        witness::may(&self.run, &signed, now).map_err(refused)?;
        if let Some(memory) = &mut self.memory {
            memory.keep_word(&signed)?;
        }
        match (&mut self.place, &self.out) {
            (Place::Journal(journal), None) => {
                witness::add(journal, &self.clock, &mut self.run, &signed).map(|_| ()).map_err(refused)
            }
            _ => {
                self.signed.push(signed);
                Ok(())
            }
        }
    }

    /// Signs here; or brings back what was signed elsewhere; or, to be signed there, only writes it out (then none).
    fn sign(
        &mut self,
        role: &str,
        body: Body,
        reason: &str,
        object: &mut Option<(Digest, Vec<u8>)>,
    ) -> Result<Option<SignedText>, CliError> {
        let wrong = |error| place::run_error(&error);
        let now = self.clock.now();
        if let Some(path) = self.hand.print.clone() {
            if self.printed.is_some() {
                return Err(by_hand::several());
            }
            let statement = voice::statement(&self.run, &mut OsRandom, &self.person, role, body, reason, now);
            let statement = statement.map_err(wrong)?;
            let text = voice::checked(&statement).map_err(wrong)?;
            self.printed = Some(by_hand::print(&path, &statement.namespace(), &text, object.as_ref())?);
            return Ok(None);
        }
        if let Some(path) = &self.hand.signature {
            return by_hand::bring(&self.run, &self.person, role, &body, object, path).map(Some);
        }
        self.ready()?;
        let ring = self.ring.as_ref().ok_or_else(no_ring)?;
        voice::sign(&self.run, &mut OsRandom, ring, &self.person, role, body, reason, now).map(Some).map_err(wrong)
    }

    /// Whether a statement was only written out, so that nothing was decided or said yet.
    pub fn printed(&self) -> bool {
        self.printed.is_some()
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
        if let Some(words) = &self.printed {
            ui.say(words);
            return Ok(Exit::Done);
        }
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
        if self.printed() {
            return self.finish(ui);
        }
        ui.say(&format!("ok: {done}"));
        let finished = self.finish(ui)?;
        if self.travels() {
            return Ok(finished);
        }
        let seat = self.run.signed_on.first().cloned().unwrap_or_else(|| self.person.clone());
        ui.say(&format!("go on with: {}", status::resume(&self.run, &seat)));
        Ok(Exit::Done)
    }
}

/// What `witness` says of an open run.
pub fn not_closed() -> CliError {
    CliError::new(
        Exit::Refused,
        "CS7060",
        "the run is not closed, and so there is nothing to witness yet",
        "`countersign status` says what it waits for",
    )
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
    let bundle = read_bundle(file)?;
    let report = crate::verify::check(&bundle, &[], &[]);
    if matches!(report.verdict, crate::verify::Verdict::Invalid | crate::verify::Verdict::Diverged) {
        return Err(CliError::new(Exit::NotVerified, "CS6003", crate::verify::text(&report), "nothing was signed"));
    }
    place::load_run(&from_bundle(&bundle)?, &bundle.run)
}

/// What `verify` says of the run that a file holds.
pub fn report_on(file: &Path) -> Result<crate::verify::Report, CliError> {
    Ok(crate::verify::check(&read_bundle(file)?, &[], &[]))
}

fn read_bundle(file: &Path) -> Result<Bundle, CliError> {
    let bytes = std::fs::read(file).map_err(|error| io(file, &error))?;
    bundle::read(&bytes).map_err(|error| {
        CliError::new(
            Exit::NotVerified,
            "CS6002",
            format!("{}: {error}", file.display()),
            "ask for a fresh file: `countersign requests -o FILE`",
        )
    })
}

/// A store in memory with what a bundle holds.
pub fn from_bundle(bundle: &Bundle) -> Result<MemoryStore, CliError> {
    let mut store = MemoryStore::new();
    let objects: Vec<_> = bundle.objects.iter().map(|(digest, bytes)| (*digest, bytes.clone())).collect();
    store.append(&bundle.run, None, None, &bundle.lines, &objects).map_err(|error| place::store_error(&error))?;
    Ok(store)
}
