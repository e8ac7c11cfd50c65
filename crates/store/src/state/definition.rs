//! Definitions as documents of the system database: `database/NAME`, `deletion/NAME/HEX`, `replica/HEX`, `datacenter/NAME` and `retirement/NAME/HEX`.
//!
//! They merge, replicate and are digested like anything else; this file alone knows how their bodies look.

use std::collections::BTreeMap;
use std::sync::Arc;

use rejoin_document::{
    BodyError, DatabaseName, DatacenterName, DocumentId, Granularity, Limits, Object, ReplicaId, Rule, RuleSet,
    VersionVector, parse_body,
};
use serde::{Deserialize, Serialize};

use super::membership::{CONFIRMATION, DATACENTER, read_confirmation, read_membership};
use super::{Confirmation, Deletion, Membership};
use crate::operation::DatabaseDefinition;
use crate::settings::DatabaseSettings;

const DATABASE: &str = "database/";
const DELETION: &str = "deletion/";
const REPLICA: &str = "replica/";

/// What a document of the system database says.
#[derive(Debug)]
pub(crate) enum SystemDocument {
    /// A database is defined.
    Database(DatabaseDefinition),
    /// A database was deleted, by the node of a replica. Each replica has a document of its own: deletions made apart never conflict.
    Deletion(DatabaseName, ReplicaId, Deletion),
    /// A replica belongs to a datacenter.
    Replica(ReplicaId, DatacenterName),
    /// A datacenter is retired, or was.
    Datacenter(DatacenterName, Membership),
    /// A datacenter takes nothing more from a retired one.
    Confirmation(DatacenterName, Confirmation),
}

/// The document that defines a database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DatabaseBody {
    granularity: String,
    #[serde(default)]
    pub rules: BTreeMap<String, String>,
    /// Settings that are as by default are left out, so that equal definitions are equal documents in every version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksums: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_revisions: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_for_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    documents_max: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes_max: Option<u64>,
    /// What a later version has put there stays there.
    #[serde(flatten)]
    other: BTreeMap<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct DeletionBody {
    datacenter: String,
    unix_ms: u64,
    /// In hex.
    seen: String,
}

#[derive(Serialize, Deserialize)]
struct ReplicaBody {
    datacenter: String,
}

impl SystemDocument {
    /// Reads a shown body. `None` if it says nothing that this version understands; rules that it does not know are left out.
    pub(crate) fn read(id: &DocumentId, body: &Object) -> Option<Self> {
        let json = body.to_json();
        if let Some(name) = id.as_str().strip_prefix(DATABASE) {
            let body: DatabaseBody = serde_json::from_str(&json).ok()?;
            let name = DatabaseName::internal(name).ok()?;
            let rules = Arc::new(read_rules(&name, &body.rules));
            let settings = body.settings();
            return Some(Self::Database(DatabaseDefinition {
                name,
                granularity: body.granularity.parse().ok()?,
                rules,
                settings,
            }));
        }
        if let Some((name, replica)) = id
            .as_str()
            .strip_prefix(DELETION)
            .and_then(|place| place.rsplit_once('/'))
        {
            let name = DatabaseName::internal(name).ok()?;
            return Some(Self::Deletion(name, replica.parse().ok()?, read_deletion(&json)?));
        }
        if let Some(name) = id.as_str().strip_prefix(DATACENTER) {
            return Some(Self::Datacenter(name.parse().ok()?, read_membership(&json)?));
        }
        let confirmed = id.as_str().strip_prefix(CONFIRMATION);
        if let Some((name, _)) = confirmed.and_then(|place| place.rsplit_once('/')) {
            return Some(Self::Confirmation(name.parse().ok()?, read_confirmation(&json)?));
        }
        let replica = id.as_str().strip_prefix(REPLICA)?.parse().ok()?;
        let body: ReplicaBody = serde_json::from_str(&json).ok()?;
        Some(Self::Replica(replica, body.datacenter.parse().ok()?))
    }
}

impl DatabaseBody {
    /// Reads what a definition's document shows.
    pub(crate) fn read(body: &Object) -> Option<Self> {
        serde_json::from_str(&body.to_json()).ok()
    }

