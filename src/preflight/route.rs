//! Which way each account goes: directly, by leaving first, or (a management account) by emptying its organization.
//! Decided from findings alone, with the reasons.

use super::case::{Case, Moving};
use super::known::Known;
use super::outcome::{Finding, Stops, Unread};
use super::reads::Whom;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// The new organization invites, the account accepts, without leaving first.
    Direct,
    /// It leaves, stands alone for a while, and joins.
    Leaving,
    /// A management account: its organization is emptied and deleted; then it accepts.
    Emptying,
    /// Something stands in the way of each.
    None,
    /// Not enough could be read.
    NotKnown,
}

impl Route {
    /// As in `NAME.direct.values.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Route::Direct => "direct",
            Route::Leaving => "by_leaving",
            Route::Emptying => "by_emptying",
            Route::None => "none_yet",
            Route::NotKnown => "not_known",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Route::Direct => "direct transfer",
            Route::Leaving => "leave first",
            Route::Emptying => "empty and delete its organization, then accept",
            Route::None => "no way yet",
            Route::NotKnown => "not known",
        }
    }

    /// The routes that a runbook may have a values file for.
    pub const FILES: [Route; 3] = [Route::Direct, Route::Leaving, Route::Emptying];
}

/// An account and its route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    pub account: String,
    pub name: String,
    pub route: Route,
    /// Ids of findings, or what is not known: why not another.
    pub why: Vec<String>,
}

impl Routed {
    pub fn json(&self) -> Value {
        json!({ "account": self.account, "name": self.name, "route": self.route.name(), "why": self.why })
    }

    /// The reasons as a sentence.
    pub fn reasons(&self) -> String {
        match (self.route, self.why.is_empty()) {
            (Route::Direct, true) => "nothing stands in the way; it stays in an organization all the time".to_owned(),
            (_, true) => String::new(),
            (Route::Leaving, _) => format!("not directly: {}", self.why.join(", ")),
            _ => self.why.join(", "),
        }
    }
}

/// The route of each account that moves, in the runbook's order.
pub fn decide(case: &Case, known: &Known, findings: &[Finding], unread: &[Unread]) -> Vec<Routed> {
    let blocks: Vec<&Finding> = findings.iter().filter(|one| one.row.stops.any()).collect();
    let unread: Vec<&Unread> = unread.iter().filter(|one| one.stops.any()).collect();
    let of = |moving: &Moving| {
        let leaves = known.management_of(case, &moving.account).unwrap_or_default();
        let about = About { known, moving, leaves, blocks: &blocks, unread: &unread };
        let (route, why) = about.route();
        Routed { account: moving.account.clone(), name: moving.name.clone(), route, why }
    };
    case.moving.iter().map(of).collect()
}

struct About<'a> {
    known: &'a Known,
    moving: &'a Moving,
    /// The management account that it leaves; empty if that is not known.
    leaves: String,
    blocks: &'a [&'a Finding],
    unread: &'a [&'a Unread],
}

impl About<'_> {
    fn route(&self) -> (Route, Vec<String>) {
        let account = &self.moving.account;
        if self.known.is_management(account) {
            let stopped = self.stopped(|stops| stops.emptying);
            return match stopped.is_empty() {
                true => (Route::Emptying, vec!["is_management_account".to_owned()]),
                false => (Route::None, stopped),
            };
        }
        let direct = self.stopped(|stops| stops.direct);
        let not_known = |of: fn(Stops) -> bool| self.not_known(of);
        if direct.is_empty() {
            let lacks = not_known(|stops| stops.direct);
            return if lacks.is_empty() { (Route::Direct, Vec::new()) } else { (Route::NotKnown, lacks) };
        }
        let leaving = self.stopped(|stops| stops.leaving);
        if !leaving.is_empty() {
            let all: std::collections::BTreeSet<String> = direct.into_iter().chain(leaving).collect();
            return (Route::None, all.into_iter().collect());
        }
        let lacks = not_known(|stops| stops.leaving);
        if lacks.is_empty() { (Route::Leaving, direct) } else { (Route::NotKnown, lacks) }
    }

    /// Ids of the findings that stand in this account's way.
    fn stopped(&self, of: fn(Stops) -> bool) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for finding in self.blocks.iter().filter(|one| of(one.row.stops)) {
            let touches = finding.account == self.moving.account
                || (finding.row.read.whom == Whom::Joining && finding.account == self.moving.joins)
                || (finding.row.read.whom == Whom::Leaving && finding.account == self.leaves);
            if touches && !ids.iter().any(|id| id == finding.row.id) {
                ids.push(finding.row.id.to_owned());
            }
        }
        ids
    }

    fn not_known(&self, of: fn(Stops) -> bool) -> Vec<String> {
        let mine = self.unread.iter().filter(|one| {
            let touched = [&self.moving.account, &self.moving.joins, &self.leaves];
            of(one.stops) && touched.contains(&&one.account)
        });
        let mut all: Vec<String> = mine.flat_map(|one| one.tells.iter().map(|tells| (*tells).to_owned())).collect();
        all.sort();
        all.dedup();
        all
    }
}
