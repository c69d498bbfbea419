//! OpenSSH keys and SSHSIG signatures (PROTOCOL.sshsig, PROTOCOL.u2f): reading, strict
//! verification, and keys made in software for rehearsals and tests. Pure.
//!
//! Whether a touch or a PIN is needed is not decided here: [`Good`] says what the flags say.

mod armour;
mod key;
mod soft;
pub(crate) mod wire;

pub use armour::{armour, blob_of, to_be_signed, wrap};
pub use soft::{DEFAULT_APPLICATION, SoftKey, rehearsal_key};

use crate::base::Digest;
use armour::Parts;
use key::Material;
use std::borrow::Borrow;
use std::collections::HashMap;
use wire::Reader;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    Ed25519,
    SkEd25519,
    SkEcdsaP256,
}

/// A public key that was accepted: known kind, no weak point.
#[derive(Clone, Debug)]
pub struct PublicKey {
    pub kind: KeyKind,
    /// The key blob (SSH wire form): what two keys are compared by.
    pub blob: Vec<u8>,
    /// `type base64`, without the comment.
    pub line: String,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.blob == other.blob
    }
}

impl Eq for PublicKey {}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigError {
    #[error("not an OpenSSH public key: {0}")]
    Key(String),
    #[error(
        "keys of type {0} are not accepted (ssh-ed25519, sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com are)"
    )]
    Kind(String),
    #[error("the key is a weak (small-order) point")]
    Weak,
    #[error("not an SSH signature: {0}")]
    Form(String),
    #[error("the signature is for the namespace `{found}`, not `{wanted}`")]
    Namespace { found: String, wanted: String },
    #[error("the signature is by another key")]
    OtherKey,
    #[error("the signature does not fit the text")]
    Mismatch,
}

/// A good signature, and what the security key says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Good {
    pub kind: KeyKind,
    /// Flags byte of a security key: bit 0 touch, bit 2 PIN. None for plain keys.
    pub flags: Option<u8>,
    pub counter: Option<u32>,
}

impl Good {
    pub fn touched(&self) -> bool {
        self.flags.is_some_and(|flags| flags & 0x01 != 0)
    }

    /// Touch and PIN, by a security key.
    pub fn user_verified(&self) -> bool {
        self.flags.is_some_and(|flags| flags & 0x05 == 0x05)
    }
}

/// Checks that `armoured` is a signature by `key` over `message` in `namespace`, in its one canonical
/// form: the layout of ssh-keygen, version 1, hash sha512 or sha256, nothing left over.
pub fn verify(key: &PublicKey, namespace: &str, message: &[u8], armoured: &str) -> Result<Good, SigError> {
    check(key, || Material::read(&key.blob), namespace, message, armoured)
}

/// The same for a key whose point may have been taken apart already.
fn check<M: Borrow<Material>>(
    key: &PublicKey,
    material: impl FnOnce() -> Result<M, SigError>,
    namespace: &str,
    message: &[u8],
    armoured: &str,
) -> Result<Good, SigError> {
    let parts = Parts::read(armoured)?;
    if parts.key != key.blob {
        return Err(SigError::OtherKey);
    }
    if parts.namespace != namespace {
        return Err(SigError::Namespace { found: parts.namespace, wanted: namespace.to_owned() });
    }
    let material = material()?;
    let material = material.borrow();
    let data = armour::signed_data(namespace, parts.hash, message);
    let raw = RawSignature::read(material, &parts.signature)
        .ok_or_else(|| SigError::Form("its inner signature is not of the key's kind and form".to_owned()))?;
    raw.check(material, &data)
}

/// Keys that were read before: a few people sign a whole history, and a point is taken apart once.
/// Remembers what a key is, never that a signature was good.
#[derive(Default)]
pub struct KnownKeys {
    keys: HashMap<String, KnownKey>,
}

/// A public key, ready to verify with.
pub struct KnownKey {
    key: PublicKey,
    material: Material,
}

