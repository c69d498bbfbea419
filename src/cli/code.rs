//! How an approver's machine has the code of an MFA device checked by AWS, where the approver's role needs one.
//! Never keeps a code.

use std::path::PathBuf;

#[cfg(feature = "aws")]
mod asked;

#[cfg(feature = "aws")]
pub use asked::{Coder, Codes};

/// How an approver's machine asks AWS about codes.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct CodeArgs {
    /// Where your role needs a code of your MFA device: the AWS profile with your own credentials
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Read the codes from this file (- is standard input), one line for each approval; without it they are asked for
    #[arg(long, value_name = "FILE")]
    pub code_from: Option<PathBuf>,
    /// The AWS that checks codes is a simulator
    #[arg(long)]
    pub simulated: bool,
}

/// Without AWS in the program nobody can be asked.
#[cfg(not(feature = "aws"))]
pub struct Coder;

#[cfg(not(feature = "aws"))]
impl Coder {
    pub fn new(_: &CodeArgs, _: &super::ui::Ui) -> Result<Coder, super::ui::CliError> {
        Ok(Coder)
    }

    pub fn corroborate(
        &mut self,
        _: &crate::engine::state::Run,
        person: &str,
        _: &crate::base::Digest,
    ) -> Result<crate::record::fact::Corroborated, super::ui::CliError> {
        let message = format!("this program was built without AWS, and can't have a code of {person} checked");
        Err(super::ui::CliError::new(super::ui::Exit::Refused, "CS7065", message, "use a program with the feature aws"))
    }
}
