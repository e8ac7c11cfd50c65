//! Why bytes are not an encoding of ours.

use thiserror::Error;

/// Bytes that cannot be decoded. The document goes into quarantine: it is kept and forwarded as it is, never guessed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("the encoding is cut short")]
    Truncated,
    /// Bytes follow the end.
    #[error("{0} bytes follow the end of the encoding")]
    TrailingBytes(usize),
    /// A later version of this program wrote it.
    #[error("encoding version {0} is unknown: upgrade this node")]
    UnknownVersion(u8),
    /// The named part has no valid meaning.
    #[error("the encoding of the {0} is damaged")]
    Malformed(&'static str),
    /// The named part nests deeper than any document may.
    #[error("the encoding of the {0} is nested too deeply")]
    TooDeep(&'static str),
}
