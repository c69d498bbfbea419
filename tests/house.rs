//! The rules of the house, read from the sources: who may use whom, where IO is, how long things are.
//!
//! Reads text, not types: comments and literals are blanked and test modules left out, then it looks for
//! words. That is enough to catch a slip; it is no proof against somebody who hides one.

#![allow(clippy::unwrap_used, clippy::expect_used)] // the helpers of a test file are tests too

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Rooms without IO, clock or randomness. (The order of all rooms is that of `src/lib.rs`.)
const PURE: &[&str] = &[
    "base",
    "expression",
    "sshsig",
    "runbook",
    "people",
    "catalogue",
    "check",
    "plan",
    "record",
    "approval",
    "engine",
    "verify",
    "simulator",
    "schema",
    "explain",
    "preflight",
    "report",
];
/// The verifier is a second opinion: it shares lines, statements and the decision function, nothing else.
const VERIFY_USES: &[&str] = &["base", "sshsig", "people", "plan", "record", "approval"];
/// What `std` and other crates must not be asked for in a pure room.
const STD_IO: &[&str] = &["fs", "net", "process", "env"];
const IO_WORDS: &[&str] = &[
    "SystemTime",
    "Instant",
    "Utc::now",
    "Local::now",
    "tokio::",
    "rusqlite::",
    "rand::",
    "axum::",
    "dialoguer::",
    "indicatif::",
    "ssh_agent_client_rs::",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
];
/// Lints of Cargo.toml that nobody may turn off outside tests.
const HARD_LINTS: &[&str] = &[
    "unsafe_code",
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::todo",
    "clippy::unimplemented",
    "clippy::dbg_macro",
    "clippy::print_stdout",
    "clippy::print_stderr",
    "clippy::exit",
];
const FILE_LIMIT: usize = 900;
const FUNCTION_LIMIT: usize = 100;

#[test]
fn each_room_uses_only_rooms_before_it() {
    let order = rooms();
    let faults: Vec<String> = sources().iter().flat_map(|source| order_faults(source, &order)).collect();
    assert_none("a room uses a room that stands later in src/lib.rs", &faults);
}

#[test]
fn no_rooms_use_each_other_in_a_circle() {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        let Some(room) = &source.room else { continue };
        let named = named_after(&source.code, "crate::").into_iter().map(|(_, name)| name);
        uses.entry(room.clone()).or_default().extend(named.filter(|name| name != room));
    }
    assert_none("rooms use each other in a circle", &circles(&uses));
}

#[test]
fn every_folder_is_a_room_of_the_order_and_every_pure_room_exists() {
    let order = rooms();
    let mut faults = Vec::new();
    for source in sources() {
        match &source.room {
            Some(room) if !order.contains(room) => {
                faults.push(format!("{}: `{room}` is not in src/lib.rs", source.path))
            }
            None if !["src/lib.rs", "src/main.rs"].contains(&source.path.as_str()) => {
                faults.push(format!("{}: stands in no room", source.path));
            }
            _ => {}
        }
    }
    faults
        .extend(PURE.iter().filter(|room| !order.iter().any(|one| one == *room)).map(|room| format!("no room {room}")));
    assert_none("files outside of the rooms", &faults);
}

#[test]
fn pure_rooms_do_no_io() {
    let faults: Vec<String> = sources()
        .iter()
        .filter(|source| source.room.as_deref().is_some_and(|room| PURE.contains(&room)))
        .flat_map(io_faults)
        .collect();
    assert_none("IO, clock or randomness in a pure room", &faults);
}

#[test]
fn the_verifier_shares_only_what_the_format_defines() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.room.as_deref() == Some("verify")) {
        for (line, name) in named_after(&source.code, "crate::") {
            if name != "verify" && !VERIFY_USES.contains(&name.as_str()) {
                faults.push(format!("{}:{line}: verify uses {name}", source.path));
            }
        }
    }
    assert_none("the verifier uses more than the format", &faults);
}

#[test]
fn every_file_says_what_it_owns() {
    let faults: Vec<String> =
        sources().iter().filter(|source| !source.raw.starts_with("//! ")).map(|source| source.path.clone()).collect();
    assert_none("files that do not open with `//! ` and what they own", &faults);
}

