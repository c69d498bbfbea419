//! Codes are asked at the terminal without echo, or read one per line from a file or pipe; AWS says whether it takes
//! them. A code is never an argument, never shown, kept or journaled.

use super::CodeArgs;
use crate::aws::{AwsCloud, Config};
use crate::base::Digest;
use crate::base::escape;
use crate::catalogue::Class;
use crate::cli::ui::{CliError, Exit, Ui};
use crate::engine::port::Fault;
use crate::engine::state::Run;
use crate::people::Mfa;
use crate::record::fact::{Corroborated, Mode};
use std::collections::VecDeque;
use std::io::Read as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Where codes come from.
pub struct Codes {
    /// None: the terminal.
    lines: Option<VecDeque<Zeroizing<String>>>,
    interactive: bool,
}

impl Codes {
    /// The lines of `from` (`-`: standard input); without it, the terminal.
    pub fn of(from: Option<&Path>, ui: &Ui) -> Result<Codes, CliError> {
        let Some(path) = from else { return Ok(Codes { lines: None, interactive: ui.interactive }) };
        let mut text = Zeroizing::new(String::new());
        let read = match path.as_os_str() == "-" {
            true => std::io::stdin().read_to_string(&mut text),
            false => std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
        };
        read.map_err(|error| crate::cli::decide::io(path, &error))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines = lines.map(|line| Zeroizing::new(line.to_owned())).collect();
        Ok(Codes { lines: Some(lines), interactive: false })
    }

    /// The next code; none where there is none, or nobody to ask.
    pub fn next(&mut self, prompt: &str) -> Option<Zeroizing<String>> {
        match &mut self.lines {
            Some(lines) => lines.pop_front(),
            None if self.interactive => dialoguer::Password::new()
                .with_prompt(prompt)
                .interact()
                .ok()
                .map(|code| Zeroizing::new(code.trim().to_owned())),
            None => None,
        }
    }

    /// Whether another one may be asked for after a wrong one.
    fn may_ask_again(&self) -> bool {
        self.lines.is_none() && self.interactive
    }
}

/// So often a wrong code at a terminal is asked for anew.
const TRIES: u32 = 3;

/// Asks for codes, and AWS about them.
pub struct Coder {
    args: CodeArgs,
    codes: Codes,
    ui: Ui,
}

impl Coder {
    pub fn new(args: &CodeArgs, ui: &Ui) -> Result<Coder, CliError> {
        Ok(Coder { codes: Codes::of(args.code_from.as_deref(), ui)?, args: args.clone(), ui: *ui })
    }

    /// What AWS says about a code of `person`'s device, for the statement with this digest.
    pub fn corroborate(&mut self, run: &Run, person: &str, statement: &Digest) -> Result<Corroborated, CliError> {
        let mfa = run.people.get(person).and_then(|person| person.mfa.clone()).ok_or_else(|| {
            let message = format!("the people file has no MFA device of {person}, and the role needs a code of it");
            CliError::new(Exit::Refused, "CS7063", message, "`mfa` is added by a change of the people file")
        })?;
        fits_mode(run, self.args.simulated)?;
        let cloud = AwsCloud::new(Config { simulated: self.args.simulated, ..Config::default() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            CliError::new(Exit::Failed, "CS1007", format!("the runtime did not start: {error}"), "")
        })?;
        runtime.block_on(cloud.check_endpoints()).map_err(|why| CliError::new(Exit::Refused, "CS7013", why, ""))?;
        let mut left = if self.codes.may_ask_again() { TRIES } else { 1 };
        loop {
            left -= 1;
            match self.once(&cloud, &runtime, person, &mfa, statement) {
                Err(error) if error.code == "CS7064" && left > 0 => self.ui.must_say(&error.message),
                ended => return ended,
            }
        }
    }

    fn once(
        &mut self,
        cloud: &AwsCloud,
        runtime: &tokio::runtime::Runtime,
        person: &str,
        mfa: &Mfa,
        statement: &Digest,
    ) -> Result<Corroborated, CliError> {
        let device = escape::line(&mfa.serial);
        let code = self.codes.next(&format!("code of {device}")).ok_or_else(|| no_code(person))?;
        if !is_code(&code) {
            return Err(wrong("a code has six digits, and what was given does not: nothing was sent"));
        }
        let profile = self.args.profile.as_deref().unwrap_or_default();
        let answer = runtime.block_on(cloud.corroborate(profile, mfa, statement, &code));
        let found = answer.map_err(|fault| refused(&fault, person))?;
        let id = found.request_id.clone().unwrap_or_default();
        self.ui.say(&format!(
            "AWS took the code of {device} (request {}); corroborated, not proved: CloudTrail of {} settles it",
            escape::line(&id),
            escape::line(&found.account)
        ));
        Ok(found)
    }
}

fn fits_mode(run: &Run, simulated: bool) -> Result<(), CliError> {
    let is = run.opened.mode != Mode::Live;
    if is == simulated {
        return Ok(());
    }
    let hint = if is { "approve with --simulated" } else { "approve without --simulated" };
    let message = format!("the run {} is {}, and AWS is asked about the code", run.id.short(), run.opened.mode.name());
    Err(CliError::new(Exit::Refused, "CS7014", message, hint))
}

fn wrong(message: &str) -> CliError {
    let hint = "a code works once and for half a minute: wait for the next one, then give the command again; the \
                signed statement is kept";
    CliError::new(Exit::Refused, "CS7064", message, hint)
}

fn refused(fault: &Fault, person: &str) -> CliError {
    let said = escape::line(&format!("{}: {}", fault.code, fault.message));
    match fault.class {
        _ if fault.code == "Endpoint" => CliError::new(Exit::Refused, "CS7013", said, ""),
        Class::SessionExpired => CliError::new(
            Exit::Refused,
            "CS7065",
            format!("AWS could not be asked about the code: no credentials of {person} are at hand ({said})"),
            "name a profile with your own credentials: --profile NAME",
        ),
        Class::Refused | Class::NotDone | Class::Human => wrong(&format!(
            "AWS did not take the code: {said}. It is wrong, too old, or was used before; or {person} may not \
             assume the role of the people file"
        )),
        _ => CliError::new(
            Exit::Failed,
            "CS1041",
            format!("AWS gave no answer about the code: {said}"),
            "the code may be used up: wait for the next one, then give the command again; the signed statement is kept",
        ),
    }
}

/// No code was given.
fn no_code(person: &str) -> CliError {
    CliError::new(
        Exit::Waiting,
        "CS4003",
        format!("{person} gave no code, and nothing was sent"),
        "give it at a terminal, or with --code-from FILE; the signed statement is kept and goes with the next try",
    )
}

/// A code has six digits.
fn is_code(code: &str) -> bool {
    code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())
}
