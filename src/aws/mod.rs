//! Room: aws.
