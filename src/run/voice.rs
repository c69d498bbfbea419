//! Voices: what people say about a run from any process of the same journal, each signed.
//! Every approval goes through `approval::admit` before it is appended, whatever door it came by.

use super::RunError;
use crate::approval::{self, Given, Refusal};
use crate::base::{Digest, StepId, Time};
use crate::engine::next::{self, Draft};
use crate::engine::port::{ChainHead, Clock, Random, Signer, Store, StoreError};
use crate::engine::request;
use crate::engine::state::{FoldError, Run};
use crate::plan::model::{Body as StepBody, Proof, Step};
use crate::record::entry::Entry;
use crate::record::fact::{self, Corroborated, EndedBy, SignedText};
use crate::record::statement::{
    ApprovalFields, Body, BreakGlassFields, Decides, PREFLIGHT, SaidFields, SaidWhat, Statement, Tail,
};

/// Signs `body` in the name of `person`.
#[allow(clippy::too_many_arguments)] // the statement's tail, and the parts that make it
pub fn sign(
    run: &Run,
    random: &mut dyn Random,
    signer: &dyn Signer,
    person: &str,
    role: &str,
    body: Body,
    reason: &str,
    now: Time,
) -> Result<SignedText, RunError> {
    let statement = statement(run, random, person, role, body, reason, now)?;
    let text = checked(&statement)?;
    let (signature, key) = signer.sign(person, &statement.namespace(), &text)?;
    Ok(SignedText { statement: text, signature, key })
}

/// The statement that `person` would sign.
pub fn statement(
    run: &Run,
    random: &mut dyn Random,
    person: &str,
    role: &str,
    body: Body,
    reason: &str,
    now: Time,
) -> Result<Statement, RunError> {
    let known = run.people.get(person).ok_or_else(|| RunError::Bad(format!("{person} is not in the people file")))?;
    Ok(Statement {
        body,
        tail: Tail {
            person: person.to_owned(),
            party: known.party.clone(),
            role: role.to_owned(),
            nonce: hex::encode(random.bytes(16)),
            signed_at: request::whole_seconds(now),
            reason: reason.to_owned(),
        },
    })
}

/// The text, if it keeps to its limits (4,096 bytes).
pub fn checked(statement: &Statement) -> Result<String, RunError> {
    statement.checked_text().map_err(|error| RunError::Bad(error.to_string()))
}

/// What an approval of `request` says.
pub fn approval_body(run: &Run, seq: u64, decision: Decides) -> Result<Body, RunError> {
    let request = run.requests.get(&seq).ok_or_else(|| RunError::Bad(format!("there is no request {seq}")))?;
    let asked = &request.asked;
    Ok(Body::Approval(
        run.head(),
        ApprovalFields {
            decision,
            request: seq,
            request_leaf: request.leaf,
            covers: asked.covers.clone(),
            operations: asked.operations,
            attempt: asked.attempt,
            performer: asked.performer.clone(),
            summary: asked.summary.clone(),
            again: asked.again.clone(),
            approve_by: asked.approve_by,
            run_by: asked.run_by,
        },
    ))
}

/// The role in which `person` would decide: one that the request still lacks, else one that it asks for.
pub fn deciding_role(run: &Run, seq: u64, person: &str, now: Time) -> Option<String> {
    let request = run.requests.get(&seq)?;
    let known = run.people.get(person)?;
    let held = |role: &str| role.split('|').find(|role| known.roles.iter().any(|held| held == role)).map(str::to_owned);
    if let approval::Decision::Missing(lacks) = request::decide(run, request, now) {
        // First where this person's approval brings the request on, whatever other roles they hold.
        let helps = |lack: &&approval::Lack| lack.people.iter().any(|one| one == person);
        let mut lacking = lacks.iter().filter(helps).chain(&lacks);
        if let Some(role) = lacking.find_map(|lack| held(&lack.role)) {
            return Some(role);
        }
    }
    let demands = request::demands(run, request)?;
    demands.iter().find_map(|demand| held(&demand.role)).or_else(|| known.roles.first().cloned())
}

/// Why an approval was not taken.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("{0}")]
    Unsigned(String),
}

impl From<StoreError> for VoiceError {
    fn from(error: StoreError) -> VoiceError {
        VoiceError::Run(error.into())
    }
}

/// Whether the role in which an approval is signed needs a code that AWS has checked.
pub fn needs_code(run: &Run, signed: &SignedText) -> bool {
    let role = Statement::read(&signed.statement).ok().map(|statement| statement.tail.role);
    role.and_then(|role| run.plan.roles.get(&role)).is_some_and(|role| role.proof == Proof::MfaCode)
}

