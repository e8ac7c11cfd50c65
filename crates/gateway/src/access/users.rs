//! All users as a node looks them up.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use super::{PasswordHash, Secret, TokenHash, User, UserName};

/// The users of one state of the file, and the passwords that were found right since it was read. Both go when the file is read again.
pub(crate) struct Users {
    by_name: BTreeMap<String, User>,
    by_token: HashMap<TokenHash, UserName>,
    /// Of this process alone, so that what is kept below says nothing to anybody else.
    key: [u8; 32],
    /// Keyed hashes of names and passwords that are right: one for each user at most.
    verified: Mutex<HashMap<String, blake3::Hash>>,
}

impl Users {
    /// Those of a file.
    pub(crate) fn new(users: &BTreeMap<UserName, User>) -> Self {
        let by_token = users.iter().flat_map(|(name, user)| {
            let hashes = user.tokens.iter().map(|token| token.hash);
            hashes.map(move |hash| (hash, name.clone()))
        });
        Self {
            by_token: by_token.collect(),
            by_name: users
                .iter()
                .map(|(name, user)| (name.as_str().to_owned(), user.clone()))
                .collect(),
            key: rand::random(),
            verified: Mutex::default(),
        }
    }

    /// A user.
    pub(crate) fn get(&self, name: &str) -> Option<&User> {
        self.by_name.get(name)
    }

    /// Whose token it is.
    pub(crate) fn of_token(&self, token: &Secret) -> Option<&str> {
        // What is looked up is a hash, so how long it takes says nothing of a token.
        self.by_token.get(&TokenHash::of(token)).map(UserName::as_str)
    }

    /// Whether this password was found right since the file was read.
    pub(crate) fn is_verified(&self, name: &str, password: &Secret) -> bool {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        // In constant time.
        verified
            .get(name)
            .is_some_and(|known| *known == self.keyed(name, password))
    }

    /// Compares a password with that of a user, who may not be there. Takes a thread for tens of milliseconds.
    pub(crate) fn verify(&self, name: &str, password: &Secret) -> bool {
        let hash = self.by_name.get(name).and_then(|user| user.password.as_ref());
        let right = match hash {
            Some(hash) => hash.matches(password),
            None => PasswordHash::matches_nobody(password),
        };
        if right {
            let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
            verified.insert(name.to_owned(), self.keyed(name, password));
        }
        right
    }

    fn keyed(&self, name: &str, password: &Secret) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        // No name holds a colon.
        hasher
            .update(name.as_bytes())
            .update(b":")
            .update(password.expose().as_bytes());
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Users {
        let user = User {
            password: Some(PasswordHash::new(&Secret::new("right")).unwrap()),
            ..User::default()
        };
        Users::new(&BTreeMap::from([("ada".parse().unwrap(), user)]))
    }

    #[test]
    fn a_password_that_was_found_right_is_known_until_the_file_is_read_again() {
        let users = ada();
        assert!(!users.is_verified("ada", &Secret::new("right")), "nobody has asked");
        assert!(!users.verify("ada", &Secret::new("wrong")));
        assert!(!users.is_verified("ada", &Secret::new("wrong")));
        assert!(users.verify("ada", &Secret::new("right")));
        assert!(users.is_verified("ada", &Secret::new("right")));
        assert!(!users.is_verified("ada", &Secret::new("wrong")));
        assert!(!users.verify("nobody", &Secret::new("nobody")));
        assert!(!ada().is_verified("ada", &Secret::new("right")));
    }
}
