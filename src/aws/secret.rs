//! Where secret outputs go: into a file or an AWS profile, before the answer goes anywhere.
//!
//! Nothing that is there already is overwritten. What cannot be delivered is refused before the call.

use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A place that was found free and writable.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A new file, mode 0600, holding the record as JSON.
    File(PathBuf),
    /// A new profile of the AWS shared credentials file.
    Profile { file: PathBuf, name: String },
    /// In-process: nothing is written; the profile (if any) can be used by later sessions.
    Memory(Option<String>),
}

/// Reads `secret_to` (`{"file": path}` or `{"profile": name}`), and makes sure that it can be served.
/// `in_process`: nothing on disk is read or written.
pub(super) fn prepare(secret_to: &Value, credentials_file: Option<&Path>, in_process: bool) -> Result<Target, String> {
    let member = |name: &str| secret_to.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (member("file"), member("profile")) {
        (None, Some(name)) if in_process => Ok(Target::Memory(Some(name.to_owned()))),
        (Some(_), None) if in_process => Ok(Target::Memory(None)),
        (Some(path), None) => free_file(Path::new(path)),
        (None, Some(name)) => free_profile(name, credentials_file),
        _ => {
            Err("the answer holds a secret: say where it goes, secret_to = { file = \"...\" } or { profile = \"...\" }"
                .to_owned())
        }
    }
}

/// Puts the record (AWS's members, the secret among them) there and syncs it.
pub(super) fn deliver(target: &Target, record: &Value) -> Result<(), String> {
    let told = |error: io::Error| format!("the secret could not be written: {error}");
    match target {
        Target::Memory(_) => Ok(()),
        Target::File(path) => {
            let text = Zeroizing::new(serde_json::to_string_pretty(record).map_err(|error| error.to_string())?);
            let mut file = private(OpenOptions::new().write(true).create_new(true)).open(path).map_err(told)?;
            write_synced(&mut file, path, &text).map_err(told)
        }
        Target::Profile { file: path, name } => {
            let text = section(name, record)?;
            let mut file = private(OpenOptions::new().append(true).create(true)).open(path).map_err(told)?;
            write_synced(&mut file, path, &text).map_err(told)
        }
    }
}

/// The shared credentials file that the SDK reads: `AWS_SHARED_CREDENTIALS_FILE`, or `~/.aws/credentials`.
pub(super) fn shared_credentials_file() -> Option<PathBuf> {
    match std::env::var_os("AWS_SHARED_CREDENTIALS_FILE").filter(|path| !path.is_empty()) {
        Some(path) => Some(PathBuf::from(path)),
        None => std::env::home_dir().map(|home| home.join(".aws").join("credentials")),
    }
}

fn free_file(path: &Path) -> Result<Target, String> {
    if path.symlink_metadata().is_ok() {
        return Err(format!("the secret would go to {}, which is there already; move it away first", path.display()));
    }
    try_folder(path)?;
    Ok(Target::File(path.to_owned()))
}

fn free_profile(name: &str, file: Option<&Path>) -> Result<Target, String> {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@' | b'/')) {
        return Err(format!("`{name}` cannot be the name of an AWS profile"));
    }
    let Some(file) = file else { return Err("there is no place for an AWS credentials file".to_owned()) };
    let text = match fs::read_to_string(file) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Zeroizing::default(),
        Err(error) => return Err(format!("{} cannot be read: {error}", file.display())),
    };
    let head = |line: &str| line.trim().strip_prefix('[')?.strip_suffix(']').map(|name| name.trim().to_owned());
    if text.lines().filter_map(head).any(|known| known == name) {
        return Err(format!("the profile {name} is in {} already; take it out first", file.display()));
    }
    try_folder(file)?;
    Ok(Target::Profile { file: file.to_owned(), name: name.to_owned() })
}

/// Creates the folder if need be, and tries that files can be made in it.
fn try_folder(path: &Path) -> Result<(), String> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let told = |error: io::Error| format!("nothing can be written to {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(told)?;
    let trial = folder.join(format!(".countersign-{}.try", std::process::id()));
    private(OpenOptions::new().write(true).create(true)).open(&trial).map_err(told)?;
    fs::remove_file(&trial).map_err(told)
}

fn section(name: &str, record: &Value) -> Result<Zeroizing<String>, String> {
    let member = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    let (id, secret, token) = (member("AccessKeyId"), member("SecretAccessKey"), member("SessionToken"));
    let harmless = |text: &str| !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if ![id, secret, token].into_iter().all(harmless) {
        return Err("AWS's answer holds a key that cannot stand in a credentials file".to_owned());
    }
    let mut text = format!("\n[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    if !token.is_empty() {
        text.push_str(&format!("aws_session_token = {token}\n"));
    }
    Ok(Zeroizing::new(text))
}

fn write_synced(file: &mut File, path: &Path, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Readable and writable by its owner alone, where the system knows such a thing.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_is_new_private_and_whole_or_refused_before_the_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub").join("key.json");
        let target = prepare(&json!({"file": path}), None, false).unwrap();
        deliver(&target, &json!({"AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "s3cret"})).unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("s3cret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(prepare(&json!({"file": path}), None, false).unwrap_err().contains("already"));
        assert!(prepare(&Value::Null, None, false).unwrap_err().contains("secret_to"));
    }

    #[test]
    fn a_profile_is_appended_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("credentials");
        fs::write(&file, "[default]\naws_access_key_id = AKIAOLD\n").unwrap();
        let target = prepare(&json!({"profile": "way-in"}), Some(&file), false).unwrap();
        deliver(&target, &json!({"AccessKeyId": "AKIANEW", "SecretAccessKey": "s3cret"})).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("[default]\naws_access_key_id = AKIAOLD\n"), "{text}");
        assert!(text.ends_with("[way-in]\naws_access_key_id = AKIANEW\naws_secret_access_key = s3cret\n"), "{text}");
        assert!(prepare(&json!({"profile": "way-in"}), Some(&file), false).is_err());
        assert!(prepare(&json!({"profile": "a]\n[b"}), Some(&file), false).is_err());
        assert!(deliver(&target, &json!({"AccessKeyId": "A", "SecretAccessKey": "x\n[evil]"})).is_err());
    }
}
