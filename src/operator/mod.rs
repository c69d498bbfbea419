//! Room: operator.
