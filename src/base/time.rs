//! Instants: milliseconds since 1970-01-01T00:00:00Z, in the two text forms of the journal.

mod civil;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An instant in UTC with millisecond precision.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Time(pub i64);

impl Time {
    /// Entries: `2026-01-02T03:04:05.006Z`.
    pub fn millis(&self) -> String {
        civil::text(self.0).unwrap_or_else(|| self.date().to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    /// Statements: `2026-01-02T03:04:05Z` (fractions cut off).
    pub fn seconds(&self) -> String {
        self.date().to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// For people: `2026-01-02 03:04 UTC`.
    pub fn minutes(&self) -> String {
        self.date().format("%Y-%m-%d %H:%M UTC").to_string()
    }

    /// Only the exact form of [`Time::millis`].
    pub fn parse_millis(text: &str) -> Option<Time> {
        if let Some(millis) = civil::read(text) {
            return Some(Time(millis));
        }
        let time = Time::parse(text)?;
        (time.millis() == text).then_some(time)
    }

    /// Only the exact form of [`Time::seconds`].
    pub fn parse_seconds(text: &str) -> Option<Time> {
        let time = Time::parse(text)?;
        (time.seconds() == text).then_some(time)
    }

    /// Any RFC 3339 text.
    pub fn parse(text: &str) -> Option<Time> {
        DateTime::parse_from_rfc3339(text).ok().map(|date| Time(date.timestamp_millis()))
    }

    /// This instant, `ms` later.
    #[must_use]
    pub fn plus(&self, ms: i64) -> Time {
        Time(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this one.
    pub fn since(&self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    fn date(&self) -> DateTime<Utc> {
        // Outside chrono's range (year 262,000) the nearest end stands in: text must never fail.
        DateTime::from_timestamp_millis(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.millis())
    }
}

impl Serialize for Time {
    /// In entries' data: with milliseconds.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.millis())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        Time::parse_millis(&text).ok_or_else(|| serde::de::Error::custom("not a time with milliseconds, UTC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_text_forms_are_exact() {
        let time = Time::parse_millis("2026-01-02T03:04:05.006Z").unwrap();
        assert_eq!(time.seconds(), "2026-01-02T03:04:05Z");
        for wrong in ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.0060Z", "2026-01-02T03:04:05.006+00:00"] {
            assert_eq!(Time::parse_millis(wrong), None, "{wrong}");
        }
        assert_eq!(Time::parse_seconds("2026-01-02T03:04:05.006Z"), None);
        assert!(Time(i64::MAX).millis().ends_with('Z'));
    }

    proptest! {
        /// The short way and chrono's are one.
        #[test]
        fn the_short_way_is_the_long_way(millis in -80_000_000_000_000i64..300_000_000_000_000) {
            let time = Time(millis);
            let text = time.date().to_rfc3339_opts(SecondsFormat::Millis, true);
            prop_assert_eq!(time.millis(), text.clone());
            // What chrono writes beyond four digits it does not read.
            let plain = (-62_167_219_200_000..=253_402_300_799_999).contains(&millis);
            prop_assert_eq!(Time::parse_millis(&text), plain.then_some(time));
        }

        #[test]
        fn the_short_way_reads_nothing_that_the_long_way_does_not(
            year in "[0-9]{4}", rest in "-[0-3][0-9]-[0-4][0-9]T[0-3][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{3}Z",
        ) {
            let text = year + &rest;
            if let Some(millis) = civil::read(&text) {
                let long = DateTime::parse_from_rfc3339(&text).ok().map(|date| date.timestamp_millis());
                prop_assert_eq!(long, Some(millis), "{}", text);
            }
        }
    }
}
