//! Reads a page that can be played: prompts and what was said to them, files that somebody writes, files that are
//! carried. Writes nothing.

pub const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "aws"];
/// A longer output is folded when it is written anew.
const LONGEST: usize = 26;

pub enum Part {
    Text(String),
    Command(Command),
    File(File),
    Carry(Carry),
}

/// `alice$ countersign ...`, and what stands behind it up to the next prompt.
pub struct Command {
    pub person: String,
    pub line: String,
    /// The prompt and the line, as they stand in the page.
    pub raw: String,
    pub output: String,
}

/// `<!-- alice writes .aws/credentials -->` with the block behind it: a path below that person's home.
pub struct File {
    pub person: String,
    pub path: String,
    pub content: String,
    pub raw: String,
}

/// `> Carried from alice to bob: ...`, with `into FOLDER` where it is not the folder where they are.
pub struct Carry {
    pub from: String,
    pub to: String,
    pub files: Vec<String>,
    pub folder: Option<String>,
    pub raw: String,
}

pub fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if let Some((person, path)) = line.strip_prefix("<!-- ").and_then(|rest| rest.split_once(" writes ")) {
            let fence = lines.next().unwrap();
            let mut raw = format!("{line}{fence}");
            let mut content = String::new();
            for line in lines.by_ref() {
                raw.push_str(line);
                if line.starts_with("```") {
                    break;
                }
                content.push_str(line);
            }
            let path = path.trim().trim_end_matches("-->").trim().to_owned();
            parts.push(Part::File(File { person: person.to_owned(), path, content, raw }));
        } else if line.starts_with("> Carried from ") {
            parts.push(Part::Carry(carried(line)));
        } else if line.trim_end() == "```console" {
            parts.push(Part::Text(line.to_owned()));
            while let Some(line) = lines.next_if(|line| !line.starts_with("```")) {
                let (person, command) = prompt(line).unwrap_or_else(|| panic!("no prompt: {line}"));
                let mut raw = line.to_owned();
                let mut command = format!("{command}\n");
                if command.contains("<<END") {
                    while !command.ends_with("\nEND\n") {
                        let more = lines.next().unwrap();
                        raw.push_str(more);
                        command.push_str(more);
                    }
                }
                let mut output = String::new();
                while let Some(line) = lines.next_if(|line| !line.starts_with("```") && prompt(line).is_none()) {
                    output.push_str(line);
                }
                let line = command.trim_end_matches('\n').to_owned();
                parts.push(Part::Command(Command { person: person.to_owned(), line, raw, output }));
            }
        } else {
            parts.push(Part::Text(line.to_owned()));
        }
    }
    parts
}

fn prompt(line: &str) -> Option<(&str, &str)> {
    let (person, command) = line.trim_end().split_once("$ ")?;
    PEOPLE.contains(&person).then_some((person, command))
}

fn carried(line: &str) -> Carry {
    let rest = line.trim_end().strip_prefix("> Carried from ").unwrap();
    let (who, what) = rest.split_once(": ").unwrap_or_else(|| panic!("{line}"));
    let (from, to) = who.split_once(" to ").unwrap_or_else(|| panic!("{line}"));
    let (what, folder) = match what.split_once(", into ") {
        Some((what, folder)) => (what, Some(folder.trim_matches('`').to_owned())),
        None => (what, None),
    };
    let files = what.split(", ").map(|file| file.trim_matches('`').to_owned()).collect();
    Carry { from: from.to_owned(), to: to.to_owned(), files, folder, raw: line.to_owned() }
}

/// Whether an output is what the page has: `...` stands for lines that were left out.
pub fn fits(is: &str, should: &str) -> bool {
    let (is, should): (Vec<&str>, Vec<&str>) = (is.lines().collect(), should.lines().collect());
    matches(&is, &should)
}

fn matches(is: &[&str], should: &[&str]) -> bool {
    match should.split_first() {
        None => is.is_empty(),
        Some((&"...", rest)) => (1..=is.len()).any(|left| matches(&is[left..], rest)),
        Some((line, rest)) => is.first() == Some(line) && matches(&is[1..], rest),
    }
}

/// An output as the page has it; of a long one the middle is left out.
pub fn folded(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut all: Vec<&str> = Vec::new();
    if lines.len() > LONGEST {
        all.extend(&lines[..12]);
        all.push("...");
        all.extend(&lines[lines.len() - 10..]);
    } else {
        all.extend(&lines);
    }
    all.iter().map(|line| format!("{line}\n")).collect()
}

/// The rows of the table that begins with `head`.
pub fn table(text: &str, head: &str) -> Vec<Vec<String>> {
    let rows =
        text.lines().skip_while(|line| !line.starts_with(head)).skip(2).take_while(|line| line.starts_with("| "));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn a_page_that_says_something_else_does_not_fit() {
    assert!(fits("a\nb\nc", "a\n...\nc\n"));
    assert!(!fits("a\nc", "a\n...\nc\n"), "what is left out is there");
    assert!(!fits("a\nb\nd", "a\n...\nc\n"));
    assert!(!fits("a\nb", "a\n"));
    let parts = parts(
        "alice says\n```console\nalice$ ls <<END\nx\nEND\nout\nbob$ id\n```\n> Carried from alice to bob: `a`, `b`, into `c`\n",
    );
    assert_eq!(parts.len(), 6);
}
