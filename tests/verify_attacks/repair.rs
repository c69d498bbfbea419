//! The repair of a point of no return: when it may begin, and what it needs.

use super::writer::{Writer, id};
use super::{code, verdict_of};
use countersign::base::json::object_bytes;
use countersign::record::fact::{self, Direction, Ended, Found, Mode, What};
use countersign::record::operations::{self, Operation};
use countersign::record::statement::Decides;
use serde_json::json;

/// What is repaired, and how.
#[derive(Clone, Copy)]
pub(super) struct Repair {
    /// Before this of the honest run's entries.
    at: &'static str,
    /// What stands in `to`, and the step that is listed; empty: no repair is started.
    to: &'static str,
    listed: &'static str,
    started: bool,
    approved: bool,
    /// Written as an undo.
    direction: Direction,
    /// The plan has the step as a point of no return.
    end: bool,
    covers: &'static str,
    result: &'static str,
}

pub(super) const RIGHT: Repair = Repair {
    at: "checkpoint",
    to: "move:k1/accept",
    listed: "mend",
    started: true,
    approved: true,
    direction: Direction::Do,
    end: true,
    covers: "repair move:k1/accept",
    result: "done",
};

/// Both items are done, which can't be taken back; k1 is repaired.
pub(super) fn repaired(repair: Repair) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    let step = &mut writer.plan.stages[0].steps[0];
    let mut mend = std::mem::take(&mut step.back.undo).remove(0);
    mend.id = "mend".into();
    step.repair = vec![mend.clone()];
    match repair.end {
        true => step.back.point_of_no_return = "nobody comes back".into(),
        false => step.back.undo = vec![mend],
    }
    writer.before = Box::new(move |w, label| {
        if label == repair.at {
            begin(w, repair);
        } else if label == "close" && repair.result != "done" {
            w.close(repair.result);
            w.skip = true;
        } else if label.starts_with("witness") && repair.result != "done" {
            w.witness(label, &label[8..], repair.result);
            w.skip = true;
        }
    });
    writer.honest();
    writer
}

fn begin(w: &mut Writer, repair: Repair) {
    let step = id("k1").with_repair("mend");
    if repair.started {
        let listed = vec![id("k1").with_repair(repair.listed)];
        w.push("repair", "alice", fact::RollbackStarted { to: repair.to.into(), steps: listed });
    }
    let mut operation = w.plan.stages[0].steps[0].repair[0].template.clone();
    operation["with"]["AccountId"] = json!("k1");
    let digest = w.object(object_bytes(&operation).unwrap());
    let (covers, direction) = (step.covers(), repair.direction);
    let list = [Operation { covers, step: step.clone(), direction, attempt: 1, performer: "alice".into(), operation }];
    let operations = w.object(operations::write(&list).unwrap());
    let asked = fact::Asked { covers: repair.covers.into(), ..w.asked("k1", 1, What::Approval, operations) };
    let request = w.push("ask mend", "alice", asked);
    let mut consumes = Vec::new();
    if repair.approved {
        consumes.push(w.decide("bob mend", "bob", "security", request, Decides::Approve));
        consumes.push(w.decide("carol mend", "carol", "mfa", request, Decides::Approve));
    }
    let intended = fact::Intended {
        step: step.clone(),
        direction,
        attempt: 1,
        r#try: 1,
        operation: digest,
        request: Some(request),
        consumes,
        first: None,
        send_by: Some(w.at.plus(31_000)),
    };
    let seq = w.push("intend mend", "alice", intended);
    let outcome = fact::Outcome {
        step,
        direction,
        attempt: 1,
        intended: Some(seq),
        result: Ended::Done,
        output: None,
        request_id: None,
        date: None,
        error: None,
        took_ms: 1,
        found: Found::Answer,
    };
    w.push("done mend", "alice", outcome);
}

#[test]
fn what_was_passed_may_be_repaired() {
    let report = verdict_of(&repaired(RIGHT));
    assert_eq!(report.problems, []);
    assert_eq!(report.result, "done");
}

#[test]
fn a_repair_wants_its_point_of_no_return_its_beginning_and_its_approvals() {
    let lies = [
        ("before anything was passed", Repair { at: "confirm k1", ..RIGHT }, "CS0830"),
        ("while it is open", Repair { at: "done k1", ..RIGHT }, "CS0830"),
        ("of what can be taken back", Repair { end: false, ..RIGHT }, "CS0830"),
        ("of another item", Repair { to: "move:k2/accept", ..RIGHT }, "CS0830"),
        ("of the repair itself", Repair { to: "move:k1/accept/repair/mend", ..RIGHT }, "CS0830"),
        ("of other steps than the plan's", Repair { listed: "tend", ..RIGHT }, "CS0830"),
        ("begun without a word", Repair { started: false, ..RIGHT }, "CS0830"),
        ("behind a rollback", Repair { to: "", ..RIGHT }, "CS0830"),
        ("as an undo", Repair { direction: Direction::Undo, ..RIGHT }, "CS0820"),
        ("under the name of its step", Repair { covers: "move:k1/accept", ..RIGHT }, "CS0820"),
        ("under the name of its item", Repair { covers: "move:k1/*", ..RIGHT }, "CS0820"),
        ("without approvals", Repair { approved: false, ..RIGHT }, "CS0833"),
        ("as taken back", Repair { result: "rolled_back", ..RIGHT }, "CS0851"),
    ];
    let mut second = crate::second_verifier::Second::start("");
    for (lie, repair, wanted) in lies {
        let writer = repaired(repair);
        assert_eq!(code(&verdict_of(&writer)), wanted, "{lie}");
        if !second.left.iter().any(|left| left == wanted) {
            let text = countersign::record::bundle::write(&writer.run, &writer.lines, &writer.objects);
            assert_eq!(second.verdict(text.as_bytes())["verdict"], "INVALID", "{lie}");
        }
    }
}
