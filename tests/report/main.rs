//! Reports and plan pictures: of runs that ended well, were taken back, were in doubt, are open, do not verify or
//! lack objects; and with hostile text in every field, which stays text.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod markup;
#[path = "../stage/mod.rs"]
mod stage;

use countersign::base::{Digest, escape};
use countersign::engine::port::Store;
use countersign::journal::{MemoryStore, export};
use countersign::people;
use countersign::plan::lanes::{Lane, Mark, Row};
use countersign::plan::model::Plan;
use countersign::plan::{mermaid, picture};
use countersign::record::bundle::{self, Bundle};
use countersign::record::fact::Fact;
use countersign::record::statement::Decides;
use countersign::report::content::{Chapter, Source};
use countersign::report::{self, Content};
use countersign::simulator::{Fault, FaultKind};
use countersign::verify;
use markup::{Page, read};
use proptest::prelude::*;
use serde_json::Value;
use stage::{Moment, Stage, base, drive, entries, id, resume, roll_back, settle, sit, wake};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

const ACCEPTED: &str = "accept:111122223333/accept";

fn gathered(bundle: &Bundle) -> Content {
    let verdict = verify::check(bundle, &[], &[]);
    let source = Source { name: "run.countersign".to_owned(), sha256: Digest::of(b"") };
    report::gather(bundle, &verdict, source)
}

fn of_store(store: &MemoryStore) -> Content {
    gathered(&export::bundle(store, &id()).unwrap().unwrap())
}

/// The page, read strictly, and its text.
#[track_caller]
fn page(content: &Content) -> Page {
    read(&report::html::html(content)).unwrap()
}

#[track_caller]
fn shows(page: &Page, words: &[&str]) {
    for one in words {
        assert!(page.text.contains(one), "`{one}` is not in:\n{}", page.text);
    }
}

fn before(kind: &str, nth: usize) -> &'static Moment {
    let begins = |moment: &&Moment| moment.name.starts_with("before append") && moment.name.contains(kind);
    base(3).moments.iter().filter(begins).nth(nth).unwrap()
}

#[test]
fn a_run_that_ended_well_is_told_whole() {
    let content = of_store(&base(3).journal);
    assert_eq!((content.verdict.verdict.as_str(), content.run.state.as_str()), ("CLOSED", "done"));
    assert_eq!(content.verdict.mode.as_deref(), Some("rehearsal"));
    assert_eq!(content.troubles.len(), 0, "{:#?}", content.troubles);
    let page = page(&content);
    shows(&page, &["CLOSED", "REHEARSAL", "no real AWS account was touched", "Alice Example", "Nothing was in doubt"]);
    let done: Vec<_> = content.operations.iter().filter(|one| one.result.as_deref() == Some("done")).collect();
    assert_eq!(done.len(), 9);
    for one in done {
        shows(&page, &[&one.step, one.request_id.as_deref().unwrap(), one.date.as_deref().unwrap()]);
        assert!(!one.approved_by.is_empty() && !one.approved_by.contains(&one.by), "{one:?}");
    }
    for person in &content.people {
        shows(&page, &[&person.name, &person.party, &person.keys[0]]);
    }
    for entry in content.entries.iter().filter(|entry| !entry.words.is_empty()) {
        shows(&page, &[&entry.words]);
    }
    shows(&page, &["ssh-keygen -Y verify", "sha256sum run.countersign", &content.run.last_leaf.unwrap().hex()]);
    assert_eq!(page.headings, sorted_levels(&page.headings), "no level is left out");
}

/// Each heading goes at most one level deeper than the one before.
fn sorted_levels(levels: &[u8]) -> Vec<u8> {
    let mut last = 0;
    levels
        .iter()
        .map(|level| {
            last = (*level).min(last + 1);
            last
        })
        .collect()
}

