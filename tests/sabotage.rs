//! The shipped runbook, broken in every way that its authors could think of: `check` or the proof catches each. Who
//! catches it is part of the test: what `check` can see, it must see.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{BOOK, Said, program, shipped};
use std::path::Path;
use std::process::Command;

/// Who must catch it, and a part of what is said.
enum Catches {
    /// `check`, with this code.
    Check(&'static str),
    /// The play without faults does not come to its end.
    Play(&'static str),
    /// A cell.
    Cell(&'static str),
}
use Catches::{Cell, Check, Play};

struct Broken {
    how: &'static str,
    /// Every pair is replaced once.
    change: &'static [(&'static str, &'static str)],
    by: Catches,
}

const PLACE: &str = "DestinationParentId = \"${item.target_ou}\"";
const PUT_BACK: &str = "DestinationParentId = \"${anchor.parent.Parents[0].Id}\" }";
const WHEN: &str = "when = \"${anchor.parent.Parents[0].Id != anchor.roots.Roots[0].Id}\"\n";
const INVITE_PROOF: &str =
    "expect = \"length(Handshakes[?State == 'OPEN' || State == 'REQUESTED'].Parties[] | [?Id == ${item.id}]) == `0`\"";
const ASK_BACK: &str = "[[stages.steps.undo]]\nid = \"ask_back\"\naction = \"organizations:InviteAccountToOrganization\"\nsession = \"old_management\"\nwith = { Target = { Id = \"${item.id}\", Type = \"ACCOUNT\" } }\n";
const MOVE_BACK: &str = "[[stages.steps.undo]]\nid = \"put_back\"\naction = \"organizations:MoveAccount\"\nsession = \"old_management\"\nwhen = \"${anchor.parent.Parents[0].Id != anchor.roots.Roots[0].Id}\"\nwith = { AccountId = \"${item.id}\", SourceParentId = \"${anchor.roots.Roots[0].Id}\", DestinationParentId = \"${anchor.parent.Parents[0].Id}\" }\n";
const WRONG_SESSION: (&str, &str) = (
    "action = \"organizations:MoveAccount\"\nsession = \"old_management\"",
    "action = \"organizations:MoveAccount\"\nsession = \"new_management\"",
);
const LAST: &str = "DestinationParentId = \"${item.target_ou}\" }\nundo = \"usual\"\n";

const TAG_TAKEN_BACK_WRONG: &str = "DestinationParentId = \"${item.target_ou}\" }\nundo = \"usual\"\n[[stages.steps]]\nid = \"tag\"\naction = \"organizations:TagResource\"\nwith = { ResourceId = \"${item.id}\", Tags = [{ Key = \"moved\", Value = \"yes\" }] }\n[[stages.steps.undo]]\nid = \"untag\"\naction = \"organizations:UntagResource\"\nwith = { ResourceId = \"${item.id}\", TagKeys = [\"move\"] }\n";
const FIXED_MOVE_BACK: &str = "DestinationParentId = \"${item.target_ou}\" }\n[[stages.steps.undo]]\nid = \"back\"\naction = \"organizations:MoveAccount\"\nwith = { AccountId = \"${item.id}\", SourceParentId = \"${item.target_ou}\", DestinationParentId = \"ou-ab12-22222222\" }\n";

fn all() -> Vec<Broken> {
    let broken = |how, change, by| Broken { how, change, by };
    vec![
        // What check sees.
        broken("no way back", &[(LAST, "DestinationParentId = \"${item.target_ou}\" }\n")], Check("CS0301")),
        broken("an anchor that holds nothing", &[(INVITE_PROOF, "expect = \"`true`\"")], Check("CS0329")),
        broken("an undo before what it needs", &[(ASK_BACK, ""), (MOVE_BACK, ASK_BACK)], Check("CS0306")),
        broken(
            "no_undo where there is one",
            &[(LAST, "DestinationParentId = \"${item.target_ou}\" }\nno_undo = \"why\"\n")],
            Check("CS0304"),
        ),
        broken(
            "a performer who may not",
            &[("performer = \"partner_billing\"\napprovals", "performer = \"customer_security\"\napprovals")],
            Check("CS0311"),
        ),
        broken(
            "an anchor out of the performer's reach",
            &[(
                "id = \"roots\"\naction = \"organizations:ListRoots\"\nsession = \"old_management\"",
                "id = \"roots\"\naction = \"organizations:ListRoots\"\nsession = \"new_management\"",
            )],
            Check("CS0312"),
        ),
        broken(
            "a probe without its session",
            &[("probe = { management = \"new_management\", member = \"member\" }\n", "")],
            Check("CS0310"),
        ),
        broken(
            "a handshake of a step that there is not",
            &[("stages.invite.invite.Handshake.Id", "stages.invite.invited.Handshake.Id")],
            Check("CS0206"),
        ),
        broken(
            "a member that AWS does not give",
            &[("stages.invite.invite.Handshake.Id", "stages.invite.invite.Handshake.HandshakeId")],
            Check("CS0207"),
        ),
        broken(
            "a parameter of another action",
            &[("DestinationParentId = \"${item.target_ou}\"", "TargetParentId = \"${item.target_ou}\"")],
            Check("CS0210"),
        ),
        broken(
            "one key for all items",
            &[(
                "key = \"${item.id}\"\nsession = \"new_management\"  ",
                "key = \"all\"\nsession = \"new_management\"  ",
            )],
            Check("CS0214"),
        ),
        broken(
            "approvals that outlive the invitation",
            &[(
                "approvals = [{ role = \"partner_billing\" }, { role = \"mfa_holder\" }]",
                "approvals = [{ role = \"partner_billing\", within = \"20d\" }, { role = \"mfa_holder\" }]",
            )],
            Check("CS0309"),
        ),
        broken(
            "an approver who performs",
            &[(
                "approvals = [{ role = \"partner_billing\" }, { role = \"mfa_holder\" }]",
                "approvals = [{ role = \"customer_security\" }]",
            )],
            Check("CS0402"),
        ),
        // What the play without faults sees.
        broken(
            "the wrong organizational unit",
            &[(PLACE, "DestinationParentId = \"ou-old1-11111111\"")],
            Play("MOVING_ACCOUNT_BETWEEN_DIFFERENT_ROOTS"),
        ),
        broken(
            "a wrong expectation",
            &[("Account.State == 'ACTIVE' && (", "Account.State == 'SUSPENDED' && (")],
            Play("does not hold"),
        ),
        broken(
            "the wrong account in a session",
            &[(
                "member         = { account = \"${item.id}\"",
                "member         = { account = \"${parameters.new_management}\"",
            )],
            Play("it stops at accept"),
        ),
        broken(
            "a role that nobody made",
            &[("OrganizationAccountAccessRole\" }", "AdministratorRole\" }")],
            Play("AdministratorRole"),
        ),
        broken(
            "an e-mail that is an account id",
            &[(
                "with = { Target = { Id = \"${item.id}\", Type = \"ACCOUNT\" } }\nundo",
                "with = { Target = { Id = \"${item.id}\", Type = \"EMAIL\" } }\nundo",
            )],
            Play("it stops at invite"),
        ),
        broken(
            "the wrong side of a probe",
            &[("probe = { management = \"new_management\"", "probe = { management = \"old_management\"")],
            Play("it stops at accept"),
        ),
        broken(
            "a source that it is not in",
            &[(
                "SourceParentId = \"${anchor.parent.Parents[0].Id}\", DestinationParentId = \"${item.target_ou}\"",
                "SourceParentId = \"ou-ab12-22222222\", DestinationParentId = \"${item.target_ou}\"",
            )],
            Play("SourceParentNotFound"),
        ),
        // What only the cells see.
        broken("a missing undo step", &[(MOVE_BACK, "")], Cell("member parent is")),
        broken(
            "an undo that puts it into the wrong place",
            &[(PUT_BACK, "DestinationParentId = \"ou-old1-22222222\" }")],
            Cell("member parent is"),
        ),
        broken("an undo with a session that is not theirs", &[WRONG_SESSION], Check("CS0311")),
        broken(
            "an undo with the wrong session",
            &[
                WRONG_SESSION,
                ("used_by = [\"partner_billing\"]", "used_by = [\"partner_billing\", \"customer_security\"]"),
            ],
            Cell("put_back"),
        ),
        broken(
            "an undo under the wrong condition",
            &[(WHEN, "when = \"${anchor.parent.Parents[0].Id == anchor.roots.Roots[0].Id}\"\n")],
            Cell("member parent is"),
        ),
        broken("undo in the wrong order", &[(MOVE_BACK, ""), (ASK_BACK, ASK_BACK_LAST)], Cell("put_back")),
        broken("a loss that is not said", &[("direct policies, tags, ", "")], Cell("tags \"cost_center\" is nothing")),
        broken("an invitation lost without a word", &[("the invitation, ", "")], Cell("invitation of 111122223333")),
        broken("a tag that stays", &[(LAST, TAG_TAKEN_BACK_WRONG)], Cell("tags \"moved\" is \"yes\", and was nothing")),
        broken(
            "back to a unit that was never left",
            &[(LAST, FIXED_MOVE_BACK)],
            Cell("member parent is \"ou-ab12-22222222\""),
        ),
        broken(
            "an invitation back for another account",
            &[(
                "session = \"old_management\"\nwith = { Target = { Id = \"${item.id}\"",
                "session = \"old_management\"\nwith = { Target = { Id = \"${parameters.new_management}\"",
            )],
            Cell("come_back"),
        ),
        broken(
            "a stale capture: the place after the move",
            &[(
                "id = \"parent\"\naction = \"organizations:ListParents\"\nsession = \"old_management\"\nwith = { ChildId = \"${item.id}\" }",
                "id = \"parent\"\naction = \"organizations:ListParents\"\nsession = \"old_management\"\nwith = { ChildId = \"222233334444\" }",
            )],
            Cell("member parent is"),
        ),
    ]
}

/// Placed back before it has come back.
const ASK_BACK_LAST: &str = "[[stages.steps.undo]]\nid = \"put_back\"\naction = \"organizations:MoveAccount\"\nsession = \"old_management\"\nwhen = \"${anchor.parent.Parents[0].Id != anchor.roots.Roots[0].Id}\"\nwith = { AccountId = \"${item.id}\", SourceParentId = \"${anchor.roots.Roots[0].Id}\", DestinationParentId = \"${anchor.parent.Parents[0].Id}\" }\n[[stages.steps.undo]]\nid = \"ask_back\"\naction = \"organizations:InviteAccountToOrganization\"\nsession = \"old_management\"\nwith = { Target = { Id = \"${item.id}\", Type = \"ACCOUNT\" } }\n";

fn run(folder: &Path, words: &[&str]) -> Said {
    Said::of(&Command::new(program()).args(words).current_dir(folder).env_clear().output().unwrap())
}

/// A folder with this runbook, the shipped people and world, and the first `rows` accounts.
fn place(runbook: &str, rows: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let values = shipped("runbooks/move_member_accounts.values.toml");
    let values: Vec<&str> = values.split("[[accounts]]").collect();
    std::fs::create_dir_all(folder.path().join("runbooks/worlds")).unwrap();
    for (name, text) in [
        (BOOK, runbook.to_owned()),
        ("runbooks/book.values.toml", values[..=rows].join("[[accounts]]")),
        ("runbooks/people.toml", shipped("runbooks/people.toml")),
        ("runbooks/worlds/book.toml", shipped("runbooks/worlds/move_member_accounts.toml")),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Nothing if it was caught by whom it must be.
fn judge(broken: &Broken) -> Option<String> {
    let mut text = shipped("runbooks/move_member_accounts.toml");
    for (from, to) in broken.change {
        assert!(text.contains(from), "{}: `{from}` is not in the runbook", broken.how);
        text = text.replacen(from, to, 1);
    }
    let folder = place(&text, 1);
    let checked = run(folder.path(), &["check", BOOK, "--people", "runbooks/people.toml"]);
    if let Check(code) = broken.by {
        let caught = checked.status == 3 && checked.stderr.contains(code);
        return (!caught).then(|| format!("{}: check said {}{}", broken.how, checked.stdout, checked.stderr));
    }
    if checked.status != 0 {
        return Some(format!("{}: check refuses it already: {}", broken.how, checked.stderr));
    }
    let proved = run(folder.path(), &["rehearse", BOOK, "--prove", "--fail-fast", "--quiet"]);
    let flat = proved.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let caught = match broken.by {
        Play(words) => flat.contains("FAILED without any fault:") && flat.contains(words),
        Cell(words) => flat.contains("FAILED:") && !flat.contains("without any fault: ") && flat.contains(words),
        Check(_) => false,
    };
    (proved.status != 1 || !caught)
        .then(|| format!("{}: the proof said {}{}", broken.how, proved.stdout, proved.stderr))
}

fn caught(part: usize) {
    let all = all();
    let mine: Vec<&Broken> = all.iter().enumerate().filter(|(at, _)| at % 2 == part).map(|(_, one)| one).collect();
    let missed: Vec<String> = mine.iter().filter_map(|broken| judge(broken)).collect();
    assert!(missed.is_empty(), "{} of {} were not caught:\n{}", missed.len(), mine.len(), missed.join("\n\n"));
}

#[test]
fn what_is_broken_is_caught_one_half() {
    assert!(all().len() >= 30);
    caught(0);
}

#[test]
fn what_is_broken_is_caught_the_other_half() {
    caught(1);
}

/// The very same folder with the runbook as it is: so what is caught above is caught for its sabotage.
#[test]
fn what_is_not_broken_is_not_caught() {
    let folder = place(&shipped("runbooks/move_member_accounts.toml"), 1);
    run(folder.path(), &["check", BOOK, "--people", "runbooks/people.toml"]).exits(0);
    run(folder.path(), &["rehearse", BOOK, "--prove", "--fail-fast", "--quiet"]).exits(0).saying("PROVED");
}
