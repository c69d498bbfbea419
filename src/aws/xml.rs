//! XML of AWS's query protocol as a tree of names, texts and lists. Only what such answers have: elements, text and
//! entities; attributes, comments and declarations are passed over. Never trusts the text: what is broken is nothing.

use serde_json::{Map, Value};

/// Deeper is no answer of AWS.
const DEEPEST: usize = 40;

/// The members of the outermost element; none where the text is no XML.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text };
    let (name, closed) = reader.open()?;
    let value = if closed { Value::String(String::new()) } else { reader.inside(name, 0)? };
    Some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// The next start tag: its name, and whether it is closed already. Text before it is passed over.
    fn open(&mut self) -> Option<(&'a str, bool)> {
        loop {
            let tag = self.tag()?;
            match tag.as_bytes().first()? {
                b'?' | b'!' => {}
                b'/' => return None,
                _ => return Some(named(tag)),
            }
        }
    }

    /// What stands between the next `<` and its `>`.
    fn tag(&mut self) -> Option<&'a str> {
        let (_, rest) = self.rest.split_once('<')?;
        let (end, skip) = match rest.strip_prefix("!--") {
            Some(comment) => (comment.find("-->")? + 3, 3),
            None => (rest.find('>')?, 1),
        };
        let tag = rest.get(..end)?;
        self.rest = rest.get(end + skip..)?;
        Some(tag)
    }

    /// Up to the end tag of `name`: members by name, or text. Elements of one name become a list.
    fn inside(&mut self, name: &str, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        let (mut members, mut text): (Map<String, Value>, String) = (Map::new(), String::new());
        loop {
            text.push_str(&plain(self.rest.split('<').next().unwrap_or_default()));
            let tag = self.tag()?;
            match tag.as_bytes().first()? {
                b'?' | b'!' => continue,
                b'/' if tag[1..].trim() == name => break,
                b'/' => return None,
                _ => {}
            }
            let (inner, closed) = named(tag);
            let value = if closed { Value::String(String::new()) } else { self.inside(inner, depth + 1)? };
            match members.get_mut(inner) {
                Some(Value::Array(all)) if inner == "member" => all.push(value),
                Some(_) => {}
                None if inner == "member" => drop(members.insert(inner.to_owned(), Value::Array(vec![value]))),
                None => drop(members.insert(inner.to_owned(), value)),
            }
        }
        Some(match members.remove("member") {
            Some(all) => all,
            None if members.is_empty() => Value::String(text),
            None => Value::Object(members),
        })
    }
}

/// The name of a start tag, and whether it closes itself.
fn named(tag: &str) -> (&str, bool) {
    let closed = tag.ends_with('/');
    let name = tag.split(|c: char| c.is_ascii_whitespace() || c == '/').next().unwrap_or_default();
    (name, closed)
}

/// Text with its entities as characters; what is no entity stays.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        match entity {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    let number = |text: &str, radix| u32::from_str_radix(text, radix).ok().and_then(char::from_u32);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        other => match other.strip_prefix("#x") {
            Some(hex) => number(hex, 16),
            None => number(other.strip_prefix('#')?, 10),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn members_lists_and_texts_are_told_apart() {
        let text = "<?xml version=\"1.0\"?>\n<A xmlns=\"x\"><!-- > --><R><S><member><N>a &amp; &#x62;</N><E/></member>\
                    <member><N>c</N></member></S><T>true</T></R></A>";
        let value = read(text).unwrap();
        assert_eq!(value, json!({"R": {"S": [{"N": "a & b", "E": ""}, {"N": "c"}], "T": "true"}}));
        assert_eq!(read("<A><S/></A>"), Some(json!({"S": ""})));
    }

    #[test]
    fn what_is_broken_is_nothing() {
        for text in ["", "a", "<", "<A>", "<A></B>", "<A><B></A>", "</A>", "<A", "<!-- <A></A>"] {
            assert_eq!(read(text), None, "{text}");
        }
        let deep = format!("{}{}", "<a>".repeat(1000), "</a>".repeat(1000));
        assert_eq!(read(&deep), None);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "[<>/!?&;#xa-c \\-]{0,60}") {
            let _ = read(&text);
            let _ = read(&format!("<A>{text}</A>"));
        }
    }
}
