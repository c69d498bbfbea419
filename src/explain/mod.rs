//! The page of every code: what it means, an example, why it is refused, what to do. The pages are
//! `docs/errors/*.md`, compiled in: `## CODE Title`, then the text. Pure; knows no error itself.

/// Families of pages, in order: what they begin with, and their file.
const FILES: &[(&str, &str)] = &[
    ("CS01", include_str!("../../docs/errors/CS01.md")),
    ("CS02", include_str!("../../docs/errors/CS02.md")),
    ("CS03", include_str!("../../docs/errors/CS03.md")),
    ("CS04", include_str!("../../docs/errors/CS04.md")),
    ("CS05", include_str!("../../docs/errors/CS05.md")),
    ("CS06", include_str!("../../docs/errors/CS06.md")),
    ("CS08", include_str!("../../docs/errors/CS08.md")),
    ("CS10", include_str!("../../docs/errors/CS10.md")),
    ("CS15", include_str!("../../docs/errors/CS15.md")),
    ("CS20", include_str!("../../docs/errors/CS20.md")),
    ("CS40", include_str!("../../docs/errors/CS40.md")),
    ("CS50", include_str!("../../docs/errors/CS50.md")),
    ("CS60", include_str!("../../docs/errors/CS60.md")),
    ("CS70", include_str!("../../docs/errors/CS70.md")),
    ("CS80", include_str!("../../docs/errors/CS80.md")),
    ("exit", include_str!("../../docs/errors/exit-codes.md")),
    ("verdict", include_str!("../../docs/errors/verdicts.md")),
];

/// One page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// `CS0101`, `7`, `WITNESSED`.
    pub code: &'static str,
    pub title: &'static str,
    /// Markdown.
    pub text: &'static str,
    /// The heading of its file.
    pub family: &'static str,
}

/// Every page, in order.
pub fn all() -> impl Iterator<Item = Page> {
    FILES.iter().flat_map(|(_, file)| pages(file))
}

/// The page of `code`, however its letters are written; of `CS`, only the digits are enough.
pub fn find(code: &str) -> Option<Page> {
    let code = code.trim();
    let is = |page: &Page| {
        page.code.eq_ignore_ascii_case(code) || page.code.strip_prefix("CS").is_some_and(|digits| digits == code)
    };
    all().find(is)
}

fn pages(file: &'static str) -> impl Iterator<Item = Page> {
    let family = file.lines().next().unwrap_or_default().trim_start_matches("# ");
    let sections = file.split("\n## ").skip(1);
    sections.map(move |section| {
        let (head, text) = section.split_once('\n').unwrap_or((section, ""));
        let (code, title) = head.split_once(' ').unwrap_or((head, ""));
        Page { code, title, text: text.trim(), family }
    })
}

#[cfg(test)]
mod tests {
    use super::{FILES, all, find};
    use std::collections::BTreeSet;

    #[test]
    fn pages_have_content_and_no_code_stands_twice() {
        let mut seen = BTreeSet::new();
        for page in all() {
            assert!(seen.insert(page.code), "{} stands twice", page.code);
            assert!(!page.title.is_empty() && !page.title.ends_with('.'), "{}", page.code);
            let words = page.text.split_whitespace().count();
            assert!(words >= 20, "{} says too little: {words} words", page.code);
        }
        assert!(seen.len() > 150, "only {} pages", seen.len());
    }

    #[test]
    fn each_page_stands_in_the_file_of_its_family() {
        for (family, file) in FILES {
            assert!(file.starts_with("# "), "{family}");
            let codes: Vec<&str> = super::pages(file).map(|page| page.code).collect();
            assert!(!codes.is_empty(), "{family}");
            if family.starts_with("CS") {
                assert!(codes.iter().all(|code| code.starts_with(family) && code.len() == 6), "{codes:?}");
                assert!(codes.is_sorted(), "{codes:?}");
            }
        }
    }

    #[test]
    fn a_page_is_found_however_it_is_typed() {
        for text in ["CS0301", "cs0301", "0301", " CS0301 "] {
            assert_eq!(find(text).map(|page| page.code), Some("CS0301"), "{text}");
        }
        assert_eq!(find("witnessed").map(|page| page.code), Some("WITNESSED"));
        assert_eq!(find("7").map(|page| page.code), Some("7"));
        assert_eq!(find("no such code"), None);
    }
}
