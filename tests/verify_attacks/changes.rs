//! Lies about changes and copies: who amended, who changed the people, who goes on where. And whether the writer's own
//! decision about amendments says what the verifier's rules say.

use super::*;
use crate::second_verifier::{Agreed, Second};
use countersign::approval::change::{self, Progress};
use countersign::plan::model::{Plan, Proof, Step};
use countersign::record::statement::SignOnFields;
use std::collections::BTreeSet;

const HERE: &str = "abababababababababababababababab";
pub const THERE: &str = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";

/// A hand-over, or a refusal of one.
fn hand(w: &mut Writer, label: &str, who: &str, body: Body) {
    let SignedText { statement, signature, key } = w.sign(label, who, "", body);
    w.push(label, who, fact::HandedOver { statement, signature, key });
}

fn hand_over(w: &mut Writer, who: &str, to: &str) {
    let body = Body::HandOver(w.head(), to.into());
    hand(w, "hand over", who, body);
}

fn decline(w: &mut Writer, who: &str, to: &str) {
    let body = Body::Decline(w.head(), to.into());
    hand(w, "decline", who, body);
}

pub fn sits(w: &mut Writer, who: &str, epoch: u64, machine: &str) {
    w.epoch = epoch;
    let body = Body::SignOn(w.head(), SignOnFields { epoch, machine: machine.into() });
    let SignedText { statement, signature, key } = w.sign("sits", who, "", body);
    w.push("sits", who, fact::SignedOn { statement, signature, key, machine: machine.into() });
}

/// Words that the run goes on there, all signed over the history before the first of them.
fn words(w: &mut Writer, people: &[&str], machine: &str) {
    let covers = format!("recovery:{machine}");
    let head = w.head();
    for who in people {
        let fields = SaidFields { what: SaidWhat::Note, covers: covers.clone(), attempt: 1, object: None };
        let SignedText { statement, signature, key } = w.sign("word", who, "", Body::Said(head.clone(), fields));
        w.push("word", who, fact::Said { statement, signature, key });
    }
}

type Script = fn(&mut Writer);

/// Histories that nobody can say a word against.
const HONEST: [(&str, Script); 4] = [
    ("declined", |w| {
        hand_over(w, "alice", "dora");
        decline(w, "dora", "alice");
        sits(w, "alice", 2, HERE);
    }),
    ("taken over on another machine, and given back", |w| {
        hand_over(w, "alice", "dora");
        sits(w, "dora", 2, THERE);
        hand_over(w, "dora", "alice");
        sits(w, "alice", 3, HERE);
    }),
    ("recovered", |w| {
        words(w, &["dora", "bob"], THERE);
        sits(w, "alice", 2, THERE);
    }),
    ("recovered from the successor, who was never seen again", |w| {
        hand_over(w, "alice", "dora");
        words(w, &["bob", "alice"], HERE);
        sits(w, "alice", 2, HERE);
    }),
];

