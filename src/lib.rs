//! Countersign: runbooks as code for procedures that need two people.
//!
//! The rooms of the house, in the order in which data walks; each uses only rooms before it
//! (`tests/house.rs` reads the `use` lines). CONTRIBUTING.md is the map.

pub mod approval;
#[cfg(feature = "aws")]
pub mod aws;
pub mod base;
pub mod catalogue;
pub mod check;
pub mod cli;
pub mod engine;
pub mod expression;
pub mod journal;
pub mod keys;
pub mod operator;
pub mod people;
pub mod plan;
pub mod record;
#[cfg(feature = "aws")]
pub mod rehearse;
pub mod report;
pub mod run;
pub mod runbook;
pub mod simulator;
pub mod sshsig;
pub mod verify;
