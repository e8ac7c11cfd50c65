//! A database's definition as a client gives and receives it.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
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
    /// Whether writes have to name the checksum of what they replace.
    pub checksums: ChecksumPolicy,
    /// Superseded revisions that are kept of each document, the newest of them. 0: as many as `keep_for_s` allows.
    pub keep_revisions: u32,
    /// Seconds for which a superseded revision is kept. 0: as the node's configuration says.
    pub keep_for_s: u64,
    /// Documents that writes of a node may bring the database to. 0: no bound.
    pub documents_max: u64,
    /// Bytes of stored documents that writes of a node may bring the database to. 0: no bound.
    pub bytes_max: u64,
    /// Documents that are not deleted, at the node. Set by the node.
    pub documents: u64,
    /// Bytes of the documents as the node stores them, deleted ones included. Set by the node.
    pub bytes: u64,
    /// The version of the definition: equal in datacenters that hold the same one. Set by the node.
    pub version: String,
    /// The database was deleted, and what is left of it was written without knowledge of that. Set by the node.
    pub survivors: bool,
}

/// What becomes of the checksum of an update, a patch or a delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumPolicy {
    /// It is not looked at.
    Ignored,
    /// It is checked where one is given.
    #[default]
    Optional,
    /// A write of a document that exists is refused without one.
    Required,
}

/// A change of a database's definition. What is empty or `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct DatabaseChange {
    /// Rules that are put in the place of those of the same paths.
    pub set_rules: RuleSet,
    /// Paths that have no rule any more.
    pub remove_rules: Vec<String>,
    /// Whether writes have to name the checksum of what they replace.
    pub checksums: Option<ChecksumPolicy>,
    /// As in [`Database`].
    pub keep_revisions: Option<u32>,
    /// As in [`Database`].
    pub keep_for_s: Option<u64>,
    /// As in [`Database`].
    pub documents_max: Option<u64>,
    /// As in [`Database`].
    pub bytes_max: Option<u64>,
    /// The version that the change is meant for; `None`: whatever it is.
    pub base_version: Option<String>,
}

/// What other rules would do at one path of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleEffect {
    /// The document's id.
    pub id: String,
    /// JSON pointer (RFC 6901).
    pub path: String,
    /// JSON text of what is shown now; `None` where nothing is.
    pub shown: Option<Bytes>,
    /// JSON text of what would be shown; `None` where nothing would be.
    pub would_show: Option<Bytes>,
    /// Whether the path is an open conflict now.
    pub open: bool,
    /// Whether it would be one.
    pub would_be_open: bool,
}

impl Database {
    /// A definition with the default settings.
    pub fn new(name: impl Into<String>, granularity: Granularity, rules: RuleSet) -> Self {
        Self {
            name: name.into(),
            granularity,
            rules,
            checksums: ChecksumPolicy::default(),
            keep_revisions: 0,
            keep_for_s: 0,
            documents_max: 0,
            bytes_max: 0,
            documents: 0,
            bytes: 0,
            version: String::new(),
            survivors: false,
        }
    }

    pub(crate) fn to_proto(&self) -> proto::Database {
        proto::Database {
            name: self.name.clone(),
            granularity: proto::Granularity::from(self.granularity).into(),
            rules: rules_to_proto(&self.rules),
            checksums: self.checksums.to_proto().into(),
            keep_revisions: self.keep_revisions,
            keep_for_s: self.keep_for_s,
            documents_max: self.documents_max,
            bytes_max: self.bytes_max,
            ..proto::Database::default()
        }
    }

    pub(crate) fn from_proto(database: proto::Database) -> Result<Self, Malformed> {
        let granularity = Granularity::from(database.granularity());
        let checksums = ChecksumPolicy::from_proto(database.checksums());
        let rules = rules_from_proto(database.rules).map_err(|_| Malformed::Unreadable("rule"))?;
        Ok(Self {
            name: database.name,
            granularity,
            rules,
            checksums,
            keep_revisions: database.keep_revisions,
            keep_for_s: database.keep_for_s,
            documents_max: database.documents_max,
            bytes_max: database.bytes_max,
            documents: database.documents,
            bytes: database.bytes,
            version: database.version,
            survivors: database.survivors,
        })
    }
}

impl DatabaseChange {
    pub(crate) fn to_update(&self, name: &str) -> proto::UpdateDatabaseRequest {
        proto::UpdateDatabaseRequest {
            name: name.to_owned(),
            set_rules: rules_to_proto(&self.set_rules),
            remove_rules: self.remove_rules.clone(),
            checksums: self.checksums.map(|policy| policy.to_proto().into()),
            keep_revisions: self.keep_revisions,
            keep_for_s: self.keep_for_s,
            documents_max: self.documents_max,
            bytes_max: self.bytes_max,
            base_version: self.base_version.clone(),
        }
    }
}

impl RuleEffect {
    pub(crate) fn from_proto(effect: proto::RuleEffect) -> Self {
        Self {
            id: effect.id,
            path: effect.path,
            shown: effect.shown,
            would_show: effect.would_show,
            open: effect.open,
            would_be_open: effect.would_be_open,
        }
    }
}

impl ChecksumPolicy {
    /// The policy in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }

    fn to_proto(self) -> proto::ChecksumPolicy {
        match self {
            Self::Ignored => proto::ChecksumPolicy::Ignored,
            Self::Optional => proto::ChecksumPolicy::Optional,
            Self::Required => proto::ChecksumPolicy::Required,
        }
    }

    fn from_proto(policy: proto::ChecksumPolicy) -> Self {
        match policy {
            proto::ChecksumPolicy::Unspecified | proto::ChecksumPolicy::Optional => Self::Optional,
            proto::ChecksumPolicy::Ignored => Self::Ignored,
            proto::ChecksumPolicy::Required => Self::Required,
        }
    }
}

impl fmt::Display for ChecksumPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ChecksumPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Ignored, Self::Optional, Self::Required]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no checksum policy; use ignored, optional or required"))
    }
}
