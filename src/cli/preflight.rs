//! `countersign preflight RUNBOOK`: a look at the live accounts before the day. Reads only; writes files only where it
//! is told to, and never over one.

use super::desk::{Desk, Via};
use super::load::Loaded;
use super::parts::{OsRandom, SystemClock, Who};
use super::place;
use super::progress::Counter;
use super::run::{Bound, bound, endpoint_hint};
use super::source::Source;
use super::ui::{CliError, CliResult, Exit, Style, Ui};
use super::{Format, Global};
use crate::base::{Digest, escape};
use crate::engine::port::{Clock, Random};
use crate::preflight::evidence::{self, Paper};
use crate::preflight::{Case, Preflight, Severity, Verdict, pages, values};
use crate::record::fact::Mode;
use crate::record::salted::{self, File};
use crate::record::statement::{PREFLIGHT, SaidWhat};
use crate::run::preflight::{Told, look};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub bound: Bound,
    /// Keep the result in the journal of this run (a unique prefix), signed
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    #[command(flatten)]
    pub who: Who,
    /// Write a values file for each route into this folder; nothing is written over
    #[arg(long, short = 'o', value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Files with policies of resources, DIR/ACCOUNT/*.json: searched for conditions that name an organization
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
    /// Print the commands that gather these files, and do nothing else
    #[arg(long, conflicts_with_all = ["evidence", "run", "output"])]
    pub commands: bool,
}

pub async fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let loaded = args.source.load(None, ui)?;
    if args.commands {
        let case = Case::of(&loaded.plan, &loaded.values.object, &loaded.people, SystemClock::new().now());
        ui.data(evidence::commands(&case).trim_end());
        return Ok(Exit::Done);
    }
    // What can't be kept at the end, or read from files, is said before anything is read.
    let mut desk = args.run.as_ref().map(|run| desk(args, run, &loaded, global)).transpose()?;
    let papers = args.evidence.as_deref().map(papers).transpose()?.unwrap_or_default();
    let cloud = bound(&args.bound)?;
    let simulated = args.bound.simulated;
    cloud
        .check_endpoints()
        .await
        .map_err(|why| CliError::new(Exit::Refused, "CS7013", why, endpoint_hint(simulated)))?;
    let clock = SystemClock::new();
    let case = Case::of(&loaded.plan, &loaded.values.object, &loaded.people, clock.now());
    ui.say(&format!("looking, and changing nothing: {}", about(&case)));
    let mut counter = Counter::new(ui);
    let mut found = look(&cloud, &clock, case, simulated, &mut |told| match told {
        Told::Sessions(done, all) => counter.tell("sessions opened", done, all),
        Told::Reads(round, done, all) => counter.tell(&format!("reads (round {round})"), done, all),
    })
    .await;
    counter.pause();
    bring(&mut found, papers, clock.now(), ui);
    ui.data(&printed(&found, global.format, ui.verbose));
    if let Some(folder) = &args.output {
        write(&found, &loaded, &args.source.runbook, folder, ui)?;
    }
    if let Some(desk) = &mut desk {
        keep(&found, desk, ui)?;
    }
    Ok(finish(&found, ui))
}

