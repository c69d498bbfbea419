//! Statements that are signed elsewhere: written out with the object that they name, and brought back with the
//! signature. What comes back must say what the command says; who may say it is not decided here.

use super::decide::{io, read_text, unknown, write_file};
use super::ui::{CliError, Exit};
use crate::base::{Digest, escape};
use crate::engine::state::Run;
use crate::record::fact::SignedText;
use crate::record::salted;
use crate::record::statement::{Body, Statement};
use std::path::{Path, PathBuf};

/// A command that would sign more than one statement.
pub fn several() -> CliError {
    let message = "--print writes one statement, and this would be several";
    CliError::new(Exit::Usage, "CS2042", message, "give the parts in commands of their own")
}

/// Writes the statement, and beside it the object that it names; gives the words that say how to go on.
pub fn print(path: &Path, namespace: &str, text: &str, object: Option<&(Digest, Vec<u8>)>) -> Result<String, CliError> {
    write_file(path, text.as_bytes())?;
    if let Some((_, bytes)) = object {
        write_file(&object_path(path), bytes)?;
    }
    let shown = escape::line(&super::place::quoted(&path.to_string_lossy()));
    Ok(format!(
        "wrote {shown}; nothing is in the journal yet. Sign it:\n  ssh-keygen -Y sign -n {namespace} -f KEY {shown}\n\
         then give the same command with --signature {shown}.sig in place of --print"
    ))
}

/// `statement.sig` lies beside `statement` and `statement.object`.
fn object_path(statement: &Path) -> PathBuf {
    let mut name = statement.as_os_str().to_owned();
    name.push(".object");
    PathBuf::from(name)
}

/// The statement with its signature, if it is by one of the person's keys and says what `body` says.
pub fn bring(
    run: &Run,
    person: &str,
    role: &str,
    body: &Body,
    object: &mut Option<(Digest, Vec<u8>)>,
    signature: &Path,
) -> Result<SignedText, CliError> {
    let path = signature.with_extension("");
    let (text, armour) = (read_text(&path)?, read_text(signature)?);
    let statement = Statement::read(&text).map_err(|error| differs(&path, &error.to_string()))?;
    if let (Some((digest, bytes)), Body::Said(_, said)) = (object.as_mut(), &statement.body) {
        let kept = object_path(&path);
        let signed = std::fs::read(&kept).map_err(|error| io(&kept, &error))?;
        let same = signed == *bytes || salted::same_content(&signed, bytes);
        if !same || said.object != Some(Digest::of(&signed)) {
            return Err(differs(&path, "what was signed is another answer than the one given now"));
        }
        (*digest, *bytes) = (Digest::of(&signed), signed);
    }
    if !says(&statement.body, body, object.as_ref().map(|object| object.0)) {
        return Err(differs(&path, "what was signed is not what this command says"));
    }
    if statement.tail.person != person || statement.tail.role != role {
        return Err(differs(&path, "it was written for another person or role"));
    }
    signed_by(run, person, &statement.namespace(), text, armour, (&path, signature))
}

/// The same, whatever history its signer saw.
fn says(signed: &Body, wanted: &Body, object: Option<Digest>) -> bool {
    match (signed, wanted) {
        (Body::Approval(_, signed), Body::Approval(_, wanted)) => signed == wanted,
        (Body::BreakGlass(_, signed), Body::BreakGlass(_, wanted)) => signed == wanted,
        (Body::Said(_, signed), Body::Said(_, wanted)) => {
            (signed.what, &signed.covers, signed.attempt, signed.object)
                == (wanted.what, &wanted.covers, wanted.attempt, object)
        }
        _ => false,
    }
}

/// The text with the signature, once one of the person's keys is found to have made it.
pub fn signed_by(
    run: &Run,
    person: &str,
    namespace: &str,
    text: String,
    armour: String,
    (statement, signature): (&Path, &Path),
) -> Result<SignedText, CliError> {
    let known = run.people.get(person).ok_or_else(|| unknown(run, person))?;
    let key = known.keys.iter().find(|key| crate::sshsig::verify(key, namespace, text.as_bytes(), &armour).is_ok());
    let Some(key) = key else {
        let (shown, over) = (signature.display(), statement.display());
        return Err(CliError::new(
            Exit::Refused,
            "CS7004",
            format!("{shown} is not a signature by one of {person}'s keys over {over}"),
            format!("sign with: ssh-keygen -Y sign -n {namespace} -f KEY {over}"),
        ));
    };
    Ok(SignedText { statement: text, signature: armour, key: key.line.clone() })
}

fn differs(path: &Path, why: &str) -> CliError {
    let shown = escape::line(&path.display().to_string());
    CliError::new(
        Exit::Refused,
        "CS7004",
        format!("{shown}: {}", escape::line(why)),
        "give the same command as with --print, or write it out anew",
    )
}
