//! The verbs around a run, through the real binary: init, schema, explain, completions, man, actions, settings, abandon.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{BOOK, JOURNAL, Said, Scene, finish, program, shipped, who};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Two users are made, the second by another role; agreed to by security.
const TWO: &str = r#"schema = 1
[runbook]
name = "two"
[roles]
admin = { party = "partner" }
security = { party = "customer" }
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
undo = "usual"
[[stages.steps]]
id = "other"
action = "iam:CreateUser"
with = { UserName = "other" }
approvals = [{ role = "security" }]
undo = "usual"
"#;

fn two(faults: &str) -> Scene {
    let world = format!("{}\n{faults}", shipped("tests/fixtures/kinds/worlds/kinds.toml"));
    Scene::new(TWO, &world, &[who("alice", "partner", &["admin"]), who("bob", "customer", &["security"])])
}

/// The program in `folder`, with nothing of ours but these variables.
fn plain(folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = Command::new(program());
    command.args(words).current_dir(folder).env_clear().stdin(Stdio::null());
    command.env("HOME", folder).envs(variables.iter().copied());
    finish(command)
}

fn here(words: &[&str]) -> Said {
    plain(Path::new(env!("CARGO_MANIFEST_DIR")), words, &[])
}

// --- init ---

/// Every command that `init` prints is run, as it is printed.
#[test]
fn a_new_repository_checks_plans_and_rehearses_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let said = plain(folder.path(), &["init", "my moves"], &[]).exits(0);
    let lines: Vec<&str> = said.stderr.lines().skip_while(|line| *line != "next:").skip(1).map(str::trim).collect();
    assert_eq!(lines[0], "cd 'my moves'");
    let new = folder.path().join("my moves");
    let mut verbs = Vec::new();
    for line in &lines[1..] {
        let Some(words) = line.strip_prefix("countersign ") else { continue };
        let words: Vec<&str> = words.split(' ').collect();
        plain(&new, &words, &[]).exits(0);
        verbs.push(words[0]);
    }
    assert_eq!(verbs, ["check", "plan", "rehearse"]);
    assert!(new.join("journal/rehearsals").is_dir());
    let check = plain(&new, &["check", BOOK_OF_INIT, "--people", "runbooks/people.toml"], &[]).exits(0);
    assert_eq!(check.stderr.trim(), "1 runbook: nothing wrong");
}

const BOOK_OF_INIT: &str = "runbooks/move_account.toml";

#[test]
fn init_never_writes_over_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let ours = folder.path().join("runbooks/people.toml");
    std::fs::create_dir_all(ours.parent().unwrap()).unwrap();
    std::fs::write(&ours, "ours").unwrap();
    std::os::unix::fs::symlink("/nowhere", folder.path().join("countersign.toml")).unwrap();
    let said = plain(folder.path(), &["init"], &[]).exits(0);
    assert!(said.stderr.contains("kept  ./runbooks/people.toml"), "{}", said.stderr);
    assert!(said.stderr.contains("kept  ./countersign.toml"), "{}", said.stderr);
    assert_eq!(std::fs::read_to_string(&ours).unwrap(), "ours");
    let before = std::fs::read(folder.path().join(BOOK_OF_INIT)).unwrap();
    let again = plain(folder.path(), &["init"], &[]).exits(0);
    assert!(!again.stderr.contains("wrote"), "{}", again.stderr);
    assert_eq!(std::fs::read(folder.path().join(BOOK_OF_INIT)).unwrap(), before);
}

