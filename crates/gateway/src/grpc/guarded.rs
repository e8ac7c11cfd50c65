//! What role each call of a client takes, and in which database: the one table, and the only way to the services.
//!
//! A service that is reached through here cannot get a method that has no row: it would not compile.

use rejoin_api::proto::admin_service_server::AdminService;
use rejoin_api::proto::conflict_service_server::ConflictService;
use rejoin_api::proto::database_service_server::DatabaseService;
use rejoin_api::proto::document_service_server::DocumentService;
use rejoin_api::proto::{
    AddDatacenterRequest, AddDatacenterResponse, BatchGetDocumentsRequest, BatchGetDocumentsResponse,
    BulkResolveConflictsRequest, BulkResolveConflictsResponse, CompactRequest, CompactResponse,
    CompareAndDeleteRequest, CompareAndDeleteResponse, CompareAndSwapRequest, CompareAndSwapResponse,
    CreateBackupRequest, CreateBackupResponse, CreateDatabaseRequest, CreateDatabaseResponse, CreateDocumentRequest,
    CreateDocumentResponse, CutLinkRequest, CutLinkResponse, DeleteDatabaseRequest, DeleteDatabaseResponse,
    DeleteDocumentRequest, DeleteDocumentResponse, DiffRevisionsRequest, DiffRevisionsResponse, ExportDocumentsRequest,
    GetConflictsRequest, GetConflictsResponse, GetDigestRequest, GetDigestResponse, GetDocumentRequest,
    GetDocumentResponse, GetStatusRequest, GetStatusResponse, ListBackupsRequest, ListBackupsResponse,
    ListConflictsRequest, ListConflictsResponse, ListDatabasesRequest, ListDatabasesResponse, ListDatacentersRequest,
    ListDatacentersResponse, ListDocumentsRequest, ListDocumentsResponse, ListHealsRequest, ListHealsResponse,
    ListQuarantineRequest, ListQuarantineResponse, ListRevisionsRequest, ListRevisionsResponse, LoadDocumentsRequest,
    PatchDocumentRequest, PatchDocumentResponse, PreviewRulesRequest, PreviewRulesResponse, ResolveConflictsRequest,
    ResolveConflictsResponse, RestoreLinkRequest, RestoreLinkResponse, RestoreRevisionRequest, RestoreRevisionResponse,
    RetireDatacenterRequest, RetireDatacenterResponse, RetryQuarantineRequest, RetryQuarantineResponse,
    UpdateDatabaseRequest, UpdateDatabaseResponse, UpdateDocumentRequest, UpdateDocumentResponse, VerifyRequest,
    VerifyResponse, WatchChangesRequest, WriteBatchRequest, WriteBatchResponse,
};
use tonic::{Request, Response, Status, Streaming};

use super::admin::AdminApi;
use super::conflict::ConflictApi;
use super::database::DatabaseApi;
use super::document::DocumentApi;
use super::error::Failure;
use crate::access::Role::{Admin, Reader, Writer};
use crate::access::{Denied, Principal, Role, Scope};

/// A service that asks first who calls, and what he may do.
pub(super) struct Guarded<T>(pub(super) T);

/// What a call takes.
enum Needs<'a> {
    /// A role in what it is about.
    Role(Role, Scope<'a>),
    /// Any user: what it does is checked part by part, or shows each user what he may see.
    AnyUser,
}

/// A role in the database that a call names.
fn of(role: Role, database: &str) -> Needs<'_> {
    Needs::Role(role, Scope::Database(database))
}

/// A role in the database that a call names, or in all where it names none.
fn of_any(role: Role, database: &str) -> Needs<'_> {
    Needs::Role(role, Scope::of(database))
}

/// A role for the node and all databases.
fn of_all<'a>(role: Role) -> Needs<'a> {
    Needs::Role(role, Scope::Node)
}

/// Who makes a call.
///
/// # Errors
///
/// Nobody has let it in, which the layer in front of all services does: a mistake in this program lets nobody in.
pub(super) fn principal<T>(call: &Request<T>) -> Result<Principal, Failure> {
    let principal = call.extensions().get::<Principal>().cloned();
    principal.ok_or_else(|| Denied::Missing.into())
}

fn check<T>(call: &Request<T>, needs: &Needs<'_>) -> Result<(), Failure> {
    let principal = principal(call)?;
    match needs {
        Needs::Role(role, scope) => Ok(principal.may(*role, *scope)?),
        Needs::AnyUser => Ok(()),
    }
}

macro_rules! guarded {
    ($service:ident for $api:ident { streams($($stream:ident),*); $($method:ident: $request:ty => $answer:ty, |$asked:ident| $needs:expr;)* }) => {
        #[tonic::async_trait]
        impl $service for Guarded<$api> {
            $(type $stream = <$api as $service>::$stream;)*
            $(
                async fn $method(&self, call: Request<$request>) -> Result<Response<$answer>, Status> {
                    let $asked = call.get_ref();
                    check(&call, &$needs)?;
                    self.0.$method(call).await
                }
            )*
        }
    };
}

