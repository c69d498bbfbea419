//! Time-based one-time codes (RFC 6238, SHA-1, 6 digits, 30 seconds): the simulated MFA devices.

use crate::base::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The 30-second step that `time` is in.
pub fn step(time: Time) -> u64 {
    u64::try_from(time.0.max(0) / 30_000).unwrap_or(0)
}

/// The six digits for a step; none if the seed is not base32.
pub fn code(seed_base32: &str, step: u64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(&seed(seed_base32)?).ok()?;
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 0x0f);
    let number = u32::from_be_bytes([hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]]);
    Some(format!("{:06}", number % 1_000_000))
}

/// The step whose code `given` is, of the current one and its neighbours.
pub fn accepted(seed_base32: &str, given: &str, now: Time) -> Option<u64> {
    let current = step(now);
    [current, current.saturating_sub(1), current + 1]
        .into_iter()
        .find(|step| code(seed_base32, *step).is_some_and(|code| code == given))
}

/// Base32 (RFC 4648, upper or lower case, padding optional) to bytes.
pub fn seed(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut buffer, mut bits) = (0u32, 0u32);
    for b in text.trim_end_matches('=').bytes() {
        let value = match b.to_ascii_uppercase() {
            b @ b'A'..=b'Z' => b - b'A',
            b @ b'2'..=b'7' => b - b'2' + 26,
            _ => return None,
        };
        buffer = (buffer << 5 | u32::from(value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits & 0xff) as u8);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B: the ASCII secret 12345678901234567890, last six of eight digits.
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (seconds, wanted) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(code(secret, step(Time(seconds * 1000))).unwrap(), wanted);
        }
        assert_eq!(accepted(secret, "287082", Time(60_000)), Some(1));
        assert_eq!(accepted(secret, "287082", Time(600_000)), None);
        assert_eq!(seed("not base32!"), None);
    }
}
