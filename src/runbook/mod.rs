//! Room: runbook.
