//! Public keys: which are accepted, and what is in them.

use super::wire::Reader;
use super::{KeyKind, PublicKey, SigError};
use crate::base::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// What a key blob holds, checked: on the curve, not weak, nothing behind it.
pub(super) enum Material {
    Ed25519(ed25519_dalek::VerifyingKey),
    SkEd25519(ed25519_dalek::VerifyingKey, String),
    SkEcdsaP256(p256::ecdsa::VerifyingKey, String),
}

impl KeyKind {
    pub const ALL: [KeyKind; 3] = [KeyKind::Ed25519, KeyKind::SkEd25519, KeyKind::SkEcdsaP256];

    /// OpenSSH's name of the key type.
    pub fn name(&self) -> &'static str {
        match self {
            KeyKind::Ed25519 => "ssh-ed25519",
            KeyKind::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            KeyKind::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    pub fn from_name(name: &str) -> Option<KeyKind> {
        KeyKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// A security key's type: its signatures carry flags. The type alone proves no hardware.
    pub fn is_security_key(&self) -> bool {
        !matches!(self, KeyKind::Ed25519)
    }
}

impl PublicKey {
    /// Reads one line as in `id_ed25519.pub`: `type base64 [comment]`. The comment is dropped.
    pub fn parse(line: &str) -> Result<PublicKey, SigError> {
        let key = |why: &str| SigError::Key(why.to_owned());
        if line.trim().contains(['\n', '\r']) {
            return Err(key("it is more than one line"));
        }
        let mut words = line.split_ascii_whitespace();
        let name = words.next().ok_or_else(|| key("it is empty"))?;
        let kind = KeyKind::from_name(name).ok_or_else(|| SigError::Kind(name.to_owned()))?;
        let text = words.next().ok_or_else(|| key("the base64 text behind the type is missing"))?;
        let blob = STANDARD.decode(text).map_err(|_| key("its second word is not base64"))?;
        let parsed = PublicKey::from_blob(blob)?;
        if parsed.kind != kind {
            return Err(key("its type is not the one inside its base64 text"));
        }
        Ok(parsed)
    }

    /// Reads a key's wire form.
    pub fn from_blob(blob: Vec<u8>) -> Result<PublicKey, SigError> {
        let kind = Material::read(&blob)?.kind();
        let line = format!("{} {}", kind.name(), STANDARD.encode(&blob));
        Ok(PublicKey { kind, blob, line })
    }

    /// `SHA256:` and base64 without padding, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Digest::of(&self.blob).0))
    }
}

impl Material {
    pub(super) fn read(blob: &[u8]) -> Result<Material, SigError> {
        let short = || SigError::Key("its bytes end too early, or more follow".to_owned());
        let mut reader = Reader::new(blob);
        let name = reader.text().ok_or_else(short)?;
        let kind = KeyKind::from_name(name).ok_or_else(|| SigError::Kind(name.to_owned()))?;
        let material = match kind {
            KeyKind::Ed25519 => Material::Ed25519(edwards(reader.string().ok_or_else(short)?)?),
            KeyKind::SkEd25519 => {
                let point = edwards(reader.string().ok_or_else(short)?)?;
                Material::SkEd25519(point, application(reader.text().ok_or_else(short)?)?)
            }
            KeyKind::SkEcdsaP256 => {
                if reader.text() != Some("nistp256") {
                    return Err(SigError::Key("its curve is not nistp256".to_owned()));
                }
                let point = nistp256(reader.string().ok_or_else(short)?)?;
                Material::SkEcdsaP256(point, application(reader.text().ok_or_else(short)?)?)
            }
        };
        reader.end().ok_or_else(short)?;
        Ok(material)
    }

    pub(super) fn kind(&self) -> KeyKind {
        match self {
            Material::Ed25519(_) => KeyKind::Ed25519,
            Material::SkEd25519(..) => KeyKind::SkEd25519,
            Material::SkEcdsaP256(..) => KeyKind::SkEcdsaP256,
        }
    }
}

/// A point of edwards25519 in its one canonical encoding, and of large order.
fn edwards(bytes: &[u8]) -> Result<ed25519_dalek::VerifyingKey, SigError> {
    let wrong = || SigError::Key("it is not a point of the curve ed25519".to_owned());
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| wrong())?;
    // y must be below the field's prime 2^255-19, or one key would have two encodings.
    let middle = bytes[1..31].iter().all(|byte| *byte == 0xff);
    if bytes[31] & 0x7f == 0x7f && middle && bytes[0] >= 0xed {
        return Err(wrong());
    }
    let point = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| wrong())?;
    if point.is_weak() { Err(SigError::Weak) } else { Ok(point) }
}

/// An uncompressed point of P-256.
fn nistp256(bytes: &[u8]) -> Result<p256::ecdsa::VerifyingKey, SigError> {
    let wrong = || SigError::Key("it is not an uncompressed point of the curve nistp256".to_owned());
    if bytes.len() != 65 || bytes.first() != Some(&4) {
        return Err(wrong());
    }
    p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map_err(|_| wrong())
}

/// The application of a security key. OpenSSH makes no others; one made for a web site must not count here.
fn application(text: &str) -> Result<String, SigError> {
    if text.starts_with("ssh:") && text.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        Ok(text.to_owned())
    } else {
        Err(SigError::Key("its application does not begin with `ssh:`".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::put_string;
    use super::*;

    const VECTOR: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP23EQ3GGI/zB98q3c7B4LqF7rDDJIIXK2ZJYDPtwFki";

    fn ed25519_line(point: &[u8]) -> String {
        let mut blob = Vec::new();
        put_string(&mut blob, b"ssh-ed25519");
        put_string(&mut blob, point);
        format!("ssh-ed25519 {}", STANDARD.encode(blob))
    }

    #[test]
    fn the_comment_is_dropped_and_the_kind_kept() {
        let key = PublicKey::parse(&format!("{VECTOR} bob@example\n")).unwrap();
        assert_eq!((key.kind, key.line.as_str()), (KeyKind::Ed25519, VECTOR));
        assert!(key.fingerprint().starts_with("SHA256:"));
    }

    #[test]
    fn keys_that_are_not_accepted_are_named() {
        let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAA== x";
        assert_eq!(PublicKey::parse(rsa), Err(SigError::Kind("ssh-rsa".to_owned())));
        let other = VECTOR.replace("ssh-ed25519 ", "sk-ssh-ed25519@openssh.com ");
        for wrong in ["", "ssh-ed25519", "ssh-ed25519 ***", &other, &format!("{VECTOR}\n{VECTOR}"), &VECTOR[..60]] {
            assert!(matches!(PublicKey::parse(wrong), Err(SigError::Key(_))), "{wrong}");
        }
    }

    #[test]
    fn weak_and_doubly_encoded_points_are_refused() {
        let mut identity = [0u8; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::parse(&ed25519_line(&identity)), Err(SigError::Weak));
        assert_eq!(PublicKey::parse(&ed25519_line(&[0u8; 32])), Err(SigError::Weak));
        let mut large = [0xffu8; 32];
        large[0] = 0xee;
        large[31] = 0x7f;
        assert!(matches!(PublicKey::parse(&ed25519_line(&large)), Err(SigError::Key(_))));
        assert!(matches!(PublicKey::parse(&ed25519_line(&[1u8; 31])), Err(SigError::Key(_))));
    }
}
