//! `/{db}/_design/{design}/_view/{view}` and `/{db}/_temp_view`: map/reduce views.
//!
//! An index is brought up to its database in slices before it is asked, unless the client wants it as it is. Compiling and mapping run JavaScript, so
//! few of these run at once, and none on a thread that serves others. A client that takes its answer slowly keeps only those out who come when very
//! many do the same.

use std::sync::Arc;

use axum::http::Method;
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId, Object, Value};
use rejoin_views::{Scope, ViewQuery};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::answer;
use super::body::Request;
use super::error::{self, HttpError};
use super::feed;
use super::view_answer::{Asked, Definition, Telling};
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
    let id: DocumentId = format!("_design/{name}").parse().map_err(error::id)?;
    let found = context.store.get(database, &id)?.ok_or_else(HttpError::missing)?;
    if found.shown.deleted {
        return Err(HttpError::deleted());
    }
    let definition = Definition::Stored {
        name: name.to_owned(),
        view: view.to_owned(),
        document: found.shown.body,
    };
    let scope = context.views.scope(&context.store, database)?;
    run(context, asked(context, database, scope, definition, query)).await
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
    run(context, asked(context, database, scope, definition, query)).await
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
    query: ViewQuery,
) -> Asked {
    Asked {
        store: context.store.clone(),
        indexes: Arc::clone(&context.views),
        database: database.clone(),
        scope,
        definition,
        query,
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
        Ok(Ok(())) => Ok(answer::stream(body)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Panicked.into()),
    }
}

fn permit(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, HttpError> {
    let permit = Arc::clone(of).try_acquire_owned();
    permit.map_err(|_| HttpError::overloaded("this node answers as many views as it may; try again later"))
}
