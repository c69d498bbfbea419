//! A client of ssh-agent: which keys it holds, and a signature by one of them. Nothing else is asked.
//!
//! Keys and signatures pass through as the bytes they are: the SSH crates re-encode those of ECDSA
//! security keys wrongly, and stumble over identities of types that they do not know.

use crate::sshsig::wire::{Reader, put_string};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const FAILURE: u8 = 5;
const MAX_MESSAGE: usize = 1024 * 1024;
/// A touch and a PIN take a person's time.
const PATIENCE: Duration = Duration::from_secs(180);

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error("ssh-agent at {} could not be reached: {why}", socket.display())]
    Unreachable { socket: PathBuf, why: String },
    #[error("ssh-agent did not sign (is it locked, was the key touched in time?)")]
    Refused,
    #[error("ssh-agent gave an answer that is not of its protocol")]
    Garbled,
}

/// An agent, by its socket (usually `SSH_AUTH_SOCK`, which the caller reads).
#[derive(Clone, Debug)]
pub struct Agent {
    socket: PathBuf,
}

impl Agent {
    pub fn new(socket: &Path) -> Agent {
        Agent { socket: socket.to_owned() }
    }

    /// The key blobs that it holds.
    pub fn identities(&self) -> Result<Vec<Vec<u8>>, AgentError> {
        let answer = self.ask(&[REQUEST_IDENTITIES])?;
        read_identities(&answer).ok_or(AgentError::Garbled)
    }

    /// The wire form of a signature over `data` by the key `blob`.
    pub fn sign(&self, blob: &[u8], data: &[u8]) -> Result<Vec<u8>, AgentError> {
        let mut request = vec![SIGN_REQUEST];
        put_string(&mut request, blob);
        put_string(&mut request, data);
        request.extend_from_slice(&0u32.to_be_bytes());
        let answer = self.ask(&request)?;
        if answer.first() == Some(&FAILURE) {
            return Err(AgentError::Refused);
        }
        read_signature(&answer).ok_or(AgentError::Garbled)
    }

    /// One request on a connection of its own.
    fn ask(&self, request: &[u8]) -> Result<Vec<u8>, AgentError> {
        let unreachable =
            |error: std::io::Error| AgentError::Unreachable { socket: self.socket.clone(), why: error.to_string() };
        let mut stream = connect(&self.socket).map_err(unreachable)?;
        let mut message = Vec::new();
        put_string(&mut message, request);
        stream.write_all(&message).map_err(unreachable)?;
        let mut length = [0u8; 4];
        stream.read_exact(&mut length).map_err(unreachable)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > MAX_MESSAGE {
            return Err(AgentError::Garbled);
        }
        let mut answer = vec![0u8; length];
        stream.read_exact(&mut answer).map_err(unreachable)?;
        Ok(answer)
    }
}

fn read_identities(answer: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut reader = Reader::new(answer);
    if reader.byte()? != IDENTITIES_ANSWER {
        return None;
    }
    let count = reader.u32()?;
    let mut blobs = Vec::new();
    for _ in 0..count {
        blobs.push(reader.string()?.to_vec());
        reader.string()?;
    }
    reader.end()?;
    Some(blobs)
}

fn read_signature(answer: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(answer);
    if reader.byte()? != SIGN_RESPONSE {
        return None;
    }
    let signature = reader.string()?.to_vec();
    reader.end()?;
    Some(signature)
}

#[cfg(unix)]
fn connect(socket: &Path) -> std::io::Result<std::os::unix::net::UnixStream> {
    let stream = std::os::unix::net::UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

#[cfg(windows)]
fn connect(socket: &Path) -> std::io::Result<std::fs::File> {
    // OpenSSH for Windows listens on a named pipe, which opens like a file.
    let _ = PATIENCE;
    std::fs::File::options().read(true).write(true).open(socket)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// An agent that gives one answer, whatever it is asked.
    fn answering(answer: Vec<u8>) -> (tempfile::TempDir, Agent) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0u8; 4];
            stream.read_exact(&mut length).unwrap();
            let mut request = vec![0u8; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(&answer).unwrap();
        });
        (folder, Agent::new(&socket))
    }

    #[test]
    fn answers_out_of_protocol_give_words() {
        let garbled = |answer: &[u8]| {
            let (_folder, agent) = answering(answer.to_vec());
            agent.identities().unwrap_err()
        };
        assert!(matches!(garbled(&[0, 0, 0, 1, 6]), AgentError::Garbled));
        assert!(matches!(garbled(&[0, 0, 0, 5, 12, 0xff, 0xff, 0xff, 0xff]), AgentError::Garbled));
        assert!(matches!(garbled(&[0, 0, 0, 6, 12, 0, 0, 0, 0, 0]), AgentError::Garbled));
        assert!(matches!(garbled(&[0xff, 0xff, 0xff, 0xff]), AgentError::Garbled));
        assert!(matches!(garbled(&[0, 0, 0, 9, 12]), AgentError::Unreachable { .. }));
        let (_folder, agent) = answering(vec![0, 0, 0, 1, 5]);
        assert!(matches!(agent.sign(b"key", b"data"), Err(AgentError::Refused)));
        let nobody = Agent::new(Path::new("/nonexistent/agent"));
        assert!(matches!(nobody.identities(), Err(AgentError::Unreachable { .. })));
    }
}
