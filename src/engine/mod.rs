//! The pure state machine: what a run's entries mean (`state`), and what comes next (`next`).
//! No IO, no clock, no randomness: `run` carries out what `next` says and appends what came of it.

pub mod another;
pub mod by_hand;
pub mod differ;
pub mod doubt;
pub mod end;
pub mod hazard;
pub mod hold;
pub mod index;
pub mod next;
pub mod operation;
pub mod port;
pub mod request;
pub mod rollback;
pub mod scope;
pub mod session;
pub mod state;
pub mod status;
pub mod way;

pub use next::{Draft, Next, Prompt, PromptKind, Seat, Stop, StopKind, next};
pub use state::Run;
