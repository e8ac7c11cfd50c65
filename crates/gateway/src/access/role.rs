//! What a user may do with a database, or with all of them.

use std::fmt;
use std::str::FromStr;

use rejoin_document::DatabaseName;
use serde::{Deserialize, Serialize};

/// What a user may do. Each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Read documents, their history and their conflicts; of all databases: the state of the node, too.
    Reader,
    /// Write documents and settle conflicts.
    Writer,
    /// Change the definition of the database and delete it; of all databases: operate the node.
    Admin,
}

/// Where a role holds: one database, or all of them and the node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Place {
    /// `*`.
    All,
    /// A database, whether it exists or not; all its incarnations.
    Database(DatabaseName),
}

/// `PLACE=ROLE`, as an argument.
#[derive(Clone, Debug)]
pub(crate) struct RoleArgument {
    pub(crate) place: Place,
    pub(crate) role: Role,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Admin => "admin",
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("*"),
            Self::Database(name) => name.fmt(formatter),
        }
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "*" => Ok(Self::All),
            name => name
                .parse()
                .map(Self::Database)
                .map_err(|error| format!("{name:?} is neither a database nor `*`, which stands for all: {error}")),
        }
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl FromStr for RoleArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || {
            format!(
                "{text:?} is no role: write DATABASE=reader, DATABASE=writer or DATABASE=admin; * stands for all databases"
            )
        };
        let (place, role) = text.rsplit_once('=').ok_or_else(malformed)?;
        let role = match role {
            "reader" => Role::Reader,
            "writer" => Role::Writer,
            "admin" => Role::Admin,
            _ => return Err(malformed()),
        };
        let place = Place::try_from(place.to_owned())?;
        Ok(Self { place, role })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_includes_those_before_it() {
        assert!(Role::Admin > Role::Writer && Role::Writer > Role::Reader);
    }

    #[test]
    fn a_role_is_given_as_a_database_and_its_name() {
        let given: RoleArgument = "customers=writer".parse().unwrap();
        assert_eq!(
            (given.place.to_string().as_str(), given.role),
            ("customers", Role::Writer)
        );
        let given: RoleArgument = "*=admin".parse().unwrap();
        assert_eq!((given.place, given.role), (Place::All, Role::Admin));
        for wrong in [
            "customers",
            "customers=owner",
            "=reader",
            "No Name=reader",
            "_users=reader",
        ] {
            assert!(wrong.parse::<RoleArgument>().is_err(), "{wrong}");
        }
    }
}
