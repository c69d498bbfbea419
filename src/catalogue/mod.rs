//! Actions as data: AWS's operations with everything that Countersign must know to do them safely.
//!
//! Owns the table and the meaning of AWS's error codes. Never calls AWS; pure.

mod account;
pub mod action;
mod elsewhere;
mod errors;
mod iam;
mod iam_groups;
mod iam_roles;
mod iam_root;
mod iam_sign_in;
mod invoicing;
mod organizations_move;
mod organizations_policies;
mod organizations_read;
mod organizations_services;
mod organizations_transfer;
mod organizations_tree;
mod organizations_whole;
mod shapes;
mod sts;

pub use action::{Action, Class, ErrorRow};
pub use errors::{classify, errors};

/// Every family of actions, in the order in which they are listed to people.
static FAMILIES: [&[&Action]; 16] = [
    organizations_move::ACTIONS,
    organizations_whole::ACTIONS,
    organizations_tree::ACTIONS,
    organizations_policies::ACTIONS,
    organizations_services::ACTIONS,
    organizations_transfer::ACTIONS,
    organizations_read::ACTIONS,
    iam::ACTIONS,
    iam_groups::ACTIONS,
    iam_roles::ACTIONS,
    iam_sign_in::ACTIONS,
    iam_root::ACTIONS,
    sts::ACTIONS,
    account::ACTIONS,
    invoicing::ACTIONS,
    elsewhere::ACTIONS,
];

/// The action of this name (`organizations:AcceptHandshake`, exactly as AWS writes it).
pub fn find(name: &str) -> Option<&'static Action> {
    all().find(|action| action.name == name)
}

/// Whether the action cannot do without this parameter.
pub fn needs(action: &str, parameter: &str) -> bool {
    let fields = find(action).map_or(&[][..], |action| action.parameters);
    fields.iter().any(|field| field.name == parameter && field.required)
}

/// All actions, family by family.
pub fn all() -> impl Iterator<Item = &'static Action> {
    FAMILIES.iter().flat_map(|family| family.iter().copied())
}

#[cfg(test)]
mod tests;
