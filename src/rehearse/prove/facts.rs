//! The simulated AWS as a list of plain facts (where, what), so that two of its states can be compared. It is
//! read from the state's own debug form: whatever the simulator learns to remember is compared from that day on.
//! Left out: ids that AWS gives anew each time, points in time, sessions, invitations that are over.

use crate::simulator::State;
use crate::simulator::state::{Account, JoinedMethod, Target, Who};
use std::collections::{BTreeMap, BTreeSet};

/// How often each fact holds (`place = value`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<(String, String), usize>);

/// Ids that a service draws anew for each thing it makes, by their beginning.
const DRAWN: [&str; 10] = ["AIDA", "AROA", "AKIA", "ASIA", "h-", "car-", "p-", "ou-", "o-", "r-"];

impl Facts {
    pub fn of(state: &State) -> Facts {
        Facts::known(state, &BTreeSet::new())
    }

    /// The same; ids that are not among `known` are all one: two plays draw different ones.
    pub fn known(state: &State, known: &BTreeSet<String>) -> Facts {
        let mut bare = state.clone();
        bare.handshakes.clear();
        // What was only asked for, and is over, binds nobody, as an ended invitation.
        bare.transfers.retain(|transfer| !matches!(transfer.status, "CANCELED" | "DECLINED" | "EXPIRED"));
        bare.creations.clear();
        bare.keys.clear();
        bare.serial = 0;
        let every = |_: &Account| true;
        bare.accounts.change(every, |account| {
            account.changes.clear();
            // An account that left and came back was invited, whatever it was before.
            if let Some(member) = &mut account.member {
                member.method = JoinedMethod::Invited;
            }
        });
        let mut facts = Facts::default();
        for (place, value) in leaves(&format!("{bare:#?}")) {
            facts.add(masked(&place, known), masked(&value, known));
        }
        for handshake in state.handshakes.values().filter(|handshake| handshake.state.pending()) {
            let (Target::Account(target) | Target::Email(target)) = &handshake.target;
            facts.add(format!("invitation of {target} by {}", handshake.organization), "pending".to_owned());
        }
        for key in state.keys.values() {
            match &key.who {
                Who::User(user) => facts.add(format!("access key of {user} in {}", key.account), "there".to_owned()),
                Who::Root => facts.add(format!("access key of root in {}", key.account), "there".to_owned()),
                Who::Session { .. } | Who::RootTask(_) => {}
            }
        }
        facts
    }

    fn add(&mut self, place: String, value: String) {
        *self.0.entry((place, value)).or_default() += 1;
    }

    /// What holds in one of the two only.
    pub fn difference(&self, other: &State) -> Facts {
        self.unlike(&Facts::of(other))
    }

    pub fn unlike(&self, other: &Facts) -> Facts {
        let mut found = Facts::default();
        for (fact, count) in self.0.iter().chain(&other.0) {
            let (mine, theirs) = (self.0.get(fact).unwrap_or(&0), other.0.get(fact).unwrap_or(&0));
            if mine != theirs {
                found.0.insert(fact.clone(), (*count).max(1));
            }
        }
        found
    }

    /// The places that these facts are about.
    pub fn places(&self) -> BTreeSet<&str> {
        self.0.keys().map(|(place, _)| place.as_str()).collect()
    }

    /// Something is said of this place.
    pub fn has(&self, place: &str) -> bool {
        self.0.keys().any(|(one, _)| one == place)
    }

    /// What is said of a place, in words.
    pub fn at(&self, place: &str) -> String {
        let values: Vec<&str> =
            self.0.keys().filter(|(one, _)| one == place).map(|(_, value)| value.as_str()).collect();
        if values.is_empty() { "nothing".to_owned() } else { values.join(", ") }
    }
}

/// Every id in a state, drawn or given.
pub fn ids(state: &State) -> BTreeSet<String> {
    words(&format!("{state:?}")).filter(|word| is_drawn(word)).map(str::to_owned).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| !word.is_empty())
}

fn is_drawn(word: &str) -> bool {
    let number = word.len() == 12 && word.bytes().all(|b| b.is_ascii_digit());
    number
        || (word.bytes().any(|b| b.is_ascii_digit() || b == b'-')
            && DRAWN.iter().any(|start| word.starts_with(start) && word.len() > start.len() + 3))
}

fn masked(text: &str, known: &BTreeSet<String>) -> String {
    let mut out = text.to_owned();
    for word in words(text).filter(|word| is_drawn(word)) {
        let one_time = DRAWN[..6].iter().any(|start| word.starts_with(start));
        if one_time || (!known.is_empty() && !known.contains(word)) {
            out = out.replace(word, "(an id)");
        }
    }
    out
}

/// The leaves of a pretty debug form, each with the labels that lead to it. Points in time are left out, and what
/// people alone settle.
fn leaves(text: &str) -> Vec<(String, String)> {
    let mut path: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let depth = (line.len() - line.trim_start().len()) / 4;
        let line = line.trim().trim_end_matches(',');
        path.resize(depth, "");
        if matches!(line, "}" | ")" | "]" | "") {
            continue;
        }
        if let Some(opens) = line.strip_suffix(['{', '(', '[']).map(str::trim) {
            // A name of a type says nothing of the place.
            let label = opens.split_once(": ").map_or("", |(label, _)| label);
            let label = if opens.ends_with("Time") { "Time" } else { opens.strip_suffix(':').unwrap_or(label) };
            path.push(label);
            continue;
        }
        let (label, value) = line.split_once(": ").unwrap_or(("", line));
        // An empty list says no more than no list.
        if path.iter().any(|one| matches!(*one, "Time" | "facts")) || matches!(value, "{}" | "[]") {
            continue;
        }
        let place: Vec<&str> = path.iter().copied().chain([label]).filter(|one| !one.is_empty()).collect();
        found.push((place.join(" "), value.to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::simulator::{Simulator, World};

    const WORLD: &str = include_str!("../../../runbooks/worlds/move_member_accounts.toml");

    fn state() -> State {
        Simulator::new(&World::parse("w", WORLD).unwrap(), Time(1_767_600_000_000)).state().clone()
    }

    #[test]
    fn every_change_shows_and_nothing_else() {
        let before = state();
        assert_eq!(Facts::of(&before).unlike(&Facts::of(&before)), Facts::default());
        let mut after = before.clone();
        let account = after.accounts.get_mut("111122223333").unwrap();
        account.member.as_mut().unwrap().parent = "ou-old1-22222222".to_owned();
        account.changes.push(Time(5));
        let found = Facts::of(&before).unlike(&Facts::of(&after));
        assert_eq!(found.places().into_iter().collect::<Vec<_>>(), ["accounts \"111122223333\" member parent"]);
        account_tags(&mut after);
        assert_eq!(Facts::of(&before).unlike(&Facts::of(&after)).places().len(), 2);
    }

    fn account_tags(state: &mut State) {
        state.accounts.get_mut("111122223333").unwrap().tags.clear();
    }

    #[test]
    fn ids_that_were_drawn_are_one_where_they_are_not_known() {
        let known = ids(&state());
        assert!(known.contains("ou-old1-11111111") && known.contains("111122223333"), "{known:?}");
        assert_eq!(masked("parent ou-old1-11111111", &known), "parent ou-old1-11111111");
        assert_eq!(masked("parent ou-old1-zzzzzzz9", &known), "parent (an id)");
        assert_eq!(masked("AIDA0123456789", &known), "(an id)");
        assert_eq!(masked("a plain word", &known), "a plain word");
    }
}