impl KnownKeys {
    /// The key of this line; see [`PublicKey::parse`].
    pub fn get(&mut self, line: &str) -> Result<&KnownKey, SigError> {
        if !self.keys.contains_key(line) {
            let key = PublicKey::parse(line)?;
            let material = Material::read(&key.blob)?;
            self.keys.insert(line.to_owned(), KnownKey { key, material });
        }
        self.keys.get(line).ok_or(SigError::OtherKey)
    }
}

impl KnownKey {
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// See [`verify`].
    pub fn verify(&self, namespace: &str, message: &[u8], armoured: &str) -> Result<Good, SigError> {
        check(&self.key, || Ok(&self.material), namespace, message, armoured)
    }
}

/// The key that `armoured` says it is by. Says nothing about whether the signature is good.
pub fn key_in(armoured: &str) -> Result<PublicKey, SigError> {
    PublicKey::from_blob(Parts::read(armoured)?.key)
}

/// The inner signature: 64 bytes (ed25519) or r and s, and what a security key adds.
struct RawSignature {
    bytes: [u8; 64],
    flags: u8,
    counter: u32,
}

impl RawSignature {
    fn read(material: &Material, blob: &[u8]) -> Option<RawSignature> {
        let mut reader = Reader::new(blob);
        if reader.text()? != material.kind().name() {
            return None;
        }
        let inner = reader.string()?;
        let mut bytes = [0u8; 64];
        if material.kind() == KeyKind::SkEcdsaP256 {
            let mut pair = Reader::new(inner);
            bytes[..32].copy_from_slice(&pair.scalar()?);
            bytes[32..].copy_from_slice(&pair.scalar()?);
            pair.end()?;
        } else {
            bytes = inner.try_into().ok()?;
        }
        let (mut flags, mut counter) = (0, 0);
        if material.kind().is_security_key() {
            flags = reader.byte()?;
            counter = reader.u32()?;
        }
        reader.end()?;
        Some(RawSignature { bytes, flags, counter })
    }

    fn check(&self, material: &Material, data: &[u8]) -> Result<Good, SigError> {
        let good = match material {
            Material::Ed25519(key) => self.check_ed25519(key, data),
            Material::SkEd25519(key, application) => {
                self.check_ed25519(key, &sk_message(application, self.flags, self.counter, data))
            }
            Material::SkEcdsaP256(key, application) => {
                self.check_p256(key, &sk_message(application, self.flags, self.counter, data))
            }
        };
        if !good {
            return Err(SigError::Mismatch);
        }
        let kind = material.kind();
        let security_key = kind.is_security_key();
        Ok(Good { kind, flags: security_key.then_some(self.flags), counter: security_key.then_some(self.counter) })
    }

    fn check_ed25519(&self, key: &ed25519_dalek::VerifyingKey, message: &[u8]) -> bool {
        key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&self.bytes)).is_ok()
    }

    fn check_p256(&self, key: &p256::ecdsa::VerifyingKey, message: &[u8]) -> bool {
        use p256::ecdsa::signature::Verifier as _;
        p256::ecdsa::Signature::from_slice(&self.bytes).is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}

/// What a security key signs (PROTOCOL.u2f): SHA256(application), flags, counter, SHA256(data).
fn sk_message(application: &str, flags: u8, counter: u32, data: &[u8]) -> Vec<u8> {
    let mut out = Digest::of(application.as_bytes()).0.to_vec();
    out.push(flags);
    out.extend_from_slice(&counter.to_be_bytes());
    out.extend_from_slice(&Digest::of(data).0);
    out
}

#[cfg(test)]
mod tests {
    use super::wire::put_string;
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    const SPACE: &str = "approval-v1@countersign";

    /// A signature text around any blob, as ssh-keygen lays it out.
    fn layout(blob: &[u8]) -> String {
        let text = STANDARD.encode(blob);
        let lines: Vec<&str> = text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
    }

