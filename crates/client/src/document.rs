//! A document as a reader sees it.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::{Checksum, Revision};

use crate::call_options::ReadState;
use crate::conflict::Conflict;
use crate::malformed::{self, Malformed};

/// A document with its open conflicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The id.
    pub id: String,
    /// The shown revision: the last write's own, or a merge revision that every node computes alike.
    pub revision: Revision,
    /// Whether it is deleted; it has no body then.
    pub deleted: bool,
    /// 64 bits over the content; equal for equal content on every node, whatever the member order.
    pub checksum: Checksum,
    /// The shown body as JSON text.
    pub body: Bytes,
    /// The open conflicts in ascending order of their paths.
    pub conflicts: Vec<Conflict>,
    /// How the answer stands to its session, and to what arrives at the node.
    pub state: ReadState,
}

impl Document {
    pub(crate) fn from_proto(document: proto::Document, state: Option<proto::ReadState>) -> Result<Self, Malformed> {
        Ok(Self {
            revision: malformed::revision(&document.revision)?,
            id: document.id,
            deleted: document.deleted,
            checksum: Checksum(document.checksum),
            body: document.body,
            conflicts: document
                .conflicts
                .into_iter()
                .map(Conflict::from_proto)
                .collect::<Result<_, _>>()?,
            state: state.map(ReadState::from).unwrap_or_default(),
        })
    }
}
