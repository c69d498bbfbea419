//! The door: may this one statement be accepted over this request now?
//! Never looks at whether the request is granted; that is `decide`.

use super::{Case, Given, Refusal, code, roles_of};
use crate::base::{Digest, Time};
use crate::people::Person;
use crate::plan::model::Proof;
use crate::record::statement::{ApprovalFields, Body, Decides, Head, Tail};

/// How far ahead of the machine's clock a statement may be (milliseconds).
pub(super) const AHEAD: i64 = 120_000;

/// May `given` be accepted over the request of `case`, now?
///
/// Compared with the statements of `case` whose seq is smaller than its own.
///
/// # Errors
/// The first rule that it breaks.
pub fn admit(case: &Case, given: &Given) -> Result<(), Refusal> {
    let decision = admissible(case, given)?;
    still_open(case, given, decision)
}

/// All rules that do not depend on when the statement arrives: what `decide` counts by.
pub(super) fn admissible(case: &Case, given: &Given) -> Result<Decides, Refusal> {
    let Body::Approval(head, fields) = &given.statement.body else { return Err(Refusal::NotAnApproval) };
    let tail = &given.statement.tail;
    same_head(case, head, given.head)?;
    same_request(case, head, fields)?;
    let person = who(case, given, tail)?;
    may_decide(case, person, tail)?;
    in_time(case, fields, tail)?;
    if fields.decision == Decides::Approve {
        proof(case, given, tail)?;
    }
    decides_once(case, given, fields.decision)?;
    Ok(fields.decision)
}

/// Words are made only of what differs: this is asked for every approval that every intent spends.
pub(super) fn same<T: PartialEq + ToString + ?Sized>(
    field: &'static str,
    found: &T,
    wanted: &T,
) -> Result<(), Refusal> {
    if found == wanted {
        return Ok(());
    }
    Err(Refusal::Mismatch { field, found: found.to_string(), wanted: wanted.to_string() })
}

pub(super) fn same_digest(field: &'static str, found: &Digest, wanted: &Digest) -> Result<(), Refusal> {
    if found == wanted {
        return Ok(());
    }
    Err(Refusal::Mismatch { field, found: found.tagged(), wanted: wanted.tagged() })
}

/// Statements hold whole seconds, entries milliseconds.
fn same_second(field: &'static str, found: Time, wanted: Time) -> Result<(), Refusal> {
    if found == wanted { Ok(()) } else { same(field, &found.seconds(), &wanted.seconds()) }
}

/// The history that the signer saw is the journal's, and the digests in force have not changed since.
pub(super) fn same_head(case: &Case, said: &Head, journal: &Head) -> Result<(), Refusal> {
    same("run", &said.run, &journal.run)?;
    same("mode", said.mode.name(), journal.mode.name())?;
    same("size", &said.size, &journal.size)?;
    same("root", &said.root, &journal.root)?;
    same_digest("runbook", &said.runbook, &journal.runbook)?;
    same_digest("plan", &said.plan, &journal.plan)?;
    same_digest("people", &said.people, &journal.people)?;
    same_digest("runbook", &said.runbook, &case.plan.runbook)?;
    same_digest("people", &said.people, &case.people.digest)
}

fn same_request(case: &Case, head: &Head, fields: &ApprovalFields) -> Result<(), Refusal> {
    let asked = case.asked;
    same("request", &fields.request, &case.request)?;
    same_digest("request-leaf", &fields.request_leaf, &case.request_leaf)?;
    if head.size <= case.request {
        let wanted = format!("more than {}", case.request);
        return Err(Refusal::Mismatch { field: "size", found: head.size.to_string(), wanted });
    }
    same("covers", &fields.covers, &asked.covers)?;
    same_digest("operations", &fields.operations, &asked.operations)?;
    same("attempt", &fields.attempt, &asked.attempt)?;
    same("performer", &fields.performer, &asked.performer)?;
    same("summary", &fields.summary, &asked.summary)?;
    if fields.again != asked.again {
        same("again", &numbers(&fields.again), &numbers(&asked.again))?;
    }
    same_second("approve-by", fields.approve_by, asked.approve_by)?;
    same_second("run-by", fields.run_by, asked.run_by)
}

fn numbers(seqs: &[u64]) -> String {
    seqs.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
}

/// The person as the people file in force has them, signing with a key of their own.
pub(super) fn who<'a>(case: &'a Case, given: &Given, tail: &Tail) -> Result<&'a Person, Refusal> {
    let name = || tail.person.clone();
    let person = case.people.get(&tail.person).ok_or_else(|| Refusal::UnknownPerson { person: name() })?;
    if person.party != tail.party {
        let (party, said) = (person.party.clone(), tail.party.clone());
        return Err(Refusal::OtherParty { person: name(), party, said });
    }
    if !person.keys.iter().any(|key| key.blob == given.key) {
        return Err(Refusal::OtherKey { person: name() });
    }
    Ok(person)
}

