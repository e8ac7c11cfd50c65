//! What a node shows when everything is over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Tick;
use crate::view::{Body, Picture};

/// All that one interface of one node shows of the database at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinalState {
    /// The node's datacenter.
    pub datacenter: String,
    /// The interface that was asked: `grpc`, `http`, `store`.
    pub interface: String,
    /// When, by the log's clock.
    pub at: Tick,
    /// When, in milliseconds since the run began.
    pub ms: u64,
    /// What it shows.
    pub picture: Picture,
    /// The bodies that the history of each document holds; absent: nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<BTreeMap<String, Vec<Body>>>,
}
