//! `/{db}/_all_docs` and `/{db}/_design_docs`: documents in the order of their ids; `queries` of them answers several questions at once.

use axum::http::{Method, header};
use axum::response::Response;
use rejoin_document::DatabaseName;
use serde_json::{Map, Value as Json};

use super::answer;
use super::body::{BATCH_BYTES_MAX, Request};
use super::error::HttpError;
use super::feed;
use super::listing::{self, Kind, Listing};
use super::query::Query;
use super::room::Room;
use crate::node::NodeContext;

/// Questions of one request at most.
pub(super) const QUERIES_MAX: usize = 100;

pub(super) async fn answer(
    context: &NodeContext,
    database: &DatabaseName,
    kind: Kind,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let mut query = request.query().clone();
    let mut keys = query.json("keys")?;
    if *request.method() == Method::POST {
        let mut body = body(&request.json(BATCH_BYTES_MAX).await?)?;
        // By far the longest member is not made a text again.
        keys = body.remove("keys").or(keys);
        query = query.with_body(body)?;
    }
    let tag = tag(context, database, kind, &query);
    if *request.method() != Method::POST && answer::is_known(request.headers(), &tag) {
        return Ok(answer::not_modified(&tag));
    }
    let mut listing = Listing::new(context, database, kind, &query, keys)?;
    let response = match listing.names_ids() {
        true => of_keys(context, &listing)?,
        false => feed::answer(context, async move |mut pieces| {
            listing.run(&mut pieces).await?;
            pieces.add("\n").await?;
            Ok(pieces)
        }),
    };
    Ok(answer::header(response, header::ETAG, &tag))
}

/// `/{db}/_all_docs/queries`: several lists, one after the other.
pub(super) async fn queries(
    context: &NodeContext,
    database: &DatabaseName,
    kind: Kind,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let text = request.json(BATCH_BYTES_MAX).await?;
    let mut listings = Vec::new();
    for mut asked in asked(body(&text)?)? {
        let keys = asked.remove("keys");
        let query = request.query().clone().with_body(asked)?;
        listings.push(Listing::new(context, database, kind, &query, keys)?);
    }
    Ok(feed::answer(context, async move |mut pieces| {
        pieces.add("{\"results\":[\n").await?;
        for (place, mut listing) in listings.into_iter().enumerate() {
            pieces.add(if place > 0 { ",\n" } else { "" }).await?;
            listing.run(&mut pieces).await?;
        }
        pieces.add("\n]}\n").await?;
        Ok(pieces)
    }))
}

/// The questions that a body holds.
fn asked(mut body: Map<String, Json>) -> Result<Vec<Map<String, Json>>, HttpError> {
    let missing = || HttpError::bad_request("POST body must include `queries` parameter.");
    let Some(Json::Array(queries)) = body.remove("queries") else {
        return Err(missing());
    };
    if queries.len() > QUERIES_MAX {
        return Err(HttpError::too_large(format!(
            "a request has at most {QUERIES_MAX} queries"
        )));
    }
    let objects = queries.into_iter().map(|query| match query {
        Json::Object(query) => Ok(query),
        _ => Err(HttpError::bad_request("`queries` is an array of JSON objects")),
    });
    objects.collect()
}

/// The members of a body; one that says nothing is as good as none.
fn body(text: &[u8]) -> Result<Map<String, Json>, HttpError> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(text) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(_) => Err(HttpError::bad_request("Request body must be a JSON object")),
        Err(_) => Err(HttpError::bad_request("invalid UTF-8 JSON")),
    }
}

/// Stands for a question and the state of the database when it is asked. What is read later may be newer than the tag says, never older.
fn tag(context: &NodeContext, database: &DatabaseName, kind: Kind, query: &Query) -> String {
    let asked: Vec<_> = query.iter().collect();
    answer::tag(&format!(
        "{database} {} {kind:?} {asked:?}",
        listing::sequence(context, database)
    ))
}

/// The documents of some ids; what is found is an answer as a whole.
fn of_keys(context: &NodeContext, listing: &Listing) -> Result<Response, HttpError> {
    let mut room = Room::new(context);
    room.add(&listing.head(None))?;
    let mut any = false;
    for row in listing.rows_of_keys() {
        room.add(if any { answer::BETWEEN_ROWS } else { "" })?;
        any = true;
        room.add(&row?)?;
    }
    room.add(answer::end_of_rows(any))?;
    Ok(answer::stream(room.into_body()))
}