#[test]
fn nothing_is_promised_in_comments() {
    let mut faults = Vec::new();
    for source in sources() {
        for (number, line) in source.raw.lines().enumerate() {
            if ["TODO", "FIXME"].iter().any(|word| has_word(line, word)) {
                faults.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert_none("an unfinished thing is an issue, or a refusal in words, never a comment", &faults);
}

#[test]
fn no_hard_lint_is_turned_off() {
    let faults: Vec<String> = sources().iter().flat_map(lint_faults).collect();
    assert_none("a hard lint is turned off outside tests", &faults);
}

#[test]
fn no_glob_imports() {
    let mut faults = Vec::new();
    for source in sources() {
        for (number, line) in source.code.lines().enumerate() {
            if line.trim_start().starts_with("use ") && line.contains("::*") {
                faults.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert_none("imports name what they import", &faults);
}

#[test]
fn files_and_functions_stay_short() {
    let mut files = Vec::new();
    let mut functions = Vec::new();
    for source in sources() {
        let lines = source.code.lines().filter(|line| *line != LEFT_OUT).count();
        files.push((lines, source.path.clone()));
        for function in functions_of(&source.code) {
            functions.push((function.lines, format!("{}:{} {}", source.path, function.at, function.name)));
        }
    }
    let mut text = String::new();
    worst(&mut text, "files", FILE_LIMIT, files);
    worst(&mut text, "functions", FUNCTION_LIMIT, functions);
    assert!(text.is_empty(), "{text}");
}

/// Writes the ten longest when one of them is over the limit.
fn worst(text: &mut String, what: &str, limit: usize, mut found: Vec<(usize, String)>) {
    found.sort_by(|a, b| b.cmp(a));
    let over = found.iter().filter(|(lines, _)| *lines > limit).count();
    if over == 0 {
        return;
    }
    let _ = writeln!(text, "\n{over} {what} over {limit} lines (test modules left out); the longest:");
    for (lines, name) in found.iter().take(over.max(10)) {
        let _ = writeln!(text, "  {lines:5} {name}");
    }
}

fn assert_none(what: &str, faults: &[String]) {
    assert!(faults.is_empty(), "\n{what} ({}):\n  {}\n", faults.len(), faults.join("\n  "));
}

// The faults of one file.

fn order_faults(source: &Source, order: &[String]) -> Vec<String> {
    let Some(room) = &source.room else { return Vec::new() };
    let place = |name: &String| order.iter().position(|one| one == name);
    let own = place(room);
    let mut faults = Vec::new();
    for (line, name) in named_after(&source.code, "crate::") {
        if name != *room && place(&name) >= own && place(&name).is_some() {
            faults.push(format!("{}:{line}: {room} uses {name}", source.path));
        }
    }
    for (line, climbed) in climbs(&source.code) {
        if climbed >= source.depth {
            faults.push(format!("{}:{line}: `super::` leaves the room; write `crate::`", source.path));
        }
    }
    faults
}

fn io_faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, name) in named_after(&source.code, "std::") {
        if STD_IO.contains(&name.as_str()) {
            faults.push(format!("{}:{line}: std::{name}", source.path));
        }
    }
    for (number, line) in source.code.lines().enumerate() {
        for word in IO_WORDS.iter().filter(|word| has_word(line, word)) {
            faults.push(format!("{}:{}: {word}", source.path, number + 1));
        }
    }
    faults
}

fn lint_faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in source.code.lines().enumerate() {
        if line.contains("cfg_attr(test") {
            continue;
        }
        for lint in HARD_LINTS.iter().filter(|lint| has_word(line, lint)) {
            faults.push(format!("{}:{}: {lint}", source.path, number + 1));
        }
    }
    faults
}

/// Every circle once, as `a -> b -> a`.
fn circles(uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for start in uses.keys() {
        let mut ways = vec![vec![start.clone()]];
        while let Some(way) = ways.pop() {
            let Some(next) = way.last().and_then(|last| uses.get(last)) else { continue };
            for name in next {
                if name == start && way.iter().all(|one| one >= start) {
                    found.insert(format!("{} -> {start}", way.join(" -> ")));
                } else if !way.contains(name) && name > start {
                    ways.push(way.iter().chain([name]).cloned().collect());
                }
            }
        }
    }
    found.into_iter().collect()
}

// Reading the sources.

struct Source {
    /// `src/engine/next.rs`
    path: String,
    /// None for `src/lib.rs` and `src/main.rs`.
    room: Option<String>,
    /// How many modules deep: 1 for `src/engine/mod.rs`, 2 for `src/engine/next.rs`.
    depth: usize,
    raw: String,
    /// Same lines, with comments and literals blanked, and tests replaced by [`LEFT_OUT`].
    code: String,
}

impl Source {
    fn of(path: &str, raw: &str) -> Source {
        let parts: Vec<&str> = path.trim_start_matches("src/").split('/').collect();
        let file = parts[parts.len() - 1];
        let depth = if file == "mod.rs" { parts.len() - 1 } else { parts.len() };
        let blanked = blank(raw);
        let code = if file == "tests.rs" {
            raw.lines().map(|_| format!("{LEFT_OUT}\n")).collect()
        } else {
            without_tests(&blanked)
        };
        let room = (parts.len() > 1).then(|| parts[0].to_owned());
        Source { path: path.to_owned(), room, depth, raw: raw.to_owned(), code }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files under `src/`.
fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    files.sort();
    assert!(files.len() > 50, "found only {} files: is this the right folder?", files.len());
    files
        .iter()
        .map(|file| {
            let path = file.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
            Source::of(&path, &std::fs::read_to_string(file).expect("a source is UTF-8"))
        })
        .collect()
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

/// The rooms, in the order of `src/lib.rs`.
fn rooms() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let rooms: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned)).collect();
    assert_eq!(rooms.first().map(String::as_str), Some("base"), "src/lib.rs lists the rooms, `base` first");
    assert_eq!(rooms.last().map(String::as_str), Some("cli"), "and `cli` last");
    rooms
}

/// What a line of a test module becomes.
const LEFT_OUT: &str = "\u{1}";

/// Blanks what follows from `#[cfg(test)]` to the end of that item.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        out.push_str(&rest[..at]);
        let length = item_length(&rest[at + MARK.len()..]) + MARK.len();
        let lines = rest[at..at + length].matches('\n').count();
        out.push_str(LEFT_OUT);
        out.push_str(&format!("\n{LEFT_OUT}").repeat(lines));
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out
}

/// Bytes to the end of an item: its closing brace, or a semicolon outside of brackets.
fn item_length(code: &str) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && byte == b'}' {
                    return at + 1;
                }
            }
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The names that follow `prefix` (`crate::` or `std::`), groups included, with their lines.
fn named_after(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(is_ident) {
            continue;
        }
        let line = line_of(code, at);
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push((line, ident(rest)));
            continue;
        };
        let mut depth = 0i32;
        let mut fresh = true;
        for (inner, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                _ if fresh && is_ident(letter) => {
                    found.push((line, ident(&group[inner..])));
                    fresh = false;
                }
                _ => {}
            }
        }
    }
    found.retain(|(_, name)| !name.is_empty());
    found
}

