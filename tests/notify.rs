//! Told in time: what countersign.toml's [notify] sends to a program and to a webhook, that it is sent once for each
//! cause, and that nothing of it holds up or changes a run. Through the binary, with a server in the test.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;
#[cfg(unix)]
#[path = "support/screen.rs"]
mod screen;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use scene::{Scene, shipped, who};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

const BOOK: &str = r#"schema = 1
[runbook]
name = "user"
title = "Make a user"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
security = { title = "Security", party = "customer" }
[separation]
apart = [["admin", "security"]]
[sessions]
management = { account = "111111111111", used_by = ["admin"], kinds = ["user"] }
[[stages]]
id = "make"
performer = "admin"
session = "management"
approvals = [{ role = "security", within = "WITHIN" }]
[stages.anchor]
prove = [{ action = "iam:GetUser", with = { UserName = "one" }, expect_error = "NoSuchEntity" }]
[[stages.steps]]
id = "user"
action = "iam:CreateUser"
with = { UserName = "one" }
confirm = { text = "Make it?" }
undo = "usual"
"#;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// A program that keeps what it is given, one after another.
const TELL: &str = "[notify]\ncommand = [\"tee\", \"-a\", \"told\"]\n";

fn scene_with(within: &str, faults: &str, settings: &str) -> Scene {
    scene_of(&BOOK.replace("WITHIN", within), faults, settings)
}

fn scene_of(book: &str, faults: &str, settings: &str) -> Scene {
    let world = format!("{}\n{faults}", shipped("tests/fixtures/kinds/worlds/kinds.toml"));
    let people = [who("alice", "partner", &["admin"]), who("bob", "customer", &["security"])];
    let scene = Scene::new(book, &world, &people);
    scene.write("countersign.toml", settings);
    scene
}

/// What the program was told, in order.
fn told(scene: &Scene) -> Vec<Value> {
    let text = std::fs::read_to_string(scene.path("told")).unwrap_or_default();
    serde_json::Deserializer::from_str(&text).into_iter().map_while(Result::ok).collect()
}

/// What was told since the last look.
fn news(scene: &Scene) -> Vec<Value> {
    let all = told(scene);
    let _ = std::fs::remove_file(scene.path("told"));
    all
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap().strip_prefix("countersign.").unwrap()).collect()
}

// --- a server ---

/// One request: its headers in lower case, its body.
struct Posted {
    headers: Vec<(String, String)>,
    body: String,
}

impl Posted {
    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("no {name}")).1
    }
}

/// Answers with these statuses, then with 200; `None` never answers. The address, and what was posted.
fn server(statuses: &[Option<u16>]) -> (String, Arc<Mutex<Vec<Posted>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let posted = Arc::new(Mutex::new(Vec::new()));
    let (keep, statuses) = (Arc::clone(&posted), statuses.to_vec());
    std::thread::spawn(move || {
        let mut statuses = statuses.into_iter();
        let mut hanging = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(one) = read(&stream) else { continue };
            keep.lock().unwrap().push(one);
            match statuses.next().unwrap_or(Some(200)) {
                Some(status) => {
                    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    let _ = stream.write_all(head.as_bytes());
                }
                None => hanging.push(stream),
            }
        }
    });
    (address, posted)
}

fn read(stream: &std::net::TcpStream) -> Option<Posted> {
    let mut reader = BufReader::new(stream);
    let (mut headers, mut line) = (Vec::new(), String::new());
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Posted { headers, body: String::from_utf8(body).unwrap() })
}

fn hook(address: &str, more: &str) -> String {
    format!("[notify]\nwebhook = \"{address}\"\nsecret_file = \"secret\"\n{more}")
}

// --- what is told ---

