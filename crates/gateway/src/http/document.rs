//! `/{db}/{id}`.

use std::collections::BTreeSet;

use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId, Revision};
use rejoin_store::{Opened, Operation};

use super::answer::{self, quoted};
use super::body::Request;
use super::error::{self, HttpError};
use super::incoming::{Dialect, Incoming};
use super::outgoing::Outgoing;
use super::query::{self, Query};
use super::room::Room;
use super::several::Several;
use super::write::Made;
use super::{conflict, copy, write};
use crate::node::NodeContext;

/// Names the write in the answer to it, as candidates of conflicts are named.
const DOT: HeaderName = HeaderName::from_static("rejoin-dot");

/// Parameters that have something told beside the document.
const TELLING: [&str; 6] = [
    "conflicts",
    "deleted_conflicts",
    "local_seq",
    "meta",
    "revs",
    "revs_info",
];

/// Revisions that one request names at most.
const REVISIONS_MAX: usize = 1000;

pub(super) async fn answer(
    context: &NodeContext,
    database: &DatabaseName,
    text: &str,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let id: DocumentId = text.parse().map_err(error::id)?;
    match *request.method() {
        Method::GET | Method::HEAD => get(context, database, &id, request),
        Method::PUT => put(context, database, &id, request).await,
        Method::DELETE => delete(context, database, &id, request).await,
        _ if request.method().as_str() == "COPY" => copy::answer(context, database, &id, request).await,
        _ => Err(HttpError::method("DELETE,GET,HEAD,POST,PUT,COPY")),
    }
}

/// Stores a document that was sent, and answers.
pub(super) async fn store(
    context: &NodeContext,
    database: &DatabaseName,
    text: &str,
    incoming: Incoming,
    new_edits: bool,
) -> Result<Response, HttpError> {
    let id: DocumentId = text.parse().map_err(error::id)?;
    if !new_edits {
        let insertion = write::insertion(database, &id, &incoming)?;
        let revision = insertion.history[0].clone();
        context.commits.submit(Operation::Insert(insertion)).await?;
        return Ok(stored(&id, &revision, "", StatusCode::CREATED));
    }
    let operation = write::operation(context, database, &id, &incoming)?;
    let base = match &operation {
        Operation::Write(request) => request.conditions.base.clone(),
        _ => None,
    };
    match context.commits.submit(operation).await {
        Ok(outcome) => {
            let Made { revision, merged, dot } = write::made(outcome, &incoming)?;
            let status = if incoming.deleted {
                StatusCode::OK
            } else {
                StatusCode::CREATED
            };
            let merged = if merged { ",\"merged\":true" } else { "" };
            let answer = stored(&id, &revision, merged, status);
            Ok(answer::header(answer, DOT, &dot.to_string()))
        }
        // In a database whose members merge an answer with both sides is better than CouchDB's two words.
        Err(error) if write::merges(context, database) => {
            Err(conflict::told(context, &id, base.as_ref(), write::refused(error)))
        }
        Err(error) => Err(write::refused(error)),
    }
}

async fn put(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let new_edits = request.query().flag_or("new_edits", true)?;
    // A PUT cannot come from a form of another site, and curl says of all data that it sends that it is a form.
    let text = request.bytes(write::document_bytes_max(context)).await?;
    let mut incoming = Incoming::read(&text, &context.limits(), Dialect::of(context, database))?;
    if incoming.id.as_ref().is_some_and(|sent| sent != id.as_str()) {
        return Err(HttpError::bad_request("Document ID must match the one in the URL"));
    }
    let named = [request.query().text("rev"), request.if_match()];
    for text in named.into_iter().flatten() {
        let revision = query::revision(text)?;
        if incoming.revision.get_or_insert_with(|| revision.clone()) != &revision {
            return Err(HttpError::bad_request(
                "Document rev from request body and query string have different values",
            ));
        }
    }
    let stored = store(context, database, id.as_str(), incoming, new_edits).await?;
    let stored = batched(stored, request.query(), id.as_str())?;
    let place = format!("/{}/{id}", database.base());
    Ok(answer::header(stored, header::LOCATION, &place))
}

