//! Entries -> text, Markdown, JSON, for people. Pure.

pub mod line;
pub mod markdown;
pub mod review;
