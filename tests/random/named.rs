//! What random runbooks found, each as a runbook of its own.

use super::book::{Approval, Book, Stage, Step};
use super::world::{World, member};
use super::{Case, Kill, Moods, Strikes, drawn, replays};

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

/// Confirmed by one, and then another performer sits down: that one has not said yes yet.
#[test]
fn another_performers_yes_does_not_count() {
    for n in 2..12 {
        for seed in 1..4 {
            let mut case = case(places(2, None, "confirm = { text = \"Now?\" }\n"));
            (case.seed, case.moods.takes_over) = (seed, 60);
            case.kills = vec![Kill { at: Strikes::BeforeAppend, n }];
            assert_eq!(ends(&case), Ok("done".to_owned()), "killed before append {n}, seed {seed}");
        }
    }
}

/// Nothing is left to do where a process dies right after the entry that closes the run.
#[test]
fn a_process_that_dies_with_the_run_closed_has_ended_it() {
    for n in 5..20 {
        let mut case = case(places(1, None, ""));
        case.kills = vec![Kill { at: Strikes::AfterAppend, n }];
        assert_eq!(ends(&case), Ok("done".to_owned()), "killed after append {n}");
    }
}

/// No probe tells that a key was not made: the performer says so, and somebody who approves the step agrees.
#[test]
fn what_was_said_of_an_operation_in_doubt_is_agreed_to() {
    let make = "action = \"iam:CreateUser\"\nwith = { UserName = \"one\" }\nundo = \"usual\"\n";
    let key = "action = \"iam:CreateAccessKey\"\nwith = { UserName = \"one\" }\nsecret_to = { profile = \"one\" }\nundo = \"usual\"\n";
    for (at, n) in [Strikes::BeforeCall, Strikes::AfterCall].into_iter().flat_map(|at| (0..16).map(move |n| (at, n))) {
        let mut stage = places(1, Some("step"), "");
        (stage.items, stage.steps) = (None, vec![step("make", make), step("key", key)]);
        stage.anchor =
            "prove = [{ action = \"iam:GetUser\", with = { UserName = \"one\" }, expect_error = \"NoSuchEntity\" }]\n"
                .to_owned();
        let mut case = case(stage);
        case.kills = vec![Kill { at, n }];
        assert_eq!(ends(&case), Ok("done".to_owned()), "killed at {at:?} {n}");
    }
}

/// A task that people have begun is open: another item's way back does not close the run over it.
#[test]
fn a_rollback_closes_nothing_over_an_open_task() {
    for (seed, n) in (1..9).flat_map(|seed| (6..14).map(move |n| (seed, n))) {
        let card =
            "kind = \"manual\"\ninstructions = \"Put the card in for ${item.name}.\"\npoint_of_no_return = \"paper\"\n";
        let mut stage = places(2, Some("step"), "");
        stage.steps = vec![step("card", card)];
        stage.steps[0].point_of_no_return = true;
        stage.anchor =
            "prove = [{ action = \"sts:GetCallerIdentity\", expect = \"Account == '111111111111'\" }]\n".to_owned();
        let mut case = case(stage);
        (case.seed, case.moods.rollbacks, case.moods.takes_over) = (seed, 3, 30);
        case.kills = vec![Kill { at: Strikes::AfterAppend, n }];
        let ended = ends(&case);
        assert!(ended.is_ok(), "seed {seed}, killed after append {n}: {ended:?}");
    }
}

/// Whole seeds that failed once.
#[test]
fn seeds_that_have_failed_before() {
    let folder = tempfile::tempdir().unwrap();
    for seed in [238, 289, 346, 441, 465, 682, 748] {
        let (case, _) = drawn(seed, folder.path());
        let ended = case.judged(folder.path()).unwrap();
        assert!(ended.is_ok(), "{}: {ended:?}", replays(seed));
    }
}
