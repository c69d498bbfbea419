//! The whole `verify` of a bundle, from its bytes to the verdict, beside SHA-256 over the same bytes.
//! `rehearsed` is a real run, whose signatures are also verified alone, one after the other; `unsigned` is one with 20,000 entries that carry
//! no signature, so that reading and rules are seen without the curve's arithmetic.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a bench is no part of the program")]

mod shared;

use countersign::base::{Digest, RunId};
use countersign::record::bundle::{self, Bundle};
use countersign::record::fact::{Fact, SignedText, WaitFor, Waiting};
use countersign::record::statement::Statement;
use countersign::record::{Entry, entry};
use countersign::sshsig::KnownKeys;
use countersign::verify::{self, Verdict};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shared::{Folder, measure, ratio, rehearse, seconds};
use std::hint::black_box;

fn whole(text: &[u8]) -> Verdict {
    let bundle = bundle::read(text).unwrap();
    let report = verify::check(&bundle, &[], &[]);
    assert_eq!(report.problems, []);
    report.verdict
}

/// Statement, signature and key of every entry that carries them.
fn signed(bundle: &Bundle) -> Vec<SignedText> {
    let text = |statement: &String, signature: &String, key: &String| SignedText {
        statement: statement.clone(),
        signature: signature.clone(),
        key: key.clone(),
    };
    let of = |line: &String| match Entry::read(line).unwrap().fact {
        Fact::SignedOn(fact) => Some(text(&fact.statement, &fact.signature, &fact.key)),
        Fact::Approval(fact) => Some(text(&fact.statement, &fact.signature, &fact.key)),
        Fact::Said(fact) => Some(text(&fact.statement, &fact.signature, &fact.key)),
        Fact::Witness(fact) => Some(text(&fact.statement, &fact.signature, &fact.key)),
        _ => None,
    };
    bundle.lines.iter().filter_map(of).collect()
}

/// The run without its end, and many entries behind it that nobody signs.
fn unsigned(mut bundle: Bundle, count: u64) -> Bundle {
    let all: Vec<Entry> = bundle.lines.iter().map(|line| Entry::read(line).unwrap()).collect();
    let end = all.iter().position(|entry| matches!(entry.fact, Fact::RunClosed(_))).unwrap();
    bundle.lines.truncate(end);
    let mut last = all[end - 1].clone();
    last.by = None;
    for at in 0..count {
        last.prev = entry::leaf(bundle.lines.last().unwrap());
        last.seq += 1;
        last.at = last.at.plus(1000);
        last.fact = Waiting {
            what: WaitFor::Approval,
            at_step: format!("move:{at:012}/accept"),
            role: "customer_security".to_owned(),
            people: vec!["bob".to_owned()],
            until: Some(last.at.plus(86_400_000)),
            why: "an approval of customer_security is missing".to_owned(),
        }
        .into();
        bundle.lines.push(last.line().unwrap());
    }
    bundle
}

fn verifying(criterion: &mut Criterion) {
    let folder = Folder::new(60);
    let played = rehearse(&folder.loaded(), &folder.world(), RunId::from_bytes([7; 16]));
    let rehearsed = shared::bundle(&played);
    for (name, bundle) in [("unsigned", unsigned(rehearsed.clone(), 20_000)), ("rehearsed", rehearsed)] {
        let text = bundle::write(&bundle.run, &bundle.lines, &bundle.objects).into_bytes();
        println!("{name}: {} entries, {} objects, {} bytes", bundle.lines.len(), bundle.objects.len(), text.len());
        let mut group = criterion.benchmark_group(format!("verify/{name}"));
        group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(10);
        let floor = measure(&mut group, "sha256", || {
            black_box(Digest::of(black_box(&text)));
        });
        let read = measure(&mut group, "read", || {
            black_box(bundle::read(black_box(&text)).unwrap());
        });
        let all = measure(&mut group, "whole", || {
            let _ = black_box(whole(black_box(&text)));
        });
        let signatures = signed(&bundle);
        let alone = measure(&mut group, "signatures", || {
            let mut keys = KnownKeys::default();
            for one in &signatures {
                let namespace = Statement::read(&one.statement).unwrap().namespace();
                let key = keys.get(&one.key).unwrap();
                let _ = black_box(key.verify(&namespace, one.statement.as_bytes(), &one.signature).unwrap());
            }
        });
        group.finish();
        let (count, time) = (signatures.len(), seconds(alone));
        println!("verify/{name}: {count} signatures, {:.1} us each, on one core", 1e6 * time / count.max(1) as f64);
        println!(
            "verify/{name}: SHA-256 {:.2} ms, reading {:.2} ms, signatures alone {:.2} ms, whole {:.2} ms",
            1e3 * seconds(floor),
            1e3 * seconds(read),
            1e3 * time,
            1e3 * seconds(all)
        );
        println!("verify/{name}: {:.0} entries per second", bundle.lines.len() as f64 / seconds(all));
        ratio(&format!("verify/{name}, reading alone, to SHA-256"), seconds(floor) / seconds(read), "-");
        ratio(&format!("verify/{name}, whole, to SHA-256"), seconds(floor) / seconds(all), ">= 0.4");
    }
}

criterion_group!(benches, verifying);
criterion_main!(benches);
