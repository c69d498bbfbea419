//! Entries -> text, Markdown, JSON, for people. Pure.

pub mod line;
pub mod markdown;
pub mod proof;
pub mod proof_pages;
pub mod proof_text;
