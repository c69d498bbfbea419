//! A proof as text for a terminal of 80 columns: the fault table, the rollbacks, what failed and how to replay it,
//! the legend, and what is not proved. Pure; letters carry the meaning, never colour.

use super::proof::{Came, Cell, Proof};
use crate::base::escape;
use std::collections::{BTreeMap, BTreeSet};

const WIDTH: usize = 80;
/// The longest name of a row that leaves room for the cells beside it.
const NAME: usize = 30;

/// The whole.
pub fn text(proof: &Proof) -> String {
    let mut out = String::new();
    out.push_str(&wrap("", &format!("{} ({})", proof.title, proof.runbook)));
    for play in &proof.plays {
        out.push_str(&wrap("  ", play));
    }
    if !proof.stuck.is_empty() {
        out.push_str(&wrap("", &format!("FAILED without any fault: {}", proof.stuck)));
        out.push_str("NOT PROVED: no cell was played\n");
        return out;
    }
    out.push('\n');
    out.push_str(&fault_table(proof));
    out.push_str(&rollback_table(proof));
    out.push_str(&legend(proof));
    out.push_str(&failures(proof));
    out.push_str("\nnot proved:\n");
    for sentence in &proof.unproved {
        out.push_str(&wrap("  - ", sentence));
    }
    let seeds: Vec<String> = proof.seeds.iter().map(|(name, value)| format!("{name} {value}")).collect();
    out.push_str(&wrap("\nseeds: ", &seeds.join(", ")));
    out.push_str(&summary(proof));
    out.push('\n');
    out
}

/// One line: proved or not, and the counts.
pub fn summary(proof: &Proof) -> String {
    let count = |came: Came| proof.count_of(came);
    let word = if proof.proved() { "PROVED" } else { "NOT PROVED" };
    let repaired = match count(Came::Repaired) {
        0 => String::new(),
        some => format!(", {some} repaired"),
    };
    format!(
        "{word}: {} cells: {} done, {} rolled back{repaired}, {} stopped, {} failed",
        proof.count(),
        count(Came::Done),
        count(Came::RolledBack),
        count(Came::Stopped),
        count(Came::Failed)
    )
}

/// Rows in order of appearance, with the items that stand in each.
pub fn rows(proof: &Proof) -> Vec<(String, Vec<Option<String>>)> {
    let mut rows: Vec<(String, Vec<Option<String>>)> = Vec::new();
    for cell in proof.cells.iter().filter(|cell| !cell.is_rollback()) {
        let row = cell.row();
        let at = rows.iter().position(|(name, _)| *name == row).unwrap_or_else(|| {
            rows.push((row, Vec::new()));
            rows.len() - 1
        });
        if !rows[at].1.contains(&cell.item) {
            rows[at].1.push(cell.item.clone());
        }
    }
    rows
}

/// The letters of one place of the table: one per item.
pub fn letters(proof: &Proof, row: &str, fault: &str, items: &[Option<String>]) -> String {
    let of = |item: &Option<String>| {
        let mut cells = proof.cells.iter().filter(|cell| !cell.is_rollback());
        cells
            .find(|cell| cell.fault == fault && cell.item == *item && cell.row() == row)
            .map_or(' ', |cell| cell.came.letter())
    };
    let all: String = items.iter().map(of).collect();
    if all.chars().all(|letter| letter == '-') { "-".to_owned() } else { all }
}

