//! `/{db}/_local_docs`: the documents that stay at this node, in the order of their ids.

use axum::http::Method;
use axum::response::Response;
use rejoin_document::DatabaseName;
use serde_json::Value as Json;

use super::answer::{self, quoted};
use super::body::{BATCH_BYTES_MAX, Request};
use super::error::HttpError;
use super::query::Query;
use super::room::Room;
use crate::node::{NodeContext, long_read};

/// What such ids begin with where they are told.
const PREFIX: &str = "_local/";

/// Documents that are read at once.
const PAGE: usize = 256;

pub(super) async fn answer(
    context: &NodeContext,
    database: &DatabaseName,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let mut query = request.query().clone();
    if *request.method() == Method::POST {
        let text = request.json(BATCH_BYTES_MAX).await?;
        if !text.is_empty() {
            let malformed = |_| HttpError::bad_request("Request body must be a JSON object");
            query = query.with_body(serde_json::from_slice(&text).map_err(malformed)?)?;
        }
    }
    let include_docs = query.flag("include_docs")?;
    let mut room = Room::new(context);
    room.add("{\"total_rows\":null,\"offset\":null,\"rows\":[\r\n")?;
    let mut any = false;
    let ids = ids(context, database, &query)?;
    for id in ids {
        let row = long_read(|| row(context, database, &id, include_docs))?;
        let Some(row) = row else { continue };
        room.add(if any { answer::BETWEEN_ROWS } else { "" })?;
        any = true;
        room.add(&row)?;
    }
    room.add(answer::end_of_rows(any))?;
    Ok(answer::stream(room.into_body()))
}

/// The ids that are asked for, without what they begin with.
fn ids(context: &NodeContext, database: &DatabaseName, query: &Query) -> Result<Vec<String>, HttpError> {
    let text = |name: &str| -> Result<Option<String>, HttpError> {
        match query.json(name)? {
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(HttpError::query(format!("{name} is an id, in quotes"))),
            None => Ok(None),
        }
    };
    if let Some(Json::Array(keys)) = query.json("keys")? {
        let keys = keys.iter().filter_map(|key| key.as_str()?.strip_prefix(PREFIX));
        return Ok(keys.map(str::to_owned).collect());
    }
    let one = text("key")?;
    let start = one.clone().or(text("startkey")?).or(text("start_key")?);
    let end = one.or(text("endkey")?).or(text("end_key")?);
    let descending = query.flag("descending")?;
    let inclusive = query.flag_or("inclusive_end", true)?;
    let (low, high) = if descending { (&end, &start) } else { (&start, &end) };
    let mut ids: Vec<String> = Vec::new();
    let mut after = String::new();
    loop {
        let page = long_read(|| context.store.locals(database, &after, PAGE))?;
        let Some(last) = page.last().cloned() else { break };
        // What begins with a NUL is the node's own.
        ids.extend(page.into_iter().filter(|id| {
            let name = format!("{PREFIX}{id}");
            !id.starts_with('\0')
                && low.as_ref().is_none_or(|low| name >= *low)
                && high.as_ref().is_none_or(|high| name <= *high)
                && (inclusive || end.as_ref() != Some(&name))
        }));
        after = last;
    }
    if descending {
        ids.reverse();
    }
    let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
    let (skip, limit) = (
        query.number("skip")?.unwrap_or(0),
        query.number("limit")?.unwrap_or(u64::MAX),
    );
    Ok(ids.into_iter().skip(count(skip)).take(count(limit)).collect())
}

fn row(
    context: &NodeContext,
    database: &DatabaseName,
    id: &str,
    include_docs: bool,
) -> Result<Option<String>, HttpError> {
    let Some((count, body)) = context.store.local(database, id)? else {
        return Ok(None);
    };
    let name = quoted(&format!("{PREFIX}{id}"));
    let document = match include_docs {
        false => String::new(),
        true => {
            let json = body.to_json();
            let comma = if body.is_empty() { "" } else { "," };
            let members = &json[1..json.len() - 1];
            format!(",\"doc\":{{\"_id\":{name},\"_rev\":\"0-{count}\"{comma}{members}}}")
        }
    };
    Ok(Some(format!(
        "{{\"id\":{name},\"key\":{name},\"value\":{{\"rev\":\"0-{count}\"}}{document}}}"
    )))
}
