//! `rehearse --prove` through the program: the shipped runbook in every cell, the same result on any number of
//! threads, a cell replayed alone, the pages, the proof's file and what `plan` and `run` make of it.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{BOOK, JOURNAL, Said, Scene, Who, program, shipped, who, with_key};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with a runbook, its world, values and people.
struct Place(tempfile::TempDir);

impl Place {
    fn of(runbook: &str, world: &str, people: &str) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        place.write("runbooks/book.toml", runbook);
        place.write("runbooks/worlds/book.toml", world);
        place.write("runbooks/people.toml", people);
        place
    }

    fn kind(name: &str) -> Place {
        let of = |name: &str| shipped(&format!("tests/fixtures/kinds/{name}.toml"));
        Place::of(&of(name), &of("worlds/kinds"), &of("people"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn run(&self, words: &[&str]) -> Said {
        Said::of(&Command::new(program()).args(words).current_dir(self.0.path()).env_clear().output().unwrap())
    }

    fn prove(&self, more: &[&str]) -> Said {
        self.run(&[["rehearse", BOOK, "--prove"].as_slice(), more].concat())
    }
}

fn results(proof: &Value) -> BTreeSet<&str> {
    proof["cells"].as_array().unwrap().iter().map(|cell| cell["result"].as_str().unwrap()).collect()
}

#[test]
fn the_shipped_runbook_is_proved_in_every_cell() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = folder.path().join("proof.json");
    let said = Command::new(program())
        .current_dir(root)
        .env_clear()
        .args(["rehearse", "runbooks/move_member_accounts.toml", "--prove", "--format", "json", "-o"])
        .arg(&file)
        .output();
    let said = Said::of(&said.unwrap()).exits(0);
    let proof = said.json();
    assert_eq!(proof["proved"], true, "{proof:#}");
    assert_eq!(results(&proof), BTreeSet::from(["does_not_apply", "done", "rolled_back"]));
    let cells = proof["cells"].as_array().unwrap();
    let count = |wanted: &dyn Fn(&Value) -> bool| cells.iter().filter(|cell| wanted(cell)).count();
    // Three stages of one step, three accounts, twelve faults.
    assert_eq!(count(&|cell| cell["undo"].is_null() && cell["to"].is_null()), 3 * 3 * 12);
    // One account stands at the root: its place needs no undo.
    assert_eq!(count(&|cell| !cell["undo"].is_null() && cell["result"] == "rolled_back"), (5 * 3 - 1) * 12);
    assert_eq!(count(&|cell| cell["undo"].is_null() && cell["to"].is_null() && cell["result"] == "done"), 108);
    assert_eq!(count(&|cell| cell["fault"] == "rollback"), 63);
    assert_eq!(proof["count"].as_u64().unwrap() as usize, 108 + 168 + 63);
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((&written["cells"], &written["proved"]), (&proof["count"], &Value::Bool(true)));
}

/// Every runbook that is shipped passes, whatever is added to the folder.
#[test]
fn every_shipped_runbook_is_proved() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let mut proved = Vec::new();
    for entry in std::fs::read_dir(root.join("runbooks")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        // The one that moves accounts has a test of its own.
        let other = |name: &&str| *name != "people" && *name != "move_member_accounts" && !name.ends_with(".values");
        let Some(name) = file.strip_suffix(".toml").filter(other) else { continue };
        let said = Command::new(program())
            .current_dir(root)
            .env_clear()
            .args(["rehearse", &format!("runbooks/{name}.toml"), "--prove", "--format", "json", "-o"])
            .arg(folder.path().join(name))
            .output();
        let proof = Said::of(&said.unwrap()).exits(0).json();
        assert_eq!(proof["proved"], true, "{name}: {proof:#}");
        // Where a step is in doubt, people settle it: nothing is left to stop at.
        let cells = proof["cells"].as_array().unwrap();
        let stopped: Vec<&Value> = cells.iter().filter(|cell| cell["result"] == "stopped").collect();
        assert!(stopped.is_empty(), "{name}: {stopped:#?}");
        proved.push(name.to_owned());
    }
    assert!(proved.contains(&"break_glass_user".to_owned()), "{proved:?}");
}

#[test]
fn every_kind_of_step_is_proved() {
    for (name, stops) in [("asks", 0), ("tasks", 0), ("waits", 0), ("commands", 0), ("iam", 0)] {
        let place = Place::kind(name);
        // The program that the runbook of commands pins.
        place.write("runbooks/files/tell.py", &shipped("tests/fixtures/kinds/files/tell.py"));
        let proof = place.prove(&["--format", "json"]).exits(0).json();
        assert_eq!(proof["proved"], true, "{name}: {proof:#}");
        let cells = proof["cells"].as_array().unwrap();
        let stopped: Vec<&Value> = cells.iter().filter(|cell| cell["result"] == "stopped").collect();
        assert_eq!(stopped.len(), stops, "{name}: {stopped:#?}");
        assert!(stopped.iter().all(|cell| cell["detail"].as_str().unwrap().contains("AWS would make another one")));
        let silent = cells.iter().find(|cell| cell["result"] == "does_not_apply" && cell["detail"] == "");
        assert_eq!(silent, None, "what does not apply says why");
    }
}

