//! A stream of changes.

use rejoin_api::proto;
use rejoin_document::{Revision, Sequence};
use tonic::Streaming;

use crate::call::{self, Safety};
use crate::error::CallError;
use crate::malformed::{self, Malformed};

/// The newest change of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its sequence number at the node.
    pub sequence: Sequence,
    /// The document's id.
    pub id: String,
    /// The shown revision.
    pub revision: Revision,
    /// Whether the document is deleted.
    pub deleted: bool,
}

/// Changes of one database, oldest first.
#[derive(Debug)]
pub struct ChangeStream {
    stream: Streaming<proto::WatchChangesResponse>,
    address: String,
}

impl ChangeStream {
    pub(crate) fn new(stream: Streaming<proto::WatchChangesResponse>, address: &str) -> Self {
        Self {
            stream,
            address: address.to_owned(),
        }
    }

    /// The next change; `None` at the end of a stream that does not follow. Waits as long as nothing changes; a lost
    /// connection is noticed by the keepalive.
    ///
    /// # Errors
    /// `Unreachable` if the connection was lost: open another stream after the last sequence that was seen.
    pub async fn next(&mut self) -> Result<Option<Change>, CallError> {
        let change = self.stream.message().await;
        match change.map_err(|status| call::from_status(&self.address, Safety::Repeatable, &status))? {
            None => Ok(None),
            Some(change) => Change::from_proto(change)
                .map(Some)
                .map_err(|malformed| CallError::malformed(&self.address, &malformed)),
        }
    }
}

impl Change {
    fn from_proto(change: proto::WatchChangesResponse) -> Result<Self, Malformed> {
        Ok(Self {
            sequence: Sequence(change.sequence),
            revision: malformed::revision(&change.revision)?,
            id: change.id,
            deleted: change.deleted,
        })
    }
}
