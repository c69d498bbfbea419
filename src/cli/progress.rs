//! What is said while a run goes: each entry as a line; but of a stage with many items only what is out of the
//! ordinary, and how many are done: on a terminal as a bar, elsewhere as a line now and then. Everything else stands
//! in the journal (`countersign log`).

use super::ui::{Style, Ui};
use crate::engine::state::{Run, StageState};
use crate::record::entry::Entry;
use crate::record::fact::{Ended, Fact};
use crate::report::line;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::time::Duration;

/// A stage with more items than this is counted, not told item by item.
const MANY: usize = 20;
/// Into how many parts a stage is told off a terminal.
const PARTS: usize = 10;
/// Rates and times left are guesses before this.
const GUESS_AFTER: Duration = Duration::from_secs(3);

/// See the module. `stamp` gives the time before a line.
pub struct Progress {
    ui: Ui,
    stamp: fn(&Entry) -> String,
    bars: bool,
    /// The stage's bar, and whether it counts anchors.
    bar: Option<(ProgressBar, String, bool)>,
    /// Parts already told, by stage and whether of its anchors.
    told: BTreeMap<(String, bool), usize>,
    sessions: BTreeSet<String>,
}

impl Progress {
    pub fn new(ui: &Ui, stamp: fn(&Entry) -> String) -> Progress {
        let bars = std::io::stderr().is_terminal() && !ui.quiet;
        Progress { ui: *ui, stamp, bars, bar: None, told: BTreeMap::new(), sessions: BTreeSet::new() }
    }

    /// The same in lines alone, also on a terminal.
    pub fn plain(ui: &Ui, stamp: fn(&Entry) -> String) -> Progress {
        Progress { bars: false, ..Progress::new(ui, stamp) }
    }

    pub fn tell(&mut self, run: &Run, entry: &Entry) {
        if let Some((id, stage)) = routine(run, entry) {
            return self.count(run, id, stage, entry);
        }
        if let Fact::SessionOpened(opened) = &entry.fact
            && current(run).is_some()
            && !self.sessions.insert(opened.session.clone())
        {
            // One of many items' own: the first stands for all.
            return;
        }
        let Some(words) = line::words(run, entry) else { return };
        let text = format!("{} {words}", self.ui.paint(Style::Dim, &(self.stamp)(entry)));
        match &self.bar {
            Some((bar, _, _)) => bar.suspend(|| self.ui.say(&text)),
            None => self.ui.say(&text),
        }
    }

