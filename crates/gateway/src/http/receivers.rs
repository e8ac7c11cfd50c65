//! `POST /api/receivers/{db}/entities`: entities into a database, as Sesam's pipes take them. Each replaces the one with its `_id`.

use axum::http::StatusCode;
use axum::response::Response;
use rejoin_document::{DocumentId, Granularity, Value};
use rejoin_store::{Action, CommitError, Conditions, Operation, Outcome, WriteRequest};

use super::answer;
use super::body::Request;
use super::error::{self, HttpError};
use super::incoming::{Dialect, Incoming};
use super::{database, write};
use crate::node::NodeContext;

/// Entities of one request at most.
const ENTITIES_MAX: usize = 10_000;

/// Entities that are handed to the pipeline together.
const TOGETHER: usize = 500;

pub(super) async fn post(context: &NodeContext, name: &str, request: &mut Request) -> Result<Response, HttpError> {
    let entities = match request.documents().await? {
        Value::Array(entities) => entities,
        entity @ Value::Object(_) => vec![entity],
        _ => return Err(HttpError::bad_request("the body is a JSON array of entities")),
    };
    if entities.len() > ENTITIES_MAX {
        let found = entities.len();
        return Err(HttpError::too_large(format!(
            "a request has at most {ENTITIES_MAX} entities, this one has {found}; send several"
        )));
    }
    if let Err(missing) = database::name(context, name) {
        if missing.status != StatusCode::NOT_FOUND {
            return Err(missing);
        }
        database::create(context, &request.principal()?, name, Granularity::Field).await?;
    }
    let database = database::name(context, name)?;
    // All are read before the first one is written.
    let mut writes = Vec::with_capacity(entities.len());
    for (place, entity) in (1..).zip(entities) {
        let refused = |error: HttpError| HttpError {
            reason: format!("entity {place}: {}", error.reason),
            ..error
        };
        let entity = Incoming::of(entity, &context.limits(), Dialect::Sesam).map_err(refused)?;
        let id = entity.id.as_deref();
        let id = id.ok_or_else(|| refused(HttpError::bad_request("an entity needs an _id")))?;
        let id: DocumentId = id.parse().map_err(|problem| refused(error::id(problem)))?;
        writes.push(Operation::Write(WriteRequest {
            database: database.clone(),
            id,
            action: match entity.content() {
                Some(body) => Action::Update { body },
                None => Action::Delete,
            },
            conditions: Conditions::default(),
            request: None,
        }));
    }
    let stored = store(context, writes).await?;
    Ok(answer::text(
        StatusCode::OK,
        format!("{{\"ok\":true,\"entities\":{stored}}}\n"),
    ))
}

/// Stores entities, and counts them; what is to be deleted and is absent does not count.
///
/// # Errors
///
/// One of them is refused: others may be stored, and all can be sent again.
async fn store(context: &NodeContext, mut writes: Vec<Operation>) -> Result<u64, HttpError> {
    let (mut stored, mut place) = (0u64, 0u64);
    while !writes.is_empty() {
        let rest = writes.split_off(writes.len().min(TOGETHER));
        let mut refused = None;
        for outcome in context.commits.submit_all(std::mem::replace(&mut writes, rest)).await {
            place += 1;
            let error = match outcome {
                Ok(Outcome::Written(_)) => {
                    stored += 1;
                    continue;
                }
                // It is deleted, as it should be.
                Err(CommitError::DocumentNotFound { .. }) => continue,
                Ok(_) => write::stopped(),
                Err(error) => error.into(),
            };
            refused.get_or_insert((place, error));
        }
        if let Some((place, error)) = refused {
            // Each replaces what is there, so all of them can be sent again.
            return Err(HttpError {
                reason: format!(
                    "entity {place}: {}; {stored} entities are stored, send all of them again",
                    error.reason
                ),
                ..error
            });
        }
    }
    Ok(stored)
}
