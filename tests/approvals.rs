//! The rules of approvals through the real binary: counts, parties, who is left out, revocation, clocks, re-requests.
//! What single refusals say is in `refusals.rs`; every rule at once, by brute force, in `approval_rules.rs`.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{Scene, Who, shipped, who};
use std::process::Stdio;

const BOOK_TEXT: &str = r#"schema = 1
[runbook]
name = "agreed"
title = "Make one user"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
watch = { title = "Watches" }
holder = { title = "Holder", party = "customer" }
[sessions]
management = { account = "111111111111", used_by = ["admin"], kinds = ["user"] }
[[stages]]
id = "make"
performer = "admin"
session = "management"
[stages.anchor]
prove = [{ action = "iam:GetUser", with = { UserName = "new" }, expect_error = "NoSuchEntity" }]
[[stages.steps]]
id = "user"
action = "iam:CreateUser"
with = { UserName = "new" }
approvals = [{ role = "watch", count = 2, from_parties = 2 }, { role = "holder" }]
undo = "usual"
"#;

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("bob", "customer", &["watch"]),
        who("carol", "customer", &["watch", "holder"]),
        who("dave", "partner", &["watch"]),
        who("erin", "partner", &["admin", "watch"]),
    ]
}

fn opened(changes: &[(&str, &str)], by: &str) -> Scene {
    let text = changes.iter().fold(BOOK_TEXT.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    });
    let scene = Scene::new(&text, &shipped("tests/fixtures/kinds/worlds/kinds.toml"), &people());
    scene.open(by).exits(4);
    scene
}

const ONE: (&str, &str) =
    ("[{ role = \"watch\", count = 2, from_parties = 2 }, { role = \"holder\" }]", "[{ role = \"watch\" }]");

fn made(scene: &Scene) -> usize {
    scene.effects().iter().filter(|operation| *operation == "iam:CreateUser").count()
}

