//! Definitions as documents of the system database: `database/NAME` and `replica/HEX`.
//!
//! They merge, replicate and are digested like anything else; this file alone knows how their bodies look.

use std::collections::BTreeMap;
use std::sync::Arc;

use rejoin_document::{
    DatabaseName, DatacenterName, DocumentId, Granularity, Limits, Object, ReplicaId, Rule, RuleSet, parse_body,
};
use serde::{Deserialize, Serialize};

use crate::operation::DatabaseDefinition;
use crate::settings::DatabaseSettings;

const DATABASE: &str = "database/";
const REPLICA: &str = "replica/";

/// What a document of the system database says.
#[derive(Debug)]
pub(crate) enum SystemDocument {
    /// A database is defined.
    Database(DatabaseDefinition),
    /// A replica belongs to a datacenter.
    Replica(ReplicaId, DatacenterName),
}

#[derive(Serialize, Deserialize)]
struct DatabaseBody {
    granularity: String,
    #[serde(default)]
    rules: BTreeMap<String, String>,
    /// Settings that are as by default are left out, so that equal definitions are equal documents in every version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksums: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_revisions: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_for_s: Option<u64>,
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
            let name: DatabaseName = name.parse().ok()?;
            let rules = Arc::new(read_rules(&name, &body.rules));
            let settings = DatabaseSettings {
                checksums: body.checksums.and_then(|text| text.parse().ok()).unwrap_or_default(),
                keep_revisions: body.keep_revisions.unwrap_or_default(),
                keep_for_s: body.keep_for_s.unwrap_or_default(),
            };
            return Some(Self::Database(DatabaseDefinition {
                name,
                granularity: body.granularity.parse().ok()?,
                rules,
                settings,
            }));
        }
        let replica = id.as_str().strip_prefix(REPLICA)?.parse().ok()?;
        let body: ReplicaBody = serde_json::from_str(&json).ok()?;
        Some(Self::Replica(replica, body.datacenter.parse().ok()?))
    }
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

/// The document that defines a database.
pub(crate) fn database_document(definition: &DatabaseDefinition) -> Option<(DocumentId, Arc<Object>)> {
    let rules = definition
        .rules
        .iter()
        .map(|(path, rule)| (path.to_owned(), rule.to_string()))
        .collect();
    let (settings, usual) = (definition.settings, DatabaseSettings::default());
    let body = DatabaseBody {
        granularity: definition.granularity.to_string(),
        rules,
        checksums: (settings.checksums != usual.checksums).then(|| settings.checksums.to_string()),
        keep_revisions: (settings.keep_revisions != usual.keep_revisions).then_some(settings.keep_revisions),
        keep_for_s: (settings.keep_for_s != usual.keep_for_s).then_some(settings.keep_for_s),
    };
    document(format!("{DATABASE}{}", definition.name), &body)
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
fn document(id: String, body: &impl Serialize) -> Option<(DocumentId, Arc<Object>)> {
    let json = serde_json::to_vec(body).ok()?;
    Some((id.parse().ok()?, Arc::new(parse_body(&json, &Limits::default()).ok()?)))
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
            },
        };
        let (id, body) = database_document(&definition).unwrap();
        assert_eq!(id.as_str(), "database/shop");
        let Some(SystemDocument::Database(read)) = SystemDocument::read(&id, &body) else {
            panic!("not a definition")
        };
        assert!(read.name == definition.name && read.agrees_with(&definition));
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
