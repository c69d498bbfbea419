//! run, resume: a seat at a run, with the real parts.

use super::Global;
use super::code::Codes;
use super::load::Loaded;
use super::notify::Notifier;
use super::parts::{self, OsRandom, SystemClock};
use super::people;
use super::place::{self, Taken};
use super::progress::Progress;
use super::proof_file;
use super::source::{self, Source};
use super::ui::{CliError, CliResult, Exit, Style, Ui};
use crate::aws::{AwsCloud, CodeSource, Config};
use crate::base::{Digest, RunId, Time, escape};
use crate::engine::end;
use crate::engine::next::{Stop, StopKind};
use crate::engine::port::{Random, Store};
use crate::engine::rollback;
use crate::engine::state::{Basis, Run};
use crate::engine::status::{self, Waited};
use crate::journal::Journal;
use crate::keys::KeyRing;
use crate::operator::nobody::Nobody;
use crate::operator::terminal::Terminal;
use crate::operator::{Answer, Operator, Patience, TaskAnswer};
use crate::plan::values::secret_variable;
use crate::record::entry::Entry;
use crate::record::fact::{Fact, Mode, RunOpened};
use crate::run::command::RealPrograms;
use crate::run::{Executor, Parts, load as load_run, open};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

#[derive(clap::Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    pub seat: SeatArgs,
    /// The world whose [timing] a simulated run takes; default: worlds/NAME.toml beside the runbook
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
pub struct ResumeArgs {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    #[command(flatten)]
    pub seat: SeatArgs,
    /// A runbook to compare with the run's
    #[arg(long, value_name = "FILE")]
    runbook: Option<PathBuf>,
    /// A people file to compare with the run's
    #[arg(long, value_name = "FILE")]
    people: Option<PathBuf>,
}

/// What a process at a seat needs.
#[derive(clap::Args, Clone, Debug)]
pub struct SeatArgs {
    /// Who sits down; may repeat
    #[arg(id = "as", long = "as", value_name = "PERSON", env = "COUNTERSIGN_PERSON", value_delimiter = ',')]
    pub people: Vec<String>,
    /// Private key files; without one, ssh-agent is asked
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_KEY", value_delimiter = ',')]
    pub key: Vec<PathBuf>,
    /// Credentials of a session: NAME=profile:PROFILE; may repeat
    #[arg(long, value_name = "NAME=profile:P", env = "COUNTERSIGN_SESSION", value_delimiter = ',')]
    pub session: Vec<String>,
    /// The endpoints are a simulator's
    #[arg(long)]
    pub simulated: bool,
    /// Read codes of MFA devices, for sessions that need them, from this file (- is standard input), one per line
    #[arg(long, value_name = "FILE")]
    pub code_from: Option<PathBuf>,
    /// Leave with exit 4 instead of waiting
    #[arg(long)]
    pub no_wait: bool,
    /// Session and profile, as countersign.toml has them; `--session` wins
    #[arg(skip)]
    pub bindings: BTreeMap<String, String>,
    /// Who is told, as countersign.toml has it
    #[arg(skip)]
    pub notify: Option<super::notify::settings::Settings>,
}

