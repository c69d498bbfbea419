//! Which copy of a journal this is, and which start of the machine.

use crate::base::Digest;
use std::path::Path;

/// First 32 hex digits of SHA-256 over the operating system's machine id and the journal file's device
/// and inode: the same for all users of one file, different for a copy. The file must exist.
pub fn machine_id(journal: &Path) -> std::io::Result<String> {
    let place = file_identity(&std::fs::canonicalize(journal)?)?;
    Ok(digest_of(&os_machine_id(), &place))
}

/// Changes with every start of the machine; empty where the system does not tell.
pub fn boot_id() -> String {
    read_word("/proc/sys/kernel/random/boot_id")
}

fn digest_of(machine: &str, place: &str) -> String {
    let mut hex = Digest::of(format!("{machine}\n{place}\n").as_bytes()).hex();
    hex.truncate(32);
    hex
}

fn os_machine_id() -> String {
    let id = read_word("/etc/machine-id");
    if id.is_empty() { read_word("/var/lib/dbus/machine-id") } else { id }
}

fn read_word(path: &str) -> String {
    std::fs::read_to_string(path).map_or(String::new(), |text| text.trim().to_owned())
}

#[cfg(unix)]
fn file_identity(path: &Path) -> std::io::Result<String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path)?;
    Ok(format!("{} {}", metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn file_identity(path: &Path) -> std::io::Result<String> {
    Ok(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_another_place_and_a_link_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("a"), folder.path().join("b"));
        assert!(machine_id(&one).is_err());
        std::fs::write(&one, "x").unwrap();
        std::fs::copy(&one, &two).unwrap();
        let id = machine_id(&one).unwrap();
        assert_eq!(id.len(), 32);
        assert_ne!(machine_id(&two).unwrap(), id);
        let link = folder.path().join("c");
        std::os::unix::fs::symlink(&one, &link).unwrap();
        assert_eq!(machine_id(&link).unwrap(), id);
    }
}