    fn blob_of(armoured: &str) -> Vec<u8> {
        let body: String = armoured.lines().filter(|line| !line.starts_with('-')).collect();
        STANDARD.decode(body).unwrap()
    }

    #[test]
    fn every_kind_verifies_and_tells_its_flags() {
        for kind in KeyKind::ALL {
            let key = rehearsal_key("bob", kind);
            for flags in [0x00, 0x01, 0x05] {
                let good = verify(&key.public(), SPACE, b"text", &key.sign(SPACE, b"text", flags)).unwrap();
                assert_eq!(good.flags, kind.is_security_key().then_some(flags));
                assert_eq!(good.user_verified(), kind.is_security_key() && flags == 0x05);
                assert_eq!(PublicKey::parse(&key.line("bob")), Ok(key.public()));
            }
        }
    }

    #[test]
    fn another_text_namespace_or_key_is_refused() {
        for kind in KeyKind::ALL {
            let (key, other) = (rehearsal_key("bob", kind), rehearsal_key("alice", kind));
            let text = key.sign(SPACE, b"text", 5);
            assert_eq!(verify(&key.public(), SPACE, b"test", &text), Err(SigError::Mismatch));
            assert!(matches!(
                verify(&key.public(), "witness-v1@countersign", b"text", &text),
                Err(SigError::Namespace { .. })
            ));
            assert_eq!(verify(&other.public(), SPACE, b"text", &text), Err(SigError::OtherKey));
            assert_eq!(key_in(&text), Ok(key.public()));
        }
    }

    #[test]
    fn only_the_layout_of_ssh_keygen_is_accepted() {
        let key = rehearsal_key("bob", KeyKind::Ed25519);
        let text = key.sign(SPACE, b"text", 0);
        assert_eq!(layout(&blob_of(&text)), text);
        let mut behind = blob_of(&text);
        behind.push(0);
        for wrong in [
            format!("{text}\n"),
            text.trim_end().to_owned(),
            text.replace('\n', "\r\n"),
            format!(" {text}"),
            text.replacen("NIU0lH", "NIU0lH\n", 1),
            layout(&behind),
            String::new(),
        ] {
            assert!(matches!(verify(&key.public(), SPACE, b"text", &wrong), Err(SigError::Form(_))), "{wrong}");
        }
    }

    #[test]
    fn a_forgery_for_a_weak_key_is_refused_even_past_the_parser() {
        let mut identity = [0u8; 32];
        identity[0] = 1;
        let mut blob = Vec::new();
        put_string(&mut blob, b"ssh-ed25519");
        put_string(&mut blob, &identity);
        let key = PublicKey { kind: KeyKind::Ed25519, line: String::new(), blob };
        let mut forged = identity.to_vec();
        forged.extend_from_slice(&[0u8; 32]);
        let mut signature = Vec::new();
        put_string(&mut signature, b"ssh-ed25519");
        put_string(&mut signature, &forged);
        let text = armour(&key, SPACE, &signature);
        assert_eq!(verify(&key, SPACE, b"any text", &text), Err(SigError::Weak));
    }

    proptest! {
        #[test]
        fn any_altered_byte_is_refused(kind in 0usize..3, at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let key = rehearsal_key("bob", KeyKind::ALL[kind]);
            let mut blob = blob_of(&key.sign(SPACE, b"text", 5));
            let at = at.index(blob.len());
            blob[at] ^= 1 << bit;
            prop_assert!(verify(&key.public(), SPACE, b"text", &layout(&blob)).is_err());
        }

        #[test]
        fn rubbish_never_panics(blob in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
            let key = rehearsal_key("bob", KeyKind::Ed25519).public();
            let _ = verify(&key, SPACE, b"text", &layout(&blob));
            let _ = verify(&key, SPACE, b"text", &text);
            let _ = PublicKey::parse(&text);
            let _ = PublicKey::from_blob(blob);
        }
    }
}
