//! `journal/verify.py` says what `verify` says: of every bundle of this file's neighbours, and of thousands that were
//! tampered with.

use super::*;
use crate::mutants::{Dice, Parts, mutant};
use crate::second_verifier::{Agreed, Second};

fn text(writer: &Writer) -> Vec<u8> {
    bundle::write(&writer.run, &writer.lines, &writer.objects).into_bytes()
}

/// Runs that between them hold every rule that the verifiers judge by.
fn seeds() -> Vec<(&'static str, Writer)> {
    let with = |mode, before_it: fn(&mut Writer)| {
        let mut writer = Writer::new(mode);
        before_it(&mut writer);
        writer.honest();
        writer
    };
    vec![
        ("live", honest(Mode::Live)),
        ("rehearsal", honest(Mode::Rehearsal)),
        ("two tries", two_tries(|_| {})),
        ("settled", settled(true)),
        ("glass", glass("bob", "the house burns")),
        ("stage request", stage_request(false)),
        ("rolled back", rolled_back(true)),
        ("repaired", repair::repaired(repair::RIGHT)),
        ("secret lost", secret::lost(secret::RIGHT)),
        ("task", task(Some("alice"))),
        ("people changed", with(Mode::Live, |w| before(w, "ask k1", |w| change_people(w, &["alice", "bob", "dora"])))),
        (
            "amended",
            with(Mode::Simulated, |w| {
                before(w, "anchor k1", |w| amend(w, &["alice", "bob", "carol"], |plan| plan.title = "x".into()));
            }),
        ),
        (
            "successor",
            with(Mode::Live, |w| {
                before(w, "ask k1", |w| {
                    let body = Body::HandOver(w.head(), "dora".into());
                    let SignedText { statement, signature, key } = w.sign("hand over", "alice", "", body);
                    w.push("hand over", "alice", fact::HandedOver { statement, signature, key });
                    w.epoch = 2;
                    w.sign_on("dora on", "dora");
                    w.sign_on("alice on", "alice");
                });
            }),
        ),
    ]
}

