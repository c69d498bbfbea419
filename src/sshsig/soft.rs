//! Keys made in software: for rehearsals, simulated runs and tests, and for OpenSSH key files.

use super::armour::{armour, to_be_signed};
use super::wire::{put_scalar, put_string};
use super::{KeyKind, PublicKey, sk_message};
use crate::base::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use std::fmt;

/// What OpenSSH writes when nothing else is asked for.
pub const DEFAULT_APPLICATION: &str = "ssh:";

/// A private key in memory. Wiped when dropped.
#[derive(Clone)]
pub struct SoftKey {
    secret: Secret,
    application: String,
    public: PublicKey,
}

#[derive(Clone)]
enum Secret {
    Ed25519(ed25519_dalek::SigningKey),
    SkEd25519(ed25519_dalek::SigningKey),
    SkEcdsaP256(p256::ecdsa::SigningKey),
}

impl SoftKey {
    /// The key that belongs to `seed`. `application` matters to security-key kinds only.
    pub fn from_seed(kind: KeyKind, seed: [u8; 32], application: &str) -> SoftKey {
        let secret = match kind {
            KeyKind::Ed25519 => Secret::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed)),
            KeyKind::SkEd25519 => Secret::SkEd25519(ed25519_dalek::SigningKey::from_bytes(&seed)),
            KeyKind::SkEcdsaP256 => Secret::SkEcdsaP256(scalar(seed)),
        };
        let blob = secret.public_blob(application);
        let line = format!("{} {}", kind.name(), STANDARD.encode(&blob));
        SoftKey { secret, application: application.to_owned(), public: PublicKey { kind, blob, line } }
    }

    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }

    /// `type base64 comment`.
    pub fn line(&self, comment: &str) -> String {
        format!("{} {comment}", self.public.line)
    }

    /// An armoured SSHSIG. `flags` are what a security key would say of touch and PIN; plain keys have none.
    pub fn sign(&self, namespace: &str, message: &[u8], flags: u8) -> String {
        let signature = self.raw(&to_be_signed(namespace, message), flags);
        armour(&self.public, namespace, &signature)
    }

    /// The wire form of a signature over `data`.
    fn raw(&self, data: &[u8], flags: u8) -> Vec<u8> {
        // A fixed counter: rehearsals must come out the same every time.
        let counter: u32 = 1;
        let mut out = Vec::new();
        put_string(&mut out, self.public.kind.name().as_bytes());
        match &self.secret {
            Secret::Ed25519(key) => {
                put_string(&mut out, &key.sign(data).to_bytes());
                return out;
            }
            Secret::SkEd25519(key) => {
                put_string(&mut out, &key.sign(&sk_message(&self.application, flags, counter, data)).to_bytes());
            }
            Secret::SkEcdsaP256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(&sk_message(&self.application, flags, counter, data));
                let mut pair = Vec::new();
                put_scalar(&mut pair, &signature.r().to_bytes());
                put_scalar(&mut pair, &signature.s().to_bytes());
                put_string(&mut out, &pair);
            }
        }
        out.push(flags);
        out.extend_from_slice(&counter.to_be_bytes());
        out
    }
}

impl fmt::Debug for SoftKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftKey({})", self.public.line)
    }
}

impl Secret {
    fn public_blob(&self, application: &str) -> Vec<u8> {
        let mut blob = Vec::new();
        match self {
            Secret::Ed25519(key) => {
                put_string(&mut blob, KeyKind::Ed25519.name().as_bytes());
                put_string(&mut blob, key.verifying_key().as_bytes());
            }
            Secret::SkEd25519(key) => {
                put_string(&mut blob, KeyKind::SkEd25519.name().as_bytes());
                put_string(&mut blob, key.verifying_key().as_bytes());
                put_string(&mut blob, application.as_bytes());
            }
            Secret::SkEcdsaP256(key) => {
                put_string(&mut blob, KeyKind::SkEcdsaP256.name().as_bytes());
                put_string(&mut blob, b"nistp256");
                put_string(&mut blob, key.verifying_key().to_encoded_point(false).as_bytes());
                put_string(&mut blob, application.as_bytes());
            }
        }
        blob
    }
}

/// The first scalar below the group's order in the row seed, SHA-256(seed), ...
fn scalar(mut seed: [u8; 32]) -> p256::ecdsa::SigningKey {
    loop {
        if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&seed) {
            return key;
        }
        seed = Digest::of(&seed).0;
    }
}

/// The key of a simulated person: anybody can make it again, so it proves nothing outside a rehearsal.
pub fn rehearsal_key(person: &str, kind: KeyKind) -> SoftKey {
    let seed = Digest::of(format!("countersign rehearsal {person}{}", kind.name()).as_bytes());
    SoftKey::from_seed(kind, seed.0, DEFAULT_APPLICATION)
}
