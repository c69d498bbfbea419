//! Checked runbook and values -> plan.
pub mod model;
