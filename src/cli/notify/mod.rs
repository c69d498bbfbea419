//! Telling people outside in time: events go to a thread of their own, which delivers them one after another. The run
//! never waits for it, but for a bounded time when its process ends; what fails is said on stderr and changes nothing.

mod deliver;
pub mod settings;

use super::parts::SystemClock;
use super::ui::{Style, Ui};
use crate::base::Time;
use crate::engine::port::{Clock, Store};
use crate::engine::state::Run;
use crate::engine::status::{self, Waited};
use crate::record::entry::Entry;
use crate::record::fact::{Fact, WaitFor, Waiting};
use crate::report::event::{self, Event};
use settings::Settings;
use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::Duration;

/// One sitting's memory of what was told, and the way to the thread that tells it.
pub struct Notifier {
    settings: Settings,
    send: mpsc::Sender<Event>,
    done: mpsc::Receiver<()>,
    /// Ids of what this sitting has told, or need not tell any more.
    told: BTreeSet<String>,
    /// When the sitting began, and what was waited for before.
    began: Time,
    before: Option<Waiting>,
    sent: usize,
    ui: Ui,
}

impl Notifier {
    /// None where the settings want nobody to be told.
    pub fn new(settings: Option<&Settings>, ui: &Ui) -> Option<Notifier> {
        let settings = settings?.clone();
        let (send, events) = mpsc::channel();
        let (finished, done) = mpsc::channel();
        let (own, voice) = (settings.clone(), *ui);
        std::thread::spawn(move || work(&own, &voice, &events, &finished));
        let (told, began) = (BTreeSet::new(), SystemClock::new().now());
        Some(Notifier { settings, send, done, told, began, before: None, sent: 0, ui: *ui })
    }

    /// A sitting begins. `lines`: the run's entries so far; what the last seat waited for is not news.
    pub fn sit(&mut self, run: &Run, lines: &[String]) {
        let entries = lines.iter().rev().filter_map(|line| Entry::read(line).ok());
        self.before = entries.filter(|entry| entry.epoch < run.epoch).find_map(|entry| match entry.fact {
            Fact::Waiting(waiting) => Some(waiting),
            _ => None,
        });
        self.began = run.epochs.get(&run.epoch).map_or(self.began, |(at, _)| *at);
        // Points in time that have passed: the sitting itself is the reminder.
        let now = self.began;
        for request in run.requests.values() {
            let points = event::reminders(request);
            for (count, _) in points.iter().enumerate().filter(|(_, point)| **point <= now) {
                self.told.insert(point_name(request.seq, count));
            }
        }
    }

    /// An entry was added, or seen.
    pub fn entry(&mut self, run: &Run, entry: &Entry) {
        if let Some(event) = event::of_entry(run, entry) {
            self.tell(event);
        }
        if matches!(entry.fact, Fact::Waiting(_)) {
            for waited in status::waiting_for(run, entry.at) {
                self.waited(run, &waited, entry.at);
            }
        }
    }

    /// Somebody is waited for: news, or, where an earlier seat waited for the same, a reminder.
    fn waited(&mut self, run: &Run, waited: &Waited, now: Time) {
        let old = match (waited.what, &self.before) {
            (WaitFor::Approval, _) => waited.since < self.began,
            (what, Some(before)) => before.what == what && before.at_step == waited.at && before.role == waited.role,
            (_, None) => false,
        };
        let again = old.then(|| format!(" at seat {}", run.epoch));
        self.tell(event::of_wait(run, waited, again.as_deref(), now));
    }

    /// Time goes by while the seat waits at a terminal.
    pub fn tick(&mut self, run: &Run, now: Time) {
        let due: Vec<(u64, usize)> = run
            .requests
            .values()
            .filter(|request| request.is_live() && now < request.asked.approve_by)
            .filter_map(|request| {
                let points = event::reminders(request);
                let last = points.iter().rposition(|point| *point <= now)?;
                (!self.told.contains(&point_name(request.seq, last))).then_some((request.seq, last))
            })
            .collect();
        for (seq, point) in due {
            (0..=point).for_each(|count| {
                self.told.insert(point_name(seq, count));
            });
            let since = run.requests.get(&seq).map(|request| request.at);
            for waited in status::waiting_for(run, now) {
                if waited.what == WaitFor::Approval && Some(waited.since) == since {
                    self.tell(event::of_wait(run, &waited, Some(&point_name(seq, point)), now));
                }
            }
        }
    }

    /// Everybody who is waited for, once more; how many.
    pub fn remind(&mut self, run: &Run, all: &[Waited], now: Time) -> usize {
        all.iter().for_each(|waited| self.tell(event::of_wait(run, waited, Some(&now.millis()), now)));
        self.sent
    }

    fn tell(&mut self, event: Event) {
        if self.settings.events.contains(&event.kind) && self.told.insert(event.id.clone()) {
            self.sent += 1;
            let _ = self.send.send(event);
        }
    }

    /// The process ends: what is under way has the settings' time to arrive, and no longer.
    pub fn finish(self) {
        let Notifier { settings, send, done, ui, sent, .. } = self;
        drop(send);
        let limit = Duration::from_millis(settings.give_up_after_ms.unsigned_abs());
        if sent > 0 && done.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
            let warning = ui.paint(Style::Warn, "warning");
            ui.must_say(&format!("{warning}: not everybody was told in time, and the rest is not waited for"));
        }
    }
}

/// Tells what a verb has just added to a run at which nobody sits: entries from `from` on.
pub fn appended(settings: Option<&Settings>, store: &impl Store, run: &Run, from: u64, ui: &Ui) {
    let Some(mut notifier) = Notifier::new(settings, ui) else { return };
    for line in store.read_from(&run.id, from).unwrap_or_default() {
        if let Some(event) = Entry::read(&line).ok().and_then(|entry| event::of_entry(run, &entry)) {
            notifier.tell(event);
        }
    }
    notifier.finish();
}

/// A point of time of a request, as it is remembered.
fn point_name(request: u64, count: usize) -> String {
    format!(" request {request} point {count}")
}

fn work(settings: &Settings, ui: &Ui, events: &mpsc::Receiver<Event>, finished: &mpsc::Sender<()>) {
    let clock = SystemClock::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let warning = ui.paint(Style::Warn, "warning");
    while let Ok(event) = events.recv() {
        let failures = match &runtime {
            Ok(runtime) => runtime.block_on(deliver::deliver(settings, &event, &clock)),
            Err(error) => vec![error.to_string()],
        };
        for why in failures {
            ui.must_say(&format!("{warning}: nobody was told (countersign.{}): {why}", event.kind.name()));
        }
    }
    let _ = finished.send(());
}
