//! What random runbooks found, each as a runbook of its own.

use super::book::{Approval, Book, Stage, Step};
use super::world::{World, member};
use super::{Case, Kill, Moods, Strikes};

fn step(id: &str, body: &str) -> Step {
    let body = body.to_owned();
    Step { id: id.to_owned(), body, approvals: None, undo: Vec::new(), point_of_no_return: false, leaves: false }
}

fn case(stage: Stage) -> Case {
    Case {
        seed: 1,
        book: Book { exclude_starter: false, hold: None, stages: vec![stage] },
        world: World { faults: Vec::new(), seed: 1, stale: false },
        kills: Vec::new(),
        moods: Moods { rollbacks: 0, denies: 0, expires: 0, takes_over: 0 },
    }
}

/// Accounts that are moved to a unit, each confirmed.
fn places(count: usize, per: Option<&'static str>, confirm: &str) -> Stage {
    let body = format!(
        "action = \"organizations:MoveAccount\"\nwith = {{ AccountId = \"${{item.id}}\", SourceParentId = \"${{anchor.parent.Parents[0].Id}}\", DestinationParentId = \"ou-old1-22222222\" }}\n{confirm}undo = \"usual\"\n"
    );
    Stage {
        id: "places".to_owned(),
        items: Some((0..count).map(member).collect()),
        at_once: 1,
        canary: 0,
        stop_after: 1,
        session: "old",
        performer: "security",
        approvals: per.map(|per| Approval { role: "witness", count: 1, parties: 1, per }).into_iter().collect(),
        anchor: "capture = [{ id = \"parent\", action = \"organizations:ListParents\", with = { ChildId = \"${item.id}\" } }]\n"
            .to_owned(),
        needs_hold: false,
        steps: vec![step("place", &body)],
    }
}

fn ends(case: &Case) -> Result<String, String> {
    case.judged(tempfile::tempdir().unwrap().path()).expect("`check` accepts it")
}

/// The confirmation names what approvers saw; where nobody was asked, the operation.
#[test]
fn a_confirmation_counts_whatever_was_asked() {
    for per in [None, Some("step"), Some("item"), Some("stage")] {
        let case = case(places(2, per, "confirm = { text = \"Now?\" }\n"));
        assert_eq!(ends(&case), Ok("done".to_owned()), "{per:?}");
    }
}

/// Begun, found not to have happened, and then another performer sits down: what was paid for is asked for anew as
/// a later attempt, not together with what has not begun.
#[test]
fn what_was_begun_is_not_asked_for_as_if_it_had_not() {
    for n in 5..15 {
        for (seed, takes_over) in [(1, 0), (2, 60), (3, 60), (4, 60)] {
            let mut case = case(places(2, Some("stage"), ""));
            (case.seed, case.moods.takes_over) = (seed, takes_over);
            case.kills = vec![Kill { at: Strikes::AfterAppend, n }];
            assert_eq!(ends(&case), Ok("done".to_owned()), "killed after append {n}, seed {seed}");
        }
    }
}