/// The schemas of a new repository are those that `schema` prints.
#[test]
fn the_schemas_of_a_new_repository_are_the_programs_own() {
    let folder = tempfile::tempdir().unwrap();
    plain(folder.path(), &["init"], &[]).exits(0);
    for (name, words) in [
        ("runbook", vec!["schema", "runbook"]),
        ("people", vec!["schema", "people"]),
        ("world", vec!["schema", "world"]),
        ("move_account.values", vec!["schema", "values", BOOK_OF_INIT]),
    ] {
        let said = plain(folder.path(), &words, &[]).exits(0);
        let text = std::fs::read_to_string(folder.path().join(format!("schemas/{name}.schema.json"))).unwrap();
        assert_eq!(text, said.stdout);
    }
    for file in ["move_account.toml", "move_account.values.toml", "people.toml", "worlds/move_account.toml"] {
        let path = folder.path().join("runbooks").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let schema = text.lines().next().unwrap().strip_prefix("#:schema ").unwrap();
        assert!(path.parent().unwrap().join(schema).is_file(), "{file}: {schema}");
    }
}

#[test]
fn schema_of_values_needs_a_sound_runbook() {
    here(&["schema", "values"]).exits(2);
    here(&["schema", "people", BOOK_OF_INIT]).exits(2).saying("CS2022");
    here(&["schema", "values", "tests/fixtures/broken/unknown_keys.toml"]).exits(3).saying("CS0103");
}

// --- explain, actions, completions, man ---

#[test]
fn explain_gives_pages_and_the_list() {
    let page = here(&["explain", "cs0301"]).exits(0);
    assert!(page.stdout.starts_with("CS0301: A changing step has no way back\n"), "{}", page.stdout);
    assert!(!page.stdout.contains("```"), "{}", page.stdout);
    let list = here(&["explain"]).exits(0);
    for part in ["CS01: ", "  CS0301 ", "  7 ", "  WITNESSED "] {
        assert!(list.stdout.contains(part), "{part}: {}", list.stdout);
    }
    assert!(here(&["explain", "7"]).exits(0).stdout.starts_with("7: Refused by a rule"));
    let value = here(&["explain", "CS8002", "--format", "json"]).exits(0).json();
    assert_eq!((value["code"].as_str(), value["family"].as_str()), (Some("CS8002"), Some("CS80: the seat is taken")));
    assert!(here(&["explain", "--format", "json"]).exits(0).json().as_array().unwrap().len() > 150);
    here(&["explain", "CS0300"]).exits(2).saying("CS2021").saying("did you mean");
}

/// `check` names the verb once, and not where a program reads.
#[test]
fn check_points_to_explain_once() {
    let file = "tests/fixtures/broken/unknown_keys.toml";
    let said = here(&["check", file]).exits(3);
    assert_eq!(said.stderr.matches("countersign explain").count(), 1, "{}", said.stderr);
    assert!(said.stderr.contains("countersign explain CS0103"), "{}", said.stderr);
    assert!(!here(&["check", file, "--format", "json"]).exits(3).stderr.contains("explain"));
    assert!(!here(&["check", "runbooks/move_member_accounts.toml"]).exits(0).stderr.contains("explain"));
}

#[test]
fn actions_are_listed_found_and_explained() {
    let all = here(&["actions"]).exits(0).stdout.lines().count();
    let found = here(&["actions", "handshake"]).exits(0);
    assert!(found.stdout.lines().all(|line| line.to_lowercase().contains("handshake")), "{}", found.stdout);
    assert!((2..all).contains(&found.stdout.lines().count()));
    let json = here(&["actions", "handshake", "--format", "json"]).exits(0).json();
    assert_eq!(json.as_array().unwrap().len(), found.stdout.lines().count());
    assert_eq!(here(&["actions", "iam:GetUser", "--format", "json"]).exits(0).json()["name"], "iam:GetUser");
    here(&["actions", "iam:GetUsr"]).exits(2).saying("did you mean iam:GetUser?");
}

#[test]
fn shells_take_the_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = here(&["completions", shell]).exits(0).stdout;
        for verb in ["rehearse", "go-on", "completions", "abandon"] {
            assert!(script.contains(verb), "{shell} has no {verb}");
        }
    }
    let script = here(&["completions", "bash"]).stdout;
    let output = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    here(&["completions", "cmd"]).exits(2);
}

