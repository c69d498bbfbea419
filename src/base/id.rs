//! Names of runs and steps.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A run's id: 32 lower-case hex digits, random.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(
    /// The digits themselves: every entry has one, and none needs memory of its own for it.
    [u8; 32],
);

impl RunId {
    pub fn from_bytes(bytes: [u8; 16]) -> RunId {
        let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
        let mut text = [0; 32];
        for (two, byte) in text.chunks_exact_mut(2).zip(bytes) {
            two.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        RunId(text)
    }

    pub fn parse(text: &str) -> Option<RunId> {
        let digits: [u8; 32] = text.as_bytes().try_into().ok()?;
        digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')).then_some(RunId(digits))
    }

    pub fn as_str(&self) -> &str {
        // Nothing but digits is ever put in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The first eight digits, for people.
    pub fn short(&self) -> &str {
        &self.as_str()[..8]
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({:?})", self.as_str())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RunId, D::Error> {
        let text = String::deserialize(deserializer)?;
        RunId::parse(&text).ok_or_else(|| serde::de::Error::custom("not a run id (32 hex digits)"))
    }
}

/// `[a-z][a-z0-9_]*`: ids of parameters, roles, sessions, stages, steps, people.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// `[A-Za-z0-9._-]{1,64}`: item keys.
pub fn is_key(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// One step of one item: `stage/step`, `stage:item/step`, or with `/undo/id` or `/repair/id` behind it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StepId {
    pub stage: String,
    pub item: Option<String>,
    pub step: String,
    /// The undo step of `step`, by its id.
    pub undo: Option<String>,
    /// The repair step of `step`, by its id; never both.
    pub repair: Option<String>,
}

impl StepId {
    pub fn new(stage: &str, item: Option<&str>, step: &str) -> StepId {
        StepId {
            stage: stage.to_owned(),
            item: item.map(str::to_owned),
            step: step.to_owned(),
            undo: None,
            repair: None,
        }
    }

    pub fn with_undo(&self, undo: &str) -> StepId {
        StepId { undo: Some(undo.to_owned()), ..self.forward() }
    }

    pub fn with_repair(&self, repair: &str) -> StepId {
        StepId { repair: Some(repair.to_owned()), ..self.forward() }
    }

    /// The step that this is the undo or the repair of (or the step itself).
    pub fn forward(&self) -> StepId {
        StepId { undo: None, repair: None, ..self.clone() }
    }

    /// Neither of an undo nor of a repair.
    pub fn is_forward(&self) -> bool {
        self.undo.is_none() && self.repair.is_none()
    }

    /// What stands behind the place: `step`, `step/undo/id`, `step/repair/id`.
    pub fn local(&self) -> String {
        match (&self.undo, &self.repair) {
            (Some(undo), _) => format!("{}/undo/{undo}", self.step),
            (None, Some(repair)) => format!("{}/repair/{repair}", self.step),
            (None, None) => self.step.clone(),
        }
    }

    /// `stage` or `stage:item`.
    pub fn place(&self) -> String {
        place(&self.stage, self.item.as_deref())
    }

    /// As statements name it: `stage:item/step`; `undo stage:item/step` for any undo step of it, `repair
    /// stage:item/step` for any repair step.
    pub fn covers(&self) -> String {
        let forward = format!("{}/{}", self.place(), self.step);
        match (&self.undo, &self.repair) {
            (Some(_), _) => format!("undo {forward}"),
            (None, Some(_)) => format!("repair {forward}"),
            (None, None) => forward,
        }
    }
}

/// `stage` or `stage:item`.
pub fn place(stage: &str, item: Option<&str>) -> String {
    match item {
        Some(item) => format!("{stage}:{item}"),
        None => stage.to_owned(),
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.place(), self.local())
    }
}

impl FromStr for StepId {
    type Err = String;

    fn from_str(text: &str) -> Result<StepId, String> {
        let wrong =
            || format!("`{text}` is not a step (write stage/step, stage:item/step, or stage:item/step/undo/id)");
        let mut parts = text.split('/');
        let (place, step) = (parts.next().unwrap_or(""), parts.next().ok_or_else(wrong)?);
        let (undo, repair) = match (parts.next(), parts.next()) {
            (None, _) => (None, None),
            (Some("undo"), Some(id)) if is_name(id) => (Some(id.to_owned()), None),
            (Some("repair"), Some(id)) if is_name(id) => (None, Some(id.to_owned())),
            _ => return Err(wrong()),
        };
        if parts.next().is_some() {
            return Err(wrong());
        }
        let (stage, item) = match place.split_once(':') {
            Some((stage, item)) => (stage, Some(item)),
            None => (place, None),
        };
        if !is_name(stage) || !is_name(step) || item.is_some_and(|item| !is_key(item)) {
            return Err(wrong());
        }
        Ok(StepId { stage: stage.to_owned(), item: item.map(str::to_owned), step: step.to_owned(), undo, repair })
    }
}

impl Serialize for StepId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StepId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StepId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_are_the_hex_digits_of_their_bytes() {
        let bytes = [0x00, 0x01, 0x0f, 0x10, 0x9a, 0xa9, 0xff, 0x7f, 0x80, 0x5c, 0xc5, 0xde, 0xad, 0xbe, 0xef, 0x42];
        let id = RunId::from_bytes(bytes);
        assert_eq!(id.as_str(), hex::encode(bytes));
        assert_eq!(
            (id.short(), format!("{id:?}").as_str()),
            ("00010f10", "RunId(\"00010f109aa9ff7f805cc5deadbeef42\")")
        );
        assert_eq!(RunId::parse(id.as_str()), Some(id));
        for wrong in ["", "00010f109aa9ff7f805cc5deadbeef4", "00010F109aa9ff7f805cc5deadbeef42"] {
            assert_eq!(RunId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn step_ids_read_back_as_they_are_shown() {
        for text in ["a/b", "accept:111122223333/accept", "accept:x.y-Z/accept/undo/ask_back", "a:k/b/repair/c"] {
            assert_eq!(text.parse::<StepId>().map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "a", "a/", "A/b", "a:/b", "a:b c/d", "a/b/undo", "a/b/redo/c", "a/b/undo/c/d"] {
            assert!(text.parse::<StepId>().is_err(), "{text}");
        }
        let undo: StepId = "a:k/b/undo/c".parse().unwrap();
        assert_eq!(undo.covers(), "undo a:k/b");
        assert_eq!(undo.forward().covers(), "a:k/b");
        assert_eq!(undo.with_repair("d").covers(), "repair a:k/b");
        assert_eq!(undo.with_repair("d").to_string(), "a:k/b/repair/d");
    }
}
