//! The SSHSIG blob and its text armour, in the one form that `ssh-keygen -Y sign` writes.

use super::wire::{Reader, put_string};
use super::{PublicKey, SigError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
const MAGIC: &[u8] = b"SSHSIG";
/// Armoured signatures of accepted kinds stay far below this.
const MAX_ARMOUR: usize = 4096;
const COLUMNS: usize = 70;

/// The hash over the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

/// A signature, taken apart, not yet checked.
pub(super) struct Parts {
    pub(super) key: Vec<u8>,
    pub(super) namespace: String,
    pub(super) hash: Hash,
    pub(super) signature: Vec<u8>,
}

impl Parts {
    /// Reads armour in its canonical form only, and everything in it to the last byte.
    pub(super) fn read(armoured: &str) -> Result<Parts, SigError> {
        let form = |why: &str| SigError::Form(why.to_owned());
        let blob = unarmour(armoured)?;
        let mut reader = Reader::new(&blob);
        if reader.take(MAGIC.len()) != Some(MAGIC) {
            return Err(form("it does not begin with SSHSIG"));
        }
        if reader.u32() != Some(1) {
            return Err(form("its version is not 1"));
        }
        let short = || form("its bytes end too early");
        let key = reader.string().ok_or_else(short)?.to_vec();
        let namespace = reader.text().ok_or_else(short)?.to_owned();
        if !reader.string().ok_or_else(short)?.is_empty() {
            return Err(form("its reserved field is not empty"));
        }
        let hash = match reader.text() {
            Some("sha512") => Hash::Sha512,
            Some("sha256") => Hash::Sha256,
            _ => return Err(form("its hash is neither sha512 nor sha256")),
        };
        let signature = reader.string().ok_or_else(short)?.to_vec();
        reader.end().ok_or_else(|| form("bytes follow behind its end"))?;
        Ok(Parts { key, namespace, hash, signature })
    }
}

/// What the key signs: namespace, hash name and the message's hash.
pub(super) fn signed_data(namespace: &str, hash: Hash, message: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    put_string(&mut out, namespace.as_bytes());
    put_string(&mut out, b"");
    match hash {
        Hash::Sha512 => {
            put_string(&mut out, b"sha512");
            put_string(&mut out, &Sha512::digest(message));
        }
        Hash::Sha256 => {
            put_string(&mut out, b"sha256");
            put_string(&mut out, &Sha256::digest(message));
        }
    }
    out
}

/// The bytes that an agent or a key file has to sign for `message` (hash sha512, as ssh-keygen does).
pub fn to_be_signed(namespace: &str, message: &[u8]) -> Vec<u8> {
    signed_data(namespace, Hash::Sha512, message)
}

/// The armoured text around a raw signature over [`to_be_signed`].
pub fn armour(key: &PublicKey, namespace: &str, signature: &[u8]) -> String {
    let mut blob = MAGIC.to_vec();
    blob.extend_from_slice(&1u32.to_be_bytes());
    put_string(&mut blob, &key.blob);
    put_string(&mut blob, namespace.as_bytes());
    put_string(&mut blob, b"");
    put_string(&mut blob, b"sha512");
    put_string(&mut blob, signature);
    wrap(&blob)
}

/// The blob inside of an armoured signature; none if it is not laid out as ssh-keygen lays it out.
pub fn blob_of(armoured: &str) -> Option<Vec<u8>> {
    unarmour(armoured).ok()
}

/// The armoured text of a blob.
pub fn wrap(blob: &[u8]) -> String {
    let text = STANDARD.encode(blob);
    let mut out = String::from(BEGIN);
    for (at, c) in text.chars().enumerate() {
        if at > 0 && at % COLUMNS == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out.push('\n');
    out.push_str(END);
    out
}

fn unarmour(text: &str) -> Result<Vec<u8>, SigError> {
    let form = |why: &str| SigError::Form(why.to_owned());
    if text.len() > MAX_ARMOUR {
        return Err(form("it is too long"));
    }
    let body = text.strip_prefix(BEGIN).ok_or_else(|| form("it does not begin with -----BEGIN SSH SIGNATURE-----"))?;
    let body = body.strip_suffix(END).ok_or_else(|| form("it does not end with -----END SSH SIGNATURE-----"))?;
    let packed: String = body.chars().filter(|c| *c != '\n').collect();
    let blob = STANDARD.decode(packed).map_err(|_| form("its body is not base64"))?;
    // One signature, one text: what ssh-keygen would have written.
    if wrap(&blob) == text { Ok(blob) } else { Err(form("it is not laid out as ssh-keygen lays it out")) }
}
