//! What a performer says, each word signed: confirm, answer, attach, settle, go-on, note.

use super::Global;
use super::decide::io;
use super::desk::{Desk, Via};
use super::parts::{OsRandom, Who};
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::{Digest, StepId, escape};
use crate::engine::next::{self, Next, Prompt, PromptKind, Seat};
use crate::engine::port::{Clock, Random};
use crate::engine::state::by_hand_words;
use crate::engine::{doubt, operation};
use crate::operator::terminal::read_file;
use crate::plan::model::{AskField, Body, Hold, Manual, Step};
use crate::record::fact::{Ended, WaitFor};
use crate::record::salted::{self, File};
use crate::record::statement::{HOLD, SaidWhat, got_in};
use crate::runbook::kind::Kind;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
pub struct ConfirmArgs {
    /// stage:item/step, or stage:item where its anchor is proved by hand
    step: String,
    #[command(flatten)]
    who: Who,
    /// What must be typed, where the step asks for it
    #[arg(long)]
    typed: Option<String>,
    #[command(flatten)]
    via: Via,
}

#[derive(clap::Args, Debug)]
pub struct AnswerArgs {
    /// stage:item/step
    step: StepId,
    #[command(flatten)]
    who: Who,
    /// A field or a piece of evidence: NAME=VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    via: Via,
}

#[derive(clap::Args, Debug)]
pub struct AttachArgs {
    /// stage:item/step
    step: StepId,
    file: PathBuf,
    #[command(flatten)]
    who: Who,
    /// Which piece of evidence it is; not needed when the step asks for one file
    #[arg(long)]
    field: Option<String>,
    #[command(flatten)]
    via: Via,
}

#[derive(clap::Args, Debug)]
pub struct SettleArgs {
    #[arg(value_enum)]
    result: Settled,
    /// stage:item/step
    step: StepId,
    #[command(flatten)]
    who: Who,
    /// JSON file with the output that later steps need
    #[arg(long)]
    output: Option<PathBuf>,
    /// How it is known, or how it was done by hand; signed with it
    #[arg(long, default_value = "")]
    reason: String,
    /// A file that shows it (a screen shot, AWS's answer), signed and kept with the run
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    via: Via,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Settled {
    Done,
    NotDone,
}

#[derive(clap::Args, Debug)]
pub struct GoOnArgs {
    stage: String,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    via: Via,
}

#[derive(clap::Args, Debug)]
pub struct NoteArgs {
    text: String,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    via: Via,
}

impl Desk {
    fn holds(&self, role: &str) -> bool {
        next::holds(&self.run, &self.person, role)
    }

    fn need_role(&self, role: &str, doing: &str) -> Result<(), CliError> {
        if self.holds(role) {
            return Ok(());
        }
        let holders: Vec<&str> = self.run.people.holders(role).map(|person| person.id.as_str()).collect();
        Err(CliError::new(
            Exit::Refused,
            "CS7008",
            format!("{} does not hold the role {role}, and so can't {doing}", self.person),
            format!("{role}: {}", holders.join(", ")),
        ))
    }

    /// What the step asks a person now.
    fn prompt(&self, id: &StepId) -> Option<Prompt> {
        let (stage, step) = operation::locate(&self.run.plan, id)?;
        match next::step_next(&self.run, &Seat::default(), stage, step, id, self.clock.now())? {
            Next::Prompt(prompt) => Some(prompt),
            _ => None,
        }
    }

