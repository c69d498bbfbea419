//! A proof as Markdown, and as one HTML page that needs nothing else. Pure; everything foreign is escaped.

use super::proof::{Came, Proof};
use super::proof_text::{anchors, command, letters, place, reasons, rows, summary};
use crate::base::escape;
use crate::base::html::{Attributes, Html};

/// As Markdown.
pub fn markdown(proof: &Proof) -> String {
    let mut out = format!("# Proof of {}\n\n**{}**\n\n", cell(&proof.title), summary(proof));
    out.push_str(&format!("Runbook `{}`, version {}.\n\n", cell(&proof.runbook), cell(&proof.version)));
    proof.plays.iter().for_each(|play| out.push_str(&format!("- {}\n", cell(play))));
    if !proof.stuck.is_empty() {
        out.push_str(&format!("\n**FAILED** without any fault: {}\n", cell(&proof.stuck)));
        return out;
    }
    let heads: Vec<&str> = proof.columns.iter().map(|column| column.head).collect();
    out.push_str(&format!("\n## Faults\n\n| step | {} |\n|{}\n", heads.join(" | "), " --- |".repeat(heads.len() + 1)));
    for (row, items) in rows(proof) {
        let cells: Vec<String> = proof.columns.iter().map(|column| letters(proof, &row, column.name, &items)).collect();
        out.push_str(&format!("| {} | {} |\n", cell(&row), cells.join(" | ")));
    }
    out.push_str("\n## Rollbacks\n\n| anchor | from behind | came |\n| --- | --- | --- |\n");
    for (to, cells) in anchors(proof) {
        for one in cells {
            out.push_str(&format!("| {} | {} | {} |\n", cell(&to), cell(&place(one)), word(one.came)));
        }
    }
    out.push_str("\n## Legend\n\n");
    for column in &proof.columns {
        out.push_str(&format!("- **{}** {} (`{}`)\n", column.head, column.words, column.name));
    }
    out.push_str("- d done, b rolled back, s stopped with a clear word, F FAILED, - does not apply\n");
    for (why, heads) in reasons(proof) {
        let heads: Vec<&str> = heads.into_iter().collect();
        out.push_str(&format!("- `-` at {}: {}\n", heads.join(" "), cell(why)));
    }
    for (title, came) in [("Failed", Came::Failed), ("Stopped, with no way on", Came::Stopped)] {
        let found: Vec<_> = proof.cells.iter().filter(|one| one.came == came).collect();
        if !found.is_empty() {
            out.push_str(&format!("\n## {title}\n\n"));
        }
        for one in found {
            let (at, why) = (cell(&place(one)), cell(&one.detail));
            out.push_str(&format!("- {} at {at}: {why} ({})\n", cell(&one.fault), cell(&command(proof, one))));
        }
    }
    out.push_str("\n## Not proved\n\n");
    proof.unproved.iter().for_each(|sentence| out.push_str(&format!("- {}\n", cell(sentence))));
    let seeds: Vec<String> = proof.seeds.iter().map(|(name, value)| format!("{name} {value}")).collect();
    out.push_str(&format!("\nSeeds: {}\n", cell(&seeds.join(", "))));
    out
}

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse}td,th{border:1px solid #888;padding:.2rem .5rem;text-align:left}\
td.F{font-weight:bold;background:#fdd;color:#000}code{font-size:90%}";

const COLUMN: Attributes<'static> = &[("scope", "col")];
const ROW: Attributes<'static> = &[("scope", "row")];

/// As one page.
pub fn html(proof: &Proof) -> String {
    let title = format!("Proof of {}", proof.title);
    Html::document(&title, STYLE, |body| {
        body.leaf("h1", &[], &title).el("p", &[], |p| {
            p.leaf("strong", &[], &summary(proof));
        });
        body.el("p", &[], |p| {
            p.text("Runbook ").leaf("code", &[], &proof.runbook).text(&format!(", version {}.", proof.version));
        });
        list(body, &proof.plays);
        if !proof.stuck.is_empty() {
            body.el("p", &[], |p| {
                p.leaf("strong", &[], "FAILED").text(&format!(" without any fault: {}", proof.stuck));
            });
            return;
        }
        faults(body, proof);
        rollbacks(body, proof);
        below(body, proof);
    })
}

fn faults(body: &mut Html, proof: &Proof) {
    body.leaf("h2", &[], "Faults").el("table", &[], |table| {
        table.el("tr", &[], |tr| {
            tr.leaf("th", COLUMN, "step");
            for column in &proof.columns {
                tr.el("th", COLUMN, |th| {
                    th.leaf("abbr", &[("title", column.words)], column.head);
                });
            }
        });
        for (row, items) in rows(proof) {
            table.el("tr", &[], |tr| {
                tr.leaf("th", ROW, &row);
                for column in &proof.columns {
                    let letters = letters(proof, &row, column.name, &items);
                    tr.leaf("td", class(letters.contains('F')), &letters);
                }
            });
        }
    });
}

fn rollbacks(body: &mut Html, proof: &Proof) {
    body.leaf("h2", &[], "Rollbacks").el("table", &[], |table| {
        table.el("tr", &[], |tr| {
            tr.leaf("th", COLUMN, "anchor").leaf("th", COLUMN, "from behind").leaf("th", COLUMN, "came");
        });
        for (to, cells) in anchors(proof) {
            for one in cells {
                table.el("tr", &[], |tr| {
                    tr.leaf("th", ROW, &to).leaf("td", &[], &place(one));
                    tr.leaf("td", class(one.came == Came::Failed), word(one.came));
                });
            }
        }
    });
}

/// The legend, what went wrong in words, and what the tables do not show.
fn below(body: &mut Html, proof: &Proof) {
    body.leaf("h2", &[], "Legend");
    let mut legend: Vec<String> =
        proof.columns.iter().map(|column| format!("{}: {} ({})", column.head, column.words, column.name)).collect();
    legend.push("d done, b rolled back, s stopped with a clear word, F FAILED, - does not apply".to_owned());
    for (why, heads) in reasons(proof) {
        legend.push(format!("- at {}: {why}", heads.into_iter().collect::<Vec<_>>().join(" ")));
    }
    list(body, &legend);
    for (title, came) in [("Failed", Came::Failed), ("Stopped, with no way on", Came::Stopped)] {
        let found: Vec<String> = proof
            .cells
            .iter()
            .filter(|one| one.came == came)
            .map(|one| format!("{} at {}: {} ({})", one.fault, place(one), one.detail, command(proof, one)))
            .collect();
        if !found.is_empty() {
            body.leaf("h2", &[], title);
            list(body, &found);
        }
    }
    body.leaf("h2", &[], "Not proved");
    list(body, &proof.unproved);
    let seeds: Vec<String> = proof.seeds.iter().map(|(name, value)| format!("{name} {value}")).collect();
    body.leaf("p", &[], &format!("Seeds: {}", seeds.join(", ")));
}

fn list(body: &mut Html, items: &[String]) {
    body.el("ul", &[], |ul| {
        items.iter().for_each(|item| {
            ul.leaf("li", &[], item);
        });
    });
}

/// A cell that failed stands out.
fn class(failed: bool) -> Attributes<'static> {
    if failed { &[("class", "F")] } else { &[] }
}

fn word(came: Came) -> &'static str {
    match came {
        Came::Done => "done",
        Came::RolledBack => "rolled back",
        Came::Repaired => "repaired",
        Came::Stopped => "stopped",
        Came::DoesNotApply => "does not apply",
        Came::Failed => "FAILED",
    }
}

/// Text that can't end a Markdown cell or become markup.
fn cell(value: &str) -> String {
    let mut out = String::new();
    for c in escape::line(value).chars() {
        if matches!(c, '|' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::proof_text::tests::{cell as one, proof};
    use super::*;

    #[test]
    fn nothing_foreign_becomes_markup() {
        let cells = vec![
            one(Some("a"), "killed", None, Came::Failed, "<script>alert(1)</script> | `x`"),
            one(Some("a"), "rollback", Some("move:a"), Came::RolledBack, ""),
        ];
        let proof = proof(cells);
        let (page, text) = (html(&proof), markdown(&proof));
        assert!(
            !page.contains("<script")
                && !page.contains("<b>")
                && !page.contains("unsafe")
                && !page.contains('\u{202e}'),
            "{page}"
        );
        assert!(page.contains("<td class=\"F\">F</td>") && page.contains("&lt;script&gt;"), "{page}");
        assert!(!text.contains(" <script") && text.contains("\\<script\\>alert(1)\\</script\\> \\| \\`x\\`"), "{text}");
        assert!(
            text.contains("| move/move | F |") && text.contains("| move:a | move:a/move | rolled back |"),
            "{text}"
        );
    }
}