#[test]
fn the_commands_that_a_report_prints_give_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = export::bundle(&base(3).journal, &id()).unwrap().unwrap();
    let text = bundle::write(&bundle.run, &bundle.lines, &bundle.objects);
    std::fs::write(folder.path().join("run.countersign"), &text).unwrap();
    let content = gathered(&bundle);
    let leaf = content.run.last_leaf.unwrap().hex();
    let by_hand = content.check.iter().find(|one| one.what.contains(&leaf)).unwrap();
    let output = Command::new("sh").arg("-c").arg(by_hand.commands.join("\n")).current_dir(&folder).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with(&leaf), "{output:?}");
}

#[test]
fn a_run_taken_back_says_what_came_back() {
    let theatre = wake(&base(3).journal, before("intended", 8));
    let played = roll_back(&theatre, theatre.store.clone(), "alice", "").unwrap();
    assert_eq!(played.run.closed.as_deref(), Some("rolled_back"), "{:?}", played.stop);
    let content = of_store(&theatre.store);
    assert_eq!(content.run.state, "rolled back");
    let back = content.troubles.iter().find(|one| one.what == "rollback").unwrap();
    assert_eq!(back.settled.as_deref(), Some("closed as rolled back"));
    assert!(content.operations.iter().filter(|one| one.direction == "undo").count() >= 6);
    assert!(content.chapters.iter().any(|chapter| chapter.title == "Rollback"));
    let marks = |mark: Mark| {
        let rows = content.chapters.iter().flat_map(|chapter| &chapter.rows);
        rows.filter(|row| row.marks.iter().any(|(_, other)| *other == mark)).count()
    };
    assert!(marks(Mark::Undone) > 1, "{}", marks(Mark::Undone));
    shows(&page(&content), &["Rollback", "closed as rolled back", "back as captured", "takes a step back"]);
}

/// The acceptance is in doubt, and no read can tell.
fn doubtful() -> Stage {
    let theatre = wake(&base(3).journal, before("intended", 3));
    for (on, kind, times) in [
        ("organizations:AcceptHandshake", FaultKind::ResponseLost, 1),
        ("organizations:DescribeHandshake", FaultKind::AccessDenied, 1_000),
    ] {
        theatre.wire.simulator().add_fault(Fault { times, ..Fault::first(on, kind) });
    }
    drop(resume(&theatre, "bob").unwrap());
    theatre
}

#[test]
fn an_open_run_says_that_it_is_open_and_in_doubt() {
    let content = of_store(&doubtful().store);
    assert_eq!((content.verdict.verdict.as_str(), content.run.state.as_str()), ("OPEN", "in doubt"));
    let doubt = content.troubles.iter().find(|one| one.what == "in_doubt").unwrap();
    assert_eq!((doubt.at_step.as_str(), &doubt.settled), (ACCEPTED, &None));
    shows(&page(&content), &["OPEN", "The run is not closed", "Not settled in this history", "IN DOUBT"]);
    assert!(report::markdown::markdown(&content).contains("not settled in this history"));
}

#[test]
fn doubt_that_people_settled_names_them() {
    let theatre = doubtful();
    let step = ACCEPTED.parse().unwrap();
    let mut bob = sit(&theatre, "bob");
    settle(&theatre, "bob", &step, "done", serde_json::json!({"Handshake": {"State": "ACCEPTED"}}));
    drop(drive(&theatre, &mut bob).unwrap());
    let asked = bob.run.requests.values().rfind(|request| request.is_live()).unwrap().seq;
    assert!(theatre.decide(&mut theatre.store.clone(), &mut bob.run, asked, "carol", Decides::Approve).unwrap());
    drop(bob);
    theatre.wire.simulator().forget_faults();
    drop(resume(&theatre, "bob").unwrap());
    let content = of_store(&theatre.store);
    let doubt = content.troubles.iter().find(|one| one.what == "in_doubt").unwrap();
    assert!(doubt.settled.as_ref().unwrap().starts_with("by the signed word of people"), "{doubt:#?}");
    let by: Vec<&str> = doubt.course.iter().filter_map(|entry| entry.by.as_deref()).collect();
    assert!(by.contains(&"bob") && by.contains(&"carol"), "{doubt:#?}");
    let operation = content.operations.iter().find(|one| one.step == ACCEPTED).unwrap();
    assert!(operation.was_in_doubt && operation.found.as_deref() == Some("word"), "{operation:?}");
    shows(&page(&content), &["by the signed word of people", "Settled: "]);
}

