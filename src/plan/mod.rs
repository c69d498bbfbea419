//! Checked runbook and values -> plan: what will be done, pinned by digests. Pure.

pub mod build;
mod json_node;
pub mod lanes;
pub mod mermaid;
pub mod model;
pub mod picture;
pub mod text;
pub mod values;
pub mod words;

pub use build::{Pins, Timing, build};
pub use text::{concerns, operations, text, text_with};
pub use values::Values;

use crate::base::{Digest, json};
use model::Plan;

/// Why a stored plan could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("the plan object is not canonical: {0}")]
    Form(String),
    #[error("the plan object does not have a plan's shape: {0}")]
    Shape(String),
    #[error("the plan object has version {0}; this version reads 1")]
    Version(u32),
}

impl Plan {
    /// Its canonical bytes: the stored object.
    pub fn bytes(&self) -> Vec<u8> {
        // A plan holds nothing deeper than the runbook, whose reader limits depth.
        json::object_bytes_of(self).unwrap_or_default()
    }

    /// Digest of [`Plan::bytes`].
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes())
    }

    /// Reads a stored object.
    pub fn read(bytes: &[u8]) -> Result<Plan, PlanError> {
        let text = std::str::from_utf8(bytes).map_err(|error| PlanError::Form(error.to_string()))?;
        let value = json::parse(text, json::Form::Object).map_err(|error| PlanError::Form(error.to_string()))?;
        let plan: Plan = serde_json::from_value(value).map_err(|error| PlanError::Shape(error.to_string()))?;
        if plan.plan == 1 { Ok(plan) } else { Err(PlanError::Version(plan.plan)) }
    }
}

#[cfg(test)]
mod tests;
