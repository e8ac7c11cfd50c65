//! What a node keeps in memory: never anything per document.
//!
//! A [`NodeState`] is replaced whole after each durable group and shared by reference until then, so that a group which fails has changed
//! nothing, and a reader never waits.

mod buckets;
mod database;
mod definition;
mod deletion;
mod load;
mod membership;
mod node;

pub(crate) use buckets::Buckets;
pub(crate) use database::{DatabaseState, Standing};
pub(crate) use definition::{
    DatabaseBody, SystemDocument, database_body, database_id, deletion_document, replica_document,
};
pub(crate) use deletion::{Deletion, Deletions};
pub(crate) use load::load;
pub(crate) use membership::{Confirmation, Membership, Memberships, confirmation_document, membership_document};
pub(crate) use node::NodeState;
