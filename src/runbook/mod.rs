//! Runbook text -> runbook as written, every value with its place, all findings at once. Pure.
//!
//! Reads the whole grammar and checks shape and types. Whether names exist, actions are known and
//! ways back lead back is `check`'s.

pub mod kind;
pub mod node;
mod read;
mod read_stage;
pub mod reader;
mod shapes;
mod toml11;
pub mod written;

pub use read::read;
pub use written::Runbook;

#[cfg(test)]
mod tests;
