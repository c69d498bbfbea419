//! rehearse --prove: what is read and written around a proof, how far it is, and the cell that is replayed alone.

use super::load::Loaded;
use super::place;
use super::proof_file;
use super::rehearse::Args;
use super::run::opening;
use super::source::{self, Source};
use super::ui::{CliError, CliResult, Exit, Style, Ui};
use super::{Format, Global};
use crate::base::{Digest, RunId, Time, escape};
use crate::engine::port::{Random, Store};
use crate::journal::Journal;
use crate::plan::{self, Pins, Timing};
use crate::record::fact::Mode;
use crate::rehearse::prove::{self, Open, Scene, Script, Way};
use crate::report::proof::{Came, Cell, Proof};
use crate::report::{proof_pages, proof_text};
use crate::run::open::Opening;
use crate::runbook::reader::one_of;
use crate::simulator::World;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// How many items of a list are proved: the first, the second and the last.
const PROVED_ITEMS: usize = 3;

/// A runbook, the world it meets, and the same with shorter lists.
pub struct Case {
    whole: Loaded,
    /// None: no list is longer than what is proved of it.
    short: Option<Loaded>,
    world: World,
    /// Of the world's file.
    world_digest: Digest,
    start: Time,
    id: RunId,
    starter: String,
}

pub fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let case = Case::read(&args.source, args.world.as_deref(), ui)?;
    match &args.cell {
        Some(name) => case.with_script(|script| one_cell(args, global, ui, script, name)),
        None => case.with_script(|script| every_cell(args, global, ui, &case, script)),
    }
}

impl Case {
    /// Reads everything that a proof needs; nothing is played.
    pub fn read(source: &Source, world: Option<&Path>, ui: &Ui) -> Result<Case, CliError> {
        let path = world.map_or_else(|| source.world_path(), Path::to_path_buf);
        let world = source.need_world(world)?;
        let world_digest = Digest::of(super::decide::read_text(&path)?.as_bytes());
        let timing = source::timing(&world);
        let whole = source.load_rehearsal(Some(&timing), ui)?;
        let short = shorter(&whole, &timing)?;
        let start = world.clock.start.unwrap_or(Time::parse("2026-01-05T09:00:00Z").unwrap_or_default());
        let mut id = [0u8; 16];
        id.copy_from_slice(&Digest::of(&[b"proof of ".as_slice(), whole.runbook_bytes.as_slice()].concat()).0[..16]);
        let starter = super::rehearse::starter(&whole.plan, &whole.people);
        Ok(Case { whole, short, world, world_digest, start, id: RunId::from_bytes(id), starter })
    }