guarded! {
    DocumentService for DocumentApi {
        streams(WatchChangesStream, LoadDocumentsStream, ExportDocumentsStream);
        get_document: GetDocumentRequest => GetDocumentResponse, |it| of(Reader, &it.database);
        batch_get_documents: BatchGetDocumentsRequest => BatchGetDocumentsResponse, |it| of(Reader, &it.database);
        list_documents: ListDocumentsRequest => ListDocumentsResponse, |it| of(Reader, &it.database);
        list_revisions: ListRevisionsRequest => ListRevisionsResponse, |it| of(Reader, &it.database);
        diff_revisions: DiffRevisionsRequest => DiffRevisionsResponse, |it| of(Reader, &it.database);
        watch_changes: WatchChangesRequest => Self::WatchChangesStream, |it| of(Reader, &it.database);
        export_documents: ExportDocumentsRequest => Self::ExportDocumentsStream, |it| of(Reader, &it.database);
        create_document: CreateDocumentRequest => CreateDocumentResponse, |it| of(Writer, &it.database);
        update_document: UpdateDocumentRequest => UpdateDocumentResponse, |it| of(Writer, &it.database);
        patch_document: PatchDocumentRequest => PatchDocumentResponse, |it| of(Writer, &it.database);
        compare_and_swap: CompareAndSwapRequest => CompareAndSwapResponse, |it| of(Writer, &it.database);
        delete_document: DeleteDocumentRequest => DeleteDocumentResponse, |it| of(Writer, &it.database);
        compare_and_delete: CompareAndDeleteRequest => CompareAndDeleteResponse, |it| of(Writer, &it.database);
        write_batch: WriteBatchRequest => WriteBatchResponse, |it| of(Writer, &it.database);
        restore_revision: RestoreRevisionRequest => RestoreRevisionResponse, |it| of(Writer, &it.database);
        // Writer: each document names its database, so `super::load` asks for each.
        load_documents: Streaming<LoadDocumentsRequest> => Self::LoadDocumentsStream, |_it| Needs::AnyUser;
    }
}

guarded! {
    ConflictService for ConflictApi {
        streams();
        list_conflicts: ListConflictsRequest => ListConflictsResponse, |it| of(Reader, &it.database);
        get_conflicts: GetConflictsRequest => GetConflictsResponse, |it| of(Reader, &it.database);
        resolve_conflicts: ResolveConflictsRequest => ResolveConflictsResponse, |it| of(Writer, &it.database);
        bulk_resolve_conflicts: BulkResolveConflictsRequest => BulkResolveConflictsResponse, |it| of(Writer, &it.database);
    }
}

guarded! {
    DatabaseService for DatabaseApi {
        streams();
        // It lists what the user may read.
        list_databases: ListDatabasesRequest => ListDatabasesResponse, |_it| Needs::AnyUser;
        preview_rules: PreviewRulesRequest => PreviewRulesResponse, |it| of(Reader, &it.name);
        update_database: UpdateDatabaseRequest => UpdateDatabaseResponse, |it| of(Admin, &it.name);
        delete_database: DeleteDatabaseRequest => DeleteDatabaseResponse, |it| of(Admin, &it.name);
        create_database: CreateDatabaseRequest => CreateDatabaseResponse, |_it| of_all(Admin);
    }
}

guarded! {
    AdminService for AdminApi {
        streams();
        get_status: GetStatusRequest => GetStatusResponse, |_it| of_all(Reader);
        list_heals: ListHealsRequest => ListHealsResponse, |_it| of_all(Reader);
        get_digest: GetDigestRequest => GetDigestResponse, |_it| of_all(Reader);
        compact: CompactRequest => CompactResponse, |it| of_any(Admin, &it.database);
        list_quarantine: ListQuarantineRequest => ListQuarantineResponse, |it| of_any(Admin, &it.database);
        retry_quarantine: RetryQuarantineRequest => RetryQuarantineResponse, |it| of_any(Admin, &it.database);
        verify: VerifyRequest => VerifyResponse, |_it| of_all(Admin);
        list_datacenters: ListDatacentersRequest => ListDatacentersResponse, |_it| of_all(Reader);
        list_backups: ListBackupsRequest => ListBackupsResponse, |_it| of_all(Admin);
        create_backup: CreateBackupRequest => CreateBackupResponse, |_it| of_all(Admin);
        add_datacenter: AddDatacenterRequest => AddDatacenterResponse, |_it| of_all(Admin);
        retire_datacenter: RetireDatacenterRequest => RetireDatacenterResponse, |_it| of_all(Admin);
        cut_link: CutLinkRequest => CutLinkResponse, |_it| of_all(Admin);
        restore_link: RestoreLinkRequest => RestoreLinkResponse, |_it| of_all(Admin);
    }
}
