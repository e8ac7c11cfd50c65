//! How finely the writes to a document are told apart. A database fixes it when it is created.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What a concurrent write is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Granularity {
    /// Every leaf of the body for itself: writes to different members merge.
    #[default]
    Field,
    /// The document as a whole, with CouchDB's semantics: branches stay open until a client settles them.
    Document,
}

/// Why a text is not a granularity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("granularity `{0}` is unknown: use `field` or `document`")]
pub struct GranularityError(String);

impl fmt::Display for Granularity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Field => "field",
            Self::Document => "document",
        })
    }
}

impl FromStr for Granularity {
    type Err = GranularityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "field" => Ok(Self::Field),
            "document" => Ok(Self::Document),
            other => Err(GranularityError(other.to_owned())),
        }
    }
}
