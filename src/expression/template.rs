//! Where `${...}` begins and ends: finds each expression's matching brace, past JMESPath's own strings,
//! quoted names and literals. Does not read the expressions.

use super::ExprError;
use std::borrow::Cow;
use std::ops::Range;

/// A piece of a template. Spans are byte ranges of the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Literal text, `$${` already read as `${`.
    Text { text: Cow<'a, str>, span: Range<usize> },
    /// What stands between `${` and its brace.
    Expression { source: &'a str, span: Range<usize> },
}

/// The pieces of a template, in order; empty for an empty text.
pub(super) fn parts(text: &str) -> Result<Vec<Part<'_>>, ExprError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("${").map(|offset| at + offset) {
        if text[..found].ends_with('$') && found > at {
            // `$${`: the text before the second dollar, then a literal `${`.
            push_text(&mut out, &text[at..found], at..found);
            push_text(&mut out, "{", found + 1..found + 2);
            at = found + 2;
            continue;
        }
        push_text(&mut out, &text[at..found], at..found);
        let end = closing_brace(text, found)?;
        out.push(Part::Expression { source: &text[found + 2..end], span: found + 2..end });
        at = end + 1;
    }
    push_text(&mut out, &text[at..], at..text.len());
    Ok(out)
}

/// The pieces of an `expect`: text is JMESPath itself, so a `${...}` inside one of its strings is refused.
pub(super) fn expect_parts(text: &str) -> Result<Vec<Part<'_>>, ExprError> {
    let pieces = parts(text)?;
    let mut quote: Option<char> = None;
    for piece in &pieces {
        match piece {
            Part::Text { text, .. } => quote = quote_after(text, quote),
            Part::Expression { span, .. } if quote.is_some() => {
                return Err(ExprError::Syntax {
                    message: "a `${...}` stands in quotes; it becomes a value of its own: write it without them"
                        .to_owned(),
                    span: span.start - 2..span.end + 1,
                });
            }
            Part::Expression { .. } => {}
        }
    }
    Ok(pieces)
}

fn push_text<'a>(out: &mut Vec<Part<'a>>, piece: &'a str, span: Range<usize>) {
    if piece.is_empty() {
        return;
    }
    if let Some(Part::Text { text, span: before }) = out.last_mut() {
        text.to_mut().push_str(piece);
        before.end = span.end;
    } else {
        out.push(Part::Text { text: Cow::Borrowed(piece), span });
    }
}

/// The offset of the brace that closes the `${` at `start`.
fn closing_brace(text: &str, start: usize) -> Result<usize, ExprError> {
    let mut depth = 0usize;
    let mut quote: Option<char> = None;
    let mut chars = text[start + 2..].char_indices();
    while let Some((offset, c)) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                chars.next();
            }
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Ok(start + 2 + offset),
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    let message = match quote {
        Some(open) => format!("`${{` is not closed: the {open} inside it has no partner"),
        None => "`${` is not closed by a `}` (a literal `${` is written `$${`)".to_owned(),
    };
    Err(ExprError::Syntax { message, span: start..text.len() })
}

/// Which quote is open behind `text`, if `quote` was open before it.
fn quote_after(text: &str, mut quote: Option<char>) -> Option<char> {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                chars.next();
            }
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"' | '`') => quote = Some(c),
            _ => {}
        }
    }
    quote
}
