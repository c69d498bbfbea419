//! A secret that was lost: what it belonged to is taken back, and then the same is tried again, on the same approvals.

use super::writer::{Writer, id};
use super::{code, undo_that, verdict_of};
use countersign::record::fact::{self, Direction, Ended, Found, Mode};

#[derive(Clone, Copy)]
pub(super) struct Lost {
    /// The plan says that the step's output holds a secret.
    secret: bool,
    /// How the undo ended; none: nothing was taken back.
    back: Option<Ended>,
    /// The next try, or as a new attempt without one.
    attempt: u32,
    closed: &'static str,
}

pub(super) const RIGHT: Lost = Lost { secret: true, back: Some(Ended::Done), attempt: 1, closed: "done" };

pub(super) fn lost(lost: Lost) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    if lost.secret {
        writer.plan.stages[0].steps[0].secret_outputs = vec!["Handshake.Secret".into()];
    }
    writer.before = Box::new(move |w, label| match label {
        "done k1" => {
            let first = w.seq("intend k1");
            w.end("lost", "k1", 1, Some(first), Ended::SecretLost, Found::Probe);
            if let Some(result) = lost.back {
                undo_that(w, result);
            }
            again(w, lost, first);
            w.skip = true;
        }
        "close" if lost.closed != "done" => {
            w.close(lost.closed);
            w.skip = true;
        }
        "witness alice" | "witness bob" if lost.closed != "done" => {
            w.witness(label, &label[8..], lost.closed);
            w.skip = true;
        }
        _ => {}
    });
    writer.honest();
    writer
}

fn again(w: &mut Writer, lost: Lost, first: u64) {
    let Some(fact::Fact::Intended(before)) = w.entries.get(first as usize).map(|entry| entry.fact.clone()) else {
        panic!("it was not begun")
    };
    let again = fact::Intended {
        step: id("k1"),
        direction: Direction::Do,
        attempt: lost.attempt,
        r#try: if lost.attempt == 1 { 2 } else { 1 },
        consumes: vec![],
        first: (lost.attempt == 1).then_some(first),
        send_by: Some(w.at.plus(31_000)),
        ..before
    };
    let seq = w.push("again", "alice", again);
    w.end("done k1", "k1", lost.attempt, Some(seq), Ended::Done, Found::Answer);
}

#[test]
fn what_it_belonged_to_is_taken_back_and_made_again() {
    let report = verdict_of(&lost(RIGHT));
    assert_eq!(report.problems, []);
    assert_eq!(report.result, "done");
}

#[test]
fn nothing_is_made_again_before() {
    let lies = [
        ("nothing was taken back", Lost { back: None, ..RIGHT }, "CS0837"),
        ("that failed", Lost { back: Some(Ended::Failed), ..RIGHT }, "CS0837"),
        ("as a new attempt", Lost { back: None, attempt: 2, ..RIGHT }, "CS0837"),
        ("there is no secret", Lost { secret: false, ..RIGHT }, "CS0841"),
        ("and it is said to be back", Lost { closed: "rolled_back", ..RIGHT }, "CS0851"),
    ];
    let mut second = crate::second_verifier::Second::start("");
    for (lie, how, wanted) in lies {
        let writer = lost(how);
        assert_eq!(code(&verdict_of(&writer)), wanted, "{lie}");
        if !second.left.iter().any(|left| left == wanted) {
            let text = countersign::record::bundle::write(&writer.run, &writer.lines, &writer.objects);
            assert_eq!(second.verdict(text.as_bytes())["verdict"], "INVALID", "{lie}");
        }
    }
}