fn fault_table(proof: &Proof) -> String {
    let rows = rows(proof);
    let name = rows.iter().map(|(row, _)| row.chars().count()).max().unwrap_or(4).clamp(4, NAME);
    let mut out = format!("{:name$}", "step");
    proof.columns.iter().for_each(|column| out.push_str(&format!(" {:<3}", column.head)));
    out = format!("{}\n", out.trim_end());
    for (row, items) in &rows {
        let mut shown = escape::line(row);
        if shown.chars().count() > name {
            out.push_str(&shown);
            out.push('\n');
            shown.clear();
        }
        let mut line = format!("{shown:name$}");
        for column in &proof.columns {
            line.push_str(&format!(" {:<3}", letters(proof, row, column.name, items)));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Per anchor: the cells of its rollbacks, in order.
pub fn anchors(proof: &Proof) -> Vec<(String, Vec<&Cell>)> {
    let mut rows: Vec<(String, Vec<&Cell>)> = Vec::new();
    for cell in &proof.cells {
        let Some(to) = &cell.to else { continue };
        match rows.iter_mut().find(|(name, _)| name == to) {
            Some((_, cells)) => cells.push(cell),
            None => rows.push((to.clone(), vec![cell])),
        }
    }
    rows
}

fn rollback_table(proof: &Proof) -> String {
    let anchors = anchors(proof);
    if anchors.is_empty() {
        return String::new();
    }
    let name = anchors.iter().map(|(to, _)| to.chars().count()).max().unwrap_or(8).clamp(8, NAME + 14);
    let mut out = format!("\n{:name$} from behind each later step, in the order of the run\n", "anchor");
    for (to, cells) in anchors {
        let shown = escape::line(&to);
        let letters: Vec<String> = grouped(&cells);
        let mut line = format!("{shown:name$}");
        for group in letters {
            if line.chars().count() + 1 + group.len() > WIDTH {
                out.push_str(line.trim_end());
                out.push('\n');
                line = " ".repeat(name);
            }
            line.push(' ');
            line.push_str(&group);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Letters of the steps of one stage stand together.
fn grouped(cells: &[&Cell]) -> Vec<String> {
    let mut groups: Vec<(&str, String)> = Vec::new();
    for cell in cells {
        match groups.last_mut() {
            Some((stage, letters)) if *stage == cell.stage && letters.len() < 24 => letters.push(cell.came.letter()),
            _ => groups.push((&cell.stage, cell.came.letter().to_string())),
        }
    }
    groups.into_iter().map(|(_, letters)| letters).collect()
}

fn legend(proof: &Proof) -> String {
    let mut out = "\n".to_owned();
    for column in &proof.columns {
        out.push_str(&wrap(&format!("  {}  ", column.head), &format!("{} ({})", column.words, column.name)));
    }
    out.push_str("  d done  b rolled back  r repaired  s stopped with a clear word\n  F FAILED  - does not apply\n");
    out.push_str("  several letters: the first, the second and the last item\n");
    for (why, heads) in reasons(proof) {
        let heads: Vec<&str> = heads.into_iter().collect();
        out.push_str(&wrap("  -   ", &format!("{}: {why}", heads.join(" "))));
    }
    out
}

/// Why a fault does not apply, and the faults of which that is so.
pub fn reasons(proof: &Proof) -> BTreeMap<&str, BTreeSet<&'static str>> {
    let mut reasons: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
    for cell in proof.cells.iter().filter(|cell| cell.came == Came::DoesNotApply) {
        let head = proof.columns.iter().find(|column| column.name == cell.fault).map_or("", |column| column.head);
        reasons.entry(&cell.detail).or_default().insert(head);
    }
    reasons
}

fn failures(proof: &Proof) -> String {
    let mut out = String::new();
    for cell in proof.failed() {
        let what = match &cell.to {
            Some(to) if cell.fault == "repair" => format!("repair of {to}, which AWS denied"),
            Some(to) => format!("rollback to {to} from behind {}", place(cell)),
            None => format!("{} at {}", cell.fault, place(cell)),
        };
        out.push_str(&wrap("\nFAILED: ", &what));
        out.push_str(&wrap("  ", &cell.detail));
        out.push_str(&format!("  {}\n", command(proof, cell)));
    }
    let stops: Vec<&Cell> = proof.cells.iter().filter(|cell| cell.came == Came::Stopped).collect();
    if !stops.is_empty() {
        out.push_str("\nstopped, with no way on:\n");
    }
    for cell in stops {
        out.push_str(&wrap("  ", &format!("{} at {}: {}", cell.fault, place(cell), cell.detail)));
    }
    out
}

/// What replays a cell.
pub fn command(proof: &Proof, cell: &Cell) -> String {
    format!("{} --cell {}", proof.command, cell.name)
}

/// The step that a cell is about.
pub fn place(cell: &Cell) -> String {
    let item = cell.item.as_ref().map(|item| format!(":{item}")).unwrap_or_default();
    format!("{}{item}/{}", cell.stage, cell.local())
}

/// Escaped and broken at spaces; what follows the first line is indented as wide as `head`.
fn wrap(head: &str, text: &str) -> String {
    let text = escape::line(&escape::cut(text, 1_200));
    let indent = " ".repeat(head.trim_start_matches('\n').chars().count());
    let mut out = head.to_owned();
    let mut column = indent.len();
    for word in text.split(' ') {
        let long = word.chars().count();
        if column > indent.len() && column + 1 + long > WIDTH {
            out.push('\n');
            out.push_str(&indent);
            column = indent.len();
        } else if column > indent.len() {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += long;
    }
    out.push('\n');
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::proof::Column;

    pub(in crate::report) fn cell(item: Option<&str>, fault: &str, to: Option<&str>, came: Came, detail: &str) -> Cell {
        let of = Cell {
            stage: "move".to_owned(),
            item: item.map(str::to_owned),
            step: "move".to_owned(),
            undo: None,
            repair: None,
            fault: fault.to_owned(),
            to: to.map(str::to_owned),
            came,
            detail: detail.to_owned(),
            name: String::new(),
        };
        Cell { name: format!("{}:{fault}", place(&of)), ..of }
    }

    pub(in crate::report) fn proof(cells: Vec<Cell>) -> Proof {
        Proof {
            runbook: "small".to_owned(),
            title: "A <b>small</b> one\u{202e}".to_owned(),
            version: "1".to_owned(),
            command: "countersign rehearse small.toml --prove".to_owned(),
            columns: vec![
                Column { head: "K1", name: "killed", words: "killed" },
                Column { head: "NO", name: "denied", words: "denied" },
            ],
            cells,
            plays: vec!["played".to_owned()],
            stuck: String::new(),
            unproved: vec!["that <AWS> does so".to_owned()],
            seeds: vec![("world".to_owned(), "0".to_owned())],
        }
    }

    #[test]
    fn every_cell_is_a_letter_and_what_failed_says_how_to_replay_it() {
        let cells = vec![
            cell(Some("a"), "killed", None, Came::Done, ""),
            cell(Some("b"), "killed", None, Came::Failed, "it happened twice"),
            cell(Some("a"), "denied", None, Came::DoesNotApply, "it needs no approval"),
            cell(Some("b"), "denied", None, Came::DoesNotApply, "it needs no approval"),
            cell(Some("b"), "rollback", Some("move:a"), Came::RolledBack, ""),
        ];
        let proof = proof(cells);
        let text = text(&proof);
        assert!(text.contains("\nstep      K1  NO\nmove/move dF  -\n"), "{text}");
        assert!(text.contains("\nmove:a   b\n"), "{text}");
        assert!(text.contains("NO: it needs no approval"), "{text}");
        assert!(
            text.contains("  it happened twice\n  countersign rehearse small.toml --prove --cell move:b/move:killed\n")
        );
        assert!(text.ends_with("NOT PROVED: 3 cells: 1 done, 1 rolled back, 0 stopped, 1 failed\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH) && !text.contains('\u{202e}'), "{text}");
    }

    #[test]
    fn proved_is_said_only_when_cells_were_played_and_none_failed() {
        assert!(!proof(vec![]).proved());
        assert!(!proof(vec![cell(None, "denied", None, Came::DoesNotApply, "why")]).proved());
        assert!(proof(vec![cell(None, "killed", None, Came::Stopped, "why")]).proved());
        let stuck = Proof { stuck: "it stops".to_owned(), ..proof(vec![cell(None, "killed", None, Came::Done, "")]) };
        assert!(!stuck.proved() && text(&stuck).contains("FAILED without any fault: it stops"));
    }
}
