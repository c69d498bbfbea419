//! break-glass: in an emergency one listed person waives the approvals that one attempt of one step still lacks.
//! Says first what that waives and what it does not; the step's name is typed. Never asks for anything else to be waived.

use super::Global;
use super::decide::unknown;
use super::desk::{Desk, Via};
use super::parts::Who;
use super::ui::{CliError, CliResult, Exit, Style, Ui};
use crate::approval::Decision;
use crate::base::{StepId, escape};
use crate::engine::port::Clock;
use crate::engine::state::RequestState;
use crate::engine::{request, status};
use crate::report::review;

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Waived are the approvals that this one attempt still lacks; at a point of no return one person of each party must
break the glass. Not waived: a denial, the clocks, who performs, anchors, holds, hazards, the sessions' accounts. The
run is marked BREAK-GLASS, and `verify` ends with 4 until every party has witnessed its result.

Example: countersign break-glass accept:111122223333/accept --as carol --reason 'fire in the data centre, bob is away'
From a file: countersign break-glass accept:111122223333/accept --as carol --reason ... --from open.countersign")]
pub struct BreakGlassArgs {
    /// The step whose approvals are missing
    step: String,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    via: Via,
    /// Why nobody can be waited for; it stays in the journal
    #[arg(long)]
    reason: String,
    /// The step's name once more, off a terminal
    #[arg(long, value_name = "STEP")]
    typed: Option<String>,
}

pub fn break_glass(args: &BreakGlassArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut desk = Desk::open(global, &args.via, &args.who)?;
    desk.remember(ui)?;
    if args.reason.trim().is_empty() {
        return Err(CliError::new(Exit::Usage, "CS2061", "break-glass needs a reason", "say it with --reason"));
    }
    listed(&desk)?;
    let (seq, step) = wanted(&desk, &args.step)?;
    let Some(asked) = desk.run.requests.get(&seq) else { return Err(unknown(&desk.run, &desk.person)) };
    shown(&desk, asked, &step, ui);
    typed(args, &step, ui)?;
    desk.break_glass(seq, &step, &args.reason)?;
    if desk.printed() {
        return desk.finish(ui);
    }
    let mark = ui.paint(Style::Bad, "BREAK-GLASS:");
    let verb = if desk.travels() { "signed to waive" } else { "waived" };
    ui.must_say(&format!("{mark} {} {verb} what request #{seq} lacks for {step}", desk.person));
    let done = desk.finish(ui)?;
    if !desk.travels() {
        super::decide::say_next(&desk.run, ui, desk.clock.now(), desk.seated());
    }
    Ok(done)
}

/// Said before anything is shown or asked.
fn listed(desk: &Desk) -> Result<(), CliError> {
    let may = &desk.run.people.break_glass;
    if may.contains(&desk.person) {
        return Ok(());
    }
    let hint = match may.as_slice() {
        [] => "its [break_glass] names nobody".to_owned(),
        some => format!("listed: {}", some.join(", ")),
    };
    let message = format!("{} is not listed for break-glass in the people file", desk.person);
    Err(CliError::new(Exit::Refused, "CS7066", message, hint))
}

/// The one open request over this step, and the step.
fn wanted(desk: &Desk, text: &str) -> Result<(u64, StepId), CliError> {
    let step: StepId = text.parse().map_err(|why| {
        let hint = "name one step as `countersign status` shows it: stage/step, or stage:item/step";
        CliError::new(Exit::Usage, "CS2062", format!("`{}` is no step: {why}", escape::line(text)), hint)
    })?;
    let run = &desk.run;
    let found = status::find_request(run, text).into_iter().find(|request| request.slot(&step).is_some());
    let Some(found) = found else {
        let message = format!("no open request covers `{step}`");
        return Err(CliError::new(Exit::Refused, "CS7002", message, "`countersign requests` shows what is open"));
    };
    if let Decision::Granted { .. } | Decision::Waived { .. } = request::may_begin(run, found, &step, desk.clock.now())
    {
        let message = format!("nothing is missing for {step}: the glass stays whole");
        return Err(CliError::new(Exit::Refused, "CS7062", message, status::resume(run, &found.asked.performer)));
    }
    Ok((found.seq, step))
}

fn shown(desk: &Desk, asked: &RequestState, step: &StepId, ui: &Ui) {
    let run = &desk.run;
    let say = |text: &str| if ui.interactive { ui.must_say(text) } else { ui.say(text) };
    say(review::text(run, &[asked], ui.verbose).trim_end());
    let missing = match request::decide(run, asked, desk.clock.now()) {
        Decision::Missing(lacks) => {
            let each = |lack: &crate::approval::Lack| {
                format!("{} of {} ({})", lack.needed - lack.have, lack.needed, lack.role)
            };
            lacks.iter().map(each).collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    };
    say(&format!(
        "{} attempt {} of {step}, and nothing else, may begin without the approvals it lacks: {missing}",
        ui.paint(Style::Bad, "BREAK-GLASS waives:"),
        asked.asked.attempt
    ));
    if let Some(words) = review::no_return(run, asked) {
        say(&format!(
            "it is a point of no return ({}): one person of each party must break the glass ({})",
            escape::line(&words),
            run.plan.parties().into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    say("it does not waive: a denial, the request's clocks, who may perform, confirmations, anchors, holds, hazards, \
         the accounts of sessions. The run stays marked BREAK-GLASS; until every party has witnessed its result it is \
         unreconciled, and verify ends with 4");
}

/// The step's name must be typed: at the terminal, or with --typed.
fn typed(args: &BreakGlassArgs, step: &StepId, ui: &Ui) -> Result<(), CliError> {
    let name = step.to_string();
    let given = match (&args.typed, ui.interactive) {
        (Some(text), _) => text.clone(),
        (None, true) => super::lot::line(&format!("type {name} to break the glass"))?,
        (None, false) => {
            let message = "nobody is at a terminal to type the step's name";
            return Err(CliError::new(Exit::Usage, "CS2063", message, format!("give --typed {name}")));
        }
    };
    if given.trim() == name {
        return Ok(());
    }
    let message = format!("`{}` is not `{name}`; nothing was signed", escape::line(given.trim()));
    Err(CliError::new(Exit::Refused, "CS7010", message, "type the step's name"))
}
