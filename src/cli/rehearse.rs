//! rehearse: the whole runbook on the simulator, before the day.

use super::Global;
use super::decide::write_file;
use super::parts::OsRandom;
use super::place;
use super::progress::Progress as Lines;
use super::run::{opening, stop_words};
use super::source::{self, Source};
use super::ui::{CliResult, Exit, Style, Ui};
use crate::base::{RunId, Time, escape};
use crate::engine::next::StopKind;
use crate::engine::port::Random;
use crate::engine::state::Run;
use crate::engine::status;
use crate::journal::MemoryStore;
use crate::plan::model::Plan;
use crate::record::entry::Entry;
use crate::record::fact::Mode;
use crate::rehearse::world::{RehearsalClock, Wire};
use crate::rehearse::{self, Played};
use crate::simulator::Simulator;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  countersign rehearse runbooks/move_member_accounts.toml
  countersign rehearse runbooks/move_member_accounts.toml --prove
  countersign rehearse runbooks/move_member_accounts.toml --prove --cell place:111122223333/place:throttled";

#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub source: Source,
    /// The simulated AWS; default: worlds/NAME.toml beside the runbook
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Where journal and report are kept; default: rehearsals/ beside the journal
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Play it again for every step and every fault, and for every anchor and every rollback to it
    #[arg(long)]
    pub prove: bool,
    /// Only this cell of the table, its journal kept: STEP:FAULT, or STEP:rollback-to-STAGE[:ITEM]
    #[arg(long, value_name = "STEP:FAULT", requires = "prove")]
    pub cell: Option<String>,
    /// The proof's file; default: NAME.proof.json beside the runbook
    #[arg(long, short, value_name = "FILE", requires = "prove")]
    pub output: Option<PathBuf>,
    /// Begin no further cell once one has failed; the rollbacks are played first
    #[arg(long, requires = "prove")]
    pub fail_fast: bool,
    /// How many cells are played at a time; default: one per core
    #[arg(long, value_name = "N", requires = "prove", value_parser = threads)]
    pub threads: Option<usize>,
}

fn threads(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| (1..=512).contains(count)).ok_or_else(|| "give a number from 1 to 512".to_owned())
}

/// Where rehearsals are kept.
pub fn folder(args: &Args, global: &Global) -> PathBuf {
    args.keep.clone().unwrap_or_else(|| global.journal.parent().unwrap_or(Path::new(".")).join("rehearsals"))
}

pub async fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let world = args.source.need_world(args.world.as_deref())?;
    let loaded = args.source.load_rehearsal(Some(&source::timing(&world)), ui)?;
    let mut random = OsRandom;
    let mut id = [0u8; 16];
    id.copy_from_slice(&random.bytes(16));
    let id = RunId::from_bytes(id);
    let start = world.clock.start.unwrap_or(Time::parse("2026-01-05T09:00:00Z").unwrap_or_default());
    let clock = RehearsalClock::at(start);
    let wire = Arc::new(Wire::new(Simulator::new(&world, start), clock.clone()));
    let starter = starter(&loaded.plan, &loaded.people);
    ui.say(&format!(
        "rehearsing {} (simulated AWS, simulated people, virtual clock)",
        escape::line(&loaded.plan.title)
    ));
    let progress = Progress::new(ui);
    let opening = opening(loaded, None, Mode::Rehearsal, vec![starter], "0".repeat(32), &mut random);
    let tell = progress.tell();
    let played = rehearse::play(MemoryStore::new(), id, opening, wire, clock, OsRandom, tell)
        .await
        .map_err(|error| place::run_error(&error))?;
    progress.finish();
    finish(args, global, &played, ui)
}

/// The performer of the first stage opens the run.
pub fn starter(plan: &Plan, people: &crate::people::People) -> String {
    let role = plan.stages.first().map(|stage| stage.performer.clone()).unwrap_or_default();
    let holder = people.holders(&role).next().map(|person| person.id.clone());
    holder.or_else(|| people.people.keys().next().cloned()).unwrap_or_default()
}

