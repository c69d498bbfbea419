//! Facts -> entries, chain, statements, bundle. Pure.
pub mod fact;
pub mod statement;
