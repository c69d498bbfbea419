//! OpenSSH keys and SSHSIG signatures (PROTOCOL.sshsig, PROTOCOL.u2f): reading, strict
//! verification, and keys made in software for rehearsals and tests. Pure.

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
