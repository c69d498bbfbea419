//! Which of the requests before a person are signed: shown together first, then one question for the lot, or one by
//! one; a point of no return always by itself, typed. Off a terminal the command is the answer.

use super::ui::{CliError, Exit, Style, Ui};
use crate::base::escape;
use crate::engine::state::{RequestState, Run};
use crate::engine::status;
use crate::report::review;

/// How the person wants to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The command names this one request and no other.
    pub by_name: bool,
    pub one_by_one: bool,
    pub yes: bool,
}

/// Shows the requests and asks; those that are to be signed, in order.
pub fn choose(run: &Run, requests: &[u64], manner: Manner, ui: &Ui) -> Result<Vec<u64>, CliError> {
    let all: Vec<&RequestState> = requests.iter().filter_map(|seq| run.requests.get(seq)).collect();
    let text = review::text(run, &all, ui.verbose);
    // Nobody signs what they did not see.
    if ui.interactive {
        ui.must_say(text.trim_end())
    } else {
        ui.say(text.trim_end())
    }
    let (points, plain): (Vec<&RequestState>, Vec<&RequestState>) =
        all.into_iter().partition(|request| review::no_return(run, request).is_some());
    if !ui.interactive {
        return off_terminal(&points, &plain, manner, ui);
    }
    let mut chosen = match plain.as_slice() {
        [] => Vec::new(),
        _ if manner.one_by_one => one_by_one(run, &plain, ui)?,
        some if manner.yes => numbers(some),
        [_] if points.is_empty() => {
            if yes("Approve and sign this?")? {
                numbers(&plain)
            } else {
                Vec::new()
            }
        }
        some => lot(run, some, ui)?,
    };
    for point in points {
        if typed(run, point, ui)? {
            chosen.push(point.seq);
        }
    }
    chosen.sort_unstable();
    Ok(chosen)
}

fn numbers(requests: &[&RequestState]) -> Vec<u64> {
    requests.iter().map(|request| request.seq).collect()
}

/// A point of no return is signed only by a command that names it alone.
fn off_terminal(
    points: &[&RequestState],
    plain: &[&RequestState],
    manner: Manner,
    ui: &Ui,
) -> Result<Vec<u64>, CliError> {
    if manner.one_by_one {
        return Err(CliError::new(
            Exit::Usage,
            "CS2040",
            "--one-by-one asks questions, and there is no terminal to ask them at",
            "name the request, or leave --one-by-one out: then the command is the decision on all that it shows",
        ));
    }
    let mut chosen = numbers(plain);
    for point in points {
        if manner.by_name {
            chosen.push(point.seq);
            continue;
        }
        let name = status::name(point);
        ui.must_say(&format!(
            "{}: request #{} ({}) is a point of no return, and is signed only by its own name: {name}",
            ui.paint(Style::Warn, "left out"),
            point.seq,
            review::code(point),
        ));
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// One question for all of them.
fn lot(run: &Run, requests: &[&RequestState], ui: &Ui) -> Result<Vec<u64>, CliError> {
    let code = review::code_of_all(requests.iter().copied());
    let question = format!("Approve and sign all {} (code {code})? yes, no, or one by one", requests.len());
    loop {
        let answer = line(&question)?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(numbers(requests)),
            "" | "n" | "no" => return Ok(Vec::new()),
            "o" | "one" | "one by one" => return one_by_one(run, requests, ui),
            _ => ui.must_say("answer yes, no, or one"),
        }
    }
}

fn one_by_one(run: &Run, requests: &[&RequestState], ui: &Ui) -> Result<Vec<u64>, CliError> {
    let mut chosen = Vec::new();
    for request in requests {
        ui.must_say(review::text(run, &[request], ui.verbose).trim_end());
        if yes("Approve and sign this?")? {
            chosen.push(request.seq);
        }
    }
    Ok(chosen)
}

/// The name must be typed; anything else leaves it unsigned.
fn typed(run: &Run, request: &RequestState, ui: &Ui) -> Result<bool, CliError> {
    let name = status::name(request);
    let words = review::no_return(run, request).unwrap_or_default();
    ui.must_say(&format!(
        "{} request #{} ({}): {}",
        ui.paint(Style::Bad, "POINT OF NO RETURN:"),
        request.seq,
        review::code(request),
        escape::line(&words)
    ));
    let answer = line(&format!("type {} to sign it", escape::line(&name)))?;
    if answer.trim() != name {
        ui.must_say(&format!("not signed: {}", escape::line(&name)));
        return Ok(false);
    }
    Ok(true)
}

pub(super) fn line(question: &str) -> Result<String, CliError> {
    dialoguer::Input::<String>::new()
        .with_prompt(question)
        .allow_empty(true)
        .interact_text()
        .map_err(|error| nobody(&error.to_string()))
}

fn yes(question: &str) -> Result<bool, CliError> {
    dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact()
        .map_err(|error| nobody(&error.to_string()))
}

fn nobody(why: &str) -> CliError {
    CliError::new(Exit::Waiting, "CS4002", why, "answer at a terminal, or give --yes")
}
