//! What people read, written down and compared with `tests/transcripts/`. COUNTERSIGN_BLESS=1 writes it anew.

use super::mask::mask;
use super::{Said, Scene};
use std::path::Path;

/// A session at a shell, as text.
#[derive(Default)]
pub struct Transcript {
    text: String,
}

impl Transcript {
    pub fn new() -> Transcript {
        Transcript::default()
    }

    /// Notes one command of a person, and what came of it.
    pub fn note(&mut self, person: &str, line: &str, said: &Said) {
        self.text.push_str(&format!("{person}$ countersign {line}\n"));
        for part in [&said.stdout, &said.stderr] {
            self.text.push_str(part);
            if !part.is_empty() && !part.ends_with('\n') {
                self.text.push('\n');
            }
        }
        self.text.push_str(&format!("[exit {}]\n\n", said.status));
    }

    /// Runs it as this person (who names key and credentials on the command line), notes it, checks its exit code.
    #[track_caller]
    pub fn run(&mut self, scene: &Scene, person: &str, line: &str, status: i32) -> Said {
        let said = scene.run(person, line).exits(status);
        self.note(person, line, &said);
        said
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Masked, and compared with the file.
    #[track_caller]
    pub fn compare(&self, scene: &Scene, name: &str) {
        let run = if scene.path(super::JOURNAL).exists() { scene.run_id() } else { String::new() };
        let masked = mask(&self.text, &run, &scene.path(""), scene.simulator.port);
        compare(name, &masked);
    }
}

/// Compares a text with `tests/transcripts/NAME`.
#[track_caller]
pub fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(name);
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    let (is, should): (Vec<&str>, Vec<&str>) = (text.lines().collect(), wanted.lines().collect());
    let same = is.iter().zip(&should).take_while(|(a, b)| a == b).count();
    if is != should {
        let from = same.saturating_sub(3);
        let part = |lines: &[&str]| lines.iter().skip(from).take(12).copied().collect::<Vec<_>>().join("\n");
        panic!(
            "tests/transcripts/{name} differs from line {} on; COUNTERSIGN_BLESS=1 writes it anew\n--- is\n{}\n--- should be\n{}",
            same + 1,
            part(&is),
            part(&should)
        );
    }
}