#[test]
fn a_run_from_its_first_wait_to_its_end() {
    let scene = scene_with("2h", "", TELL);
    scene.open("alice").exits(4);
    let first = news(&scene);
    assert_eq!(kinds(&first), ["waiting"]);
    let (event, status) = (&first[0], scene.status());
    let data = &event["data"];
    assert_eq!(
        (data["what"].as_str(), data["people"][0].as_str(), data["state"].as_str()),
        (Some("approval"), Some("bob"), Some("waiting"))
    );
    assert_eq!(
        data["command"],
        "countersign approve make/user --as bob --journal journal.db".replace(" --journal journal.db", "")
    );
    for member in ["since", "expires", "command", "role", "stage", "step"] {
        assert_eq!(data[member], status["waiting_for"][0][member], "{member}");
    }
    assert_eq!(data["run"], status["run"]);
    // Another sitting finds the same wait: no news, but a reminder.
    scene.resume("alice").exits(4);
    let again = news(&scene);
    assert_eq!(kinds(&again), ["reminded"]);
    assert_ne!(again[0]["id"], event["id"]);
    scene.run("bob", &["approve", "make/user"]).exits(0);
    scene.resume("alice").exits(4);
    let confirm = news(&scene);
    assert_eq!((kinds(&confirm), confirm[0]["data"]["what"].as_str()), (vec!["waiting"], Some("confirmation")));
    assert_eq!(confirm[0]["data"]["summary"], Value::Null, "a question's text is not told");
    scene.resume("alice").exits(4);
    assert_eq!(kinds(&news(&scene)), ["reminded"]);
    scene.run("alice", &["confirm", "make/user"]).exits(0);
    scene.resume("alice").exits(0);
    let done = news(&scene);
    assert_eq!(kinds(&done), ["done"]);
    assert_eq!(done[0]["data"]["witnesses_missing"][0]["people"][0], "bob");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    assert!(!scene.keeps("notify") && !scene.keeps("tee"), "settings are no part of a run");
}

#[test]
fn denied_expired_in_doubt_rolled_back_and_abandoned() {
    let scene = scene_with("1s", "", TELL);
    scene.open("alice").exits(4);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    news(&scene);
    scene.resume("alice").exits(4);
    let expired = news(&scene);
    assert_eq!(kinds(&expired), ["expired", "waiting"]);
    assert_eq!(expired[0]["data"]["people"][0], "alice");

    let scene = scene_with("2h", "", TELL);
    scene.open("alice").exits(4);
    news(&scene);
    scene.run("bob", &["deny", "make/user", "--reason", "not this one"]).exits(0);
    let denied = news(&scene);
    assert_eq!((kinds(&denied), denied[0]["data"]["by"].as_str()), (vec!["denied"], Some("bob")));
    assert_eq!(denied[0]["data"]["reason"], "not this one");
    // The same by file: whoever imports it tells.
    scene.resume("alice").exits(4);
    scene.run("alice", &["requests", "-o", "open"]).exits(0);
    scene.run("bob", &["deny", "make/user", "--from", "open", "-o", "no"]).exits(0);
    news(&scene);
    scene.run("alice", &["import", "no"]).exits(0);
    assert_eq!(kinds(&news(&scene)), ["denied"]);
    scene.run("alice", &["abandon"]).exits(0);
    assert_eq!(kinds(&news(&scene)), ["abandoned"]);

    let faults = "[[faults]]\non = \"iam:CreateUser\"\nkind = \"response_lost\"\n\
                  [[faults]]\non = \"iam:GetUser\"\nkind = \"access_denied\"\nnth = 3\ntimes = 1000\n";
    let scene = scene_with("2h", faults, &format!("{TELL}events = [\"in_doubt\", \"rolled_back\"]\n"));
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "make/user"]).exits(0);
    scene.resume("alice").exits(4);
    scene.run("alice", &["confirm", "make/user"]).exits(0);
    assert!(told(&scene).is_empty(), "only what the settings name");
    scene.resume("alice").exits(5);
    let doubt = news(&scene);
    assert_eq!((kinds(&doubt), doubt[0]["data"]["what"].as_str()), (vec!["in_doubt"], Some("settle")));

    // One step is done, the next waits; all of it is taken back.
    let more = "[[stages.steps]]\nid = \"other\"\naction = \"iam:CreateUser\"\nwith = { UserName = \"two\" }\nundo = \"usual\"\n\
                approvals = [{ role = \"security\" }]\n";
    let book = BOOK.replace("approvals = [{ role = \"security\", within = \"WITHIN\" }]\n", "");
    let scene = scene_of(&format!("{}{more}", book.replace("confirm = { text = \"Make it?\" }\n", "")), "", TELL);
    scene.open("alice").exits(4);
    assert_eq!(kinds(&news(&scene)), ["waiting"]);
    scene.seat("alice", &["rollback"]).exits(0);
    assert_eq!(kinds(&news(&scene)), ["rolled_back"]);
}

