//! What both ends of every link of a node share.

use std::sync::Arc;

use rejoin_sync::LinkOptions;

use super::{Hub, Port};
use crate::clock::LinkClock;
use crate::node::Vital;
use crate::tls::Notices;

/// This node's end of its links.
#[derive(Clone)]
pub(crate) struct LinkEnd {
    /// The boards of the peers.
    pub hub: Arc<Hub>,
    /// The store.
    pub port: Port,
    /// The options of the protocol.
    pub options: LinkOptions,
    /// The clock of the links.
    pub clock: LinkClock,
    /// Spawns tasks whose panic ends the node.
    pub vital: Vital,
    /// What the log has said of callers that are refused.
    pub notices: Notices,
}