    /// The document's whole body.
    ///
    /// # Errors
    /// It has more rules than a body may have leaves, or longer ones.
    pub(crate) fn to_object(&self) -> Result<Arc<Object>, BodyError> {
        to_object(self)
    }

    pub(crate) fn settings(&self) -> DatabaseSettings {
        let checksums = self.checksums.as_deref().and_then(|text| text.parse().ok());
        DatabaseSettings {
            checksums: checksums.unwrap_or_default(),
            keep_revisions: self.keep_revisions.unwrap_or_default(),
            keep_for_s: self.keep_for_s.unwrap_or_default(),
            documents_max: self.documents_max.unwrap_or_default(),
            bytes_max: self.bytes_max.unwrap_or_default(),
        }
    }

    /// Settings that are as by default are left out, so that equal definitions are equal documents.
    pub(crate) fn set(&mut self, settings: DatabaseSettings) {
        let usual = DatabaseSettings::default();
        self.checksums = (settings.checksums != usual.checksums).then(|| settings.checksums.to_string());
        self.keep_revisions = (settings.keep_revisions != usual.keep_revisions).then_some(settings.keep_revisions);
        self.keep_for_s = (settings.keep_for_s != usual.keep_for_s).then_some(settings.keep_for_s);
        self.documents_max = (settings.documents_max != usual.documents_max).then_some(settings.documents_max);
        self.bytes_max = (settings.bytes_max != usual.bytes_max).then_some(settings.bytes_max);
    }
}