    /// The case as the proof takes it.
    pub fn with_script<T>(&self, then: impl FnOnce(&Script<'_>) -> T) -> T {
        let open = |loaded: &Loaded, random: &mut dyn Random| -> Opening {
            opening(loaded.clone(), None, Mode::Rehearsal, vec![self.starter.clone()], "0".repeat(32), random)
        };
        let proved = self.short.as_ref().unwrap_or(&self.whole);
        let short = |random: &mut dyn Random| open(proved, random);
        let whole = |random: &mut dyn Random| open(&self.whole, random);
        then(&Script {
            opening: &short,
            whole: self.short.as_ref().map(|_| &whole as &Open<'_>),
            people: &self.whole.people,
            world: &self.world,
            start: self.start,
            id: self.id.clone(),
            secrets: &self.whole.secrets,
        })
    }
}

/// The same with the first, second and last row of each list parameter that a stage repeats over; none if no list
/// is longer.
fn shorter(loaded: &Loaded, timing: &Timing) -> Result<Option<Loaded>, CliError> {
    let mut values = loaded.values.clone();
    let mut cut = false;
    for stage in &loaded.checked.stages {
        let over = stage.repeat.as_ref().and_then(|repeat| repeat.over.as_str()).unwrap_or_default();
        let name = over.strip_prefix("${parameters.").and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        if let Some(Value::Array(rows)) = values.object.get_mut(name)
            && rows.len() > PROVED_ITEMS
        {
            rows.drain(2..rows.len() - 1);
            cut = true;
        }
    }
    if !cut {
        return Ok(None);
    }
    let pins = Pins {
        runbook: Digest::of(&loaded.runbook_bytes),
        people: loaded.people.digest,
        files: loaded.files.iter().map(|(id, bytes)| (id.clone(), Digest::of(bytes))).collect(),
    };
    let plan = plan::build(&loaded.checked, &values, &pins, Some(timing)).map_err(CliError::findings)?;
    Ok(Some(Loaded { plan_bytes: plan.bytes(), plan, values_bytes: values.bytes(), values, ..loaded.clone() }))
}

fn every_cell(args: &Args, global: &Global, ui: &Ui, case: &Case, script: &Script<'_>) -> CliResult {
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    ui.say(&format!(
        "proving {} (simulated AWS, simulated people, virtual clock) on {threads} thread(s)",
        escape::line(&case.whole.plan.title)
    ));
    let progress = Progress::new(ui);
    let tell = |over: usize, all: usize| progress.tell(over, all);
    let way = Way { threads, stop_at_first: args.fail_fast, tell: &tell };
    let proof = prove::prove(script, &way).map_err(|error| place::run_error(&error))?;
    let took = progress.finish();
    let proof = Proof { command: command(args), ..proof };
    if proof.count() > 0 {
        ui.say(&format!("{} cells in {}", proof.count(), crate::base::duration::show(took)));
    }
    ui.data(&match global.format {
        Format::Json => serde_json::to_string_pretty(&proof.json()).unwrap_or_default(),
        Format::Markdown => proof_pages::markdown(&proof),
        Format::Html => proof_pages::html(&proof),
        Format::Text | Format::Mermaid => proof_text::text(&proof).trim_end().to_owned(),
    });
    let now = crate::engine::port::Clock::now(&super::parts::SystemClock::new()).seconds();
    let date = now.get(..10).unwrap_or_default();
    proof_file::write(args.output.as_deref(), &case.whole, case.world_digest, &proof, date, ui);
    let failed = proof.failed().count();
    if failed > 0 || !proof.stuck.is_empty() {
        ui.must_say(&format!("{} {}", ui.paint(Style::Bad, "FAILED:"), proof_text::summary(&proof)));
    }
    Ok(if proof.proved() { Exit::Done } else { Exit::Failed })
}

/// What replays a cell, but for its name.
fn command(args: &Args) -> String {
    let source = &args.source;
    let mut words = vec!["countersign rehearse".to_owned(), shown(&source.runbook)];
    for (flag, path) in [("--values", &source.values), ("--people", &source.people), ("--world", &args.world)] {
        words.extend(path.iter().map(|path| format!("{flag} {}", shown(path))));
    }
    words.extend(source.set.iter().map(|set| format!("--set {}", quoted(set))));
    words.push("--prove".to_owned());
    words.join(" ")
}

fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:@,+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", escape::line(text).replace('\'', "'\\''"))
}

fn one_cell(args: &Args, global: &Global, ui: &Ui, script: &Script<'_>, name: &str) -> CliResult {
    let (cell, scene) = match prove::replay(script, name).map_err(|error| place::run_error(&error))? {
        Ok(found) => found,
        Err(names) => {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let message = format!("there is no cell `{}`", escape::line(name));
            return Err(CliError::new(Exit::Usage, "CS2013", message, one_of(name, &known)));
        }
    };
    let kept = match cell.came {
        Came::DoesNotApply => None,
        _ => Some(keep(args, global, &cell, &scene)?),
    };
    if ui.json {
        let mut value = serde_json::json!({
            "stage": cell.stage, "item": cell.item, "step": cell.step, "undo": cell.undo, "repair": cell.repair, "fault": cell.fault,
            "to": cell.to, "result": cell.came.name(), "detail": cell.detail, "cell": cell.name,
        });
        value["journal"] = kept.clone().map_or(Value::Null, Value::String);
        ui.data(&serde_json::to_string_pretty(&value).unwrap_or_default());
    } else {
        let why = if cell.detail.is_empty() { String::new() } else { format!(": {}", escape::line(&cell.detail)) };
        ui.data(&format!("{}: {}{why}", escape::line(&cell.name), cell.came.name().replace('_', " ")));
    }
    if let Some(path) = kept {
        ui.must_say(&format!("journal  {path}"));
        for verb in ["log", "verify", "export"] {
            ui.say(&format!("  countersign {verb} --journal {path}"));
        }
    }
    Ok(if cell.came == Came::Failed { Exit::Failed } else { Exit::Done })
}

/// The cell's journal as a file of its own, in place of one from an earlier replay.
fn keep(args: &Args, global: &Global, cell: &Cell, scene: &Scene) -> Result<String, CliError> {
    let folder = super::rehearse::folder(args, global);
    std::fs::create_dir_all(&folder).map_err(|error| super::decide::io(&folder, &error))?;
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = cell.name.chars().map(plain).collect();
    let path = folder.join(format!("cell-{name}.db"));
    for end in ["", "-wal", "-shm"] {
        let old = std::path::PathBuf::from(format!("{}{end}", path.display()));
        if let Err(error) = std::fs::remove_file(&old)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(super::decide::io(&old, &error));
        }
    }
    let bundle = super::export::collect(&scene.store, &scene.id)?;
    let mut journal = Journal::open_or_create(&path).map_err(|error| place::journal_error(&error))?;
    let objects: Vec<(Digest, Vec<u8>)> = bundle.objects.into_iter().collect();
    journal.append(&scene.id, None, None, &bundle.lines, &objects).map_err(|error| place::store_error(&error))?;
    Ok(path.display().to_string())
}

/// How far it is: a bar on a terminal, a line now and then off it.
struct Progress {
    bar: Option<ProgressBar>,
    ui: Ui,
    began: Instant,
    /// Tenths that were told.
    told: AtomicUsize,
}

impl Progress {
    fn new(ui: &Ui) -> Progress {
        let bar = (std::io::stderr().is_terminal() && !ui.quiet).then(|| {
            let bar = ProgressBar::new(1);
            let style =
                ProgressStyle::with_template("  [{bar:30}] {pos}/{len} cells  {elapsed} gone, {eta} to go").ok();
            style.into_iter().for_each(|style| bar.set_style(style.progress_chars("=> ")));
            bar
        });
        Progress { bar, ui: *ui, began: Instant::now(), told: AtomicUsize::new(0) }
    }

    fn tell(&self, over: usize, all: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(all as u64);
            bar.set_position(over as u64);
            return;
        }
        let tenth = over * 10 / all.max(1);
        if tenth > self.told.fetch_max(tenth, Ordering::SeqCst) && tenth < 10 {
            let gone = self.began.elapsed().as_secs_f64();
            let left = gone / over.max(1) as f64 * all.saturating_sub(over) as f64;
            self.ui.say(&format!("  {over} of {all} cells, about {left:.0} s to go"));
        }
    }

    /// The milliseconds that it took.
    fn finish(&self) -> i64 {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}
