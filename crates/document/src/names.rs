//! Validated names: a value of these types always obeys its rule, so nothing behind the border checks again.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// Longest id of a document, in bytes (inclusive).
pub const DOCUMENT_ID_BYTES_MAX: usize = 512;
/// Longest name of a database, in bytes (inclusive), as in CouchDB.
pub const DATABASE_NAME_BYTES_MAX: usize = 238;
/// Longest name of a datacenter, in bytes (inclusive): one DNS label.
pub const DATACENTER_NAME_BYTES_MAX: usize = 63;

/// The reserved database that holds the definitions of databases and the members.
const SYSTEM_DATABASE: &str = "_rejoin";

/// Stands between the name of a database and the number of its incarnation. Names cannot hold it.
const INCARNATION: char = '@';

/// Why a name was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameError {
    /// The document id is empty.
    #[error("a document id must not be empty")]
    DocumentIdEmpty,
    /// The document id has more than [`DOCUMENT_ID_BYTES_MAX`] bytes.
    #[error("a document id has at most 512 bytes, this one has {0}")]
    DocumentIdTooLong(usize),
    /// The document id starts with an underscore.
    #[error("document ids that start with `_` are reserved (but for `_design/...`)")]
    DocumentIdReserved,
    /// The database name breaks CouchDB's rule.
    #[error(
        "a database name starts with a lowercase letter, continues with a-z 0-9 _ $ ( ) + / - and has at most 238 bytes"
    )]
    DatabaseName,
    /// The datacenter name breaks its rule.
    #[error("a datacenter name starts with a-z or 0-9, continues with a-z 0-9 - and has at most 63 bytes")]
    DatacenterName,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }
    };
}

name! {
    /// The name of a datacenter, e.g. `dc-east`: `[a-z0-9][a-z0-9-]{0,62}`.
    DatacenterName
}

name! {
    /// The name of a database: `[a-z][a-z0-9_$()+/-]{0,237}`, or the reserved one of [`DatabaseName::system`]. Where a type of JSON:API stands for the
    /// database, it may have capitals too; see [`DatabaseName::has_capitals`].
    ///
    /// A database that is deleted and created again is a new incarnation: to the nodes a database of its own, whose name is followed by `@` and a
    /// number from 2 on. No text parses to such a name; see [`DatabaseName::internal`] and [`DatabaseName::explicit`].
    DatabaseName
}

name! {
    /// The id of a document: 1 to 512 bytes, not starting with `_` but for `_design/...`. Ordered bytewise.
    DocumentId
}

impl DatacenterName {
    fn check(text: &str) -> Result<(), NameError> {
        let allowed = |character: u8| character.is_ascii_lowercase() || character.is_ascii_digit() || character == b'-';
        let well_formed = !text.starts_with('-') && !text.is_empty() && text.bytes().all(allowed);
        if well_formed && text.len() <= DATACENTER_NAME_BYTES_MAX {
            Ok(())
        } else {
            Err(NameError::DatacenterName)
        }
    }
}

impl DatabaseName {
    /// The reserved database of definitions and members. No text parses to it, so no client can name it.
    pub fn system() -> Self {
        Self(SYSTEM_DATABASE.into())
    }

    /// The name that a peer or the disk gave: as [`FromStr`], but the reserved database and later incarnations are accepted too.
    ///
    /// # Errors
    /// [`NameError::DatabaseName`] for anything else.
    pub fn internal(text: &str) -> Result<Self, NameError> {
        if text == SYSTEM_DATABASE {
            return Ok(Self::system());
        }
        match text.split_once(INCARNATION) {
            Some(_) if text.ends_with("@1") => Err(NameError::DatabaseName),
            _ => Self::explicit(text),
        }
    }

    /// The name that a client gave who may mean one incarnation: `shop@1` is the first (which is named `shop`), `shop@2` the second.
    ///
    /// # Errors
    /// [`NameError::DatabaseName`] for what is neither that nor a name.
    pub fn explicit(text: &str) -> Result<Self, NameError> {
        let Some((base, number)) = text.split_once(INCARNATION) else {
            return text.parse();
        };
        let number = number
            .parse()
            .ok()
            .filter(|parsed: &u32| *parsed > 0 && parsed.to_string() == number);
        Ok(base
            .parse::<Self>()?
            .of_incarnation(number.ok_or(NameError::DatabaseName)?))
    }

    /// The name without its incarnation, as clients know it.
    #[must_use]
    pub fn base(&self) -> Self {
        match self.0.split_once(INCARNATION) {
            Some((base, _)) => Self(base.into()),
            None => self.clone(),
        }
    }

    /// Which incarnation this is; the first is 1.
    pub fn incarnation(&self) -> u32 {
        self.0
            .split_once(INCARNATION)
            .and_then(|(_, number)| number.parse().ok())
            .unwrap_or(1)
    }

    /// The incarnation `number` of the same name.
    #[must_use]
    pub fn of_incarnation(&self, number: u32) -> Self {
        let base = self.base();
        if number <= 1 {
            base
        } else {
            Self(format!("{base}{INCARNATION}{number}").into())
        }
    }

