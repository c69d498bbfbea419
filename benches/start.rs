//! How long the program takes to start, and to check the shipped runbook: measured from outside, process
//! and all.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a bench is no part of the program")]

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use shared::{measure, run, seconds};
use std::path::Path;

fn starting(criterion: &mut Criterion) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut group = criterion.benchmark_group("start");
    group.sample_size(20);
    let version = measure(&mut group, "--version", || run(here, &["--version"]));
    let check = measure(&mut group, "check", || run(here, &["check", "runbooks/move_member_accounts.toml"]));
    group.finish();
    println!("start  --version: {:.1} ms  (aim: < 10 ms)", 1000.0 * seconds(version));
    println!("start  check: {:.1} ms  (aim: < 10 ms)", 1000.0 * seconds(check));
}

criterion_group!(benches, starting);
criterion_main!(benches);
