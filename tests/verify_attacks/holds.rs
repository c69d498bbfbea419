//! Holds told otherwise than they were: a way in that was not there when it had to be.

use super::writer::{HOUR, Writer};
use super::{code, verdict_of, way_in};
use countersign::plan::model::Hold;
use countersign::record::fact::{self, Mode};
use countersign::record::statement::SaidWhat;

/// The hold covers the stage `move`; it begins before anything is asked, and is over when all is done.
fn held(change: fn(&mut Writer), at: &'static str, act: fn(&mut Writer)) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    writer.plan.holds.push(Hold { from: String::new(), ..way_in() });
    change(&mut writer);
    writer.statement = Box::new(|label, statement, _| {
        if label.starts_with("got in") {
            statement.tail.reason = "I got in by the way that the hold way_in keeps".into();
            statement.tail.role = if label.ends_with("bob") { "security" } else { "driver" }.into();
        }
    });
    writer.before = Box::new(move |w, label| {
        if label == at {
            act(w);
        }
        match label {
            "anchor k1" if at != "never begun" => {
                began(w);
                if at != "never proved" {
                    proved(w);
                }
            }
            "checkpoint" if at != "never begun" => ended(w),
            _ => {}
        }
    });
    writer.honest();
    writer
}

fn began(w: &mut Writer) {
    w.push("began", "alice", fact::HoldBegan { hold: "way_in".into() });
}

fn proved(w: &mut Writer) {
    w.push("proved", "alice", fact::HoldProved { hold: "way_in".into(), object: None });
}

fn ended(w: &mut Writer) {
    w.push("released", "alice", fact::HoldEnded { hold: "way_in".into() });
}

fn got_in(w: &mut Writer, person: &str) {
    w.say(&format!("got in {person}"), person, SaidWhat::Note, "hold:way_in", 1, None);
}

fn point_of_no_return(w: &mut Writer) {
    let back = &mut w.plan.stages[0].steps[0].back;
    (back.point_of_no_return, back.undo) = ("the account is gone".into(), vec![]);
}

fn by_hand(w: &mut Writer) {
    w.plan.holds[0].by_hand = vec!["security".into()];
}

fn nothing(_: &mut Writer) {}

#[test]
fn a_hold_as_the_plan_has_it_is_accepted() {
    for (change, at, act) in [
        (nothing as fn(&mut Writer), "", nothing as fn(&mut Writer)),
        (point_of_no_return, "", nothing),
        (nothing, "never proved", nothing),
        // By hand: bob's note is older than the proof, and not too old.
        (by_hand, "anchor k1", |w| got_in(w, "bob")),
    ] {
        assert_eq!(verdict_of(&held(change, at, act)).problems, [], "{at}");
    }
}

#[test]
fn a_hold_told_otherwise_is_refused() {
    type Lie = (&'static str, fn(&mut Writer), &'static str, fn(&mut Writer));
    let lies: &[Lie] = &[
        ("a changing step under a hold that was never begun", nothing, "never begun", nothing),
        ("begun twice", nothing, "ask k1", began),
        ("released before its stage is over", nothing, "intend k2", ended),
        ("released twice", nothing, "close", ended),
        ("a point of no return without any proof", point_of_no_return, "never proved", nothing),
        ("a point of no return under a proof too old", point_of_no_return, "intend k1", |w| {
            w.at = w.at.plus(HOUR - 5_000)
        }),
        ("proved by hand on nobody's word", by_hand, "", nothing),
        ("proved by hand on the word of another role", by_hand, "anchor k1", |w| got_in(w, "alice")),
        ("proved by hand on a word too old", by_hand, "anchor k1", |w| {
            got_in(w, "bob");
            w.at = w.at.plus(2 * HOUR);
        }),
        ("proved by hand on a word about another hold", by_hand, "anchor k1", |w| {
            w.say("got in bob", "bob", SaidWhat::Note, "hold:another", 1, None);
        }),
        ("of a hold that the plan does not have", |w| w.plan.holds.clear(), "", nothing),
    ];
    for (lie, change, at, act) in lies {
        assert_eq!(code(&verdict_of(&held(*change, at, *act))), "CS0844", "{lie}");
    }
}
