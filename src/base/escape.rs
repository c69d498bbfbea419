//! What a person is shown: text from runbooks, files and AWS, made harmless for a terminal (P12).
//!
//! Allow-list: printable characters pass; control characters, bidirectional and invisible
//! formatting characters become `\u{hex}`. Line feeds pass only in [`block`].

/// One line for the screen: no character in it can move the cursor, hide or re-order text.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut out, c);
    }
    out
}

/// Several lines; each keeps its own line feed, all else as in [`line`].
pub fn block(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' { out.push('\n') } else { push(&mut out, c) }
    }
    out
}

fn push(out: &mut String, c: char) {
    if is_harmless(c) {
        out.push(c);
    } else {
        out.push_str(&format!("\\u{{{:x}}}", c as u32));
    }
}

/// Neither a control, a bidirectional control, an invisible or a format character,
/// a private-use character nor a non-character.
pub fn is_harmless(c: char) -> bool {
    !matches!(c as u32,
        0x00..=0x1F | 0x7F..=0x9F          // C0, DEL, C1
        | 0xAD | 0x34F | 0x61C             // soft hyphen, grapheme joiner, Arabic letter mark
        | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
        | 0x200B..=0x200F                  // zero width, direction marks
        | 0x2028..=0x202E                  // line and paragraph separators, bidirectional embeddings
        | 0x2060..=0x206F                  // word joiner, bidirectional isolates
        | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
        | 0xE000..=0xF8FF | 0xFFFE..=0xFFFF
        | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF | 0xF0000..=0x10FFFF)
}

/// `text` cut to at most `width` characters, the cut marked by `...`.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(3)).collect();
    out.push_str("...");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_and_direction_marks_are_shown_not_obeyed() {
        assert_eq!(line("a\u{1b}[2Jb\r\n\u{202e}c"), "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}c");
        assert_eq!(block("a\nb\t"), "a\nb\\u{9}");
        assert_eq!(line("Änderung ☃ 你好"), "Änderung ☃ 你好");
        assert_eq!(cut("abcdef", 5), "ab...");
    }

    proptest! {
        #[test]
        fn nothing_harmful_comes_out(text in any::<String>()) {
            prop_assert!(line(&text).chars().all(is_harmless));
        }
    }
}
