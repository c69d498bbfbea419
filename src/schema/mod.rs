//! JSON Schemas (draft-07) of what people write, for their editors: made from the tables of keys that the
//! readers use. Pure; says nothing about meaning, which is `check`'s.

mod key;
mod people;
mod runbook;
mod values;
mod world;

pub use people::people;
pub use runbook::runbook;
pub use values::values;
pub use world::world;

/// The draft that the TOML editors take.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

#[cfg(test)]
mod tests;
