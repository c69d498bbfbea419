//! The Merkle tree over a run's lines (RFC 6962, section 2.1): its root at any size.

use crate::base::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Grows leaf by leaf; keeps every complete subtree, so that any earlier root costs O(log n).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// `levels[k][i]`: the hash over the leaves `i * 2^k .. (i + 1) * 2^k`.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    pub fn new() -> Tree {
        Tree::default()
    }

    /// The tree over these lines.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a str>) -> Tree {
        let mut tree = Tree::new();
        for line in lines {
            tree.push(Digest::leaf(line.as_bytes()));
        }
        tree
    }

    pub fn push(&mut self, leaf: Digest) {
        let mut node = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(node);
            if row.len() % 2 == 1 {
                return;
            }
            node = Digest::node(&row[row.len() - 2], &row[row.len() - 1]);
        }
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The leaf of the entry `seq`.
    pub fn leaf(&self, seq: u64) -> Option<Digest> {
        self.levels.first()?.get(usize::try_from(seq).ok()?).copied()
    }

    pub fn root(&self) -> Digest {
        self.root_at(self.size()).unwrap_or(Digest::of(b""))
    }

    /// The root of the first `size` leaves; none if there are fewer.
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        if size > self.size() {
            return None;
        }
        let mut root = None;
        // The complete subtrees of `size`, from the rightmost (smallest) to the left.
        let mut end = usize::try_from(size).ok()?;
        for (level, row) in self.levels.iter().enumerate() {
            if (end >> level) & 1 == 1 {
                let subtree = row.get((end >> level) - 1)?;
                root = Some(root.map_or(*subtree, |right| Digest::node(subtree, &right)));
                end -= 1 << level;
            }
        }
        Some(root.unwrap_or(Digest::of(b"")))
    }
}

/// A root as statements and checkpoints write it: base64.
pub fn root_text(root: &Digest) -> String {
    STANDARD.encode(root.0)
}

/// The inverse of [`root_text`]; no other text is accepted.
pub fn parse_root(text: &str) -> Option<Digest> {
    let root = Digest(STANDARD.decode(text).ok()?.try_into().ok()?);
    (root_text(&root) == text).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962's own definition, word by word.
    fn defined(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Digest::of(b""),
            [one] => *one,
            more => {
                let split = more.len().next_power_of_two() / 2;
                Digest::node(&defined(&more[..split]), &defined(&more[split..]))
            }
        }
    }

    #[test]
    fn every_root_is_the_one_that_the_rfc_defines() {
        let leaves: Vec<Digest> = (0..70u8).map(|n| Digest::leaf(&[n])).collect();
        let mut tree = Tree::new();
        assert_eq!(tree.root(), Digest::of(b""));
        for (at, leaf) in leaves.iter().enumerate() {
            tree.push(*leaf);
            assert_eq!(tree.root(), defined(&leaves[..=at]), "{at}");
            assert_eq!(tree.leaf(at as u64), Some(*leaf));
        }
        for size in 0..=70 {
            assert_eq!(tree.root_at(size), Some(defined(&leaves[..size as usize])), "{size}");
        }
        assert_eq!((tree.size(), tree.root_at(71), tree.leaf(70)), (70, None, None));
    }

    #[test]
    fn roots_have_one_text() {
        let root = Digest::of(b"x");
        let text = root_text(&root);
        assert_eq!(parse_root(&text), Some(root));
        assert_eq!(parse_root(text.trim_end_matches('=')), None);
        assert_eq!(parse_root(&text[4..]), None);
        assert_eq!(parse_root(&format!("{text}\n")), None);
    }
}
