//! Reads and writes a line in one pass where it is plainly as it should be: entries are read by the million.
//! Knows no reasons: what it does not take, the long way beside it reads or refuses.

use super::Entry;
use crate::base::json::{MAX_INTEGER, MAX_LINE, member_text};
use crate::base::{Digest, RunId, Time};
use crate::record::fact::Fact;

/// Characters of a time in the years 0 to 9999.
const AT: usize = 24;

/// The entry, if the line is one for sure.
pub(super) fn read(line: &str) -> Option<Entry> {
    if line.len() > MAX_LINE {
        return None;
    }
    let rest = line.strip_prefix("{\"at\":\"")?;
    let (at, rest) = rest.split_at_checked(AT)?;
    let rest = rest.strip_prefix("\",\"by\":")?;
    let (by, rest) = match rest.strip_prefix("null") {
        Some(rest) => (None, rest),
        None => {
            let (by, rest) = rest.strip_prefix('"')?.split_once('"')?;
            // An escape, or what would need one, is rare enough for the long way.
            let plain = by.bytes().all(|byte| byte >= 0x20 && byte != b'\\');
            (Some(plain.then_some(by)?.to_owned()), rest)
        }
    };
    let rest = rest.strip_prefix(",\"data\":")?;
    // Behind `data` stand only numbers and plain words: what is before them all is the data.
    let rest = rest.strip_suffix(",\"v\":1}")?;
    let (rest, seq) = digits_behind(rest);
    let rest = rest.strip_suffix("\",\"seq\":")?;
    let (rest, run) = rest.split_at_checked(rest.len().checked_sub(32)?)?;
    let rest = rest.strip_suffix("\",\"run\":\"")?;
    let (rest, prev) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    let rest = rest.strip_suffix(",\"prev\":\"")?;
    let (rest, mono) = digits_behind(rest);
    let (rest, kind) = rest.strip_suffix("\",\"mono\":")?.rsplit_once('"')?;
    let rest = rest.strip_suffix(",\"kind\":")?;
    let (rest, epoch) = digits_behind(rest);
    let data = rest.strip_suffix(",\"epoch\":")?;
    Some(Entry {
        at: Time::parse_millis(at)?,
        by,
        epoch: number(epoch)?,
        fact: Fact::from_text(kind, data)?,
        mono: number(mono)?,
        prev: Digest::parse(prev)?,
        run: RunId::parse(run)?,
        seq: number(seq)?,
    })
}

/// The line, if it has one for sure.
pub(super) fn write(entry: &Entry) -> Option<String> {
    let Entry { at, by, epoch, fact, mono, prev, run, seq } = entry;
    if [epoch, mono, seq].into_iter().any(|number| *number > MAX_INTEGER.unsigned_abs()) {
        return None;
    }
    let (by, data, kind) = (member_text(by)?, fact.data_text()?, fact.kind());
    let line = format!(
        "{{\"at\":\"{at}\",\"by\":{by},\"data\":{data},\"epoch\":{epoch},\"kind\":\"{kind}\",\"mono\":{mono},\
         \"prev\":\"{prev}\",\"run\":\"{run}\",\"seq\":{seq},\"v\":1}}"
    );
    (line.len() <= MAX_LINE).then_some(line)
}

/// What stands before the digits at the end, and these.
fn digits_behind(text: &str) -> (&str, &str) {
    let before = text.trim_end_matches(|c: char| c.is_ascii_digit());
    (before, &text[before.len()..])
}

/// A number in its one form.
fn number(text: &str) -> Option<u64> {
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = plain.then(|| text.parse().ok())??;
    let canonical = (text == "0" || !text.starts_with('0')) && number <= MAX_INTEGER.unsigned_abs();
    canonical.then_some(number)
}
