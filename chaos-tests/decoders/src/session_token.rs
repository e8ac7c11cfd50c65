//! Session tokens.

use rejoin_api::{SESSION_TOKEN_BYTES_MAX, SessionToken};

use crate::Outcome;
use crate::memory::bounded;

/// Bytes of the checksum at the end.
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// A token is written and read again, and joins with itself. An input is tried as it is, and with the checksum that would make it a token: no search
/// finds one that fits by chance.
pub(crate) fn check(bytes: &[u8]) -> Outcome {
    let mut sealed = bytes.to_vec();
    sealed.extend(&blake3::hash(bytes).as_bytes()[..CHECKSUM_BYTES]);
    check_token(bytes).or(check_token(&sealed))
}

fn check_token(bytes: &[u8]) -> Outcome {
    let Ok(token) = bounded(bytes.len(), || SessionToken::decode(bytes)) else {
        return Outcome::Refused;
    };
    let encoded = token.encode();
    assert!(encoded.len() <= SESSION_TOKEN_BYTES_MAX, "a token is bounded");
    assert_eq!(SessionToken::decode(&encoded).as_ref(), Ok(&token));
    assert_eq!(token.join(&token).as_ref(), Some(&token), "the join is idempotent");
    Outcome::Decoded
}
