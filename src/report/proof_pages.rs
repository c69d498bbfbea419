//! A proof as Markdown, and as one HTML page that needs nothing else. Pure; everything foreign is escaped.

use super::proof::{Came, Proof};
use super::proof_text::{anchors, command, letters, place, reasons, rows, summary};
use crate::base::escape;

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

/// As one page.
pub fn html(proof: &Proof) -> String {
    let title = format!("Proof of {}", text(&proof.title));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p><strong>{}</strong></p>\n<p>Runbook <code>{}</code>, version {}.</p>\n",
        text(&summary(proof)),
        text(&proof.runbook),
        text(&proof.version)
    );
    list(&mut out, &proof.plays);
    if !proof.stuck.is_empty() {
        out.push_str(&format!("<p><strong>FAILED</strong> without any fault: {}</p>\n", text(&proof.stuck)));
        out.push_str("</body>\n</html>\n");
        return out;
    }
    out.push_str("<h2>Faults</h2>\n<table>\n<tr><th scope=\"col\">step</th>");
    for column in &proof.columns {
        out.push_str(&format!("<th scope=\"col\"><abbr title=\"{}\">{}</abbr></th>", text(column.words), column.head));
    }
    out.push_str("</tr>\n");
    for (row, items) in rows(proof) {
        out.push_str(&format!("<tr><th scope=\"row\">{}</th>", text(&row)));
        for column in &proof.columns {
            let letters = letters(proof, &row, column.name, &items);
            let class = if letters.contains('F') { " class=\"F\"" } else { "" };
            out.push_str(&format!("<td{class}>{letters}</td>"));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n<h2>Rollbacks</h2>\n<table>\n");
    out.push_str(
        "<tr><th scope=\"col\">anchor</th><th scope=\"col\">from behind</th><th scope=\"col\">came</th></tr>\n",
    );
    for (to, cells) in anchors(proof) {
        for one in cells {
            let class = if one.came == Came::Failed { " class=\"F\"" } else { "" };
            let (to, place, word) = (text(&to), text(&place(one)), word(one.came));
            out.push_str(&format!("<tr><th scope=\"row\">{to}</th><td>{place}</td><td{class}>{word}</td></tr>\n"));
        }
    }
    out.push_str("</table>\n<h2>Legend</h2>\n");
    let mut legend: Vec<String> =
        proof.columns.iter().map(|column| format!("{}: {} ({})", column.head, column.words, column.name)).collect();
    legend.push("d done, b rolled back, s stopped with a clear word, F FAILED, - does not apply".to_owned());
    for (why, heads) in reasons(proof) {
        legend.push(format!("- at {}: {why}", heads.into_iter().collect::<Vec<_>>().join(" ")));
    }
    list(&mut out, &legend);
    for (title, came) in [("Failed", Came::Failed), ("Stopped, with no way on", Came::Stopped)] {
        let found: Vec<String> = proof
            .cells
            .iter()
            .filter(|one| one.came == came)
            .map(|one| format!("{} at {}: {} ({})", one.fault, place(one), one.detail, command(proof, one)))
            .collect();
        if !found.is_empty() {
            out.push_str(&format!("<h2>{title}</h2>\n"));
            list(&mut out, &found);
        }
    }
    out.push_str("<h2>Not proved</h2>\n");
    list(&mut out, &proof.unproved);
    let seeds: Vec<String> = proof.seeds.iter().map(|(name, value)| format!("{name} {value}")).collect();
    out.push_str(&format!("<p>Seeds: {}</p>\n</body>\n</html>\n", text(&seeds.join(", "))));
    out
}

fn list(out: &mut String, items: &[String]) {
    out.push_str("<ul>\n");
    items.iter().for_each(|item| out.push_str(&format!("<li>{}</li>\n", text(item))));
    out.push_str("</ul>\n");
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

/// Text that can't become HTML.
fn text(value: &str) -> String {
    let mut out = String::new();
    for c in escape::line(value).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
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
        assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("<td class=\"F\">F</td>") && page.contains("&lt;script&gt;"), "{page}");
        assert!(!text.contains(" <script") && text.contains("\\<script\\>alert(1)\\</script\\> \\| \\`x\\`"), "{text}");
        assert!(
            text.contains("| move/move | F |") && text.contains("| move:a | move:a/move | rolled back |"),
            "{text}"
        );
    }
}
