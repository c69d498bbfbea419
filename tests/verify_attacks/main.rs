//! What the verifier refuses: a small valid run, and one lie after another told about it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that can't go on says so
#![cfg(test)]

macro_rules! fact_of {
    ($entry:expr, $kind:ident) => {
        match &mut $entry.fact {
            Fact::$kind(fact) => fact,
            other => panic!("{other:?}"),
        }
    };
}

mod by_hand;
mod changes;
mod commands;
mod holds;
mod mutants;
mod repair;
mod second;
#[path = "../second/mod.rs"]
mod second_verifier;
mod secret;
mod words;
mod writer;

use countersign::base::json::object_bytes;
use countersign::base::{Digest, Time};
use countersign::record::Tree;
use countersign::record::bundle::{self, Bundle};
use countersign::record::fact::{self, Ended, Fact, Found, Mode, SignedText, What};
use countersign::record::statement::{Body, BreakGlassFields, ChangeFields, Decides, SaidFields, SaidWhat};
use countersign::record::tree::root_text;
use countersign::verify::{self, Held, Report, Trust, Verdict};
use serde_json::json;
use std::collections::BTreeMap;
use writer::{HOUR, Writer, id, key, people, plan};

fn verdict_of(writer: &Writer) -> Report {
    verify::check(&writer.bundle(), &[], &[])
}

fn honest(mode: Mode) -> Writer {
    let mut writer = Writer::new(mode);
    writer.honest();
    writer
}

fn trust(writer: &Writer) -> Trust {
    Trust::parse("people.toml", &writer.people).unwrap()
}

/// The head that a careful approver keeps: of the whole history.
fn held(writer: &Writer, size: u64) -> Held {
    let root = root_text(&writer.tree.root_at(size).unwrap());
    Held { run: writer.run.clone(), size, root, leaf: writer.tree.leaf(size - 1) }
}

/// The first problem's code.
fn code(report: &Report) -> &str {
    report.problems.first().map_or("none", |problem| problem.code)
}

// --- what is accepted ---

#[test]
fn an_honest_run_is_closed_in_every_mode() {
    for mode in [Mode::Live, Mode::Simulated, Mode::Rehearsal] {
        let writer = honest(mode);
        let report = verdict_of(&writer);
        assert_eq!(report.problems, [], "{mode:?}");
        assert_eq!((report.verdict, report.exit()), (Verdict::Closed, 0));
        assert!(!report.trusted_keys);
        assert_eq!(report.untrusted_parties, ["customer", "partner"]);
        assert_eq!(report.witnessed_by, ["customer", "partner"]);
        assert_eq!((report.entries, report.covered), (writer.lines.len() as u64, writer.seq("witness bob")));
        assert_eq!(report.missing_objects, []);
        assert_eq!(report.result, "done");
        let text = verify::text(&report);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.replace("\n    ", " ").contains("compare these fingerprints by phone"), "{text}");
    }
}

#[test]
fn with_trusted_keys_of_all_it_is_witnessed() {
    let writer = honest(Mode::Live);
    let report = verify::check(&writer.bundle(), &[trust(&writer)], &[held(&writer, 9)]);
    assert_eq!((report.verdict, report.trusted_keys), (Verdict::Witnessed, true));
    // One party's keys alone are not enough.
    let bob = format!("bob {}\ncarol {}\n", key(Mode::Live, "bob").line(""), key(Mode::Live, "carol").line(""));
    let report = verify::check(&writer.bundle(), &[Trust::parse("signers", &bob).unwrap()], &[]);
    assert_eq!((report.verdict, report.trusted_keys), (Verdict::Closed, false));
    assert_eq!(report.untrusted_parties, ["partner"]);
}

#[test]
fn without_a_witness_of_each_party_it_is_closed_at_most() {
    let mut writer = Writer::new(Mode::Live);
    writer.before = Box::new(|writer, label| writer.skip = label == "witness bob");
    writer.honest();
    let report = verify::check(&writer.bundle(), &[trust(&writer)], &[]);
    assert_eq!((report.verdict, report.trusted_keys), (Verdict::Closed, true));
}

#[test]
fn a_withheld_output_is_named_and_nothing_more() {
    let writer = honest(Mode::Live);
    let Fact::Outcome(outcome) = &writer.entries[writer.seq("done k1") as usize].fact else { panic!() };
    let output = outcome.output.unwrap();
    let mut bundle = writer.bundle();
    bundle.objects.remove(&output);
    let report = verify::check(&bundle, &[], &[]);
    assert_eq!((report.verdict, report.missing_objects), (Verdict::Closed, vec![output]));
}

#[test]
fn a_bundle_reads_back_from_its_text() {
    let writer = honest(Mode::Live);
    let text = bundle::write(&writer.run, &writer.lines, &writer.objects);
    assert_eq!(bundle::read(text.as_bytes()).unwrap(), writer.bundle());
}

/// A whole run for readers of the format in other languages: made with rehearsal keys, so anybody can make it again.
#[test]
fn the_published_closed_run_is_this_one() {
    let writer = honest(Mode::Rehearsal);
    let text = bundle::write(&writer.run, &writer.lines, &writer.objects);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/journal/vectors/closed-rehearsal.countersign");
    if std::env::var_os("COUNTERSIGN_WRITE_VECTORS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "set COUNTERSIGN_WRITE_VECTORS=1 to write it anew");
    println!("{}", verify::text(&verdict_of(&writer)));
}

#[test]
fn cut_anywhere_it_is_open_and_diverges_from_a_kept_head() {
    let writer = honest(Mode::Live);
    let close = writer.seq("close") as usize;
    let mut alone = writer.bundle();
    alone.lines.truncate(1);
    assert_eq!(code(&verify::check(&alone, &[], &[])), "CS0805", "opened, and signed by nobody");
    for size in 2..=close {
        let mut bundle = writer.bundle();
        bundle.lines.truncate(size);
        let report = verify::check(&bundle, &[], &[]);
        assert_eq!((report.verdict, report.exit()), (Verdict::Open, 4), "{size}: {:?}", report.problems);
        let report = verify::check(&bundle, &[], &[held(&writer, size as u64 + 1)]);
        assert_eq!((report.verdict, report.exit(), code(&report)), (Verdict::Diverged, 6, "CS0890"), "{size}");
    }
}

#[test]
fn a_whole_other_history_diverges_from_a_kept_head() {
    let kept = held(&honest(Mode::Live), 8);
    let mut other = Writer::new(Mode::Live);
    other.entry = Box::new(|label, entry, _| {
        if label == "session" {
            entry.mono += 1;
        }
    });
    other.honest();
    assert_eq!(verdict_of(&other).verdict, Verdict::Closed);
    assert_eq!(verify::check(&other.bundle(), &[], &[kept]).verdict, Verdict::Diverged);
}

#[test]
fn a_try_after_nothing_happened_needs_no_new_approval() {
    let writer = two_tries(|_| {});
    assert_eq!(verdict_of(&writer).problems, []);
}

#[test]
fn a_failed_attempt_is_followed_by_one_with_a_request_of_its_own() {
    let mut writer = Writer::new(Mode::Live);
    writer.before = Box::new(|writer, label| {
        if label == "done k1" {
            let first = writer.seq("intend k1");
            writer.end("failed", "k1", 1, Some(first), Ended::Failed, Found::Answer);
            let request = writer.ask("again", "k1", 2);
            let bob = writer.decide("bob again", "bob", "security", request, Decides::Approve);
            let carol = writer.decide("carol again", "carol", "mfa", request, Decides::Approve);
            let Fact::Asked(asked) = writer.entries[request as usize].fact.clone() else { panic!() };
            writer.say("sure", "alice", SaidWhat::Confirmed, "move:k1/accept", 2, Some(asked.operations));
            let second = writer.intend("second", "k1", 2, request, vec![bob, carol]);
            writer.end("done", "k1", 2, Some(second), Ended::Done, Found::Answer);
            writer.skip = true;
        }
    });
    writer.honest();
    assert_eq!(verdict_of(&writer).problems, []);
}

#[test]
fn doubt_is_settled_by_people_with_an_approval_and_marked_so() {
    let writer = settled(true);
    let report = verdict_of(&writer);
    assert_eq!(report.problems, []);
    assert!(report.word.iter().any(|word| word.contains("move:k1/accept")), "{:?}", report.word);
    assert_eq!(code(&verdict_of(&settled(false))), "CS0842");
}

#[test]
fn break_glass_is_never_clean_until_every_party_has_signed() {
    let mut writer = glass("bob", "the house burns");
    let report = verdict_of(&writer);
    assert_eq!((report.problems.len(), report.break_glass, report.unreconciled, report.exit()), (0, true, true, 4));
    writer.witness("bob after", "bob", "done");
    let report = verdict_of(&writer);
    assert_eq!((report.break_glass, report.unreconciled, report.exit()), (true, false, 0));
    assert!(verify::text(&report).contains("BREAK-GLASS"));
}

/// One request for both items, approved once, spent slot by slot.
fn stage_request(spend_twice: bool) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    for approval in &mut writer.plan.stages[0].steps[0].approvals {
        approval.per = countersign::plan::model::Per::Stage;
    }
    writer.before = Box::new(move |w, label| match label {
        "ask k1" => {
            let list = ["k1", "k2"].map(|item| countersign::record::operations::Operation {
                covers: format!("move:{item}/accept"),
                step: id(item),
                direction: fact::Direction::Do,
                attempt: 1,
                performer: "alice".into(),
                operation: w.operation(item),
            });
            let operations = w.object(countersign::record::operations::write(&list).unwrap());
            let asked = fact::Asked { covers: "move:*/*".into(), ..w.asked("k1", 1, What::Approval, operations) };
            let seq = w.push("ask k1", "alice", asked);
            w.seqs.insert("ask k2".into(), seq);
            w.skip = true;
        }
        "approve bob k2" | "approve carol k2" => {
            let seq = w.seq(&label.replace("k2", "k1"));
            w.seqs.insert(label.into(), seq);
            w.skip = true;
        }
        "intend k2" if spend_twice => {
            let consumes = vec![w.seq("approve bob k1"), w.seq("approve carol k1")];
            let request = w.seq("ask k1");
            w.intend("again", "k1", 1, request, consumes);
        }
        "ask k2" | "ended k1" => w.skip = true,
        _ => {}
    });
    writer.honest();
    writer
}

