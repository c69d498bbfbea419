//! What a proof found: every cell of the fault table, what it came to, and what was not proved. The model, and
//! its JSON. Pure; how it looks as text, Markdown and HTML is in `proof_text` and `proof_pages`.

use serde_json::{Value, json};

/// What a cell came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    /// To the runbook's end.
    Done,
    /// Back to where it was.
    RolledBack,
    /// What can't be taken back was made good, as the runbook says.
    Repaired,
    /// It stopped with a clear word where the runbook has no way on.
    Stopped,
    /// The fault can't happen to a step of this kind.
    DoesNotApply,
    Failed,
}

impl Came {
    /// In JSON, and in the legend.
    pub fn name(self) -> &'static str {
        match self {
            Came::Done => "done",
            Came::RolledBack => "rolled_back",
            Came::Repaired => "repaired",
            Came::Stopped => "stopped",
            Came::DoesNotApply => "does_not_apply",
            Came::Failed => "failed",
        }
    }

    /// In the table.
    pub fn letter(self) -> char {
        match self {
            Came::Done => 'd',
            Came::RolledBack => 'b',
            Came::Repaired => 'r',
            Came::Stopped => 's',
            Came::DoesNotApply => '-',
            Came::Failed => 'F',
        }
    }
}

/// One cell: a fault at a step, or a rollback to an anchor from a later step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub stage: String,
    pub item: Option<String>,
    /// Of a rollback: the step after which it began.
    pub step: String,
    /// The undo step that the fault strikes.
    pub undo: Option<String>,
    /// The repair step that the fault strikes.
    pub repair: Option<String>,
    /// The fault's name, or `rollback`.
    pub fault: String,
    /// Of a rollback: the anchor, `stage` or `stage:item`; of a repair: the step.
    pub to: Option<String>,
    pub came: Came,
    /// In words: why it does not apply, where it stopped, what is wrong.
    pub detail: String,
    /// What `--cell` takes.
    pub name: String,
}

impl Cell {
    /// The row of the fault table: `stage/step`, `stage/step/undo/id` or `stage/step/repair/id`.
    pub fn row(&self) -> String {
        format!("{}/{}", self.stage, self.local())
    }

    /// `step`, `step/undo/id` or `step/repair/id`.
    pub fn local(&self) -> String {
        match (&self.undo, &self.repair) {
            (Some(undo), _) => format!("{}/undo/{undo}", self.step),
            (None, Some(repair)) => format!("{}/repair/{repair}", self.step),
            (None, None) => self.step.clone(),
        }
    }

    pub fn is_rollback(&self) -> bool {
        self.to.is_some()
    }
}

/// A fault as the table heads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub head: &'static str,
    pub name: &'static str,
    pub words: &'static str,
}

/// The whole proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub runbook: String,
    pub title: String,
    pub version: String,
    /// The command that replays a cell ends with `--cell NAME`; this is what stands before.
    pub command: String,
    pub columns: Vec<Column>,
    /// Faults first, by step; then rollbacks, by anchor.
    pub cells: Vec<Cell>,
    /// What the runs without faults came to, in words; the last one says why there are no cells, if there are none.
    pub plays: Vec<String>,
    /// Why the play without faults does not come to its end; empty if it does.
    pub stuck: String,
    /// What is not proved, in sentences.
    pub unproved: Vec<String>,
    /// Seeds: name and value.
    pub seeds: Vec<(String, String)>,
}

impl Proof {
    pub fn proved(&self) -> bool {
        self.stuck.is_empty() && self.count() > 0 && self.failed().next().is_none()
    }

    /// Cells that were played.
    pub fn count(&self) -> usize {
        self.cells.iter().filter(|cell| cell.came != Came::DoesNotApply).count()
    }

    pub fn count_of(&self, came: Came) -> usize {
        self.cells.iter().filter(|cell| cell.came == came).count()
    }

    pub fn failed(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.came == Came::Failed)
    }

    /// As `--format json` prints it.
    pub fn json(&self) -> Value {
        let cell = |cell: &Cell| {
            json!({
                "stage": cell.stage, "item": cell.item, "step": cell.step, "undo": cell.undo, "repair": cell.repair, "fault": cell.fault,
                "to": cell.to, "result": cell.came.name(), "detail": cell.detail, "cell": cell.name,
            })
        };
        let seeds: serde_json::Map<String, Value> =
            self.seeds.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
        json!({
            "runbook": self.runbook,
            "version": self.version,
            "proved": self.proved(),
            "count": self.count(),
            "cells": self.cells.iter().map(cell).collect::<Vec<_>>(),
            "plays": self.plays,
            "stuck": self.stuck,
            "not_proved": self.unproved,
            "seeds": seeds,
        })
    }
}
