//! Finds who answers for the resources of CouchDB that are not documents: of the server, and of a database.

use axum::http::Method;
use axum::response::Response;
use rejoin_document::DatabaseName;

use super::body::Request;
use super::error::HttpError;
use super::listing::Kind;
use super::route::only;
use super::{all_docs, database, info, local_docs, maintenance, revs_diff, root, server_tasks, views};
use crate::node::NodeContext;

/// Who may list.
const LISTS: &str = "GET,HEAD,POST";

/// A resource of the server, by the segments of its path; `None`: there is no such one.
pub(super) async fn of_server(
    context: &NodeContext,
    segments: &[&str],
    request: &mut Request,
) -> Option<Result<Response, HttpError>> {
    let method = request.method().clone();
    let reads = || only(&method, "GET,HEAD");
    Some(match segments {
        ["_all_dbs"] => match reads() {
            Ok(()) => root::databases(context, request),
            Err(error) => Err(error),
        },
        ["_dbs_info"] => info::several(context, request).await,
        ["_uuids"] => only(&method, "GET").and_then(|()| server_tasks::uuids(request)),
        ["_active_tasks"] => reads().map(|()| server_tasks::active(context)),
        _ => return None,
    })
}

/// A resource of a database, by the segments behind its name; `None`: there is no such one.
pub(super) async fn of_database(
    context: &NodeContext,
    name: &str,
    segments: &[&str],
    request: &mut Request,
) -> Option<Result<Response, HttpError>> {
    if !is_resource(segments) {
        return None;
    }
    Some(match database::name(context, name) {
        Ok(database) => named(context, &database, segments, request).await,
        Err(error) => Err(error),
    })
}

/// Whether the segments name one of these.
fn is_resource(segments: &[&str]) -> bool {
    matches!(
        segments,
        ["_all_docs" | "_design_docs" | "_local_docs"]
            | ["_all_docs" | "_design_docs", "queries"]
            | ["_ensure_full_commit" | "_missing_revs" | "_revs_limit" | "_view_cleanup" | "_security"]
            | ["_compact"]
            | ["_compact", _]
            | ["_purge" | "_purged_infos" | "_purged_infos_limit"]
            | ["_design", _, "_info"]
            | ["_design", _, "_view", _, "queries"]
    )
}

async fn named(
    context: &NodeContext,
    database: &DatabaseName,
    segments: &[&str],
    request: &mut Request,
) -> Result<Response, HttpError> {
    let method = request.method().clone();
    match segments {
        ["_all_docs", rest @ ..] => list(context, database, Kind::All, rest, request).await,
        ["_design_docs", rest @ ..] => list(context, database, Kind::Designs, rest, request).await,
        ["_local_docs"] => {
            only(&method, LISTS)?;
            local_docs::answer(context, database, request).await
        }
        ["_ensure_full_commit"] => {
            only(&method, "POST")?;
            Ok(root::full_commit())
        }
        ["_missing_revs"] => {
            only(&method, "POST")?;
            revs_diff::post_missing(context, database, request).await
        }
        ["_revs_limit"] => maintenance::revs_limit(request).await,
        ["_security"] => maintenance::security(context, database, request).await,
        ["_view_cleanup"] => {
            only(&method, "POST")?;
            maintenance::clean_views(context, request).await
        }
        ["_compact", design @ ..] => {
            only(&method, "POST")?;
            maintenance::compact(context, database, design.first().copied(), request).await
        }
        ["_design", design, "_info"] => {
            only(&method, "GET,HEAD")?;
            views::info(context, database, design).await
        }
        ["_design", design, "_view", view, "queries"] => {
            only(&method, "POST")?;
            views::queries(context, database, design, view, request).await
        }
        _ => Err(maintenance::no_purge()),
    }
}

async fn list(
    context: &NodeContext,
    database: &DatabaseName,
    kind: Kind,
    rest: &[&str],
    request: &mut Request,
) -> Result<Response, HttpError> {
    if rest.is_empty() {
        only(request.method(), LISTS)?;
        return all_docs::answer(context, database, kind, request).await;
    }
    match *request.method() {
        Method::POST => all_docs::queries(context, database, kind, request).await,
        _ => Err(HttpError::method("POST")),
    }
}
