//! A revision id, `N-hash`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::RevisionHash;

/// Longest text after the generation that is accepted from outside, in bytes (inclusive).
const HASH_BYTES_MAX: usize = 256;

/// Identifies one state of a document, e.g. `1-23202479633c2b380f79507a776743d5`. Ordered by generation, then by the bytes of the hash's text: the
/// order in which CouchDB chooses a winner.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// How many revisions its branch has, itself included; at least 1.
    pub generation: u64,
    /// What tells revisions of one generation apart.
    pub hash: RevisionHash,
}

/// Why a text is not a revision.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a revision is written `N-hash`: a number from 1, a dash, and 1 to 256 printable characters without spaces")]
pub struct RevisionError;

impl Revision {
    /// The revision of this generation with an MD5 digest.
    pub const fn md5(generation: u64, digest: [u8; 16]) -> Self {
        Self {
            generation,
            hash: RevisionHash::Md5(digest),
        }
    }

    /// Generation 0: what a document without any write shows. No text parses to it.
    pub const fn none() -> Self {
        Self::md5(0, [0; 16])
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.generation, self.hash)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Revision {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (generation, hash) = text.split_once('-').ok_or(RevisionError)?;
        let digits = !generation.starts_with(['0', '+']) && !generation.is_empty();
        let generation = generation.parse().ok().filter(|_| digits).ok_or(RevisionError)?;
        let printable = |character: char| !character.is_whitespace() && !character.is_control();
        if hash.is_empty() || hash.len() > HASH_BYTES_MAX || !hash.chars().all(printable) {
            return Err(RevisionError);
        }
        Ok(Self {
            generation,
            hash: RevisionHash::from_text(hash),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(text: &str) -> Revision {
        text.parse().expect("a valid revision")
    }

    #[test]
    fn a_revision_prints_and_parses() {
        for text in [
            "1-23202479633c2b380f79507a776743d5",
            "12-123",
            "1-23202479633C2B380F79507A776743D5",
            "7-a-b",
        ] {
            assert_eq!(revision(text).to_string(), text);
        }
        assert!(matches!(
            revision("1-23202479633c2b380f79507a776743d5").hash,
            RevisionHash::Md5(_)
        ));
        assert!(matches!(revision("1-123").hash, RevisionHash::Text(_)));
        for bad in [
            "",
            "1",
            "1-",
            "-1",
            "0-a",
            "01-a",
            "+1-a",
            "x-a",
            "1-a b",
            "99999999999999999999-a",
            &format!("1-{}", "a".repeat(257)),
        ] {
            assert_eq!(bad.parse::<Revision>(), Err(RevisionError), "{bad}");
        }
    }

    #[test]
    fn revisions_order_by_generation_and_then_by_the_bytes_of_the_hash() {
        let ascending = [
            "2-b",
            "9-f",
            "10-23202479633c2b380f79507a776743d5",
            "10-5",
            "10-ff202479633c2b380f79507a776743d5",
            "10-g",
        ];
        assert!(ascending.windows(2).all(|pair| revision(pair[0]) < revision(pair[1])));
    }
}