pub async fn run(args: &RunArgs, global: &Global, ui: &Ui) -> CliResult {
    let world = if args.seat.simulated { args.source.world(args.world.as_deref())? } else { None };
    let timing = world.as_ref().map(source::timing);
    let loaded = args.source.load(timing.as_ref(), ui)?;
    ui.say(&proof_file::required(&loaded)?.words());
    say_unused(&args.seat, &loaded.plan, ui);
    let people_sit = sitters(&args.seat, &loaded.people)?;
    let parties: BTreeSet<String> = parties(&loaded);
    let signatures = people::signed_by_all(&loaded.paths.people, &loaded.people, &parties)?;
    let mode = if args.seat.simulated { Mode::Simulated } else { Mode::Live };
    let cloud = cloud(&args.seat, ui)?;
    cloud
        .check_endpoints()
        .await
        .map_err(|why| CliError::new(Exit::Refused, "CS7013", why, endpoint_hint(args.seat.simulated)))?;
    let mut journal = open_or_create(global)?;
    let mut random = OsRandom;
    let mut id = [0u8; 16];
    id.copy_from_slice(&random.bytes(16));
    let id = RunId::from_bytes(id);
    let taken = place::sit(&mut journal, &id, 0)?;
    let signer = parts::ring(&loaded.people, args.seat.key.clone(), mode)?;
    let opening = opening(loaded, Some(signatures), mode, people_sit, taken.machine.clone(), &mut random);
    let mut run = open::open(&mut journal, &SystemClock::new(), &mut random, &signer, &id, opening)
        .map_err(|error| place::run_error(&error))?;
    run.whereabouts = place::whereabouts(&journal);
    ui.say(&format!("run {} opened in {}", id.short(), global.journal.display()));
    drive(journal, taken, cloud, signer, run, &args.seat, ui).await
}

/// The parties of the roles; of a role for any party, those of its holders.
fn parties(loaded: &Loaded) -> BTreeSet<String> {
    let of_role = |(id, role): (&String, &crate::plan::model::Role)| -> Vec<String> {
        match role.party.as_str() {
            "" => loaded.people.holders(id).map(|person| person.party.clone()).collect(),
            party => vec![party.to_owned()],
        }
    };
    loaded.plan.roles.iter().flat_map(of_role).collect()
}

/// Entry 0 and its objects.
pub fn opening(
    loaded: Loaded,
    signatures: Option<Vec<u8>>,
    mode: Mode,
    people: Vec<String>,
    machine: String,
    random: &mut dyn Random,
) -> open::Opening {
    let digest = |bytes: &[u8]| Digest::of(bytes);
    let opened = RunOpened {
        runbook: digest(&loaded.runbook_bytes),
        values: digest(&loaded.values_bytes),
        plan: digest(&loaded.plan_bytes),
        people: digest(&loaded.people_bytes),
        people_signatures: signatures.as_deref().map(digest),
        mode,
        program: format!("countersign {}", env!("CARGO_PKG_VERSION")),
        host: std::env::var("HOSTNAME").unwrap_or_default(),
        random: hex::encode(random.bytes(32)),
        paths: paths(&loaded.paths),
    };
    let mut objects: Vec<(Digest, Vec<u8>)> =
        [loaded.runbook_bytes, loaded.values_bytes.clone(), loaded.plan_bytes, loaded.people_bytes]
            .into_iter()
            .chain(signatures)
            .chain(loaded.files.iter().map(|(_, bytes)| bytes.clone()))
            .map(|bytes| (Digest::of(&bytes), bytes))
            .collect();
    objects.sort();
    objects.dedup();
    let values = load_run::read_values(&loaded.values_bytes).unwrap_or(Value::Null);
    let files: Map<String, Value> = loaded
        .files
        .iter()
        .map(|(id, bytes)| (id.clone(), Value::String(String::from_utf8_lossy(bytes).into_owned())))
        .collect();
    let basis = Basis {
        plan: loaded.plan,
        people: loaded.people,
        values,
        secrets: loaded.secrets,
        files: Value::Object(files),
    };
    open::Opening { opened, basis, objects, people, machine }
}

/// Where the files lie, as whole paths: a later `resume` compares them.
fn paths(paths: &super::load::Paths) -> BTreeMap<String, String> {
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string();
    [("runbook".to_owned(), whole(&paths.runbook)), ("people".to_owned(), whole(&paths.people))].into_iter().collect()
}

pub async fn resume(args: &ResumeArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let (run, taken, signer, cloud) = sit_down(&mut journal, &id, &args.seat, &args.runbook, &args.people, ui).await?;
    drive(journal, taken, cloud, signer, run, &args.seat, ui).await
}