/// Every fault at each step of a repair, and the point of no return denied by AWS, then repaired.
#[test]
fn a_repair_is_proved() {
    let proof = Place::kind("repair").prove(&["--format", "json"]).exits(0).json();
    assert_eq!(proof["proved"], true, "{proof:#}");
    let cells = proof["cells"].as_array().unwrap();
    let of = |name: &str| cells.iter().filter(|cell| cell["cell"].as_str().unwrap().starts_with(name)).count();
    let all =
        ["end/leave/repair/other:", "end/leave/repair/tag:", "end/leave/repair/tell:", "end/leave:denied"].map(of);
    assert_eq!(all, [12, 12, 12, 1], "{proof:#}");
    let denied = cells.iter().find(|cell| cell["cell"] == "end/leave:denied-then-repair").unwrap();
    assert_eq!((&denied["result"], &denied["fault"]), (&Value::from("repaired"), &Value::from("repair")));
    let repaired = |cell: &&Value| cell["repair"].is_string() && cell["result"] == "repaired";
    assert!(cells.iter().filter(repaired).count() > 20, "{proof:#}");
    Place::kind("repair").prove(&["--cell", "end/leave:denied-then-repair"]).exits(0).saying("repaired");
}

#[test]
fn threads_change_nothing() {
    let place = Place::kind("waits");
    let proved = |threads: &str| place.prove(&["--format", "json", "--threads", threads]).exits(0).stdout;
    let one = proved("1");
    assert!(one.contains("\"seeds\""));
    assert_eq!(one, proved("5"));
}

/// The step that is taken back the wrong way: the table says so, and its command shows it again.
#[test]
fn what_fails_is_listed_with_the_command_that_replays_it() {
    let place = Place::kind("back");
    let text = shipped("tests/fixtures/kinds/back.toml");
    let wrong = text.replace("when = \"${anchor.parent.Parents[0].Type == 'ROOT'}\"", "when = \"${`false`}\"");
    assert_ne!(text, wrong);
    place.write(BOOK, &wrong);
    let said =
        place.prove(&["--fail-fast", "--threads", "1"]).exits(1).saying("NOT PROVED").saying("FAILED: rollback to");
    let said = said.saying("tags \"way\" is \"back\", and was nothing");
    let line = said.stdout.lines().find(|line| line.trim().starts_with("countersign rehearse")).unwrap();
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let again = place.run(&words).exits(1).saying("failed").saying("was nothing");
    let journal = again.stderr.lines().find_map(|line| line.strip_prefix("journal  ")).unwrap();
    place.run(&["log", "--journal", journal]).exits(0).saying("second:");
    place.run(&["verify", "--journal", journal]).saying("rehearsal run");
    place.run(&["export", "--journal", journal, "-o", "cell.countersign"]).exits(0);
    place.run(&["verify", "cell.countersign"]).saying("rehearsal run");
    // The same cell again takes the place of the first.
    place.run(&words).exits(1);
}

#[test]
fn a_cell_alone_keeps_its_journal() {
    let place = Place::kind("back");
    let cell = |name: &str| place.prove(&["--cell", name, "--format", "json"]);
    let found = cell("second:222233334444/move:killed_after_intent").exits(0).json();
    assert_eq!((&found["result"], &found["step"]), (&Value::from("done"), &Value::from("move")));
    let journal = found["journal"].as_str().unwrap();
    let verdict = place.run(&["verify", "--journal", journal, "--format", "json"]).exits(0).json();
    assert_eq!((&verdict["verdict"], &verdict["mode"]), (&Value::from("CLOSED"), &Value::from("rehearsal")));
    // Somebody was killed between intent and call: two processes sat there.
    let log = place.run(&["log", "--journal", journal]).exits(0).stdout;
    assert!(log.contains("it did not happen"), "{log}");
    let undo = cell("second:222233334444/move/undo/return:throttled").exits(0).json();
    assert_eq!(undo["result"], "rolled_back");
    let skipped = cell("first/user:approval_denied").exits(0).json();
    assert_eq!((&skipped["result"], &skipped["journal"]), (&Value::from("does_not_apply"), &Value::Null));
    cell("first/user:throtled").exits(2).saying("CS2013").saying("first/user:throttled");
    place.run(&["rehearse", BOOK, "--cell", "first/user:throttled"]).exits(2);
    assert!(!place.path("runbooks/book.proof.json").exists(), "one cell is no proof");
}