#[test]
fn a_history_that_was_altered_is_told_as_worth_nothing() {
    let mut bundle = export::bundle(&base(3).journal, &id()).unwrap().unwrap();
    let at = bundle.lines.iter().position(|line| line.contains("\"outcome\"")).unwrap();
    bundle.lines[at] = bundle.lines[at].replace("\"took_ms\":", "\"took_ms\":1");
    let content = gathered(&bundle);
    assert_eq!(content.verdict.verdict, "INVALID");
    let first = content.verdict.problems.iter().filter_map(|problem| problem.seq).min().unwrap();
    let words = format!("The first broken rule is at entry {first}");
    let page = page(&content);
    shows(&page, &["INVALID", "DO NOT RELY ON THIS REPORT", "Nothing in this report is proved", &words, "CS0802"]);
    let markdown = report::markdown::markdown(&content);
    assert!(markdown.contains("**Verdict: INVALID**") && markdown.contains("CS0802"), "{markdown}");
    let place = |words: &str| page.text.find(words).unwrap();
    assert!(place("INVALID") < place("What was to happen"), "the verdict stands first");
}

#[test]
fn what_is_not_in_the_bundle_is_named() {
    let mut bundle = export::bundle(&base(3).journal, &id()).unwrap().unwrap();
    let outputs: Vec<Digest> = entries(&base(3).journal)
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::Outcome(fact) => fact.output,
            _ => None,
        })
        .collect();
    bundle.objects.retain(|digest, _| !outputs.contains(digest));
    let content = gathered(&bundle);
    assert_eq!(content.verdict.verdict, "CLOSED", "{:?}", content.verdict.problems);
    assert_eq!(content.verdict.missing_objects.len(), outputs.len());
    let page = page(&content);
    outputs.iter().for_each(|digest| shows(&page, &[&digest.hex()]));
    shows(&page, &["objects are not in the bundle"]);
    // Without plan and people there is still a report.
    bundle.objects.clear();
    let bare = gathered(&bundle);
    assert_eq!(bare.verdict.verdict, "INVALID");
    shows(&self::page(&bare), &["The plan or the people file can't be read", "bob"]);
}

#[test]
fn the_json_has_the_members_that_help_names_and_reads_back() {
    let content = of_store(&base(3).journal);
    let value: Value = serde_json::from_str(&report::json(&content)).unwrap();
    let help = Command::new(env!("CARGO_BIN_EXE_countersign")).args(["report", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for member in value.as_object().unwrap().keys() {
        assert!(help.contains(member.as_str()), "{member} is not in:\n{help}");
    }
    assert!(serde_json::from_value::<Content>(value).is_ok());
}

#[test]
fn the_verb_writes_each_format_and_says_by_its_exit_code_what_does_not_verify() {
    let folder = tempfile::tempdir().unwrap();
    let vector = Path::new(env!("CARGO_MANIFEST_DIR")).join("journal/vectors/closed-rehearsal.countersign");
    let report = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.current_dir(folder.path()).arg("report").args(arguments).output().unwrap()
    };
    let vector = vector.to_str().unwrap();
    for (format, begins) in [("html", "<!doctype html>"), ("json", "{\n  \"report\": 1"), ("markdown", "# ")] {
        let output = report(&[vector, "--format", format]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).starts_with(begins), "{format}");
    }
    assert_eq!(report(&[vector, "--format", "mermaid"]).status.code(), Some(2));
    let text = std::fs::read_to_string(vector).unwrap();
    std::fs::write(folder.path().join("bad.countersign"), text.replacen("\"done\"", "\"failed\"", 1)).unwrap();
    std::fs::write(folder.path().join("cut.countersign"), &text[..text.len() / 2]).unwrap();
    std::fs::write(folder.path().join("none.countersign"), "<script>alert(1)</script>").unwrap();
    for name in ["bad.countersign", "cut.countersign", "none.countersign"] {
        let out = format!("{name}.html");
        let output = report(&[name, "--format", "html", "-o", &out]);
        assert_eq!(output.status.code(), Some(6), "{name}: {output:?}");
        let page = read(&std::fs::read_to_string(folder.path().join(&out)).unwrap()).unwrap();
        shows(&page, &["INVALID", "DO NOT RELY"]);
    }
}