/// The answer to `batch=ok`: CouchDB says no revision, since it has written nothing yet. Here the document is stored.
///
/// # Errors
///
/// `batch` is something else.
pub(super) fn batched(stored: Response, query: &Query, id: &str) -> Result<Response, HttpError> {
    match query.text("batch") {
        None => Ok(stored),
        Some("ok") => Ok(answer::text(
            StatusCode::ACCEPTED,
            format!("{{\"ok\":true,\"id\":{}}}\n", quoted(id)),
        )),
        Some(_) => Err(HttpError::query("batch is `ok`, or is left out")),
    }
}

async fn delete(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
    request: &mut Request,
) -> Result<Response, HttpError> {
    // CouchDB tells one that is not there from one that is another by now, where a delete is not a PUT.
    if let Some(absent) = write::absent(context, database, id)? {
        return Err(absent);
    }
    let named = request.query().text("rev").or_else(|| request.if_match());
    let incoming = Incoming {
        id: None,
        revision: named.map(query::revision).transpose()?,
        deleted: true,
        updated: None,
        history: Vec::new(),
        body: std::sync::Arc::default(),
    };
    let stored = store(context, database, id.as_str(), incoming, true).await?;
    batched(stored, request.query(), id.as_str())
}

fn stored(id: &DocumentId, revision: &Revision, merged: &str, status: StatusCode) -> Response {
    let text = format!(
        "{{\"ok\":true,\"id\":{},\"rev\":{}{merged}}}\n",
        quoted(id.as_str()),
        quoted(&revision.to_string())
    );
    tagged(answer::text(status, text), revision)
}

fn tagged(response: Response, revision: &Revision) -> Response {
    answer::header(response, header::ETAG, &quoted(&revision.to_string()))
}

fn get(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
    request: &Request,
) -> Result<Response, HttpError> {
    let query = request.query();
    let found = context.store.opened(database, id)?;
    if let Some(wanted) = query.text("open_revs") {
        return open_revs(context, (database, id), found.as_ref(), wanted, request);
    }
    let found = found.ok_or_else(HttpError::missing)?;
    let revision = match query.revision("rev")? {
        Some(revision) if query.flag("latest")? => grown_from(&found, &revision).into_iter().next().unwrap_or(revision),
        Some(revision) => revision,
        None if found.shown.deleted => return Err(HttpError::deleted()),
        None => found.shown.revision.clone(),
    };
    let json = revision_json(context, database, id, &found, &revision, query)?.ok_or_else(HttpError::missing)?;
    // What stands beside the document changes while its revision does not.
    let told = TELLING
        .iter()
        .map(|name| query.flag(name))
        .collect::<Result<Vec<_>, _>>()?;
    let tag = quoted(&revision.to_string());
    let is_tagged = !told.contains(&true);
    if is_tagged && answer::is_known(request.headers(), &tag) {
        return Ok(answer::not_modified(&tag));
    }
    let mut room = Room::new(context);
    room.add(&json)?;
    room.add("\n")?;
    let response = answer::stream(room.into_body());
    Ok(if is_tagged {
        tagged(response, &revision)
    } else {
        response
    })
}

/// Several revisions, each for itself; of those that are not there it is said.
fn open_revs(
    context: &NodeContext,
    (database, id): (&DatabaseName, &DocumentId),
    found: Option<&Opened>,
    wanted: &str,
    request: &Request,
) -> Result<Response, HttpError> {
    let query = request.query();
    let mut answer = Several::new(context, answer::wants_json(request.headers()))?;
    for (revision, held) in open_revisions(found, wanted, query.flag("latest")?)? {
        let document = match found.filter(|_| held) {
            Some(found) => revision_json(context, database, id, found, &revision, query)?,
            None => None,
        };
        answer.add(&revision, document.as_deref())?;
    }
    answer.end()
}