#[test]
fn the_second_verifier_agrees_on_every_run_and_every_lie() {
    let mut second = Second::start("");
    let mut wrong = Vec::new();
    for (name, writer) in seeds() {
        match second.compare(&text(&writer)) {
            Ok(Agreed::Good) => {}
            other => wrong.push(format!("{name}: {other:?}")),
        }
    }
    let lies = LIES.iter().map(|(name, _, hooks)| {
        let mut writer = Writer::new(Mode::Live);
        hooks(&mut writer);
        writer.honest();
        (*name, writer)
    });
    let tasks = [
        ("a task that nobody says is done", task(None)),
        ("a task other than the plan's", other_task()),
        ("a first attempt called the second", attempt_left_out()),
    ];
    let mut left = std::collections::BTreeSet::new();
    for (name, writer) in lies.chain(tasks) {
        match second.compare(&text(&writer)) {
            Ok(Agreed::Invalid(_)) => {}
            Ok(Agreed::Left(code)) => drop(left.insert(code)),
            other => wrong.push(format!("{name}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    // Two rules need files from the verifier's own hands, which the second one does not take.
    let good = honest(Mode::Live);
    let bundle = bundle::read(&text(&good)).unwrap();
    let other = Trust::parse("signers", &format!("bob {}\n", key(Mode::Live, "carol").line(""))).unwrap();
    let cut = Bundle { lines: bundle.lines[..good.seq("close") as usize].to_vec(), ..bundle.clone() };
    for report in
        [verify::check(&bundle, &[other], &[]), verify::check(&cut, &[], &[held(&good, bundle.lines.len() as u64)])]
    {
        assert!(matches!(report.verdict, Verdict::Invalid | Verdict::Diverged));
        left.insert(code(&report).to_owned());
    }
    assert_eq!(second.verdict(&text(&good))["verdict"], "CLOSED");
    // It leaves nothing without need: of each code some lie passes it.
    assert_eq!(left, second.left.iter().cloned().collect());
}

/// Compares so many mutants from `seed` on; gives how often they agreed how, and the differences.
fn compared(seed: u64, count: usize) -> (BTreeMap<Agreed, usize>, Vec<String>) {
    let seeds: Vec<(&str, Parts)> =
        seeds().into_iter().map(|(name, writer)| (name, Parts::of(writer.mode, &writer.bundle()))).collect();
    let (seeds, threads) = (&seeds, std::thread::available_parallelism().map_or(1, usize::from));
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let (mut second, mut agreed, mut wrong) = (Second::start(""), BTreeMap::new(), Vec::new());
                    for at in (thread..count).step_by(threads) {
                        let mut dice = Dice(seed.wrapping_mul(1 << 32).wrapping_add(at as u64));
                        let (from, parts) = &seeds[dice.roll(seeds.len())];
                        let (name, text) = mutant(parts, &mut dice);
                        match second.compare(&text) {
                            Ok(how) => *agreed.entry(how).or_insert(0) += 1,
                            Err(why) => {
                                if let Some(folder) = std::env::var_os("COUNTERSIGN_TEST_MUTANTS") {
                                    std::fs::write(std::path::Path::new(&folder).join(format!("{at}")), &text).unwrap();
                                }
                                wrong.push(format!("{at} {from}, {name}\n  {why}"));
                            }
                        }
                    }
                    (agreed, wrong)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    let (mut agreed, mut wrong) = (BTreeMap::new(), Vec::new());
    for (some, more) in parts {
        some.into_iter().for_each(|(how, count)| *agreed.entry(how).or_insert(0) += count);
        wrong.extend(more);
    }
    (agreed, wrong)
}

/// `COUNTERSIGN_MUTANTS=SEED:COUNT` compares others than those of every day.
#[test]
fn the_second_verifier_agrees_on_thousands_of_mutants() {
    let given = std::env::var("COUNTERSIGN_MUTANTS").unwrap_or_default();
    let (seed, count) =
        given.split_once(':').map_or((1, 10_000), |(seed, count)| (seed.parse().unwrap(), count.parse().unwrap()));
    let (agreed, wrong) = compared(seed, count);
    println!("{agreed:?}");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The script is short enough to be read in one sitting, and needs nothing but Python.
#[test]
fn the_second_verifier_stays_small_and_needs_only_python() {
    let script = include_str!("../../journal/verify.py");
    assert!(script.lines().count() <= 400, "{} lines", script.lines().count());
    assert!(script.lines().all(|line| line.chars().count() <= 110));
    let chained = "import sys, tokenize; print([t.start for t in tokenize.tokenize(open(sys.argv[1], 'rb').readline) \
                   if (t.type, t.string) == (tokenize.OP, ';')])";
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/journal/verify.py");
    let found = crate::second_verifier::python().args(["-c", chained, place]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout).trim(), "[]", "statements chained by `;`");
    let imports: Vec<&str> =
        script.lines().filter(|line| line.starts_with("import ") || line.starts_with("from ")).collect();
    let known = [
        "import argparse, base64, functools, hashlib, itertools, json, pathlib, re, subprocess, sys, tempfile, tomllib",
        "from datetime import datetime",
    ];
    assert_eq!(imports, known);
    assert_eq!(script.matches("import ").count(), imports.len(), "an import in another place");
    let output = crate::second_verifier::python()
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/journal/verify.py"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/journal/vectors/closed-rehearsal.countersign"))
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
    assert!(output.stdout.starts_with(b"verdict: CLOSED\n"));
    // FORMAT.md names exactly the codes that it leaves.
    let format = include_str!("../../journal/FORMAT.md");
    let section = format.split("## 12. A second verifier").nth(1).unwrap();
    let left = Second::start("").left.clone();
    assert_eq!(section.matches("CS08").count(), left.len());
    assert!(left.iter().all(|code| section.contains(code.as_str())), "{left:?}");
    // So do its own first words and its help.
    let words = script.split("\"\"\"").nth(1).unwrap();
    assert_eq!(words.matches("CS08").count(), left.len());
    let help = crate::second_verifier::python()
        .args([concat!(env!("CARGO_MANIFEST_DIR"), "/journal/verify.py"), "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(left.iter().all(|code| words.contains(code.as_str()) && help.contains(code.as_str())), "{left:?}");
}

/// Bundles that are wrong in bytes, chain or objects alone.
fn edited() -> Vec<(&'static str, Vec<u8>)> {
    let writer = honest(Mode::Live);
    let last = writer.lines.last().unwrap();
    let other = |line: String| {
        let mut lines = writer.lines.clone();
        *lines.last_mut().unwrap() = line;
        bundle::write(&writer.run, &lines, &writer.objects).into_bytes()
    };
    let Fact::RunOpened(opened) = &writer.entries[0].fact else { panic!() };
    let mut objects = writer.objects.clone();
    objects.remove(&opened.values).unwrap();
    vec![
        ("CS0801", other(last.replacen("{\"at\":", "{ \"at\":", 1))),
        ("CS0802", other(last.replace(&format!("\"seq\":{}", writer.lines.len() - 1), "\"seq\":7"))),
        ("CS0812", bundle::write(&writer.run, &writer.lines, &objects).into_bytes()),
    ]
}

/// Each rule of the script is needed: with its code left out, it takes a lie for the truth.
#[test]
fn no_rule_of_the_second_verifier_can_be_left_out() {
    let mut unseen = Vec::new();
    let left = Second::start("").left.clone();
    let edited = edited();
    let lies = LIES.iter().map(|(_, code, _)| *code).chain(edited.iter().map(|(code, _)| *code));
    let codes: std::collections::BTreeSet<&str> = lies.collect();
    // Every code that the script knows stands in this list, or is one that it leaves.
    let script = include_str!("../../journal/verify.py");
    for code in verify::CODES.iter().map(|(code, _)| *code).filter(|code| script.contains(&format!("{code}\""))) {
        assert!(codes.contains(code) || left.iter().any(|left| left == code), "{code}: no lie");
    }
    for code in codes.into_iter().filter(|code| !left.iter().any(|left| left == code)) {
        // `need` is the one door by which a rule refuses.
        let mut broken = Second::start(&format!(
            "need = v.need\nv.need = lambda rule, code: rule or code == '{code}' or need(rule, code)"
        ));
        let differs = LIES.iter().filter(|(_, wanted, _)| *wanted == code).any(|(_, _, hooks)| {
            let mut writer = Writer::new(Mode::Live);
            hooks(&mut writer);
            writer.honest();
            broken.verdict(&text(&writer))["verdict"] != "INVALID"
        });
        let differs = differs
            || edited.iter().any(|(wanted, text)| *wanted == code && broken.verdict(text)["verdict"] != "INVALID");
        if !differs {
            unseen.push(code.to_owned());
        }
    }
    assert!(unseen.is_empty(), "no lie tells whether these are checked: {unseen:?}");
}