/// The one door: checks the signature and every rule of `approval::admit`, against the present state.
pub fn admit(run: &Run, signed: &SignedText, now: Time) -> Result<Statement, VoiceError> {
    admit_with(run, signed, None, now)
}

/// As [`admit`], with what AWS answered about a code.
pub fn admit_with(
    run: &Run,
    signed: &SignedText,
    corroborated: Option<&Corroborated>,
    now: Time,
) -> Result<Statement, VoiceError> {
    let read = Statement::read(&signed.statement).map_err(|error| VoiceError::Unsigned(error.to_string()))?;
    let Body::Approval(_, fields) = &read.body else { return Err(Refusal::NotAnApproval.into()) };
    let request = run
        .requests
        .get(&fields.request)
        .ok_or_else(|| VoiceError::Unsigned(format!("there is no request {} in this run", fields.request)))?;
    let (statement, good, key, head) =
        run.check_signed(&signed.statement, &signed.signature, &signed.key).map_err(VoiceError::Unsigned)?;
    if was_used(run, &signed.statement, &statement) {
        return Err(Refusal::Reused.into());
    }
    if run.closed.is_some() {
        return Err(Refusal::Over { why: "the run is closed".to_owned() }.into());
    }
    if let Some((why, _)) = request.ended {
        let why =
            serde_json::to_value(why).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        return Err(Refusal::Over { why }.into());
    }
    let case = request::case(run, request, now);
    let given = Given { seq: run.size(), statement: &statement, good, key: key.blob, corroborated, head: &head };
    approval::admit(&case, &given)?;
    Ok(statement)
}

/// Appends a decision: `approval`, and for a denial `request_ended` with it. Says the seq of the entry.
pub fn decide(
    store: &mut impl Store,
    clock: &impl Clock,
    run: &mut Run,
    signed: &SignedText,
) -> Result<u64, VoiceError> {
    decide_with(store, clock, run, signed, None)
}

/// As [`decide`]; what AWS answered about a code stands right before the approval, in the same transaction.
pub fn decide_with(
    store: &mut impl Store,
    clock: &impl Clock,
    run: &mut Run,
    signed: &SignedText,
    corroborated: Option<&Corroborated>,
) -> Result<u64, VoiceError> {
    loop {
        let statement = admit_with(run, signed, corroborated, clock.now())?;
        let Body::Approval(_, fields) = &statement.body else { return Err(Refusal::NotAnApproval.into()) };
        let fact = fact::Approval {
            statement: signed.statement.clone(),
            signature: signed.signature.clone(),
            key: signed.key.clone(),
        };
        let mut drafts: Vec<Draft> = corroborated.cloned().map(Draft::new).into_iter().collect();
        let seq = run.size() + drafts.len() as u64;
        drafts.push(Draft::new(fact));
        if fields.decision == Decides::Deny {
            drafts.push(Draft::new(fact::RequestEnded { request: fields.request, why: EndedBy::Denied }));
        }
        if append(store, clock, run, &statement.tail.person, drafts)? {
            return Ok(seq);
        }
    }
}

/// What break-glass says of one step of `request`.
pub fn break_glass_body(run: &Run, seq: u64, step: &StepId) -> Result<Body, RunError> {
    let request = run.requests.get(&seq).ok_or_else(|| RunError::Bad(format!("there is no request {seq}")))?;
    let (operations, attempt) = (request.asked.operations, request.asked.attempt);
    Ok(Body::BreakGlass(run.head(), BreakGlassFields { covers: step.covers(), operations, attempt }))
}

/// The door for break-glass: signature, and every rule of `approval::admit_glass`, against the present state.
pub fn admit_glass(run: &Run, signed: &SignedText, now: Time) -> Result<Statement, VoiceError> {
    let (statement, good, key, head) =
        run.check_signed(&signed.statement, &signed.signature, &signed.key).map_err(VoiceError::Unsigned)?;
    let Body::BreakGlass(_, fields) = &statement.body else { return Err(Refusal::NotBreakGlass.into()) };
    if run.closed.is_some() {
        return Err(Refusal::Over { why: "the run is closed".to_owned() }.into());
    }
    if was_used(run, &signed.statement, &statement) {
        return Err(Refusal::Reused.into());
    }
    let none = || {
        let why = format!("no request is open over attempt {} of {}", fields.attempt, fields.covers);
        VoiceError::Refused(Refusal::Over { why })
    };
    let (seq, step) = run.waives(fields).ok_or_else(none)?;
    let request = run.requests.get(&seq).ok_or_else(none)?;
    let corroborated = None;
    let given = Given { seq: run.size(), statement: &statement, good, key: key.blob, corroborated, head: &head };
    approval::admit_glass(&request::case(run, request, now), &step, &given)?;
    Ok(statement)
}

