//! Question -> answer. The contract is here; who answers: people at a terminal (`terminal`), or a
//! script (`scripted`, rehearsals and tests). Off a terminal nobody does, and the run waits.

pub mod nobody;
pub mod terminal;

use crate::base::Time;
use crate::engine::next::{Prompt, Stop};
use crate::engine::state::Run;
use crate::plan::model::{AskField, Evidence};
use crate::record::entry::Entry;
use serde_json::{Map, Value};

/// What became of a question.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<T> {
    Given(T),
    /// The person said no.
    Declined(String),
    /// Nobody is here to ask.
    Absent,
}

/// A performer's answer to a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskAnswer {
    /// Evidence that is no file, by name.
    pub evidence: Map<String, Value>,
    /// Files: field, file name, media type, bytes.
    pub files: Vec<EvidenceFile>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceFile {
    pub field: String,
    pub name: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// How long the seat may wait for a clock or a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Leave at once with what is waited for.
    None,
    /// Sit through at most this many milliseconds of a clock; never for a person.
    Short(i64),
    /// As long as it takes.
    Always,
}

/// Who is asked, and told.
pub trait Operator {
    fn confirm(&mut self, prompt: &Prompt, typed: &str) -> Answer<()>;
    fn go_on(&mut self, prompt: &Prompt) -> Answer<()>;
    fn task(&mut self, prompt: &Prompt, says: &str, evidence: &[Evidence]) -> Answer<TaskAnswer>;
    fn ask(&mut self, prompt: &Prompt, fields: &[AskField]) -> Answer<Map<String, Value>>;
    /// An entry was added, by this seat or a voice.
    fn tell(&mut self, run: &Run, entry: &Entry);
    /// The seat waits; called once per reason.
    fn waiting(&mut self, run: &Run, stop: &Stop);
    /// Time goes by while the seat waits for somebody.
    fn tick(&mut self, _run: &Run, _now: Time) {}
    fn patience(&self) -> Patience;
}
