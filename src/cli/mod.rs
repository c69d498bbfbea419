//! One file per verb; chooses the real parts; the only place that prints, reads the environment, exits.
pub mod check;
pub mod export;
pub mod load;
pub mod plan;
pub mod simulate;
pub mod ui;
pub mod verify;
