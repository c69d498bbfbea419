//! SHA-256 digests and the RFC 6962 leaf and node hashes built on them.

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A SHA-256 digest. Text form: 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// What a lower-case hex digit stands for; 16 and above: it is none.
const HALF: [u8; 256] = {
    let mut half = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        half[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    half
};

impl Digest {
    /// What `prev` of the first entry holds.
    pub const ZERO: Digest = Digest([0; 32]);

    /// SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// `SHA-256(0x00 || line)`: the leaf hash of RFC 6962, section 2.1.
    pub fn leaf(line: &[u8]) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update([0u8]);
        hasher.update(line);
        Digest(hasher.finalize().into())
    }

    /// `SHA-256(0x01 || left || right)`: the inner node of RFC 6962, section 2.1.
    pub fn node(left: &Digest, right: &Digest) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update([1u8]);
        hasher.update(left.0);
        hasher.update(right.0);
        Digest(hasher.finalize().into())
    }

    /// 64 lower-case hex digits.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// `sha256:` and the hex digits, as statements write it.
    pub fn tagged(&self) -> String {
        format!("sha256:{}", self.hex())
    }

    /// Exactly 64 lower-case hex digits, else nothing.
    pub fn parse(text: &str) -> Option<Digest> {
        let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let (mut bytes, mut wrong) = ([0u8; 32], 0);
        for (byte, two) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = (HALF[usize::from(two[0])], HALF[usize::from(two[1])]);
            wrong |= high | low;
            *byte = high << 4 | (low & 15);
        }
        (wrong < 16).then_some(Digest(bytes))
    }

    /// The inverse of [`Digest::tagged`].
    pub fn parse_tagged(text: &str) -> Option<Digest> {
        Digest::parse(text.strip_prefix("sha256:")?)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.hex())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0u8; 64];
        let made = hex::encode_to_slice(self.0, &mut text).ok();
        match made.and_then(|()| std::str::from_utf8(&text).ok()) {
            Some(text) => serializer.serialize_str(text),
            None => serializer.serialize_str(&self.hex()),
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

/// Entries are full of digests: they are read where they stand, without a copy of their text.
struct Text;

impl Visitor<'_> for Text {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Digest, E> {
        Digest::parse(text).ok_or_else(|| E::custom("not 64 lower-case hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_string_has_its_known_digest_and_upper_case_is_refused() {
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").hex(), text);
        assert_eq!(Digest::parse(text), Some(Digest::of(b"")));
        assert_eq!(Digest::parse(&text.to_uppercase()), None);
        let whole = Digest(std::array::from_fn(|at| (at * 37 + 5) as u8));
        assert_eq!((Digest::parse(&hex::encode(whole.0)), whole.hex()), (Some(whole), hex::encode(whole.0)));
        for at in 0..64 {
            for wrong in ["g", "F", "/", ":", "`", "\u{0}", " "] {
                assert_eq!(
                    Digest::parse(&format!("{}{wrong}{}", &text[..at], &text[at + 1..])),
                    None,
                    "{at} {wrong:?}"
                );
            }
        }
        assert_eq!((Digest::parse(&text[1..]), Digest::parse(&format!("{text}0"))), (None, None));
        assert_eq!(Digest::parse_tagged(&Digest::of(b"x").tagged()), Some(Digest::of(b"x")));
    }
}