    fn asks_nothing(&self, id: &StepId, what: &str) -> CliError {
        let hint = "`countersign status` says what the run waits for";
        if operation::locate(&self.run.plan, id).is_none() {
            return CliError::new(Exit::Usage, "CS2002", format!("the runbook has no step {id}"), hint);
        }
        CliError::new(Exit::Refused, "CS7009", format!("{id} asks for no {what} now"), hint)
    }
}

pub fn confirm(args: &ConfirmArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut desk = Desk::to_speak(global, &args.via, &args.who, ui)?;
    let step: StepId = match args.step.parse() {
        Ok(step) => step,
        Err(why) => return confirm_place(&mut desk, &args.step, why, ui),
    };
    let Some(prompt) = desk.prompt(&step) else { return Err(desk.asks_nothing(&step, "confirmation")) };
    let PromptKind::Confirm { typed, object } = prompt.kind.clone() else {
        return Err(desk.asks_nothing(&step, "confirmation"));
    };
    desk.need_role(&prompt.role, "confirm it")?;
    if !typed.is_empty() && args.typed.as_deref() != Some(&typed) {
        return Err(CliError::new(
            Exit::Refused,
            "CS7010",
            format!("{}: what is typed must be exactly what the step asks for", prompt.text),
            format!("countersign confirm {step} --as {} --typed {typed}", desk.person),
        ));
    }
    desk.say(SaidWhat::Confirmed, &prompt.at, prompt.attempt, &prompt.role, Some(object), "")?;
    desk.resume_hint(ui, "confirmed")
}

/// An anchor that is proved by hand: the stage's performer says that it is so.
fn confirm_place(desk: &mut Desk, place: &str, why: String, ui: &Ui) -> CliResult {
    let plan = desk.run.plan.clone();
    if let Some(hold) = place.strip_prefix(HOLD).and_then(|id| plan.hold(id)) {
        return confirm_hold(desk, hold, place, ui);
    }
    let name = place.split(':').next().unwrap_or_default();
    let Some(stage) = plan.stage(name) else {
        let hint = "name a step (`stage/step`, `stage:item/step`), or a place (`stage`, `stage:item`)";
        return Err(CliError::new(Exit::Usage, "CS2002", escape::line(&format!("`{place}`: {why}")), hint));
    };
    let asked = desk
        .run
        .waiting
        .as_ref()
        .is_some_and(|(_, _, waiting)| waiting.what == WaitFor::Confirmation && waiting.at_step == place);
    if !asked {
        let message = format!("{} asks for no confirmation now", escape::line(place));
        return Err(CliError::new(
            Exit::Refused,
            "CS7009",
            message,
            "`countersign status` says what the run waits for",
        ));
    }
    desk.need_role(&stage.performer, "confirm it")?;
    desk.say(SaidWhat::Note, place, 1, &stage.performer, None, &by_hand_words(place))?;
    desk.resume_hint(ui, "confirmed")
}

/// A way in that people hold: one of its roles signs to have got in.
fn confirm_hold(desk: &mut Desk, held: &Hold, place: &str, ui: &Ui) -> CliResult {
    let mine: Vec<String> = held.by_hand.iter().filter(|role| desk.holds(role)).cloned().collect();
    let lately = |role: &String| {
        let word = desk.run.holds.get(&held.id).and_then(|state| state.words.get(role));
        word.is_some_and(|(at, _)| desk.clock.now().since(*at) <= held.fresh_within)
    };
    let Some(role) = mine.iter().find(|role| !lately(role)).or(mine.first()).cloned() else {
        return desk.need_role(&held.by_hand.join(" or "), "sign this").map(|()| Exit::Done);
    };
    desk.say(SaidWhat::Note, place, 1, &role, None, &got_in(&held.id))?;
    desk.resume_hint(ui, "signed")
}

pub fn answer(args: &AnswerArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut desk = Desk::to_speak(global, &args.via, &args.who, ui)?;
    let given = pairs(&args.set)?;
    let plan = desk.run.plan.clone();
    let Some((_, step)) = operation::locate(&plan, &args.step) else {
        return Err(desk.asks_nothing(&args.step, "answer"));
    };
    let state = desk.run.step(&args.step);
    match &step.body {
        Body::Ask(fields) => {
            let prompt = desk.prompt(&args.step).ok_or_else(|| desk.asks_nothing(&args.step, "answer"))?;
            desk.need_role(&step.performer, "answer it")?;
            let answer = fields_of(fields, given)?;
            let object = salt(&Value::Object(answer))?;
            desk.say(SaidWhat::Answer, &prompt.at, prompt.attempt, &step.performer, Some(object), "")?;
        }
        Body::Manual(manual) => {
            if step.mutates && !state.is_open() {
                return Err(desk.asks_nothing(&args.step, "task"));
            }
            let role = task_role(&desk, manual, &step.performer, &args.step)?;
            let evidence = evidence_of(manual, &role, given)?;
            let says = manual.says.get(&role).cloned().unwrap_or_else(|| "It is done.".to_owned());
            let value = json!({"says": says, "evidence": evidence});
            let object = salt(&value)?;
            desk.say(SaidWhat::Task, &args.step.to_string(), state.attempt, &role, Some(object), "")?;
        }
        _ => return Err(desk.asks_nothing(&args.step, "answer")),
    }
    desk.resume_hint(ui, "answered")
}

fn task_role(desk: &Desk, manual: &Manual, performer: &str, step: &StepId) -> Result<String, CliError> {
    let roles = if manual.performers.is_empty() { vec![performer.to_owned()] } else { manual.performers.clone() };
    let state = desk.run.step(step);
    let mine = roles.iter().find(|role| {
        let said = state.said_now(SaidWhat::Task).any(|said| &&said.role == role);
        desk.holds(role) && !said
    });
    match mine {
        Some(role) => Ok(role.clone()),
        None => {
            // Said before: too early for `together`, or without its evidence.
            let own = roles.iter().find(|role| desk.holds(role)).or(roles.first());
            let role = own.cloned().unwrap_or_default();
            desk.need_role(&role, "sign this task")?;
            Ok(role)
        }
    }
}

fn fields_of(fields: &[AskField], mut given: Map<String, Value>) -> Result<Map<String, Value>, CliError> {
    let mut answer = Map::new();
    for field in fields {
        match given.remove(&field.name) {
            Some(value) => {
                if !field.choices.is_empty() && !field.choices.iter().any(|choice| value.as_str() == Some(choice)) {
                    return Err(CliError::new(
                        Exit::Usage,
                        "CS2003",
                        format!("`{}` must be one of: {}", field.name, field.choices.join(", ")),
                        "",
                    ));
                }
                answer.insert(field.name.clone(), typed(&field.r#type, value)?);
            }
            None if field.required => {
                return Err(CliError::new(
                    Exit::Usage,
                    "CS2004",
                    format!("the field `{}` is missing", field.name),
                    format!("give it with --set {}=VALUE", field.name),
                ));
            }
            None => {}
        }
    }
    unknown(given, fields.iter().map(|field| field.name.as_str()))?;
    Ok(answer)
}

fn typed(of: &str, value: Value) -> Result<Value, CliError> {
    let text = value.as_str().unwrap_or_default();
    Kind::parse(of).unwrap_or(Kind::String).accept_text(text).map_err(|why| {
        CliError::new(Exit::Usage, "CS2005", format!("`{}` is no {of}: {}", escape::line(text), escape::line(&why)), "")
    })
}

fn evidence_of(manual: &Manual, role: &str, mut given: Map<String, Value>) -> Result<Map<String, Value>, CliError> {
    let mut evidence = Map::new();
    let mine = |item: &&crate::plan::model::Evidence| item.by.is_empty() || item.by == role;
    for item in manual.evidence.iter().filter(mine) {
        if let Some(value) = given.remove(&item.name) {
            evidence.insert(item.name.clone(), typed(&item.r#type, value)?);
        }
    }
    unknown(given, manual.evidence.iter().map(|item| item.name.as_str()))?;
    Ok(evidence)
}

fn unknown<'a>(rest: Map<String, Value>, known: impl Iterator<Item = &'a str>) -> Result<(), CliError> {
    match rest.keys().next() {
        None => Ok(()),
        Some(name) => {
            let known: Vec<&str> = known.collect();
            Err(CliError::new(
                Exit::Usage,
                "CS2006",
                format!("the step asks for no `{name}`"),
                format!("it asks for: {}", known.join(", ")),
            ))
        }
    }
}

fn pairs(set: &[String]) -> Result<Map<String, Value>, CliError> {
    set.iter()
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), Value::String(value.to_owned()))),
            None => Err(CliError::new(Exit::Usage, "CS2007", format!("`{pair}` is not NAME=VALUE"), "")),
        })
        .collect()
}

