//! An undo that failed and was done by hand: what ends it a second time, and what does not.

use super::writer::{Writer, id};
use super::{code, undo_that, verdict_of};
use countersign::base::json::object_bytes;
use countersign::record::fact::{self, Direction, Ended, Found, Mode, What};
use countersign::record::statement::{Decides, SaidWhat};
use serde_json::json;

/// What the performer says, who agrees, and what ends it.
#[derive(Clone, Copy)]
struct By {
    failed: Ended,
    settlement: &'static str,
    agreed: Option<(&'static str, &'static str)>,
    result: Ended,
    found: Found,
}

const RIGHT: By = By {
    failed: Ended::Failed,
    settlement: "done",
    agreed: Some(("bob", "security")),
    result: Ended::Done,
    found: Found::Word,
};

/// k1 is done, its undo fails, and people do it by hand.
fn by_hand(by: By) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    writer.before = Box::new(move |w, label| match label {
        "confirm k2" => {
            w.push("rollback", "alice", fact::RollbackStarted { to: String::new(), steps: vec![id("k1")] });
            let intended = undo_that(w, by.failed);
            end_by_hand(w, by, intended);
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

fn end_by_hand(w: &mut Writer, by: By, intended: u64) {
    let step = id("k1").with_undo("back");
    let value = json!({"salt": "00", "probe": [], "result": by.settlement, "outputs": null});
    let object = w.object(object_bytes(&value).unwrap());
    w.say("by hand", "alice", SaidWhat::Settled, &step.to_string(), 1, Some(object));
    let asked = fact::Asked { covers: step.to_string(), ..w.asked("k1", 1, What::Settle, object) };
    let request = w.push("ask by hand", "alice", asked);
    if let Some((person, role)) = by.agreed {
        w.decide("agree by hand", person, role, request, Decides::Approve);
    }
    let outcome = fact::Outcome {
        step,
        direction: Direction::Undo,
        attempt: 1,
        intended: Some(intended),
        result: by.result,
        output: None,
        request_id: None,
        date: None,
        error: None,
        took_ms: 0,
        found: by.found,
    };
    w.push("ended by hand", "alice", outcome);
}

#[test]
fn people_may_do_by_hand_what_failed_and_it_is_marked_so() {
    let report = verdict_of(&by_hand(RIGHT));
    assert_eq!(report.problems, []);
    assert_eq!(report.result, "rolled_back");
    assert!(report.word.iter().any(|word| word.contains("move:k1/accept/undo/back")), "{:?}", report.word);
}

#[test]
fn nothing_else_ends_it_a_second_time() {
    let lies = [
        ("nobody agreed", By { agreed: None, ..RIGHT }, "CS0842"),
        ("agreed to something else", By { settlement: "not_done", ..RIGHT }, "CS0842"),
        ("by an answer of AWS", By { found: Found::Answer, ..RIGHT }, "CS0841"),
        ("by a probe", By { found: Found::Probe, ..RIGHT }, "CS0841"),
        ("as not done", By { settlement: "not_done", result: Ended::NotDone, ..RIGHT }, "CS0841"),
        ("what was done before", By { failed: Ended::Done, ..RIGHT }, "CS0820"),
        ("what did not happen", By { failed: Ended::NotDone, ..RIGHT }, "CS0820"),
        ("agreed to by its performer", By { agreed: Some(("alice", "driver")), ..RIGHT }, "CS0821"),
    ];
    for (lie, by, wanted) in lies {
        assert_eq!(code(&verdict_of(&by_hand(by))), wanted, "{lie}");
    }
}

/// A step that failed going forward is tried again; nobody's word makes it done.
#[test]
fn a_step_that_failed_is_not_done_by_word() {
    let mut writer = Writer::new(Mode::Live);
    writer.before = Box::new(|w, label| {
        if label == "done k1" {
            let intended = w.seq("intend k1");
            w.end("failed", "k1", 1, Some(intended), Ended::Failed, Found::Answer);
            let value = json!({"salt": "00", "probe": [], "result": "done", "outputs": null});
            let object = w.object(object_bytes(&value).unwrap());
            w.say("word", "alice", SaidWhat::Settled, "move:k1/accept", 1, Some(object));
            let asked = w.asked("k1", 1, What::Settle, object);
            let request = w.push("ask word", "alice", asked);
            w.decide("agree", "bob", "security", request, Decides::Approve);
            w.end("done k1", "k1", 1, Some(intended), Ended::Done, Found::Word);
            w.skip = true;
        }
    });
    writer.honest();
    let codes: Vec<&str> = verdict_of(&writer).problems.iter().map(|problem| problem.code).collect();
    assert!(codes.contains(&"CS0820") && codes.contains(&"CS0841"), "{codes:?}");
}
