//! `status` and the verbs beside it, by the program, on a journal of 1,000,000 entries in 100 closed runs and
//! one open run; the floor is the same verb on a journal that holds the open run alone.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a bench is no part of the program")]

mod shared;

use countersign::base::{Digest, RunId};
use countersign::engine::port::Store;
use countersign::journal::Journal;
use countersign::record::bundle::Bundle;
use countersign::record::fact::{Fact, Resumed, RunClosed};
use countersign::record::{Entry, entry};
use criterion::{Criterion, criterion_group, criterion_main};
use shared::{Folder, measure, ratio, rehearse, run, seconds};
use std::collections::BTreeMap;
use std::path::Path;

const CLOSED_RUNS: u8 = 100;
const ENTRIES_EACH: u64 = 10_000;

/// The run up to its closing entry.
fn open_run(bundle: &Bundle) -> Vec<String> {
    let closing = |line: &&String| !matches!(Entry::read(line).unwrap().fact, Fact::RunClosed(_));
    bundle.lines.iter().take_while(closing).cloned().collect()
}

/// A long run that was closed: the first entry of `like`, notes, the closing entry.
fn closed_run(like: &str, run: &RunId) -> Vec<String> {
    let mut last = Entry { run: run.clone(), ..Entry::read(like).unwrap() };
    let mut lines = vec![last.line().unwrap()];
    for seq in 1..ENTRIES_EACH {
        last.prev = entry::leaf(lines.last().unwrap());
        last.seq = seq;
        last.at = last.at.plus(1000);
        last.fact = if seq + 1 == ENTRIES_EACH {
            RunClosed { result: "done".to_owned(), counts: BTreeMap::new() }.into()
        } else {
            Resumed { why: format!("the machine's clock went forward by {seq} minutes") }.into()
        };
        lines.push(last.line().unwrap());
    }
    lines
}

fn keep(path: &Path, bundle: &Bundle, closed: u8) {
    let mut journal = Journal::open_or_create(path).unwrap();
    let objects: Vec<(Digest, Vec<u8>)> = bundle.objects.clone().into_iter().collect();
    journal.append(&bundle.run, None, None, &open_run(bundle), &objects).unwrap();
    for at in 0..closed {
        let run = RunId::from_bytes([at; 16]);
        journal.append(&run, None, None, &closed_run(&bundle.lines[0], &run), &[]).unwrap();
    }
    journal.close().unwrap();
}

fn looking(criterion: &mut Criterion) {
    let folder = Folder::new(20);
    let bundle = shared::bundle(&rehearse(&folder.loaded(), &folder.world(), RunId::from_bytes([200; 16])));
    keep(&folder.path("alone.db"), &bundle, 0);
    keep(&folder.path("many.db"), &bundle, CLOSED_RUNS);
    let size = std::fs::metadata(folder.path("many.db")).unwrap().len() / 1_048_576;
    let open = open_run(&bundle).len() as u64;
    println!("{} entries, {size} MB; the open run has {open}", u64::from(CLOSED_RUNS) * ENTRIES_EACH + open);
    let at = folder.path("");
    for verb in ["status", "requests", "log", "runs"] {
        let mut group = criterion.benchmark_group(format!("look/{verb}"));
        group.sample_size(10);
        let floor = measure(&mut group, "alone", || run(&at, &[verb, "--journal", "alone.db"]));
        let many = measure(&mut group, "many", || run(&at, &[verb, "--journal", "many.db"]));
        group.finish();
        ratio(
            &format!("{verb} among a million entries, to the open run alone"),
            seconds(many) / seconds(floor),
            "<= 1.5",
        );
    }
}

criterion_group!(benches, looking);
criterion_main!(benches);
