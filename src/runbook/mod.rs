//! Runbook text -> runbook as written, every value with its place, all findings at once. Pure.
//!
//! Reads the whole grammar and checks shape and types. Whether names exist, actions are known and
//! ways back lead back is `check`'s.

pub mod kind;
pub mod node;
mod read;
mod read_stage;
pub mod reader;
pub mod shapes;
mod toml11;
pub mod written;

pub use read::{read, read_anyway};
pub use written::Runbook;

/// Whether a step has a key of this name: to tell where a key belongs that landed in `with`.
pub fn is_step_key(name: &str) -> bool {
    shapes::STEP.keys.contains(&name)
}

#[cfg(test)]
mod tests;
