//! `/{db}/_design/{design}/_view/{view}` and `/{db}/_temp_view`: map/reduce views.
//!
//! An index is brought up to its database in slices before it is asked, unless the client wants it as it is. Compiling and mapping run JavaScript, so
//! few of these run at once, and none on a thread that serves others. A client that takes its answer slowly keeps only those out who come when very
//! many do the same.

use std::sync::Arc;

use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId, Object, Value};
use rejoin_views::{Scope, ViewQuery};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::all_docs::QUERIES_MAX;
use super::answer;
use super::body::Request;
use super::error::{self, HttpError};
use super::feed;
use super::view_answer::{Asked, Began, Definition, Telling};
use super::write;
use crate::caught::Panicked;
use crate::node::NodeContext;

/// A query of a view of a design document.
pub(super) async fn of_design(
    context: &NodeContext,
    database: &DatabaseName,
    name: &str,
    view: &str,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let query = query(request).await?;
    let mut asked = stored(context, database, name, view, vec![query])?;
    if *request.method() != Method::POST {
        asked.known = Some(request.headers().clone());
    }
    run(context, asked).await
}

/// Several queries of a view of a design document, one after the other.
pub(super) async fn queries(
    context: &NodeContext,
    database: &DatabaseName,
    name: &str,
    view: &str,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let Value::Object(body) = request.documents().await? else {
        return Err(HttpError::bad_request("Request body must be a JSON object"));
    };
    let Some(Value::Array(queries)) = body.get("queries") else {
        return Err(HttpError::bad_request("POST body must include `queries` parameter."));
    };
    if queries.len() > QUERIES_MAX {
        return Err(HttpError::too_large(format!(
            "a request has at most {QUERIES_MAX} queries"
        )));
    }
    let address = ViewQuery::parse(request.query().iter())?;
    let queries = queries.iter().map(|query| match query {
        Value::Object(query) => Ok(address.clone().with_body(query)?),
        _ => Err(HttpError::bad_request("`queries` is an array of JSON objects")),
    });
    let mut asked = stored(context, database, name, view, queries.collect::<Result<_, _>>()?)?;
    asked.several = true;
    run(context, asked).await
}

/// `GET /{db}/_design/{design}/_info`: how far the index of a design document is.
pub(super) async fn info(context: &NodeContext, database: &DatabaseName, name: &str) -> Result<Response, HttpError> {
    let asked = stored(context, database, name, "", Vec::new())?;
    let running = permit(&context.views.running)?;
    let told = context.tasks.spawn_blocking(move || {
        let _running = running;
        asked.info()
    });
    let told = told.await.map_err(|_| HttpError::from(Panicked))??;
    Ok(answer::text(StatusCode::OK, told))
}

/// A design document of the database.
pub(super) fn design(context: &NodeContext, database: &DatabaseName, name: &str) -> Result<Arc<Object>, HttpError> {
    let id: DocumentId = format!("_design/{name}").parse().map_err(error::id)?;
    let found = context.store.get(database, &id)?.ok_or_else(HttpError::missing)?;
    match found.shown.deleted {
        true => Err(HttpError::deleted()),
        false => Ok(found.shown.body),
    }
}

fn stored(
    context: &NodeContext,
    database: &DatabaseName,
    name: &str,
    view: &str,
    queries: Vec<ViewQuery>,
) -> Result<Asked, HttpError> {
    let definition = Definition::Stored {
        name: name.to_owned(),
        view: view.to_owned(),
        document: design(context, database, name)?,
    };
    let scope = context.views.scope(&context.store, database)?;
    Ok(asked(context, database, scope, definition, queries))
}

/// A query of a view that the request itself holds. Its index goes when the answer is made.
pub(super) async fn temporary(
    context: &NodeContext,
    database: &DatabaseName,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let Value::Object(definition) = request.documents().await? else {
        return Err(HttpError::bad_request("Request body must be a JSON object"));
    };
    let query = ViewQuery::parse(request.query().iter())?;
    let query = query.with_body(&without(&definition, &["map", "reduce", "language"]))?;
    let (definition, scope) = (Definition::Temporary(definition), context.views.temporary_scope());
    run(context, asked(context, database, scope, definition, vec![query])).await
}

async fn query(request: &mut Request) -> Result<ViewQuery, HttpError> {
    let query = ViewQuery::parse(request.query().iter())?;
    if *request.method() != Method::POST {
        return Ok(query);
    }
    match request.documents().await? {
        Value::Object(body) => Ok(query.with_body(&body)?),
        _ => Err(HttpError::bad_request("Request body must be a JSON object")),
    }
}

fn without(object: &Object, names: &[&str]) -> Object {
    let members = object.iter().filter(|(name, _)| !names.contains(&&***name));
    members.map(|(name, value)| (Arc::clone(name), value.clone())).collect()
}

fn asked(
    context: &NodeContext,
    database: &DatabaseName,
    scope: Scope,
    definition: Definition,
    queries: Vec<ViewQuery>,
) -> Asked {
    Asked {
        store: context.store.clone(),
        indexes: Arc::clone(&context.views),
        database: database.clone(),
        scope,
        definition,
        queries,
        several: false,
        known: None,
        merges: write::merges(context, database),
        stop: context.stop.clone(),
    }
}

async fn run(context: &NodeContext, asked: Asked) -> Result<Response, HttpError> {
    let answering = permit(&context.views.answering)?;
    let running = permit(&context.views.running)?;
    let (pieces, body) = feed::pieces();
    let (begin, began) = oneshot::channel();
    context.tasks.spawn_blocking(move || {
        let _answering = answering;
        asked.run(Telling::new(running, begin, pieces));
    });
    match began.await {
        Ok(Ok(Began::Known { tag })) => Ok(answer::not_modified(&tag)),
        Ok(Ok(Began::Rows { tag })) => Ok(answer::header(answer::stream(body), header::ETAG, &tag)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Panicked.into()),
    }
}

fn permit(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, HttpError> {
    let permit = Arc::clone(of).try_acquire_owned();
    permit.map_err(|_| HttpError::overloaded("this node answers as many views as it may; try again later"))
}
