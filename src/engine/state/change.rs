//! What changes of a running run mean: other texts or people in force, another copy that goes on. Pure.

use super::{Objects, Run, Status, with_texts};
use crate::approval::change::{self, Progress};
use crate::base::{Digest, Time};
use crate::people::{self, People, Person};
use crate::plan::model::Plan;
use crate::record::entry::Entry;
use crate::record::fact::{self, EndedBy, Fact, Mode, SignedText};
use crate::record::statement::{Body, ChangeFields, Head, RECOVERY, SaidFields, SaidWhat, Statement};
use crate::sshsig::{self, Good, PublicKey};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The digests in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Force {
    pub runbook: Digest,
    pub plan: Digest,
    pub people: Digest,
}

/// The run goes on somewhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    pub seq: u64,
    pub at: Time,
    pub by: String,
    pub to: String,
    /// `to` has it back: the successor declined, and this copy may go on.
    pub back: bool,
}

/// Somebody's word that a lost run goes on in this copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    pub machine: String,
    pub person: String,
    pub party: String,
}

/// Why nobody may sit down here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHere {
    #[error("the run was handed over to {to} by {by} (entry {seq}); this copy appends nothing")]
    HandedOver { to: String, by: String, seq: u64 },
    #[error("the seat was given back to {to} by {by} (entry {seq}), and {person} sits down")]
    GivenBack { to: String, by: String, seq: u64, person: String },
    #[error("this is a copy of the journal: the last seat was taken on another machine or file ({last})")]
    OtherCopy { last: String },
}

impl Run {
    /// The texts in force now.
    pub fn in_force(&self) -> Force {
        self.force_at(self.size())
    }

    pub(super) fn force_at(&self, size: u64) -> Force {
        let found = self.force.iter().rev().find(|(from, _)| *from <= size);
        let opened = &self.opened;
        let first = Force { runbook: opened.runbook, plan: opened.plan, people: opened.people };
        found.map_or(first, |(_, force)| *force)
    }

