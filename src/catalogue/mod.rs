//! Actions as data.
pub mod action;
pub use action::{Action, Class};
