//! `docs/two-companies.md`, played: each command of the page by the person who types it, at a terminal, in their own
//! folder with their own home; each file carried as the page says; each output compared with what stands there.
//! `COUNTERSIGN_BLESS=1` writes the outputs anew.

mod page;

use super::screen::Screen;
use super::second;
use super::support::{Said, mask, program, shipped};
use page::{Carry, Command, Part};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

const PAGE: &str = "docs/two-companies.md";
/// What stands in the page for the run's id, and for the port of the simulator.
const RUN: &str = "98f30cc2";
const PORT: &str = "8181";

/// What a program asks at a terminal, and what these people type then.
const ANSWERS: [(&str, &str); 4] = [
    ("Approve and sign this?", "y"),
    ("yes, no, or one by one", "yes\r"),
    ("Go on with the rest?", "y"),
    ("ended so?", "y"),
];

/// Two companies: a folder for each person, which is their home, and the simulated AWS between them.
struct Stage {
    folder: tempfile::TempDir,
    simulator: Option<Child>,
    port: u16,
    /// Where each person is, below their home.
    at: BTreeMap<String, PathBuf>,
    run: String,
    /// Exit code of each command, as the page has it.
    ended: Vec<(String, String, i32)>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(child) = &mut self.simulator {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Stage {
    fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let tools = folder.path().join("bin");
        std::fs::create_dir(&tools).unwrap();
        std::os::unix::fs::symlink(program(), tools.join("countersign")).unwrap();
        for person in page::PEOPLE {
            let home = folder.path().join(person);
            std::fs::create_dir(&home).unwrap();
            std::os::unix::fs::symlink(env!("CARGO_MANIFEST_DIR"), home.join("countersign")).unwrap();
        }
        let at = page::PEOPLE.map(|person| (person.to_owned(), PathBuf::new())).into_iter().collect();
        Stage { folder, simulator: None, port: 0, at, run: String::new(), ended: Vec::new() }
    }

    fn home(&self, person: &str) -> PathBuf {
        self.folder.path().join(person)
    }

    fn place(&self, person: &str) -> PathBuf {
        self.home(person).join(&self.at[person])
    }

    /// A shell of this person, who has nothing but their own home.
    fn shell(&self, person: &str, line: &str) -> Process {
        let mut shell = Process::new("sh");
        shell.args(["-c", &self.real(line)]).current_dir(self.place(person)).env_clear();
        for name in ["LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                shell.env(name, value);
            }
        }
        let path = std::env::var("PATH").unwrap();
        shell.env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()));
        shell.env("HOME", self.home(person)).env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "us-east-1");
        // What the page lets each of them export.
        shell.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port));
        shell
    }

    /// What really stands where the page has a name that does not change.
    fn real(&self, text: &str) -> String {
        let port = if self.port == 0 { "0".to_owned() } else { self.port.to_string() };
        let text = text.replace(&format!("127.0.0.1:{PORT}"), &format!("127.0.0.1:{port}"));
        if self.run.is_empty() { text } else { text.replace(RUN, &self.run[..8]) }
    }

    /// And back.
    fn stable(&self, text: &str) -> String {
        let text = mask::mask(text, &self.run, self.folder.path(), self.port);
        let text = text.replace("RUN8", RUN).replace("127.0.0.1:PORT", &format!("127.0.0.1:{PORT}"));
        let text = varying(&text);
        let ended = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        ended.trim_matches('\n').to_owned()
    }

    /// What the screen shows of one command, with its exit code where that is not 0.
    fn play(&mut self, command: &Command) -> String {
        let (person, line) = (command.person.as_str(), command.line.as_str());
        if let Some(folder) = line.strip_prefix("cd ") {
            let there = self.at[person].join(folder);
            assert!(self.home(person).join(&there).is_dir(), "{line}");
            self.at.insert(person.to_owned(), there);
            return String::new();
        }
        if line.starts_with("export ") {
            return String::new();
        }
        if line.starts_with("countersign simulate ") {
            return self.simulate(person, line);
        }
        let began = Instant::now();
        let mut screen = Screen::of(self.shell(person, line), &[("NO_COLOR", "1")]);
        let status = screen.answering(&ANSWERS);
        let shown = screen.text();
        eprintln!("{person}$ {line}\n{shown}\n[exit {status}, {} ms]", began.elapsed().as_millis());
        if self.run.is_empty()
            && let Some(at) = shown.find(" opened in journal/")
        {
            let short = shown[..at].rsplit(' ').next().unwrap().to_owned();
            let lines = self.shell(person, "countersign status --format json").output().unwrap();
            self.run = Said::of(lines).json()["run"].as_str().unwrap().to_owned();
            assert!(self.run.starts_with(&short));
        }
        self.ended.push((person.to_owned(), line.to_owned(), status));
        let code = if status == 0 { String::new() } else { format!("\n[exit {status}]") };
        self.stable(&format!("{shown}{code}"))
    }

    fn simulate(&mut self, person: &str, line: &str) -> String {
        let words: Vec<String> = self.real(line).split_whitespace().skip(1).map(str::to_owned).collect();
        let mut command = Process::new(program());
        command.args(words).args(["--port-file", "port", "--log", "log"]).current_dir(self.place(person)).env_clear();
        let said = std::fs::File::create(self.place(person).join("said")).unwrap();
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        self.simulator = Some(command.spawn().unwrap());
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let port = std::fs::read_to_string(self.place(person).join("port")).unwrap_or_default();
            let said = std::fs::read_to_string(self.place(person).join("said")).unwrap_or_default();
            if let (Ok(port), true) = (port.trim().parse(), said.ends_with('\n')) {
                self.port = port;
                return self.stable(&said);
            }
            assert!(Instant::now() < patience, "the simulator did not start: {said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn carry(&self, carry: &Carry) {
        for file in &carry.files {
            let from = self.place(&carry.from).join(file);
            let to = self.place(&carry.to).join(carry.folder.as_deref().unwrap_or_default());
            std::fs::create_dir_all(&to).unwrap();
            if from.is_dir() {
                let copied = Process::new("cp").arg("-r").arg(&from).arg(&to).status().unwrap();
                assert!(copied.success());
            } else {
                std::fs::copy(&from, to.join(from.file_name().unwrap()))
                    .unwrap_or_else(|error| panic!("{file}: {error}"));
            }
        }
    }

    /// Past the page: what a command gives, as JSON.
    fn json(&self, person: &str, line: &str) -> Value {
        Said::of(self.shell(person, line).stdin(Stdio::null()).output().unwrap()).exits(0).json()
    }

    fn entries(&self, person: &str, kind: &str) -> Vec<Value> {
        let output = self.shell(person, "countersign log 98f30cc2 --format json").output().unwrap();
        let said = Said::of(output).exits(0);
        let all = said.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(|entry| entry["kind"] == kind).collect()
    }
}