const LIES: [(&str, &str, Script); 21] = [
    ("a copy goes on", "CS0855", |w| sits(w, "alice", 2, THERE)),
    ("the seat is joined from another copy", "CS0855", |w| sits(w, "dora", 1, THERE)),
    ("one party says that the run goes on elsewhere", "CS0855", |w| {
        words(w, &["bob", "carol"], THERE);
        sits(w, "alice", 2, THERE);
    }),
    ("words for another copy", "CS0855", |w| {
        words(w, &["alice", "bob"], &"ef".repeat(16));
        sits(w, "alice", 2, THERE);
    }),
    ("words that were used before", "CS0855", |w| {
        words(w, &["alice", "bob"], THERE);
        sits(w, "alice", 2, THERE);
        sits(w, "alice", 3, HERE);
    }),
    ("something stands between the words and the seat", "CS0855", |w| {
        words(w, &["alice", "bob"], THERE);
        w.push("note", "alice", fact::Resumed { why: "later".into() });
        sits(w, "alice", 2, THERE);
    }),
    ("a word over an older history", "CS0855", |w| {
        let head = w.head();
        w.push("note", "alice", fact::Resumed { why: "later".into() });
        let covers = format!("recovery:{THERE}");
        let fields = SaidFields { what: SaidWhat::Note, covers, attempt: 1, object: None };
        let SignedText { statement, signature, key } = w.sign("word", "bob", "", Body::Said(head, fields));
        w.push("word", "bob", fact::Said { statement, signature, key });
    }),
    ("declined by somebody else", "CS0853", |w| {
        hand_over(w, "alice", "dora");
        decline(w, "bob", "alice");
    }),
    ("declined in favour of somebody else", "CS0853", |w| {
        hand_over(w, "alice", "dora");
        decline(w, "dora", "bob");
    }),
    ("declined, and somebody else sits down", "CS0853", |w| {
        hand_over(w, "alice", "dora");
        decline(w, "dora", "alice");
        sits(w, "dora", 2, HERE);
    }),
    ("handed over twice", "CS0853", |w| {
        hand_over(w, "alice", "dora");
        hand_over(w, "alice", "bob");
    }),
    ("handed over by somebody without a seat", "CS0838", |w| hand_over(w, "bob", "dora")),
    ("an amendment that nobody signed", "CS0860", |w| amend(w, &[], |plan| plan.version = "2.0.0".into())),
    ("an amendment signed before another one", "CS0860", |w| {
        let (runbook, people) = (w.object(b"schema = 1 # third\n".to_vec()), w.force.2);
        let mut third = w.plan.clone();
        (third.runbook, third.version) = (runbook, "3.0.0".into());
        let plan = w.object(object_bytes(&serde_json::to_value(&third).unwrap()).unwrap());
        let body = Body::Change(w.head(), ChangeFields { runbook, plan, people });
        let early = w.sign("early", "alice", "", body);
        amend(w, &["alice"], |plan| plan.version = "2.0.0".into());
        w.push("late", "alice", fact::Amended { runbook, plan, statements: vec![early] });
    }),
    ("an approver dropped by the others", "CS0860", |w| {
        amend(w, &["alice", "bob"], |plan| plan.stages[0].steps[0].approvals.truncate(1));
    }),
    ("the items of an entered stage amended", "CS0860", |w| {
        amend(w, &["alice", "bob", "carol"], |plan| plan.stages[0].items.as_mut().unwrap().truncate(1));
    }),
    ("a live hold amended", "CS0860", |w| {
        w.push("held", "alice", fact::HoldBegan { hold: "way_in".into() });
        amend(w, &["alice", "bob", "carol"], |plan| plan.holds.clear());
    }),
    ("somebody comes in without their own signature", "CS0860", |w| change_people(w, &["alice", "bob"])),
    ("somebody comes in with the key of another", "CS0808", |w| {
        w.statement = Box::new(|label, _, pen| {
            if label == "change dora" {
                pen.key_of = Some("bob".into());
            }
        });
        change_people(w, &["alice", "bob", "dora"]);
    }),
    ("the people changed by one party", "CS0860", |w| change_people(w, &["carol", "dora"])),
    ("a change of people signed for another file", "CS0860", |w| {
        w.statement = Box::new(|label, statement, _| {
            if let ("change bob", Body::Change(_, fields)) = (label, &mut statement.body) {
                fields.people = Digest::of(b"other");
            }
        });
        change_people(w, &["alice", "bob", "dora"]);
    }),
];

/// An honest run but for this, right before the first anchor.
fn told(script: Script) -> Writer {
    let mut writer = Writer::new(Mode::Live);
    writer.before = Box::new(move |w, label| match label {
        "opened" => w.plan.holds.push(super::way_in()),
        "anchor k1" => script(w),
        _ => {}
    });
    writer.honest();
    writer
}