    /// Takes the bar away: somebody is asked or told something, or it is over.
    pub fn pause(&mut self) {
        if let Some((bar, _, _)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn count(&mut self, run: &Run, id: &str, stage: &StageState, entry: &Entry) {
        let all = stage.items.len();
        let anchors = matches!(entry.fact, Fact::AnchorSet(_)) && run.index.open.is_empty() && all == left(stage);
        let done = if anchors { all - stage.standing.bare.len() } else { all - left(stage) };
        let how = if anchors { String::new() } else { standing(run, id) };
        if self.bars {
            return self.draw(id, anchors, (done, all), &how);
        }
        let part = done * PARTS / all.max(1);
        let told = self.told.entry((id.to_owned(), anchors)).or_default();
        if part > *told {
            *told = part;
            let what = if anchors { "anchors captured and proved" } else { "items done" };
            let text = format!("stage {id}: {done} of {all} {what}{how}");
            self.ui.say(&format!("{} {text}", self.ui.paint(Style::Dim, &(self.stamp)(entry))));
        }
    }

    fn draw(&mut self, id: &str, anchors: bool, (done, all): (usize, usize), how: &str) {
        let same = self.bar.as_ref().is_some_and(|(_, stage, of)| stage == id && *of == anchors);
        if !same {
            self.pause();
            let bar = ProgressBar::new(all as u64);
            // What does not fit into the width that the terminal has now is cut.
            let style = ProgressStyle::with_template("  {bar:20} {pos}/{len} {wide_msg}").ok();
            style.into_iter().for_each(|style| bar.set_style(style.progress_chars("=> ")));
            self.bar = Some((bar, id.to_owned(), anchors));
        }
        let Some((bar, _, _)) = &self.bar else { return };
        bar.set_position(done as u64);
        let what = if anchors { "anchors" } else { "done" };
        let pace = match bar.elapsed() > GUESS_AFTER && done < all && done > 0 {
            true => format!(", {:.1}/s, about {} left", bar.per_sec(), short(bar.eta())),
            false => String::new(),
        };
        bar.set_message(format!("{what} in {id}{how}{pace}"));
    }
}

/// An entry of the ordinary about one item of many: its stage.
fn routine<'a>(run: &'a Run, entry: &'a Entry) -> Option<(&'a str, &'a StageState)> {
    let id = match &entry.fact {
        Fact::AnchorSet(fact) if fact.item.is_some() => &fact.stage,
        Fact::Intended(fact) if fact.step.is_forward() => &fact.step.stage,
        Fact::Outcome(fact) if matches!(fact.result, Ended::Done | Ended::NotDone) && fact.step.is_forward() => {
            &fact.step.stage
        }
        Fact::Verified(fact) if fact.step.is_forward() => &fact.step.stage,
        Fact::Waited(fact) => &fact.step.stage,
        Fact::Skipped(fact) if fact.item.is_some() => &fact.stage,
        _ => return None,
    };
    let stage = run.stages.get(id).filter(|stage| stage.items.len() > MANY)?;
    Some((id.as_str(), stage))
}

/// The stage of many items that is under way.
fn current(run: &Run) -> Option<&str> {
    let now = run.plan.stages.iter().find(|stage| run.stages.get(&stage.id).is_some_and(|state| !state.is_over()))?;
    run.stages.get(&now.id).filter(|state| state.items.len() > MANY).map(|_| now.id.as_str())
}

fn left(stage: &StageState) -> usize {
    stage.standing.left.len()
}

fn standing(run: &Run, id: &str) -> String {
    let open = run.index.open.iter().filter(|step| step.stage == id).count();
    let failed = run.index.failed.iter().filter(|step| step.stage == id).count();
    let mut words = if open > 0 { format!(", {open} under way") } else { String::new() };
    if failed > 0 {
        words.push_str(&format!(", {failed} failed"));
    }
    words
}

fn short(left: Duration) -> String {
    let seconds = left.as_secs();
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

/// How far something is that is counted alone: a bar at a terminal, elsewhere a line now and then.
pub struct Counter {
    ui: Ui,
    bar: Option<(ProgressBar, String)>,
    told: BTreeMap<String, usize>,
}

impl Counter {
    pub fn new(ui: &Ui) -> Counter {
        Counter { ui: *ui, bar: None, told: BTreeMap::new() }
    }

    pub fn tell(&mut self, what: &str, done: usize, all: usize) {
        if std::io::stderr().is_terminal() && !self.ui.quiet {
            if self.bar.as_ref().is_none_or(|(_, of)| of != what) {
                self.pause();
                let bar = ProgressBar::new(all as u64);
                let style = ProgressStyle::with_template("  {bar:20} {pos}/{len} {wide_msg}").ok();
                style.into_iter().for_each(|style| bar.set_style(style.progress_chars("=> ")));
                bar.set_message(what.to_owned());
                self.bar = Some((bar, what.to_owned()));
            }
            return self.bar.iter().for_each(|(bar, _)| bar.set_position(done as u64));
        }
        let part = done * PARTS / all.max(1);
        let told = self.told.entry(what.to_owned()).or_default();
        if all > MANY && part > *told {
            *told = part;
            self.ui.say(&format!("{done} of {all} {what}"));
        }
    }

    /// Takes the bar away.
    pub fn pause(&mut self) {
        if let Some((bar, _)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::short;
    use std::time::Duration;

    #[test]
    fn what_is_left_is_said_in_two_words() {
        assert_eq!(short(Duration::from_secs(119)), "119 s");
        assert_eq!(short(Duration::from_secs(3_600)), "60 min");
    }
}