#[test]
fn every_entry_needs_its_people_of_so_many_parties_each_in_one_place() {
    let scene = opened(&[], "alice");
    scene.run("bob", &["approve", "make/user"]).exits(0).saying("waiting for");
    // A second person of the same party holds both roles, and fills the other entry: there she is needed.
    scene.run("carol", &["approve", "make/user"]).exits(0);
    let roles = scene.entries("approval");
    assert!(roles[1]["statement"].as_str().unwrap().contains("\nrole: holder\n"));
    scene.resume("alice").exits(4).saying("dave");
    assert_eq!((scene.waits(), made(&scene)), (vec!["approval dave,erin".to_owned()], 0));
    scene.run("dave", &["approve", "make/user"]).exits(0);
    scene.resume("alice").exits(0);
    let spent = scene.entries("intended")[0]["consumes"].as_array().map(Vec::len);
    assert_eq!((spent, made(&scene)), (Some(3), 1));
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

#[test]
fn who_opened_the_run_is_left_out_where_the_runbook_says_so() {
    // Erin opens it and leaves; alice performs it.
    for (changes, exit) in [
        (vec![ONE], 0),
        (vec![ONE, ("title = \"Make one user\"", "title = \"Make one user\"\nexclude_starter = true")], 7),
    ] {
        let scene = opened(&changes, "erin");
        scene.resume("alice").exits(4);
        let said = scene.run("erin", &["approve", "make/user"]).exits(exit);
        if exit == 7 {
            said.saying("erin opened the run, and this runbook lets its starter approve nothing");
            assert_eq!(scene.waits(), ["approval bob,carol,dave"]);
        } else {
            scene.resume("alice").exits(0);
        }
        assert_eq!(made(&scene), usize::from(exit == 0));
    }
}

#[test]
fn an_approval_is_revoked_before_it_is_used_and_not_after() {
    let scene = opened(&[ONE], "alice");
    scene.run("bob", &["revoke", "make/user"]).exits(7).saying("bob has approved nothing here that could be revoked");
    scene.run("bob", &["approve", "make/user"]).exits(0);
    scene.run("bob", &["revoke", "make/user", "--reason", "wrong row"]).exits(0);
    scene.resume("alice").exits(4);
    assert_eq!((scene.waits(), made(&scene)), (vec!["approval carol,dave,erin".to_owned()], 0));
    scene.run("bob", &["approve", "make/user"]).exits(7);
    scene.run("carol", &["approve", "make/user"]).exits(0);
    scene.resume("alice").exits(0);
    scene.run("carol", &["revoke", "make/user"]).exits(7);
    assert_eq!((made(&scene), scene.verdict()), (1, ("CLOSED".to_owned(), 0)));
}

#[test]
fn a_revocation_and_the_beginning_race_and_one_of_them_wins() {
    for _ in 0..3 {
        let scene = opened(&[ONE], "alice");
        scene.run("bob", &["approve", "make/user"]).exits(0);
        let quiet =
            |mut command: std::process::Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut resume = quiet(scene.seat_command("alice", &["resume", "--no-wait"]));
        let mut revoke = quiet(scene.command("bob", &["revoke", "make/user"]));
        let (resumed, revoked) = (resume.wait().unwrap().code(), revoke.wait().unwrap().code());
        let told = (resumed, revoked, made(&scene), scene.entries("intended").len());
        let spent_or_stopped = [(Some(0), Some(7), 1, 1), (Some(4), Some(0), 0, 0)];
        assert!(spent_or_stopped.contains(&told), "{told:?}");
        let verdict = scene.verdict();
        assert_eq!(verdict.0, if made(&scene) == 1 { "CLOSED" } else { "OPEN" });
    }
}

#[test]
fn what_was_asked_before_is_named_on_the_screen_and_old_approvals_do_not_count() {
    let one = (
        "[{ role = \"watch\", count = 2, from_parties = 2 }, { role = \"holder\" }]",
        "[{ role = \"watch\", run_within = \"1s\" }]",
    );
    let scene = opened(&[one], "alice");
    scene.run("bob", &["approve", "make/user"]).exits(0);
    let first = scene.entries("approval").len();
    // A second after the last approval it may not begin any more: it is asked anew.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    scene.resume("alice").exits(4).saying("waiting for");
    let requests = scene.log().into_iter().filter(|entry| entry["kind"] == "asked").collect::<Vec<_>>();
    assert_eq!((requests.len(), first, made(&scene)), (2, 1, 0));
    assert_eq!(requests[1]["data"]["again"], serde_json::json!([requests[0]["seq"]]));
    let before = format!("asked before #{}", requests[0]["seq"]);
    scene.run("carol", &["requests"]).exits(0).saying(&before);
    scene.run("carol", &["review"]).exits(0).saying(&before);
    let said = scene.run("carol", &["approve", "make/user"]);
    said.exits(0).saying(&before);
    let again = scene.entries("approval");
    assert!(again.last().unwrap()["statement"].as_str().unwrap().contains(&format!("again: {}\n", requests[0]["seq"])));
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
}

// --- signatures made elsewhere ---

/// The command with `--print`, the signature made outside the program, the same command with `--signature`.
fn by_hand(scene: &Scene, person: &str, kind: &str, words: &[&str]) {
    let name = format!("{kind}-{person}-{}", words[0]);
    let before = scene.log().len();
    let said = scene.run(person, &[words, &["--print", &name]].concat()).exits(0);
    said.saying(&format!("-n {kind}-v1@countersign"));
    assert_eq!(scene.log().len(), before, "printing says nothing yet");
    let statement = scene.read(&name);
    let path = scene.path(&format!("{person}/key"));
    let file = countersign::keys::file::KeyFile::read(&path, true, &mut |_| None).unwrap();
    let countersign::keys::file::KeyFile::Soft { key, flags } = file else { panic!("no private key") };
    let signature = format!("{name}.sig");
    let of =
        |key: &countersign::sshsig::SoftKey| key.sign(&format!("{kind}-v1@countersign"), statement.as_bytes(), flags);
    let back = [words, &["--signature", &signature]].concat();
    // Another namespace, another key, and what is no longer the one encoding are refused.
    let stranger = countersign::sshsig::rehearsal_key("zoe", countersign::sshsig::KeyKind::Ed25519);
    let honest = of(&key);
    let lies = [
        key.sign("people-v1@countersign", statement.as_bytes(), flags),
        of(&stranger),
        honest.replace("\n-----END", "AAAA\n-----END"),
        honest.replace('\n', "\r\n"),
        format!("{honest}\n"),
    ];
    for lie in lies {
        scene.write(&signature, &lie);
        scene.run(person, &back).exits(7).saying("CS7004");
    }
    assert_eq!(scene.log().len(), before);
    scene.write(&signature, &honest);
    scene.run(person, &back).exits(0);
    assert!(scene.log().iter().any(|entry| entry["data"]["statement"] == statement.as_str()));
}

#[test]
fn every_verb_that_signs_takes_a_signature_made_elsewhere() {
    let asks = "undo = \"usual\"\nconfirm = { text = \"Make it?\", typed = \"new\" }\n[[stages.steps]]\nid = \"well\"\nkind = \"ask\"\nfields = [{ name = \"well\", type = \"boolean\", text = \"Is all well?\" }]\n";
    let scene = opened(&[ONE, ("undo = \"usual\"\n", asks)], "alice");
    by_hand(&scene, "dave", "said", &["note", "seen"]);
    by_hand(&scene, "bob", "approval", &["approve", "make/user"]);
    by_hand(&scene, "bob", "approval", &["revoke", "make/user"]);
    scene.run("carol", &["approve", "make/user"]).exits(0);
    scene.resume("alice").exits(4);
    by_hand(&scene, "alice", "said", &["confirm", "make/user", "--typed", "new"]);
    scene.resume("alice").exits(4);
    // What is brought back is what the command says now, and nothing else.
    scene.run("alice", &["answer", "make/well", "--set", "well=true", "--print", "true"]).exits(0);
    scene.write("true.sig", "");
    scene
        .run("alice", &["answer", "make/well", "--set", "well=false", "--signature", "true.sig"])
        .exits(7)
        .saying("another answer");
    by_hand(&scene, "alice", "said", &["answer", "make/well", "--set", "well=true"]);
    scene.resume("alice").exits(0);
    assert_eq!((made(&scene), scene.verdict()), (1, ("CLOSED".to_owned(), 0)));
}

#[test]
fn a_denial_signed_elsewhere_ends_the_request() {
    let scene = opened(&[ONE], "alice");
    by_hand(&scene, "bob", "approval", &["deny", "make/user", "--reason", "no"]);
    scene.run("carol", &["log"]).exits(0).saying("bob (watch, customer) DENIED make/user: no");
    scene.resume("alice").exits(4);
    assert_eq!((made(&scene), scene.entries("asked").len()), (0, 2));
}