fn read_deletion(json: &str) -> Option<Deletion> {
    let body: DeletionBody = serde_json::from_str(json).ok()?;
    Some(Deletion {
        datacenter: body.datacenter.parse().ok()?,
        unix_ms: body.unix_ms,
        seen: VersionVector::decode(&from_hex(&body.seen)?).ok()?,
    })
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// A later version's rule must not take the known ones with it.
fn read_rules(name: &DatabaseName, rules: &BTreeMap<String, String>) -> RuleSet {
    let known = rules.iter().filter_map(|(path, rule)| {
        let rule = rule
            .parse::<Rule>()
            .ok()
            .filter(|rule| RuleSet::new([(path.as_str(), *rule)]).is_ok());
        if rule.is_none() {
            tracing::warn!(database = %name, path, "a merge rule is not known to this version and is ignored");
        }
        Some((path.as_str(), rule?))
    });
    RuleSet::new(known).unwrap_or_default()
}

/// The document that defines a database; `None` cannot happen, names are shorter than ids.
pub(crate) fn database_id(name: &DatabaseName) -> Option<DocumentId> {
    format!("{DATABASE}{name}").parse().ok()
}

/// What the document that defines a database says.
///
/// # Errors
/// It has more rules than a body may have leaves, or longer ones.
pub(crate) fn database_body(definition: &DatabaseDefinition) -> Result<Arc<Object>, BodyError> {
    let rules = definition
        .rules
        .iter()
        .map(|(path, rule)| (path.to_owned(), rule.to_string()))
        .collect();
    let mut body = DatabaseBody {
        granularity: definition.granularity.to_string(),
        rules,
        checksums: None,
        keep_revisions: None,
        keep_for_s: None,
        documents_max: None,
        bytes_max: None,
        other: BTreeMap::new(),
    };
    body.set(definition.settings);
    body.to_object()
}

/// The document that says that a database was deleted by the node of a replica.
pub(crate) fn deletion_document(
    database: &DatabaseName,
    replica: ReplicaId,
    deletion: &Deletion,
) -> Option<(DocumentId, Arc<Object>)> {
    let body = DeletionBody {
        datacenter: deletion.datacenter.to_string(),
        unix_ms: deletion.unix_ms,
        seen: to_hex(&deletion.seen.encode()),
    };
    document(format!("{DELETION}{database}/{replica}"), &body)
}

/// The document that says whose replica it is.
pub(crate) fn replica_document(replica: ReplicaId, datacenter: &DatacenterName) -> Option<(DocumentId, Arc<Object>)> {
    document(
        format!("{REPLICA}{replica}"),
        &ReplicaBody {
            datacenter: datacenter.to_string(),
        },
    )
}

/// `None` cannot happen for valid names: such bodies are small objects of strings.
pub(super) fn document(id: String, body: &impl Serialize) -> Option<(DocumentId, Arc<Object>)> {
    Some((id.parse().ok()?, to_object(body).ok()?))
}

fn to_object(body: &impl Serialize) -> Result<Arc<Object>, BodyError> {
    let json = serde_json::to_vec(body).map_err(|error| BodyError::Syntax(error.to_string()))?;
    Ok(Arc::new(parse_body(&json, &Limits::default())?))
}

impl DatabaseDefinition {
    /// The system database's own: members merge, there are no rules.
    pub(crate) fn system() -> Self {
        Self {
            name: DatabaseName::system(),
            granularity: Granularity::Field,
            rules: Arc::default(),
            settings: DatabaseSettings::default(),
        }
    }

    /// Whether both treat documents alike.
    pub fn agrees_with(&self, other: &Self) -> bool {
        (self.granularity, &self.rules, self.settings) == (other.granularity, &other.rules, other.settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ChecksumPolicy;

    #[test]
    fn a_definition_is_read_back_from_its_document() {
        let rules = RuleSet::new([("/stock", Rule::Counter), ("/a~1b/c", Rule::Set)]).unwrap();
        let definition = DatabaseDefinition {
            name: "shop".parse().unwrap(),
            granularity: Granularity::Document,
            rules: Arc::new(rules),
            settings: DatabaseSettings {
                checksums: ChecksumPolicy::Required,
                keep_revisions: 3,
                keep_for_s: 4,
                documents_max: 5,
                bytes_max: 6,
            },
        };
        let (id, body) = (
            database_id(&definition.name).unwrap(),
            database_body(&definition).unwrap(),
        );
        assert_eq!(id.as_str(), "database/shop");
        let Some(SystemDocument::Database(read)) = SystemDocument::read(&id, &body) else {
            panic!("not a definition")
        };
        assert!(read.name == definition.name && read.agrees_with(&definition));
    }

    #[test]
    fn a_deletion_is_read_back_from_its_document() {
        let seen: VersionVector = [(ReplicaId([7; 8]), rejoin_document::HlcTime(9))].into_iter().collect();
        let deletion = Deletion {
            datacenter: "dc-east".parse().unwrap(),
            unix_ms: 1_700_000_000_000,
            seen,
        };
        let shop = DatabaseName::internal("a/b@2").unwrap();
        let (id, body) = deletion_document(&shop, ReplicaId([0xab; 8]), &deletion).unwrap();
        assert_eq!(id.as_str(), "deletion/a/b@2/abababababababab");
        let Some(SystemDocument::Deletion(name, replica, read)) = SystemDocument::read(&id, &body) else {
            panic!("not a deletion")
        };
        assert_eq!((name, replica, read), (shop, ReplicaId([0xab; 8]), deletion));
    }

    #[test]
    fn what_a_later_version_put_into_a_definition_stays_in_it() {
        let text = br#"{"granularity":"field","rules":{"/b":"median"},"quorum":3}"#;
        let body = DatabaseBody::read(&parse_body(text, &Limits::default()).unwrap()).unwrap();
        let written = body.to_object().unwrap();
        assert_eq!(*written, parse_body(text, &Limits::default()).unwrap());
    }

    #[test]
    fn a_rule_of_a_later_version_is_ignored_and_the_others_stay() {
        let body = parse_body(
            br#"{"granularity":"field","rules":{"/a":"counter","/b":"median"}}"#,
            &Limits::default(),
        )
        .unwrap();
        let Some(SystemDocument::Database(read)) = SystemDocument::read(&"database/x".parse().unwrap(), &body) else {
            panic!("not a definition")
        };
        assert_eq!(read.rules.iter().count(), 1);
    }

    #[test]
    fn a_replica_is_read_back_from_its_document_and_other_documents_say_nothing() {
        let (id, body) = replica_document(ReplicaId([0xab; 8]), &"dc-east".parse().unwrap()).unwrap();
        assert!(
            matches!(SystemDocument::read(&id, &body), Some(SystemDocument::Replica(ReplicaId(bytes), _)) if bytes == [0xab; 8])
        );
        assert!(SystemDocument::read(&"other/x".parse().unwrap(), &body).is_none());
        assert!(SystemDocument::read(&"database/x".parse().unwrap(), &body).is_none());
    }
}
