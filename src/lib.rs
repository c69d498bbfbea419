//! Countersign: runbooks as code for procedures that need two people.
//!
//! The rooms of the house, in the order in which data walks; each uses only rooms before it
//! (`tests/house.rs` reads this order and the `use` lines; the empty lines keep rustfmt from sorting it).
//! CONTRIBUTING.md is the map.

// Ids, digests, time, canonical JSON, escaping, findings.
pub mod base;

// `${...}` templates and JMESPath conditions.
pub mod expression;

// OpenSSH keys and signatures: read, verified strictly, made in software for rehearsals.
pub mod sshsig;

// Runbook text -> runbook as written, every value with its place.
pub mod runbook;

// People file -> people, parties, roles, keys.
pub mod people;

// AWS's operations as data: parameters, hazards, errors, probes, undo.
pub mod catalogue;

// Runbook + catalogue -> checked runbook, or all findings.
pub mod check;

// Checked runbook + values + people -> plan with digests.
pub mod plan;

// Facts -> entries, chain, Merkle root, statements, bundle.
pub mod record;

// Plan, people, statements -> granted, or what is missing.
pub mod approval;

// State + entry -> state; state -> what comes next.
pub mod engine;

// Bundle -> verdict.
pub mod verify;

// World + request + clock -> world + answer.
pub mod simulator;

// Tables of keys -> JSON Schemas for editors.
pub mod schema;

// Code -> the page that explains it.
pub mod explain;

// Plan + answers of reads -> what stands in the way, what nobody could see, which route.
pub mod preflight;

// Verified entries -> HTML, Markdown, JSON, lines for people.
pub mod report;

// Entries <-> SQLite; lock and lease.
pub mod journal;

// Operation -> outcome, through the AWS SDK or into the simulator.
#[cfg(feature = "aws")]
pub mod aws;

// Question -> answer: terminal, script, nobody.
pub mod operator;

// Statement -> signature: key file, agent, by hand.
pub mod keys;

// The loop that holds engine, journal, cloud, keys, operator and clock together.
pub mod run;

// Plays runbooks with `run` on the simulator, on a virtual clock.
#[cfg(feature = "aws")]
pub mod rehearse;

// One file per verb; the only room that prints, reads the environment, exits.
pub mod cli;