/// Lines as they happen, and on a terminal a bar below them.
struct Progress {
    bar: Option<ProgressBar>,
    ui: Ui,
}

impl Progress {
    fn new(ui: &Ui) -> Progress {
        let bar = (std::io::stderr().is_terminal() && !ui.quiet).then(|| {
            let bar = ProgressBar::new(1);
            let style = ProgressStyle::with_template("  [{bar:30}] {pos}/{len} steps  {msg}").ok();
            style.into_iter().for_each(|style| bar.set_style(style.progress_chars("=> ")));
            bar
        });
        Progress { bar, ui: *ui }
    }

    fn tell(&self) -> rehearse::Tell {
        let bar = self.bar.clone();
        let lines = RefCell::new(Lines::plain(&self.ui, |entry| {
            entry.at.millis().get(5..16).unwrap_or_default().replace('T', " ")
        }));
        Rc::new(move |run: &Run, entry: &Entry| match &bar {
            Some(bar) => {
                let (done, all) = steps(run);
                bar.set_length(all);
                bar.set_position(done);
                bar.suspend(|| lines.borrow_mut().tell(run, entry));
            }
            None => lines.borrow_mut().tell(run, entry),
        })
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn steps(run: &Run) -> (u64, u64) {
    let (mut done, mut all) = (0, 0);
    for stage in &run.plan.stages {
        let state = run.stages.get(&stage.id).filter(|state| state.entered);
        let items = state.map_or_else(|| stage.items.as_ref().map_or(1, Vec::len), |state| state.items.len());
        let over = state.map_or(0, |state| items - state.standing.left.len());
        all += (items * stage.steps.len()) as u64;
        done += (over * stage.steps.len()) as u64;
    }
    (done, all.max(1))
}

fn finish(args: &Args, global: &Global, played: &Played, ui: &Ui) -> CliResult {
    let run = &played.run;
    let report = super::export::check(&played.store, &run.id)?;
    let verdict = crate::verify::text(&report);
    let folder = folder(args, global);
    std::fs::create_dir_all(&folder).map_err(|error| super::decide::io(&folder, &error))?;
    let name = format!("{}-{}", run.plan.name, run.id.short());
    let bundle = folder.join(format!("{name}.countersign"));
    write_file(&bundle, super::export::bundle_text(&played.store, &run.id)?.as_bytes())?;
    let path = folder.join(format!("{name}.md"));
    write_file(&path, super::report::markdown_of(&played.store, &run.id)?.as_bytes())?;
    let effects = played.wire.simulator().effects().count();
    let days = crate::base::duration::show(run.last_at.since(run.started));
    ui.must_say("");
    ui.must_say(&format!(
        "{} entries, {} seats, {effects} effects on the simulated AWS, {days} of simulated time",
        run.size(),
        played.seats
    ));
    ui.must_say(&verdict);
    let exit = match played.stop.kind {
        StopKind::Done if run.closed.as_deref() == Some("done") => {
            ui.must_say(&format!("{} rehearsed to the end", ui.paint(Style::Good, "ok:")));
            Exit::Done
        }
        StopKind::Done => Exit::Failed,
        StopKind::InDoubt => Exit::InDoubt,
        StopKind::Refused => Exit::Refused,
        _ => Exit::Failed,
    };
    if exit != Exit::Done {
        ui.must_say(&format!(
            "{} the rehearsal stopped at {}: {}",
            ui.paint(Style::Bad, "FAILED:"),
            played.stop.at,
            escape::block(&played.stop.why)
        ));
        ui.must_say(&stop_words(run, &played.stop));
    }
    ui.must_say(&format!("journal  {}\nreport   {}", bundle.display(), path.display()));
    if ui.json {
        let value = serde_json::json!({
            "run": run.id.as_str(), "runbook": run.plan.name, "state": status::state(run), "entries": run.size(),
            "effects": effects, "bundle": bundle.display().to_string(), "report": path.display().to_string(),
        });
        ui.data(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    Ok(exit)
}
