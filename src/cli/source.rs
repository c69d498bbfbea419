//! What `run` and `rehearse` are given: a runbook and what lies beside it.

use super::decide::read_text;
use super::load::{self, Loaded, Sources};
use super::ui::{CliError, Exit, Ui};
#[cfg(feature = "aws")]
use crate::people;
use crate::plan::Timing;
#[cfg(feature = "aws")]
use crate::plan::model::Proof;
#[cfg(feature = "aws")]
use crate::rehearse::people as simulated;
use crate::simulator::World;
use std::path::{Path, PathBuf};

#[derive(clap::Args, Clone, Debug)]
pub struct Source {
    /// The runbook
    pub runbook: PathBuf,
    /// Parameter values, TOML or JSON; default: NAME.values.toml beside the runbook
    #[arg(long, value_name = "FILE")]
    pub values: Option<PathBuf>,
    /// The people file; default: people.toml beside the runbook
    #[arg(long, value_name = "FILE")]
    pub people: Option<PathBuf>,
    /// One parameter: NAME=VALUE, or NAME=@FILE (CSV, TOML, JSON)
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

impl Source {
    fn sources(&self) -> Sources {
        Sources {
            runbook: self.runbook.clone(),
            values: self.values.clone(),
            people: self.people.clone(),
            sets: self.set.clone(),
            ..Sources::default()
        }
    }

    /// Everything for a real or simulated run; warnings are said.
    pub fn load(&self, timing: Option<&Timing>, ui: &Ui) -> Result<Loaded, CliError> {
        let loaded = load::plan(&self.sources(), timing)?;
        loaded.warnings.iter().for_each(|warning| ui.say(&ui.finding(warning)));
        Ok(loaded)
    }

    /// Everything for a rehearsal: the same people with throw-away keys, examples for missing values.
    #[cfg(feature = "aws")]
    pub fn load_rehearsal(&self, timing: Option<&Timing>, ui: &Ui) -> Result<Loaded, CliError> {
        let text = read_text(&self.runbook)?;
        let (checked, found) = load::checked(&load::name(&self.runbook), &text, None);
        let Some(checked) = checked else { return Err(CliError::findings(found)) };
        let roles: simulated::Roles =
            checked.roles.iter().map(|(id, role)| (id.clone(), (role.party.clone(), proof(role.proof)))).collect();
        let path = self.people.clone().unwrap_or_else(|| self.runbook.with_file_name("people.toml"));
        let people_text = if self.people.is_some() || path.exists() {
            let (people, found) = people::parse(&load::name(&path), &read_text(&path)?, true);
            let people = people.ok_or_else(|| CliError::findings(found))?;
            simulated::file(&people, &roles)
        } else {
            simulated::invented(&roles)
        };
        let sources = Sources { rehearsal: true, people_text: Some(people_text), ..self.sources() };
        let loaded = load::plan(&sources, timing)?;
        loaded.warnings.iter().for_each(|warning| ui.say(&ui.finding(warning)));
        Ok(loaded)
    }

    /// The world beside the runbook, or the one given; none if there is none.
    pub fn world(&self, given: Option<&Path>) -> Result<Option<World>, CliError> {
        let path = match given {
            Some(path) => path.to_path_buf(),
            None => {
                let path = self.world_path();
                if !path.exists() {
                    return Ok(None);
                }
                path
            }
        };
        let text = read_text(&path)?;
        World::parse(&path.display().to_string(), &text).map(Some).map_err(CliError::findings)
    }

    pub fn need_world(&self, given: Option<&Path>) -> Result<World, CliError> {
        self.world(given)?.ok_or_else(|| {
            CliError::new(
                Exit::Usage,
                "CS2012",
                format!("there is no world at {}", self.world_path().display()),
                "a rehearsal needs a simulated AWS: write one, or name it with --world FILE",
            )
        })
    }

    pub fn world_path(&self) -> PathBuf {
        let folder = self.runbook.parent().unwrap_or(Path::new("")).join("worlds");
        folder.join(self.runbook.file_name().unwrap_or_default())
    }
}

#[cfg(feature = "aws")]
fn proof(written: crate::runbook::written::Proof) -> Proof {
    match written {
        crate::runbook::written::Proof::Signature => Proof::Signature,
        crate::runbook::written::Proof::UserVerified => Proof::UserVerified,
        crate::runbook::written::Proof::MfaCode => Proof::MfaCode,
    }
}

/// The plan's time limits in a simulated world.
pub fn timing(world: &World) -> Timing {
    Timing { time_limit_ms: world.timing.time_limit, settles_within_ms: world.timing.settles_within }
}
