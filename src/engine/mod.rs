//! The pure state machine: what a run's entries mean, and what comes next.
pub mod port;
