//! What nodes know while the run goes on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Knowledge, Tick};

/// A node's knowledge and digest, taken in one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The node's datacenter.
    pub datacenter: String,
    /// The database.
    pub database: String,
    /// When, by the log's clock.
    pub at: Tick,
    /// When, in milliseconds since the run began.
    pub ms: u64,
    /// What the node knows; absent: a client cannot see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<Knowledge>,
    /// Something has been applied that the knowledge does not cover yet: the digest says nothing about it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beyond: bool,
    /// The digest of the database, or of all databases where clients see only that, in hexadecimal digits.
    pub digest: String,
    /// The paths in conflict, by document; absent: nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<BTreeMap<String, Vec<String>>>,
}
