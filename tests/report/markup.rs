//! Strict readers of what reports and plans write: narrower than a browser or a Mermaid parser, so that what they
//! accept means the same to every reader. Anything that is not on a list is a fault.

/// Elements and their attributes.
const ELEMENTS: &[&str] = &[
    "html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "h3", "p", "ul", "li", "dl", "dt",
    "dd", "div", "table", "thead", "tbody", "tr", "th", "td", "wbr", "br", "code", "pre", "span", "details", "summary",
    "footer", "svg", "desc", "g", "path", "line", "rect", "text",
];
const ATTRIBUTES: &[&str] = &[
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "id",
    "scope",
    "role",
    "aria-label",
    "aria-labelledby",
    "aria-hidden",
    "viewBox",
    "transform",
    "d",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "width",
    "height",
    "rx",
];
const EMPTY: &[&str] = &["meta", "br", "wbr"];

/// A page that was read.
pub struct Page {
    /// All text outside of the style, entities read.
    pub text: String,
    pub headings: Vec<u8>,
    pub drawings: usize,
}

/// Reads a whole page; the first fault in words.
pub fn read(html: &str) -> Result<Page, String> {
    let mut rest = html.strip_prefix("<!doctype html>\n").ok_or("no doctype")?;
    let mut page = Page { text: String::new(), headings: Vec::new(), drawings: 0 };
    let mut open: Vec<String> = Vec::new();
    let mut policies = 0;
    while !rest.is_empty() {
        let Some(tag) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            page.text.push_str(&decoded(&rest[..end])?);
            rest = &rest[end..];
            continue;
        };
        let end = tag.find('>').ok_or("a tag without an end")?;
        let (inside, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = inside.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("</{name}> closes another element"));
            }
            continue;
        }
        let closed = inside.ends_with('/');
        let (name, attributes) = attributes(inside.trim_end_matches('/'))?;
        policies += usize::from(attributes.iter().any(|(_, value)| value == "Content-Security-Policy"));
        match name.as_str() {
            "svg" => page.drawings += usize::from(attributes.iter().any(|(_, value)| value == "lanes")),
            "h1" | "h2" | "h3" => page.headings.push(name.as_bytes()[1] - b'0'),
            "style" => {
                let end = rest.find("</style>").ok_or("a style without an end")?;
                if rest[..end].contains("url(") || rest[..end].contains('<') {
                    return Err("the style names an address".to_owned());
                }
                rest = &rest[end..];
            }
            _ => {}
        }
        if !closed && !EMPTY.contains(&name.as_str()) {
            open.push(name);
        }
    }
    if !open.is_empty() || policies != 1 {
        return Err(format!("open at the end: {open:?}; {policies} policies"));
    }
    Ok(page)
}

fn attributes(tag: &str) -> Result<(String, Vec<(String, String)>), String> {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    if !ELEMENTS.contains(&name) {
        return Err(format!("<{name}> is not on the list"));
    }
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (key, more) = rest.split_once("=\"").ok_or_else(|| format!("no value: {rest}"))?;
        let (value, more) = more.split_once('"').ok_or_else(|| format!("no end: {rest}"))?;
        if !ATTRIBUTES.contains(&key) {
            return Err(format!("{key} is not on the list"));
        }
        let value = decoded(value)?;
        // No text from outside stands in an attribute: all of them have these few characters.
        let plain = |c: char| c.is_ascii_alphanumeric() || " -_.;:'/+=,()".contains(c);
        if !value.chars().all(plain) || value.starts_with("javascript") {
            return Err(format!("{key}=\"{value}\""));
        }
        found.push((key.to_owned(), value));
        rest = more.strip_prefix(' ').unwrap_or(more);
    }
    Ok((name.to_owned(), found))
}

fn decoded(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or_else(|| format!("a bare & before {part}"))?;
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            other => return Err(format!("&{other}; is not on the list")),
        });
        out.push_str(rest);
    }
    if text.contains(['"', '>']) { Err(format!("unescaped: {text}")) } else { Ok(out) }
}

/// Lines that a Markdown reader could take for other markup than the report's own.
pub fn markdown_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for line in text.lines() {
        let harmless = line.chars().all(countersign::base::escape::is_harmless);
        // Literal blocks hold anything.
        if line.starts_with("    ") && harmless {
            continue;
        }
        let mut bare = String::new();
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            if letter == '\\' {
                letters.next();
            } else {
                bare.push(letter);
            }
        }
        if bare.contains(['<', '>', '[', ']', '!', '~']) || bare.contains("://") || !harmless {
            faults.push(line.to_owned());
        }
    }
    faults
}

/// Lines that are none of those which a plan's diagram has.
pub fn mermaid_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut depth = 0i32;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let good = match line.split_once(' ') {
            _ if at == 0 => line == "sequenceDiagram",
            _ if line == "end" => {
                depth -= 1;
                depth >= 0
            }
            Some(("accTitle:", words)) => is_safe(words),
            Some(("box", words)) => {
                depth += 1;
                words.strip_prefix("transparent ").is_some_and(is_safe)
            }
            Some(("loop", words)) => {
                depth += 1;
                is_safe(words)
            }
            Some(("participant", words)) => {
                words.split_once(" as ").is_some_and(|(id, name)| is_id(id) && is_safe(name))
            }
            Some(("Note", words)) => words
                .strip_prefix("over ")
                .and_then(|rest| rest.split_once(": "))
                .is_some_and(|(over, text)| over.split(',').all(is_id) && is_safe(text)),
            _ => message(line),
        };
        if !good {
            faults.push(line.to_owned());
        }
    }
    if depth != 0 {
        faults.push(format!("{depth} blocks are open"));
    }
    faults
}

fn message(line: &str) -> bool {
    let Some((ends, text)) = line.split_once(": ") else { return false };
    let parts = ends.split_once("-->>").or_else(|| ends.split_once("->>"));
    parts.is_some_and(|(from, to)| is_id(from) && is_id(to)) && is_safe(text)
}

fn is_id(text: &str) -> bool {
    text == "aws"
        || text.strip_prefix('p').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Letters, digits and a few signs; all else as `#code;`; never the word `end`.
fn is_safe(text: &str) -> bool {
    let mut rest = text;
    let mut shown = String::new();
    while let Some(letter) = rest.chars().next() {
        if let Some(code) = rest.strip_prefix('#') {
            let Some((digits, after)) = code.split_once(';') else { return false };
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return false;
            }
            shown.push('?');
            rest = after;
            continue;
        }
        if !(letter.is_alphanumeric() || " .,()/_-".contains(letter)) {
            return false;
        }
        shown.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    !text.is_empty() && !shown.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| word == "end")
}
