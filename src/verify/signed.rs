//! Signed statements: the text, the signature, the history and the people that they speak of.
//! What a statement is good for, the rooms beside this one decide.

use super::codes;
use super::lines::{self, Opened};
use super::walk::{Checked, Force, Spoken, Walk, fail, signed_form};
use crate::base::{Digest, Time};
use crate::people::People;
use crate::record::Entry;
use crate::record::fact::{Corroborated, Mode, RunOpened, SignedText};
use crate::record::statement::{Body, Head, SaidWhat, Statement};
use crate::record::tree::root_text;
use crate::sshsig::{Good, KeyKind, KnownKeys, PublicKey, rehearsal_key};
use serde::Deserialize;
use std::collections::BTreeSet;

/// How far a statement's clock may be ahead of the entry that carries it (milliseconds).
const AHEAD: i64 = 120_000;

/// A statement whose signature, history and person are right.
pub(super) struct Signed {
    pub statement: Statement,
    pub good: Good,
    pub key: PublicKey,
    /// What the journal says of the history that the statement names.
    pub head: Head,
    /// AWS's answer about a code, in the entry right before.
    pub corroborated: Option<Corroborated>,
}

impl Walk<'_> {
    /// The statement of an entry whose `by` is who signed it.
    pub fn signed(&mut self, entry: &Entry) -> Checked<Signed> {
        let at = usize::try_from(entry.seq).unwrap_or(usize::MAX);
        let Some(opened) = self.chain.opened.get(at).and_then(Option::as_deref) else {
            return fail(codes::SIGNATURE, "it carries no statement");
        };
        let opened = opened.clone()?;
        let people = self.people()?;
        let signed = self.accepted(entry, opened, &[&people])?;
        let person = &signed.statement.tail.person;
        if entry.by.as_deref() != Some(person) {
            let by = entry.by.as_deref().unwrap_or("nobody");
            return fail(codes::ENVELOPE, format!("the entry is by {by}, but {person} signed the statement"));
        }
        Ok(signed)
    }

    /// One of several statements of an entry, by somebody of one of these people files.
    pub fn statement(&mut self, entry: &Entry, kind: &str, text: &SignedText, of: &[&People]) -> Checked<Signed> {
        let opened = open(kind, text)?;
        self.accepted(entry, opened, of)
    }

    /// History, person, clock and freshness of a statement whose signature is good.
    fn accepted(&mut self, entry: &Entry, opened: Opened, of: &[&People]) -> Checked<Signed> {
        let Opened { statement, digest, key, good } = opened;
        let head = self.head_of(entry, &statement)?;
        self.person(&statement, &key, of)?;
        let tail = &statement.tail;
        if tail.signed_at > entry.at.plus(AHEAD) {
            let message = format!("it was signed at {}, but the entry is of {}", tail.signed_at.seconds(), entry.at);
            return fail(codes::AHEAD, message);
        }
        if !self.statements.insert(digest) {
            return fail(codes::REUSED, "this very statement stands in an earlier entry");
        }
        if !self.nonces.insert(tail.nonce.clone()) {
            return fail(codes::REUSED, format!("its nonce {} was used before", tail.nonce));
        }
        self.floor = self.floor.max(tail.signed_at);
        Ok(Signed { statement, good, key, head, corroborated: None })
    }

    /// Compares the history that the statement names with this one; gives this one's.
    fn head_of(&self, entry: &Entry, statement: &Statement) -> Checked<Head> {
        let Some(said) = statement.head() else { return fail(codes::HEAD, "it names no history") };
        let opening = entry.seq == 1;
        if said.size == 0 || said.size > entry.seq || (opening && said.size != 1) {
            return fail(codes::HEAD, format!("it names {} entries, but stands in entry {}", said.size, entry.seq));
        }
        let head = self.head_at(said.size)?;
        let differs = [
            ("run", said.run != head.run),
            ("mode", said.mode != head.mode),
            ("root", said.root != head.root),
            ("runbook", said.runbook != head.runbook),
            ("plan", said.plan != head.plan),
            ("people", said.people != head.people),
        ];
        match differs.iter().find(|(_, differs)| *differs) {
            Some((field, _)) => {
                fail(codes::HEAD, format!("its `{field}` is not that of the first {} entries", said.size))
            }
            None => Ok(head),
        }
    }

    fn head_at(&self, size: u64) -> Checked<Head> {
        let missing = || (codes::HEAD, format!("there are no {size} entries before it"));
        let Force { runbook, plan, people } =
            *usize::try_from(size).ok().and_then(|size| self.force.get(size.checked_sub(1)?)).ok_or_else(missing)?;
        let root = root_text(&self.chain.tree.root_at(size).ok_or_else(missing)?);
        let run = self.chain.entries.first().ok_or_else(missing)?.run.clone();
        Ok(Head { run, mode: self.mode.ok_or_else(missing)?, size, root, runbook, plan, people })
    }

    /// Who signed, as one of these people files has them; noted for the report.
    fn person(&mut self, statement: &Statement, key: &PublicKey, of: &[&People]) -> Checked {
        let tail = &statement.tail;
        let name = &tail.person;
        if self.mode != Some(Mode::Rehearsal) && *self.anybodys_key(name, key.kind) == key.blob {
            return fail(codes::REHEARSAL_KEY, format!("{name} signed with a key that anybody can make again"));
        }
        let known: Vec<_> = of.iter().filter_map(|people| people.get(name)).collect();
        if known.is_empty() {
            return fail(codes::PERSON, format!("{name} is not in the people file in force"));
        }
        let Some(person) = known.iter().find(|person| person.keys.contains(key)) else {
            return fail(codes::PERSON, format!("the key is not one of {name}'s"));
        };
        if person.party != tail.party {
            return fail(codes::PERSON, format!("{name} belongs to {}, not to {}", person.party, tail.party));
        }
        if !tail.role.is_empty() && !person.roles.contains(&tail.role) {
            return fail(codes::PERSON, format!("{name} does not hold the role {}", tail.role));
        }
        self.trusted(name, &tail.party, key)
    }

    /// The blob of the key that anybody can make for this name.
    fn anybodys_key(&mut self, name: &str, kind: KeyKind) -> &Vec<u8> {
        let of = (name.to_owned(), kind);
        self.anybodys.entry(of).or_insert_with(|| rehearsal_key(name, kind).public().blob)
    }

    /// Compares the key with those of the trust files.
    fn trusted(&mut self, person: &str, party: &str, key: &PublicKey) -> Checked {
        self.fingerprints.insert((person.to_owned(), key.fingerprint()));
        let known: Vec<bool> = self.trust.iter().filter_map(|trust| trust.knows(person, key)).collect();
        if known.contains(&false) {
            return fail(codes::TRUST, format!("{person} signed with another key than the one that you trust"));
        }
        if known.is_empty() {
            self.untrusted.insert(party.to_owned());
        }
        Ok(())
    }

    /// The people file is signed by one person of each party, wherever two parties meet for real.
    pub fn people_signatures(&mut self, fact: &RunOpened) -> Checked {
        if fact.mode != Mode::Rehearsal {
            self.refuse_rehearsal_people()?;
        }
        let plan = self.plan()?;
        let parties = plan.parties();
        let needed = fact.mode != Mode::Rehearsal && parties.len() > 1;
        let Some(digest) = fact.people_signatures else {
            return if needed { fail(codes::PEOPLE_SIGNED, "nobody signed the people file") } else { Ok(()) };
        };
        let bytes = match self.bytes("people signatures", &digest) {
            Ok(bytes) => bytes,
            Err((_, message)) => return fail(codes::PEOPLE_SIGNED, message),
        };
        let list: PeopleSignatures = signed_form("people signatures", bytes)?;
        let mut signed = BTreeSet::new();
        for text in &list.signatures {
            signed.insert(self.people_signature(text, &fact.people)?);
        }
        match parties.into_iter().find(|party| needed && !signed.contains(*party)) {
            Some(party) => fail(codes::PEOPLE_SIGNED, format!("nobody of {party} signed the people file")),
            None => Ok(()),
        }
    }

    /// The party of one good signature over the people file.
    fn people_signature(&mut self, text: &SignedText, people_digest: &Digest) -> Checked<String> {
        let people = self.people()?;
        let Opened { statement, key, .. } = open("people", text)?;
        if !matches!(&statement.body, Body::People(digest) if digest == people_digest) {
            return fail(codes::PEOPLE_SIGNED, "a signature is over another people file");
        }
        self.person(&statement, &key, &[&people])?;
        if !self.nonces.insert(statement.tail.nonce.clone()) {
            return fail(codes::REUSED, format!("its nonce {} was used before", statement.tail.nonce));
        }
        Ok(statement.tail.party)
    }

    /// No person of a live or simulated run may have a key that anybody can make again.
    pub fn refuse_rehearsal_people(&self) -> Checked {
        let people = self.people()?;
        let kinds: BTreeSet<KeyKind> = people.people.values().flat_map(|p| &p.keys).map(|key| key.kind).collect();
        let anybodys: BTreeSet<Vec<u8>> = people
            .people
            .keys()
            .flat_map(|id| kinds.iter().map(|kind| rehearsal_key(id, *kind).public().blob))
            .collect();
        match people.people.values().find(|person| person.keys.iter().any(|key| anybodys.contains(&key.blob))) {
            Some(person) => fail(codes::REHEARSAL_KEY, format!("{} has a key that anybody can make again", person.id)),
            None => Ok(()),
        }
    }

    /// A performer's word.
    pub fn said(&mut self, entry: &Entry) -> Checked {
        let signed = self.signed(entry)?;
        let Some(said) = signed.statement.said() else { return fail(codes::ENVELOPE, "it says nothing") };
        let wants_object = !matches!(said.what, SaidWhat::Note | SaidWhat::GoOn);
        if wants_object != said.object.is_some() {
            let verb = if wants_object { "names no object" } else { "names an object" };
            return fail(codes::ENVELOPE, format!("the word `{}` {verb}", said.what.name()));
        }
        let (tail, covers) = (&signed.statement.tail, said.covers.clone());
        if said.what == SaidWhat::Note {
            self.recovers(entry, &signed.statement)?;
            self.got_in(&covers, &tail.reason, &tail.role, entry.at, &tail.person);
        }
        self.words += 1;
        self.spoken.entry(said.covers.clone()).or_default().push(Spoken {
            person: signed.statement.tail.person.clone(),
            what: said.what,
            attempt: said.attempt,
            object: said.object,
        });
        Ok(())
    }

    /// Entries below `size` are under somebody's signature who answers for them.
    pub fn cover(&mut self, statement: &Statement) {
        self.covered = self.covered.max(statement.head().map_or(0, |head| head.size));
    }

    /// The clock of the history without the operator's own: signed times and AWS's dates.
    pub fn now(&self) -> Time {
        self.floor
    }
}

fn open(kind: &str, text: &SignedText) -> Checked<Opened> {
    lines::open(kind, &text.statement, &text.signature, &text.key, &mut KnownKeys::default())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeopleSignatures {
    signatures: Vec<SignedText>,
}
