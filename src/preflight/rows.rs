//! The shape of a row of the table, and what its function sees.

use super::case::Case;
use super::known::Known;
use super::outcome::{Severity, Stops};
use super::reads::Read;
use serde_json::Value;

/// One finding that may be made from the answers of one read.
#[derive(Debug)]
pub struct Row {
    pub id: &'static str,
    /// What is so, when it applies.
    pub title: &'static str,
    pub severity: Severity,
    pub read: &'static Read,
    /// The routes that it stands in the way of.
    pub stops: Stops,
    pub why: &'static str,
    pub todo: &'static str,
    /// The answer (or `{"Error": CODE}`) in, what applies out.
    pub find: fn(&About<'_>, &Value) -> Vec<Hit>,
}

/// It applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// None: the account that it was asked about.
    pub account: Option<String>,
    /// What was found.
    pub says: String,
}

impl Hit {
    pub fn says(says: impl Into<String>) -> Hit {
        Hit { account: None, says: says.into() }
    }

    pub fn of(account: &str, says: impl Into<String>) -> Hit {
        Hit { account: Some(account.to_owned()), says: says.into() }
    }

    /// One, if there is something to say.
    pub fn maybe(says: Option<String>) -> Vec<Hit> {
        says.map(Hit::says).into_iter().collect()
    }

    /// One, if it is so.
    pub fn when(is: bool, says: impl Into<String>) -> Vec<Hit> {
        if is { vec![Hit::says(says)] } else { Vec::new() }
    }
}

/// What a row's function sees beside the answer.
pub struct About<'a> {
    pub case: &'a Case,
    pub known: &'a Known,
    /// The account that was asked.
    pub asked: &'a str,
    /// What it was asked about.
    pub about: &'a str,
    /// The place of the session in the case.
    pub way: usize,
}

/// A member of an answer as text; empty if there is none.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The items of a list; none if it is no list.
pub fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}
