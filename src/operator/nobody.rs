//! Nobody answers; entries are told to a function. What runs off a terminal.

use super::{Answer, Operator, Patience, TaskAnswer};
use crate::engine::next::{Prompt, Stop};
use crate::engine::state::Run;
use crate::plan::model::{AskField, Evidence};
use crate::record::entry::Entry;
use serde_json::{Map, Value};

/// `tell` is called for every entry.
pub struct Nobody<F: FnMut(&Run, &Entry)> {
    pub tell: F,
    pub patience: Patience,
}

impl<F: FnMut(&Run, &Entry)> Operator for Nobody<F> {
    fn confirm(&mut self, _: &Prompt, _: &str) -> Answer<()> {
        Answer::Absent
    }

    fn go_on(&mut self, _: &Prompt) -> Answer<()> {
        Answer::Absent
    }

    fn task(&mut self, _: &Prompt, _: &str, _: &[Evidence]) -> Answer<TaskAnswer> {
        Answer::Absent
    }

    fn ask(&mut self, _: &Prompt, _: &[AskField]) -> Answer<Map<String, Value>> {
        Answer::Absent
    }

    fn tell(&mut self, run: &Run, entry: &Entry) {
        (self.tell)(run, entry);
    }

    fn waiting(&mut self, _: &Run, _: &Stop) {}

    fn patience(&self) -> Patience {
        self.patience
    }
}
