//! `countersign.toml`: local settings, never part of a run. Found in the current folder or the nearest parent that
//! has one; the environment wins over them, and flags over both. Reads and finds; the verbs use what it gives.

use super::load;
use super::notify::settings as notify;
use super::ui::CliError;
use crate::base::escape;
use crate::runbook::node::{self, At, Data, Node, Notes, Text};
use crate::runbook::reader::{Shape, Table, one_of, shown};
use clap::{ArgMatches, Command, parser::ValueSource};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub const FILE: &str = "countersign.toml";

const TOP: Shape =
    Shape { name: "the settings file", header: "", keys: &["journal", "person", "key", "sessions", "notify"] };

/// What a settings file says; paths lead from where the program was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// None: there is no settings file.
    pub file: Option<PathBuf>,
    pub journal: Option<PathBuf>,
    pub person: Option<String>,
    pub key: Option<PathBuf>,
    /// Session and profile.
    pub sessions: BTreeMap<String, String>,
    /// Who is told when somebody is waited for, and the like.
    pub notify: Option<notify::Settings>,
}

/// The settings that count in `folder`.
pub fn find(folder: &Path) -> Result<Settings, CliError> {
    for (up, place) in folder.ancestors().enumerate() {
        if place.join(FILE).is_file() {
            // Where it lies in the current folder itself, names stay as short as they were written.
            let near = if up == 0 { PathBuf::new() } else { place.to_path_buf() };
            let text = load::text(&near.join(FILE))?;
            return read(&near, &text);
        }
    }
    Ok(Settings::default())
}

/// Reads the text of the settings file in `folder`.
fn read(folder: &Path, text: &str) -> Result<Settings, CliError> {
    let file = folder.join(FILE);
    let mut notes = Notes::new(&load::name(&file), text);
    let (root, good) = node::parse(&mut notes);
    let settings = if good { table(&root, folder, &mut notes) } else { None };
    match settings.filter(|_| !notes.has_errors()) {
        Some(settings) => Ok(Settings { file: Some(file), ..settings }),
        None => Err(CliError::findings(notes.sorted())),
    }
}

/// A path of the file: from its folder, or from the home of whoever runs the program (`~/...`).
pub fn at(folder: &Path, home: Option<&Path>, text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(text),
    }
}

fn table(root: &Node, folder: &Path, notes: &mut Notes) -> Option<Settings> {
    let top = Table::open(root, &TOP, "the settings file", &[], notes)?;
    let home = std::env::home_dir();
    let mut path = |key: &str| top.required_if_there(key, notes).map(|text| at(folder, home.as_deref(), &text.is));
    let (journal, key) = (path("journal"), path("key"));
    let person = top.required_if_there("person", notes).map(|text| text.is);
    let mut sessions = BTreeMap::new();
    if let Some(node) = top.get("sessions") {
        for (id, node) in Table::named(node, "`sessions`", notes) {
            if let Some(profile) = binding(&id, node, notes) {
                sessions.insert(id.is.clone(), profile);
            }
        }
    }
    let notify = top.get("notify").and_then(|node| notify::read(node, folder, notes));
    Some(Settings { file: None, journal, person, key, sessions, notify })
}

/// `profile:NAME`, as `--session` has it.
fn binding(id: &Text, node: &Node, notes: &mut Notes) -> Option<String> {
    let Data::Text(text) = &node.is else {
        let message = format!("the session `{}` must be text, not {}", shown(&id.is), node.kind());
        notes.error("CS0105", &node.span, message, "write \"profile:PROFILE\"");
        return None;
    };
    let text = At::new(text.clone(), node.span.clone());
    match text.is.split_once(':') {
        Some(("profile", profile)) if !profile.trim().is_empty() => Some(profile.to_owned()),
        Some((kind, _)) if kind != "profile" => {
            let hint = format!("{}; write \"profile:PROFILE\"", one_of(kind, &["profile"]));
            notes.error("CS0110", &text.span, format!("there is no binding `{}`", shown(&text.is)), hint);
            None
        }
        _ => {
            let message = format!("`{}` is no binding", shown(&text.is));
            notes.error("CS0110", &text.span, message, "write \"profile:PROFILE\"");
            None
        }
    }
}

impl Settings {
    /// The command line with these settings where it would otherwise have nothing: flags and environment win.
    pub fn into_defaults(&self, command: Command) -> Command {
        let command = command.mut_args(|arg| match (arg.get_long(), &self.journal) {
            (Some("journal"), Some(path)) => arg.default_value(path.clone().into_os_string()),
            _ => arg,
        });
        self.verbs(command)
    }

    fn verbs(&self, command: Command) -> Command {
        command.mut_subcommands(|verb| {
            let verb = verb.mut_args(|arg| match (arg.get_long(), &self.person, &self.key) {
                (Some("as"), Some(person), _) => arg.default_value(person.clone()),
                (Some("key"), _, Some(key)) => arg.default_value(key.clone().into_os_string()),
                _ => arg,
            });
            self.verbs(verb)
        })
    }