/// Verifies the run, compares its files, takes the seat, signs on.
pub async fn sit_down(
    journal: &mut Journal,
    id: &RunId,
    args: &SeatArgs,
    runbook: &Option<PathBuf>,
    people: &Option<PathBuf>,
    ui: &Ui,
) -> Result<(Run, Taken, KeyRing, AwsCloud), CliError> {
    verified(journal, id)?;
    let mut run = place::open_run(journal, id)?;
    run.secrets = secrets(&run);
    if run.closed.is_some() {
        return Err(CliError::new(
            Exit::Refused,
            "CS7007",
            format!("the run {} is closed: {}", id.short(), status::state(&run)),
            "",
        ));
    }
    let simulated = run.opened.mode == Mode::Simulated;
    if simulated != args.simulated {
        let (is, hint) = if simulated {
            ("simulated", "resume it with --simulated")
        } else {
            ("live", "resume it without --simulated")
        };
        return Err(CliError::new(Exit::Refused, "CS7014", format!("the run {} is {is}", id.short()), hint));
    }
    say_unused(args, &run.plan, ui);
    if run.epochs.is_empty() {
        let message = "the journal ends before anybody signed on: it was cut, for both are written at once";
        return Err(CliError::new(Exit::NotVerified, "CS6001", message, "nothing was done; keep the file as it is"));
    }
    place::unchanged(&run, "runbook", runbook)?;
    place::unchanged(&run, "people", people)?;
    let sitters = sitters(args, &run.people)?;
    let cloud = cloud(args, ui)?;
    cloud
        .check_endpoints()
        .await
        .map_err(|why| CliError::new(Exit::Refused, "CS7013", why, endpoint_hint(simulated)))?;
    let signer = parts::ring(&run.people, args.key.clone(), run.opened.mode)?;
    let taken = place::sit(journal, id, run.epoch)?;
    open::sit(
        journal,
        &SystemClock::new(),
        &mut OsRandom,
        &signer,
        &mut run,
        &sitters,
        taken.seat.epoch(),
        &taken.machine,
    )
    .map_err(|error| place::run_error(&error))?;
    if ui.verbose {
        ui.say(&format!("seat {} taken", taken.seat.epoch()));
    }
    Ok((run, taken, signer, cloud))
}

/// Secret parameters that the environment gives, anew for every seat: they are never stored.
fn secrets(run: &Run) -> BTreeMap<String, String> {
    let read = |id: &String| Some((id.clone(), std::env::var(secret_variable(id)).ok()?));
    run.plan.secrets.iter().filter_map(read).collect()
}

/// A journal that does not verify is not continued (exit 6).
fn verified(journal: &Journal, id: &RunId) -> Result<(), CliError> {
    let report = super::export::check(journal, id)?;
    if matches!(report.verdict, crate::verify::Verdict::Invalid | crate::verify::Verdict::Diverged) {
        return Err(CliError::new(
            Exit::NotVerified,
            "CS6003",
            crate::verify::text(&report),
            "nothing was done; keep the file as it is",
        ));
    }
    Ok(())
}

fn sitters(args: &SeatArgs, people: &crate::people::People) -> Result<Vec<String>, CliError> {
    if args.people.is_empty() {
        return Err(parts::no_person());
    }
    for person in &args.people {
        if people.get(person).is_none() {
            let all: Vec<&str> = people.people.keys().map(String::as_str).collect();
            return Err(CliError::new(
                Exit::Refused,
                "CS7003",
                format!("{} is not in the people file", escape::line(person)),
                format!("people: {}", all.join(", ")),
            ));
        }
    }
    // Who is named twice sits down once.
    let mut sitting: Vec<String> = Vec::new();
    for person in &args.people {
        if !sitting.contains(person) {
            sitting.push(person.clone());
        }
    }
    Ok(sitting)
}

/// A binding of a session that the runbook does not have does nothing: most likely a slip.
fn say_unused(args: &SeatArgs, plan: &crate::plan::model::Plan, ui: &Ui) {
    for text in &args.session {
        let name = text.split('=').next().unwrap_or_default();
        if !plan.sessions.contains_key(name) {
            let all: Vec<&str> = plan.sessions.keys().map(String::as_str).collect();
            let warning = ui.paint(Style::Warn, "warning");
            ui.must_say(&format!(
                "{warning}: the runbook has no session `{}`; it has: {}",
                escape::line(name),
                all.join(", ")
            ));
        }
    }
}