/// Appends break-glass. Says the seq of the entry.
pub fn break_glass(
    store: &mut impl Store,
    clock: &impl Clock,
    run: &mut Run,
    signed: &SignedText,
) -> Result<u64, VoiceError> {
    loop {
        let statement = admit_glass(run, signed, clock.now())?;
        let SignedText { statement: text, signature, key } = signed.clone();
        let seq = run.size();
        let draft = Draft::new(fact::BreakGlass { statement: text, signature, key });
        if append(store, clock, run, &statement.tail.person, vec![draft])? {
            return Ok(seq);
        }
    }
}

fn was_used(run: &Run, text: &str, statement: &Statement) -> bool {
    run.used.contains(&Digest::of(text.as_bytes()).hex())
        || run.used.contains(&format!("nonce {}", statement.tail.nonce))
}

/// Appends a performer's word, with the object that it names.
pub fn say(
    store: &mut impl Store,
    clock: &impl Clock,
    run: &mut Run,
    signed: &SignedText,
    object: Option<(Digest, Vec<u8>)>,
) -> Result<u64, VoiceError> {
    loop {
        let statement = may_be_said(run, signed, object.as_ref(), clock.now())?;
        let fact = fact::Said {
            statement: signed.statement.clone(),
            signature: signed.signature.clone(),
            key: signed.key.clone(),
        };
        let mut draft = Draft::new(fact);
        draft.objects.extend(object.clone());
        let seq = run.size();
        if append(store, clock, run, &statement.tail.person, vec![draft])? {
            return Ok(seq);
        }
    }
}

/// The door for a performer's word: checks the signature and every rule, against the present state.
pub fn may_be_said(
    run: &Run,
    signed: &SignedText,
    object: Option<&(Digest, Vec<u8>)>,
    now: Time,
) -> Result<Statement, VoiceError> {
    let (statement, _, _, _) =
        run.check_signed(&signed.statement, &signed.signature, &signed.key).map_err(VoiceError::Unsigned)?;
    let ahead = statement.tail.signed_at.since(now.max(run.last_at));
    if ahead > 120_000 {
        let (signed, now) = (statement.tail.signed_at.seconds(), now.seconds());
        return Err(Refusal::Ahead { signed, now }.into());
    }
    if run.closed.is_some() {
        return Err(Refusal::Over { why: "the run is closed".to_owned() }.into());
    }
    may_say(run, &statement, object)?;
    Ok(statement)
}

/// A word counts from whoever performs what it is about, and with the object that it names.
fn may_say(run: &Run, statement: &Statement, object: Option<&(Digest, Vec<u8>)>) -> Result<(), VoiceError> {
    let Body::Said(_, fields) = &statement.body else {
        return Err(VoiceError::Unsigned("it is no word of a performer".to_owned()));
    };
    let brought = object.filter(|(digest, bytes)| Digest::of(bytes) == *digest).map(|(digest, _)| *digest);
    if fields.object != brought {
        return Err(VoiceError::Unsigned("what it speaks of did not come with it".to_owned()));
    }
    let (person, role) = (&statement.tail.person, &statement.tail.role);
    let lacks = |role: &str| Refusal::NotInRole { person: person.clone(), role: role.to_owned() };
    if !next::holds(run, person, role) {
        return Err(lacks(role).into());
    }
    let roles = match fields.what {
        SaidWhat::Note => return Ok(()),
        // What was seen before the day is about no step, and anybody's word.
        SaidWhat::Evidence if fields.covers == PREFLIGHT => return Ok(()),
        SaidWhat::GoOn => {
            run.plan.stage(&fields.covers).filter(|stage| stage.canary > 0).map(|stage| vec![stage.performer.clone()])
        }
        _ => fields.covers.parse::<StepId>().ok().and_then(|id| run.plan.step(&id)).map(performers),
    };
    let Some(roles) = roles else {
        return Err(VoiceError::Unsigned(format!("the runbook has no `{}` that asks for it", fields.covers)));
    };
    if roles.contains(role) { Ok(()) } else { Err(lacks(&roles.join(" or ")).into()) }
}

fn performers(step: &Step) -> Vec<String> {
    match &step.body {
        StepBody::Manual(manual) if !manual.performers.is_empty() => manual.performers.clone(),
        _ => vec![step.performer.clone()],
    }
}

/// What `said` says.
pub fn said_body(run: &Run, what: SaidWhat, covers: &str, attempt: u32, object: Option<Digest>) -> Body {
    Body::Said(run.head(), SaidFields { what, covers: covers.to_owned(), attempt, object })
}