    /// Which settings count, and where each comes from: for `--verbose`.
    pub fn used(&self, matches: &ArgMatches) -> String {
        let mut leaf = matches;
        while let Some((_, inner)) = leaf.subcommand() {
            leaf = inner;
        }
        let name = |path: &Path| escape::line(&path.display().to_string());
        let file = self.file.as_deref().map_or_else(|| format!("no {FILE}"), name);
        let mut parts = Vec::new();
        for (id, word) in [("journal", "journal"), ("person", "person"), ("as", "person"), ("key", "key")] {
            let Ok(Some(values)) = leaf.try_get_raw(id) else { continue };
            let given = match (leaf.value_source(id), id, self.journal.is_some()) {
                (Some(ValueSource::CommandLine), _, _) => "command line",
                (Some(ValueSource::EnvVariable), _, _) => "environment",
                (_, "journal", false) => "default",
                _ => "settings",
            };
            let values: Vec<String> = values.map(|value| name(Path::new(value))).collect();
            parts.push(format!("{word} {} ({given})", values.join(", ")));
        }
        for (session, profile) in &self.sessions {
            parts.push(format!("session {session}=profile:{} (settings)", escape::line(profile)));
        }
        let gap = if parts.is_empty() { "" } else { ": " };
        format!("settings from {file}{gap}{}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<(&'static str, usize)> {
        let error = read(Path::new(""), text).unwrap_err();
        error.findings.iter().map(|finding| (finding.code, finding.place.line)).collect()
    }

    #[test]
    fn paths_lead_from_the_folder_of_the_file() {
        let text = "journal = \"j/a.db\"\nkey = \"/k\"\nperson = \"alice\"\n[sessions]\nm = \"profile:x\"\n";
        let settings = read(Path::new("/repo"), text).unwrap();
        assert_eq!(settings.file, Some(PathBuf::from("/repo/countersign.toml")));
        assert_eq!(settings.journal, Some(PathBuf::from("/repo/j/a.db")));
        assert_eq!(settings.key, Some(PathBuf::from("/k")));
        assert_eq!(settings.sessions["m"], "x");
    }

    #[test]
    fn a_tilde_is_the_home_of_who_runs_it() {
        let (folder, home) = (Path::new("/repo"), Some(Path::new("/people/me")));
        assert_eq!(at(folder, home, "~/.ssh/id"), PathBuf::from("/people/me/.ssh/id"));
        for other in ["a~/b", "~you/b", "~"] {
            assert_eq!(at(folder, home, other), folder.join(other));
        }
        assert_eq!(at(folder, None, "~/b"), PathBuf::from("/repo/~/b"));
    }

    #[test]
    fn who_is_told_stands_under_notify() {
        use crate::report::event::Kind;
        let text = "[notify]\ncommand = [\"./tell\", \"x\"]\nwebhook = \"https://h.example/1\"\nsecret_file = \"s\"\n\
                    events = [\"denied\", \"done\"]\ngive_up_after = \"5s\"\n";
        let told = read(Path::new("/repo"), text).unwrap().notify.unwrap();
        let secret = notify::Secret::File(PathBuf::from("/repo/s"));
        assert_eq!(told.webhook, Some(notify::Webhook { url: "https://h.example/1".to_owned(), secret }));
        assert_eq!((told.command.len(), told.give_up_after_ms), (2, 5000));
        assert_eq!(told.events, [Kind::Denied, Kind::Done]);
        let all = read(Path::new(""), "[notify]\ncommand = [\"x\"]\n").unwrap().notify.unwrap();
        assert_eq!((all.events.len(), all.give_up_after_ms), (9, 30_000));
        for (text, code) in [
            ("[notify]\n", ("CS0104", 1)),
            ("[notify]\ncommand = []\n", ("CS0110", 2)),
            ("[notify]\ncommand = \"tell me\"\n", ("CS0105", 2)),
            ("[notify]\nwebhook = \"https://h.example\"\n", ("CS0104", 2)),
            ("[notify]\nwebhook = \"file:///x\"\nsecret_env = \"S\"\n", ("CS0110", 2)),
            ("[notify]\nwebhook = \"http://h\"\nsecret_env = \"S\"\nsecret_file = \"s\"\n", ("CS0104", 2)),
            ("[notify]\ncommand = [\"x\"]\nevents = [\"deny\"]\n", ("CS0110", 3)),
            ("[notify]\ncommand = [\"x\"]\ngive_up_after = \"1h\"\n", ("CS0110", 3)),
            ("[notify]\ncommand = [\"x\"]\nurl = \"x\"\n", ("CS0103", 3)),
        ] {
            assert!(codes(text).contains(&code), "{text}: {:?}", codes(text));
        }
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        assert_eq!(codes("person = \"a\"\njournall = \"x\"\n"), [("CS0103", 2)]);
        assert_eq!(codes("person = 3\n"), [("CS0105", 1)]);
        assert_eq!(codes("key = \" \"\n"), [("CS0110", 1)]);
        assert_eq!(
            codes("[sessions]\nm = \"profil:x\"\nn = \"profile:\"\no = 3\n"),
            [("CS0110", 2), ("CS0110", 3), ("CS0105", 4)]
        );
        assert_eq!(codes("person = \n"), [("CS0101", 1)]);
        let hint = read(Path::new(""), "journall = \"x\"").unwrap_err().findings[0].hint.clone();
        assert_eq!(hint, "did you mean `journal`?");
    }
}
