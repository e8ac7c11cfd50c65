//! `POST /{db}/_revs_diff`: which revisions a replicator need not send.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId, Revision};

use super::answer::{self, quoted};
use super::body::{BATCH_BYTES_MAX, Request};
use super::error::{self, HttpError};
use super::query;
use crate::node::{NodeContext, long_read};

/// Revisions of one request at most.
const REVISIONS_MAX: usize = 100_000;

/// What is missing of one document.
pub(super) struct Missing {
    pub(super) revisions: Vec<Revision>,
    /// Open revisions of a lower generation: what is missing may have grown from them.
    pub(super) possible_ancestors: Vec<Revision>,
}

pub(super) async fn post(
    context: &NodeContext,
    database: &DatabaseName,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let asked = asked(request).await?;
    let mut rows = Vec::new();
    for (id, revisions) in &asked {
        let revisions = revisions.iter().map(|text| query::revision(text));
        let missing = missing(context, database, id, revisions.collect::<Result<_, _>>()?)?;
        if !missing.revisions.is_empty() {
            let mut row = format!("{}:{{\"missing\":{}", quoted(id), list(&missing.revisions));
            if !missing.possible_ancestors.is_empty() {
                row.push_str(&format!(
                    ",\"possible_ancestors\":{}",
                    list(&missing.possible_ancestors)
                ));
            }
            rows.push(row + "}");
        }
    }
    Ok(answer::text(StatusCode::OK, format!("{{{}}}\n", rows.join(","))))
}

/// `POST /{db}/_missing_revs`: the same in the words of older replicators.
///
/// # Errors
///
/// As of [`post`].
pub(super) async fn post_missing(
    context: &NodeContext,
    database: &DatabaseName,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let mut rows = Vec::new();
    for (id, revisions) in &asked(request).await? {
        let revisions = revisions.iter().map(|text| query::revision(text));
        let missing = missing(context, database, id, revisions.collect::<Result<_, _>>()?)?;
        if !missing.revisions.is_empty() {
            rows.push(format!("{}:{}", quoted(id), list(&missing.revisions)));
        }
    }
    let text = format!("{{\"missing_revs\":{{{}}}}}\n", rows.join(","));
    Ok(answer::text(StatusCode::OK, text))
}

async fn asked(request: &mut Request) -> Result<BTreeMap<String, Vec<String>>, HttpError> {
    let text = request.json(BATCH_BYTES_MAX).await?;
    let asked: BTreeMap<String, Vec<String>> = serde_json::from_slice(&text)
        .map_err(|_| HttpError::bad_request("the body is a JSON object: for each id an array of revisions"))?;
    match asked.values().map(Vec::len).sum::<usize>() > REVISIONS_MAX {
        true => Err(HttpError::too_large(format!(
            "a request names at most {REVISIONS_MAX} revisions"
        ))),
        false => Ok(asked),
    }
}

/// Which of some revisions are not known here.
///
/// # Errors
///
/// The id breaks its rule, or the disk fails.
pub(super) fn missing(
    context: &NodeContext,
    database: &DatabaseName,
    id: &str,
    mut revisions: Vec<Revision>,
) -> Result<Missing, HttpError> {
    let id: DocumentId = id.parse().map_err(error::id)?;
    let Some(found) = long_read(|| context.store.opened(database, &id))? else {
        return Ok(Missing {
            revisions,
            possible_ancestors: Vec::new(),
        });
    };
    revisions.retain(|revision| !found.knows(revision));
    // So CouchDB tells them of a document that it has.
    revisions.sort();
    let highest = revisions.iter().map(|revision| revision.generation).max().unwrap_or(0);
    let open = found.leaves.iter().map(|leaf| &leaf.revision);
    let lower = open.filter(|revision| revision.generation < highest);
    Ok(Missing {
        possible_ancestors: lower.cloned().collect(),
        revisions,
    })
}

fn list(revisions: &[Revision]) -> String {
    let texts: Vec<_> = revisions.iter().map(|revision| quoted(&revision.to_string())).collect();
    format!("[{}]", texts.join(","))
}
