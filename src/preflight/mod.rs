//! Plan + answers of reads -> what stands in the way of a run, what it will cost, what nobody could see. Pure.
//!
//! Owns the table of findings and the choice of a route. Never asks AWS (the room `run` does, through `aws`), and
//! never counts as good what could not be read.

pub mod case;
mod document;
pub mod evidence;
pub mod known;
pub mod look;
mod of_accounts;
mod of_elsewhere;
mod of_organizations;
pub mod outcome;
pub mod pages;
pub mod reads;
pub mod route;
pub mod rows;
pub mod table;
pub mod values;
mod words;

pub use case::Case;
pub use look::{Ask, Look};
pub use outcome::{Preflight, Severity, Verdict};
