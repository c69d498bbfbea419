//! A run in the journal comes out as a bundle with exactly the objects that its entries name.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "helpers of tests")]

use countersign::base::{Digest, RunId, Time};
use countersign::engine::port::Store;
use countersign::journal::{MemoryStore, export};
use countersign::record::fact::{Fact, Mode, RunOpened, StageEntered};
use countersign::record::{Entry, bundle};

#[test]
fn named_objects_go_along_and_others_stay() {
    let run = RunId::from_bytes([3; 16]);
    let object = |text: &str| (Digest::of(text.as_bytes()), text.as_bytes().to_vec());
    let opened = RunOpened {
        runbook: object("runbook").0,
        values: object("values").0,
        plan: object("plan").0,
        people: object("withheld").0,
        people_signatures: None,
        mode: Mode::Rehearsal,
        program: "countersign 0".to_owned(),
        host: "here".to_owned(),
        random: "0".repeat(64),
        paths: Default::default(),
    };
    let entered = StageEntered { stage: "move".to_owned(), items: Some(object("items").0), count: 1 };
    let mut lines: Vec<String> = Vec::new();
    for (seq, fact) in [Fact::from(opened), Fact::from(entered)].into_iter().enumerate() {
        let prev = lines.last().map_or(Digest::ZERO, |line| Digest::leaf(line.as_bytes()));
        let seq = seq as u64;
        let entry = Entry { at: Time(0), by: None, epoch: 1, fact, mono: 0, prev, run: run.clone(), seq };
        lines.push(entry.line().unwrap());
    }
    let objects = ["runbook", "values", "plan", "items", "of another run"].map(object);
    let mut store = MemoryStore::new();
    assert_eq!(export::bundle(&store, &run).unwrap(), None);
    store.append(&run, None, None, &lines, &objects).unwrap();

    let bundle = export::bundle(&store, &run).unwrap().unwrap();
    assert_eq!(bundle.lines, lines);
    let mut wanted = ["runbook", "values", "plan", "items"].map(|text| object(text).0).to_vec();
    wanted.sort();
    assert_eq!(bundle.objects.keys().copied().collect::<Vec<_>>(), wanted);
    let text = bundle::write(&bundle.run, &bundle.lines, &bundle.objects);
    assert_eq!(bundle::read(text.as_bytes()), Ok(bundle));
}
