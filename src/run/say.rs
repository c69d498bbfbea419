//! What a performer at this seat says: the operator is asked, the answer signed and journaled.

use super::desk::Desk;
use super::{RunError, voice};
use crate::base::Digest;
use crate::engine::next::{Draft, Prompt, PromptKind, Stop};
use crate::engine::port::{Clock, Store};
use crate::engine::status;
use crate::operator::{Answer, Operator, TaskAnswer};
use crate::record::fact;
use crate::record::salted::{self, File};
use crate::record::statement::SaidWhat;
use serde_json::{Value, json};

impl<S: Store, K: Clock, O: Operator> Desk<'_, S, K, O> {
    /// Asks, or stops with who must answer and how.
    pub(super) fn prompt(&mut self, prompt: &Prompt) -> Result<Option<Stop>, RunError> {
        let mut stop = status::asked_for(prompt);
        if prompt.at_seat.is_none() {
            return Ok(Some(stop));
        }
        let declined = match &prompt.kind {
            PromptKind::Confirm { typed, object } => match self.operator.confirm(prompt, typed) {
                Answer::Given(()) => {
                    return self.say(prompt, SaidWhat::Confirmed, Some(object.clone()), "").map(|()| None);
                }
                Answer::Declined(why) => why,
                Answer::Absent => return Ok(Some(stop)),
            },
            PromptKind::GoOn => match self.operator.go_on(prompt) {
                Answer::Given(()) => return self.say(prompt, SaidWhat::GoOn, None, "").map(|()| None),
                Answer::Declined(why) => why,
                Answer::Absent => return Ok(Some(stop)),
            },
            PromptKind::Hold { words } => match self.operator.go_on(prompt) {
                Answer::Given(()) => return self.say(prompt, SaidWhat::Note, None, words).map(|()| None),
                Answer::Declined(why) => why,
                Answer::Absent => return Ok(Some(stop)),
            },
            PromptKind::Task { says, evidence, .. } => match self.operator.task(prompt, says, evidence) {
                Answer::Given(answer) => return self.task_done(prompt, says, answer).map(|()| None),
                Answer::Declined(why) => why,
                Answer::Absent => return Ok(Some(stop)),
            },
            PromptKind::Ask { fields } => match self.operator.ask(prompt, fields) {
                Answer::Given(answers) => {
                    let object = self.salted(salted::ANSWER, &Value::Object(answers))?;
                    return self.say(prompt, SaidWhat::Answer, Some(object), "").map(|()| None);
                }
                Answer::Declined(why) => why,
                Answer::Absent => return Ok(Some(stop)),
            },
        };
        stop.why = format!("{} ({declined})", stop.why);
        self.declined = Some(stop.clone());
        Ok(Some(stop))
    }

    fn task_done(&mut self, prompt: &Prompt, says: &str, answer: TaskAnswer) -> Result<(), RunError> {
        for file in answer.files {
            let kept = File { name: file.name, media_type: file.media_type, bytes: file.bytes };
            let bytes = salted::wrap_file(&self.salt(), &kept).map_err(|error| RunError::Bad(error.to_string()))?;
            self.say(prompt, SaidWhat::Evidence, Some((Digest::of(&bytes), bytes)), &file.field)?;
        }
        let object = self.salted(salted::ANSWER, &json!({"says": says, "evidence": answer.evidence}))?;
        self.say(prompt, SaidWhat::Task, Some(object), "")
    }

    /// Signs and journals one word of the performer at this seat.
    fn say(
        &mut self,
        prompt: &Prompt,
        what: SaidWhat,
        object: Option<(Digest, Vec<u8>)>,
        reason: &str,
    ) -> Result<(), RunError> {
        let Some(person) = prompt.at_seat.clone() else { return Ok(()) };
        loop {
            let body =
                voice::said_body(self.run, what, &prompt.at, prompt.attempt, object.as_ref().map(|object| object.0));
            let now = self.now();
            let signed = voice::sign(self.run, self.random, self.signer, &person, &prompt.role, body, reason, now)?;
            let fact = fact::Said { statement: signed.statement, signature: signed.signature, key: signed.key };
            let mut draft = Draft::new(fact).by(&person);
            draft.objects.extend(object.clone());
            if self.append(vec![draft])? == super::Appended::Yes {
                return Ok(());
            }
            self.catch_up()?;
        }
    }

    /// A signed note by the person that a prompt is for.
    pub(super) fn note_of(&mut self, prompt: &Prompt, reason: &str) -> Result<(), RunError> {
        self.say(prompt, SaidWhat::Note, None, reason)
    }
}
