//! What every method of every service is sent, who is let in, and what those are told.

use prost::Message;
use rejoin_api::proto::{self, patch_document_request::Patch};

/// Who may read the database.
const READERS: &[&str] = &["reader", "writer", "owner", "watcher", "operator"];
/// Who may write into it.
const WRITERS: &[&str] = &["writer", "owner", "operator"];
/// Who may change and delete it.
const OWNERS: &[&str] = &["owner", "operator"];
/// Who may look at the node.
const WATCHERS: &[&str] = &["watcher", "operator"];
/// Who may operate it.
const OPERATORS: &[&str] = &["operator"];
/// Every user.
pub(crate) const ANY: &[&str] = &["stranger", "reader", "writer", "owner", "watcher", "operator"];
/// The other datacenter.
pub(crate) const PEERS: &[&str] = &["peer"];

/// The body of the document `a` before each call.
pub(crate) const BODY: &str = r#"{"n":1}"#;

/// A method, what it is sent, who is let in, and what those are told: `OK`, or why the service refuses what is sent.
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) message: Vec<u8>,
    pub(crate) may: &'static [&'static str],
    pub(crate) told: &'static str,
}

macro_rules! rows {
    ($($method:literal $request:ident { $($field:ident: $value:expr),* } $may:ident $told:literal;)*) => {
        vec![$(Row {
            method: concat!("/rejoin.v1.", $method),
            message: proto::$request { $($field: $value.into(),)* ..Default::default() }.encode_to_vec(),
            may: $may,
            told: $told,
        }),*]
    };
}

/// All of them.
#[allow(
    clippy::needless_update,
    clippy::useless_conversion,
    reason = "the rows are written alike"
)]
pub(crate) fn table() -> Vec<Row> {
    let (things, a, west, old) = ("things", "a", "dc-west", "9-a");
    let ids = vec![a.to_owned()];
    let patch = Patch::MergePatch("{\"m\":2}".into());
    let definition = proto::Database {
        name: things.into(),
        ..Default::default()
    };
    rows! {
        "DocumentService/GetDocument" GetDocumentRequest { database: things, id: a } READERS "OK";
        "DocumentService/BatchGetDocuments" BatchGetDocumentsRequest { database: things, ids: ids } READERS "OK";
        "DocumentService/ListDocuments" ListDocumentsRequest { database: things } READERS "OK";
        "DocumentService/ListRevisions" ListRevisionsRequest { database: things, id: a } READERS "OK";
        "DocumentService/DiffRevisions" DiffRevisionsRequest { database: things, id: a, from_revision: old } READERS "REVISION_NOT_FOUND";
        "DocumentService/WatchChanges" WatchChangesRequest { database: things } READERS "OK";
        "DocumentService/ExportDocuments" ExportDocumentsRequest { database: things } READERS "OK";
        "ConflictService/ListConflicts" ListConflictsRequest { database: things } READERS "OK";
        "ConflictService/GetConflicts" GetConflictsRequest { database: things, id: a } READERS "OK";
        "DatabaseService/PreviewRules" PreviewRulesRequest { name: things } READERS "OK";

        "DocumentService/CreateDocument" CreateDocumentRequest { database: things, id: a, body: BODY } WRITERS "DOCUMENT_EXISTS";
        "DocumentService/UpdateDocument" UpdateDocumentRequest { database: things, id: a, body: BODY } WRITERS "OK";
        "DocumentService/PatchDocument" PatchDocumentRequest { database: things, id: a, patch: patch } WRITERS "OK";
        "DocumentService/CompareAndSwap" CompareAndSwapRequest { database: things, id: a, expected_body: BODY, body: BODY } WRITERS "OK";
        "DocumentService/DeleteDocument" DeleteDocumentRequest { database: things, id: a } WRITERS "OK";
        "DocumentService/CompareAndDelete" CompareAndDeleteRequest { database: things, id: a, expected_body: BODY } WRITERS "OK";
        "DocumentService/WriteBatch" WriteBatchRequest { database: things } WRITERS "INVALID_BATCH";
        "DocumentService/RestoreRevision" RestoreRevisionRequest { database: things, id: a, revision: old } WRITERS "REVISION_NOT_FOUND";
        // Any user may begin one; each document is refused for itself.
        "DocumentService/LoadDocuments" LoadDocumentsRequest { database: things, id: a, body: BODY } WRITERS "OK";
        "ConflictService/ResolveConflicts" ResolveConflictsRequest { database: things, id: a } WRITERS "INVALID_RESOLUTION";
        "ConflictService/BulkResolveConflicts" BulkResolveConflictsRequest { database: things } WRITERS "INVALID_MESSAGE";

        "DatabaseService/ListDatabases" ListDatabasesRequest {} ANY "OK";
        "DatabaseService/CreateDatabase" CreateDatabaseRequest { database: definition } OPERATORS "OK";
        "DatabaseService/UpdateDatabase" UpdateDatabaseRequest { name: things } OWNERS "OK";
        "DatabaseService/DeleteDatabase" DeleteDatabaseRequest { name: things } OWNERS "OK";
        "AdminService/Compact" CompactRequest { database: things } OWNERS "OK";
        "AdminService/Compact" CompactRequest {} OPERATORS "OK";
        "AdminService/ListQuarantine" ListQuarantineRequest { database: things } OWNERS "OK";
        "AdminService/ListQuarantine" ListQuarantineRequest {} OPERATORS "OK";
        "AdminService/RetryQuarantine" RetryQuarantineRequest { database: things } OWNERS "OK";
        "AdminService/RetryQuarantine" RetryQuarantineRequest {} OPERATORS "OK";
        "AdminService/GetStatus" GetStatusRequest {} WATCHERS "OK";
        "AdminService/ListHeals" ListHealsRequest {} WATCHERS "OK";
        "AdminService/GetDigest" GetDigestRequest {} WATCHERS "OK";
        "AdminService/Verify" VerifyRequest { datacenter: "nowhere" } OPERATORS "PEER_UNKNOWN";
        "AdminService/ListDatacenters" ListDatacentersRequest {} WATCHERS "OK";
        "AdminService/ListBackups" ListBackupsRequest {} OPERATORS "BACKUP_UNAVAILABLE";
        "AdminService/CreateBackup" CreateBackupRequest { name: a } OPERATORS "BACKUP_UNAVAILABLE";
        "AdminService/AddDatacenter" AddDatacenterRequest { name: west, address: "nowhere" } OPERATORS "INVALID_ADDRESS";
        "AdminService/RetireDatacenter" RetireDatacenterRequest { name: west } OPERATORS "RETIREMENT_UNCONFIRMED";
        "AdminService/CutLink" CutLinkRequest { datacenter: west } OPERATORS "OK";
        "AdminService/RestoreLink" RestoreLinkRequest { datacenter: west } OPERATORS "OK";

        "SyncService/Pull" PullRequest {} PEERS "OK";
    }
}