#[test]
fn the_manual_has_a_page_for_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    plain(folder.path(), &["man", "-o", "man1"], &[]).exits(0);
    let main = here(&["man"]).exits(0).stdout;
    assert_eq!(std::fs::read_to_string(folder.path().join("man1/countersign.1")).unwrap().trim_end(), main.trim_end());
    let help = here(&["--help"]).exits(0).stdout;
    let verbs: Vec<&str> =
        help.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("  ")).map(|it| it.0).collect();
    assert!(verbs.len() > 25, "{help}");
    for verb in verbs.into_iter().filter(|verb| verb.starts_with(|c: char| c.is_ascii_lowercase())) {
        let page = std::fs::read_to_string(folder.path().join(format!("man1/countersign-{verb}.1"))).unwrap();
        assert!(page.starts_with(".ie") || page.starts_with(".TH") || page.contains("\n.TH "), "{page}");
        assert!(page.contains("countersign"), "{page}");
        assert!(main.contains(&format!("countersign\\-{}(1)", verb.replace('-', "\\-"))), "{verb} in\n{main}");
    }
    plain(folder.path(), &["man", "-o", "man1"], &[]).exits(2).saying("CS1008");
}

// --- settings ---

#[test]
fn settings_stand_behind_environment_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::create_dir_all(at.join("deep/down")).unwrap();
    let text = "journal = \"j/file.db\"\nperson = \"alice\"\nkey = \"keys/a\"\n[sessions]\nm = \"profile:x\"\n";
    std::fs::write(at.join("countersign.toml"), text).unwrap();
    let whole = at.canonicalize().unwrap();
    let runs = |words: &[&str], variables: &[(&str, &str)]| {
        let all: Vec<&str> = ["runs", "--verbose"].iter().chain(words).copied().collect();
        plain(&whole.join("deep/down"), &all, variables).exits(2).stderr
    };
    let shown = whole.display().to_string();
    let said = runs(&[], &[]);
    assert!(said.contains(&format!("settings from {shown}/countersign.toml")), "{said}");
    assert!(said.contains(&format!("journal {shown}/j/file.db (settings)")), "{said}");
    assert!(said.contains("session m=profile:x (settings)"), "{said}");
    let said = runs(&[], &[("COUNTERSIGN_JOURNAL", "env.db")]);
    assert!(said.contains("journal env.db (environment)"), "{said}");
    let said = runs(&["--journal", "flag.db"], &[("COUNTERSIGN_JOURNAL", "env.db")]);
    assert!(said.contains("journal flag.db (command line)") && said.contains("CS1001"), "{said}");
    let said =
        plain(&whole, &["approve", "x/y", "--verbose", "--as", "bob"], &[("COUNTERSIGN_KEY", "k")]).exits(2).stderr;
    assert!(said.contains("person bob (command line), key k (environment)"), "{said}");
    let said = plain(&whole, &["approve", "x/y", "--verbose"], &[]).exits(2).stderr;
    assert!(said.contains("settings from countersign.toml: journal j/file.db (settings)"), "{said}");
    assert!(said.contains("person alice (settings), key keys/a (settings)"), "{said}");
}

#[test]
fn broken_settings_say_where_and_stop_only_who_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("countersign.toml"), "\npersn = \"alice\"\n").unwrap();
    let said = plain(folder.path(), &["runs"], &[]).exits(3);
    assert!(said.stderr.starts_with("countersign.toml:2:1: error[CS0103]"), "{}", said.stderr);
    assert!(said.stderr.contains("did you mean `person`?"), "{}", said.stderr);
    plain(folder.path(), &["explain", "CS0103"], &[]).exits(0);
    plain(folder.path(), &["runs", "--help"], &[]).exits(0);
}