    /// How far the run has come, as far as an amendment must respect it.
    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for (id, state) in &self.steps {
            let spoken = |what| matches!(what, SaidWhat::Task | SaidWhat::Answer | SaidWhat::Evidence);
            let idle = matches!(state.status, Status::Pending | Status::Skipped)
                && (state.first.is_none() && state.wait.is_none())
                && !state.said.iter().any(|said| spoken(said.what));
            if !idle {
                progress.begun.insert((id.stage.clone(), id.step.clone()));
            }
        }
        for (id, state) in &self.stages {
            if state.entered || state.skipped {
                progress.entered.insert(id.clone());
            }
            if state.is_over() {
                progress.over.insert(id.clone());
            }
        }
        progress.anchored = self.anchors.keys().map(|(stage, _)| stage.clone()).collect();
        progress.holds = self.holds.iter().filter(|(_, state)| state.live).map(|(id, _)| id.clone()).collect();
        progress
    }

    /// The signature of a statement about this history, by somebody of one of these people files.
    pub(super) fn check_signed_by(
        &self,
        text: &str,
        signature: &str,
        key: &str,
        of: &[&People],
    ) -> Result<(Statement, Good, PublicKey, Head), String> {
        let statement = Statement::read(text).map_err(|error| error.to_string())?;
        let tail = &statement.tail;
        let known: Vec<&Person> = of.iter().filter_map(|people| people.get(&tail.person)).collect();
        let key = PublicKey::parse(key).map_err(|error| error.to_string())?;
        let first = known.first().ok_or_else(|| format!("{} is not in the people file", tail.person))?;
        let mine = known.iter().find(|person| person.keys.contains(&key)).unwrap_or(first);
        if mine.party != tail.party {
            return Err(format!("{} belongs to {}, not to {}", tail.person, mine.party, tail.party));
        }
        if !mine.keys.contains(&key) {
            return Err(format!("the key is not one of {}'s keys", tail.person));
        }
        let good = sshsig::verify(&key, &statement.namespace(), text.as_bytes(), signature)
            .map_err(|error| error.to_string())?;
        let said = statement.head().ok_or("it is not about a run")?;
        if said.size > self.size() {
            return Err("it speaks of entries that there are not".to_owned());
        }
        let head = self.head_at(said.size);
        if *said != head {
            return Err("it is about another run, mode, history, runbook, plan or people file".to_owned());
        }
        Ok((statement, good, key, head))
    }

    /// One statement of a change: over exactly this change, on the texts in force now, by somebody of these people.
    pub fn change_signed(
        &self,
        text: &SignedText,
        wanted: &ChangeFields,
        of: &[&People],
    ) -> Result<(Statement, Good, PublicKey), String> {
        let (statement, good, key, head) = self.check_signed_by(&text.statement, &text.signature, &text.key, of)?;
        let person = &statement.tail.person;
        if !matches!(&statement.body, Body::Change(_, fields) if fields == wanted) {
            return Err(format!("{person} signed another change than this one"));
        }
        let force = self.in_force();
        if (head.runbook, head.plan, head.people) != (force.runbook, force.plan, force.people) {
            return Err(format!("{person} signed it before another change came into force"));
        }
        let nonce = format!("nonce {}", statement.tail.nonce);
        if self.used.contains(&Digest::of(text.statement.as_bytes()).hex()) || self.used.contains(&nonce) {
            return Err(format!("this signature of {person} was used before"));
        }
        Ok((statement, good, key))
    }

    fn changes(&mut self, texts: &[SignedText], wanted: &ChangeFields, of: &[&People]) -> Result<Signers, String> {
        let mut signers = Vec::new();
        for text in texts {
            let (statement, _, key) = self.change_signed(text, wanted, of)?;
            for mark in [Digest::of(text.statement.as_bytes()).hex(), format!("nonce {}", statement.tail.nonce)] {
                if !self.used.insert(mark) {
                    return Err("a statement of the change was used before".to_owned());
                }
            }
            signers.push((statement.tail.person, key));
        }
        if signers.is_empty() {
            return Err("nobody signed the change".to_owned());
        }
        Ok(signers)
    }

    pub(super) fn amended(&mut self, entry: &Entry, fact: &fact::Amended, objects: Objects) -> Result<(), String> {
        let force = self.in_force();
        let wanted = ChangeFields { runbook: fact.runbook, plan: fact.plan, people: force.people };
        let people = Arc::clone(&self.people);
        let signers = self.changes(&fact.statements, &wanted, &[&people])?;
        let bytes = objects(&fact.plan).ok_or("the new plan is missing")?;
        let plan = Plan::read(&bytes).map_err(|error| format!("the new plan: {error}"))?;
        if plan.runbook != fact.runbook {
            return Err("the new plan was made for another runbook".to_owned());
        }
        let touched = change::amendment(&self.plan, &plan, &self.progress()).map_err(|why| why.to_string())?;
        let signed: BTreeSet<String> = signers.into_iter().map(|(person, _)| person).collect();
        if let Some(role) = change::unsigned(&touched.roles, &people, &signed).first() {
            return Err(format!("the amendment touches the role {role}, and nobody of it signed"));
        }
        let mut files = serde_json::Map::new();
        for (id, pinned) in &plan.files {
            let bytes = objects(&pinned.sha256).ok_or("a pinned file is missing")?;
            files.insert(id.clone(), Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        }
        self.files = Value::Object(files);
        self.values = with_texts(std::mem::take(&mut self.values), &plan.secrets);
        self.plan = Arc::new(plan);
        self.force.push((entry.seq + 1, Force { runbook: fact.runbook, plan: fact.plan, people: force.people }));
        self.void_all(EndedBy::Amended, entry.epoch);
        // What is over, and what is left, is told by the new plan.
        let places = self.stages.iter().flat_map(|(stage, state)| {
            state.items.iter().map(|(item, _)| (stage.clone(), item.clone())).collect::<Vec<_>>()
        });
        self.index.places.extend(places.collect::<Vec<_>>());
        Ok(())
    }

    pub(super) fn people_changed(
        &mut self,
        entry: &Entry,
        fact: &fact::PeopleChanged,
        objects: Objects,
    ) -> Result<(), String> {
        let force = self.in_force();
        let wanted = ChangeFields { runbook: force.runbook, plan: force.plan, people: fact.people };
        let bytes = objects(&fact.people).ok_or("the new people file is missing")?;
        let text = std::str::from_utf8(&bytes).map_err(|_| "the new people file is not UTF-8")?;
        let (new, _) = people::parse("people", text, self.opened.mode == Mode::Rehearsal);
        let new = new.ok_or("the new people file has errors")?;
        let old = Arc::clone(&self.people);
        let signers = self.changes(&fact.statements, &wanted, &[&old, &new])?;
        let lacking = change::people_unsigned(&old, &new, &self.plan, &by_new_key(&signers, &new));
        match lacking.first() {
            Some(change::Lacking::Party(party)) => {
                return Err(format!("no unchanged person of {party} signed the change of people"));
            }
            Some(change::Lacking::Person(person)) => return Err(format!("{person} did not sign with the new key")),
            None => {}
        }
        self.people = Arc::new(new);
        self.force.push((entry.seq + 1, Force { people: fact.people, ..force }));
        self.void_all(EndedBy::PeopleChanged, entry.epoch);
        Ok(())
    }

    /// Nothing that was asked before may be used any more.
    fn void_all(&mut self, why: EndedBy, epoch: u64) {
        for request in self.requests.values_mut().filter(|request| request.ended.is_none()) {
            request.ended = Some((why, epoch));
            self.index.over(request);
        }
    }

    pub(super) fn handed_over(&mut self, entry: &Entry, fact: &fact::HandedOver) -> Result<(), String> {
        let (statement, ..) = self.signed("hand-over", &fact.statement, &fact.signature, &fact.key)?;
        let by = statement.tail.person.clone();
        let (to, back) = match (&statement.body, &self.handed) {
            (Body::HandOver(_, to), None) if self.signed_on.contains(&by) => (to.clone(), false),
            (Body::HandOver(..), None) => return Err(format!("{by} has no seat to hand over")),
            (Body::Decline(_, to), Some(handed)) if handed.to == by && handed.by == *to => (to.clone(), true),
            (Body::Decline(..), _) => return Err(format!("{by} has nothing to decline")),
            _ => return Err("it is no hand-over".to_owned()),
        };
        if self.people.get(&to).is_none() {
            return Err(format!("{to} is not in the people file"));
        }
        self.handed = Some(Handed { seq: entry.seq, at: entry.at, by, to, back });
        self.void_all(EndedBy::HandedOver, entry.epoch);
        Ok(())
    }

    /// After a hand-over only the successor's sign-on may follow, their refusal, or the words of a recovery.
    pub(super) fn may_stand(&mut self, entry: &Entry) -> Result<(), String> {
        let recovers = matches!(&entry.fact, Fact::Said(said) if recovery_of(&said.statement).is_some());
        if !recovers && !matches!(entry.fact, Fact::SignedOn(_)) {
            self.recovery.clear();
        }
        match (&self.handed, &entry.fact) {
            (None, _) | (_, Fact::SignedOn(_) | Fact::HandedOver(_)) => Ok(()),
            _ if recovers => Ok(()),
            (Some(handed), other) => Err(format!("{} follows the hand-over to {}", other.kind(), handed.to)),
        }
    }

    /// A new seat: whatever was handed over has arrived.
    pub(super) fn sits_down(&mut self, person: &str, machine: &str) -> Result<(), String> {
        self.may_sit(person, machine).map_err(|why| why.to_string())?;
        self.handed = None;
        self.recovery.clear();
        Ok(())
    }

    /// Who has the run now, where this copy gave it away.
    pub fn given_away(&self) -> Option<&Handed> {
        self.handed.as_ref().filter(|away| !away.back)
    }

    /// Whether a new epoch may begin in this copy, with this person.
    pub fn may_sit(&self, person: &str, machine: &str) -> Result<(), NotHere> {
        let last = self.epochs.last_key_value().map(|(_, (_, machine))| machine.as_str());
        if self.recovered(machine) || last.is_none() {
            return Ok(());
        }
        match &self.handed {
            Some(handed) if handed.to == person => Ok(()),
            Some(handed) => {
                let (to, by, seq) = (handed.to.clone(), handed.by.clone(), handed.seq);
                Err(match handed.back {
                    true => NotHere::GivenBack { to, by, seq, person: person.to_owned() },
                    false => NotHere::HandedOver { to, by, seq },
                })
            }
            None if last == Some(machine) => Ok(()),
            None => Err(NotHere::OtherCopy { last: last.unwrap_or_default().to_owned() }),
        }
    }

    /// One person of each party has said, right before, that the run goes on in this copy.
    pub fn recovered(&self, machine: &str) -> bool {
        let mine = self.recovery.iter().filter(|word| word.machine == machine);
        let parties: BTreeSet<&str> = mine.map(|word| word.party.as_str()).collect();
        !parties.is_empty() && self.plan.parties().is_subset(&parties)
    }

    /// A word that a lost run goes on in another copy, over exactly the history that stands before it.
    pub(super) fn recovery_word(&mut self, entry: &Entry, statement: &Statement) -> Result<(), String> {
        let Some((machine, size)) = recovery_fields(statement) else { return Ok(()) };
        if size + self.recovery.len() as u64 != entry.seq {
            return Err(format!("{} did not see the whole history that goes on", statement.tail.person));
        }
        let (person, party) = (statement.tail.person.clone(), statement.tail.party.clone());
        self.recovery.push(Recovery { machine, person, party });
        Ok(())
    }
}

/// Who signed, and with which key.
type Signers = Vec<(String, PublicKey)>;

/// Each signer, and whether the key is one that the new file gives them.
pub fn by_new_key(signers: &[(String, PublicKey)], new: &People) -> BTreeSet<(String, bool)> {
    let new_key = |person: &str, key: &PublicKey| new.get(person).is_some_and(|one| one.keys.contains(key));
    signers.iter().map(|(person, key)| (person.clone(), new_key(person, key))).collect()
}

/// The machine that a word of a recovery names, in the text of a statement.
pub fn recovery_of(statement: &str) -> Option<String> {
    recovery_fields(&Statement::read(statement).ok()?).map(|(machine, _)| machine)
}

fn recovery_fields(statement: &Statement) -> Option<(String, u64)> {
    let Body::Said(head, SaidFields { what: SaidWhat::Note, covers, .. }) = &statement.body else { return None };
    covers.strip_prefix(RECOVERY).map(|machine| (machine.to_owned(), head.size))
}