#[test]
fn one_decision_for_a_stage_is_spent_item_by_item_and_each_once() {
    assert_eq!(verdict_of(&stage_request(false)).problems, []);
    assert_eq!(code(&verdict_of(&stage_request(true))), "CS0837");
    // The same request where the plan wants one decision per step.
    let stage_wide = stage_request(false);
    let mut narrow = Writer::new(Mode::Live);
    let Fact::Asked(asked) = stage_wide.entries[stage_wide.seq("ask k1") as usize].fact.clone() else { panic!() };
    let bytes = stage_wide.objects[&asked.operations].clone();
    narrow.before = Box::new(move |w, label| {
        if label == "ask k1" {
            let operations = w.object(bytes.clone());
            let asked = fact::Asked { covers: "move:*/*".into(), ..w.asked("k1", 1, What::Approval, operations) };
            w.push("too wide", "alice", asked);
        }
    });
    narrow.honest();
    assert_eq!(code(&verdict_of(&narrow)), "CS0820");
}

/// k1 is done and taken back, k2 never begun.
fn rolled_back(really: bool) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    writer.before = Box::new(move |w, label| match label {
        "confirm k2" => {
            w.push("rollback", "alice", fact::RollbackStarted { to: String::new(), steps: vec![id("k1")] });
            if really {
                undo(w);
            }
            w.skip = true;
        }
        "close" => {
            w.close("rolled_back");
            w.skip = true;
        }
        "witness alice" | "witness bob" => {
            w.witness(label, &label[8..], "rolled_back");
            w.skip = true;
        }
        _ => w.skip = label.ends_with("k2") && ["inte", "done", "ende", "veri"].contains(&&label[..4]),
    });
    writer.honest();
    writer
}

fn undo(w: &mut Writer) {
    undo_that(w, Ended::Done);
}

/// Gives the seq of its intent.
fn undo_that(w: &mut Writer, result: Ended) -> u64 {
    let step = id("k1").with_undo("back");
    let mut operation = w.plan.stages[0].steps[0].back.undo[0].template.clone();
    operation["with"]["AccountId"] = json!("k1");
    let bytes = object_bytes(&operation).unwrap();
    let digest = w.object(bytes);
    let list = [countersign::record::operations::Operation {
        covers: step.covers(),
        step: step.clone(),
        direction: fact::Direction::Undo,
        attempt: 1,
        performer: "alice".into(),
        operation,
    }];
    let operations = w.object(countersign::record::operations::write(&list).unwrap());
    let asked = fact::Asked { covers: step.covers(), ..w.asked("k1", 1, What::Approval, operations) };
    let request = w.push("ask back", "alice", asked);
    let bob = w.decide("bob back", "bob", "security", request, Decides::Approve);
    let carol = w.decide("carol back", "carol", "mfa", request, Decides::Approve);
    let intended = fact::Intended {
        step: step.clone(),
        direction: fact::Direction::Undo,
        attempt: 1,
        r#try: 1,
        operation: digest,
        request: Some(request),
        consumes: vec![bob, carol],
        first: None,
        send_by: Some(w.at.plus(31_000)),
    };
    let seq = w.push("intend back", "alice", intended);
    let outcome = fact::Outcome {
        step,
        direction: fact::Direction::Undo,
        attempt: 1,
        intended: Some(seq),
        result,
        output: None,
        request_id: None,
        date: None,
        error: None,
        took_ms: 1,
        found: Found::Answer,
    };
    w.push("done back", "alice", outcome);
    seq
}

#[test]
fn a_rollback_closes_as_rolled_back_when_it_is() {
    assert_eq!(verdict_of(&rolled_back(true)).problems, []);
    assert_eq!(verdict_of(&rolled_back(true)).result, "rolled_back");
    assert_eq!(code(&verdict_of(&rolled_back(false))), "CS0851");
}

#[test]
fn another_seat_goes_on_with_what_was_approved() {
    let mut writer = Writer::new(Mode::Live);
    before(&mut writer, "confirm k1", |w| {
        w.push("off", "alice", fact::SignedOff { people: vec!["alice".into()], why: "lunch".into() });
        w.epoch = 2;
        w.sign_on("on again", "alice");
    });
    writer.honest();
    assert_eq!(verdict_of(&writer).problems, []);
    // Signed off, and going on all the same.
    let mut writer = Writer::new(Mode::Live);
    before(&mut writer, "confirm k1", |w| {
        w.push("off", "alice", fact::SignedOff { people: vec!["alice".into()], why: "lunch".into() });
    });
    writer.honest();
    assert_eq!(code(&verdict_of(&writer)), "CS0838");
}

#[test]
fn the_named_successor_takes_over() {
    let mut writer = Writer::new(Mode::Live);
    before(&mut writer, "ask k1", |w| {
        let body = Body::HandOver(w.head(), "dora".into());
        let SignedText { statement, signature, key } = w.sign("hand over", "alice", "", body);
        w.push("hand over", "alice", fact::HandedOver { statement, signature, key });
        w.epoch = 2;
        w.sign_on("dora on", "dora");
        w.sign_on("alice on", "alice");
    });
    writer.honest();
    assert_eq!(verdict_of(&writer).problems, []);
}

/// k1's first attempt is called the second, everywhere.
fn attempt_left_out() -> Writer {
    let mut writer = Writer::new(Mode::Live);
    writer.before = Box::new(|w, label| match label {
        "ask k1" => {
            w.ask("ask k1", "k1", 2);
            w.skip = true;
        }
        "confirm k1" => {
            let Fact::Asked(asked) = w.entries[w.seq("ask k1") as usize].fact.clone() else { panic!() };
            w.say("confirm k1", "alice", SaidWhat::Confirmed, "move:k1/accept", 2, Some(asked.operations));
            w.skip = true;
        }
        "intend k1" => {
            let consumes = vec![w.seq("approve bob k1"), w.seq("approve carol k1")];
            let request = w.seq("ask k1");
            w.intend("intend k1", "k1", 2, request, consumes);
            w.skip = true;
        }
        "done k1" => {
            let intended = w.seq("intend k1");
            w.end("done k1", "k1", 2, Some(intended), Ended::Done, Found::Answer);
            w.skip = true;
        }
        _ => {}
    });
    writer.honest();
    writer
}

#[test]
fn an_attempt_that_is_left_out_is_seen() {
    assert_eq!(code(&verdict_of(&attempt_left_out())), "CS0837");
}

/// A task of people, done by `who` or by nobody's signed word.
fn task(who: Option<&'static str>) -> Writer {
    let mut writer = task_to_write(who);
    writer.honest();
    writer
}

/// A task of which something else was shown than the plan says.
fn other_task() -> Writer {
    let mut writer = task_to_write(Some("alice"));
    writer.entry = Box::new(|label, entry, objects| {
        if label == "send" {
            let bytes = object_bytes(&json!({"instructions": "Burn it", "performers": ["driver"], "evidence": []}));
            let digest = Digest::of(bytes.as_ref().unwrap());
            objects.insert(digest, bytes.unwrap());
            fact_of!(entry, Intended).operation = digest;
        }
    });
    writer.honest();
    writer
}

fn task_to_write(who: Option<&'static str>) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    let mut stage = writer.plan.stages[0].clone();
    stage.id = "letter".into();
    (stage.for_each, stage.items, stage.anchor) = (serde_json::Value::Null, None, None);
    let step = &mut stage.steps[0];
    step.id = "send".into();
    (step.approvals, step.confirm, step.back) = (vec![], None, Default::default());
    step.template = json!({"instructions": "Send it", "performers": ["driver"], "evidence": []});
    step.template_digest = Digest::of(&object_bytes(&step.template).unwrap());
    step.body = countersign::plan::model::Body::Manual(countersign::plan::model::Manual {
        instructions: "Send it".into(),
        performers: vec![],
        says: BTreeMap::new(),
        evidence: vec![],
        together: 0,
        settles: vec![],
    });
    writer.plan.stages.push(stage);
    writer.before = Box::new(move |w, label| {
        if label == "checkpoint" {
            let template = w.plan.stages[1].steps[0].template.clone();
            let operation = w.object(object_bytes(&template).unwrap());
            let step: countersign::base::StepId = "letter/send".parse().unwrap();
            w.push("letter", "alice", fact::StageEntered { stage: "letter".into(), items: None, count: 1 });
            let intended = fact::Intended {
                step: step.clone(),
                direction: fact::Direction::Do,
                attempt: 1,
                r#try: 1,
                operation,
                request: None,
                consumes: vec![],
                first: None,
                send_by: None,
            };
            let seq = w.push("send", "alice", intended);
            if let Some(who) = who {
                let answer = w.object(b"{\"answer\":{},\"salt\":\"00000000000000000000000000000000\"}".to_vec());
                w.say("sent", who, SaidWhat::Task, "letter/send", 1, Some(answer));
            }
            let Fact::Outcome(like) = w.entries[w.seq("done k1") as usize].fact.clone() else { panic!() };
            let outcome =
                fact::Outcome { step, intended: Some(seq), output: None, date: None, found: Found::Word, ..like };
            w.push("done letter", "alice", outcome);
        }
    });
    writer
}

#[test]
fn a_task_is_done_by_its_performers_signed_word() {
    assert_eq!(verdict_of(&task(Some("alice"))).problems, []);
    assert_eq!(code(&verdict_of(&task(Some("bob")))), "CS0843");
    assert_eq!(code(&verdict_of(&task(None))), "CS0843");
    assert_eq!(code(&verdict_of(&other_task())), "CS0835");
}

// --- what is refused: lies told while the run was written, with every signature after them good ---

type Hooks = fn(&mut Writer);

/// Lets one entry be written otherwise.
fn entry(writer: &mut Writer, label: &'static str, change: impl Fn(&mut countersign::record::Entry) + 'static) {
    writer.entry = Box::new(move |at, entry, _| {
        if at == label {
            change(entry);
        }
    });
}

fn statement(
    writer: &mut Writer,
    label: &'static str,
    change: fn(&mut countersign::record::Statement, &mut writer::Pen),
) {
    writer.statement = Box::new(move |at, statement, pen| {
        if at == label {
            change(statement, pen);
        }
    });
}

fn before(writer: &mut Writer, label: &'static str, act: fn(&mut Writer)) {
    writer.before = Box::new(move |writer, at| {
        if at == label {
            act(writer);
        }
    });
}