fn may_decide(case: &Case, person: &Person, tail: &Tail) -> Result<(), Refusal> {
    if !person.roles.contains(&tail.role) {
        return Err(Refusal::NotInRole { person: person.id.clone(), role: tail.role.clone() });
    }
    if !case.demands.iter().any(|demand| roles_of(demand).any(|role| role == tail.role)) {
        return Err(Refusal::RoleNotAsked { role: tail.role.clone() });
    }
    barred(case, person)
}

/// Rules that keep a person from approving whatever role they sign in.
pub(super) fn barred(case: &Case, person: &Person) -> Result<(), Refusal> {
    if case.performers.contains(&person.id) || case.asked.performer == person.id {
        return Err(Refusal::Performer { person: person.id.clone() });
    }
    if case.plan.exclude_starter && case.starter == person.id {
        return Err(Refusal::Starter { person: person.id.clone() });
    }
    for apart in &case.plan.apart {
        let held: Vec<&str> = apart.iter().filter(|role| person.roles.contains(role)).map(String::as_str).collect();
        if held.len() > 1 {
            return Err(Refusal::Apart { person: person.id.clone(), roles: held.join(" and ") });
        }
    }
    Ok(())
}

fn in_time(case: &Case, fields: &ApprovalFields, tail: &Tail) -> Result<(), Refusal> {
    let signed = || tail.signed_at.seconds();
    if tail.signed_at > case.now.plus(AHEAD) {
        return Err(Refusal::Ahead { signed: signed(), now: case.now.seconds() });
    }
    // To stop something it is never too late while it has not begun.
    if fields.decision == Decides::Approve && tail.signed_at > case.asked.approve_by {
        return Err(Refusal::Late { signed: signed(), until: case.asked.approve_by.seconds() });
    }
    Ok(())
}

/// What the role demands of an approval; to deny or revoke any good signature is enough.
fn proof(case: &Case, given: &Given, tail: &Tail) -> Result<(), Refusal> {
    let role = || tail.role.clone();
    match case.plan.roles.get(&tail.role).map(|role| role.proof) {
        None => Err(Refusal::RoleNotAsked { role: role() }),
        Some(Proof::Signature) => Ok(()),
        Some(Proof::UserVerified) if given.good.user_verified() => Ok(()),
        Some(Proof::UserVerified) => Err(Refusal::NotUserVerified { role: role(), found: flags(given) }),
        Some(Proof::MfaCode) => match given.corroborated {
            None => Err(Refusal::NotCorroborated { role: role() }),
            Some(it) => code::fits(case, given, it).map_err(|why| Refusal::Corroboration { why }),
        },
    }
}

fn flags(given: &Given) -> String {
    match given.good.flags {
        None => "that it was made by a plain key".to_owned(),
        Some(flags) if flags & 0x05 == 0x01 => "touch, but no PIN".to_owned(),
        Some(flags) if flags & 0x05 == 0x04 => "PIN, but no touch".to_owned(),
        Some(_) => "neither touch nor PIN".to_owned(),
    }
}

/// One person decides once over a request; only an approval of their own can be revoked, once.
fn decides_once(case: &Case, given: &Given, decision: Decides) -> Result<(), Refusal> {
    let tail = &given.statement.tail;
    let mut earlier = Vec::new();
    for other in case.statements.iter().filter(|other| other.seq < given.seq) {
        if other.statement == given.statement || other.statement.tail.nonce == tail.nonce {
            return Err(Refusal::Reused);
        }
        if let Body::Approval(_, fields) = &other.statement.body
            && other.statement.tail.person == tail.person
        {
            earlier.push(fields.decision);
        }
    }
    match (decision, earlier.as_slice()) {
        (Decides::Approve | Decides::Deny, []) | (Decides::Revoke, [Decides::Approve]) => Ok(()),
        (Decides::Revoke, []) => Err(Refusal::NothingToRevoke { person: tail.person.clone() }),
        _ => Err(Refusal::Twice { person: tail.person.clone() }),
    }
}

/// The request has not been denied before, and its clock has not run out.
fn still_open(case: &Case, given: &Given, decision: Decides) -> Result<(), Refusal> {
    let denied = case.statements.iter().find(|other| {
        other.seq < given.seq
            && matches!(&other.statement.body, Body::Approval(_, fields) if fields.decision == Decides::Deny)
    });
    if let Some(denial) = denied {
        return Err(Refusal::Over { why: format!("{} denied it", denial.statement.tail.person) });
    }
    let (name, until) = match decision {
        Decides::Approve => ("approve-by", case.asked.approve_by),
        Decides::Deny | Decides::Revoke => ("run-by", case.asked.run_by),
    };
    if case.now > until {
        return Err(Refusal::Over { why: format!("its {name} {} has passed", until.seconds()) });
    }
    Ok(())
}
