//! Looking: status, runs, log.

use super::Global;
use super::notify::Notifier;
use super::parts::{self, SystemClock};
use super::place;
use super::ui::{CliError, CliResult, Exit, Style, Ui};
use crate::base::{Digest, RunId, StepId, escape};
use crate::engine::port::{Clock, Store};
use crate::engine::state::{Rollback, Run};
use crate::engine::{end, hold, rollback, scope, status};
use crate::journal::Journal;
use crate::plan::model::{Plan, Stage, Step};
use crate::record::entry::Entry;
use crate::record::fact::Fact;
use crate::report::line;
use crate::run::load;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(clap::Args, Debug)]
pub struct StatusArgs {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    /// Only what waits for this person
    #[arg(long = "for", value_name = "PERSON")]
    person: Option<String>,
    /// Remind everybody who is waited for, by [notify] of countersign.toml: for a timer such as cron
    #[arg(long)]
    notify: bool,
    /// Who is told, as countersign.toml has it
    #[arg(skip)]
    pub settings: Option<super::notify::settings::Settings>,
}

#[derive(clap::Args, Debug)]
pub struct RunsArgs {}

#[derive(clap::Args, Debug)]
pub struct LogArgs {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    /// Go on showing what is added
    #[arg(long, short)]
    follow: bool,
}

pub fn status(args: &StatusArgs, global: &Global, ui: &Ui) -> CliResult {
    let journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let run = place::open_run(&journal, &id)?;
    let now = SystemClock::new().now();
    let seated = journal.seated(&id).is_err();
    if args.notify {
        return remind(args, &run, now, seated, ui);
    }
    if ui.json {
        let mut value = status::json(&run, now, seated);
        if let (Some(person), Some(all)) = (&args.person, value.get_mut("waiting_for").and_then(Value::as_array_mut)) {
            all.retain(|waited| {
                waited["people"].as_array().is_some_and(|people| people.iter().any(|other| other == person))
            });
        }
        ui.data(&serde_json::to_string_pretty(&value).unwrap_or_default());
        return Ok(Exit::Done);
    }
    ui.data(&text(&run, ui, now));
    let mut waiting = status::waiting_for(&run, now);
    if waiting.is_empty() && !seated {
        waiting.extend(status::next_turn(&run, now));
    }
    if seated {
        ui.data("somebody sits at it: it goes on by itself");
    }
    waiting.retain(|waited| args.person.as_ref().is_none_or(|person| waited.people.contains(person)));
    parts::all_waiting_words(&run, &waiting).iter().for_each(|words| ui.data(words));
    if let (true, None, Some(person)) = (waiting.is_empty(), &run.closed, &args.person) {
        ui.data(&format!("nothing waits for {}", escape::line(person)));
    }
    Ok(Exit::Done)
}

/// One reminder for each who is waited for.
fn remind(args: &StatusArgs, run: &Run, now: crate::base::Time, seated: bool, ui: &Ui) -> CliResult {
    let Some(mut notifier) = Notifier::new(args.settings.as_ref(), ui) else {
        let hint =
            "say who is told under [notify] in countersign.toml: command = [\"./tell\"] or webhook = \"https://...\"";
        return Err(CliError::new(Exit::Usage, "CS2050", "nobody is named who could be told", hint));
    };
    let mut waiting = status::waiting_for(run, now);
    if waiting.is_empty() && !seated {
        waiting.extend(status::next_turn(run, now));
    }
    waiting.retain(|waited| args.person.as_ref().is_none_or(|person| waited.people.contains(person)));
    let count = notifier.remind(run, &waiting, now);
    notifier.finish();
    ui.say(&format!("reminded of {count} of {} things that are waited for", waiting.len()));
    Ok(Exit::Done)
}

/// Of more items than these, a step's states are counted; those that are alone in theirs are named.
const MANY: usize = 20;
const NAMED: usize = 8;

