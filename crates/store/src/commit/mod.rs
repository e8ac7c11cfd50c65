//! The commit pipeline: everything that changes a store.
//!
//! A [`Group`](group::Group) takes operations one after another. Each reads first and stages then, so that one that is refused leaves nothing
//! behind; a later one sees what earlier ones staged. At the end the group becomes one batch, with every index derived from what it changes,
//! and one new node state. The store writes the batch, and only then shows the state to readers and acknowledges.

mod apply;
mod batch;
mod databases;
mod deletion;
mod forget;
mod group;
mod history;
mod identity;
mod index;
mod insert;
mod local;
mod membership;
mod peers;
mod pipeline;
mod prune;
mod quarantine;
mod quota;
mod recount;
mod redefine;
mod resolve;
mod restore;
mod staged;
mod trim;
mod write;

pub(crate) use group::{Finished, Group};
pub(crate) use history::all_candidates;
pub(crate) use identity::fresh_identity;
pub(crate) use pipeline::{Halt, Pipeline};