#[test]
fn pages_are_whole_and_other_verbs_refuse_them() {
    let place = Place::kind("waits");
    let page = place.prove(&["--format", "html"]).exits(0).stdout;
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"), "{page}");
    let text = place.prove(&["--format", "markdown"]).exits(0).stdout;
    assert!(text.starts_with("# Proof of ") && text.contains("| rest/grown | d | d |"), "{text}");
    place.run(&["runs", "--format", "html"]).exits(2).saying("CS2090");
    place.run(&["rehearse", BOOK, "--format", "markdown"]).exits(2).saying("CS2090");
}

#[test]
fn the_table_fits_a_terminal_and_says_what_is_not_proved() {
    let place = Place::kind("tasks");
    let said = place.prove(&[]).exits(0);
    assert!(said.stdout.lines().all(|line| line.chars().count() <= 80), "{}", said.stdout);
    let said = said.saying("that AWS behaves as the simulator does").saying("the instructions of look, card, alone");
    said.saying("PROVED: 17 cells").saying("seeds: world").saying("it makes no call to AWS");
}

#[test]
fn a_folder_that_can_not_be_written_does_not_fail_the_proof() {
    let place = Place::kind("tasks");
    place.prove(&["-o", "nowhere/proof.json"]).exits(0).saying("PROVED").saying("could not be written");
    place.write("notes.txt", "mine");
    place.prove(&["-o", "notes.txt"]).exits(0).saying("is no proof");
    assert_eq!(std::fs::read_to_string(place.path("notes.txt")).unwrap(), "mine");
    // A stop without any fault is no proof either, and says where.
    place.write("runbooks/worlds/book.toml", &shipped("tests/fixtures/kinds/worlds/kinds.toml"));
    let text = shipped("tests/fixtures/kinds/asks.toml").replace("== 'green'", "== 'blue'");
    place.write(BOOK, &text);
    place.prove(&[]).exits(1).saying("FAILED without any fault: it stops at use/made").saying("NOT PROVED");
    place.run(&["plan", BOOK]).exits(0).saying("not proved: its proof failed");
}

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("bob", "customer", &["security"]),
        with_key("carol", "customer", &["holder"], 5),
    ]
}

/// `require_proof`, from "nobody has proved it" to a run that opens; and what makes a proof go stale.
#[test]
fn a_run_that_requires_a_proof_opens_with_one_only() {
    let text = shipped("tests/fixtures/kinds/asks.toml");
    let text = text.replace("version = \"1.0.0\"", "version = \"1.0.0\"\nrequire_proof = true");
    let scene = Scene::new(&text, &shipped("tests/fixtures/kinds/worlds/kinds.toml"), &people());
    let refused = |why: &str| {
        let said = scene.open("alice").exits(7).saying("CS7018").saying(why);
        said.saying("countersign rehearse runbooks/book.toml --prove");
        assert!(!scene.path(JOURNAL).exists());
    };
    refused("not proved: nobody has proved it");
    scene.run("alice", &["plan", BOOK]).exits(0).saying("not proved: nobody has proved it");
    scene.run("alice", &["rehearse", BOOK, "--prove"]).exits(0);
    let plan = scene.run("alice", &["plan", BOOK, "--format", "json"]).exits(0).json();
    assert_eq!((&plan["proof"]["proved"], &plan["proof"]["cells"]), (&Value::Bool(true), &Value::from(38)));
    let proof = scene.read("runbooks/book.proof.json");
    let changed = |from: &str, to: &str| {
        assert!(proof.contains(from), "{proof}");
        scene.write("runbooks/book.proof.json", &proof.replacen(from, to, 1));
    };
    for (from, to, why) in [
        ("\"proved\":true", "\"proved\":false", "its proof failed"),
        ("\"program\":\"countersign ", "\"program\":\"countersign 0", "another version of the program"),
        ("\"cells\":", "\"cells\": ", "is no proof"),
        ("\"proof\":1", "\"proof\":2", "another format"),
    ] {
        changed(from, to);
        refused(why);
    }
    scene.write("runbooks/book.proof.json", &proof);
    scene.write(BOOK, &format!("{text}\n# another word\n"));
    refused("the runbook has changed since");
    scene.write(BOOK, &text);
    let people_file = scene.read("runbooks/people.toml");
    scene.write(
        "runbooks/people.toml",
        &people_file.replace("roles = [\"security\"]", "roles = [\"security\", \"holder\"]"),
    );
    refused("who holds what has changed");
    scene.write("runbooks/people.toml", &people_file);
    // Another name is no other shape, but another people file: its signatures are.
    let digest = countersign::base::Digest::of(proof.as_bytes()).hex();
    scene.open("alice").exits(4).saying(&format!("38 cells, proof {}", &digest[..12]));
}
