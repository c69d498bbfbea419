//! `verify --commands` and `export --signers`: an auditor's shell checks every signature with OpenSSH alone.

use super::*;
use countersign::cli::ui::{Exit, Ui};
use countersign::cli::{Format, Global, export};
use countersign::engine::port::Store;
use countersign::journal::Journal;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the lines in a folder that holds nothing but these two files.
fn in_shell(bundle: &str, signers: &str, lines: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("run.countersign"), bundle).unwrap();
    std::fs::write(folder.path().join(verify::SIGNERS), signers).unwrap();
    std::fs::write(folder.path().join("check.sh"), lines).unwrap();
    Command::new("sh").arg("check.sh").current_dir(&folder).output().unwrap()
}

fn text(bundle: &Bundle) -> String {
    bundle::write(&bundle.run, &bundle.lines, &bundle.objects)
}

fn lines(bundle: &Bundle) -> String {
    verify::commands(bundle, "run.countersign").join("\n")
}

/// A run with every kind of statement that is signed, and a text full of what shells and JSON escape.
fn every_kind() -> Writer {
    let mut writer = Writer::new(Mode::Live);
    writer.statement = Box::new(|label, statement, _| {
        if label == "approve bob k2" {
            statement.tail.reason = "\"it's\" $(fine) `id` \\ \\n \\\" caf\u{e9} {} \u{1}".into();
        }
    });
    writer.before = Box::new(|w, label| match label {
        "ask k1" => {
            change_people(w, &["alice", "bob", "dora"]);
            amend(w, &["alice", "bob", "carol"], |plan| plan.title = "x".into());
            let body = Body::HandOver(w.head(), "alice".into());
            let SignedText { statement, signature, key } = w.sign("hand over", "alice", "", body);
            w.push("hand over", "alice", fact::HandedOver { statement, signature, key });
            w.epoch = 2;
            w.sign_on("on again", "alice");
        }
        "approve carol k1" => break_glass(w, "bob", ""),
        "intend k1" => {
            let request = w.seq("ask k1");
            w.intend("intend k1", "k1", 1, request, vec![]);
            w.skip = true;
        }
        _ => {}
    });
    writer.honest();
    writer
}

#[test]
fn a_shell_checks_every_signature_and_fails_where_a_statement_was_changed() {
    let writer = every_kind();
    assert_eq!(verdict_of(&writer).problems, []);
    let bundle = writer.bundle();
    let (lines, signers) = (lines(&bundle), verify::signers(&bundle).unwrap());
    assert!(Trust::parse("signers", &signers).is_ok(), "`verify --trust` takes it too");
    let output = in_shell(&text(&bundle), &signers, &lines);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{out}\n{}", String::from_utf8_lossy(&output.stderr));
    let good = out.lines().filter(|line| line.starts_with("Good ")).count();
    assert!(good >= 16 && out.ends_with(&format!("{good} signatures are good\n")), "{out}");
    for kind in ["people", "sign-on", "change", "hand-over", "approval", "break-glass", "said", "witness"] {
        assert!(
            out.contains(&format!("\"{kind}-v1@countersign\"")) || lines.contains(&format!("-n {kind}-v1@")),
            "{kind}"
        );
    }
    // One letter of each statement in turn: in its line, or in the object of the people's signatures.
    for label in ["on", "approve bob k1", "confirm k1", "witness bob", "hand over", "glass", "amended"] {
        let mut changed = bundle.clone();
        let line = &mut changed.lines[writer.seq(label) as usize];
        assert!(line.contains("reason: because"), "{label}");
        *line = line.replacen("reason: because", "reason: becausE", 1);
        let output = in_shell(&text(&changed), &signers, &lines);
        assert!(!output.status.success(), "{label}");
        let seen = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(seen.contains("incorrect signature") && !seen.contains("signatures are good"), "{label}: {seen}");
    }
    // Somebody else's key in the auditor's own file.
    let other = signers.replace(&key(Mode::Live, "bob").public().line, &rehearsed("bob"));
    assert!(!in_shell(&text(&bundle), &other, &lines).status.success());
}

fn rehearsed(person: &str) -> String {
    key(Mode::Rehearsal, person).public().line
}

#[test]
fn nothing_that_a_bundle_says_becomes_a_command() {
    let mut writer = Writer::new(Mode::Rehearsal);
    writer.statement = Box::new(|label, statement, _| {
        if label == "approve bob k1" {
            statement.tail.person = "bob; touch owned".into();
        }
    });
    writer.honest();
    let lines = verify::commands(&writer.bundle(), "it's $(touch owned)\n.countersign");
    assert!(lines.iter().all(|line| !line.contains("; touch")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("exit 1")));
    let file = "'it'\\''s $(touch owned)\n.countersign'";
    assert!(lines.iter().filter(|line| line.contains("touch")).all(|line| line.contains(file)), "{lines:#?}");
}

#[test]
fn keys_that_are_no_longer_in_force_stand_behind_the_others() {
    let mut writer = Writer::new(Mode::Live);
    before(&mut writer, "ask k1", |w| {
        let text = w.people.replace(&key(Mode::Live, "dora").public().line, &rehearsed("zoe"));
        let digest = w.object(text.into_bytes());
        w.push("people changed", "alice", fact::PeopleChanged { people: digest, statements: vec![] });
    });
    writer.honest();
    let signers = verify::signers(&writer.bundle()).unwrap();
    let (now, before) = signers.split_once("# No longer in force").unwrap();
    assert!(now.contains(&format!("dora namespaces=\"*@countersign\" {}", rehearsed("zoe"))), "{signers}");
    assert_eq!(before.matches("namespaces").count(), 1, "{signers}");
    assert!(before.contains(&key(Mode::Live, "dora").public().line), "{signers}");
}

/// Through the program: nothing is written over, and what it writes is what it says.
#[test]
fn the_program_writes_signers_and_prints_the_lines() {
    const UI: Ui = Ui { color: false, quiet: true, verbose: false, json: false, interactive: false };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let writer = honest(Mode::Rehearsal);
    let mut journal = Journal::open_or_create(&at("countersign.db")).unwrap();
    let objects: Vec<_> = writer.objects.iter().map(|(digest, bytes)| (*digest, bytes.clone())).collect();
    journal.append(&writer.run, None, None, &writer.lines, &objects).unwrap();
    journal.close().unwrap();
    let global = Global { journal: at("countersign.db"), format: Format::Text, quiet: true, verbose: false };
    let args = |output: &str| export::Args { run: None, output: Some(at(output)), signers: Some(at("signers")) };
    assert_eq!(export::run(&args("run.countersign"), &global, &UI).unwrap(), Exit::Done);
    assert_eq!(export::run(&args("other"), &global, &UI).unwrap_err().code, "CS1008");
    let print = |target: &str, folder: &Path| {
        let program = env!("CARGO_BIN_EXE_countersign");
        let words = ["verify", target, "--commands", "--journal", "countersign.db"];
        let output = Command::new(program).args(words).current_dir(folder).env_clear().output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (bundle, signers) = (at("run.countersign"), std::fs::read_to_string(at("signers")).unwrap());
    let bundle = std::fs::read_to_string(bundle).unwrap();
    let lines = print("run.countersign", folder.path());
    assert!(signers.contains("anybody can make them"), "{signers}");
    assert!(in_shell(&bundle, &signers, &lines).status.success());
    // Of a run in the journal: the same, for the file that `export` is told to write.
    assert_eq!(print("09090909", folder.path()).replace("09090909.countersign", "run.countersign"), lines);
}
