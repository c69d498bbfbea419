//! A map whose copies share what none of them has changed: a world is copied before each change, and most of it stays.
//! Owns nothing but that; to its users it is a plain map by text.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;
use std::sync::Arc;

/// Copied in one step; a change copies the list of keys and the one value that it is about.
#[derive(Clone, PartialEq)]
pub struct Shared<V>(Arc<BTreeMap<String, Arc<V>>>);

impl<V> Default for Shared<V> {
    fn default() -> Shared<V> {
        Shared(Arc::default())
    }
}

impl<V: fmt::Debug> fmt::Debug for Shared<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<V> Shared<V> {
    pub fn get(&self, key: &str) -> Option<&V> {
        self.0.get(key).map(Arc::as_ref)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values().map(Arc::as_ref)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.0.iter().map(|(key, value)| (key, value.as_ref()))
    }

    pub fn insert(&mut self, key: String, value: V) {
        Arc::make_mut(&mut self.0).insert(key, Arc::new(value));
    }

    pub fn remove(&mut self, key: &str) {
        if self.0.contains_key(key) {
            Arc::make_mut(&mut self.0).remove(key);
        }
    }

    pub fn clear(&mut self) {
        self.0 = Arc::default();
    }

    pub fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        if !self.values().all(&keep) {
            Arc::make_mut(&mut self.0).retain(|_, value| keep(value));
        }
    }
}

impl<V: Clone> Shared<V> {
    pub fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        // A key that is not there copies nothing.
        self.0.get(key)?;
        Arc::make_mut(&mut self.0).get_mut(key).map(Arc::make_mut)
    }

    /// Changes those that `which` picks; the others stay shared.
    pub fn change(&mut self, which: impl Fn(&V) -> bool, mut change: impl FnMut(&mut V)) {
        if self.values().any(&which) {
            let picked = Arc::make_mut(&mut self.0).values_mut().filter(|value| which(value));
            picked.for_each(|value| change(Arc::make_mut(value)));
        }
    }
}

impl<V> Index<&str> for Shared<V> {
    type Output = V;

    fn index(&self, key: &str) -> &V {
        &self.0[key]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_by_its_own_copy_alone() {
        let mut one = Shared::default();
        for (key, value) in [("a", 1), ("b", 2), ("c", 3)] {
            one.insert(key.to_owned(), value);
        }
        let before = one.clone();
        one.get_mut("a").into_iter().for_each(|value| *value = 10);
        one.change(|value| *value == 2, |value| *value = 20);
        one.remove("c");
        one.retain(|value| *value != 20);
        assert_eq!(one.values().copied().collect::<Vec<_>>(), [10]);
        assert_eq!(before.values().copied().collect::<Vec<_>>(), [1, 2, 3]);
        assert!(one != before && one.get_mut("c").is_none());
    }

    #[test]
    fn what_is_not_changed_stays_one() {
        let mut one = Shared::default();
        one.insert("a".to_owned(), 1);
        one.insert("b".to_owned(), 2);
        let before = one.clone();
        one.remove("z");
        one.retain(|_| true);
        one.change(|_| false, |_| {});
        assert!(Arc::ptr_eq(&one.0, &before.0));
        one.get_mut("a").into_iter().for_each(|value| *value = 10);
        assert!(Arc::ptr_eq(&one.0["b"], &before.0["b"]) && !Arc::ptr_eq(&one.0["a"], &before.0["a"]));
    }
}