#[test]
fn what_is_honest_is_accepted_and_each_lie_has_its_code() {
    let mut second = Second::start("");
    let mut wrong = Vec::new();
    let text = |writer: &Writer| bundle::write(&writer.run, &writer.lines, &writer.objects).into_bytes();
    for (name, script) in HONEST {
        let writer = told(script);
        let report = verdict_of(&writer);
        if !report.problems.is_empty() {
            wrong.push(format!("{name}: {:#?}", report.problems));
        }
        let found = second.compare(&text(&writer));
        if !matches!(found, Ok(Agreed::Good)) {
            wrong.push(format!("{name}: {found:?}"));
        }
    }
    for (name, wanted, script) in LIES {
        let writer = told(script);
        let report = verdict_of(&writer);
        if (report.verdict, code(&report)) != (Verdict::Invalid, wanted) {
            wrong.push(format!("{name}: wanted {wanted}, found {} {:#?}", report.verdict.name(), report.problems));
        }
        if let Err(why) = second.compare(&text(&writer)) {
            wrong.push(format!("{name}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an amendment may be: of this it says nothing whether it is wise.
type Amendment = fn(&mut Plan);

const AMENDMENTS: [(&str, Amendment); 20] = [
    ("version", |plan| plan.version = "2.0.0".into()),
    ("title", |plan| plan.title = "Other".into()),
    ("starter", |plan| plan.exclude_starter = true),
    ("apart", |plan| plan.apart.push(vec!["driver".into(), "mfa".into()])),
    ("pending step", |plan| plan.stages[0].steps[1].title = "Other".into()),
    ("other approver", |plan| plan.stages[0].steps[1].approvals[0].role = "mfa".into()),
    ("fewer approvals", |plan| plan.stages[0].steps[1].approvals.clear()),
    ("step gone", |plan| drop(plan.stages[0].steps.remove(1))),
    ("steps swapped", |plan| plan.stages[0].steps.swap(0, 1)),
    ("first step", |plan| plan.stages[0].steps[0].title = "Other".into()),
    ("step before the first", |plan| {
        let step = Step { id: "zero".into(), ..plan.stages[0].steps[1].clone() };
        plan.stages[0].steps.insert(0, step);
    }),
    ("anchor", |plan| plan.stages[0].anchor.as_mut().unwrap().title = "Other".into()),
    ("session", |plan| plan.sessions.get_mut("new").unwrap().region = "eu-west-1".into()),
    ("proof", |plan| plan.roles.get_mut("mfa").unwrap().proof = Proof::Signature),
    ("items", |plan| plan.stages[0].items.as_mut().unwrap().truncate(1)),
    ("later step", |plan| plan.stages[1].steps[0].performer = "security".into()),
    ("new step in a later stage", |plan| {
        let step = Step { id: "fourth".into(), performer: "mfa".into(), ..plan.stages[1].steps[0].clone() };
        plan.stages[1].steps.push(step);
    }),
    ("stages swapped", |plan| plan.stages.swap(0, 1)),
    ("hold gone", |plan| plan.holds.clear()),
    ("hold proved less often", |plan| plan.holds[0].fresh_within *= 2),
];

/// A second step in the stage, and a second stage.
fn longer(plan: &mut Plan) {
    let second = Step { id: "second".into(), ..plan.stages[0].steps[0].clone() };
    let mut later = plan.stages[0].clone();
    later.id = "later".into();
    later.steps = vec![Step { id: "third".into(), ..second.clone() }];
    later.steps[0].approvals.remove(0);
    plan.stages[0].steps.push(Step { approvals: vec![second.approvals[0].clone()], ..second });
    plan.stages.push(later);
    plan.holds.push(super::way_in());
}

/// The writer's one decision about amendments, and the verifier's own rules, say the same of every amendment, whoever
/// signs it and whenever it comes.
#[test]
fn the_writers_decision_is_the_verifiers() {
    let of = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<BTreeSet<_>>();
    let begun = BTreeSet::from([("move".to_owned(), "accept".to_owned())]);
    let moments = [
        ("anchor k1", Progress { entered: of(&["move"]), ..Progress::default() }),
        ("ask k1", Progress { entered: of(&["move"]), anchored: of(&["move"]), ..Progress::default() }),
        ("done k1", Progress { entered: of(&["move"]), anchored: of(&["move"]), begun, ..Progress::default() }),
        ("anchor k1", Progress { entered: of(&["move"]), holds: of(&["way_in"]), ..Progress::default() }),
    ];
    let (mut allowed, mut refused, mut wrong) = (0, 0, Vec::new());
    for (moment, progress) in &moments {
        for (name, change_it) in AMENDMENTS {
            for signers in [1u8, 3, 6, 7] {
                let people: Vec<&str> = ["alice", "bob", "carol"]
                    .into_iter()
                    .enumerate()
                    .filter(|(at, _)| signers >> at & 1 == 1)
                    .map(|one| one.1)
                    .collect();
                let mut writer = Writer::new(Mode::Live);
                longer(&mut writer.plan);
                let old = writer.plan.clone();
                let (moment, by): (String, Vec<String>) =
                    ((*moment).to_owned(), people.iter().map(|who| (*who).to_owned()).collect());
                let (over, held) = (std::cell::Cell::new(false), !progress.holds.is_empty());
                writer.before = Box::new(move |w, label| {
                    // What comes after it is of no interest.
                    w.skip = over.get();
                    if label == moment {
                        over.set(true);
                        w.skip = true;
                        let by: Vec<&str> = by.iter().map(String::as_str).collect();
                        if held {
                            w.push("held", "alice", fact::HoldBegan { hold: "way_in".into() });
                        }
                        amend(w, &by, change_it);
                    }
                });
                writer.honest();
                let report = verdict_of(&writer);
                let accepted = !report.problems.iter().any(|problem| problem.code == "CS0860");
                let mut new = old.clone();
                change_it(&mut new);
                let file = countersign::people::parse("people", &writer.people, false).0.unwrap();
                let decided = change::amendment(&old, &new, progress).is_ok_and(|touched| {
                    !people.is_empty() && change::unsigned(&touched.roles, &file, &of(&people)).is_empty()
                });
                if decided != accepted {
                    wrong.push(format!("{name} before {:?} by {people:?}: {decided} {:?}", progress, report.problems));
                }
                if decided { allowed += 1 } else { refused += 1 }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them\n{}", wrong.len(), wrong.join("\n"));
    assert!(allowed > 30 && refused > 100, "{allowed} {refused}");
}

/// Touched roles, told once more from the plans' JSON alone: of every step whose text or order differs, and of all
/// where anything else does.
#[test]
fn touched_roles_are_those_of_what_differs() {
    for (name, change_it) in AMENDMENTS {
        let mut old = Writer::new(Mode::Live).plan;
        longer(&mut old);
        let mut new = old.clone();
        change_it(&mut new);
        let Ok(touched) = change::amendment(&old, &new, &Progress::default()) else { panic!("{name}") };
        assert_eq!(touched.roles, by_json(&old, &new), "{name}");
    }
}

fn by_json(old: &Plan, new: &Plan) -> BTreeSet<String> {
    let value = |plan: &Plan| serde_json::to_value(plan).unwrap();
    let (old, new) = (value(old), value(new));
    let steps = |plan: &serde_json::Value| {
        let mut all = Vec::new();
        for stage in plan["stages"].as_array().unwrap() {
            for step in stage["steps"].as_array().unwrap() {
                all.push((format!("{}/{}", stage["id"], step["id"]), step.clone()));
            }
        }
        all
    };
    let (before, now) = (steps(&old), steps(&new));
    let mut roles = BTreeSet::new();
    let mut add = |step: &serde_json::Value, plan: &serde_json::Value| {
        let undo = step["back"]["undo"].as_array().unwrap().iter();
        for one in std::iter::once(step).chain(undo) {
            let session = &plan["sessions"][one["session"].as_str().unwrap()];
            let approvals = one["approvals"].as_array().unwrap().iter().map(|approval| &approval["role"]);
            let used_by = session["used_by"].as_array().unwrap().iter();
            for role in approvals.chain(used_by).chain([&one["performer"]]) {
                roles.insert(role.as_str().unwrap().to_owned());
            }
        }
    };
    let order = |all: &[(String, serde_json::Value)], others: &[(String, serde_json::Value)], name: &str| {
        let stage = name.split('/').next().unwrap().to_owned();
        let same = |one: &&(String, serde_json::Value)| {
            one.0.starts_with(&format!("{stage}/")) && others.iter().any(|other| other.0 == one.0)
        };
        let before = all.iter().take_while(|one| one.0 != name).filter(same).map(|one| one.0.clone());
        before.collect::<BTreeSet<_>>()
    };
    for (all, others, plan) in [(&before, &now, &old), (&now, &before, &new)] {
        for (name, step) in all {
            let other = others.iter().find(|other| other.0 == *name);
            let moved = other.is_some() && order(all, others, name) != order(others, all, name);
            if moved || other.is_none_or(|other| other.1 != *step) {
                add(step, plan);
            }
        }
    }
    let bare = |plan: &serde_json::Value| {
        let mut plan = plan.clone();
        for name in ["runbook", "people", "version"] {
            plan[name] = json!(null);
        }
        plan["stages"].as_array_mut().unwrap().iter_mut().for_each(|stage| stage["steps"] = json!(null));
        plan
    };
    if bare(&old) != bare(&new) {
        roles.extend(old["roles"].as_object().unwrap().keys().cloned());
    }
    roles
}
