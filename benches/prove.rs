//! How long one cell of a proof takes with 3, 30 and 300 accounts: it starts from a snapshot at its step, and the
//! list has its first, second and last item, so that it must not grow with the list.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench is no part of the program")]

use countersign::cli::prove::Case;
use countersign::cli::source::Source;
use countersign::cli::ui::Ui;
use countersign::rehearse::prove::cell::{Stand, strike};
use countersign::rehearse::prove::fault::Happens;
use countersign::report::proof::Came;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::path::Path;

/// The shipped runbook with so many accounts, all at the root of the old organization.
fn write(folder: &Path, accounts: usize) {
    let shipped = |name: &str| std::fs::read_to_string(Path::new("runbooks").join(name)).unwrap();
    let world = shipped("worlds/move_member_accounts.toml");
    let (head, tail) = (world.split("[[accounts]]\nid = \"111122223333\"").next().unwrap(), "# Keys of a simulator");
    let quotas = head
        .replace("account_quota = 50", "account_quota = 1000")
        .replace("daily_invites = 100", "daily_invites = 1000");
    let values = shipped("move_member_accounts.values.toml");
    let (mut world_text, mut values_text) = (quotas, values.split("[[accounts]]").next().unwrap().to_owned());
    for n in 0..accounts {
        let id = 300_000_000_000u64 + n as u64;
        values_text += &format!("[[accounts]]\nid = \"{id}\"\nname = \"a{n}\"\ntarget_ou = \"ou-ab12-11111111\"\n");
        world_text += &format!(
            "[[accounts]]\nid = \"{id}\"\nname = \"a{n}\"\nemail = \"a{n}@example.com\"\ncreated = \"700d\"\n\
             organization = \"o-oldorg11111\"\njoined_method = \"INVITED\"\njoined = \"500d\"\n\
             [[roles]]\naccount = \"{id}\"\nname = \"OrganizationAccountAccessRole\"\ntrusts = [\"111111111111\"]\n"
        );
    }
    world_text += &format!("{tail}{}", world.split(tail).nth(1).unwrap());
    std::fs::create_dir_all(folder.join("worlds")).unwrap();
    std::fs::write(folder.join("worlds/book.toml"), world_text).unwrap();
    std::fs::write(folder.join("book.values.toml"), values_text).unwrap();
    std::fs::write(folder.join("book.toml"), shipped("move_member_accounts.toml")).unwrap();
    std::fs::write(folder.join("people.toml"), shipped("people.toml")).unwrap();
}

fn cells(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cell");
    group.sample_size(10);
    for accounts in [3usize, 30, 300] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), accounts);
        let source = Source { runbook: folder.path().join("book.toml"), values: None, people: None, set: Vec::new() };
        let ui = Ui::from_environment(true, false, false);
        let case = Case::read(&source, None, &ui).unwrap_or_else(|error| panic!("{error:?}"));
        case.with_script(|script| {
            let (_, played, tape) = script.play(false, true).unwrap();
            let stand = Stand::new(script, tape, &played.run).unwrap();
            let id = "accept:300000000001/accept".parse().unwrap();
            let step = played.run.plan.step(&id).unwrap().clone();
            group.bench_with_input(BenchmarkId::from_parameter(accounts), &accounts, |bencher, _| {
                bencher.iter(|| {
                    let (ended, _) = strike(&stand, &stand.track, &id, &step, Happens::KilledAfterIntent).unwrap();
                    assert_eq!(ended.came, Came::Done, "{}", ended.detail);
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, cells);
criterion_main!(benches);