/// `[ ] users/user  297 pending, 3 done: a, b, c`.
fn folded(run: &Run, stage: &Stage, items: &[(Option<String>, Value)]) -> Vec<String> {
    let line = |step: &Step| {
        let mut states: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (item, _) in items {
            let state = run.step(&StepId::new(&stage.id, item.as_deref(), &step.id));
            let attempt = if state.attempt > 1 { format!(" (attempt {})", state.attempt) } else { String::new() };
            let name = format!("{}{attempt}", status::step_state(&state.status));
            states.entry(name).or_default().push(item.as_deref().unwrap_or_default());
        }
        let mut all: Vec<(String, Vec<&str>)> = states.into_iter().collect();
        all.sort_by_key(|(_, items)| std::cmp::Reverse(items.len()));
        let open = all.iter().any(|(name, _)| !["done", "skipped"].contains(&name.as_str()));
        let words: Vec<String> = all
            .iter()
            .enumerate()
            .map(|(at, (name, items))| {
                let names: Vec<String> = items.iter().take(NAMED).map(|item| escape::line(item)).collect();
                let more = items.len().saturating_sub(NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let names = if at == 0 { String::new() } else { format!(": {}{more}", names.join(", ")) };
                format!("{} {name}{names}", items.len())
            })
            .collect();
        let mark = if open { " " } else { "x" };
        let end = if step.back.point_of_no_return.is_empty() { "" } else { "  POINT OF NO RETURN" };
        format!("    [{mark}] {}/{}  {}{end}", stage.id, step.id, words.join("; "))
    };
    stage.steps.iter().map(line).collect()
}

/// The state, and a line per step.
pub fn text(run: &Run, ui: &Ui, now: crate::base::Time) -> String {
    let head = format!(
        "{}  run {}  [{}]  {}",
        escape::line(&run.plan.title),
        run.id.short(),
        run.opened.mode.name().to_uppercase(),
        ui.paint(Style::Bold, status::state(run))
    );
    let mut lines = vec![head];
    lines.extend(glass(run, ui));
    for (session, value) in &run.sessions {
        let of = |member: &str| escape::line(value[member].as_str().unwrap_or_default());
        lines.push(format!("  session {session}: {} ({})", of("arn"), of("kind")));
    }
    for stage in &run.plan.stages {
        lines.push(format!("  {}: {}", stage.id, escape::line(&stage.title)));
        let items = scope::items(run, stage);
        if items.len() > MANY && !ui.verbose {
            lines.extend(folded(run, stage, &items));
            continue;
        }
        for (item, _) in items {
            for step in &stage.steps {
                let id = StepId::new(&stage.id, item.as_deref(), &step.id);
                let state = run.step(&id);
                let mark = match status::step_state(&state.status) {
                    "done" | "skipped" => "x",
                    "pending" | "undone" => " ",
                    _ => "!",
                };
                let attempt = if state.attempt > 1 { format!(" (attempt {})", state.attempt) } else { String::new() };
                let end = if step.back.point_of_no_return.is_empty() { "" } else { "  POINT OF NO RETURN" };
                lines.push(format!("    [{mark}] {id}  {}{attempt}{end}", status::step_state(&state.status)));
            }
        }
    }
    lines.extend(regained(run));
    if run.closed.is_some() {
        lines.extend(end::words(run).iter().map(|words| format!("  {}", escape::block(&words.replace('\n', "\n  ")))));
        return lines.join("\n");
    }
    if let Some(away) = run.given_away() {
        lines.push(format!(
            "  HANDED OVER to {} by {} at {} (entry {}): this copy appends nothing",
            away.to,
            away.by,
            away.at.minutes(),
            away.seq
        ));
        return lines.join("\n");
    }
    for hold in &run.plan.holds {
        lines.push(format!("  hold {} ({}): {}", hold.id, escape::line(&hold.title), hold::words(run, hold, now)));
    }
    lines.extend(way_back(run));
    lines.extend(repairs(run));
    lines.join("\n")
}

/// Every use of break-glass, and whether all parties have counter-signed since.
fn glass(run: &Run, ui: &Ui) -> Vec<String> {
    let mut lines: Vec<String> = run
        .glass
        .iter()
        .map(|one| {
            format!(
                "  {} {} ({}) waived the approvals of {}, attempt {}: {}",
                ui.paint(Style::Bad, "BREAK-GLASS:"),
                escape::line(&one.person),
                escape::line(&one.party),
                escape::line(&one.covers),
                one.attempt,
                escape::line(&one.reason)
            )
        })
        .collect();
    if run.is_unreconciled() {
        lines.push("  unreconciled: every party must witness the result of the closed run".to_owned());
    }
    lines
}

/// What the last rollback found at each anchor that it read again.
fn regained(run: &Run) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, differs) in &run.regained {
        let words = if differs.is_empty() { "as captured" } else { "not as captured:" };
        lines.push(format!("  back at {}: {words}", escape::line(place)));
        lines.extend(differs.iter().map(|one| format!("    {}", escape::line(one))));
    }
    lines
}

/// What is still reversible: all of it, or back to where.
fn way_back(run: &Run) -> Vec<String> {
    let counted = |course: &rollback::Course| match course.steps.len() {
        1 => "1 operation".to_owned(),
        many => format!("{many} operations"),
    };
    match rollback::course(run, "") {
        Ok(course) if course.steps.is_empty() => vec!["  nothing to take back".to_owned()],
        Ok(course) => vec![format!("  can be taken back: {} (countersign rollback)", counted(&course))],
        Err(why) => {
            let mut lines = vec![format!("  can't be taken back as a whole: {}", escape::line(&why.to_string()))];
            let part = rollback::furthest(run);
            lines.push(match part {
                Some((to, course)) => {
                    format!("  can be taken back to {to}: {} (countersign rollback --to {to})", counted(&course))
                }
                None => "  nothing of it can be taken back".to_owned(),
            });
            lines
        }
    }
}

