//! `/{db}`: creating, describing and deleting a database; a document without an id.

use std::sync::Arc;

use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use rejoin_document::{DatabaseName, Granularity};
use rejoin_store::{DatabaseDefinition, DatabaseSettings, Operation, Outcome};

use super::answer;
use super::body::Request;
use super::error::HttpError;
use super::incoming::{Dialect, Incoming};
use super::{document, info, write};
use crate::access::{Principal, Role, Scope};
use crate::node::NodeContext;

/// The database that a path names.
///
/// # Errors
///
/// It is no name, or there is no such database.
pub(super) fn name(context: &NodeContext, text: &str) -> Result<DatabaseName, HttpError> {
    let name = parse(context, text)?;
    let current = context.store.current(&name);
    match context.store.is_readable(&current) {
        true => Ok(current),
        false => Err(HttpError::no_database()),
    }
}

/// Creates a database for `who`, unless it is there.
///
/// # Errors
///
/// He may not, it is no name, or is there with another granularity.
pub(super) async fn create(
    context: &NodeContext,
    who: &Principal,
    text: &str,
    granularity: Granularity,
) -> Result<bool, HttpError> {
    who.may(Role::Admin, Scope::Node)?;
    let definition = DatabaseDefinition {
        name: text.parse().map_err(|_| illegal(text))?,
        granularity,
        rules: Arc::default(),
        settings: DatabaseSettings::default(),
    };
    match context.commits.submit(Operation::CreateDatabase(definition)).await? {
        Outcome::Database { created } => Ok(created),
        _ => Err(write::stopped()),
    }
}

pub(super) async fn answer(context: &NodeContext, text: &str, request: &mut Request) -> Result<Response, HttpError> {
    match *request.method() {
        Method::PUT => put(context, text, request).await,
        Method::GET | Method::HEAD => info(context, &name(context, text)?),
        Method::DELETE => delete(context, &name(context, text)?).await,
        Method::POST => post(context, &name(context, text)?, request).await,
        _ => Err(HttpError::method("DELETE,GET,HEAD,POST,PUT")),
    }
}

async fn put(context: &NodeContext, text: &str, request: &mut Request) -> Result<Response, HttpError> {
    let granularity = match request.query().text("granularity") {
        None => context.settings.now().http.granularity,
        Some(text) => text
            .parse()
            .map_err(|_| HttpError::query("granularity is `document` or `field`"))?,
    };
    parse(context, text)?;
    if !create(context, &request.principal()?, text, granularity).await? {
        return Err(HttpError::new(
            StatusCode::PRECONDITION_FAILED,
            "file_exists",
            "The database could not be created, the file already exists.",
        ));
    }
    let created = answer::text(StatusCode::CREATED, "{\"ok\":true}\n".to_owned());
    Ok(answer::header(created, header::LOCATION, &format!("/{text}")))
}

fn info(context: &NodeContext, database: &DatabaseName) -> Result<Response, HttpError> {
    Ok(answer::text(
        StatusCode::OK,
        format!("{}\n", info::of(context, database)?),
    ))
}

async fn delete(context: &NodeContext, database: &DatabaseName) -> Result<Response, HttpError> {
    let operation = Operation::DeleteDatabase {
        database: database.clone(),
    };
    context.commits.submit(operation).await?;
    Ok(answer::text(StatusCode::OK, "{\"ok\":true}\n".to_owned()))
}

/// A document that gets an id here, unless it brings one.
async fn post(context: &NodeContext, database: &DatabaseName, request: &mut Request) -> Result<Response, HttpError> {
    let text = request.json(write::document_bytes_max(context)).await?;
    let incoming = Incoming::read(&text, &context.limits(), Dialect::of(context, database))?;
    let id = incoming.id.clone().unwrap_or_else(write::new_id);
    let stored = document::store(context, database, &id, incoming, true).await?;
    let stored = document::batched(stored, request.query(), &id)?;
    Ok(answer::header(
        stored,
        header::LOCATION,
        &format!("/{}/{id}", database.base()),
    ))
}

/// A name with capitals is one only where a type of JSON:API has it.
///
/// # Errors
///
/// It is no name.
pub(super) fn parse(context: &NodeContext, text: &str) -> Result<DatabaseName, HttpError> {
    let name: DatabaseName = text.parse().map_err(|_| illegal(text))?;
    let exists = || context.store.is_readable(&context.store.current(&name));
    match name.has_capitals() && !exists() {
        true => Err(illegal(text)),
        false => Ok(name),
    }
}

fn illegal(text: &str) -> HttpError {
    let reason = format!(
        "Name: '{text}'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. \
             Must begin with a letter."
    );
    HttpError::new(StatusCode::BAD_REQUEST, "illegal_database_name", reason)
}