/// Instead of the end: this person's note about `covers`, and the run closed as abandoned. `open`: the last
/// operation has no outcome.
fn abandoned(writer: &mut Writer, person: &'static str, role: &'static str, covers: &'static str, open: bool) {
    writer.before = Box::new(move |writer, at| match at {
        "done k2" | "ended k2" | "verified k2" => writer.skip = open,
        "close" => {
            let said = SaidFields { what: SaidWhat::Note, covers: covers.into(), attempt: 1, object: None };
            let body = Body::Said(writer.head(), said);
            let SignedText { statement, signature, key } = writer.sign("abandon", person, role, body);
            writer.push("abandon", person, fact::Said { statement, signature, key });
            writer.close("abandoned");
            writer.skip = true;
        }
        "witness alice" | "witness bob" => writer.skip = true,
        _ => {}
    });
}

#[test]
fn a_run_abandoned_by_a_performer_is_closed() {
    let mut writer = Writer::new(Mode::Live);
    abandoned(&mut writer, "alice", "driver", "abandon", false);
    writer.honest();
    let report = verdict_of(&writer);
    assert_eq!(report.problems, []);
    assert_eq!((report.verdict, report.result.as_str()), (Verdict::Closed, "abandoned"));
}

fn head_of(statement: &mut countersign::record::Statement) -> &mut countersign::record::statement::Head {
    match &mut statement.body {
        Body::Approval(head, _) | Body::SignOn(head, _) | Body::Said(head, _) | Body::Witness(head, _) => head,
        other => panic!("{other:?}"),
    }
}

