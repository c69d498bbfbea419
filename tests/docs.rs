//! README.md and CONTRIBUTING.md say only what is so: their commands parse with the real command line,
//! the first one is really run, their tables name the verbs, rooms, exit codes and files that exist.
//!
//! With the AWS SDK only: without it the program has no `run` and no `rehearse`.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // the helpers of a test file are tests too

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const README: &str = include_str!("../README.md");
const CONTRIBUTING: &str = include_str!("../CONTRIBUTING.md");
const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

#[test]
fn every_command_of_the_docs_parses() {
    let mut seen = 0;
    let mut faults = Vec::new();
    for (file, text) in [("README.md", README), ("CONTRIBUTING.md", CONTRIBUTING)] {
        for (line, command) in commands(text) {
            let Some(mut words) = program_words(&command) else {
                if !is_project_command(&command) {
                    faults.push(format!("{file}:{line}: `{command}` is neither countersign, cargo nor a script here"));
                }
                continue;
            };
            seen += 1;
            words.push("--help".to_owned());
            let output = countersign(&words, &root());
            if !output.status.success() || !shows_help_of(&words[0], &output) {
                faults.push(format!("{file}:{line}: `{command}`\n{}", String::from_utf8_lossy(&output.stderr)));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(seen >= 10, "only {seen} commands found: are the blocks still marked ```sh?");
}

#[test]
fn the_check_can_fail() {
    for words in [["no-such-verb", "--help"], ["check", "--no-such-flag"]] {
        let words = words.map(str::to_owned);
        assert!(!countersign(&words, &root()).status.success(), "{words:?}");
    }
    assert_eq!(program_words("cargo run -- plan a.toml  # why"), Some(vec!["plan".to_owned(), "a.toml".to_owned()]));
    assert_eq!(
        program_words("countersign note 'all well' | cat"),
        Some(vec!["note".to_owned(), "all well".to_owned()])
    );
    assert_eq!(program_words("cargo build"), None);
}

/// The one command of the README that is really run, as a new user would.
#[test]
fn the_first_command_of_the_readme_works() {
    let (_, first) = commands(README).into_iter().next().expect("a command");
    assert_eq!(first, "cargo run -- rehearse runbooks/move_member_accounts.toml");
    let words = program_words(&first).expect("it calls the program");
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("runbooks"), &folder.path().join("runbooks"));
    let output = countersign(&words, folder.path());
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{said}", output.status);
    assert!(said.contains("report"), "it says where the report lies:\n{said}");
}

#[test]
fn the_second_command_of_the_readme_is_what_ci_runs() {
    assert_eq!(commands(README)[1].1, "tests/run");
    let ci = std::fs::read_to_string(root().join(".ci/run")).expect(".ci/run");
    assert!(ci.lines().any(|line| line.trim() == "exec tests/run"), "{ci}");
}

#[test]
fn the_verbs_of_the_readme_are_the_programs_verbs() {
    let help = countersign(&["--help".to_owned()], &root());
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    let verbs: BTreeSet<&str> = text
        .lines()
        .take_while(|line| *line != "Everywhere:")
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|verb| !verb.is_empty())
        .collect();
    let documented = first_cells(README, "| verb |");
    assert_eq!(documented.iter().map(String::as_str).collect::<BTreeSet<_>>(), verbs, "{text}");
}

#[test]
fn the_exit_codes_of_the_readme_are_all_nine() {
    let codes: Vec<String> = first_cells(README, "| exit code |");
    assert_eq!(codes, (0..=8).map(|code| code.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_rooms_of_the_contributing_page_are_those_of_lib_rs_in_order() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let rooms: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(first_cells(CONTRIBUTING, "| room |"), rooms);
}

#[test]
fn every_error_code_belongs_to_a_family_of_the_contributing_page() {
    let families: Vec<String> =
        first_cells(CONTRIBUTING, "| codes |").iter().map(|cell| cell.trim_end_matches('.').to_owned()).collect();
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    let mut strays = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source is UTF-8");
        for code in text.split('"').filter(|part| is_code(part)) {
            if !families.iter().any(|family| code.starts_with(family.as_str())) {
                strays.insert(format!("{code} in {}", file.display()));
            }
        }
    }
    assert!(strays.is_empty(), "{strays:#?}");
}

/// Each attack names a test, or a row of the tables of `tests/verify_attacks`, and a code that has a page.
#[test]
fn the_attacks_page_names_tests_and_codes_that_exist() {
    let page = std::fs::read_to_string(root().join("docs/attacks.md")).unwrap();
    let mut files = Vec::new();
    collect(&root().join("tests"), &mut files);
    let texts: Vec<(PathBuf, String)> =
        files.into_iter().map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap())).collect();
    let has = |cell: &str| match cell.trim_matches('`').split_once("::") {
        Some((file, test)) => texts.iter().any(|(path, text)| {
            let name = path.strip_prefix(root().join("tests")).unwrap().with_extension("");
            let parts: Vec<&str> = name.iter().filter_map(|part| part.to_str()).collect();
            parts.contains(&file) && text.contains(&format!("fn {test}("))
        }),
        None => texts.iter().any(|(_, text)| text.contains(&format!("({cell}, \"CS08"))),
    };
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| attack ") && !line.starts_with("| --- "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut faults = Vec::new();
    for row in &rows {
        assert_eq!(row.len(), 5, "{row:?}");
        if !has(row[4]) {
            faults.push(format!("there is no test {}", row[4]));
        }
        if countersign::explain::find(row[3]).is_none() {
            faults.push(format!("nothing explains {}", row[3]));
        }
    }
    assert!(rows.len() >= 40, "{} attacks", rows.len());
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(!has("`refusals::no_such_test`") && !has("\"no such lie\""), "the check can fail");
}

