//! The ground everybody stands on: digests, canonical JSON, time, ids, escaping, findings.
//!
//! Pure: no IO, no clock of its own, no randomness. Uses no other room.

mod canonical;
pub mod digest;
pub mod domains;
pub mod duration;
pub mod escape;
pub mod finding;
pub mod html;
pub mod id;
pub mod json;
pub mod markdown;
pub mod parallel;
mod recognise;
pub mod time;

pub use digest::Digest;
pub use finding::{Finding, Place, Severity};
pub use id::{RunId, StepId};
pub use time::Time;
