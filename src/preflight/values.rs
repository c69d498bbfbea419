//! One values file per route: the values as they were given, with only the rows of the accounts that take the route.

use super::case::Case;
use super::route::{Route, Routed};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValuesFile {
    pub route: Route,
    /// `NAME.direct.values.toml`.
    pub name: String,
    pub text: String,
    pub accounts: usize,
}

/// The files for the routes that accounts take. `stem`: the runbook's file name without its ending.
pub fn files(case: &Case, routes: &[Routed], values: &Value, stem: &str) -> Result<Vec<ValuesFile>, String> {
    let route: BTreeMap<&str, Route> = routes.iter().map(|one| (one.account.as_str(), one.route)).collect();
    let mut files = Vec::new();
    for wanted in Route::FILES {
        let accounts = routes.iter().filter(|one| one.route == wanted).count();
        if accounts == 0 {
            continue;
        }
        // Rows that are about an account of another route; one that is about none stays in each file.
        let mut out: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for moving in case.moving.iter().filter(|one| route.get(one.account.as_str()) != Some(&wanted)) {
            for (list, at) in &moving.rows {
                out.entry(list).or_default().insert(*at);
            }
        }
        let mut kept = values.clone();
        for (list, rows) in out {
            if let Some(Value::Array(items)) = kept.get_mut(list) {
                let mut at = 0;
                items.retain(|_| {
                    at += 1;
                    !rows.contains(&(at - 1))
                });
            }
        }
        let text = toml::to_string_pretty(&kept).map_err(|error| error.to_string())?;
        let head = format!("# {}: {} of the accounts that move.\n", wanted.words(), accounts);
        let name = format!("{stem}.{}.values.toml", wanted.name());
        files.push(ValuesFile { route: wanted, name, text: head + &text, accounts });
    }
    Ok(files)
}
