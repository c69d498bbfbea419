//! Actions as data: AWS's operations with everything that Countersign must know to do them safely.
//!
//! Owns the table and the meaning of AWS's error codes. Never calls AWS; pure.

pub mod action;
mod errors;
mod iam;
mod organizations_move;
mod organizations_read;
mod organizations_tree;
mod organizations_whole;
mod shapes;
mod sts;

pub use action::{Action, Class, ErrorRow};
pub use errors::{classify, errors};

/// Every family of actions, in the order in which they are listed to people.
static FAMILIES: [&[&Action]; 6] = [
    organizations_move::ACTIONS,
    organizations_whole::ACTIONS,
    organizations_tree::ACTIONS,
    organizations_read::ACTIONS,
    iam::ACTIONS,
    sts::ACTIONS,
];

/// The action of this name (`organizations:AcceptHandshake`, exactly as AWS writes it).
pub fn find(name: &str) -> Option<&'static Action> {
    all().find(|action| action.name == name)
}

/// All actions, family by family.
pub fn all() -> impl Iterator<Item = &'static Action> {
    FAMILIES.iter().flat_map(|family| family.iter().copied())
}

#[cfg(test)]
mod tests;