/// One transaction under the current epoch; false (and the run caught up) if the journal had moved on.
pub(super) fn append(
    store: &mut impl Store,
    clock: &impl Clock,
    run: &mut Run,
    person: &str,
    drafts: Vec<Draft>,
) -> Result<bool, VoiceError> {
    if catch_up(store, run)? {
        return Ok(false);
    }
    let head = ChainHead { size: run.size(), leaf: run.leaf };
    let at = clock.now().max(run.last_at);
    let (lines, objects) = lines_of(run, at, clock.mono(), Some(person), run.epoch, drafts)?;
    // What the journal's readers would not take is refused here: an entry can't be taken back. So the run goes ahead
    // of the journal for a moment, and where the journal does not follow, the run is read from it again.
    let appended = match ahead(store, run, &lines, &objects) {
        Ok(()) => store.append(&run.id, Some(head), None, &lines, &objects).map_err(VoiceError::from),
        Err(error) => Err(VoiceError::Unsigned(error.message)),
    };
    let Err(error) = appended else {
        catch_up(store, run)?;
        return Ok(true);
    };
    let moved = matches!(error, VoiceError::Run(RunError::Store(StoreError::Moved)));
    match again(store, run) {
        Ok(fresh) => *run = fresh,
        Err(unread) => {
            // It is not what the journal holds, and nothing can follow on this head.
            run.leaf = Digest::ZERO;
            return Err(if moved { unread.into() } else { error });
        }
    }
    catch_up(store, run)?;
    if moved { Ok(false) } else { Err(error) }
}

/// Folds lines that the journal does not have yet.
fn ahead(store: &impl Store, run: &mut Run, lines: &[String], objects: &[(Digest, Vec<u8>)]) -> Result<(), FoldError> {
    let own = |digest: &Digest| objects.iter().find(|(known, _)| known == digest).map(|(_, bytes)| bytes.clone());
    let both = |digest: &Digest| own(digest).or_else(|| store.object(digest).ok().flatten());
    lines.iter().try_for_each(|line| run.fold(line, &both).map(|_| ()))
}

/// The run as the journal has it, and what only this process knows of it.
fn again(store: &impl Store, run: &Run) -> Result<Run, RunError> {
    let mut fresh = super::load::load(store, &run.id, &run.secrets)?;
    fresh.whereabouts.clone_from(&run.whereabouts);
    Ok(fresh)
}

/// Folds what others have added; whether there was anything.
fn catch_up(store: &impl Store, run: &mut Run) -> Result<bool, RunError> {
    let lines = store.read_from(&run.id, run.size())?;
    for line in &lines {
        run.fold(line, &|digest| store.object(digest).ok().flatten())?;
    }
    Ok(!lines.is_empty())
}

/// Drafts as the next entry lines of the chain, and their objects.
#[allow(clippy::type_complexity)] // lines, and objects by digest
pub fn lines_of(
    run: &Run,
    at: Time,
    mono: u64,
    person: Option<&str>,
    epoch: u64,
    drafts: Vec<Draft>,
) -> Result<(Vec<String>, Vec<(Digest, Vec<u8>)>), RunError> {
    let (mut seq, mut prev) = (run.size(), run.leaf);
    let (mut lines, mut objects) = (Vec::new(), Vec::new());
    for draft in drafts {
        objects.extend(draft.objects);
        let by = draft.by.or_else(|| person.map(str::to_owned));
        let entry = Entry { at, by, epoch, fact: draft.fact, mono, prev, run: run.id.clone(), seq };
        let line = entry.line().map_err(|error| RunError::Bad(error.to_string()))?;
        prev = Digest::leaf(line.as_bytes());
        seq += 1;
        lines.push(line);
    }
    Ok((lines, objects))
}

/// Entries of the seat itself, outside the loop.
pub fn append_seat(
    store: &mut impl Store,
    clock: &impl Clock,
    run: &mut Run,
    epoch: u64,
    drafts: Vec<Draft>,
) -> Result<(), RunError> {
    let person = run.signed_on.first().cloned().unwrap_or_default();
    let head = ChainHead { size: run.size(), leaf: run.leaf };
    let at = clock.now().max(run.last_at);
    let (lines, objects) = lines_of(run, at, clock.mono(), Some(&person), epoch, drafts)?;
    // What the journal's readers would not take is not written: an entry can't be taken back.
    let mut then = run.clone();
    ahead(store, &mut then, &lines, &objects)?;
    store.append(&run.id, Some(head), Some(epoch), &lines, &objects)?;
    *run = then;
    Ok(())
}
