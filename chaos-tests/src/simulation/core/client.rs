//! A client: a session that goes from datacenter to datacenter, and what it remembers of what it read.

use std::collections::BTreeMap;

use rejoin_document::{Rule, VersionVector};

use super::sight::Sight;
use crate::workload::Generator;

/// Sights of one document that a client remembers.
const REMEMBERED_MAX: usize = 6;

/// One client.
pub(super) struct Client {
    pub(super) name: String,
    /// The datacenter that it talks to.
    pub(super) node: usize,
    pub(super) generator: Generator,
    /// When it does something again.
    pub(super) next_ms: u64,
    /// What its token covers.
    pub(super) seen: VersionVector,
    /// Increments and other named writes that were not answered: to be sent again.
    pub(super) unanswered: Vec<Named>,
    /// What it has read of each document, oldest first.
    remembered: BTreeMap<String, Vec<Sight>>,
}

/// A write under a name, so that it is done once however often it is sent.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) document: String,
    pub(super) path: String,
    pub(super) by: i64,
    pub(super) request: String,
    /// The rule of the path at the node that was asked first.
    pub(super) rule: Rule,
}

impl Client {
    /// A client that has read nothing, at a node.
    pub(super) fn new(name: String, node: usize, generator: Generator, next_ms: u64) -> Self {
        Self {
            name,
            node,
            generator,
            next_ms,
            seen: VersionVector::new(),
            unanswered: Vec::new(),
            remembered: BTreeMap::new(),
        }
    }

    /// Keeps a sight in mind.
    pub(super) fn remember(&mut self, document: &str, sight: &Sight) {
        self.seen = self.seen.join(&sight.past);
        let sights = self.remembered.entry(document.to_owned()).or_default();
        sights.push(sight.clone());
        if sights.len() > REMEMBERED_MAX {
            sights.remove(0);
        }
    }

    /// What it read of a document so many reads ago, or the oldest that it remembers.
    pub(super) fn recall(&self, document: &str, reads_ago: u32) -> Option<Sight> {
        let sights = self.remembered.get(document)?;
        let place = sights.len().saturating_sub(1 + reads_ago as usize);
        sights.get(place).cloned()
    }
}
