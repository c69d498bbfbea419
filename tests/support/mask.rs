//! What differs from run to run, put out of a text so that transcripts can be compared.

use std::path::Path;

/// Run ids, times, digests, codes of requests, handshake ids, fingerprints, key material, ports and the scene's folder.
pub fn mask(text: &str, run: &str, folder: &Path, port: u16) -> String {
    let mut text = text.replace("\r\n", "\n");
    let whole = std::fs::canonicalize(folder).unwrap();
    for path in [whole.as_path(), folder] {
        text = text.replace(&path.display().to_string(), "FOLDER");
    }
    text = text.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:PORT");
    if !run.is_empty() {
        text = text.replace(run, "RUN").replace(&run[..8], "RUN8");
    }
    words(&text)
}

/// Masks the words that are known by their shape.
fn words(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars() {
        // Colons and dots join what belongs together: times, handshake ARNs, SHA256:...
        if c.is_ascii_alphanumeric() || "-:.+/=_".contains(c) {
            word.push(c);
        } else {
            out.push_str(&shape(&word));
            word.clear();
            out.push(c);
        }
    }
    out.push_str(&shape(&word));
    out
}

fn shape(word: &str) -> String {
    let end = word.trim_end_matches([':', '.', '=']);
    let tail = &word[end.len()..];
    if let Some(masked) = known(end) {
        return format!("{masked}{tail}");
    }
    // A handshake's id may stand inside of an ARN or behind `Id=`.
    if let Some(at) = word.find("h-").filter(|at| is_handshake(&word[*at..])) {
        return format!("{}h-HANDSHAKE", &word[..at]);
    }
    word.to_owned()
}

fn known(word: &str) -> Option<&'static str> {
    let bytes = word.as_bytes();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if word.starts_with("SHA256:") && word.len() > 40 {
        return Some("SHA256:FINGERPRINT");
    }
    if matches!(word.len(), 64) && word.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some("DIGEST");
    }
    if word.len() == 8 && bytes[2] == b':' && bytes[5] == b':' && digits(&word.replace(':', "")) {
        return Some("HH:MM:SS");
    }
    let date = |text: &str| text.len() == 10 && digits(&text.replace('-', "")) && text.matches('-').count() == 2;
    if date(word) {
        return Some("DATE");
    }
    if word.len() > 15 && date(&word[..10]) && bytes[10] == b'T' {
        return Some("TIME");
    }
    let letters = |group: &str| group.len() == 4 && group.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if matches!(word.len(), 9 | 19) && word.split('-').all(letters) {
        return Some("CODE");
    }
    if (5..=6).contains(&word.len()) && bytes[2] == b':' && digits(&word[..2]) && digits(&word[3..5]) {
        return Some("HH:MM");
    }
    None
}

fn is_handshake(text: &str) -> bool {
    let id = text.strip_prefix("h-").unwrap_or_default();
    id.len() >= 8 && id.bytes().all(|b| b.is_ascii_alphanumeric())
}