/// One revision as JSON, with what the query asks for beside it; `None` if it is not kept.
pub(super) fn revision_json(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
    found: &Opened,
    revision: &Revision,
    query: &Query,
) -> Result<Option<String>, HttpError> {
    let open = found.body(revision);
    let kept = || context.store.kept_revision(database, id, revision);
    let Some(content) = open.map_or_else(kept, |open| Ok(Some(open)))? else {
        return Ok(None);
    };
    let winner = *revision == found.shown.revision;
    let mut outgoing = Outgoing::holding(id.as_str(), revision, &content);
    if query.flag("revs")? {
        outgoing = outgoing.with_history(&found.ancestors(revision));
    } else if write::merges(context, database) {
        // Replicators ask for histories, and CouchDB takes no member that it does not know.
        outgoing = outgoing.with_updated();
    }
    let meta = query.flag("meta")?;
    if meta || query.flag("revs_info")? {
        let ancestors = found.ancestors(revision);
        outgoing = outgoing.with(
            "_revs_info",
            revisions_info(context, (database, id), found, revision, &ancestors)?,
        );
    }
    if winner {
        let open = |deleted: bool| {
            let others = found.leaves.iter().skip(1).filter(move |leaf| leaf.deleted == deleted);
            others.map(|leaf| &leaf.revision).collect::<Vec<_>>()
        };
        if meta || query.flag("conflicts")? {
            outgoing = outgoing.with_revisions("_conflicts", &open(false));
        }
        if meta || query.flag("deleted_conflicts")? {
            outgoing = outgoing.with_revisions("_deleted_conflicts", &open(true));
        }
        if query.flag("local_seq")? {
            outgoing = outgoing.with("_local_seq", found.sequence.0.to_string());
        }
    }
    Ok(Some(outgoing.json()))
}

/// What is left of a revision and of those that it grew from.
fn revisions_info(
    context: &NodeContext,
    (database, id): (&DatabaseName, &DocumentId),
    found: &Opened,
    revision: &Revision,
    ancestors: &[Revision],
) -> Result<String, HttpError> {
    let mut rows = Vec::with_capacity(ancestors.len() + 1);
    for one in std::iter::once(revision).chain(ancestors) {
        let content = match found.body(one) {
            Some(open) => Some(open),
            None => context.store.kept_revision(database, id, one)?,
        };
        let status = match content {
            None => "missing",
            Some(content) if content.deleted => "deleted",
            Some(_) => "available",
        };
        rows.push(format!(
            "{{\"rev\":{},\"status\":\"{status}\"}}",
            quoted(&one.to_string())
        ));
    }
    Ok(format!("[{}]", rows.join(",")))
}

/// The open revisions that a closed one has grown into, the winner first; none of an open one.
fn grown_from(found: &Opened, revision: &Revision) -> Vec<Revision> {
    if found.body(revision).is_some() {
        return Vec::new();
    }
    let leaves = found.leaves.iter().map(|leaf| &leaf.revision);
    let grown = leaves.filter(|leaf| found.ancestors(leaf).contains(revision));
    grown.cloned().collect()
}

/// The revisions that `open_revs` asks for, each with whether it is known. With `latest` an ancestor stands for the open revisions that grew from it.
///
/// # Errors
///
/// It is no list of revisions, or all are asked for of a document that was never written.
pub(super) fn open_revisions(
    found: Option<&Opened>,
    wanted: &str,
    latest: bool,
) -> Result<Vec<(Revision, bool)>, HttpError> {
    if wanted == "all" {
        let leaves = found.ok_or_else(HttpError::missing)?.leaves.iter();
        return Ok(leaves.map(|leaf| (leaf.revision.clone(), true)).collect());
    }
    let malformed = || HttpError::bad_request("open_revs is `all`, or a JSON array of revisions");
    let named: Vec<String> = serde_json::from_str(wanted).map_err(|_| malformed())?;
    if named.len() > REVISIONS_MAX {
        return Err(HttpError::bad_request(format!(
            "a request names at most {REVISIONS_MAX} revisions"
        )));
    }
    let mut revisions: Vec<(Revision, bool)> = Vec::with_capacity(named.len());
    for text in BTreeSet::from_iter(named) {
        let revision = query::revision(&text)?;
        let Some(found) = found else {
            revisions.push((revision, false));
            continue;
        };
        let newest = if latest {
            grown_from(found, &revision)
        } else {
            Vec::new()
        };
        match newest.is_empty() {
            true => revisions.push((
                revision.clone(),
                found.body(&revision).is_some() || found.knows(&revision),
            )),
            false => revisions.extend(newest.into_iter().map(|leaf| (leaf, true))),
        }
    }
    Ok(revisions)
}
