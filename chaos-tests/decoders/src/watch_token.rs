//! Watch tokens: where a consumer of changes stands.

use rejoin_document::{Sequence, WatchToken};

use crate::Outcome;
use crate::memory::bounded;

/// Bytes of the checksum at the end.
pub(crate) const CHECKSUM_BYTES: usize = 8;

/// A token is written and read again, and so is that of the next place. An input is tried as it is, and with the checksum that would make it a token.
pub(crate) fn check(bytes: &[u8]) -> Outcome {
    let mut sealed = bytes.to_vec();
    sealed.extend(&blake3::hash(bytes).as_bytes()[..CHECKSUM_BYTES]);
    check_token(bytes).or(check_token(&sealed))
}

fn check_token(bytes: &[u8]) -> Outcome {
    let Ok(token) = bounded(bytes.len(), || WatchToken::decode(bytes)) else {
        return Outcome::Refused;
    };
    assert_eq!(WatchToken::decode(&token.encode()).as_ref(), Ok(&token));
    let next = token.at(Sequence(u64::MAX));
    assert!(
        next.is_past(token.position.sequence),
        "a later place is past an earlier one"
    );
    assert_eq!(WatchToken::decode(&next.encode()), Ok(next));
    Outcome::Decoded
}
