//! Signing through ssh-agent: the key stays there; security keys ask for touch and PIN there.

use crate::engine::port::SignError;
use crate::sshsig::{self, PublicKey};
use ssh_agent_client_rs::{Client, Identity};
use std::path::Path;

/// Signs with the first of `keys` that the agent holds.
pub fn sign(person: &str, keys: &[PublicKey], namespace: &str, message: &[u8]) -> Result<(String, String), SignError> {
    let none = |message: String| SignError::NoKey { person: person.to_owned(), message };
    let socket = std::env::var_os("SSH_AUTH_SOCK").ok_or_else(|| none("no --key was given, and no ssh-agent is running".to_owned()))?;
    let mut client = Client::connect(Path::new(&socket)).map_err(|error| none(format!("ssh-agent: {error}")))?;
    let identities = client.list_all_identities().map_err(|error| none(format!("ssh-agent: {error}")))?;
    for identity in identities {
        let Identity::PublicKey(known) = &identity else { continue };
        let Ok(line) = known.to_openssh() else { continue };
        let Some(key) = PublicKey::parse(&line).ok().filter(|key| keys.contains(key)) else { continue };
        let data = sshsig::to_be_signed(namespace, message);
        let signature = client.sign(identity.clone(), &data).map_err(|error| SignError::Failed(format!("ssh-agent: {error}")))?;
        let blob = wire(&signature);
        return Ok((sshsig::armour(&key, namespace, &blob), key.line));
    }
    Err(none("ssh-agent holds none of the keys in the people file".to_owned()))
}

/// The SSH wire form: algorithm, signature; a security key's flags and counter stand behind the signature's string.
fn wire(signature: &ssh_key::Signature) -> Vec<u8> {
    let algorithm = signature.algorithm().to_string();
    let bytes = signature.as_bytes();
    let tail = if algorithm.starts_with("sk-") { 5 } else { 0 };
    let (body, rest) = bytes.split_at(bytes.len().saturating_sub(tail));
    let mut out = Vec::new();
    for part in [algorithm.as_bytes(), body] {
        out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(part);
    }
    out.extend_from_slice(rest);
    out
}
