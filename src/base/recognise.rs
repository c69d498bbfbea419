//! Tells in one pass, without building anything, that a text is canonical JSON. Never says so of another
//! text; of a few odd ones (escaped keys) it does not decide, and [`super::json`] takes the long way.

use super::json::{Form, MAX_LINE, MAX_LINE_DEPTH, MAX_OBJECT_DEPTH};

/// The text is surely canonical. No: it is not, or that was not decided.
pub(super) fn is_canonical(text: &str, form: Form) -> bool {
    if form == Form::Line && text.len() > MAX_LINE {
        return false;
    }
    let limit = if form == Form::Line { MAX_LINE_DEPTH } else { MAX_OBJECT_DEPTH };
    let mut walk = Walk { bytes: text.as_bytes(), at: 0, form };
    walk.value(limit).is_some() && walk.at == walk.bytes.len()
}

/// Bytes of a string that stand for themselves.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut at = 0;
    while at < 0x20 {
        plain[at] = false;
        at += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

/// Bytes of a line's keys.
const KEY: [bool; 256] = {
    let mut key = [false; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        key[at] = byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        at += 1;
    }
    key
};

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    form: Form,
}

impl<'a> Walk<'a> {
    /// One value, with at most `depth` containers around its innermost.
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.array(depth.checked_sub(1)?),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.integer(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            self.value(depth)?;
            if self.take(b']').is_some() {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if self.take(b'}').is_some() {
            return Some(());
        }
        let mut last: Option<&[u8]> = None;
        loop {
            let key = self.key()?;
            if last.is_some_and(|last| last >= key) {
                return None;
            }
            last = Some(key);
            self.take(b':')?;
            self.value(depth)?;
            if self.take(b'}').is_some() {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    /// A key without escapes: its bytes are its text, and sort as it does.
    fn key(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let allowed = if self.form == Form::Line { &KEY } else { &PLAIN };
        let bytes = self.bytes;
        let rest = bytes.get(self.at..)?;
        let length = rest.iter().position(|byte| !allowed[usize::from(*byte)])?;
        if self.form == Form::Line && !(1..=64).contains(&length) {
            return None;
        }
        self.at += length;
        self.take(b'"')?;
        rest.get(..length)
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += rest.iter().position(|byte| !PLAIN[usize::from(*byte)])?;
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    /// Only what must be escaped, and only in its one form.
    fn escape(&mut self) -> Option<()> {
        match self.bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let digits = self.bytes.get(self.at + 2..self.at + 6)?;
                let has_short_form = matches!(digits, b"0008" | b"0009" | b"000a" | b"000c" | b"000d");
                let control = digits.starts_with(b"00")
                    && matches!(digits[2], b'0' | b'1')
                    && matches!(digits[3], b'0'..=b'9' | b'a'..=b'f');
                if has_short_form || !control {
                    return None;
                }
                self.at += 6;
            }
            _ => return None,
        }
        Some(())
    }

    fn integer(&mut self) -> Option<()> {
        let start = self.at;
        let negative = self.take(b'-').is_some();
        let first = self.at;
        let digits = self.bytes.get(first..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        let zero = self.bytes.get(first) == Some(&b'0');
        // 2^53-1 has 16 digits.
        if digits == 0 || digits > 16 || (zero && (digits > 1 || negative)) {
            return None;
        }
        let text = std::str::from_utf8(self.bytes.get(start..self.at)?).ok()?;
        text.parse::<i64>().ok().filter(|number| super::json::is_safe(*number)).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::{self, JsonError};
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// The definition: the text of its own value.
    fn defined(text: &str, form: Form) -> bool {
        serde_json::from_str::<Value>(text).is_ok_and(|value| {
            let again: Result<String, JsonError> = json::canonical(&value, form);
            again.is_ok_and(|again| again == text)
        })
    }

    const TEXTS: &[&str] = &[
        r#"{}"#,
        r#"[]"#,
        r#""""#,
        r#"{"a":[1,-2,0,true,false,null,"x"],"b":{"c":"\u001f\n\"\\ü"}}"#,
        r#"{"a":9007199254740991,"b":-9007199254740991}"#,
        r#"{"a":9007199254740992}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"b":1,"a":1}"#,
        r#"{"a":-0}"#,
        r#"{"a":01}"#,
        r#"{"a":1.0}"#,
        r#"{"a":1e2}"#,
        r#"{"a":"\u000a"}"#,
        r#"{"a":"\u001F"}"#,
        r#"{"a":"\u0020"}"#,
        r#"{"a":"\/"}"#,
        r#"{"A":1}"#,
        r#"{"":1}"#,
        r#"{"a":1,}"#,
        r#"[1,]"#,
        r#"{"a" :1}"#,
        "{\"a\":\"\t\"}",
        r#"{"a":tru}"#,
        r#"{"a":1}x"#,
        "\"\u{7f}\"",
        "",
        "-",
        "[[[[[[[[]]]]]]]]",
        "[[[[[[[[1]]]]]]]]",
        "[[[[[[[[[]]]]]]]]]",
    ];

    #[test]
    fn it_says_what_the_definition_says() {
        for text in TEXTS {
            for form in [Form::Line, Form::Object] {
                assert_eq!(is_canonical(text, form), defined(text, form), "{text} {form:?}");
            }
        }
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_canonical(&deep(64), Form::Object) && !is_canonical(&deep(65), Form::Object));
        let long = format!("\"{}\"", "x".repeat(MAX_LINE));
        assert!(!is_canonical(&long, Form::Line) && is_canonical(&long, Form::Object));
    }

    #[test]
    fn an_escaped_key_is_left_to_the_long_way() {
        let text = r#"{"a\n":1}"#;
        assert!(!is_canonical(text, Form::Object) && json::parse(text, Form::Object).is_ok());
    }

    proptest! {
        #[test]
        fn no_altered_text_is_told_apart_differently(
            which in 0..TEXTS.len(), at in any::<prop::sample::Index>(), with in "[-\\[\\]{}\",:\\\\a-z0-9 ]", cut in 0usize..3,
        ) {
            let text: Vec<char> = TEXTS[which].chars().collect();
            let at = at.index(text.len() + 1);
            let rest = text.iter().skip(at + cut);
            let altered: String = text.iter().take(at).copied().chain(with.chars()).chain(rest.copied()).collect();
            prop_assert_eq!(is_canonical(&altered, Form::Line), defined(&altered, Form::Line), "{}", altered);
            // Of an object's escaped keys it says nothing.
            prop_assert!(!is_canonical(&altered, Form::Object) || defined(&altered, Form::Object), "{}", altered);
        }

        #[test]
        fn every_canonical_text_without_escaped_keys_is_told(texts in prop::collection::vec(any::<String>(), 0..4), n in any::<i64>()) {
            let value = serde_json::json!({"t": texts, "n": n, "o": {"x": null, "a": true}});
            if let Ok(text) = json::canonical(&value, Form::Line) {
                prop_assert!(is_canonical(&text, Form::Line), "{}", text);
            }
        }
    }
}
