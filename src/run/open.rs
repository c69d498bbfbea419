//! Opening a run, and sitting down at one: entry 0 and the first signature are one transaction.

use super::{RunError, voice};
use crate::base::{Digest, RunId, Time};
use crate::engine::next::Draft;
use crate::engine::port::{ChainHead, Clock, Random, Signer, Store};
use crate::engine::state::{Basis, NotHere, Run};
use crate::record::entry::Entry;
use crate::record::fact::{Fact, RunOpened, Said, SignedOn, SignedText};
use crate::record::statement::{Body, SignOnFields, Statement};

/// What a new run begins with.
pub struct Opening {
    pub opened: RunOpened,
    pub basis: Basis,
    /// Objects that `opened` and the plan name.
    pub objects: Vec<(Digest, Vec<u8>)>,
    /// Who signs on; the first is the starter.
    pub people: Vec<String>,
    pub machine: String,
}

/// Opens `run` at epoch 1: `run_opened` and every sign-on, in one transaction.
pub fn open(
    store: &mut impl Store,
    clock: &impl Clock,
    random: &mut dyn Random,
    signer: &dyn Signer,
    id: &RunId,
    opening: Opening,
) -> Result<Run, RunError> {
    let at = clock.now();
    let starter = opening.people.first().cloned();
    let entry = Entry {
        at,
        by: starter,
        epoch: 1,
        fact: Fact::RunOpened(opening.opened),
        mono: clock.mono(),
        prev: Digest::ZERO,
        run: id.clone(),
        seq: 0,
    };
    let line = entry.line().map_err(|error| RunError::Bad(error.to_string()))?;
    let mut run = Run::open(&entry, &line, opening.basis)?;
    let mut lines = vec![line];
    for person in &opening.people {
        lines.push(sign_on(&mut run, random, signer, person, 1, &opening.machine, at, clock.mono())?);
    }
    store.append(id, None, Some(1), &lines, &opening.objects)?;
    Ok(run)
}

/// A new epoch of an open run: every person of the seat signs on.
#[allow(clippy::too_many_arguments)] // the parts, and what is signed
pub fn sit(
    store: &mut impl Store,
    clock: &impl Clock,
    random: &mut dyn Random,
    signer: &dyn Signer,
    run: &mut Run,
    people: &[String],
    epoch: u64,
    machine: &str,
) -> Result<(), RunError> {
    loop {
        if run.closed.is_some() {
            return Err(RunError::Bad(format!("the run {} is closed: nothing is added to it", run.id.short())));
        }
        let first = people.first().map(String::as_str).unwrap_or_default();
        may_go_on(run, first, machine)?;
        let before = run.clone();
        let head = ChainHead { size: run.size(), leaf: run.leaf };
        let at = clock.now().max(run.last_at);
        let mut lines = Vec::new();
        for person in people {
            lines.push(sign_on(run, random, signer, person, epoch, machine, at, clock.mono())?);
        }
        match store.append(&run.id, Some(head), Some(epoch), &lines, &[]) {
            Ok(()) => return Ok(()),
            Err(crate::engine::port::StoreError::Moved) => {
                *run = before;
                let news = store.read_from(&run.id, run.size())?;
                for line in news {
                    run.fold(&line, &|digest| store.object(digest).ok().flatten())?;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether this copy may go on by itself: a run that was handed over comes back by `take_over` alone.
pub fn may_go_on(run: &Run, person: &str, machine: &str) -> Result<(), NotHere> {
    if let Some(away) = run.handed.as_ref().filter(|away| !away.back && !run.recovered(machine)) {
        return Err(NotHere::HandedOver { to: away.to.clone(), by: away.by.clone(), seq: away.seq });
    }
    run.may_sit(person, machine)
}

/// What comes from another copy.
pub struct Arriving {
    /// The entries that this journal does not have yet, and their objects.
    pub lines: Vec<String>,
    pub objects: Vec<(Digest, Vec<u8>)>,
    /// How far this journal's own copy of the run goes.
    pub known: Option<ChainHead>,
    /// Words of a recovery, which stand before the sign-on.
    pub words: Vec<SignedText>,
}

/// Takes a run over from another copy: its entries, the words of a recovery and the new seat's sign-ons are one
/// transaction. `run`: as the other copy tells it.
#[allow(clippy::too_many_arguments)] // the parts, and what is signed
pub fn take_over(
    store: &mut impl Store,
    clock: &impl Clock,
    random: &mut dyn Random,
    signer: &dyn Signer,
    run: &mut Run,
    arriving: Arriving,
    people: &[String],
    epoch: u64,
    machine: &str,
) -> Result<(), RunError> {
    let at = clock.now().max(run.last_at);
    let Arriving { mut lines, objects, known, words } = arriving;
    for word in words {
        let by = Statement::read(&word.statement).map(|statement| statement.tail.person).unwrap_or_default();
        let said = Said { statement: word.statement, signature: word.signature, key: word.key };
        let drafts = vec![Draft::new(said)];
        let (new, _) = voice::lines_of(run, at, clock.mono(), Some(&by), run.epoch, drafts)?;
        for line in &new {
            run.fold(line, &|_| None)?;
        }
        lines.extend(new);
    }
    let first = people.first().map(String::as_str).unwrap_or_default();
    run.may_sit(first, machine)?;
    for person in people {
        lines.push(sign_on(run, random, signer, person, epoch, machine, at, clock.mono())?);
    }
    store.append(&run.id, known, Some(epoch), &lines, &objects)?;
    Ok(())
}

#[allow(clippy::too_many_arguments)] // the entry's members
fn sign_on(
    run: &mut Run,
    random: &mut dyn Random,
    signer: &dyn Signer,
    person: &str,
    epoch: u64,
    machine: &str,
    at: Time,
    mono: u64,
) -> Result<String, RunError> {
    let body = Body::SignOn(run.head(), SignOnFields { epoch, machine: machine.to_owned() });
    let role = run.people.get(person).and_then(|person| person.roles.first().cloned()).unwrap_or_default();
    let signed = voice::sign(run, random, signer, person, &role, body, "", at)?;
    let fact = SignedOn {
        statement: signed.statement,
        signature: signed.signature,
        key: signed.key,
        machine: machine.to_owned(),
    };
    let entry = Entry {
        at,
        by: Some(person.to_owned()),
        epoch,
        fact: fact.into(),
        mono,
        prev: run.leaf,
        run: run.id.clone(),
        seq: run.size(),
    };
    let line = entry.line().map_err(|error| RunError::Bad(error.to_string()))?;
    run.fold(&line, &|_| None)?;
    Ok(line)
}