/// Three hundred items: what is alike is drawn once and folded with its count, what is not stands open before it.
#[test]
fn many_items_are_folded_and_each_still_stands_in_the_tables() {
    let mut content = of_store(&base(3).journal);
    let keys: Vec<String> = (0..300).map(|at| format!("{}", 300_000_000_000u64 + at)).collect();
    let one = content.operations.last().unwrap().clone();
    content.operations = keys
        .iter()
        .map(|key| report::content::OperationFacts { step: format!("place:{key}/place"), ..one.clone() })
        .collect();
    content.operations[7].result = Some("failed".to_owned());
    content.operations[9].was_in_doubt = true;
    content.stages[0].items = Some(keys.clone());
    let entry = content.entries.last().unwrap().clone();
    content.entries = (0..2_000)
        .map(|seq| report::content::EntryFacts { seq, words: format!("entry-{seq}-words"), ..entry.clone() })
        .collect();
    let html = report::html::html(&content);
    let page = read(&html).unwrap();
    keys.iter().for_each(|key| shows(&page, &[&format!("place:{key}/place")]));
    shows(&page, &["298 x place/place: done", "300 operations: 298 in groups of what is alike; 2 others first"]);
    shows(&page, &["and 288 more", "All 2000 entries", "entry-1999-words"]);
    assert!(html.len() < 400_000, "{} bytes", html.len());
    let (_, operations) = page.text.split_once("2 others first").unwrap();
    let (open, _) = operations.split_once("298 x ").unwrap();
    assert!(open.contains(&keys[7]) && open.contains(&keys[9]) && !open.contains(&keys[8]), "{open}");
}

/// The same trouble of many items is told once, with its count, and each stands below.
#[test]
fn troubles_that_are_alike_are_told_together() {
    let mut content = of_store(&base(3).journal);
    let expired = |seq: u64| report::content::Trouble {
        seq,
        at: "2026-01-05T09:00:00.000Z".to_owned(),
        what: "expired".to_owned(),
        at_step: format!("accept:{seq}/accept"),
        words: format!("request #{seq} is over"),
        course: Vec::new(),
        settled: None,
    };
    content.troubles = (0..50).map(expired).collect();
    content.troubles.push(report::content::Trouble { what: "failed".to_owned(), ..expired(50) });
    let page = page(&content);
    shows(&page, &["Time ran out: accept/accept, 50 times", "accept:49/accept: request #49 is over"]);
    shows(&page, &["Failed: accept:50/accept", "Not settled in this history."]);
    assert_eq!(page.text.matches("Not settled").count(), 1, "time that ran out wants no settling");
}

/// What is folded on a screen is open on paper; only the log, which may have a hundred pages, stays as it is.
#[test]
fn what_is_folded_is_open_in_print() {
    let mut content = of_store(&base(3).journal);
    let one = content.operations.last().unwrap().clone();
    content.operations = vec![one; 100];
    let trouble: report::content::Trouble = serde_json::from_value(told_of_doubt()["troubles"][0].clone()).unwrap();
    assert!(!trouble.course.is_empty());
    content.troubles = (0..60).map(|seq| report::content::Trouble { seq, ..trouble.clone() }).collect();
    let html = report::html::html(&content);
    let (rest, log) = html.split_once("<h2>Complete log").unwrap();
    assert_eq!(rest.matches("<details").count(), 2);
    assert_eq!(rest.matches("<details class=\"always\">").count(), 2);
    assert!(log.contains("<details>"));
    let (_, print) = html.split_once("@media print").unwrap();
    assert!(print.contains("details.always::details-content{content-visibility:visible"), "{print}");
    assert!(print.contains("thead{display:table-header-group}"), "{print}");
}