/// A file larger than this is no policy.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Every file of `DIR/ACCOUNT/`, in the order of their names.
fn papers(folder: &Path) -> Result<Vec<Paper>, CliError> {
    let mut papers = Vec::new();
    for (account, inside) in entries(folder)?.into_iter().filter(|(_, path)| path.is_dir()) {
        for (name, path) in entries(&inside)?.into_iter().filter(|(_, path)| path.is_file()) {
            let size = std::fs::metadata(&path).map_err(|error| super::decide::io(&path, &error))?.len();
            if size > LARGEST {
                let message = format!("{} is larger than 16 MiB", escape::line(&path.display().to_string()));
                return Err(CliError::new(Exit::Usage, "CS1006", message, "leave it out: no policy is so large"));
            }
            let bytes = std::fs::read(&path).map_err(|error| super::decide::io(&path, &error))?;
            let (digest, text) = (Digest::of(&bytes), String::from_utf8_lossy(&bytes).into_owned());
            papers.push(Paper { account: account.clone(), name, digest, text });
        }
    }
    Ok(papers)
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, CliError> {
    let failed = |error: std::io::Error| super::decide::io(folder, &error);
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        all.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    all.sort();
    Ok(all)
}

/// The findings of the files; those of accounts that do not move are left out, with a word.
fn bring(found: &mut Preflight, papers: Vec<Paper>, at: crate::base::Time, ui: &Ui) {
    if papers.is_empty() {
        return;
    }
    let (mine, others): (Vec<Paper>, Vec<Paper>) =
        papers.into_iter().partition(|paper| found.case.moves(&paper.account).is_some());
    let mut left: Vec<String> = others.iter().map(|paper| escape::line(&paper.account)).collect();
    left.dedup();
    if !left.is_empty() {
        ui.must_say(&format!("left out: files of {}, which do not move", left.join(", ")));
    }
    let told = evidence::search(&mine, at);
    found.bring(told);
}

fn about(case: &Case) -> String {
    let (moving, ways) = (case.moving.len(), case.ways.len());
    format!("{moving} accounts that move, through {ways} sessions")
}

fn printed(found: &Preflight, format: Format, whole: bool) -> String {
    match format {
        Format::Json => serde_json::to_string_pretty(&found.json()).unwrap_or_default(),
        Format::Markdown => pages::markdown(found),
        Format::Html => pages::html(found),
        Format::Text | Format::Mermaid => pages::text(found, whole),
    }
    .trim_end()
    .to_owned()
}

/// The last words, and the exit code.
fn finish(found: &Preflight, ui: &Ui) -> Exit {
    let closed: Vec<String> = found
        .closed()
        .take(3)
        .map(|(way, _)| format!("{} in {} ({})", way.wanted.id, way.wanted.account, way.people.join(" or ")))
        .collect();
    match found.verdict() {
        Verdict::Blocked => {
            ui.must_say(&format!("{} {}", ui.paint(Style::Bad, "BLOCKED:"), escape::line(&found.summary())));
            Exit::Refused
        }
        Verdict::Incomplete => {
            let word = ui.paint(Style::Warn, "NOT EVERYTHING WAS SEEN:");
            let count = found.count(Severity::NotKnown);
            let more = found.closed().count().saturating_sub(closed.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let sessions = match closed.is_empty() {
                true => String::new(),
                false => format!("; not open: {}{more}", closed.join(", ")),
            };
            ui.must_say(&format!("{word} {count} things are not known{}", escape::line(&sessions)));
            Exit::Waiting
        }
        Verdict::Clear => {
            ui.must_say(&format!("{} {}", ui.paint(Style::Good, "ok:"), escape::line(&found.summary())));
            Exit::Done
        }
    }
}

/// The values files by route: all of them, or none.
fn write(found: &Preflight, loaded: &Loaded, runbook: &Path, folder: &Path, ui: &Ui) -> Result<(), CliError> {
    let stem = runbook.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let files = values::files(&found.case, &found.routes, &loaded.values.object, &stem)
        .map_err(|why| CliError::new(Exit::Failed, "CS1003", why, ""))?;
    std::fs::create_dir_all(folder).map_err(|error| super::decide::io(folder, &error))?;
    if let Some(there) = files.iter().map(|file| folder.join(&file.name)).find(|path| path.exists()) {
        return super::decide::write_file(&there, b"");
    }
    for file in &files {
        let path = folder.join(&file.name);
        super::decide::write_file(&path, file.text.as_bytes())?;
        let shown = escape::line(&path.display().to_string());
        ui.say(&format!("wrote {shown}: {} accounts, {}", file.accounts, file.route.words()));
    }
    if files.is_empty() {
        ui.must_say("no account has a route yet: no values file was written");
    }
    Ok(())
}

/// The run that the result is kept in: of this very runbook and these values.
fn desk(args: &Args, run: &str, loaded: &Loaded, global: &Global) -> Result<Desk, CliError> {
    let via = Via { run: Some(run.to_owned()), ..Via::default() };
    let desk = Desk::open(global, &via, &args.who)?;
    let simulated = desk.run.opened.mode == Mode::Simulated;
    if simulated != args.bound.simulated {
        let is = if simulated { "simulated" } else { "live" };
        let hint = "look with the same endpoints as the run: with --simulated, or without";
        return Err(CliError::new(Exit::Refused, "CS7014", format!("the run {} is {is}", desk.run.id.short()), hint));
    }
    place::unchanged(&desk.run, "runbook", &Some(args.source.runbook.clone()))?;
    if Digest::of(&loaded.values_bytes) != desk.run.opened.values {
        let message = format!("the values are not those that the run {} is pinned to", desk.run.id.short());
        return Err(CliError::new(Exit::Refused, "CS7015", message, "name the run's values with --values"));
    }
    Ok(desk)
}

/// One signed word with the whole result as its object.
fn keep(found: &Preflight, desk: &mut Desk, ui: &Ui) -> Result<(), CliError> {
    let role = desk.run.people.get(&desk.person).and_then(|person| person.roles.first().cloned()).unwrap_or_default();
    let failed = |error: String| CliError::new(Exit::Failed, "CS1003", error, "");
    let bytes = serde_json::to_vec(&found.json()).map_err(|error| failed(error.to_string()))?;
    let name = format!("preflight-{}.json", found.began.seconds().replace(':', ""));
    let mut salt = [0u8; 16];
    salt.copy_from_slice(&OsRandom.bytes(16));
    let file = File { name, media_type: "application/json".to_owned(), bytes };
    let object = salted::wrap_file(&salt, &file).map_err(|error| failed(error.to_string()))?;
    let object = (Digest::of(&object), object);
    desk.say(SaidWhat::Evidence, PREFLIGHT, 1, &role, Some(object), &found.summary())?;
    ui.say(&format!("ok: kept in run {}, signed by {}", desk.run.id.short(), desk.person));
    desk.finish(ui).map(|_| ())
}
