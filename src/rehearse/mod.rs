//! Room: rehearse.
