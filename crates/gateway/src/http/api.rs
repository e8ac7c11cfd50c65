//! `/api/{type}/…`: documents as resources of JSON:API, whose `CheckSum` says what a client has read.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use rejoin_document::{
    Checksum, DatabaseName, DocumentId, Granularity, Limits, Object, Patch, Value, parse_stored_value,
};
use rejoin_store::{Action, Conditions, Operation, WriteRequest};
use serde_json::{Value as Json, json};

use super::answer::{self, quoted};
use super::body::Request;
use super::error::{self, HttpError};
use super::query::Query;
use super::room::Room;
use super::{database, write};
use crate::node::NodeContext;

/// The attribute that is derived from all others.
const CHECKSUM: &str = "CheckSum";

/// A resource that was sent.
struct Resource {
    id: Option<String>,
    checksum: Option<Checksum>,
    attributes: Vec<(Arc<str>, Value)>,
}

/// `/api/{type}/{id}`.
pub(super) async fn one(
    context: &NodeContext,
    kind: &str,
    id: &str,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let answered = match *request.method() {
        Method::GET | Method::HEAD => read(context, kind, id, request.query()),
        Method::PATCH => patch(context, kind, id, request).await,
        Method::DELETE => delete(context, kind, id, request.query()).await,
        _ => Err(HttpError::method("DELETE,GET,HEAD,PATCH")),
    };
    Ok(answered.unwrap_or_else(|error| refused(&error)))
}

/// `POST /api/{type}`: creates a resource, and its database if there is none.
pub(super) async fn create(context: &NodeContext, kind: &str, request: &mut Request) -> Result<Response, HttpError> {
    Ok(try_create(context, kind, request)
        .await
        .unwrap_or_else(|error| refused(&error)))
}

async fn try_create(context: &NodeContext, kind: &str, request: &mut Request) -> Result<Response, HttpError> {
    let text = request.json(write::document_bytes_max(context)).await?;
    let resource = Resource::read(&text, kind)?;
    if database::name(context, kind).is_err() {
        database::create(context, &request.principal()?, kind, Granularity::Field).await?;
    }
    let database = database::name(context, kind)?;
    let text = resource.id.unwrap_or_else(write::new_id);
    let id: DocumentId = text.parse().map_err(error::id)?;
    let body: Object = resource.attributes.into_iter().collect();
    let body = rejoin_document::parse_body(body.to_json().as_bytes(), &context.limits())?;
    let body = Arc::new(body);
    let action = Action::Create {
        body: Arc::clone(&body),
    };
    let written = write::submit(context, write_of(&database, &id, action, None)).await?;
    let shown = (&*body, written.checksum);
    let created = told(kind, id.as_str(), shown, &Query::default());
    let created = echo(context, StatusCode::CREATED, &created);
    Ok(answer::header(created, header::LOCATION, &format!("/api/{kind}/{id}/")))
}

async fn patch(context: &NodeContext, kind: &str, text: &str, request: &mut Request) -> Result<Response, HttpError> {
    let sent = request.json(write::document_bytes_max(context)).await?;
    let resource = Resource::read(&sent, kind)?;
    if resource.id.as_ref().is_some_and(|id| id != text) {
        let reason = "the id in `data` is not that of the address";
        return Err(HttpError::new(StatusCode::CONFLICT, "conflict", reason));
    }
    let (database, id) = (existing(context, kind)?, text.parse().map_err(error::id)?);
    let checksum = resource.checksum;
    let action = Action::Patch {
        patch: Arc::new(resource.into_patch(&context.limits())?),
        create: false,
    };
    let written = write::submit(context, write_of(&database, &id, action, checksum)).await?;
    // What the write made, whatever somebody has made of it since.
    let made = context.store.base(&database, &id, &written.revision);
    match made.ok().flatten().and_then(|made| made.body) {
        Some(body) => {
            let told = told(kind, text, (&body, written.checksum), request.query());
            Ok(echo(context, StatusCode::OK, &told))
        }
        None => Ok(answer::json_api(StatusCode::NO_CONTENT, Body::empty())),
    }
}

/// What was written. It is written whatever room there is: without any the answer says no more than that.
fn echo(context: &NodeContext, status: StatusCode, told: &str) -> Response {
    let mut room = Room::new(context);
    match room.add(told) {
        Ok(()) => answer::json_api(status, room.into_body()),
        Err(_) => answer::json_api(StatusCode::NO_CONTENT, Body::empty()),
    }
}

/// A resource has no body here, so the CheckSum comes as a parameter.
async fn delete(context: &NodeContext, kind: &str, text: &str, query: &Query) -> Result<Response, HttpError> {
    let (database, id) = (existing(context, kind)?, text.parse().map_err(error::id)?);
    let read = query.text(CHECKSUM).map(checksum).transpose()?;
    context
        .commits
        .submit(Operation::Write(write_of(&database, &id, Action::Delete, read)))
        .await?;
    Ok(answer::json_api(StatusCode::NO_CONTENT, Body::empty()))
}

/// The database of a type; without one there is no resource of that type.
fn existing(context: &NodeContext, kind: &str) -> Result<DatabaseName, HttpError> {
    database::name(context, kind).map_err(|_| HttpError::missing())
}