pub fn endpoint_hint(simulated: bool) -> &'static str {
    if simulated {
        "point AWS_ENDPOINT_URL at the simulator, or leave --simulated out"
    } else {
        "unset AWS_ENDPOINT_URL (and its per-service forms), or run with --simulated"
    }
}

/// Asks for the codes that sessions need.
fn codes(args: &SeatArgs, ui: &Ui) -> Result<CodeSource, CliError> {
    let codes = std::sync::Mutex::new(Codes::of(args.code_from.as_deref(), ui)?);
    Ok(std::sync::Arc::new(move |wanted| {
        let device = escape::line(wanted.serial);
        let prompt = format!("code of {device} for the session {}", escape::line(wanted.session));
        let mut codes = codes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Some((wanted.serial.to_owned(), codes.next(&prompt)?))
    }))
}

fn cloud(args: &SeatArgs, ui: &Ui) -> Result<AwsCloud, CliError> {
    let bindings = Bound { session: args.session.clone(), simulated: args.simulated, bindings: args.bindings.clone() };
    connect(&bindings, Some(codes(args, ui)?))
}

/// The credentials of sessions, for a verb that takes no seat.
#[derive(clap::Args, Clone, Debug)]
pub struct Bound {
    /// Credentials of a session: NAME=profile:PROFILE; may repeat
    #[arg(long, value_name = "NAME=profile:P", env = "COUNTERSIGN_SESSION", value_delimiter = ',')]
    pub session: Vec<String>,
    /// The endpoints are a simulator's
    #[arg(long)]
    pub simulated: bool,
    /// Session and profile, as countersign.toml has them; `--session` wins
    #[arg(skip)]
    pub bindings: BTreeMap<String, String>,
}

/// AWS, with these credentials.
pub fn bound(args: &Bound) -> Result<AwsCloud, CliError> {
    connect(args, None)
}

fn connect(args: &Bound, codes: Option<CodeSource>) -> Result<AwsCloud, CliError> {
    let mut bindings = args.bindings.clone();
    for text in &args.session {
        let (name, profile) = text.split_once("=profile:").ok_or_else(|| {
            CliError::new(
                Exit::Usage,
                "CS2011",
                format!("`{}` is no binding", escape::line(text)),
                "write --session NAME=profile:PROFILE",
            )
        })?;
        bindings.insert(name.to_owned(), profile.to_owned());
    }
    Ok(AwsCloud::new(Config { bindings, simulated: args.simulated, codes, ..Config::default() }))
}

fn open_or_create(global: &Global) -> Result<Journal, CliError> {
    Journal::open_or_create(&global.journal).map_err(|error| place::journal_error(&error))
}

/// Drives the run with an operator that fits the terminal, then says how it stands.
pub async fn drive(
    journal: Journal,
    taken: Taken,
    cloud: AwsCloud,
    signer: KeyRing,
    run: Run,
    args: &SeatArgs,
    ui: &Ui,
) -> CliResult {
    let progress = Rc::new(RefCell::new(Progress::new(ui, clock_of)));
    let mut notifier = Notifier::new(args.notify.as_ref(), ui);
    if let Some(notifier) = &mut notifier {
        notifier.sit(&run, &journal.read_from(&run.id, 0).map_err(|error| place::store_error(&error))?);
    }
    let parts = Parts {
        store: journal,
        cloud,
        clock: SystemClock::new(),
        operator: Seated { operator: person_or_nobody(args, ui, &progress), notifier },
        random: Box::new(OsRandom),
        signer: Box::new(signer),
        programs: Box::new(RealPrograms),
    };
    let epoch = taken.seat.epoch();
    let mut executor = Executor::new(parts, run, epoch);
    executor.lock = taken.seat.duplicate_lock().ok().flatten();
    let stop = executor.drive().await;
    progress.borrow_mut().pause();
    drop(taken);
    let said = match stop {
        Ok(stop) => finish(&executor.parts.store, &executor.run, &stop, ui),
        Err(error) => Err(place::run_error(&error)),
    };
    // The seat is free before anybody is waited for who is only told.
    executor.lock = None;
    if let Some(notifier) = executor.parts.operator.notifier.take() {
        notifier.finish();
    }
    said
}

