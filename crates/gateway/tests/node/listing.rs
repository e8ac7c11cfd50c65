//! What a node shows, as JSON: nodes that show the same give the same, whatever version of the program they run.

use rejoin_api::Reason;
use rejoin_client::{CandidateKind, Conflict, Database, Heal, HistoryRevision};
use rejoin_document::{DatabaseName, DocumentId, Sequence, VersionVector};
use serde_json::{Value, json};

use crate::common::TestNode;

/// More than any recording holds.
const DOCUMENTS_MAX: usize = 1_000;

/// Every database with its definition and its figures, and every document with its revisions and conflicts: what all datacenters show alike.
pub(crate) async fn shown(node: &TestNode) -> Value {
    let mut databases = Vec::new();
    for database in node.client.databases().await.unwrap() {
        databases.push(shown_database(node, &database).await);
    }
    Value::Array(databases)
}

/// The superseded revisions of every document, and what heals were reported: what stays at a node.
pub(crate) async fn kept(node: &TestNode) -> Value {
    let mut databases = serde_json::Map::new();
    for database in node.client.databases().await.unwrap() {
        let mut documents = serde_json::Map::new();
        for id in ids(node, &name(&database)) {
            let history = node.client.history(&database.name, id.as_str(), true, 1_000, None);
            let revisions: Vec<Value> = history.await.unwrap().items.iter().map(revision).collect();
            documents.insert(id.to_string(), Value::Array(revisions));
        }
        databases.insert(database.name, Value::Object(documents));
    }
    let heals = node.client.heals(100, None).await.unwrap().items;
    let heals: Vec<Value> = heals.iter().map(heal).collect();
    json!({ "history": databases, "heals": heals })
}

fn heal(heal: &Heal) -> Value {
    json!({
        "peer": heal.datacenter,
        "received": heal.documents_received,
        "fast_forwarded": heal.fast_forwarded,
        "merged": heal.merged,
        "conflicts": heal.conflict_ids,
        "siblings_kept": heal.siblings_kept,
        "digests_equal": heal.digests_equal,
        "repaired": heal.repaired,
    })
}

/// The documents of a database, deleted ones too, in ascending order.
pub(crate) fn ids(node: &TestNode, database: &DatabaseName) -> Vec<DocumentId> {
    let changes = node.store().changes(database, Sequence(0), DOCUMENTS_MAX).unwrap();
    assert!(changes.finished, "a listing takes all documents");
    let mut ids: Vec<DocumentId> = changes.changes.into_iter().map(|change| change.id).collect();
    ids.sort();
    ids
}

fn name(database: &Database) -> DatabaseName {
    database.name.parse().unwrap()
}

async fn shown_database(node: &TestNode, database: &Database) -> Value {
    let status = node.client.status().await.unwrap();
    let figures = status.databases.iter().find(|figures| figures.name == database.name);
    let figures = figures.unwrap();
    let rules = database.rules.iter();
    let rules: serde_json::Map<String, Value> = rules
        .map(|(path, rule)| (path.to_owned(), rule.to_string().into()))
        .collect();
    let (knowledge, digest) = node.store().digest(&name(database)).unwrap();
    let mut documents = Vec::new();
    for id in ids(node, &name(database)) {
        documents.push(shown_document(node, &database.name, &id).await);
    }
    json!({
        "name": database.name,
        "granularity": database.granularity.to_string(),
        "rules": rules,
        "checksums": format!("{:?}", database.checksums),
        "keep_revisions": database.keep_revisions,
        "keep_for_s": database.keep_for_s,
        "version": database.version,
        "survivors": database.survivors,
        "live": figures.documents,
        "in_conflict": figures.conflicts,
        "in_quarantine": figures.quarantined,
        "knowledge": vector(&knowledge),
        "digest": digest.to_string(),
        "documents": documents,
    })
}

fn vector(vector: &VersionVector) -> Value {
    let times = vector.iter();
    let times: serde_json::Map<String, Value> = times
        .map(|(replica, time)| (replica.to_string(), time.0.to_string().into()))
        .collect();
    Value::Object(times)
}

async fn shown_document(node: &TestNode, database: &str, id: &DocumentId) -> Value {
    let opened = node.store().opened(&database.parse().unwrap(), id).unwrap().unwrap();
    let leaves: Vec<Value> = opened
        .leaves
        .iter()
        .map(|leaf| {
            let ancestors = opened.ancestors(&leaf.revision);
            json!({
                "revision": leaf.revision.to_string(),
                "deleted": leaf.deleted,
                "body": opened.body(&leaf.revision).map(|body| body.body.to_json()),
                "ancestors": ancestors.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        })
        .collect();
    let read = match node.client.get(database, id.as_str()).await {
        Ok(document) => json!({
            "revision": document.revision.to_string(),
            "checksum": document.checksum.to_string(),
            "body": text(&document.body),
            "conflicts": conflicts(&document.conflicts),
        }),
        Err(error) => {
            assert_eq!(error.reason(), Some(Reason::DocumentNotFound), "{error}");
            json!({ "deleted": opened.shown.revision.to_string() })
        }
    };
    json!({ "id": id.as_str(), "read": read, "leaves": leaves })
}

fn conflicts(conflicts: &[Conflict]) -> Value {
    let conflict = |conflict: &Conflict| {
        let candidates = conflict.candidates.iter().map(|candidate| {
            let kind = match &candidate.kind {
                CandidateKind::Value(value) => format!("value {}", text(value)),
                other => format!("{other:?}"),
            };
            json!({
                "kind": kind,
                "datacenter": candidate.datacenter,
                "dot": candidate.dot.to_string(),
                "revision": candidate.revision.to_string(),
            })
        });
        json!({ "path": conflict.path, "candidates": candidates.collect::<Vec<_>>() })
    };
    Value::Array(conflicts.iter().map(conflict).collect())
}

fn revision(revision: &HistoryRevision) -> Value {
    json!({
        "revision": revision.revision.to_string(),
        "deleted": revision.deleted,
        "datacenter": revision.datacenter,
        "written_unix_ms": revision.written_unix_ms,
        "superseded_unix_ms": revision.superseded_unix_ms,
        "body": revision.body.as_deref().map(text),
        "set_aside": conflicts(&revision.set_aside),
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