fn write_of(database: &DatabaseName, id: &DocumentId, action: Action, checksum: Option<Checksum>) -> WriteRequest {
    WriteRequest {
        database: database.clone(),
        id: id.clone(),
        action,
        conditions: Conditions {
            checksum,
            ..Conditions::default()
        },
        request: None,
    }
}

fn read(context: &NodeContext, kind: &str, text: &str, query: &Query) -> Result<Response, HttpError> {
    let (database, id): (_, DocumentId) = (existing(context, kind)?, text.parse().map_err(error::id)?);
    let found = context.store.get(&database, &id)?.filter(|found| !found.shown.deleted);
    let shown = found.ok_or_else(HttpError::missing)?.shown;
    let mut room = Room::new(context);
    room.add(&told(kind, text, (&shown.body, shown.checksum()), query))?;
    Ok(answer::json_api(StatusCode::OK, room.into_body()))
}

fn told(kind: &str, id: &str, (body, checksum): (&Object, Checksum), query: &Query) -> String {
    let fields = query.text(&format!("fields[{kind}]"));
    let fields: Option<Vec<&str>> = fields.map(|fields| fields.split(',').map(str::trim).collect());
    let wanted = |name: &str| fields.as_ref().is_none_or(|fields| fields.contains(&name));
    let mut attributes: Vec<_> = body
        .iter()
        .filter(|(name, _)| wanted(name) && &***name != CHECKSUM)
        .map(|(name, value)| format!("{}:{}", quoted(name), value.to_json()))
        .collect();
    if wanted(CHECKSUM) {
        attributes.push(format!("\"{CHECKSUM}\":{checksum}"));
    }
    // Nothing is known of relationships, so nothing is included.
    let included = match query.text("include") {
        Some(_) => ",\"included\":[]",
        None => "",
    };
    let link = quoted(&format!("/api/{kind}/{id}/"));
    format!(
        "{{\"data\":{{\"attributes\":{{{}}},\"id\":{},\"links\":{{\"self\":{link}}},\"relationships\":{{}},\"type\":{}}}{included},\
         \"jsonapi\":{{\"version\":\"1.0\"}},\"links\":{{\"self\":{link}}}}}\n",
        attributes.join(","),
        quoted(id),
        quoted(kind),
    )
}

fn refused(error: &HttpError) -> Response {
    let title = match error.status {
        StatusCode::CONFLICT => "the resource is there already, or is not what was read",
        StatusCode::PRECONDITION_REQUIRED => "the CheckSum is missing",
        StatusCode::NOT_FOUND => "there is no such resource",
        _ => error.error,
    };
    let told: Json = json!({
        "errors": [{
            "status": error.status.as_str(),
            "code": error.error,
            "title": title,
            "detail": error.reason,
        }],
        "jsonapi": { "version": "1.0" },
    });
    answer::json_api(error.status, Body::from(format!("{told}\n")))
}

impl Resource {
    fn read(text: &[u8], kind: &str) -> Result<Self, HttpError> {
        let malformed =
            |what: &str| HttpError::bad_request(format!("{what}; send {{\"data\": {{\"type\", \"attributes\"}}}}"));
        let Value::Object(document) = parse_stored_value(text)? else {
            return Err(malformed("the body is no JSON object"));
        };
        let Some(Value::Object(data)) = document.get("data") else {
            return Err(malformed("`data` is missing"));
        };
        match data.get("type") {
            Some(Value::String(named)) if **named == *kind => {}
            Some(_) => {
                let reason = format!("the type in `data` is not {kind:?}, which the address names");
                return Err(HttpError::new(StatusCode::CONFLICT, "conflict", reason));
            }
            None => return Err(malformed("the `type` is missing")),
        }
        let id = match data.get("id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id.to_string()),
            Some(Value::Number(id)) => Some(id.to_text()),
            Some(_) => return Err(malformed("`id` is neither a text nor a number")),
        };
        let attributes = match data.get("attributes") {
            None => Object::new(),
            Some(Value::Object(attributes)) => attributes.clone(),
            Some(_) => return Err(malformed("`attributes` are no object")),
        };
        let checksum = match attributes.get(CHECKSUM) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(checksum(text)?),
            // Beyond 2^53 a number is exact only as its text.
            Some(Value::Number(number)) => Some(checksum(&number.to_text())?),
            Some(_) => return Err(malformed("the CheckSum is neither a number nor a text")),
        };
        let own = attributes.iter().filter(|(name, _)| &***name != CHECKSUM);
        Ok(Self {
            id,
            checksum,
            attributes: own.map(|(name, value)| (Arc::clone(name), value.clone())).collect(),
        })
    }

    /// Sets each attribute that was sent, to null as well.
    fn into_patch(self, limits: &Limits) -> Result<Patch, HttpError> {
        let operations = self.attributes.iter().map(|(name, value)| {
            let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            format!(
                "{{\"op\":\"add\",\"path\":{},\"value\":{}}}",
                quoted(&path),
                value.to_json()
            )
        });
        let text = format!("[{}]", operations.collect::<Vec<_>>().join(","));
        Patch::operations(text.as_bytes(), limits).map_err(|error| HttpError::bad_request(error.to_string()))
    }
}

fn checksum(text: &str) -> Result<Checksum, HttpError> {
    text.parse()
        .map_err(|_| HttpError::bad_request(format!("{text:?} is no CheckSum; send the one that was read")))
}
