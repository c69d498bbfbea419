//! `countersign man`: the manual, written from the same tables as `--help`.

use super::decide::{io, write_file};
use super::ui::{CliError, CliResult, Exit, Ui};
use clap::Command;
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Write one page per verb into this folder, instead of the main page to standard output
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

pub fn run(args: &Args, ui: &Ui) -> CliResult {
    let pages = pages()?;
    let Some(folder) = &args.output else {
        let main = pages.first().map(|(_, text)| text.as_str()).unwrap_or_default();
        ui.data(main.trim_end());
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(folder).map_err(|error| io(folder, &error))?;
    for (name, text) in &pages {
        write_file(&folder.join(name), text.as_bytes())?;
    }
    ui.say(&format!("wrote {} pages; read one with: man -l {}/countersign.1", pages.len(), folder.display()));
    Ok(Exit::Done)
}

/// File name and text of every page, the main one first.
fn pages() -> Result<Vec<(String, String)>, CliError> {
    let mut command = super::command();
    command.build();
    let mut pages = vec![page(&command)?];
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        pages.push(page(verb)?);
    }
    Ok(pages)
}

fn page(command: &Command) -> Result<(String, String), CliError> {
    let title = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut text = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).title(title.to_uppercase());
    man.render(&mut text).map_err(|error| {
        CliError::new(Exit::Failed, "CS1003", format!("the manual could not be written: {error}"), "")
    })?;
    Ok((format!("{title}.1"), String::from_utf8_lossy(&text).into_owned()))
}
