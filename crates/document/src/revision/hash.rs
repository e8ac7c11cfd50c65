//! The second half of a revision id.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What follows the generation in a revision id. Ordered, as in CouchDB, by the bytes of its text.
#[derive(Clone, PartialEq, Eq)]
pub enum RevisionHash {
    /// An MD5 digest, printed as 32 lowercase hex digits: every revision that this program or CouchDB made.
    Md5([u8; 16]),
    /// Any other text, from a replicator that chose its own.
    Text(Arc<str>),
}

impl RevisionHash {
    /// 32 lowercase hex digits become a digest, anything else stays as it is.
    pub(crate) fn from_text(text: &str) -> Self {
        let lowercase = !text.bytes().any(|character| character.is_ascii_uppercase());
        match crate::hex::decode(text.as_bytes()) {
            Some(digest) if lowercase => Self::Md5(digest),
            _ => Self::Text(text.into()),
        }
    }

    /// What CouchDB hashes as the parent: the raw digest, or the text.
    pub(crate) fn as_parent_bytes(&self) -> &[u8] {
        match self {
            Self::Md5(digest) => digest,
            Self::Text(text) => text.as_bytes(),
        }
    }
}

impl Ord for RevisionHash {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            // Fixed-width lowercase hex orders as the bytes do.
            (Self::Md5(a), Self::Md5(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.to_string().cmp(&other.to_string()),
        }
    }
}

impl PartialOrd for RevisionHash {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for RevisionHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_parent_bytes().hash(state);
    }
}

impl fmt::Display for RevisionHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5(digest) => crate::hex::write(digest, formatter),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

impl fmt::Debug for RevisionHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