/// Name, the code of the first problem, how the writer lies.
const LIES: &[(&str, &str, Hooks)] = &[
    // Opening, chain, epochs, clocks.
    ("the run opens with something else", "CS0805", |w| {
        entry(w, "opened", |entry| entry.fact = fact::Paused { why: String::new(), code: String::new() }.into());
    }),
    ("nobody signs on first", "CS0805", |w| before(w, "on", |w| w.skip = true)),
    ("somebody else than the starter signs on first", "CS0805", |w| {
        before(w, "on", |w| {
            w.sign_on("dora", "dora");
            w.skip = true;
        });
    }),
    ("the run is opened again", "CS0805", |w| {
        before(w, "stage", |w| {
            let opened = w.entries[0].fact.clone();
            w.push("again", "alice", opened);
        });
    }),
    ("time goes back", "CS0803", |w| entry(w, "stage", |entry| entry.at = entry.at.plus(-60_000))),
    ("a stale epoch writes on", "CS0804", |w| entry(w, "ended k1", |entry| entry.epoch = 0)),
    ("an epoch that nobody signed on for", "CS0804", |w| entry(w, "intend k1", |entry| entry.epoch = 2)),
    ("a sign-on for another epoch", "CS0804", |w| {
        statement(w, "on", |statement, _| {
            if let Body::SignOn(_, fields) = &mut statement.body {
                fields.epoch = 2;
            }
        });
    }),
    ("a sign-on from another machine than the entry says", "CS0810", |w| {
        entry(w, "on", |entry| fact_of!(entry, SignedOn).machine = "cd".repeat(16));
    }),
    ("nobody signs on at all", "CS0805", |w| before(w, "end", |w| w.lines.truncate(1))),
    // Statements.
    ("a sign-on forged with another key", "CS0808", |w| {
        statement(w, "on", |_, pen| pen.key_of = Some("dora".into()));
    }),
    ("an approval forged with another key", "CS0808", |w| {
        statement(w, "approve bob k1", |_, pen| pen.key_of = Some("alice".into()));
    }),
    ("a signature for another purpose", "CS0806", |w| {
        statement(w, "approve bob k1", |_, pen| pen.namespace = Some("said-v1@countersign".into()));
    }),
    ("a statement altered after it was signed", "CS0806", |w| {
        entry(w, "approve bob k1", |entry| {
            let fact = fact_of!(entry, Approval);
            fact.statement = fact.statement.replace("reason: because", "reason: becausE");
        });
    }),
    ("a denial turned into an approval", "CS0806", |w| {
        before(w, "approve bob k1", |w| {
            w.entry = Box::new(|label, entry, _| {
                if label == "approve bob k1" {
                    let fact = fact_of!(entry, Approval);
                    fact.statement = fact.statement.replace("decision: deny", "decision: approve");
                }
            });
            let request = w.seq("ask k1");
            w.decide("approve bob k1", "bob", "security", request, Decides::Deny);
            w.skip = true;
        });
    }),
    ("a small-order key", "CS0806", |w| {
        entry(w, "approve bob k1", |entry| {
            let weak = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
            fact_of!(entry, Approval).key = weak.into();
        });
    }),
    ("a sign-on where an approval belongs", "CS0806", |w| {
        entry(w, "approve bob k1", |entry| {
            let fact = fact_of!(entry, Approval);
            fact.statement = fact.statement.replace("countersign approval v1", "countersign said v1");
        });
    }),
    ("a statement of another mode", "CS0807", |w| {
        statement(w, "approve bob k1", |statement, _| head_of(statement).mode = Mode::Rehearsal);
    }),
    ("a statement of another run", "CS0807", |w| {
        statement(w, "approve bob k1", |statement, _| {
            head_of(statement).run = countersign::base::RunId::from_bytes([1; 16]);
        });
    }),
    ("a statement over another history", "CS0807", |w| {
        statement(w, "approve bob k1", |statement, _| head_of(statement).root = root_text(&Digest::of(b"other")));
    }),
    ("a statement over the future", "CS0807", |w| {
        statement(w, "approve bob k1", |statement, _| head_of(statement).size += 1);
    }),
    ("a statement under another plan", "CS0807", |w| {
        statement(w, "approve bob k1", |statement, _| head_of(statement).plan = Digest::of(b"other"));
    }),
    ("a statement under other people", "CS0807", |w| {
        statement(w, "witness bob", |statement, _| head_of(statement).people = Digest::of(b"other"));
    }),
    ("a party that the person does not belong to", "CS0808", |w| {
        statement(w, "approve bob k1", |statement, _| statement.tail.party = "partner".into());
    }),
    ("a role that the person does not hold", "CS0808", |w| {
        statement(w, "approve bob k1", |statement, _| statement.tail.role = "mfa".into());
    }),
    ("somebody whom the people file does not know", "CS0808", |w| {
        statement(w, "approve bob k1", |statement, _| statement.tail.person = "mallory".into());
    }),
    ("a nonce used twice", "CS0809", |w| {
        statement(w, "approve carol k1", |statement, _| statement.tail.nonce = format!("{:032x}", 4));
    }),
    ("a statement replayed", "CS0809", |w| {
        before(w, "approve carol k1", |w| {
            let replayed = w.entries[w.seq("approve bob k1") as usize].fact.clone();
            w.push("replay", "bob", replayed);
        });
    }),
    ("an entry in another's name", "CS0810", |w| entry(w, "approve bob k1", |entry| entry.by = Some("carol".into()))),
    ("a statement from the future", "CS0811", |w| {
        statement(w, "approve bob k1", |statement, _| {
            statement.tail.signed_at = statement.tail.signed_at.plus(300_000)
        });
    }),
    ("a word without its object", "CS0810", |w| {
        statement(w, "confirm k1", |statement, _| {
            if let Body::Said(_, fields) = &mut statement.body {
                fields.object = None;
            }
        });
    }),
    // People and keys.
    ("nobody signed the people file", "CS0814", |w| before(w, "people", |w| w.skip = true)),
    ("the people file signed for another file", "CS0814", |w| {
        statement(w, "people bob", |statement, _| statement.body = Body::People(Digest::of(b"other")));
    }),
    ("the people file signed by one party alone", "CS0814", |w| {
        statement(w, "people bob", |statement, pen| {
            statement.tail.person = "dora".into();
            statement.tail.party = "partner".into();
            pen.person = "dora".into();
        });
    }),
    ("a key that anybody can make, outside a rehearsal", "CS0815", |w| {
        w.people =
            w.people.replace(&key(Mode::Live, "dora").public().line, &key(Mode::Rehearsal, "dora").public().line);
        w.plan = plan(&w.people);
    }),
    // Objects.
    ("a plan made for another runbook", "CS0813", |w| w.plan.runbook = Digest::of(b"other")),
    ("a plan made for other people", "CS0813", |w| w.plan.people = Digest::of(b"other")),
    ("a plan of a later format", "CS0813", |w| w.plan.plan = 2),
    ("a plan whose template was altered", "CS0813", |w| {
        w.plan.stages[0].steps[0].template["action"] = json!("organizations:LeaveOrganization");
    }),
    ("a people file that is none", "CS0813", |w| {
        w.people = "schema = 1\n[people.alice]\nname = 1\n".into();
        w.plan = plan(&w.people);
    }),
    ("operations that are none", "CS0813", |w| {
        before(w, "ask k1", |w| {
            let operations = w.object(b"{}".to_vec());
            let asked = w.asked("k1", 1, What::Approval, operations);
            w.push("ask k1", "alice", asked);
            w.skip = true;
        });
    }),
    // Requests.
    ("a request that covers more than it shows", "CS0820", |w| {
        entry(w, "ask k1", |entry| fact_of!(entry, Asked).covers = "move:k2/accept".into());
    }),
    ("a request for another operation than the plan's", "CS0820", |w| {
        before(w, "ask k1", |w| {
            let mut operation = w.operation("k1");
            operation["action"] = json!("organizations:LeaveOrganization");
            let operations = w.operations("k1", 1, operation);
            let asked = w.asked("k1", 1, What::Approval, operations);
            w.push("ask k1", "alice", asked);
            w.skip = true;
        });
    }),
    ("a request with a parameter that the plan does not have", "CS0820", |w| {
        before(w, "ask k1", |w| {
            let mut operation = w.operation("k1");
            operation["with"]["Force"] = json!(true);
            let operations = w.operations("k1", 1, operation);
            let asked = w.asked("k1", 1, What::Approval, operations);
            w.push("ask k1", "alice", asked);
            w.skip = true;
        });
    }),
    ("a request whose performer is not signed on", "CS0820", |w| {
        entry(w, "ask k1", |entry| fact_of!(entry, Asked).performer = "dora".into());
    }),
    ("a request whose performer is signed on, and does not perform the step", "CS0820", |w| {
        before(w, "ask k1", |w| w.sign_on("on bob", "bob"));
        entry(w, "ask k1", |entry| fact_of!(entry, Asked).performer = "bob".into());
    }),
    ("a settlement that its performer never signed", "CS0820", |w| settlement_unsaid(w, |_, _| {})),
    ("a settlement that another person signed", "CS0820", |w| {
        settlement_unsaid(w, |w, object| w.say("s", "dora", SaidWhat::Settled, "move:k1/accept", 1, Some(object)));
    }),
    ("a settlement that says something else than was signed", "CS0820", |w| {
        settlement_unsaid(w, |w, _| {
            let other = w.object(object_bytes(&json!({"outputs": {}, "probe": [], "result": "not_done"})).unwrap());
            w.say("s", "alice", SaidWhat::Settled, "move:k1/accept", 1, Some(other));
        });
    }),
    ("a stage skipped that the plan does not have", "CS0830", |w| {
        before(w, "anchor k1", |w| {
            let skipped = fact::Skipped { stage: "elsewhere".into(), item: None, step: None, why: String::new() };
            w.push("skipped", "alice", skipped);
        });
    }),
    ("a request for an item that the stage does not have", "CS0820", |w| {
        before(w, "ask k1", |w| {
            w.ask("ask k3", "k3", 1);
        });
    }),
    ("a request that invents a predecessor", "CS0820", |w| {
        entry(w, "ask k1", |entry| fact_of!(entry, Asked).again = vec![2]);
    }),
    ("a request that stays open longer than the plan says", "CS0822", |w| {
        entry(w, "ask k1", |entry| {
            let asked = fact_of!(entry, Asked);
            asked.approve_by = asked.approve_by.plus(HOUR);
            asked.run_by = asked.run_by.plus(HOUR);
        });
    }),
    ("a request that may run longer than the plan says", "CS0822", |w| {
        entry(w, "ask k1", |entry| {
            let asked = fact_of!(entry, Asked);
            asked.run_by = asked.run_by.plus(HOUR);
        });
    }),
    ("asked before the anchor stands", "CS0831", |w| before(w, "anchor k1", |w| w.skip = true)),
    ("an anchor without its proofs", "CS0831", |w| {
        entry(w, "anchor k1", |entry| fact_of!(entry, AnchorSet).proved = 7)
    }),
    ("a request denied by nobody", "CS0823", |w| {
        entry(w, "ended k1", |entry| fact_of!(entry, RequestEnded).why = fact::EndedBy::Denied);
    }),
    ("a request that expired too early", "CS0823", |w| {
        entry(w, "ended k1", |entry| fact_of!(entry, RequestEnded).why = fact::EndedBy::Expired);
    }),
    // Approvals.
    ("an approval of another item's operations", "CS0821", |w| {
        statement(w, "approve bob k1", |statement, _| {
            if let Body::Approval(_, fields) = &mut statement.body {
                fields.covers = "move:k2/accept".into();
            }
        });
    }),
    ("an approval of another attempt", "CS0821", |w| {
        statement(w, "approve bob k1", |statement, _| {
            if let Body::Approval(_, fields) = &mut statement.body {
                fields.attempt = 2;
            }
        });
    }),
    ("an approval of another request's leaf", "CS0821", |w| {
        statement(w, "approve bob k1", |statement, _| {
            if let Body::Approval(_, fields) = &mut statement.body {
                fields.request_leaf = Digest::of(b"other");
            }
        });
    }),
    ("an approval of what is no request", "CS0821", |w| {
        statement(w, "approve bob k1", |statement, _| {
            if let Body::Approval(_, fields) = &mut statement.body {
                fields.request = 1;
            }
        });
    }),
    ("self-approval", "CS0821", |w| {
        w.people = people(Mode::Live, &[("alice", "security")]);
        w.plan = plan(&w.people);
        before(w, "approve bob k1", |w| {
            let request = w.seq("ask k1");
            w.decide("approve bob k1", "alice", "security", request, Decides::Approve);
            w.skip = true;
        });
    }),
    ("one person under two roles", "CS0821", |w| {
        w.people = people(Mode::Live, &[("carol", "security")]);
        w.plan = plan(&w.people);
        before(w, "approve bob k1", |w| {
            let request = w.seq("ask k1");
            w.decide("approve bob k1", "carol", "security", request, Decides::Approve);
            w.skip = true;
        });
    }),
    ("roles that must be apart in one hand", "CS0821", |w| {
        w.people = people(Mode::Live, &[("bob", "driver")]);
        w.plan = plan(&w.people);
        w.plan.apart = vec![vec!["driver".into(), "security".into()]];
    }),
    ("the starter approves where the runbook forbids it", "CS0821", |w| {
        w.people = people(Mode::Live, &[("alice", "security"), ("dora", "security")]);
        w.plan = plan(&w.people);
        w.plan.exclude_starter = true;
        before(w, "approve bob k1", |w| {
            w.sign_on("dora on", "dora");
            let operations = w.operations("k1", 1, w.operation("k1"));
            let _ = operations;
            let request = w.seq("ask k1");
            w.decide("approve bob k1", "alice", "security", request, Decides::Approve);
            w.skip = true;
        });
    }),
    ("a security key that nobody touched", "CS0821", |w| statement(w, "approve carol k1", |_, pen| pen.flags = 0)),
    ("a security key without a PIN", "CS0821", |w| statement(w, "approve carol k1", |_, pen| pen.flags = 1)),
    ("an approval after approve-by", "CS0821", |w| before(w, "approve bob k1", |w| w.at = w.at.plus(25 * HOUR))),
    ("an approval after a denial", "CS0821", |w| {
        before(w, "approve carol k1", |w| {
            let request = w.seq("ask k1");
            w.decide("deny", "carol", "mfa", request, Decides::Deny);
        });
    }),
    // Beginnings.
    ("begun without a request", "CS0833", |w| {
        entry(w, "intend k1", |entry| {
            let fact = fact_of!(entry, Intended);
            (fact.request, fact.consumes) = (None, vec![]);
        });
    }),
    ("begun with one approval of two", "CS0833", |w| before(w, "approve carol k1", |w| w.skip = true)),
    ("begun with one approval counted twice", "CS0833", |w| {
        entry(w, "intend k1", |entry| {
            let fact = fact_of!(entry, Intended);
            fact.consumes = vec![fact.consumes[0], fact.consumes[0]];
        });
    }),
    ("begun with the approvals of another item", "CS0833", |w| {
        before(w, "intend k1", |w| {
            let consumes = vec![w.seq("approve bob k2"), w.seq("approve carol k2")];
            let request = w.seq("ask k2");
            w.intend("intend k1", "k1", 1, request, consumes);
            w.skip = true;
        });
    }),
    ("begun with approvals that were revoked", "CS0833", |w| {
        before(w, "intend k1", |w| {
            let request = w.seq("ask k1");
            w.decide("revoke", "bob", "security", request, Decides::Revoke);
        });
    }),
    ("begun though it was denied", "CS0833", |w| {
        before(w, "approve carol k1", |w| {
            let request = w.seq("ask k1");
            w.decide("approve carol k1", "carol", "mfa", request, Decides::Deny);
            w.skip = true;
        });
    }),
    ("begun after its anchor had changed", "CS0833", |w| before(w, "intend k1", |w| w.anchor("k1", 9))),
    ("begun after the rollback had started", "CS0833", |w| {
        before(w, "intend k1", |w| {
            w.push("back", "alice", fact::RollbackStarted { to: String::new(), steps: vec![] });
        });
    }),
    ("begun by its approver's confirmation", "CS0833", |w| {
        before(w, "intend k1", |w| {
            let object = w.object(b"{}".to_vec());
            w.say("sure", "bob", SaidWhat::Confirmed, "move:k1/accept", 1, Some(object));
        });
    }),
    ("begun after run-by", "CS0836", |w| before(w, "intend k1", |w| w.at = w.at.plus(2 * HOUR))),
    ("begun after run-by by AWS's own clock", "CS0836", |w| {
        entry(w, "done k1", |entry| {
            let later = entry.at.plus(2 * HOUR).seconds();
            fact_of!(entry, Outcome).date = Some(later);
        });
    }),
    ("to be sent whenever it pleases", "CS0836", |w| {
        entry(w, "intend k1", |entry| {
            let fact = fact_of!(entry, Intended);
            fact.send_by = fact.send_by.map(|time: Time| time.plus(60_000));
        });
    }),
    ("to be sent without a limit", "CS0836", |w| {
        entry(w, "intend k1", |entry| fact_of!(entry, Intended).send_by = None)
    }),
    ("another operation than the one approved", "CS0835", |w| {
        w.entry = Box::new(|label, entry, objects| {
            if label == "intend k1" {
                let other = json!({
                    "account": "222222222222", "action": "organizations:AcceptHandshake", "session": "new",
                    "time_limit": 30000, "with": {"HandshakeId": "h-other"},
                });
                let bytes = object_bytes(&other).unwrap();
                let digest = Digest::of(&bytes);
                objects.insert(digest, bytes);
                fact_of!(entry, Intended).operation = digest;
            }
        });
    }),
    ("an attempt left out", "CS0837", |w| entry(w, "intend k1", |entry| fact_of!(entry, Intended).attempt = 2)),
    ("a second try without a first", "CS0837", |w| entry(w, "intend k1", |entry| fact_of!(entry, Intended).r#try = 2)),
    ("approvals spent again by a later try", "CS0834", |w| {
        before(w, "done k1", |w| try_again(w, Ended::NotDone, |fact| fact.consumes = vec![8, 9]));
    }),
    ("tried again though something may have happened", "CS0837", |w| {
        before(w, "done k1", |w| try_again(w, Ended::Failed, |_| {}));
    }),
    ("begun by somebody who is not signed on", "CS0838", |w| {
        entry(w, "intend k1", |entry| entry.by = Some("dora".into()));
    }),
    ("begun by an approver", "CS0838", |w| {
        before(w, "intend k1", |w| w.sign_on("bob on", "bob"));
        entry(w, "intend k1", |entry| entry.by = Some("bob".into()));
    }),
    ("begun by an approver whose session it is too", "CS0838", |w| {
        w.plan.sessions.get_mut("new").unwrap().used_by.push("security".into());
        before(w, "intend k1", |w| w.sign_on("on bob", "bob"));
        entry(w, "intend k1", |entry| entry.by = Some("bob".into()));
    }),
    ("begun without confirmation", "CS0839", |w| before(w, "confirm k1", |w| w.skip = true)),
    ("begun after another's confirmation", "CS0839", |w| {
        before(w, "confirm k1", |w| {
            let operations = w.operations("k1", 1, w.operation("k1"));
            w.say("sure", "dora", SaidWhat::Confirmed, "move:k1/accept", 1, Some(operations));
            w.skip = true;
        });
    }),
    ("begun twice at once", "CS0832", |w| {
        before(w, "done k1", |w| {
            let begun = w.entries[w.seq("intend k1") as usize].fact.clone();
            w.push("again", "alice", begun);
        });
    }),
    ("begun anew, with approvals of its own, while it is open", "CS0832", |w| {
        w.before = Box::new(|w, label| match label {
            "done k1" => {
                let request = w.ask("again", "k1", 2);
                let bob = w.decide("bob again", "bob", "security", request, Decides::Approve);
                let carol = w.decide("carol again", "carol", "mfa", request, Decides::Approve);
                let Fact::Asked(asked) = w.entries[request as usize].fact.clone() else { panic!() };
                w.say("sure", "alice", SaidWhat::Confirmed, "move:k1/accept", 2, Some(asked.operations));
                w.intend("second", "k1", 2, request, vec![bob, carol]);
            }
            "end" => w.lines.truncate(w.seq("second") as usize + 1),
            _ => {}
        });
    }),
    ("a step that the plan does not have", "CS0830", |w| {
        entry(w, "intend k1", |entry| fact_of!(entry, Intended).step = "move:k1/other".parse().unwrap());
    }),
    ("an item that the stage does not have", "CS0830", |w| {
        entry(w, "intend k1", |entry| {
            fact_of!(entry, Intended).step = id("k3");
        })
    }),
    ("an undo called a do", "CS0830", |w| {
        entry(w, "intend k1", |entry| fact_of!(entry, Intended).direction = fact::Direction::Undo);
    }),
    ("an undo of what was never begun", "CS0830", |w| {
        entry(w, "intend k1", |entry| {
            let fact = fact_of!(entry, Intended);
            fact.step = fact.step.with_undo("back");
            fact.direction = fact::Direction::Undo;
        });
    }),
    ("items that are not the plan's", "CS0830", |w| {
        w.entry = Box::new(|label, entry, objects| {
            if label == "stage" {
                let bytes =
                    object_bytes(&json!([{"key": "k1", "value": {"id": "k9"}}, {"key": "k2", "value": {"id": "k2"}}]))
                        .unwrap();
                let digest = Digest::of(&bytes);
                objects.insert(digest, bytes);
                fact_of!(entry, StageEntered).items = Some(digest);
            }
        });
    }),
    // Ends.
    ("an outcome without an intent", "CS0840", |w| {
        entry(w, "done k1", |entry| fact_of!(entry, Outcome).intended = None);
    }),
    ("an outcome without an intent, where the history ends", "CS0840", |w| {
        entry(w, "done k1", |entry| fact_of!(entry, Outcome).intended = None);
        before(w, "end", |w| w.lines.truncate(w.seq("done k1") as usize + 1));
    }),
    ("an observation of what has ended", "CS0841", |w| {
        before(w, "ended k1", |w| {
            let observed = fact::Observed {
                step: id("k1"),
                direction: fact::Direction::Do,
                intended: w.seq("intend k1"),
                side: "caller".into(),
                reading: fact::Reading::Done,
                object: Digest::of(b"read"),
            };
            w.push("observed", "alice", observed);
        });
    }),
    ("an outcome of another step's intent", "CS0841", |w| {
        before(w, "done k1", |w| {
            let other = w.seq("ask k1");
            w.end("done k1", "k1", 1, Some(other), Ended::Done, Found::Answer);
            w.skip = true;
        });
    }),
    ("an outcome twice", "CS0841", |w| {
        before(w, "ended k1", |w| {
            let again = w.entries[w.seq("done k1") as usize].fact.clone();
            w.push("again", "alice", again);
        });
    }),
    ("a failure turned into success", "CS0841", |w| {
        before(w, "done k1", |w| {
            let intended = w.seq("intend k1");
            w.end("failed", "k1", 1, Some(intended), Ended::Failed, Found::Answer);
        });
    }),
    ("AWS's date that is no time", "CS0841", |w| {
        entry(w, "done k1", |entry| fact_of!(entry, Outcome).date = Some("yesterday".into()));
    }),
    ("an outcome by the operator's word alone", "CS0842", |w| {
        entry(w, "done k1", |entry| fact_of!(entry, Outcome).found = Found::Word);
    }),
    // The end of the run.
    ("closed with an operation open", "CS0850", |w| before(w, "done k2", |w| w.skip = true)),
    ("closed with an operation in doubt", "CS0850", |w| {
        entry(w, "done k2", |entry| fact_of!(entry, Outcome).result = Ended::InDoubt);
    }),
    ("closed with a hold", "CS0850", |w| {
        w.plan.holds.push(way_in());
        before(w, "close", |w| {
            w.push("hold", "alice", fact::HoldBegan { hold: "way_in".into() });
        });
    }),
    ("a hold that the plan does not have", "CS0844", |w| {
        before(w, "close", |w| {
            w.push("hold", "alice", fact::HoldBegan { hold: "way_in".into() });
            w.push("released", "alice", fact::HoldEnded { hold: "way_in".into() });
        });
    }),
    ("closed as done with a step not done", "CS0851", |w| {
        entry(w, "done k2", |entry| fact_of!(entry, Outcome).result = Ended::Failed);
    }),
    ("closed as rolled back with a step that stands", "CS0851", |w| {
        entry(w, "close", |entry| fact_of!(entry, RunClosed).result = "rolled_back".into());
    }),
    ("closed with a result that there is not", "CS0851", |w| {
        entry(w, "close", |entry| fact_of!(entry, RunClosed).result = "fine".into());
    }),
    ("closed with counts that are not true", "CS0851", |w| {
        entry(w, "close", |entry| {
            fact_of!(entry, RunClosed).counts.insert("outcome".into(), 3);
        });
    }),
    ("abandoned on nobody's word", "CS0851", |w| {
        entry(w, "close", |entry| fact_of!(entry, RunClosed).result = "abandoned".into());
    }),
    ("abandoned on the word of one who performs nothing", "CS0851", |w| {
        abandoned(w, "bob", "security", "abandon", false)
    }),
    ("abandoned on a word about something else", "CS0851", |w| abandoned(w, "alice", "driver", "", false)),
    ("abandoned with an operation open", "CS0850", |w| abandoned(w, "alice", "driver", "abandon", true)),
    ("a witness of another result", "CS0851", |w| {
        statement(w, "witness bob", |statement, _| {
            if let Body::Witness(_, result) = &mut statement.body {
                *result = "abandoned".into();
            }
        });
    }),
    ("a witness before the end", "CS0851", |w| before(w, "close", |w| w.witness("early", "bob", "done"))),
    ("an entry after the end", "CS0852", |w| {
        before(w, "witness bob", |w| {
            w.push("after", "alice", fact::Resumed { why: String::new() });
        });
    }),
    ("an operation after the end", "CS0852", |w| {
        before(w, "end", |w| {
            let request = w.seq("ask k1");
            w.intend("more", "k1", 1, request, vec![]);
        })
    }),
    ("a checkpoint of another history", "CS0854", |w| {
        entry(w, "checkpoint", |entry| fact_of!(entry, Checkpoint).root = root_text(&Digest::of(b"other")));
    }),
    ("a checkpoint of the future", "CS0854", |w| entry(w, "checkpoint", |entry| fact_of!(entry, Checkpoint).size += 9)),
    ("a checkpoint of nothing", "CS0854", |w| {
        entry(w, "checkpoint", |entry| {
            (fact_of!(entry, Checkpoint).size, fact_of!(entry, Checkpoint).root) = (0, root_text(&Tree::new().root()));
        });
    }),
    ("an entry after the hand-over", "CS0853", |w| {
        before(w, "ask k1", |w| {
            let body = Body::HandOver(w.head(), "dora".into());
            let SignedText { statement, signature, key } = w.sign("hand over", "alice", "", body);
            w.push("hand over", "alice", fact::HandedOver { statement, signature, key });
        });
    }),
    ("somebody else takes over", "CS0853", |w| {
        before(w, "ask k1", |w| {
            let body = Body::HandOver(w.head(), "dora".into());
            let SignedText { statement, signature, key } = w.sign("hand over", "alice", "", body);
            w.push("hand over", "alice", fact::HandedOver { statement, signature, key });
            w.epoch = 2;
            w.sign_on("on again", "alice");
        });
    }),
    ("a copy goes on by itself", "CS0855", |w| {
        before(w, "ask k1", |w| changes::sits(w, "alice", 2, changes::THERE));
    }),
    // Sessions and changes.
    ("a session of another kind", "CS0856", |w| {
        entry(w, "session", |entry| fact_of!(entry, SessionOpened).session_kind = "root".into());
    }),
    ("a session of another account than the plan's", "CS0856", |w| {
        entry(w, "session", |entry| fact_of!(entry, SessionOpened).account = "333333333333".into());
    }),
    ("a session of another account than the values say", "CS0856", |w| {
        w.plan.sessions.get_mut("new").unwrap().account = "${parameters.account}".into();
        w.values = b"{\"account\":\"444444444444\"}".to_vec();
        w.plan.values = Digest::of(&w.values);
    }),
    ("a live run against something that is not AWS", "CS0856", |w| {
        entry(w, "session", |entry| fact_of!(entry, SessionOpened).endpoint = "http://127.0.0.1:4566".into());
    }),
    ("a live run against a host that only ends like AWS's", "CS0856", |w| {
        entry(w, "session", |entry| {
            fact_of!(entry, SessionOpened).endpoint = "https://evil.example?sts.amazonaws.com".into();
        });
    }),
    ("the runbook amended by the operator alone", "CS0860", |w| {
        before(w, "ask k1", |w| amend(w, &["alice"], |plan| plan.stages[0].steps[0].approvals.truncate(1)));
    }),
    ("a begun step amended", "CS0860", |w| {
        before(w, "done k1", |w| {
            amend(w, &["alice", "bob", "carol"], |plan| plan.stages[0].steps[0].approvals.clear())
        });
    }),
    ("an amendment signed for another plan", "CS0860", |w| {
        statement(w, "amend bob", |statement, _| {
            if let Body::Change(_, fields) = &mut statement.body {
                fields.plan = Digest::of(b"other");
            }
        });
        before(w, "anchor k1", |w| amend(w, &["alice", "bob", "carol"], |plan| plan.title = "x".into()));
    }),
    ("the people changed by the operator alone", "CS0860", |w| before(w, "ask k1", |w| change_people(w, &["alice"]))),
    ("approvals waived by somebody who may not", "CS0861", |w| {
        w.before = Box::new(|w, label| match label {
            "approve carol k1" => break_glass(w, "carol", "why not"),
            "intend k1" => {
                let request = w.seq("ask k1");
                w.intend("intend k1", "k1", 1, request, vec![]);
                w.skip = true;
            }
            _ => {}
        });
    }),
    ("a code that was checked for another statement", "CS0824", |w| coded(w, |it| it.statement = Digest::of(b"other"))),
    ("a live code that a simulator checked", "CS0824", |w| coded(w, |it| it.endpoint = "http://127.0.0.1:1".into())),
    ("a code of another device", "CS0824", |w| coded(w, |it| it.serial.push('x'))),
    ("a session that is not named by the statement", "CS0824", |w| coded(w, |it| it.arn.push('x'))),
    ("an id that is not named by the statement", "CS0824", |w| coded(w, |it| it.assumed_role_id.push('x'))),
    ("a code of a role in another account", "CS0824", |w| coded(w, |it| it.account = "999999999999".into())),
    ("a code of tomorrow", "CS0824", |w| coded(w, |it| it.date = Some("2099-01-01T00:00:00Z".into()))),
    ("an approval without the code that its role needs", "CS0824", |w| {
        w.plan.roles.get_mut("mfa").unwrap().proof = countersign::plan::model::Proof::MfaCode;
    }),
    ("approvals waived for all items at once", "CS0861", |w| {
        waived(w, |fields| fields.covers = "move:*/*".into());
    }),
    ("approvals waived for another attempt", "CS0861", |w| waived(w, |fields| fields.attempt = 2)),
    ("approvals waived for other operations", "CS0861", |w| {
        waived(w, |fields| fields.operations = Digest::of(b"other"));
    }),
    ("approvals waived after the time to approve", "CS0861", |w| {
        w.before = Box::new(|w, label| {
            if label == "approve carol k1" {
                w.at = w.at.plus(24 * HOUR + 1_000);
                break_glass(w, "bob", "late");
            }
        });
    }),
    ("approvals waived by whoever performs", "CS0861", |w| {
        w.people = w.people.replace("people = [\"bob\"]", "people = [\"alice\"]");
        w.plan = plan(&w.people);
        before(w, "approve carol k1", |w| break_glass(w, "alice", "I am alone"));
    }),
    ("approvals waived, and some spent with them", "CS0833", |w| {
        w.before = Box::new(|w, label| match label {
            "approve carol k1" => break_glass(w, "bob", "fire"),
            "intend k1" => {
                let (request, bob) = (w.seq("ask k1"), w.seq("approve bob k1"));
                w.intend("intend k1", "k1", 1, request, vec![bob]);
                w.skip = true;
            }
            _ => {}
        });
    }),
    ("a waiver for one item used for another", "CS0833", |w| {
        w.before = Box::new(|w, label| match label {
            "approve carol k1" => break_glass(w, "bob", "fire"),
            "approve carol k2" => w.skip = true,
            "intend k2" => {
                let request = w.seq("ask k2");
                w.intend("intend k2", "k2", 1, request, vec![]);
                w.skip = true;
            }
            "intend k1" => {
                let request = w.seq("ask k1");
                w.intend("intend k1", "k1", 1, request, vec![]);
                w.skip = true;
            }
            _ => {}
        });
    }),
    ("a waiver used long after it was signed", "CS0836", |w| {
        w.before = Box::new(|w, label| match label {
            "approve carol k1" => break_glass(w, "bob", "fire"),
            "intend k1" => {
                w.at = w.at.plus(HOUR + 60_000);
                let request = w.seq("ask k1");
                w.intend("intend k1", "k1", 1, request, vec![]);
                w.skip = true;
            }
            _ => {}
        });
    }),
    ("approvals waived without a reason", "CS0861", |w| {
        statement(w, "glass", |statement, _| statement.tail.reason = " ".into());
        before(w, "approve carol k1", |w| break_glass(w, "bob", ""));
    }),
];

#[test]
fn every_lie_is_refused_with_its_own_code() {
    let mut wrong = Vec::new();
    for (name, wanted, hooks) in LIES {
        let mut writer = Writer::new(Mode::Live);
        hooks(&mut writer);
        writer.honest();
        let report = verdict_of(&writer);
        if (report.verdict, code(&report)) != (Verdict::Invalid, wanted) {
            wrong.push(format!("{name}: wanted {wanted}, found {} {:#?}", report.verdict.name(), report.problems));
        }
    }
    assert!(LIES.len() >= 35);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_amendment_signed_by_all_whom_it_touches_is_in_force() {
    let mut writer = Writer::new(Mode::Live);
    before(&mut writer, "anchor k1", |w| {
        amend(w, &["alice", "bob", "carol"], |plan| plan.stages[0].steps[0].approvals[0].within = 12 * HOUR);
    });
    entry(&mut writer, "ask k1", |_| {});
    writer.entry = Box::new(|label, entry, _| {
        if let ("ask k1" | "ask k2", Fact::Asked(asked)) = (label, &mut entry.fact) {
            asked.approve_by = asked.approve_by.plus(-12 * HOUR);
            asked.run_by = asked.run_by.plus(-12 * HOUR);
        }
    });
    writer.honest();
    assert_eq!(verdict_of(&writer).problems, []);
}

#[test]
fn a_change_of_people_signed_by_each_party_is_in_force() {
    let mut writer = Writer::new(Mode::Live);
    before(&mut writer, "ask k1", |w| change_people(w, &["alice", "bob", "dora"]));
    writer.honest();
    assert_eq!(verdict_of(&writer).problems, []);
}

// --- what is refused: edits of the finished bundle ---

/// Rebuilds the chain after an edit; signatures stay as they are.
fn rechained(writer: &Writer, seq: usize, edit: impl Fn(&mut countersign::record::Entry)) -> Bundle {
    let mut bundle = writer.bundle();
    let mut prev = Digest::ZERO;
    for (at, line) in bundle.lines.iter_mut().enumerate() {
        let mut entry = writer.entries[at].clone();
        if at == seq {
            edit(&mut entry);
        }
        entry.prev = prev;
        *line = entry.line().unwrap();
        prev = Digest::leaf(line.as_bytes());
    }
    bundle
}

#[test]
fn an_edit_breaks_the_chain_and_re_chained_it_breaks_the_signatures() {
    let writer = honest(Mode::Live);
    for label in ["session", "stage", "intend k1", "done k1", "verified k2", "checkpoint", "close"] {
        // The checkpoint is the first after that entry to say the root.
        let wanted = if label == "verified k2" { "CS0854" } else { "CS0807" };
        let seq = writer.seq(label) as usize;
        let mut bundle = writer.bundle();
        bundle.lines[seq] = bundle.lines[seq].replace("\"mono\":", "\"mono\":1");
        assert_eq!(code(&verify::check(&bundle, &[], &[])), "CS0802", "{label}");
        let bundle = rechained(&writer, seq, |entry| entry.mono += 1);
        assert_eq!(code(&verify::check(&bundle, &[], &[])), wanted, "{label}");
    }
}

#[test]
fn lines_that_are_no_entries_are_refused() {
    let writer = honest(Mode::Live);
    let seq = writer.seq("session") as usize;
    for (from, to) in [
        ("\"kind\":\"session_opened\"", "\"kind\":\"session_begun\""),
        ("\"v\":1", "\"v\":2"),
        ("\"account\":", "\"a\":1,\"account\":"),
        ("{\"at\":", "{ \"at\":"),
    ] {
        let mut bundle = writer.bundle();
        assert!(bundle.lines[seq].contains(from));
        bundle.lines[seq] = bundle.lines[seq].replace(from, to);
        assert_eq!(code(&verify::check(&bundle, &[], &[])), "CS0801", "{to}");
    }
    let mut bundle = writer.bundle();
    bundle.lines.remove(seq);
    assert_eq!(code(&verify::check(&bundle, &[], &[])), "CS0802");
    let mut bundle = writer.bundle();
    bundle.lines.swap(seq, seq + 1);
    assert_eq!(code(&verify::check(&bundle, &[], &[])), "CS0802");
    let mut bundle = writer.bundle();
    bundle.run = countersign::base::RunId::from_bytes([3; 16]);
    assert_eq!(code(&verify::check(&bundle, &[], &[])), "CS0802");
}

#[test]
fn an_object_that_a_digest_in_force_names_must_be_there() {
    let writer = honest(Mode::Live);
    let Fact::RunOpened(opened) = &writer.entries[0].fact else { panic!() };
    let Fact::Asked(asked) = &writer.entries[writer.seq("ask k1") as usize].fact else { panic!() };
    let Fact::Intended(intended) = &writer.entries[writer.seq("intend k1") as usize].fact else { panic!() };
    for digest in [opened.runbook, opened.values, opened.plan, opened.people, asked.operations, intended.operation] {
        let mut bundle = writer.bundle();
        bundle.objects.remove(&digest).unwrap();
        assert_eq!(code(&verify::check(&bundle, &[], &[])), "CS0812");
        // Something else in its place.
        let mut bundle = writer.bundle();
        bundle.objects.insert(digest, b"{}\n".to_vec());
        assert_eq!(code(&verify::check(&bundle, &[], &[])), "CS0812");
    }
    let mut bundle = writer.bundle();
    bundle.objects.remove(&opened.people_signatures.unwrap());
    assert_eq!(code(&verify::check(&bundle, &[], &[])), "CS0814");
}

#[test]
fn a_person_with_another_key_than_the_trusted_one_is_refused() {
    let writer = honest(Mode::Live);
    let other = Trust::parse("signers", &format!("bob {}\n", key(Mode::Rehearsal, "bob").line(""))).unwrap();
    let report = verify::check(&writer.bundle(), &[other], &[]);
    assert_eq!((report.verdict, code(&report)), (Verdict::Invalid, "CS0816"));
}

#[test]
fn a_later_try_spends_nothing_and_changes_nothing() {
    type Change = fn(&mut fact::Intended);
    let lies: [(&str, Change); 4] = [
        ("CS0834", |fact| fact.consumes = vec![8, 9]),
        ("CS0835", |fact| fact.operation = Digest::of(b"schema = 1\n")),
        ("CS0837", |fact| fact.first = None),
        ("CS0837", |fact| fact.r#try = 3),
    ];
    for (wanted, change) in lies {
        let found = verdict_of(&two_tries(change));
        let acceptable = code(&found) == wanted || (wanted == "CS0835" && code(&found) == "CS0813");
        assert!(acceptable, "{wanted}: {:?}", found.problems);
    }
    // After an answer that may have taken effect there is no second try.
    let mut writer = Writer::new(Mode::Live);
    before(&mut writer, "done k1", |w| try_again(w, Ended::Failed, |_| {}));
    writer.honest();
    assert_eq!(code(&verdict_of(&writer)), "CS0837");
}

// --- every byte ---

#[test]
fn no_flipped_byte_is_accepted() {
    let writer = honest(Mode::Live);
    let text = bundle::write(&writer.run, &writer.lines, &writer.objects).into_bytes();
    let kept = [held(&writer, writer.lines.len() as u64)];
    let long = std::env::var_os("COUNTERSIGN_LONG").is_some_and(|value| value == "1");
    // By default a sample of about 400 bytes, spread by a step that has no factor in common with line lengths.
    let step = if long { 1 } else { (text.len() / 400) | 1 };
    let places: Vec<usize> = (0..text.len()).step_by(step).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (text, kept) = (&text, &kept);
    let accepted: Vec<(usize, &str)> = std::thread::scope(|scope| {
        let parts = places.chunks(places.len().div_ceil(threads));
        let workers: Vec<_> = parts.map(|part| scope.spawn(move || accepted_flips(text, part, kept))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(accepted.is_empty(), "{accepted:?}");
}

/// Flips one bit at each place; gives those that are taken for a good history all the same.
fn accepted_flips(text: &[u8], places: &[usize], kept: &[Held]) -> Vec<(usize, &'static str)> {
    let mut accepted = Vec::new();
    for at in places {
        let mut flipped = text.to_vec();
        flipped[*at] ^= 1 << (at % 8);
        let Ok(bundle) = bundle::read(&flipped) else { continue };
        let report = verify::check(&bundle, &[], kept);
        if !matches!(report.verdict, Verdict::Invalid | Verdict::Diverged) {
            accepted.push((*at, report.verdict.name()));
        }
    }
    accepted
}

#[test]
fn without_a_kept_head_only_the_last_entry_can_be_altered_unseen() {
    let writer = honest(Mode::Live);
    let line = writer.lines.last().unwrap();
    let altered = line.replace("\"mono\":", "\"mono\":1");
    let mut bundle = writer.bundle();
    *bundle.lines.last_mut().unwrap() = altered;
    let report = verify::check(&bundle, &[], &[]);
    assert_eq!(report.verdict, Verdict::Closed);
    assert_eq!(report.covered, report.entries - 1, "the report must not claim more than it can");
    assert_eq!(verify::check(&bundle, &[], &[held(&writer, report.entries)]).verdict, Verdict::Diverged);
}

// --- every member ---

/// Members that an operator can write as he likes without the verifier's noticing: what the verdict
/// calls taken on the operator's word, and what is said for people to read. Nothing else may be here.
const ON_WORD: &[&str] = &[
    "anchor_set.object",
    "asked.approve_by", // a second off is rounding, and the approvers sign it
    "asked.run_by",
    "checkpoint.object", // what others keep of it
    "asked.summary",     // what the approvers were shown, and have signed
    "intended.send_by",  // earlier is no harm
    "outcome.date",
    "outcome.output",
    "outcome.request_id",
    "outcome.took_ms",
    "request_ended.request", // ended without need: no harm
    "request_ended.why",
    "run_opened.host",
    "run_opened.paths",
    "run_opened.program",
    "run_opened.random",
    "session_opened.arn",
    "verified.object",
    "verified.sides",
];

/// Other values for a member, likely to be a lie.
fn others(value: &serde_json::Value) -> Vec<serde_json::Value> {
    use serde_json::Value;
    match value {
        Value::Null => vec![json!(1), json!("0".repeat(64))],
        Value::Number(number) => vec![json!(number.as_u64().unwrap_or(0) + 1), json!(0)],
        Value::String(text) => {
            let mut other = text.clone();
            let last = other.pop();
            other.push(if last == Some('0') { '1' } else { '0' });
            let earlier = Time::parse_millis(text).map_or(json!("x"), |time| json!(time.plus(-1000)));
            vec![json!(other), earlier, json!(Digest::of(b"other"))]
        }
        Value::Array(_) => vec![json!([]), json!([7])],
        _ => vec![json!({}), json!({"x": 1})],
    }
}

#[test]
fn no_member_can_be_written_otherwise_but_those_on_the_operators_word() {
    let honest = honest(Mode::Live);
    let mut unseen = std::collections::BTreeSet::new();
    for (label, seq) in honest.seqs.clone() {
        if label.contains("k2") || label == "end" {
            continue;
        }
        let fact = honest.entries[seq as usize].fact.clone();
        let data = fact.data();
        for (member, value) in data.as_object().unwrap() {
            for other in others(value) {
                let mut changed = data.clone();
                changed[member] = other.clone();
                let Ok(lie) = Fact::read(fact.kind(), &changed) else { continue };
                if lie == fact {
                    continue;
                }
                let mut writer = Writer::new(Mode::Live);
                let at = label.clone();
                writer.entry = Box::new(move |label, entry, _| {
                    if label == at {
                        entry.fact = lie.clone();
                    }
                });
                writer.honest();
                if verdict_of(&writer).verdict == Verdict::Closed {
                    unseen.insert(format!("{}.{member}", fact.kind()));
                }
            }
        }
    }
    let unexpected: Vec<_> = unseen.iter().filter(|name| !ON_WORD.contains(&name.as_str())).collect();
    assert!(unexpected.is_empty(), "the verifier does not see: {unexpected:?}");
}

/// Every place of a value, as JSON pointers.
fn places(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        serde_json::Value::Object(members) => {
            members.iter().for_each(|(key, value)| places(value, &format!("{at}/{}", key.replace('/', "~1")), found));
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(key, value)| places(value, &format!("{at}/{key}"), found));
        }
        _ => {}
    }
}

#[test]
fn another_plan_than_the_one_signed_is_refused_wherever_it_differs() {
    let model = Writer::new(Mode::Rehearsal);
    let plan = serde_json::to_value(&model.plan).unwrap();
    let mut all = Vec::new();
    places(&plan, "", &mut all);
    let others =
        [json!(null), json!(""), json!("x|y"), json!(9_007_199_254_740_991i64), json!(-1), json!([]), json!({})];
    for (at, place) in all.iter().enumerate() {
        // Each place once, with a value in turn: what it says matters less than that nothing panics.
        let mut other = plan.clone();
        let value = others[at % others.len()].clone();
        if *other.pointer(place).unwrap() == value {
            continue;
        }
        *other.pointer_mut(place).unwrap() = value;
        let mut writer = Writer::new(Mode::Rehearsal);
        // As an operator would who shows the approvers one plan and stores another: the statements are over the first.
        writer.honest();
        let honest = writer.force.1;
        let bytes = object_bytes(&other).unwrap();
        let mut swapped = writer.bundle();
        swapped.objects.insert(honest, bytes.clone());
        assert_eq!(code(&verify::check(&swapped, &[], &[])), "CS0812", "{place}");
        if at % 5 == 0 {
            let mut writer = Writer::new(Mode::Rehearsal);
            writer.stored_plan = Some(bytes);
            writer.honest();
            let _ = verdict_of(&writer);
        }
    }
}

// --- longer scripts ---

fn way_in() -> countersign::plan::model::Hold {
    countersign::plan::model::Hold {
        id: "way_in".into(),
        title: "Way in".into(),
        session: "new".into(),
        prove: vec![],
        by_hand: vec![],
        instructions: String::new(),
        from: "move".into(),
        until: "move".into(),
        fresh_within: HOUR,
    }
}

fn try_again(w: &mut Writer, ended: Ended, change: impl Fn(&mut fact::Intended)) {
    let first = w.seq("intend k1");
    w.end("first try", "k1", 1, Some(first), ended, Found::Answer);
    let Fact::Intended(mut again) = w.entries[first as usize].fact.clone() else { panic!() };
    again.r#try = 2;
    again.first = Some(first);
    again.consumes = vec![];
    again.send_by = Some(w.at.plus(31_000));
    change(&mut again);
    w.push("intend k1", "alice", again);
}

fn two_tries(change: fn(&mut fact::Intended)) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    writer.before = Box::new(move |w, label| {
        if label == "done k1" {
            try_again(w, Ended::NotDone, change);
        }
    });
    writer.honest();
    writer
}

/// k1 ends in doubt, and a settlement of it is asked for after `said`.
fn settlement_unsaid(writer: &mut Writer, said: fn(&mut Writer, Digest)) {
    writer.before = Box::new(move |w, label| {
        if label == "done k1" {
            let intended = w.seq("intend k1");
            w.end("doubt", "k1", 1, Some(intended), Ended::InDoubt, Found::Answer);
            let settlement = w.object(object_bytes(&json!({"outputs": {}, "probe": [], "result": "done"})).unwrap());
            said(w, settlement);
            let asked = w.asked("k1", 1, What::Settle, settlement);
            let _ = w.push("settle", "alice", asked);
            w.skip = true;
        }
    });
}

/// k1 ends in doubt and is settled by word, with or without bob's approval.
fn settled(approved: bool) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    writer.before = Box::new(move |w, label| {
        if label == "done k1" {
            let intended = w.seq("intend k1");
            w.end("doubt", "k1", 1, Some(intended), Ended::InDoubt, Found::Answer);
            let settlement = w.object(object_bytes(&json!({"outputs": {}, "probe": [], "result": "done"})).unwrap());
            w.say("settled", "alice", SaidWhat::Settled, "move:k1/accept", 1, Some(settlement));
            let asked = w.asked("k1", 1, What::Settle, settlement);
            let request = w.push("settle", "alice", asked);
            if approved {
                w.decide("agreed", "bob", "security", request, Decides::Approve);
            }
            w.end("by word", "k1", 1, Some(intended), Ended::Done, Found::Word);
            w.skip = true;
        }
    });
    writer.honest();
    writer
}

fn break_glass(w: &mut Writer, who: &str, reason: &str) {
    let request = w.seq("ask k1");
    let Fact::Asked(asked) = w.entries[request as usize].fact.clone() else { panic!() };
    let fields = BreakGlassFields { covers: asked.covers, operations: asked.operations, attempt: 1 };
    let _ = reason;
    let SignedText { statement, signature, key } = w.sign("glass", who, "", Body::BreakGlass(w.head(), fields));
    w.push("glass", who, fact::BreakGlass { statement, signature, key });
    w.skip = true;
}

/// The role `mfa` needs codes, and AWS took one for each of carol's approvals; what it said of the first is changed.
fn coded(w: &mut Writer, lie: fn(&mut fact::Corroborated)) {
    let account = "arn:aws:iam::111122223333";
    let mfa = format!("mfa = {{ serial = \"{account}:mfa/carol\", role = \"{account}:role/approve\" }}\n");
    w.people = w.people.replace("[people.carol]\n", &format!("[people.carol]\n{mfa}"));
    w.plan = plan(&w.people);
    w.plan.roles.get_mut("mfa").unwrap().proof = countersign::plan::model::Proof::MfaCode;
    w.before = Box::new(move |w, label| {
        let Some(item) = label.strip_prefix("approve carol ") else { return };
        let request = w.seq(&format!("ask {item}"));
        let SignedText { statement, signature, key } = w.decided(label, "carol", "mfa", request, Decides::Approve);
        let digest = Digest::of(statement.as_bytes());
        let name = countersign::record::corroboration::session_name(&digest);
        let mut it = fact::Corroborated {
            statement: digest,
            account: "111122223333".into(),
            arn: format!("arn:aws:sts::111122223333:assumed-role/approve/{name}"),
            assumed_role_id: format!("AROAEXAMPLE:{name}"),
            date: Some(w.at.seconds()),
            endpoint: "https://sts.amazonaws.com".into(),
            request_id: Some("id".into()),
            serial: format!("{account}:mfa/carol"),
        };
        if item == "k1" {
            lie(&mut it);
        }
        w.push("code", "carol", it);
        w.push(label, "carol", fact::Approval { statement, signature, key });
        w.skip = true;
    });
}

#[test]
fn a_code_corroborates_and_is_named_among_what_is_taken_on_word() {
    let mut writer = Writer::new(Mode::Live);
    coded(&mut writer, |_| {});
    writer.honest();
    let report = verdict_of(&writer);
    assert_eq!((report.problems.as_slice(), report.verdict), (&[][..], Verdict::Closed));
    assert!(
        report.word.iter().any(|word| word.contains("a code for 2 approvals: corroborated only")),
        "{:?}",
        report.word
    );
    let bundle = bundle::write(&writer.run, &writer.lines, &writer.objects);
    second_verifier::agrees(bundle.as_bytes());
}

/// Break-glass by bob, who may, with another statement than the honest one.
fn waived(w: &mut Writer, change: fn(&mut BreakGlassFields)) {
    w.statement = Box::new(move |at, statement, _| {
        if let (true, Body::BreakGlass(_, fields)) = (at == "glass", &mut statement.body) {
            change(fields);
        }
    });
    before(w, "approve carol k1", |w| break_glass(w, "bob", "fire"));
}

/// carol can't be reached for k1; `who` waives, and bob does not witness.
fn glass(who: &'static str, reason: &'static str) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    writer.before = Box::new(move |w, label| match label {
        "approve carol k1" => break_glass(w, who, reason),
        "intend k1" => {
            let request = w.seq("ask k1");
            w.intend("intend k1", "k1", 1, request, vec![]);
            w.skip = true;
        }
        "witness bob" => w.skip = true,
        _ => {}
    });
    writer.honest();
    writer
}

fn amend(w: &mut Writer, signers: &[&str], change: fn(&mut countersign::plan::model::Plan)) {
    let runbook = w.object(b"schema = 1 # amended\n".to_vec());
    let mut plan = w.plan.clone();
    plan.runbook = runbook;
    change(&mut plan);
    let bytes = object_bytes(&serde_json::to_value(&plan).unwrap()).unwrap();
    let digest = w.object(bytes);
    let fields = ChangeFields { runbook, plan: digest, people: w.force.2 };
    let statements = signers
        .iter()
        .map(|who| {
            let body = Body::Change(w.head(), fields.clone());
            w.sign(&format!("amend {who}"), who, "", body)
        })
        .collect();
    w.push("amended", "alice", fact::Amended { runbook, plan: digest, statements });
    (w.force.0, w.force.1, w.plan) = (runbook, digest, plan);
}

/// dora gets another role.
fn change_people(w: &mut Writer, signers: &[&str]) {
    let text = people(Mode::Live, &[("dora", "security")]);
    let digest = w.object(text.clone().into_bytes());
    let fields = ChangeFields { runbook: w.force.0, plan: w.force.1, people: digest };
    let statements = signers
        .iter()
        .map(|who| {
            let body = Body::Change(w.head(), fields.clone());
            w.sign(&format!("change {who}"), who, "", body)
        })
        .collect();
    w.push("people changed", "alice", fact::PeopleChanged { people: digest, statements });
    (w.force.2, w.people) = (digest, text);
}

#[test]
fn a_run_that_nobody_closed_counts_its_uncovered_end() {
    let mut writer = honest(Mode::Live);
    writer.lines.truncate(writer.seq("done k2") as usize);
    let report = verify::check(&writer.bundle(), &[], &[]);
    assert_eq!(report.verdict, Verdict::Open);
    assert_eq!(report.covered, writer.seq("approve carol k2"));
    assert!(verify::text(&report).contains("rest on the operator's word"));
    let value = verify::json(&report);
    let members: BTreeMap<String, serde_json::Value> = serde_json::from_value(value).unwrap();
    for name in ["verdict", "mode", "entries", "covered", "trusted_keys", "problems", "missing_objects"] {
        assert!(members.contains_key(name), "{name}");
    }
}

// --- the verbs ---

mod verbs {
    use super::*;
    use countersign::cli::ui::{Exit, Ui};
    use countersign::cli::{export, verify as verb};
    use countersign::engine::port::Store;
    use countersign::journal::Journal;
    use std::path::{Path, PathBuf};

    use countersign::cli::{Format, Global};

    const UI: Ui = Ui { color: false, quiet: true, verbose: false, json: true, interactive: false };

    fn journal(folder: &Path, writer: &Writer) -> PathBuf {
        let path = folder.join("countersign.db");
        let mut journal = Journal::open_or_create(&path).unwrap();
        let objects: Vec<_> = writer.objects.iter().map(|(digest, bytes)| (*digest, bytes.clone())).collect();
        journal.append(&writer.run, None, None, &writer.lines, &objects).unwrap();
        journal.close().unwrap();
        path
    }

    fn global(journal: &Path) -> Global {
        Global { journal: journal.to_path_buf(), format: Format::Json, quiet: true, verbose: false }
    }

    fn verify(
        journal: &Path,
        target: Option<&Path>,
        trust: &[PathBuf],
        held: &[PathBuf],
    ) -> Result<Exit, &'static str> {
        let target = target.map(|path| path.to_string_lossy().into_owned());
        let read = verb::Read { target, trust: trust.into(), held: held.into() };
        let args = verb::Args { read, commands: false };
        verb::run(&args, &global(journal), &UI).map_err(|error| error.code)
    }

    #[test]
    fn a_run_is_exported_and_verified_from_journal_bundle_and_foreign_journal() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let writer = honest(Mode::Live);
        let db = journal(folder.path(), &writer);
        let args = export::Args { run: Some("0909".into()), output: Some(at("run.bundle")), signers: None };
        assert_eq!(export::run(&args, &global(&db), &UI).unwrap(), Exit::Done);
        let exported = std::fs::read(at("run.bundle")).unwrap();
        assert_eq!(bundle::read(&exported).unwrap(), writer.bundle());

        std::fs::write(at("people.toml"), &writer.people).unwrap();
        let head = held(&writer, 9);
        let kept = json!({"run": head.run, "size": head.size, "root": head.root, "leaf": head.leaf, "request": 6});
        std::fs::write(at("held.json"), kept.to_string()).unwrap();
        let trust = [at("people.toml")];
        let held = [at("held.json")];
        for target in [None, Some(at("run.bundle")), Some(db.clone())] {
            assert_eq!(verify(&db, target.as_deref(), &trust, &held), Ok(Exit::Done), "{target:?}");
        }
        let cut = exported.split_inclusive(|byte| *byte == b'\n').take(8).flatten().copied().collect::<Vec<u8>>();
        std::fs::write(at("cut"), &cut).unwrap();
        assert_eq!(verify(&db, Some(&at("cut")), &[], &held), Ok(Exit::NotVerified));
        std::fs::write(at("rubbish"), "rubbish").unwrap();
        assert_eq!(verify(&db, Some(&at("rubbish")), &[], &[]), Ok(Exit::NotVerified));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let db = journal(folder.path(), &honest(Mode::Rehearsal));
        assert_eq!(verify(&at("none.db"), None, &[], &[]), Err("CS1001"));
        assert_eq!(verify(&db, Some(Path::new("ffff")), &[], &[]), Err("CS1002"));
        assert_eq!(verify(&db, None, &[at("none")], &[]), Err("CS0878"));
        std::fs::write(at("bad"), "x").unwrap();
        assert_eq!(verify(&db, None, &[at("bad")], &[]), Err("CS0876"));
        assert_eq!(verify(&db, None, &[], &[at("bad")]), Err("CS0877"));
        let other = json!({"run": "00".repeat(16), "size": 1, "root": root_text(&Digest::ZERO), "leaf": Digest::ZERO});
        std::fs::write(at("other"), other.to_string()).unwrap();
        assert_eq!(verify(&db, None, &[], &[at("other")]), Err("CS0877"));
    }
}