/// Chains of `super::`, with their lengths.
fn climbs(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find("super::").map(|at| at + from) {
        let chain = code[at..].split("super::").skip(1).take_while(|rest| rest.is_empty()).count() + 1;
        found.push((line_of(code, at), chain));
        from = at + chain * "super::".len();
    }
    found
}

struct Function {
    name: String,
    at: usize,
    lines: usize,
}

/// Every `fn NAME ... { ... }`, from its line to its closing brace.
fn functions_of(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let name = ident(&code[at + 3..]);
        if name.is_empty() || code[..at].ends_with(is_ident) {
            continue;
        }
        let length = item_length(&code[at..]);
        let lines = code[at..at + length].matches('\n').count() + 1;
        found.push(Function { name, at: line_of(code, at), lines });
    }
    found
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

fn is_ident(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn ident(text: &str) -> String {
    text.chars().take_while(|letter| is_ident(*letter)).collect()
}

/// `word` stands in `line` and is not part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let after = &line[at + word.len()..];
        let open_end = word.ends_with(is_ident) && after.starts_with(is_ident);
        !line[..at].ends_with(is_ident) && !open_end
    })
}

/// The text with comments and the inside of literals turned into spaces; line feeds stay.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = literal_length(&out, rest);
        let (kept, length) = if skipped > 0 { (false, skipped) } else { (true, first.len_utf8()) };
        for letter in rest[..length].chars() {
            match letter {
                '\n' => out.push('\n'),
                _ if kept => out.push(letter),
                _ => out.extend(std::iter::repeat_n(' ', letter.len_utf8())),
            }
        }
        rest = &rest[length..];
    }
    out
}

