//! A whole rehearsal (engine, journal in memory, signatures, AWS SDK, simulator) beside bare calls of the same
//! SDK, through the same in-process connector, to a server that has one answer ready.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a bench is no part of the program")]

mod shared;

use countersign::aws::connector::{WireRequest, WireResult, WireServer};
use countersign::aws::{AwsCloud, Config, InProcess};
use countersign::base::{RunId, Time};
use countersign::engine::port::{Call, Cloud, SessionWanted};
use countersign::rehearse::world::{RehearsalClock, Wire};
use countersign::simulator::Simulator;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;
use shared::{Folder, measure, ratio, rehearse, seconds};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const CALLS: u32 = 1_000;

/// One answer to everything.
struct Canned;

impl WireServer for Canned {
    fn serve(&self, request: WireRequest) -> WireResult {
        let (kind, body) = if request.header("x-amz-target").is_some() {
            ("application/x-amz-json-1.1", r#"{"Organization":{"Id":"o-neworg22222","FeatureSet":"ALL"}}"#.to_owned())
        } else {
            let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                <Arn>arn:aws:iam::222222222222:user/mover</Arn><UserId>AIDA</UserId><Account>222222222222</Account>\
                </GetCallerIdentityResult></GetCallerIdentityResponse>";
            ("text/xml", body.to_owned())
        };
        WireResult::Response {
            status: 200,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: body.into_bytes(),
        }
    }
}

/// A cloud over this server, and the call.
fn bare(server: Arc<dyn WireServer>, keys: (String, String, String)) -> (AwsCloud, Call) {
    let profiles = BTreeMap::from([("new_management".to_owned(), keys)]);
    let clock = RehearsalClock::at(Time::parse("2026-01-05T09:00:00Z").unwrap());
    let inside = InProcess { server, time: Arc::new(clock), profiles };
    let cloud = AwsCloud::new(Config { simulated: true, in_process: Some(inside), ..Config::default() });
    let session = SessionWanted {
        account: "222222222222".to_owned(),
        region: "us-east-1".to_owned(),
        ..SessionWanted::none("new_management")
    };
    let action = "organizations:DescribeOrganization".to_owned();
    (cloud, Call { session, action, with: json!({}), time_limit_ms: 0, secret_to: json!(null) })
}

fn rehearsing(criterion: &mut Criterion) {
    let folder = Folder::new(20);
    let (loaded, world) = (folder.loaded(), folder.world());
    let played = rehearse(&loaded, &world, RunId::from_bytes([7; 16]));
    let steps = played.run.steps.values().filter(|step| step.is_over()).count();
    let calls = played.wire.simulator().log().len();
    println!("20 accounts: {steps} steps, {calls} calls, {} entries", played.run.size());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (cloud, call) = bare(Arc::new(Canned), ("AKIASIMULATEDNEW0001".to_owned(), "secret".to_owned(), String::new()));
    let mut group = criterion.benchmark_group("rehearsal");
    group.sample_size(10);
    let floor = measure(&mut group, "bare calls", || {
        runtime.block_on(async {
            for _ in 0..CALLS {
                black_box(cloud.call(&call).await.result.unwrap());
            }
        });
    });
    let start = Time::parse("2026-01-05T09:00:00Z").unwrap();
    let wire = Arc::new(Wire::new(Simulator::new(&world, start), RehearsalClock::at(start)));
    let keys = wire.keys("new_management", "").unwrap();
    let (to_simulator, _) = bare(wire, keys);
    let simulated = measure(&mut group, "calls to the simulator", || {
        runtime.block_on(async {
            for _ in 0..CALLS {
                black_box(to_simulator.call(&call).await.result.unwrap());
            }
        });
    });
    let whole = measure(&mut group, "whole", || {
        black_box(rehearse(&loaded, &world, RunId::from_bytes([7; 16])));
    });
    group.finish();
    let a_call = seconds(floor) / f64::from(CALLS);
    println!(
        "a bare call: {:.0} us; rehearsed: {:.0} steps, {:.0} calls per second",
        1e6 * a_call,
        steps as f64 / seconds(whole),
        calls as f64 / seconds(whole)
    );
    println!(
        "{:.1} calls for each step; of the rehearsal, bare calls are {:.0} %; a call to the simulator: {:.0} us",
        calls as f64 / steps as f64,
        100.0 * a_call * calls as f64 / seconds(whole),
        1e6 * seconds(simulated) / f64::from(CALLS)
    );
    ratio("rehearsed steps per second, to bare calls per second", a_call * steps as f64 / seconds(whole), ">= 0.3");
    ratio("the calls of a rehearsal, to bare calls", a_call * calls as f64 / seconds(whole), "-");
    growing();
}

/// The time of a step must not grow with the accounts.
fn growing() {
    for accounts in [3, 30, 100, 300, 1_000] {
        let folder = Folder::new(accounts);
        let (loaded, world) = (folder.loaded(), folder.world());
        let began = Instant::now();
        let played = rehearse(&loaded, &world, RunId::from_bytes([7; 16]));
        let took = seconds(began.elapsed());
        let steps = played.run.steps.values().filter(|step| step.is_over()).count();
        println!(
            "{accounts} accounts: {took:.2} s, {steps} steps, {:.2} ms each, {} entries, {} seats",
            1e3 * took / steps as f64,
            played.run.size(),
            played.seats
        );
    }
}

criterion_group!(benches, rehearsing);
criterion_main!(benches);
