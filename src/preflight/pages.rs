//! A preflight for the screen, as Markdown, and as one HTML page that needs nothing else. All say the same; every text
//! from outside is escaped for where it stands (P12).

use super::outcome::Preflight;
use super::words::{Entry, Part, Words, words};
use crate::base::html::Html;
use crate::base::{escape, markdown::cell};
use crate::plan::lanes;

/// Columns of a terminal.
const WIDTH: usize = 80;
/// Places of one entry, and entries of one part, that are named on the screen.
const SHOWN: usize = 12;
const ENTRIES: usize = 30;

/// For the screen; `whole`: every place, however many.
pub fn text(of: &Preflight, whole: bool) -> String {
    let words = words(of);
    let mut out = format!("{}\n", escape::line(&words.title));
    fold(&mut out, "", 0, &words.verdict);
    for (name, value) in &words.facts {
        fold(&mut out, &format!("{:11}", format!("{name}:")), 11, value);
    }
    for part in words.parts.iter().filter(|part| !part.entries.is_empty()) {
        out.push_str(&format!("\n{}\n", part.title.to_uppercase()));
        let listed = if whole { part.entries.len() } else { ENTRIES };
        for entry in part.entries.iter().take(listed) {
            fold(&mut out, "- ", 2, &entry.head);
            for (name, value) in &entry.facts {
                fold(&mut out, &format!("  {name}: "), 4, value);
            }
            let shown = if whole { entry.places.len() } else { SHOWN };
            entry.places.iter().take(shown).for_each(|place| fold(&mut out, "  * ", 4, place));
            left_out(&mut out, "  ", entry.places.len().saturating_sub(shown));
        }
        left_out(&mut out, "", part.entries.len().saturating_sub(listed));
    }
    out
}

fn left_out(out: &mut String, indent: &str, more: usize) {
    if more > 0 {
        out.push_str(&format!("{indent}and {more} more (--verbose, or --format json, shows all)\n"));
    }
}

/// One paragraph behind a head, its further lines indented; every character of `value` escaped.
fn fold(out: &mut String, head: &str, indent: usize, value: &str) {
    let mut line = head.to_owned();
    let mut empty = true;
    for word in escape::line(value).split(' ').filter(|word| !word.is_empty()) {
        let mut rest = word;
        if !empty && line.chars().count() + 1 + rest.chars().count() > WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        // A word longer than a line is cut where the line ends.
        while line.chars().count() + rest.chars().count() > WIDTH {
            let room = WIDTH.saturating_sub(line.chars().count()).max(1);
            let at = rest.char_indices().nth(room).map_or(rest.len(), |(at, _)| at);
            line.push_str(&rest[..at]);
            out.push_str(&line);
            out.push('\n');
            line = " ".repeat(indent);
            rest = &rest[at..];
        }
        line.push_str(rest);
        empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

/// As Markdown.
pub fn markdown(of: &Preflight) -> String {
    let words = words(of);
    let mut out = format!("# {}\n\n**{}**\n\n", cell(&words.title), cell(&words.verdict));
    words.facts.iter().for_each(|(name, value)| out.push_str(&format!("- {name}: {}\n", cell(value))));
    for part in &words.parts {
        out.push_str(&format!("\n## {}\n\n{}\n", part.title, part.lead));
        if part.entries.is_empty() {
            out.push_str("\nNothing.\n");
        }
        for entry in &part.entries {
            markdown_entry(&mut out, entry);
        }
    }
    out
}

fn markdown_entry(out: &mut String, entry: &Entry) {
    out.push_str(&format!("\n- **{}**\n", cell(&entry.head)));
    entry.facts.iter().for_each(|(name, value)| out.push_str(&format!("  - {name}: {}\n", cell(value))));
    entry.places.iter().for_each(|place| out.push_str(&format!("  - {}\n", cell(place))));
}

/// As one page.
pub fn html(of: &Preflight) -> String {
    let words = words(of);
    Html::document(&words.title, lanes::STYLE, |body| {
        body.el("main", &[], |main| {
            head(main, &words);
            words.parts.iter().for_each(|part| section(main, part));
            let said = format!("Written by countersign {}. All times are UTC.", env!("CARGO_PKG_VERSION"));
            main.leaf("footer", &[], &said);
        });
    })
}

fn head(main: &mut Html, words: &Words) {
    main.leaf("p", &[("class", "kind")], "Countersign preflight: what stands in the way");
    main.leaf("h1", &[], &words.title);
    let class = format!("verdict {}", words.mood);
    main.el("section", &[("class", &class), ("aria-label", "Verdict")], |section| {
        section.leaf("p", &[], &words.verdict);
    });
    main.el("dl", &[], |dl| {
        for (name, value) in &words.facts {
            dl.leaf("dt", &[], name).leaf("dd", &[], value);
        }
    });
}

fn section(main: &mut Html, part: &Part) {
    main.leaf("h2", &[], part.title);
    main.leaf("p", &[], part.lead);
    if part.entries.is_empty() {
        main.leaf("p", &[], "Nothing.");
    }
    for entry in &part.entries {
        main.el("section", &[], |section| {
            section.leaf("h3", &[], &entry.head);
            for (name, value) in &entry.facts {
                section.el("p", &[], |p| {
                    p.leaf("b", &[], &format!("{name}: ")).text(value);
                });
            }
            if !entry.places.is_empty() {
                section.el("ul", &[], |ul| {
                    entry.places.iter().for_each(|place| {
                        ul.leaf("li", &[], place);
                    });
                });
            }
        });
    }
}