/// Bytes of the comment or literal that `rest` begins with; 0 if it begins with neither.
fn literal_length(before: &str, rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return comment_length(rest);
    }
    if rest.starts_with('"') {
        return string_length(rest);
    }
    let raw = rest.strip_prefix('b').unwrap_or(rest);
    if let Some(raw) = raw.strip_prefix('r').filter(|_| !before.ends_with(is_ident)) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = rest.len() - raw.len() + hashes + 1;
            return rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len());
        }
    }
    if let Some(inside) = rest.strip_prefix('\'') {
        let mut letters = inside.char_indices();
        return match (letters.next(), letters.next()) {
            (Some((_, '\\')), Some((at, escaped))) => {
                let from = at + escaped.len_utf8();
                inside[from..].find('\'').map_or(1, |end| from + end + 2)
            }
            (Some(_), Some((at, '\''))) => at + 2,
            _ => 0,
        };
    }
    0
}

fn comment_length(rest: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

// The rules can fail: each one on a small offender.

fn order_of_two() -> Vec<String> {
    ["base", "record", "engine"].map(str::to_owned).to_vec()
}

#[test]
fn a_use_of_a_later_room_is_found_in_every_spelling() {
    let spellings = [
        "//! x\nuse crate::engine::next;\n",
        "//! x\nuse crate::{base::Time, engine};\n",
        "//! x\nuse crate::{\n    base::{Digest, Time},\n    engine::next,\n};\n",
        "//! x\nfn f() { crate::engine::next::next() }\n",
        "//! x\nuse super::super::engine::next;\n",
    ];
    for text in spellings {
        assert_eq!(order_faults(&Source::of("src/record/x.rs", text), &order_of_two()).len(), 1, "{text}");
    }
    let fine = "//! crate::engine\nuse crate::base::Time;\nuse super::entry;\n\
                const S: &str = \"crate::engine\"; /* crate::engine */\n\
                #[cfg(test)]\nmod tests {\n    use crate::engine::next;\n}\n";
    assert!(order_faults(&Source::of("src/record/x.rs", fine), &order_of_two()).is_empty());
}

#[test]
fn a_circle_is_found_once() {
    let uses = |pairs: &[(&str, &str)]| {
        let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in pairs {
            map.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        map
    };
    assert_eq!(circles(&uses(&[("c", "a"), ("a", "b"), ("b", "c")])), ["a -> b -> c -> a"]);
    assert!(circles(&uses(&[("c", "a"), ("c", "b"), ("b", "a")])).is_empty());
}

#[test]
fn io_is_found_in_code_and_not_in_words() {
    let count = |text: &str| io_faults(&Source::of("src/engine/x.rs", text)).len();
    assert_eq!(count("use std::{fmt, fs};\nuse std::time::Instant;\nfn f() { println!(\"a\") }\n"), 3);
    assert_eq!(count("use tokio::sync::Mutex;\nfn f() -> u8 { rand::random() }\n"), 2);
    assert_eq!(count("// std::fs\nuse std::fmt;\nuse rand_core::RngCore;\nlet s = r#\"std::fs \"tokio::\"#;\n"), 0);
    assert_eq!(count("fn f<'a>(c: char, s: &'a str) -> bool { c == '\"' }\nuse std::env;\nlet d = '\\'';\n"), 1);
}

#[test]
fn lengths_are_counted_to_the_closing_brace() {
    let code = Source::of(
        "src/engine/x.rs",
        "//! x\nfn one() { let s = \"}\"; }\nfn two(\n    a: [u8; 2],\n) {\n    if a[0] == b'{' {\n    }\n}\ntype F = fn(u8);\n",
    )
    .code;
    let found: Vec<(String, usize, usize)> =
        functions_of(&code).into_iter().map(|one| (one.name, one.at, one.lines)).collect();
    assert_eq!(found, [("one".to_owned(), 2, 1), ("two".to_owned(), 3, 6)]);
    let mut text = String::new();
    worst(&mut text, "functions", 5, vec![(6, "long".to_owned()), (5, "short".to_owned())]);
    assert!(text.contains("1 functions over 5") && text.contains("6 long"), "{text}");
}

#[test]
fn an_allowed_hard_lint_is_found() {
    let count = |text: &str| lint_faults(&Source::of("src/engine/x.rs", text)).len();
    assert_eq!(count("//! x\n#[allow(clippy::unwrap_used)]\nfn f() {}\n#![expect(clippy::panic)]\n"), 2);
    assert_eq!(count("//! x\n#[allow(clippy::panic_in_result_fn)]\nfn f() {}\n"), 0);
    assert_eq!(count("//! x\n#[cfg(test)]\nmod tests {\n    #![allow(clippy::unwrap_used)]\n}\n"), 0);
}
