//! A database's definition as a client gives and receives it.

use rejoin_api::{proto, rules_from_proto, rules_to_proto};
use rejoin_document::{Granularity, RuleSet};

use crate::malformed::Malformed;

/// A database: its name, what is merged, and how.
#[derive(Clone, Debug)]
pub struct Database {
    /// The name.
    pub name: String,
    /// What is merged: members or whole documents.
    pub granularity: Granularity,
    /// The merge rules by path.
    pub rules: RuleSet,
}

impl Database {
    pub(crate) fn to_proto(&self) -> proto::Database {
        proto::Database {
            name: self.name.clone(),
            granularity: proto::Granularity::from(self.granularity).into(),
            rules: rules_to_proto(&self.rules),
            ..proto::Database::default()
        }
    }

    pub(crate) fn from_proto(database: proto::Database) -> Result<Self, Malformed> {
        let granularity = Granularity::from(database.granularity());
        let rules = rules_from_proto(database.rules).map_err(|_| Malformed::Unreadable("rule"))?;
        Ok(Self {
            name: database.name,
            granularity,
            rules,
        })
    }
}
