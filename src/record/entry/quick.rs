//! Reads and writes a line in one pass where it is plainly as it should be: entries are read by the million.
//! Knows no reasons: what it does not take, the long way beside it reads or refuses.

use super::Entry;
use crate::base::json::{MAX_INTEGER, MAX_LINE, member_text};
use crate::base::{Digest, RunId, Time};
use crate::record::fact::Fact;

/// The entry, if the line is one for sure.
pub(super) fn read(line: &str) -> Option<Entry> {
    if line.len() > MAX_LINE {
        return None;
    }
    let rest = line.strip_prefix("{\"at\":\"")?;
    let (at, rest) = rest.split_once("\",\"by\":")?;
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
    // Behind `data` stand only numbers and plain words: the last such key is the entry's own.
    let (data, rest) = rest.rsplit_once(",\"epoch\":")?;
    let (epoch, rest) = rest.split_once(",\"kind\":\"")?;
    let (kind, rest) = rest.split_once("\",\"mono\":")?;
    let (mono, rest) = rest.split_once(",\"prev\":\"")?;
    let (prev, rest) = rest.split_once("\",\"run\":\"")?;
    let (run, rest) = rest.split_once("\",\"seq\":")?;
    let seq = rest.strip_suffix(",\"v\":1}")?;
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

/// A number in its one form.
fn number(text: &str) -> Option<u64> {
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = plain.then(|| text.parse().ok())??;
    let canonical = (text == "0" || !text.starts_with('0')) && number <= MAX_INTEGER.unsigned_abs();
    canonical.then_some(number)
}
