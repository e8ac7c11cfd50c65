//! `POST /{db}/_bulk_docs`: many documents, each for itself, in their order.

use axum::http::StatusCode;
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId, Object, Value};
use rejoin_store::{Operation, Outcome};

use super::answer::{self, quoted};
use super::body::Request;
use super::error::{self, HttpError};
use super::incoming::{Dialect, Incoming};
use super::write;
use crate::node::NodeContext;

/// Documents that are handed to the pipeline together.
const TOGETHER: usize = 500;

/// Documents of one request at most.
const DOCUMENTS_MAX: usize = 10_000;

pub(super) async fn post(
    context: &NodeContext,
    database: &DatabaseName,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let Value::Object(members) = request.documents().await? else {
        return Err(HttpError::bad_request("Request body must be a JSON object"));
    };
    let new_edits = match members.get("new_edits") {
        None | Some(Value::Bool(true)) => true,
        Some(Value::Bool(false)) => false,
        Some(_) => return Err(HttpError::bad_request("`new_edits` is true or false")),
    };
    let rows = store(context, database, documents(&members)?, new_edits).await?;
    Ok(answer::text(StatusCode::CREATED, format!("[{}]\n", rows.join(","))))
}

fn documents(members: &Object) -> Result<&[Value], HttpError> {
    let Some(Value::Array(documents)) = members.get("docs") else {
        return Err(HttpError::bad_request("POST body must include `docs` parameter."));
    };
    if documents.len() > DOCUMENTS_MAX {
        let found = documents.len();
        return Err(HttpError::too_large(format!(
            "a request has at most {DOCUMENTS_MAX} documents, this one has {found}; send several"
        )));
    }
    Ok(documents)
}

/// Stores documents, and says of each what became of it; of those that bring their own revisions only what was refused.
pub(super) async fn store(
    context: &NodeContext,
    database: &DatabaseName,
    documents: &[Value],
    new_edits: bool,
) -> Result<Vec<String>, HttpError> {
    let (dialect, mut rows) = (Dialect::of(context, database), Vec::with_capacity(documents.len()));
    for documents in documents.chunks(TOGETHER) {
        let (mut asked, mut operations) = (Vec::with_capacity(documents.len()), Vec::new());
        for document in documents {
            let (id, read) = read(context, database, document, dialect, new_edits);
            let place = read.map(|(incoming, operation)| {
                operations.push(operation);
                incoming
            });
            asked.push((id, place));
        }
        let mut outcomes = context.commits.submit_all(operations).await.into_iter();
        for (id, place) in asked {
            let outcome = match place {
                Err(error) => Err(error),
                Ok(incoming) => match outcomes.next() {
                    // Of those that bring their own revisions nothing is said.
                    Some(Ok(Outcome::Inserted(_))) => Ok(None),
                    Some(Ok(outcome)) => write::made(outcome, &incoming).map(|made| Some(made.revision)),
                    Some(Err(error)) => Err(write::refused(error)),
                    None => Err(write::stopped()),
                },
            };
            match outcome {
                Ok(None) => {}
                Ok(Some(revision)) => rows.push(format!(
                    "{{\"ok\":true,\"id\":{},\"rev\":{}}}",
                    quoted(&id),
                    quoted(&revision.to_string())
                )),
                Err(error) => rows.push(format!(
                    "{{\"id\":{},\"error\":{},\"reason\":{}}}",
                    quoted(&id),
                    quoted(error.error),
                    quoted(&error.reason)
                )),
            }
        }
    }
    Ok(rows)
}

fn read(
    context: &NodeContext,
    database: &DatabaseName,
    document: &Value,
    dialect: Dialect,
    new_edits: bool,
) -> (String, Result<(Incoming, Operation), HttpError>) {
    let incoming = match Incoming::of(document.clone(), &context.limits(), dialect) {
        Ok(incoming) => incoming,
        Err(error) => return (named(document), Err(error)),
    };
    let text = incoming.id.clone().unwrap_or_else(write::new_id);
    let operation = operation(context, database, &text, &incoming, new_edits);
    (text, operation.map(|operation| (incoming, operation)))
}

fn operation(
    context: &NodeContext,
    database: &DatabaseName,
    text: &str,
    incoming: &Incoming,
    new_edits: bool,
) -> Result<Operation, HttpError> {
    let id: DocumentId = text.parse().map_err(error::id)?;
    if new_edits {
        write::operation(context, database, &id, incoming)
    } else {
        Ok(Operation::Insert(write::insertion(database, &id, incoming)?))
    }
}

/// The id of a document that cannot be read otherwise.
fn named(document: &Value) -> String {
    let id = document.as_object().and_then(|members| members.get("_id"));
    match id {
        Some(Value::String(id)) => id.to_string(),
        _ => String::new(),
    }
}
