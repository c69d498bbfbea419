//! Entries -> rows of the drawing, in chapters by stage. Where a chapter has too many rows, those of the same kind by
//! the same person are folded into one that says for how many items it stands; what is unlike stays alone.

use super::content::{Chapter, OperationFacts};
use super::gather::History;
use super::happened::Happened;
use super::line;
use crate::base::{StepId, duration};
use crate::plan::lanes::{Lane, Mark, Row, lane_of};
use crate::plan::picture::SYSTEM;
use crate::record::entry::Entry;
use crate::record::fact::{Direction, Ended, EndedBy, Fact, Found, Reading};
use crate::record::statement::{Body, Decides, RECOVERY, SaidWhat, Statement};

/// A chapter with more rows is folded.
const MOST: usize = 36;
/// Items that a folded row names.
const NAMED: usize = 3;
const ROLLBACK: &str = "Rollback";
const REPAIR: &str = "Repair";

/// One row with what folding needs.
struct Event {
    chapter: String,
    /// Rows with the same text here fold into one.
    alike: String,
    item: Option<String>,
    row: Row,
}

/// The whole story.
pub(super) fn chapters(history: &History<'_>, happened: &Happened, lanes: &[Lane]) -> Vec<Chapter> {
    let story = Story { history, happened, lanes };
    let mut chapters: Vec<(String, Vec<Event>)> = Vec::new();
    for entry in &history.entries {
        let Some(event) = story.event(entry) else { continue };
        let here = match chapters.last() {
            Some((last, _)) if event.chapter.is_empty() => last.clone(),
            _ => event.chapter.clone(),
        };
        match chapters.last_mut() {
            Some((last, events)) if *last == here => events.push(event),
            _ => chapters.push((here, vec![event])),
        }
    }
    chapters.into_iter().map(|(id, events)| chapter(history, &id, events)).collect()
}

fn chapter(history: &History<'_>, id: &str, events: Vec<Event>) -> Chapter {
    let title = match history.plan.as_ref().and_then(|plan| plan.stage(id)) {
        Some(stage) => format!("{id}: {}", stage.title),
        None if id.is_empty() => "Opening".to_owned(),
        None => id.to_owned(),
    };
    let folded = events.len() > MOST;
    let rows = if folded { fold(events) } else { events.into_iter().map(|event| event.row).collect() };
    Chapter { title, rows, folded }
}

/// Rows that are alike, as one each, in the order in which the first of them happened.
fn fold(events: Vec<Event>) -> Vec<Row> {
    let mut groups: Vec<(String, Vec<Event>)> = Vec::new();
    let mut places: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for event in events {
        match places.get(&event.alike).and_then(|place| groups.get_mut(*place)) {
            Some((_, group)) => group.push(event),
            None => {
                places.insert(event.alike.clone(), groups.len());
                groups.push((event.alike.clone(), vec![event]));
            }
        }
    }
    groups.into_iter().filter_map(|(alike, group)| folded(&alike, group)).collect()
}

fn folded(alike: &str, group: Vec<Event>) -> Option<Row> {
    let count = group.len();
    let items: Vec<String> = group.iter().filter_map(|event| event.item.clone()).collect();
    let last = group.last().map(|event| event.row.time.clone()).unwrap_or_default();
    let mut row = group.into_iter().next()?.row;
    if count == 1 {
        return Some(row);
    }
    let mut seen = std::collections::BTreeSet::new();
    let distinct: Vec<String> = items.into_iter().filter(|item| seen.insert(item.clone())).collect();
    // More than once for some.
    let each = if distinct.is_empty() || distinct.len() == count {
        String::new()
    } else {
        format!(", for {} items", distinct.len())
    };
    row.text = format!("{count} x {alike}{each}");
    row.more = match distinct.len() {
        0 => format!("until {last}"),
        found => {
            let named = distinct.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let more = found.saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{named}{more}; until {last}")
        }
    };
    Some(row)
}

struct Story<'a> {
    history: &'a History<'a>,
    happened: &'a Happened,
    lanes: &'a [Lane],
}