#[test]
fn who_is_waited_for_is_reminded_by_hand() {
    let scene = scene_with("2h", "", TELL);
    scene.open("alice").exits(4);
    news(&scene);
    let entries = scene.log().len();
    for _ in 0..2 {
        scene.run("alice", &["status", "--notify"]).exits(0).saying("reminded of 1 of 1");
        assert_eq!(kinds(&news(&scene)), ["reminded"]);
    }
    scene.run("alice", &["status", "--notify", "--for", "alice"]).exits(0).saying("reminded of 0 of 0");
    assert!(told(&scene).is_empty());
    assert_eq!(scene.log().len(), entries, "nothing of it is written down");
    scene.write("countersign.toml", "");
    scene.run("alice", &["status", "--notify"]).exits(2).saying("CS2050");
}

// --- how it is told ---

#[test]
fn a_webhook_is_signed_and_tried_again() {
    let (address, posted) = server(&[Some(500), Some(503)]);
    let scene = scene_with("2h", "", &hook(&address, ""));
    scene.write("secret", &format!("{SECRET}\n"));
    let said = scene.open("alice").exits(4);
    assert!(!said.stderr.contains("nobody was told"), "{}", said.stderr);
    let posted = posted.lock().unwrap();
    let ids: BTreeSet<&str> = posted.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!((posted.len(), ids.len()), (3, 1), "the same event, until it is taken");
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    for one in posted.iter() {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", one.header("webhook-id"), one.header("webhook-timestamp"), one.body).as_bytes());
        assert_eq!(one.header("webhook-signature"), format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
        assert!(!one.body.contains(&SECRET[6..]) && !one.body.contains("secret_file"), "{}", one.body);
        let body: Value = serde_json::from_str(&one.body).unwrap();
        assert_eq!(
            (body["type"].as_str(), body["id"].as_str()),
            (Some("countersign.waiting"), Some(one.header("webhook-id")))
        );
    }
}

/// Whatever happens outside, the run goes as it would have gone, and says what failed.
#[test]
fn a_telling_that_fails_changes_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}/", silent.local_addr().unwrap());
    drop(silent);
    let (hanging, _) = server(&[None; 64]);
    for (settings, words) in [
        (hook(&closed, "give_up_after = \"1s\"\n"), "nobody was told (countersign.waiting): the webhook: "),
        (hook(&hanging, "give_up_after = \"1s\"\n"), "told"),
        (
            hook(&closed, "").replace("secret_file = \"secret\"", "secret_env = \"NOT_SET\""),
            "its secret (NOT_SET): it is not set",
        ),
        ("[notify]\ncommand = [\"ls\", \"/nowhere/at/all\"]\n".to_owned(), "ls: exit code 2: ls: "),
        ("[notify]\ncommand = [\"no-such-program\"]\n".to_owned(), "no-such-program did not start"),
        ("[notify]\ncommand = [\"sleep\", \"1000\"]\ngive_up_after = \"1s\"\n".to_owned(), "told"),
    ] {
        let scene = scene_with("2h", "", &settings);
        scene.write("secret", SECRET);
        scene.open("alice").exits(4).saying(words).saying("waiting for bob");
        scene.run("bob", &["approve", "make/user"]).exits(0);
        assert_eq!(scene.waits(), ["confirmation alice"], "{settings}");
    }
}

#[cfg(unix)]
#[test]
fn a_seat_that_waits_reminds_in_time_and_once() {
    let scene = scene_with("6s", "", TELL);
    let mut screen = screen::Screen::of(scene.seat_command("alice", &["run", scene::BOOK]), &[]);
    screen.see("waiting here; Ctrl-C is safe");
    let has = |kind: &str| kinds(&told(&scene)).contains(&kind);
    scene::await_that("bob is reminded and the request runs out", || has("reminded") && has("expired"));
    let all = told(&scene);
    let ids: BTreeSet<&str> = all.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), all.len(), "nothing is told twice: {all:#?}");
    let reminder = all.iter().find(|event| event["type"] == "countersign.reminded").unwrap();
    assert_eq!(
        (reminder["data"]["what"].as_str(), reminder["data"]["people"][0].as_str()),
        (Some("approval"), Some("bob"))
    );
    let (told_at, expires) = (reminder["timestamp"].as_str().unwrap(), reminder["data"]["expires"].as_str().unwrap());
    assert!(told_at < expires, "{told_at} {expires}");
}
