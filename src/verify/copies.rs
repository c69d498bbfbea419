//! Between copies: hand-over, refusal, recovery of a lost machine; on which machine a new seat may begin.

use super::codes;
use super::walk::{Checked, Walk, fail};
use crate::record::Entry;
use crate::record::fact::{Fact, SignedOn};
use crate::record::statement::{Body, RECOVERY, SaidWhat, Statement};
use std::collections::BTreeSet;

/// Who gave the seat away, and to whom.
pub(super) struct Away {
    by: String,
    pub to: String,
}

/// Words by which a lost run goes on elsewhere: they stand one after another, and right before the sign-on.
#[derive(Default)]
pub(super) struct Recovery {
    /// Machine and party of each.
    words: Vec<(String, String)>,
}

impl Walk<'_> {
    /// After a hand-over only the successor's sign-on or refusal may follow, or the words of a recovery.
    pub fn away(&mut self, entry: &Entry) -> Checked {
        let recovers = matches!(&entry.fact, Fact::Said(said) if machine_of(&said.statement).is_some());
        let sits = matches!(entry.fact, Fact::SignedOn(_));
        if !recovers && !sits {
            self.recovery.words.clear();
        }
        match &self.handed_to {
            Some(away) if !recovers && !sits && !matches!(entry.fact, Fact::HandedOver(_)) => {
                fail(codes::AFTER_HAND_OVER, format!("{} follows the hand-over to {}", entry.fact.kind(), away.to))
            }
            _ => Ok(()),
        }
    }

    pub fn handed_over(&mut self, entry: &Entry) -> Checked {
        let signed = self.signed(entry)?;
        let by = signed.statement.tail.person.clone();
        let to = match (&signed.statement.body, &self.handed_to) {
            (Body::HandOver(_, to), None) => {
                if !self.seated.contains(&by) {
                    return fail(codes::PERFORMER, format!("{by} has no seat to hand over"));
                }
                to.clone()
            }
            (Body::Decline(_, to), Some(away)) if away.to == by && away.by == *to => to.clone(),
            (Body::Decline(..), _) => return fail(codes::AFTER_HAND_OVER, format!("{by} has nothing to decline")),
            (_, Some(away)) => {
                return fail(codes::AFTER_HAND_OVER, format!("a second hand-over follows that to {}", away.to));
            }
            _ => return fail(codes::ENVELOPE, "it is no hand-over"),
        };
        self.handed_to = Some(Away { by, to });
        self.void_all("the run was handed over");
        Ok(())
    }

    /// A new seat: by the successor, in the copy of the last seat, or where each party says that the run goes on.
    pub fn sits_down(&mut self, entry: &Entry, fact: &SignedOn, person: &str) -> Checked {
        let away = self.handed_to.take();
        let new = entry.epoch > self.epoch || entry.seq == 1;
        let words = std::mem::take(&mut self.recovery).words;
        if !new {
            let Some(away) = away else {
                let same = fact.machine == self.machine;
                let why = format!("{person} joins the seat from another copy");
                return if same { Ok(()) } else { fail(codes::COPY, why) };
            };
            return fail(codes::AFTER_HAND_OVER, format!("the seat was handed to {}, and no new one begins", away.to));
        }
        let plan = self.plan()?;
        let spoke: BTreeSet<&str> =
            words.iter().filter(|(machine, _)| *machine == fact.machine).map(|(_, party)| party.as_str()).collect();
        let recovered = !spoke.is_empty() && plan.parties().is_subset(&spoke);
        match away {
            _ if recovered || entry.seq == 1 => Ok(()),
            Some(away) if away.to == person => Ok(()),
            Some(away) => {
                fail(codes::AFTER_HAND_OVER, format!("the seat was handed to {}, but {person} sits down", away.to))
            }
            None if fact.machine == self.machine => Ok(()),
            None => fail(
                codes::COPY,
                format!("{person} sits down in another copy, without a hand-over or the word of each party"),
            ),
        }
    }

    /// A word of a recovery is over exactly the history that stands before it and the words beside it.
    pub fn recovers(&mut self, entry: &Entry, statement: &Statement) -> Checked {
        let Some((machine, size)) = machine_and_size(statement) else { return Ok(()) };
        if size + self.recovery.words.len() as u64 != entry.seq {
            let person = &statement.tail.person;
            return fail(codes::COPY, format!("{person} did not see the whole history that goes on"));
        }
        self.cover(statement);
        self.recovery.words.push((machine, statement.tail.party.clone()));
        Ok(())
    }
}

fn machine_of(statement: &str) -> Option<String> {
    machine_and_size(&Statement::read(statement).ok()?).map(|(machine, _)| machine)
}

fn machine_and_size(statement: &Statement) -> Option<(String, u64)> {
    let Body::Said(head, said) = &statement.body else { return None };
    let machine = said.covers.strip_prefix(RECOVERY).filter(|_| said.what == SaidWhat::Note)?;
    Some((machine.to_owned(), head.size))
}
