//! Tokens: 256 random bits that a program sends instead of a name and a password.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::Secret;

/// What every token begins with, so that people and scanners of sources recognise one.
const PREFIX: &str = "rejoin_";

/// The BLAKE3 hash of a token: what is random needs no slow hash. Compared in constant time; it prints without its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TokenHash(blake3::Hash);

impl TokenHash {
    /// The hash of what a client sends.
    pub(crate) fn of(token: &Secret) -> Self {
        Self(blake3::hash(token.expose().as_bytes()))
    }
}

/// Makes a token.
pub(crate) fn generate() -> Secret {
    let bytes: [u8; 32] = rand::random();
    Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

impl TryFrom<String> for TokenHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let hash = blake3::Hash::from_hex(&text);
        hash.map(Self)
            .map_err(|_| "the hash of a token has 64 hexadecimal digits; make a token with `rejoin user token NAME`")
    }
}

impl From<TokenHash> for String {
    fn from(hash: TokenHash) -> Self {
        hash.0.to_hex().to_string()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_each_is_another() {
        let (one, other) = (generate(), generate());
        assert_eq!(one.expose().len(), PREFIX.len() + 43);
        assert_ne!(one.expose(), other.expose());
        assert_eq!(format!("{one:?} {:?}", TokenHash::of(&one)), "Secret TokenHash");
        let hash = TokenHash::of(&one);
        assert_eq!(TokenHash::try_from(String::from(hash)).unwrap(), hash);
        assert!(hash != TokenHash::of(&other));
        assert!(TokenHash::try_from("12".to_owned()).is_err());
    }
}