/// Words that vary beside those that every transcript masks: by what stands before them.
fn varying(text: &str) -> String {
    const WORDS: [(&str, &str); 5] = [
        ("move_member_accounts-", "REHEARSAL"),
        (" cells in ", "SECONDS"),
        (" on ", "N"),
        (" proof ", "PROOF"),
        (" root ", "ROOT"),
    ];
    let mut text = text.to_owned();
    for (before, word) in WORDS {
        let mut from = 0;
        while let Some(at) = text[from..].find(before) {
            let start = from + at + before.len();
            let is = |c: char| c.is_ascii_alphanumeric() || (word == "ROOT" && "+/=".contains(c));
            let end = text[start..].find(|c| !is(c)).map_or(text.len(), |end| start + end);
            let found = &text[start..end];
            let fits = match word {
                "N" => text[end..].starts_with(" thread"),
                "SECONDS" => found.ends_with('s'),
                "PROOF" => found.len() == 12,
                "ROOT" => found.len() == 44,
                _ => found.len() == 8,
            };
            if fits {
                text.replace_range(start..end, word);
            }
            from = start;
        }
    }
    text
}

/// The page from its first line to its last; then what it says of itself, asked past it.
#[test]
fn two_companies_move_eight_accounts_with_nothing_but_files_between_them() {
    let text = shipped(PAGE);
    let parts = page::parts(&text);
    let mut stage = Stage::new();
    let mut written = String::new();
    let mut wrong = None;
    for part in &parts {
        match part {
            Part::Text(text) => written.push_str(text),
            Part::File(file) => {
                let path = stage.home(&file.person).join(&file.path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, &file.content).unwrap();
                written.push_str(&file.raw);
            }
            Part::Carry(carry) => {
                stage.carry(carry);
                written.push_str(&carry.raw);
            }
            Part::Command(command) => {
                let is = stage.play(command);
                written.push_str(&command.raw);
                if page::fits(&is, &command.output) {
                    written.push_str(&command.output);
                } else {
                    wrong.get_or_insert_with(|| (command.line.clone(), is.clone(), command.output.clone()));
                    written.push_str(&page::folded(&is));
                }
            }
        }
    }
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), written).unwrap();
    } else if let Some((line, is, should)) = wrong {
        panic!("{PAGE}: `{line}` says (COUNTERSIGN_BLESS=1 writes it anew)\n{is}\n--- and should say\n{should}");
    }
    what_crossed(&parts, &text);
    what_was_signed(&stage);
    what_came_of_it(&stage);
}