/// The whole seat from settings alone, and a journal without a word of them.
#[test]
fn a_run_is_driven_with_settings_alone() {
    let scene = two("");
    let text = format!(
        "journal = \"{JOURNAL}\"\nperson = \"alice\"\nkey = \"alice/key\"\n[sessions]\nmanagement = \"profile:management\"\n"
    );
    scene.write("countersign.toml", &text);
    let mut command = scene.command("alice", &["run", BOOK, "--simulated"]);
    for name in ["COUNTERSIGN_PERSON", "COUNTERSIGN_KEY", "COUNTERSIGN_JOURNAL"] {
        command.env_remove(name);
    }
    finish(command).exits(4).saying("bob");
    assert_eq!(scene.effects(), ["iam:CreateUser"]);
    assert!(!scene.keeps("countersign.toml") && !scene.keeps("profile:management"));
}

// --- abandon ---

#[test]
fn an_abandoned_run_is_closed_signed_and_verifies() {
    let scene = two("");
    scene.open("alice").exits(4);
    let said = scene.run("alice", &["abandon", "--reason", "called off"]).exits(0);
    assert!(said.stderr.contains("left standing:\n    make/user"), "{}", said.stderr);
    assert!(said.stderr.contains("countersign rollback"), "{}", said.stderr);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    let status = scene.status();
    assert_eq!(status["state"], "abandoned");
    let log = scene.log();
    let (word, closed) = (&log[log.len() - 2], &log[log.len() - 1]);
    assert_eq!((closed["kind"].as_str(), closed["data"]["result"].as_str()), (Some("run_closed"), Some("abandoned")));
    let text = word["data"]["statement"].as_str().unwrap();
    for line in ["what: note", "covers: abandon", "person: alice", "reason: called off"] {
        assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
    }
    let page = scene.run("bob", &["report", "--format", "html"]).stdout;
    for words in ["<span class=\"mode\">ABANDONED</span>", "gave the run up: called off. Left standing: make/user<"] {
        assert!(page.contains(words), "{words} in\n{page}");
    }
    let markdown = scene.run("bob", &["report", "--format", "markdown"]).stdout;
    assert!(markdown.contains("called off\\. Left standing\\: make/user\n"), "{markdown}");
    let before = log.len();
    scene.run("alice", &["abandon"]).exits(7).saying("CS7007");
    scene.run("bob", &["approve", "make/other"]).exits(7);
    scene.resume("alice").exits(7).saying("CS7007");
    assert_eq!(scene.log().len(), before);
}

#[test]
fn only_a_performer_abandons() {
    let scene = two("");
    scene.open("alice").exits(4);
    let before = scene.log().len();
    scene.run("bob", &["abandon"]).exits(7).saying("CS7008").saying("admin");
    scene.run("nobody", &["abandon"]).exits(7).saying("CS7003");
    assert_eq!(scene.log().len(), before);
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
}

/// What may have happened is settled first; then the run can be abandoned.
#[test]
fn a_run_in_doubt_is_not_abandoned() {
    let faults = "[[faults]]\non = \"iam:CreateUser\"\nkind = \"response_lost\"\n\
                  [[faults]]\non = \"iam:GetUser\"\nkind = \"access_denied\"\nnth = 2\ntimes = 1000\n";
    let scene = two(faults);
    scene.open("alice").exits(5);
    let before = scene.log().len();
    scene.run("alice", &["abandon"]).exits(5).saying("CS5001").saying("make/user");
    assert_eq!(scene.log().len(), before);
}

#[test]
fn nobody_abandons_under_a_seat() {
    let scene = two("");
    scene.open("alice").exits(4);
    let status: Value = scene.status();
    let run = status["run"].as_str().unwrap();
    let mut journal = countersign::journal::Journal::open(&scene.path(JOURNAL)).unwrap();
    let id = journal.runs().unwrap()[0].clone();
    assert_eq!(id.as_str(), run);
    let taken = countersign::cli::place::sit(&mut journal, &id, 1).unwrap();
    let before = scene.log().len();
    scene.run("alice", &["abandon"]).exits(8).saying("CS8002");
    assert_eq!(scene.log().len(), before);
    drop(taken);
    scene.run("alice", &["abandon"]).exits(0);
}
