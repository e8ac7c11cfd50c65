//! The checksum of a body's content, with which clients detect that a document changed since they read it.

use std::fmt;
use std::str::FromStr;

use crate::Object;

/// 64 bits over the content: the first 8 bytes (little-endian) of BLAKE3 over the body's canonical JSON. Printed as a decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum(pub u64);

impl Checksum {
    /// The checksum of a body. Equal for equal content, whatever the order of members.
    pub fn of(body: &Object) -> Self {
        let digest = blake3::hash(body.canonical().as_bytes());
        let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| ChecksumError)
    }
}

/// A text is no checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a checksum is a whole number of at most 64 bits; take it from what a read or a write answered")]
pub struct ChecksumError;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, parse_body};

    fn checksum(text: &str) -> Checksum {
        Checksum::of(&parse_body(text.as_bytes(), &Limits::default()).expect("a valid body"))
    }

    #[test]
    fn the_checksum_depends_on_the_content_alone() {
        assert_eq!(
            checksum(r#"{"a":1,"b":{"c":2,"d":3}}"#),
            checksum(r#"{ "b": {"d":3, "c":2}, "a":1}"#)
        );
        assert_ne!(checksum(r#"{"a":1}"#), checksum(r#"{"a":2}"#));
        assert_eq!(checksum(r#"{"a":1}"#).to_string().parse(), Ok(checksum(r#"{"a":1}"#)));
    }

    #[test]
    fn the_checksum_never_changes_between_versions() {
        assert_eq!(checksum("{}").0, 6_240_859_739_347_830_382);
    }
}