fn salt(value: &Value) -> Result<(Digest, Vec<u8>), CliError> {
    let mut salt = [0u8; 16];
    salt.copy_from_slice(&OsRandom.bytes(16));
    let bytes = salted::wrap(&salt, salted::ANSWER, value)
        .map_err(|error| CliError::new(Exit::Failed, "CS1003", error.to_string(), ""))?;
    Ok((Digest::of(&bytes), bytes))
}

pub fn attach(args: &AttachArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut desk = Desk::to_speak(global, &args.via, &args.who, ui)?;
    let plan = desk.run.plan.clone();
    let Some((_, step)) = operation::locate(&plan, &args.step) else {
        return Err(desk.asks_nothing(&args.step, "evidence"));
    };
    let Body::Manual(manual) = &step.body else { return Err(desk.asks_nothing(&args.step, "evidence")) };
    let files: Vec<&str> =
        manual.evidence.iter().filter(|item| item.r#type == "file").map(|item| item.name.as_str()).collect();
    let field = match (&args.field, files.as_slice()) {
        (Some(field), _) if files.contains(&field.as_str()) => field.clone(),
        (None, [only]) => (*only).to_owned(),
        _ => {
            return Err(CliError::new(
                Exit::Usage,
                "CS2008",
                "say which piece of evidence it is",
                format!("--field, one of: {}", files.join(", ")),
            ));
        }
    };
    let by = manual.evidence.iter().find(|item| item.name == field).map(|item| item.by.clone()).unwrap_or_default();
    if !by.is_empty() {
        desk.need_role(&by, "attach it")?;
    }
    let role = task_role(&desk, manual, &step.performer, &args.step)?;
    let kept = kept_file(&field, &args.file)?;
    let attempt = desk.run.step(&args.step).attempt;
    desk.say(SaidWhat::Evidence, &args.step.to_string(), attempt, &role, Some(kept), &field)?;
    desk.resume_hint(ui, "attached")
}

/// A file as it is stored, salted.
fn kept_file(field: &str, path: &std::path::Path) -> Result<(Digest, Vec<u8>), CliError> {
    let file = read_file(field, path).map_err(|why| CliError::new(Exit::Usage, "CS1006", why, ""))?;
    let mut salt = [0u8; 16];
    salt.copy_from_slice(&OsRandom.bytes(16));
    let kept = File { name: file.name, media_type: file.media_type, bytes: file.bytes };
    let bytes = salted::wrap_file(&salt, &kept)
        .map_err(|error| CliError::new(Exit::Failed, "CS1003", error.to_string(), ""))?;
    Ok((Digest::of(&bytes), bytes))
}

/// What a lost secret belonged to must be named, so that it can be taken back. A secret is not kept (P11).
fn made(id: &StepId, step: &Step, mut outputs: Value) -> Result<Value, CliError> {
    for path in &step.secret_outputs {
        let mut at = &mut outputs;
        for member in path.split('.') {
            if !at.is_object() {
                let hint = "--output FILE, AWS's answer without its secret: {\"AccessKey\":{\"AccessKeyId\":\"AKIA...\"}}; it is \
                            deleted then, and another one made";
                return Err(CliError::new(Exit::Refused, "CS7011", format!("say what {id} made"), hint));
            }
            at = &mut at[member];
        }
        *at = Value::Null;
    }
    Ok(outputs)
}

pub fn settle(args: &SettleArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut desk = Desk::to_speak(global, &args.via, &args.who, ui)?;
    let plan = desk.run.plan.clone();
    let state = desk.run.step(&args.step);
    let by_hand = doubt::may_be_done_by_hand(&desk.run, &args.step) && args.result == Settled::Done;
    let Some((_, step)) = operation::locate(&plan, &args.step).filter(|_| state.is_open() || by_hand) else {
        return Err(CliError::new(
            Exit::Refused,
            "CS7011",
            format!("{} is not in doubt", args.step),
            "`countersign status` says how the run stands",
        ));
    };
    desk.need_role(&step.performer, "say how it stands")?;
    let outputs = match &args.output {
        None => Value::Null,
        Some(path) => {
            let bytes = std::fs::read(path).map_err(|error| io(path, &error))?;
            serde_json::from_slice(&bytes).map_err(|error| {
                CliError::new(
                    Exit::Usage,
                    "CS2009",
                    format!("{}: {error}", path.display()),
                    "it must be JSON, with AWS's member names",
                )
            })?
        }
    };
    let result = if args.result == Settled::Done { "done" } else { "not_done" };
    let lost = result == "done" && args.step.is_forward() && doubt::done_without_answer(step) == Ended::SecretLost;
    let outputs = if lost { made(&args.step, step, outputs)? } else { outputs };
    let salt = hex::encode(OsRandom.bytes(16));
    let value = doubt::settle_object(&desk.run, &args.step, result, outputs, &salt);
    let object =
        operation::single(&value).map_err(|error| CliError::new(Exit::Failed, "CS1003", error.to_string(), ""))?;
    let attempt = state.attempt;
    if let Some(path) = &args.evidence {
        let kept = kept_file("evidence", path)?;
        desk.say(SaidWhat::Evidence, &args.step.to_string(), attempt, &step.performer, Some(kept), "evidence")?;
    }
    desk.say(SaidWhat::Settled, &args.step.to_string(), attempt, &step.performer, Some(object), &args.reason)?;
    desk.resume_hint(ui, "said; a second person must agree before it counts")
}

pub fn go_on(args: &GoOnArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut desk = Desk::to_speak(global, &args.via, &args.who, ui)?;
    let plan = desk.run.plan.clone();
    let Some(stage) = plan.stage(&args.stage).filter(|stage| stage.canary > 0) else {
        return Err(CliError::new(Exit::Usage, "CS2010", format!("no stage `{}` with a canary", args.stage), ""));
    };
    desk.need_role(&stage.performer, "say to go on")?;
    let now = desk.clock.now();
    let asked = matches!(next::next(&desk.run, &Seat::default(), now), Next::Prompt(prompt)
        if matches!(prompt.kind, PromptKind::GoOn) && prompt.at == stage.id);
    if !asked {
        return Err(CliError::new(
            Exit::Refused,
            "CS7009",
            format!("{} does not ask whether to go on now: its canary comes first", stage.id),
            "`countersign status` says what the run waits for",
        ));
    }
    desk.say(SaidWhat::GoOn, &stage.id, 1, &stage.performer, None, "")?;
    desk.resume_hint(ui, "said to go on")
}

pub fn note(args: &NoteArgs, global: &Global, ui: &Ui) -> CliResult {
    let mut desk = Desk::to_speak(global, &args.via, &args.who, ui)?;
    let role = desk.run.people.get(&desk.person).and_then(|person| person.roles.first().cloned()).unwrap_or_default();
    desk.say(SaidWhat::Note, "", 1, &role, None, &args.text)?;
    if !desk.printed() {
        ui.say("ok: noted");
    }
    desk.finish(ui)
}