/// Nothing but what the page's table lists, and nobody reaches into another's folder.
fn what_crossed(parts: &[Part], text: &str) {
    let mut crossed: Vec<(String, String, String)> = Vec::new();
    for part in parts {
        match part {
            Part::Carry(carry) => {
                for file in &carry.files {
                    crossed.push((carry.from.clone(), carry.to.clone(), file.clone()));
                }
            }
            Part::Command(command) => {
                let line = &command.line;
                assert!(!line.contains("..") && !line.contains("/home") && !line.contains("/tmp"), "{line}");
            }
            Part::File(_) | Part::Text(_) => {}
        }
    }
    let table: Vec<(String, String, String)> = page::table(text, "| file |")
        .into_iter()
        .map(|row| (row[1].clone(), row[2].clone(), row[0].trim_matches('`').to_owned()))
        .collect();
    assert_eq!(crossed, table, "the page's table lists what was carried");
}

/// Two hand-overs; one review per person and stage; everybody's decisions, and nobody else's.
fn what_was_signed(stage: &Stage) {
    let handed: Vec<Value> = stage.entries("alice", "handed_over").iter().map(|entry| entry["by"].clone()).collect();
    assert_eq!(handed, ["alice", "bob"], "at most two hand-overs");
    let mut reviews: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (person, line, _) in &stage.ended {
        let mut words = line.split_whitespace().skip(1);
        if matches!(words.next(), Some("approve" | "review")) {
            *reviews.entry((person.clone(), words.next().unwrap().to_owned())).or_default() += 1;
        }
    }
    let one = |person: &str, file: &str| ((person.to_owned(), format!("{file}.countersign")), 1);
    let wanted =
        BTreeMap::from([one("bob", "invite"), one("alice", "accept"), one("carol", "accept"), one("bob", "place")]);
    assert_eq!(reviews, wanted, "each person looks once at each stage that waits for them");
    let mut decisions: BTreeMap<String, usize> = BTreeMap::new();
    for entry in stage.entries("alice", "approval") {
        *decisions.entry(entry["by"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let counts = [("alice", 8), ("bob", 2), ("carol", 8)].map(|(person, count)| (person.to_owned(), count));
    assert_eq!(decisions, BTreeMap::from(counts));
    let codes: BTreeSet<i32> = stage.ended.iter().map(|(_, _, code)| *code).collect();
    assert_eq!(codes, BTreeSet::from([0, 4]), "nothing but done and waiting");
    let machines: BTreeSet<String> = stage
        .entries("alice", "signed_on")
        .iter()
        .map(|entry| format!("{} {}", entry["by"], entry["data"]["machine"]))
        .collect();
    assert_eq!(machines.len(), 2, "alice on one machine, bob on the other: {machines:?}");
}

/// Each effect once, by the right account; and WITNESSED on both sides, by both verifiers.
fn what_came_of_it(stage: &Stage) {
    let log = std::fs::read_to_string(stage.home("aws").join("log")).unwrap();
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    for line in log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if line["effect"] == true {
            *effects.entry(line["operation"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    let each = ["InviteAccountToOrganization", "AcceptHandshake", "MoveAccount"];
    assert_eq!(effects, each.map(|name| (format!("organizations:{name}"), 8)).into_iter().collect());
    let bundles = ["alice", "bob"].map(|person| {
        let verdict =
            stage.json(person, "countersign verify move.countersign --trust runbooks/people.toml --format json");
        assert_eq!((verdict["verdict"].as_str(), verdict["trusted_keys"].as_bool()), (Some("WITNESSED"), Some(true)));
        assert_eq!((verdict["mode"].as_str(), verdict["problems"].as_array().unwrap().len()), (Some("simulated"), 0));
        let own = stage.json(person, "countersign verify 98f30cc2 --trust runbooks/people.toml --format json");
        assert_eq!(own["verdict"], "WITNESSED", "the copy in {person}'s journal");
        std::fs::read(stage.place(person).join("move.countersign")).unwrap()
    });
    assert!(bundles[0] == bundles[1], "both keep the same file");
    second::agrees(&bundles[0]);
}