/// Who is asked here, and who is told elsewhere.
struct Seated<O> {
    operator: O,
    notifier: Option<Notifier>,
}

/// A person at a terminal, else nobody.
enum Either {
    Person(Box<dyn Operator>),
    Nobody(Box<dyn Operator>),
}

fn person_or_nobody(args: &SeatArgs, ui: &Ui, progress: &Rc<RefCell<Progress>>) -> Either {
    let ui = *ui;
    let (telling, speaking, waiting) = (Rc::clone(progress), Rc::clone(progress), Rc::clone(progress));
    let tell = move |run: &Run, entry: &Entry| {
        // What is waited for is said with its command, when the seat waits or is left.
        if !matches!(entry.fact, Fact::Waiting(_)) {
            telling.borrow_mut().tell(run, entry);
        }
    };
    if ui.interactive {
        let patience = if args.no_wait { Patience::None } else { Patience::Always };
        let wait = move |run: &Run, stop: &Stop| {
            waiting.borrow_mut().pause();
            ui.must_say(&stop_words(run, stop));
            ui.must_say("waiting here; Ctrl-C is safe: what is in the journal stays, and the run can be resumed");
        };
        let speak = move |text: &str| {
            speaking.borrow_mut().pause();
            ui.must_say(text);
        };
        Either::Person(Box::new(Terminal { speak, tell, wait, patience }))
    } else {
        let patience = if args.no_wait { Patience::None } else { Patience::Short(30_000) };
        Either::Nobody(Box::new(Nobody { tell, patience }))
    }
}

impl Either {
    fn get(&mut self) -> &mut dyn Operator {
        match self {
            Either::Person(operator) | Either::Nobody(operator) => operator.as_mut(),
        }
    }
}

impl Operator for Seated<Either> {
    fn confirm(&mut self, prompt: &crate::engine::Prompt, typed: &str) -> Answer<()> {
        self.operator.get().confirm(prompt, typed)
    }

    fn go_on(&mut self, prompt: &crate::engine::Prompt) -> Answer<()> {
        self.operator.get().go_on(prompt)
    }

    fn task(
        &mut self,
        prompt: &crate::engine::Prompt,
        says: &str,
        evidence: &[crate::plan::model::Evidence],
    ) -> Answer<TaskAnswer> {
        self.operator.get().task(prompt, says, evidence)
    }

    fn ask(
        &mut self,
        prompt: &crate::engine::Prompt,
        fields: &[crate::plan::model::AskField],
    ) -> Answer<Map<String, Value>> {
        self.operator.get().ask(prompt, fields)
    }

    fn tell(&mut self, run: &Run, entry: &Entry) {
        self.operator.get().tell(run, entry);
        if let Some(notifier) = &mut self.notifier {
            notifier.entry(run, entry);
        }
    }

    fn tick(&mut self, run: &Run, now: Time) {
        if let Some(notifier) = &mut self.notifier {
            notifier.tick(run, now);
        }
    }

    fn waiting(&mut self, run: &Run, stop: &Stop) {
        self.operator.get().waiting(run, stop);
    }

    fn patience(&self) -> Patience {
        match &self.operator {
            Either::Person(operator) | Either::Nobody(operator) => operator.patience(),
        }
    }
}

fn clock_of(entry: &Entry) -> String {
    entry.at.millis().get(11..19).unwrap_or_default().to_owned()
}

