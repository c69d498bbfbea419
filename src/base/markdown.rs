//! Text from outside in Markdown, made inert (P12).

use super::escape;

/// Text that can't end a table cell, a line or become markup, an address or an entity.
pub fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in escape::line(text).chars() {
        // ASCII punctuation means itself behind a backslash; what means nothing in the middle of a line stays plain.
        if c.is_ascii_punctuation() && !matches!(c, ',' | ';' | '/' | '\'' | '"' | '%' | '?' | '=') {
            out.push('\\');
        }
        out.push(c);
    }
    // `https://` and `www.` would become links in some renderers.
    out.replace("\\://", "\\:&#47;/").replace("www\\.", "www&#46;")
}
