//! rollback: first what will be undone, in which order, what can't be and what comes back different; then the
//! undo operations, through the same engine.

use super::Global;
use super::place;
use super::run::{self, SeatArgs};
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::escape;
use crate::engine::rollback::{self, Course};
use crate::engine::state::Run;
use crate::journal::Journal;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    /// Back to the anchor of this stage, or of one item of it; without it: back to the beginning
    #[arg(long, value_name = "STAGE[:ITEM]")]
    to: Option<String>,
    #[command(flatten)]
    pub seat: SeatArgs,
    /// At a terminal: do not ask before it begins (off one, this command is the decision)
    #[arg(long)]
    yes: bool,
}

pub async fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let mut journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let before = place::open_run(&journal, &id)?;
    if before.closed.is_some() {
        let message = format!("the run {} is closed: {}", id.short(), crate::engine::status::state(&before));
        return Err(CliError::new(
            Exit::Refused,
            "CS7007",
            message,
            "what a closed run did is taken back by a run of its own",
        ));
    }
    let to = args.to.clone().unwrap_or_default();
    if before.rollback.is_none() {
        let course = rollback::course(&before, &to).map_err(|why| {
            CliError::new(
                Exit::Refused,
                "CS7017",
                format!("no way back: {why}"),
                "`countersign status` says what can be taken back; --to names a nearer anchor",
            )
        })?;
        ui.must_say(&words(&before, &to, &course));
        if ui.interactive && !args.yes && !ask()? {
            return Err(CliError::new(Exit::Waiting, "CS4001", "nothing was undone", ""));
        }
    }
    let (mut state, taken, signer, cloud) = run::sit_down(&mut journal, &id, &args.seat, &None, &None, ui).await?;
    if state.rollback.is_none() {
        start(&mut journal, &mut state, &to, taken.seat.epoch())?;
    }
    run::drive(journal, taken, cloud, signer, state, &args.seat, ui).await
}

fn start(journal: &mut Journal, run: &mut Run, to: &str, epoch: u64) -> Result<(), CliError> {
    let drafts = rollback::begin(run, to)
        .map_err(|why| CliError::new(Exit::Refused, "CS7017", format!("no way back: {why}"), ""))?;
    crate::run::voice::append_seat(journal, &super::parts::SystemClock::new(), run, epoch, drafts)
        .map_err(|error| place::run_error(&error))
}

/// What a rollback will do, for a person.
pub fn words(run: &Run, to: &str, course: &Course) -> String {
    let mut text = String::new();
    let goal = if to.is_empty() { "the beginning".to_owned() } else { format!("the anchor of {to}") };
    text.push_str(&format!("rollback of run {} to {goal}:\n", run.id.short()));
    if course.steps.is_empty() {
        text.push_str("  nothing was done that has to be undone\n");
    }
    for (at, id) in course.steps.iter().enumerate() {
        let step = run.plan.step(id);
        let action = step.and_then(|step| step.template.get("action")).and_then(|action| action.as_str());
        let what = action.map(str::to_owned).or_else(|| step.map(|step| step.title.clone())).unwrap_or_default();
        let who = step.map(|step| step.performer.clone()).unwrap_or_default();
        text.push_str(&format!("  {}. {id}: {} by {who}\n", at + 1, escape::line(&what)));
    }
    for (id, why) in &course.left {
        text.push_str(&format!("  left as it is: {id} ({})\n", escape::line(why)));
    }
    for (id, lost) in &course.lost {
        text.push_str(&format!("  does not come back with {id}: {}\n", escape::line(lost)));
    }
    text
}

fn ask() -> Result<bool, CliError> {
    dialoguer::Confirm::new().with_prompt("Begin the rollback?").default(false).interact().map_err(|error| {
        CliError::new(Exit::Waiting, "CS4002", error.to_string(), "answer at a terminal, or give --yes")
    })
}
