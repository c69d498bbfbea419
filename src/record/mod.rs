//! Facts -> entries, chain and tree, signed statements, bundle. Pure.
//!
//! Hash the bytes that are stored; store the bytes that were hashed. Nothing here re-serialises
//! what it read, except to refuse a line that is not canonical.

pub mod answer;
pub mod bundle;
pub mod change;
pub mod entry;
pub mod fact;
pub mod named;
pub mod operations;
pub mod salted;
pub mod statement;
mod statement_text;
pub mod tree;

pub use entry::{Entry, EntryError};
pub use fact::{Fact, SignedText};
pub use statement::{Statement, StatementError};
pub use tree::Tree;
