//! Reading, checking and planning the shipped runbook for 10,000 accounts; the floor is a tenth of that for
//! 1,000. And the greatest memory that the 10,000 take.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a bench is no part of the program")]

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use shared::{Folder, measure, peak_mb, ratio, reset_peak, run, seconds};
use std::hint::black_box;

fn planning(criterion: &mut Criterion) {
    let (few, many) = (Folder::new(1_000), Folder::new(10_000));
    let load = |folder: &Folder| {
        black_box(countersign::cli::load::plan(
            &countersign::cli::load::Sources { runbook: folder.path("book.toml"), ..Default::default() },
            None,
        ))
        .unwrap();
    };
    reset_peak();
    load(&many);
    let peak = peak_mb();
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10);
    let thousand = measure(&mut group, "1000 accounts", || load(&few));
    let ten = measure(&mut group, "10000 accounts", || load(&many));
    let shown_few = measure(&mut group, "the verb, 1000", || run(&few.path(""), &["plan", "book.toml"]));
    let shown = measure(&mut group, "the verb, 10000", || run(&many.path(""), &["plan", "book.toml"]));
    group.finish();
    ratio("plan and check, 10,000 accounts to ten times 1,000", seconds(ten) / seconds(thousand) / 10.0, "about 1");
    ratio("the verb plan, 10,000 accounts to ten times 1,000", seconds(shown) / seconds(shown_few) / 10.0, "about 1");
    if let Some(peak) = peak {
        println!("peak   plan and check for 10,000 accounts: {peak:.0} MB  (aim: < 200 MB)");
    }
}

criterion_group!(benches, planning);
criterion_main!(benches);