/// The last words of a sitting, and the exit code.
pub fn finish(store: &impl Store, run: &Run, stop: &Stop, ui: &Ui) -> CliResult {
    match stop.kind {
        StopKind::Done => {
            let report = super::export::check(store, &run.id)?;
            ui.must_say(&format!(
                "{} run {} is closed: {}",
                ui.paint(Style::Good, "ok:"),
                run.id.short(),
                status::state(run)
            ));
            ui.must_say(&crate::verify::text(&report));
            if report.exit() == 6 {
                return Ok(Exit::NotVerified);
            }
            let done = if report.unreconciled { Exit::Waiting } else { Exit::Done };
            ui.must_say(&format!(
                "evidence: countersign export {} -o {}.countersign{}",
                run.id.short(),
                run.id.short(),
                run.whereabouts.journal()
            ));
            end::words(run).iter().for_each(|words| ui.must_say(&escape::block(words)));
            Ok(done)
        }
        StopKind::Waiting => {
            ui.must_say(&stop_words(run, stop));
            Ok(Exit::Waiting)
        }
        StopKind::InDoubt => {
            ui.must_say(&format!("{} {}", ui.paint(Style::Bad, "IN DOUBT:"), stop_words(run, stop)));
            Ok(Exit::InDoubt)
        }
        StopKind::Failed => {
            ui.must_say(&format!("{} {}: {}", ui.paint(Style::Bad, "FAILED:"), stop.at, escape::block(&stop.why)));
            ui.must_say(&format!(
                "nothing else was begun. After the cause is gone: {}",
                status::resume(run, &one(run, stop))
            ));
            let repairs = stop.at.parse().ok().filter(|id| rollback::repair(run, id).is_ok());
            if run.rollback.is_none() {
                let (what, flag) = match repairs {
                    Some(id) => ("make it good", format!(" --repair {id}")),
                    None => ("take it back", String::new()),
                };
                ui.must_say(&format!(
                    "or {what}: countersign rollback {}{flag} --as {}{}{}",
                    run.id.short(),
                    one(run, stop),
                    if run.opened.mode == Mode::Simulated { " --simulated" } else { "" },
                    run.whereabouts.journal()
                ));
            }
            Ok(Exit::Failed)
        }
        StopKind::Refused => {
            ui.must_say(&format!("{} {}: {}", ui.paint(Style::Bad, "REFUSED:"), stop.at, escape::block(&stop.why)));
            let person = one(run, stop);
            ui.must_say(&format!(
                "nothing is begun while that is so. Once it is put right: {}",
                status::resume(run, &person)
            ));
            ui.must_say(&format!(
                "or give the run up: countersign abandon {} --as {person}{}",
                run.id.short(),
                run.whereabouts.journal()
            ));
            Ok(Exit::Refused)
        }
    }
}

fn one(run: &Run, stop: &Stop) -> String {
    let first = stop.people.first().or(run.signed_on.first());
    first.cloned().unwrap_or_else(|| "PERSON".to_owned())
}

/// Everybody who is waited for, with the exact command that each runs next.
pub fn stop_words(run: &Run, stop: &Stop) -> String {
    let now = run.last_at;
    let mut all = status::waiting_for(run, now);
    let Some(what) = stop.what else { return escape::block(&stop.why) };
    if all.is_empty() {
        all.push(Waited {
            what,
            at: stop.at.clone(),
            role: stop.role.clone(),
            people: stop.people.clone(),
            since: now,
            expires: stop.until,
            why: stop.why.clone(),
        });
    }
    let mut words = parts::all_waiting_words(run, &all);
    let approvals_only = all.iter().all(|waited| waited.what == crate::record::fact::WaitFor::Approval);
    if approvals_only {
        words.push(format!("then: {}", status::resume(run, &performer_of(run))));
    }
    words.join("\n")
}

fn performer_of(run: &Run) -> String {
    let by_request =
        run.requests.values().rev().find(|request| request.is_live()).map(|request| request.asked.performer.clone());
    by_request.or_else(|| run.signed_on.first().cloned()).unwrap_or_else(|| "PERSON".to_owned())
}
