//! What is told of a database: `GET /{db}` and `/_dbs_info`.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use rejoin_document::{DatabaseName, Sequence};
use serde::Deserialize;
use serde_json::Value as Json;

use super::answer::{self, quoted};
use super::body::Request;
use super::database;
use super::error::HttpError;
use super::flavour::Flavour;
use super::query::Query;
use super::room::Room;
use crate::access::Principal;
use crate::node::{NodeContext, long_read};

/// Databases that one request names at most, as in CouchDB.
const KEYS_MAX: usize = 100;

/// Entries of a log that are counted for `doc_del_count`.
const COUNTED_MAX: u64 = 1_000_000;

#[derive(Deserialize)]
struct Wanted {
    keys: Option<Vec<String>>,
}

/// The answer to `GET /{db}`, without a line feed.
///
/// # Errors
///
/// There is no such database, or the disk fails.
pub(super) fn of(context: &NodeContext, database: &DatabaseName) -> Result<String, HttpError> {
    let store = &context.store;
    let status = store.status();
    let status = status.iter().find(|status| status.name == *database);
    let status = status.ok_or_else(HttpError::no_database)?;
    let definition = store.definition(database).ok_or_else(HttpError::no_database)?;
    let counted = long_read(|| store.changes_after(database, Sequence(0), COUNTED_MAX))?;
    let deleted = counted.saturating_sub(status.documents + status.quarantined);
    let bytes = long_read(|| store.bytes_on_disk())?;
    let compacting = context.compacting.available_permits() == 0;
    Ok(format!(
        "{{\"instance_start_time\":\"0\",\"db_name\":{},\"purge_seq\":\"0\",\"update_seq\":{},\
         \"sizes\":{{\"file\":{bytes},\"external\":0,\"active\":{bytes}}},\"props\":{{}},\"doc_del_count\":{deleted},\
         \"doc_count\":{},\"disk_format_version\":8,\"compact_running\":{compacting},\
         \"cluster\":{{\"q\":1,\"n\":1,\"w\":1,\"r\":1}},\"granularity\":\"{}\"}}",
        quoted(database.base().as_str()),
        Flavour::of(database, store.position(database).incarnation).sequence(status.sequence),
        status.documents,
        definition.granularity,
    ))
}

/// `/_dbs_info`: what is told of several databases.
pub(super) async fn several(context: &NodeContext, request: &mut Request) -> Result<Response, HttpError> {
    let who = request.principal()?;
    let names = match *request.method() {
        Method::POST => {
            let text = request.json(1 << 20).await?;
            let malformed = |_| HttpError::bad_request("Request body must be a JSON object whose `keys` are names");
            let wanted: Wanted = serde_json::from_slice(&text).map_err(malformed)?;
            let keys = wanted
                .keys
                .ok_or_else(|| HttpError::bad_request("`keys` member must exist."))?;
            if keys.len() > KEYS_MAX {
                return Err(HttpError::bad_request("too_many_keys"));
            }
            keys
        }
        Method::GET | Method::HEAD => names(context, &who, request.query())?,
        _ => return Err(HttpError::method("GET,HEAD,POST")),
    };
    let mut room = Room::new(context);
    room.add("[")?;
    for (place, name) in names.iter().enumerate() {
        let readable = || who.may_read(name).then_some(()).ok_or_else(HttpError::no_database);
        let found = readable().and_then(|()| of(context, &database::name(context, name)?));
        let separator = if place > 0 { "," } else { "" };
        let told = match found {
            Ok(info) => format!("\"info\":{info}"),
            Err(error) if error.status.is_server_error() => return Err(error),
            Err(_) => "\"error\":\"not_found\"".to_owned(),
        };
        room.add(&format!("{separator}{{\"key\":{},{told}}}", quoted(name)))?;
    }
    room.add("]\n")?;
    Ok(answer::bounded(StatusCode::OK, room.into_body()))
}

/// The names of the databases in a range that a user may read.
///
/// # Errors
///
/// The range cannot be read.
pub(super) fn names(context: &NodeContext, who: &Principal, query: &Query) -> Result<Vec<String>, HttpError> {
    let bound = |names: [&str; 2]| -> Result<Option<String>, HttpError> {
        for name in names {
            match query.json(name)? {
                Some(Json::String(text)) => return Ok(Some(text)),
                Some(_) => return Err(HttpError::query(format!("{name} is a name, in quotes"))),
                None => {}
            }
        }
        Ok(None)
    };
    let (start, end) = (bound(["startkey", "start_key"])?, bound(["endkey", "end_key"])?);
    let descending = query.flag("descending")?;
    let (low, high) = if descending { (end, start) } else { (start, end) };
    let inclusive = query.flag_or("inclusive_end", true)?;
    let last = if descending { low.clone() } else { high.clone() };
    let visible = context.store.visible();
    let names = visible.iter().map(|database| database.shown_as.clone());
    let mut names: Vec<String> = names
        .filter(|name| low.as_ref().is_none_or(|low| name >= low) && high.as_ref().is_none_or(|high| name <= high))
        .filter(|name| who.may_read(name))
        .filter(|name| inclusive || last.as_ref() != Some(name))
        .collect();
    names.sort();
    if descending {
        names.reverse();
    }
    let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
    let (skip, limit) = (
        query.number("skip")?.unwrap_or(0),
        query.number("limit")?.unwrap_or(u64::MAX),
    );
    Ok(names.into_iter().skip(count(skip)).take(count(limit)).collect())
}