/// Links, and the paths in backquotes that begin with a folder of this repository.
#[test]
fn files_that_the_docs_name_exist() {
    let mut faults = Vec::new();
    for (file, text) in [("README.md", README), ("CONTRIBUTING.md", CONTRIBUTING)] {
        for path in links(text).chain(quoted_paths(text)) {
            if !root().join(path).exists() {
                faults.push(format!("{file} names {path}"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the program without any setting of whoever runs the tests.
fn countersign(words: &[String], folder: &Path) -> Output {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("AWS_") || text.starts_with("COUNTERSIGN_") {
            command.env_remove(&name);
        }
    }
    command.args(words).current_dir(folder).stdin(std::process::Stdio::null()).output().expect("the program starts")
}

/// `--help` of a verb, and not that of the whole program.
fn shows_help_of(verb: &str, output: &Output) -> bool {
    String::from_utf8_lossy(&output.stdout).contains(&format!("Usage: countersign {verb}"))
}

/// The commands of all ```sh blocks, with their lines; continued lines are joined, comments left out.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    let mut goes_on = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside && line.trim() == "```sh";
            continue;
        }
        let line = line.trim();
        if !inside || line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (part, more) = line.strip_suffix('\\').map_or((line, false), |part| (part.trim_end(), true));
        match found.last_mut().filter(|_| goes_on) {
            Some((_, command)) => command.push_str(&format!(" {part}")),
            None => found.push((number + 1, part.to_owned())),
        }
        goes_on = more;
    }
    found
}

/// The arguments of a line that calls the program; None for other commands.
fn program_words(command: &str) -> Option<Vec<String>> {
    let rest = ["countersign ", "cargo run -- "].iter().find_map(|start| command.strip_prefix(start))?;
    let mut words = Vec::new();
    for word in split(rest) {
        if ["|", ">", "&&", ";"].contains(&word.as_str()) || word.starts_with('#') {
            break;
        }
        words.push(word);
    }
    Some(words)
}

/// Words as a shell has them, quotes taken away.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None::<String>;
    let mut quote = None;
    for letter in text.chars() {
        match (letter, quote) {
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, Some(open)) if letter == open => quote = None,
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// `cargo test --test NAME` with a test that exists, another cargo command, or a script that exists.
fn is_project_command(command: &str) -> bool {
    let words = split(command);
    if words[0] != "cargo" {
        return root().join(&words[0]).is_file();
    }
    let named = words.iter().position(|word| word == "--test").and_then(|at| words.get(at + 1));
    named.is_none_or(|name| root().join(format!("tests/{name}.rs")).is_file())
}

/// The first column of the table that begins with `head`, backquotes taken away.
fn first_cells(text: &str, head: &str) -> Vec<String> {
    let cells: Vec<String> = text
        .lines()
        .skip_while(|line| !line.starts_with(head))
        .skip(2)
        .map_while(|line| line.strip_prefix("| ")?.split(" |").next())
        .map(|cell| cell.trim_matches('`').to_owned())
        .collect();
    assert!(!cells.is_empty(), "no table `{head}`");
    cells
}

fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://"))
}

fn quoted_paths(text: &str) -> impl Iterator<Item = &str> {
    let folders = ["src/", "tests/", "runbooks/", "journal/", "benches/", "docs/"];
    text.split('`').skip(1).step_by(2).filter(move |quoted| {
        folders.iter().any(|folder| quoted.starts_with(folder))
            && !quoted.contains(|letter: char| letter == '*' || letter.is_whitespace() || letter.is_ascii_uppercase())
            || quoted.ends_with("FORMAT.md")
    })
}

fn is_code(text: &str) -> bool {
    text.len() == 6 && text.strip_prefix("CS").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
