//! One user, as the file has it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{PasswordHash, Place, Role, TokenHash};

/// Bytes of a user's name, inclusive.
const NAME_BYTES_MAX: usize = 64;

/// The name of a user, or of one of its tokens: 1 to 64 of `a-z A-Z 0-9 . _ @ + -`, the first one a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct UserName(String);

/// A token that a user may send instead of its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRecord {
    /// What it is called, to remove it by.
    pub(crate) name: UserName,
    /// Its hash; the token itself is kept nowhere.
    pub(crate) hash: TokenHash,
}

/// A user. Without a password it comes with tokens only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct User {
    /// The hash of its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<PasswordHash>,
    /// What it may do, and where.
    pub(crate) roles: BTreeMap<Place, Role>,
    /// Its tokens, in the order in which they were made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tokens: Vec<TokenRecord>,
}

impl User {
    /// What it may do with a database; `None`: with the node. The greater one of its role there and its role everywhere.
    pub(crate) fn role_in(&self, database: Option<&str>) -> Option<Role> {
        let everywhere = self.roles.get(&Place::All);
        let there = database.and_then(|name| {
            let mut roles = self.roles.iter();
            roles.find_map(|(place, role)| match place {
                Place::Database(database) if database.as_str() == name => Some(role),
                _ => None,
            })
        });
        everywhere.max(there).copied()
    }
}

impl UserName {
    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._@+-".contains(letter);
        let well_formed = text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.chars().all(allowed);
        if well_formed && text.len() <= NAME_BYTES_MAX {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "{:?} is no name here: 1 to {NAME_BYTES_MAX} of a-z A-Z 0-9 . _ @ + -, the first one a letter or a digit",
            text.chars().take(NAME_BYTES_MAX).collect::<String>()
        ))
    }
}

impl TryFrom<String> for UserName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greater_role_holds_of_the_one_there_and_the_one_everywhere() {
        let roles = [("*", Role::Reader), ("customers", Role::Writer)];
        let place = |text: &str| Place::try_from(text.to_owned()).unwrap();
        let user = User {
            roles: roles.map(|(text, role)| (place(text), role)).into(),
            ..User::default()
        };
        assert_eq!(user.role_in(Some("customers")), Some(Role::Writer));
        assert_eq!(user.role_in(Some("other")), Some(Role::Reader));
        assert_eq!(user.role_in(None), Some(Role::Reader));
        assert_eq!(User::default().role_in(Some("customers")), None);
    }

    #[test]
    fn a_name_is_one_that_a_header_can_carry() {
        for right in ["ada", "Ada.Lovelace@example.org", "7"] {
            assert!(right.parse::<UserName>().is_ok(), "{right}");
        }
        for wrong in ["", "a:b", "-a", "å", "a b", &"a".repeat(65)] {
            assert!(wrong.parse::<UserName>().is_err(), "{wrong}");
        }
    }
}