    /// What a client calls just this incarnation: `shop@1`.
    pub fn to_explicit(&self) -> String {
        format!("{}{INCARNATION}{}", self.base(), self.incarnation())
    }

    /// Has it letters that CouchDB does not allow? Only types of JSON:API are created with such names.
    pub fn has_capitals(&self) -> bool {
        self.0.bytes().any(|byte| byte.is_ascii_uppercase())
    }

    /// Is this the reserved database?
    pub fn is_system(&self) -> bool {
        &*self.0 == SYSTEM_DATABASE
    }

    fn check(text: &str) -> Result<(), NameError> {
        let allowed = |character: u8| character.is_ascii_alphanumeric() || b"_$()+/-".contains(&character);
        let well_formed = text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(allowed);
        if well_formed && text.len() <= DATABASE_NAME_BYTES_MAX {
            Ok(())
        } else {
            Err(NameError::DatabaseName)
        }
    }
}

impl DocumentId {
    fn check(text: &str) -> Result<(), NameError> {
        let design = text.strip_prefix("_design/").is_some_and(|rest| !rest.is_empty());
        match text.len() {
            0 => Err(NameError::DocumentIdEmpty),
            length if length > DOCUMENT_ID_BYTES_MAX => Err(NameError::DocumentIdTooLong(length)),
            _ if text.starts_with('_') && !design => Err(NameError::DocumentIdReserved),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_id_is_bounded_and_not_reserved() {
        assert!("x".repeat(512).parse::<DocumentId>().is_ok());
        assert_eq!(
            "x".repeat(513).parse::<DocumentId>(),
            Err(NameError::DocumentIdTooLong(513))
        );
        assert_eq!("".parse::<DocumentId>(), Err(NameError::DocumentIdEmpty));
        assert_eq!("_local/x".parse::<DocumentId>(), Err(NameError::DocumentIdReserved));
        assert_eq!("_design/".parse::<DocumentId>(), Err(NameError::DocumentIdReserved));
        assert!("_design/x".parse::<DocumentId>().is_ok());
    }

    #[test]
    fn a_database_name_obeys_couchdbs_rule_and_the_system_database_cannot_be_named() {
        for good in ["a", "a0_$()+/-", "customers"] {
            assert!(good.parse::<DatabaseName>().is_ok(), "{good}");
        }
        for bad in ["", "0a", "a b", "_rejoin", "_users", "ä"] {
            assert_eq!(bad.parse::<DatabaseName>(), Err(NameError::DatabaseName), "{bad}");
        }
        assert!("a".repeat(238).parse::<DatabaseName>().is_ok() && "a".repeat(239).parse::<DatabaseName>().is_err());
        assert!(DatabaseName::system().is_system());
        assert_eq!(DatabaseName::internal("_rejoin"), Ok(DatabaseName::system()));
    }

    #[test]
    fn an_incarnation_is_named_by_nodes_and_by_clients_who_mean_it_but_is_no_name() {
        let shop: DatabaseName = "shop".parse().unwrap();
        let second = shop.of_incarnation(2);
        assert_eq!((second.as_str(), second.incarnation()), ("shop@2", 2));
        assert_eq!(
            (second.base(), shop.incarnation(), shop.base()),
            (shop.clone(), 1, shop.clone())
        );
        assert_eq!(
            (second.of_incarnation(1), second.of_incarnation(13).as_str()),
            (shop.clone(), "shop@13")
        );
        assert_eq!(
            (shop.to_explicit(), second.to_explicit()),
            ("shop@1".into(), "shop@2".into())
        );
        assert_eq!(DatabaseName::internal("shop@2"), Ok(second.clone()));
        assert_eq!(DatabaseName::explicit("shop@2"), Ok(second));
        assert_eq!(DatabaseName::explicit("shop@1"), Ok(shop.clone()));
        assert_eq!(DatabaseName::explicit("shop"), Ok(shop));
        assert!("shop@2".parse::<DatabaseName>().is_err());
        for bad in [
            "shop@1",
            "shop@0",
            "shop@02",
            "shop@",
            "shop@2@2",
            "@2",
            "shop@+2",
            "_rejoin@2",
            "shop@4294967296",
        ] {
            assert_eq!(DatabaseName::internal(bad), Err(NameError::DatabaseName), "{bad}");
        }
        assert!(DatabaseName::explicit("shop@0").is_err() && DatabaseName::explicit("_rejoin").is_err());
    }

    #[test]
    fn a_datacenter_name_is_a_dns_label() {
        assert!("dc-east".parse::<DatacenterName>().is_ok() && "1".repeat(63).parse::<DatacenterName>().is_ok());
        for bad in ["", "-a", "A", "a.b", &"1".repeat(64)] {
            assert_eq!(bad.parse::<DatacenterName>(), Err(NameError::DatacenterName), "{bad}");
        }
    }
}