/// The repair that is under way, and those that may be made.
fn repairs(run: &Run) -> Vec<String> {
    let all = rollback::repairable(run);
    let word = |id: &StepId| match rollback::is_repaired(run, id) {
        true => format!("  {id} is repaired"),
        false => format!("  {id} can be repaired: countersign rollback --repair {id}"),
    };
    let mut lines: Vec<String> = all.iter().map(word).collect();
    if let Some(of) = run.rollback.as_ref().and_then(Rollback::repairs).filter(|of| !rollback::is_repaired(run, of)) {
        lines.retain(|line| !line.contains(&format!("--repair {of}")));
        for one in run.plan.step(&of).into_iter().flat_map(|step| &step.repair) {
            let id = of.with_repair(&one.id);
            lines.push(format!("  repair: {id}  {}", status::step_state(&run.step(&id).status)));
        }
    }
    lines
}

pub fn runs(_: &RunsArgs, global: &Global, ui: &Ui) -> CliResult {
    let journal = place::journal(global)?;
    let ids = journal.runs().map_err(|error| place::store_error(&error))?;
    let mut names = BTreeMap::new();
    let all: Vec<Value> = ids
        .iter()
        .map(|id| match summary(&journal, id, &mut names) {
            Ok(value) => value,
            Err(error) => json!({"run": id.as_str(), "state": "unreadable", "why": error.message}),
        })
        .collect();
    if ui.json {
        ui.data(&serde_json::to_string_pretty(&all).unwrap_or_default());
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        ui.say("the journal has no run yet");
    }
    for run in &all {
        let of = |member: &str| escape::line(run[member].as_str().unwrap_or_default());
        let away = run["handed_over_to"].as_str().map(|to| format!("  handed over to {}", escape::line(to)));
        ui.data(&format!(
            "{}  {:12}  {:10}  {}  {}{}",
            of("run").get(..8).unwrap_or_default(),
            of("state"),
            of("mode"),
            of("started"),
            of("runbook"),
            away.unwrap_or_default()
        ));
    }
    Ok(Exit::Done)
}

/// A line of `runs`. An open run is folded; of a closed one only its two ends are read: whether all between
/// them is as it was, `verify` says.
fn summary(journal: &Journal, id: &RunId, names: &mut BTreeMap<Digest, String>) -> Result<Value, CliError> {
    let io = |error| place::store_error(&error);
    let first = journal.first_line(id).map_err(io)?.map(|line| Entry::read(&line));
    let (Some(closed), Some(Ok(first)), Some(head)) =
        (journal.closed(id).map_err(io)?, first, journal.head(id).map_err(io)?)
    else {
        let run = place::load_run(journal, id)?;
        return Ok(json!({
            "run": id.as_str(), "state": status::state(&run), "mode": run.opened.mode.name(),
            "runbook": run.plan.name, "started": run.started.millis(), "by": run.starter, "entries": run.size(),
            "handed_over_to": run.given_away().map(|away| away.to.clone()),
        }));
    };
    let Fact::RunOpened(opened) = &first.fact else {
        return Err(CliError::new(Exit::NotVerified, "CS6001", "entry 0 is not run_opened", ""));
    };
    let name = match names.get(&opened.plan) {
        Some(name) => name.clone(),
        None => {
            let bytes = journal.object(&opened.plan).map_err(io)?.unwrap_or_default();
            let name = Plan::read(&bytes).map(|plan| plan.name);
            let unread = |why| CliError::new(Exit::NotVerified, "CS6001", format!("its plan can't be read: {why}"), "");
            names.entry(opened.plan).or_insert(name.map_err(unread)?).clone()
        }
    };
    Ok(json!({
        "run": id.as_str(), "state": status::closed_state(&closed.result), "mode": opened.mode.name(),
        "runbook": name, "started": first.at.millis(), "by": first.by.unwrap_or_default(), "entries": head.size,
    }))
}

pub fn log(args: &LogArgs, global: &Global, ui: &Ui) -> CliResult {
    let journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let show = |run: &Run, text: &str| {
        if ui.json {
            ui.data(text);
        } else if let Ok(entry) = Entry::read(text)
            && let Some(words) = line::timed(run, &entry)
        {
            ui.data(&format!("{:>5}  {words}", entry.seq));
        }
    };
    // Each entry is told of the run as it stood then.
    let mut run = load::replay(&journal, &id, &BTreeMap::new(), &mut |run, text| show(run, text))
        .map_err(|error| place::run_error(&error))?;
    while args.follow && run.closed.is_none() {
        std::thread::sleep(std::time::Duration::from_millis(500));
        for text in journal.read_from(&id, run.size()).map_err(|error| place::store_error(&error))? {
            run.fold(&text, &|digest| journal.object(digest).ok().flatten())
                .map_err(|error| place::run_error(&error.into()))?;
            show(&run, &text);
        }
    }
    Ok(Exit::Done)
}
