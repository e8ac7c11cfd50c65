//! Passwords as argon2id hashes (RFC 9106), in the text form that all tools share.

use std::fmt;
use std::sync::LazyLock;

use argon2::password_hash::phc;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use serde::{Deserialize, Serialize};

use super::Secret;

/// Bytes of a password, inclusive.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1_024;

/// Memory of one comparison at most, in KiB: a hash in the file says how much it takes.
const MEMORY_KIB_MAX: u32 = 256 * 1_024;

/// Passes over that memory at most.
const PASSES_MAX: u32 = 32;

/// What the passwords of users are compared with who are not there, so that the answer takes as long.
static NOBODY: LazyLock<Option<PasswordHash>> = LazyLock::new(|| PasswordHash::new(&Secret::new("nobody")).ok());

/// The hash of a password, e.g. `$argon2id$v=19$m=19456,t=2,p=1$…`. It prints without it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct PasswordHash(String);

impl PasswordHash {
    /// Hashes a password with a new salt: 19 MiB and two passes, as OWASP recommends. Takes tens of milliseconds.
    ///
    /// # Errors
    ///
    /// The system gives no randomness or no memory.
    pub(crate) fn new(password: &Secret) -> Result<Self, String> {
        let hash = Argon2::default().hash_password(password.expose().as_bytes());
        let hash = hash.map_err(|error| format!("the password cannot be hashed: {error}"))?;
        Ok(Self(hash.to_string()))
    }

    /// Whether it is the hash of this password. Takes tens of milliseconds of a thread.
    pub(crate) fn matches(&self, password: &Secret) -> bool {
        let password = password.expose().as_bytes();
        password.len() <= PASSWORD_BYTES_MAX && Argon2::default().verify_password(password, self.0.as_str()).is_ok()
    }

    /// Takes as long as [`Self::matches`], and says no.
    pub(crate) fn matches_nobody(password: &Secret) -> bool {
        if let Some(hash) = &*NOBODY {
            std::hint::black_box(hash.matches(password));
        }
        false
    }
}

impl TryFrom<String> for PasswordHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "the password is no argon2id hash; set it with `rejoin user password NAME`";
        let hash = phc::PasswordHash::new(&text).map_err(|_| WRONG)?;
        if hash.algorithm.as_str() != "argon2id" || hash.hash.is_none() || hash.salt.is_none() {
            return Err(WRONG);
        }
        let params = Params::try_from(&hash).map_err(|_| WRONG)?;
        if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > PASSES_MAX || params.p_cost() > 16 {
            return Err(
                "the hash of the password would take more than 256 MiB or 32 passes to compare; set it with \
                        `rejoin user password NAME`",
            );
        }
        Ok(Self(text))
    }
}

impl From<PasswordHash> for String {
    fn from(hash: PasswordHash) -> Self {
        hash.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_password_only_and_prints_without_it() {
        let hash = PasswordHash::new(&Secret::new("correct horse")).unwrap();
        assert!(hash.matches(&Secret::new("correct horse")));
        assert!(!hash.matches(&Secret::new("correct horsf")));
        assert_eq!(format!("{hash:?}"), "PasswordHash");
        let text = String::from(hash.clone());
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        assert_eq!(PasswordHash::try_from(text).unwrap(), hash);
        let again = PasswordHash::new(&Secret::new("correct horse")).unwrap();
        assert!(again != hash, "each has a salt of its own");
    }

    #[test]
    fn what_is_no_hash_or_would_take_too_much_is_refused() {
        let good = String::from(PasswordHash::new(&Secret::new("a")).unwrap());
        for wrong in [
            "secret".to_owned(),
            good.replace("argon2id", "argon2i"),
            good.replace("m=19456", "m=4000000"),
            good.replace("t=2", "t=4000"),
            good.rsplit_once('$').unwrap().0.to_owned(),
        ] {
            assert!(PasswordHash::try_from(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nobody_is_let_in_by_what_stands_for_users_that_are_not_there() {
        assert!(!PasswordHash::matches_nobody(&Secret::new("nobody")));
    }
}
