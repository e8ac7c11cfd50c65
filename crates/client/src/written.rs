//! What a write did.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::{Checksum, Dot, Revision};

use crate::malformed::{self, Malformed};

/// An acknowledged write: it is durable at the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The revision that the document shows after the write.
    pub revision: Revision,
    /// The revision that the write made. In granularity `document` another open branch may be the one that is shown.
    pub made: Revision,
    /// The write's own dot.
    pub dot: Dot,
    /// 64 bits over the content shown after the write.
    pub checksum: Checksum,
    /// Whether the write was based on an older revision and was merged with what came after.
    pub merged: bool,
    /// Whether the request id was known: this is what the write did the first time.
    pub repeated: bool,
    /// Open conflicts that the document has now.
    pub conflicts: u32,
    /// The datacenters in which it is known to be durable, the node's own first. Just that one unless an acknowledgement was asked for.
    pub durable_in: Vec<String>,
    /// The datacenters in which it is not known to be durable, if an acknowledgement did not come in time.
    pub pending_in: Vec<String>,
}

/// The token with which a session goes on after a write.
pub(crate) fn token(result: Option<&proto::WriteResult>) -> Bytes {
    result.map(|result| result.session_token.clone()).unwrap_or_default()
}

impl Written {
    pub(crate) fn from_proto(result: Option<proto::WriteResult>) -> Result<Self, Malformed> {
        let result = result.ok_or(Malformed::Missing("result"))?;
        let dot = result.dot.ok_or(Malformed::Missing("dot"))?;
        let revision = malformed::revision(&result.revision)?;
        let made = match result.made_revision.as_str() {
            "" => revision.clone(),
            made => malformed::revision(made)?,
        };
        Ok(Self {
            revision,
            made,
            dot: Dot::try_from(dot).map_err(|_| Malformed::Unreadable("dot"))?,
            checksum: Checksum(result.checksum),
            merged: result.merged,
            repeated: result.repeated,
            conflicts: result.conflicts,
            durable_in: result.durable_in,
            pending_in: result.pending_in,
        })
    }
}