/// A way in, from the stage that made it until the old one is gone: in the drawing, the tables, and at each point of
/// no return the proof before it.
#[test]
fn ways_in_are_told_from_the_first_proof_to_the_release() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let runbook = root.join("runbooks/break_glass_user.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let output = command.arg("rehearse").arg(runbook).arg("--keep").arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let kept = std::fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().path());
    let kept = kept.into_iter().find(|path| path.extension().is_some_and(|end| end == "countersign")).unwrap();
    let bundle = bundle::read(&std::fs::read(&kept).unwrap()).unwrap();
    let content = gathered(&bundle);
    let [hold] = content.holds.as_slice() else { panic!("{:#?}", content.holds) };
    assert_eq!((hold.id.as_str(), hold.began.len(), hold.released.len()), ("way_in", 1, 1));
    assert!(!hold.proved.is_empty() && hold.released[0].seq > hold.proved.last().unwrap().seq, "{hold:#?}");
    let rows: Vec<&Row> = content.chapters.iter().flat_map(|chapter| &chapter.rows).collect();
    let drawn = rows.iter().filter(|row| row.marks.iter().any(|(_, mark)| *mark == Mark::Hold)).count();
    assert_eq!(drawn, hold.proved.len() + 2);
    let passed: Vec<_> = content.points_of_no_return.iter().flat_map(|point| &point.passed).collect();
    assert_eq!(passed.len(), 2);
    assert!(passed.iter().all(|one| one.proved_before.len() == 1), "{passed:#?}");
    let page = page(&content);
    shows(&page, &["Ways in that were held", "The new break-glass user (way_in)", "session break_glass"]);
    shows(&page, &["is held from now on", "is proved", "is released", "way in last proved: `way_in`"]);
    let markdown = report::markdown::markdown(&content);
    assert!(markdown.contains("## Ways in that were held") && !markdown.contains("| never |"), "{markdown}");
    let mut open = bundle.clone();
    open.lines.truncate(hold.released[0].seq as usize);
    shows(&self::page(&gathered(&open)), &["STILL HELD"]);

    // The second verifier, by the command that the report prints.
    let by_hand = content.check.iter().find(|one| one.commands[0].starts_with("python3 ")).unwrap();
    let place = folder.path().join("journal");
    std::fs::create_dir(&place).unwrap();
    for file in ["verify.py", "forms.toml"] {
        std::fs::copy(root.join("journal").join(file), place.join(file)).unwrap();
    }
    std::fs::rename(&kept, folder.path().join("run.countersign")).unwrap();
    let output = Command::new("sh").arg("-c").arg(&by_hand.commands[0]).current_dir(&folder).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("CLOSED"), "{output:?}");
}

// Hostile text in every field.

fn hostile() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "</script><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onload='alert(1)",
        "</style><style>*{display:none}",
        "javascript:alert(1)",
        "data:text/html,<b>x</b>",
        "\u{202e}dne\u{2066}\u{200b}\u{feff}",
        "\u{1b}[2J\u{7}\0\r\n",
        "]]><!--<![CDATA[--><title>",
        "&lt;b&gt;&#x3c;svg/onload=alert(1)&#62;",
        "${parameters.x} #35; end; Note over p0: %%{init: {}}%%",
        "| a | b |\n# c\n[x](http://a.example) <http://a.example> `d`",
    ])
    .prop_map(str::to_owned);
    (nasty, any::<String>()).prop_map(|(nasty, any)| format!("{nasty}{any}"))
}