impl Story<'_> {
    fn event(&self, entry: &Entry) -> Option<Event> {
        let words = line::words(self.history, entry).unwrap_or_default();
        let plain = |mark: Mark| self.at(entry, entry.by.as_deref(), mark, &words);
        let system = |mark: Mark| self.at(entry, None, mark, &words);
        let event = match &entry.fact {
            Fact::RunOpened(_) => plain(Mark::Seat),
            Fact::SignedOn(_) => alike(plain(Mark::Seat), "signs on"),
            Fact::StageEntered(fact) => chaptered(system(Mark::Said), &fact.stage),
            Fact::AnchorSet(fact) => {
                placed(alike(system(Mark::Anchor), "anchor captured and proved"), &fact.stage, &fact.item)
            }
            Fact::AnchorRefused(fact) => placed(system(Mark::Failed), &fact.stage, &fact.item),
            Fact::AnchorRegained(fact) => {
                let mark = if fact.differs.is_empty() { Mark::Anchor } else { Mark::Failed };
                let event = placed(system(mark), ROLLBACK, &fact.item);
                if fact.differs.is_empty() { alike(event, "back as captured") } else { event }
            }
            Fact::HoldBegan(fact) => self.held(entry, &fact.hold, "is held from now on: no step may take it away"),
            Fact::HoldProved(fact) => self.held(entry, &fact.hold, "is proved: somebody could get in by it just now"),
            Fact::HoldEnded(fact) => self.held(entry, &fact.hold, "is released: no longer held"),
            Fact::Asked(fact) => self.asked(entry, &fact.covers, plain(Mark::Asked)),
            Fact::Approval(fact) => self.decided(&fact.statement, plain(Mark::Approved)),
            Fact::RequestEnded(fact) if fact.why != EndedBy::Consumed && fact.why != EndedBy::Denied => {
                let covers = self.happened.requests.get(&fact.request).map(|request| request.covers.clone());
                let why = format!("request is over: {}", line::ended(fact.why));
                self.covering(alike(system(Mark::NotDone), &why), &covers.unwrap_or_default())
            }
            Fact::Said(fact) => self.said(&fact.statement, plain(Mark::Said)),
            Fact::Intended(fact) => self.begun(entry, &fact.step, fact.direction)?,
            Fact::Outcome(fact) => self.ended(entry, fact)?,
            Fact::Observed(fact) => {
                let reading = match fact.reading {
                    Reading::Done => "it happened",
                    Reading::NotDone => "it did not happen",
                    Reading::CannotTell => "can't tell",
                };
                let event = alike(system(Mark::Said), &format!("reads the {} side: {reading}", fact.side));
                stepped(event, &fact.step)
            }
            Fact::Waiting(fact) => {
                let mut event = system(Mark::Wait);
                event.row.to = fact.people.iter().filter_map(|id| lane_of(self.lanes, id)).collect();
                let what = format!("waits for {}: {}", fact.people.join(" or "), fact.what.name().replace('_', " "));
                self.covering(alike(event, &what), &fact.at_step)
            }
            Fact::Waited(fact) => stepped(alike(system(Mark::Wait), "waits"), &fact.step),
            Fact::Paused(_) => system(Mark::Wait),
            Fact::RollbackStarted(fact) if fact.to.contains('/') => chaptered(plain(Mark::Said), REPAIR),
            Fact::RollbackStarted(_) => chaptered(plain(Mark::Undone), ROLLBACK),
            Fact::Skipped(fact) => placed(alike(system(Mark::NotDone), "does not apply"), &fact.stage, &fact.item),
            Fact::Amended(_) | Fact::PeopleChanged(_) | Fact::Resumed(_) => plain(Mark::Said),
            Fact::BreakGlass(_) => plain(Mark::Glass),
            Fact::HandedOver(_) => plain(Mark::Seat),
            Fact::RunClosed(_) => chaptered(system(Mark::Closed), "Closing"),
            Fact::Witness(_) => chaptered(plain(Mark::Closed), "Closing"),
            _ => return None,
        };
        Some(event)
    }

    /// What becomes of a way in; where the story is at that moment.
    fn held(&self, entry: &Entry, hold: &str, what: &str) -> Event {
        let planned = self.history.plan.as_ref().and_then(|plan| plan.hold(hold));
        let title = planned.map(|one| one.title.as_str()).filter(|title| !title.is_empty()).unwrap_or("Way in");
        self.at(entry, None, Mark::Hold, &format!("{title} ({hold}) {what}"))
    }

    /// A row in the lane of `by`, or in that of no person.
    fn at(&self, entry: &Entry, by: Option<&str>, mark: Mark, words: &str) -> Event {
        let lane = by.and_then(|by| lane_of(self.lanes, by)).or_else(|| lane_of(self.lanes, SYSTEM));
        let at = entry.at.seconds();
        let time = at.get(5..19).unwrap_or_default().replace('T', " ");
        Event {
            chapter: String::new(),
            alike: words.to_owned(),
            item: None,
            row: Row {
                time,
                marks: lane.map(|lane| (lane, mark)).into_iter().collect(),
                text: words.to_owned(),
                ..Row::default()
            },
        }
    }

    fn asked(&self, entry: &Entry, covers: &str, mut event: Event) -> Event {
        let Some(request) = self.happened.requests.get(&entry.seq) else { return event };
        let mut to: Vec<usize> = Vec::new();
        for decision in &request.decisions {
            to.extend(lane_of(self.lanes, &decision.person).filter(|lane| !to.contains(lane)));
        }
        event.row.to = to;
        event.row.text = format!("asks: {}", request.summary);
        event.row.more = format!("request #{} over {}", request.seq, request.covers);
        let step = covers.rsplit('/').next().unwrap_or_default();
        self.covering(alike(event, &format!("asks for approval of {step}")), covers)
    }

    fn decided(&self, statement: &str, mut event: Event) -> Event {
        let Ok(Statement { body: Body::Approval(_, fields), tail }) = Statement::read(statement) else { return event };
        let mark = if fields.decision == Decides::Approve { Mark::Approved } else { Mark::Denied };
        event.row.marks.iter_mut().for_each(|(_, old)| *old = mark);
        event.row.to = lane_of(self.lanes, &fields.performer).into_iter().collect();
        let step = fields.covers.rsplit('/').next().unwrap_or_default();
        let verb = match fields.decision {
            Decides::Approve => "approves",
            Decides::Deny => "DENIES",
            Decides::Revoke => "revokes",
        };
        let (name, role) = (self.history.name(&tail.person), &tail.role);
        event.row.text = format!("{name} {verb} {}", fields.covers);
        let reason = if tail.reason.is_empty() { String::new() } else { format!("; {}", tail.reason) };
        event.row.more = format!("as {role}, on request #{}{reason}", fields.request);
        let same = format!("{name} {verb} {step}{reason}");
        self.covering(alike(event, &same), &fields.covers)
    }

    fn said(&self, statement: &str, mut event: Event) -> Event {
        let Ok(Statement { body: Body::Said(_, fields), tail }) = Statement::read(statement) else { return event };
        if fields.covers.starts_with(RECOVERY) {
            return event;
        }
        let (mark, verb) = match fields.what {
            SaidWhat::Confirmed => (Mark::Confirmed, "confirms"),
            SaidWhat::Settled => (Mark::Settled, "says how it stands with"),
            SaidWhat::Task => (Mark::Said, "signs to have done"),
            SaidWhat::Answer => (Mark::Said, "answers"),
            SaidWhat::Evidence => (Mark::Said, "attaches evidence to"),
            SaidWhat::Note => (Mark::Said, "notes"),
            SaidWhat::GoOn => (Mark::Said, "says to go on with"),
        };
        event.row.marks.iter_mut().for_each(|(_, old)| *old = mark);
        let name = self.history.name(&tail.person);
        event.row.text = format!("{name} {verb} {}", fields.covers);
        event.row.more = tail.reason.clone();
        let step = fields.covers.rsplit('/').next().unwrap_or_default();
        let reason = if tail.reason.is_empty() { String::new() } else { format!(": {}", tail.reason) };
        let same = format!("{name} {verb} {step}{reason}");
        self.covering(alike(event, &same), &fields.covers)
    }

    /// The operation, at its beginning, with how it ended.
    fn begun(&self, entry: &Entry, step: &StepId, direction: Direction) -> Option<Event> {
        let operation = self.happened.begun(entry.seq)?;
        let mark = match (operation.result.as_deref(), operation.was_in_doubt, direction) {
            (None | Some("in_doubt"), ..) | (_, true, _) => Mark::Doubt,
            (Some("done"), _, Direction::Undo) => Mark::Undone,
            (Some("done"), ..) => Mark::Done,
            (Some("not_done"), ..) => Mark::NotDone,
            _ => Mark::Failed,
        };
        let mut event = self.at(entry, entry.by.as_deref(), mark, "");
        event.row.text = format!("{}: {}", operation.step, operation.what);
        event.row.more = how(operation);
        let end = self.history.step(step).is_some_and(|step| !step.back.point_of_no_return.is_empty());
        event.row.end_of_way_back = end && mark != Mark::NotDone && mark != Mark::Failed;
        if mark == Mark::Doubt {
            event.row.more = format!("IN DOUBT; in the end: {}", how(operation));
        }
        let action = operation.what.split([' ', ',']).next().unwrap_or_default();
        let by = self.history.name(&operation.by);
        let same = match mark {
            Mark::Done | Mark::Undone => format!("{by}, {}: {action}, done", step.step),
            // Nothing happened, and it was tried again: the tables name each.
            Mark::NotDone => {
                let error = operation.error.as_deref().unwrap_or_default();
                let code = error.split(':').next().unwrap_or_default();
                format!("{by}, {}: {action}, nothing happened: {code}", step.step)
            }
            // What went wrong is told one by one.
            _ => format!("{} (entry {})", event.row.text, entry.seq),
        };
        Some(stepped(alike(event, &same), step))
    }

    /// Outcomes of what changes nothing, and what settles a doubt; others stand with their beginning.
    fn ended(&self, entry: &Entry, fact: &crate::record::fact::Outcome) -> Option<Event> {
        let words = format!("{}: {}", fact.step, line::outcome(fact));
        let event = match (fact.intended, fact.found) {
            (Some(_), Found::Probe | Found::Word) if fact.result != Ended::InDoubt => {
                self.at(entry, None, Mark::Settled, &words)
            }
            (Some(_), _) => return None,
            (None, _) => {
                let kind = self.history.step(&fact.step).map(|step| step.body.kind()).unwrap_or_default();
                let mark = if fact.result == Ended::Done { Mark::Done } else { Mark::Failed };
                let event = self.at(entry, entry.by.as_deref(), mark, &words);
                let done = format!("{}: {kind}, done", fact.step.step);
                if mark == Mark::Done { alike(event, &done) } else { event }
            }
        };
        Some(stepped(event, &fact.step))
    }

    /// In the chapter and for the item that a request covers.
    fn covering(&self, event: Event, covers: &str) -> Event {
        let chapter = match covers.parse::<StepId>() {
            _ if covers.starts_with("undo ") => Some(ROLLBACK),
            _ if covers.starts_with("repair ") => Some(REPAIR),
            Ok(id) => behind(&id),
            Err(_) => None,
        };
        let place = covers.strip_prefix("undo ").or(covers.strip_prefix("repair ")).unwrap_or(covers);
        let place = place.split('/').next().unwrap_or_default();
        let (stage, item) = match place.split_once(':') {
            Some((stage, item)) => (stage, Some(item.to_owned()).filter(|item| item != "*")),
            None => (place, None),
        };
        placed(event, chapter.unwrap_or(stage), &item)
    }
}

/// How an operation ended, with AWS's request id.
fn how(operation: &OperationFacts) -> String {
    let took = operation.took_ms.map(|ms| format!(" in {}", duration::show(ms as i64))).unwrap_or_default();
    let took = if operation.was_in_doubt { String::new() } else { took };
    let id = operation.request_id.as_ref().map(|id| format!(", AWS request {id}")).unwrap_or_default();
    format!("{}{took}{id}", operation.words)
}

fn alike(event: Event, text: &str) -> Event {
    Event { alike: text.to_owned(), ..event }
}

fn chaptered(event: Event, chapter: &str) -> Event {
    Event { chapter: chapter.to_owned(), ..event }
}

fn placed(event: Event, chapter: &str, item: &Option<String>) -> Event {
    Event { chapter: chapter.to_owned(), item: item.clone(), ..event }
}

fn stepped(event: Event, step: &StepId) -> Event {
    placed(event, behind(step).unwrap_or(&step.stage), &step.item)
}

/// The chapter of what is done behind the runbook's own steps.
fn behind(step: &StepId) -> Option<&'static str> {
    let repair = step.repair.is_some().then_some(REPAIR);
    if step.undo.is_some() { Some(ROLLBACK) } else { repair }
}
