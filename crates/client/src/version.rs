//! One version of a document, and what replaced it.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::{Checksum, Revision};

use crate::malformed::{self, Malformed};
use crate::written::Written;

/// One version of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its revision.
    pub revision: Revision,
    /// Its body as JSON text.
    pub body: Bytes,
    /// 64 bits over the content.
    pub checksum: Checksum,
}

/// An acknowledged write with what it replaced, read in the same instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The write.
    pub written: Written,
    /// What was there before; `None` if the document did not exist.
    pub previous: Option<Version>,
}

/// What became of a compare-and-swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The document was as expected: it is written.
    Matched(Replaced),
    /// It was not: this is what it shows, unchanged.
    Unmatched(Version),
}

impl Version {
    pub(crate) fn from_proto(version: proto::Version) -> Result<Self, Malformed> {
        Ok(Self {
            revision: malformed::revision(&version.revision)?,
            body: version.body,
            checksum: Checksum(version.checksum),
        })
    }
}

impl Replaced {
    pub(crate) fn from_proto(
        result: Option<proto::WriteResult>,
        previous: Option<proto::Version>,
    ) -> Result<Self, Malformed> {
        Ok(Self {
            written: Written::from_proto(result)?,
            previous: previous.map(Version::from_proto).transpose()?,
        })
    }
}

impl Compared {
    pub(crate) fn from_proto(
        matched: bool,
        result: Option<proto::WriteResult>,
        previous: Option<proto::Version>,
    ) -> Result<Self, Malformed> {
        if matched {
            return Ok(Self::Matched(Replaced::from_proto(result, previous)?));
        }
        let unchanged = previous.ok_or(Malformed::Missing("previous"))?;
        Ok(Self::Unmatched(Version::from_proto(unchanged)?))
    }
}