/// Puts `text` into every string that is no digest; keys stay.
fn infect(value: &mut Value, text: &str, keep: &[&str]) {
    match value {
        Value::String(old) if Digest::parse(old).is_none() && !keep.contains(&old.as_str()) => *old = text.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| infect(item, text, keep)),
        Value::Object(members) => members.values_mut().for_each(|member| infect(member, text, keep)),
        _ => {}
    }
}

fn told_of_doubt() -> &'static Value {
    static CONTENT: OnceLock<Value> = OnceLock::new();
    CONTENT.get_or_init(|| serde_json::to_value(of_store(&doubtful().store)).unwrap())
}

fn vector_plan() -> &'static (Plan, String) {
    static PLAN: OnceLock<(Plan, String)> = OnceLock::new();
    PLAN.get_or_init(|| {
        let store = &base(3).journal;
        let opened = entries(store).into_iter().find_map(|entry| match entry.fact {
            Fact::RunOpened(fact) => Some(fact),
            _ => None,
        });
        let opened = opened.unwrap();
        let plan = Plan::read(&store.object(&opened.plan).unwrap().unwrap()).unwrap();
        (plan, String::from_utf8(store.object(&opened.people).unwrap().unwrap()).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn hostile_text_in_a_report_stays_text(text in hostile()) {
        let mut value = told_of_doubt().clone();
        infect(&mut value, &text, &[]);
        let mut content: Content = serde_json::from_value(value).unwrap();
        content.lanes = vec![Lane { id: text.clone(), name: text.clone(), party: text.clone() }];
        let row = Row { time: text.clone(), marks: vec![(0, Mark::Doubt)], text: text.clone(), more: text.clone(), ..Row::default() };
        content.chapters = vec![Chapter { title: text.clone(), rows: vec![row], folded: true }];
        let page = read(&report::html::html(&content)).unwrap();
        prop_assert!(page.text.contains(&escape::line(&text)), "{}", page.text);
        prop_assert!(page.text.chars().all(|c| c == '\n' || escape::is_harmless(c)));
        let markdown = report::markdown::markdown(&content);
        prop_assert_eq!(markup::markdown_faults(&markdown), Vec::<String>::new());
    }

    #[test]
    fn hostile_text_in_a_plan_stays_text(text in hostile()) {
        let (plan, people) = vector_plan();
        let mut value = serde_json::to_value(plan).unwrap();
        let roles: Vec<&str> = plan.roles.keys().map(String::as_str).collect();
        let mut keep = vec!["signature", "user_verified", "mfa_code", "step", "item", "stage", "action", "read"];
        keep.extend(roles);
        infect(&mut value, &text, &keep);
        let plan: Plan = serde_json::from_value(value).unwrap();
        let (people, _) = people::parse("people.toml", people, true);
        let mut people = people.unwrap();
        people.people.values_mut().for_each(|person| {
            person.name = text.clone();
            person.party = text.clone();
        });
        let page = read(&picture::html(&plan, &people, None)).unwrap();
        prop_assert!(page.text.contains(&escape::line(&text)), "{}", page.text);
        let chart = mermaid::mermaid(&plan, &people, None);
        prop_assert_eq!(markup::mermaid_faults(&chart), Vec::<String>::new());
    }
}

#[test]
fn the_shipped_plan_as_pictures() {
    let (plan, people) = vector_plan();
    let (people, _) = people::parse("people.toml", people, true);
    let people = people.unwrap();
    let page = read(&picture::html(plan, &people, None)).unwrap();
    shows(&page, &["Alice Example", "No invitation is out", "organizations:AcceptHandshake", "the usual one"]);
    assert_eq!(page.drawings, 3);
    let carols = read(&picture::html(plan, &people, Some("carol"))).unwrap();
    assert_eq!(carols.drawings, 1);
    let chart = mermaid::mermaid(plan, &people, None);
    assert_eq!(markup::mermaid_faults(&chart), Vec::<String>::new());
    assert!(chart.contains("participant p0 as Bob Example\n"), "{chart}");
    assert_eq!(chart.matches("  loop ").count(), 3);
}
