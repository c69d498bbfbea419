//! The last word over a closed run: somebody of a party signs how it ended. One door, whether the statement was made
//! at the journal or came by file. And checkpoints, which decide nothing and may stand at any time.

use super::voice::{self, VoiceError};
use crate::approval::Refusal;
use crate::base::{Digest, Time, escape};
use crate::engine::next::Draft;
use crate::engine::port::{Clock, Store};
use crate::engine::state::Run;
use crate::record::fact::{self, SignedText};
use crate::record::statement::{Body, Statement};
use crate::record::tree::root_text;

/// What a witness says; none while the run is open.
pub fn body(run: &Run) -> Option<Body> {
    Some(Body::Witness(run.head(), run.closed.clone()?))
}

/// Whether this statement may be added: the run is closed, it says so, the signer has not witnessed it before.
///
/// # Errors
/// Which rule it breaks.
pub fn may(run: &Run, signed: &SignedText, now: Time) -> Result<Statement, VoiceError> {
    let (statement, _, _, _) =
        run.check_signed(&signed.statement, &signed.signature, &signed.key).map_err(VoiceError::Unsigned)?;
    let Body::Witness(head, result) = &statement.body else {
        return Err(VoiceError::Unsigned("it witnesses nothing".to_owned()));
    };
    let (Some(closed), Some(seq)) = (&run.closed, run.end.seq) else {
        return Err(VoiceError::Unsigned("the run is not closed, and so there is nothing to witness yet".to_owned()));
    };
    if result != closed || head.size <= seq {
        let message = format!("it witnesses `{result}` over {} entries, and the run closed as `{closed}`", head.size);
        return Err(VoiceError::Unsigned(escape::line(&message)));
    }
    let person = &statement.tail.person;
    if run.end.witnesses.iter().any(|witness| witness.person == *person) {
        return Err(VoiceError::Unsigned(format!("{person} has witnessed it before, and one person does so once")));
    }
    let role = &statement.tail.role;
    if !role.is_empty() && !crate::engine::next::holds(run, person, role) {
        return Err(Refusal::NotInRole { person: person.clone(), role: role.clone() }.into());
    }
    if statement.tail.signed_at.since(now.max(run.last_at)) > 120_000 {
        let (signed, now) = (statement.tail.signed_at.seconds(), now.seconds());
        return Err(Refusal::Ahead { signed, now }.into());
    }
    Ok(statement)
}

/// Appends it. Says the seq of the entry.
///
/// # Errors
/// Which rule it breaks, or what the journal says.
pub fn add(store: &mut impl Store, clock: &impl Clock, run: &mut Run, signed: &SignedText) -> Result<u64, VoiceError> {
    loop {
        let statement = may(run, signed, clock.now())?;
        let SignedText { statement: text, signature, key } = signed.clone();
        let draft = Draft::new(fact::Witness { statement: text, signature, key });
        let seq = run.size();
        if voice::append(store, clock, run, &statement.tail.person, vec![draft])? {
            return Ok(seq);
        }
    }
}

/// Appends a checkpoint of the first `size` entries, with the note that somebody keeps. Says the seq of the entry.
///
/// # Errors
/// What the journal says.
pub fn checkpoint(
    store: &mut impl Store,
    clock: &impl Clock,
    run: &mut Run,
    person: &str,
    size: u64,
    object: (Digest, Vec<u8>),
) -> Result<u64, VoiceError> {
    let root = run.tree.root_at(size).map(|root| root_text(&root)).unwrap_or_default();
    loop {
        let mut draft = Draft::new(fact::Checkpoint { size, root: root.clone(), object: Some(object.0) });
        draft.objects.push(object.clone());
        let seq = run.size();
        if voice::append(store, clock, run, person, vec![draft])? {
            return Ok(seq);
        }
    }
}
