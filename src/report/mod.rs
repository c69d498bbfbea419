//! Entries -> text, Markdown, JSON, HTML, for people. Pure.
//!
//! A report never says more than a bundle holds, and puts the verdict before everything else. It reads entries
//! one by one, so a history that breaks the rules still gets a report, which says so.

pub mod changes;
pub mod content;
mod gather;
mod happened;
pub mod html;
pub mod line;
pub mod markdown;
pub mod review;
mod rows;
mod story;
mod trouble;

pub use content::Content;
pub use gather::{gather, salvage};

/// The report as JSON, with the members that `content` documents.
pub fn json(content: &Content) -> String {
    serde_json::to_string_pretty(content).unwrap_or_default()
}
pub mod proof;
pub mod proof_pages;
pub mod proof_text;
