//! `/{db}/_all_docs`: documents in the order of their ids.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId, Shown};
use rejoin_store::{Found, ListRange};
use serde_json::Value as Json;

use super::answer::{self, quoted};
use super::body::{BATCH_BYTES_MAX, Request};
use super::error::HttpError;
use super::feed::{self, Broken, Pieces};
use super::outgoing::Outgoing;
use super::query::Query;
use super::write;
use crate::node::{NodeContext, long_read};

/// Documents that are read at once.
const PAGE: usize = 256;

/// Ids that one request names at most.
const KEYS_MAX: usize = 100_000;

/// Bytes of the rows of named ids at most; others come in pieces.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What a client asks for.
struct Listing {
    context: NodeContext,
    database: DatabaseName,
    range: ListRange,
    skip: u64,
    limit: u64,
    include_docs: bool,
    updated: bool,
    total: u64,
}

pub(super) async fn answer(
    context: &NodeContext,
    database: &DatabaseName,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let mut keys = request.query().json("keys")?;
    if *request.method() == Method::POST {
        let text = request.json(BATCH_BYTES_MAX).await?;
        let body: Json = match text.is_empty() {
            true => Json::Null,
            false => serde_json::from_slice(&text).map_err(|_| HttpError::bad_request("invalid UTF-8 JSON"))?,
        };
        keys = body.get("keys").cloned().or(keys);
    }
    let listing = Listing::new(context, database, request.query())?;
    match keys {
        Some(keys) => listing.of_keys(&keys),
        None => Ok(feed::answer(context, |pieces| listing.run(pieces))),
    }
}

impl Listing {
    fn new(context: &NodeContext, database: &DatabaseName, query: &Query) -> Result<Self, HttpError> {
        let descending = query.flag("descending")?;
        let key = |names: [&str; 2]| -> Result<Option<String>, HttpError> {
            for name in names {
                match query.json(name)? {
                    Some(Json::String(text)) => return Ok(Some(text)),
                    Some(_) => return Err(HttpError::query(format!("{name} is an id, in quotes"))),
                    None => {}
                }
            }
            Ok(None)
        };
        let (mut start, mut end) = (key(["startkey", "start_key"])?, key(["endkey", "end_key"])?);
        let mut inclusive_end = query.flag_or("inclusive_end", true)?;
        if let Some(one) = key(["key", "key"])? {
            (start, end, inclusive_end) = (Some(one.clone()), Some(one), true);
        }
        Ok(Self {
            context: context.clone(),
            database: database.clone(),
            range: range(start, end, descending, inclusive_end),
            skip: query.number("skip")?.unwrap_or(0),
            limit: query.number("limit")?.unwrap_or(u64::MAX),
            include_docs: query.flag("include_docs")?,
            updated: write::merges(context, database),
            total: total(context, database),
        })
    }

    async fn run(mut self, mut pieces: Pieces) -> Result<Pieces, Broken> {
        let head = format!("{{\"total_rows\":{},\"offset\":{},\"rows\":[\n", self.total, self.skip);
        pieces.add(&head).await?;
        let (mut after, mut rows): (Option<DocumentId>, u64) = (None, 0);
        while rows < self.limit {
            let read = || {
                self.context
                    .store
                    .list(&self.database, &self.range, after.as_ref(), PAGE)
            };
            let page = long_read(read).map_err(|error| {
                tracing::warn!(%error, database = %self.database, "a listing broke off");
                Broken
            })?;
            for found in &page.items {
                if self.skip > 0 {
                    self.skip -= 1;
                    continue;
                }
                if rows >= self.limit {
                    break;
                }
                if rows > 0 {
                    pieces.add(",\n").await?;
                }
                rows += 1;
                pieces.add(&self.row(found)).await?;
            }
            match page.next {
                Some(next) if !self.context.stop.is_cancelled() => after = Some(next),
                Some(_) => return Err(Broken),
                None => break,
            }
            tokio::task::yield_now().await;
        }
        pieces.add(if rows > 0 { "\n]}\n" } else { "]}\n" }).await?;
        Ok(pieces)
    }

    fn row(&self, found: &Found) -> String {
        self.line(found.id.as_str(), &found.shown)
    }

    fn line(&self, id: &str, shown: &Shown) -> String {
        let name = quoted(id);
        let deleted = if shown.deleted { ",\"deleted\":true" } else { "" };
        let document = match (self.include_docs, shown.deleted) {
            (false, _) => String::new(),
            (true, true) => ",\"doc\":null".to_owned(),
            (true, false) => {
                let document = Outgoing::new(id, &shown.revision, Some(&shown.body));
                let document = if self.updated {
                    document.with_updated()
                } else {
                    document
                };
                format!(",\"doc\":{}", document.json())
            }
        };
        format!(
            "{{\"id\":{name},\"key\":{name},\"value\":{{\"rev\":{}{deleted}}}{document}}}",
            quoted(&shown.revision.to_string())
        )
    }

    /// The documents of some ids, in their order; of those that are not there it says so.
    fn of_keys(self, keys: &Json) -> Result<Response, HttpError> {
        let Json::Array(keys) = keys else {
            return Err(HttpError::bad_request("`keys` member must be an array."));
        };
        if keys.len() > KEYS_MAX {
            return Err(HttpError::too_large(format!("a request names at most {KEYS_MAX} ids")));
        }
        let (mut rows, mut bytes) = (Vec::with_capacity(keys.len()), 0);
        let listing = self;
        for key in keys {
            let id = key.as_str().and_then(|text| text.parse::<DocumentId>().ok());
            let found = match &id {
                Some(id) => long_read(|| listing.context.store.get(&listing.database, id))?,
                None => None,
            };
            rows.push(match (id, found) {
                (Some(id), Some(found)) => listing.line(id.as_str(), &found.shown),
                _ => format!("{{\"key\":{key},\"error\":\"not_found\"}}"),
            });
            bytes += rows.last().map_or(0, String::len);
            if bytes > ANSWER_BYTES_MAX {
                let reason = format!("these documents have more than {ANSWER_BYTES_MAX} bytes; name fewer ids at once");
                return Err(HttpError::too_large(reason));
            }
        }
        let text = format!(
            "{{\"total_rows\":{},\"rows\":[\n{}\n]}}\n",
            listing.total,
            rows.join(",\n")
        );
        Ok(answer::text(StatusCode::OK, text))
    }
}

fn total(context: &NodeContext, database: &DatabaseName) -> u64 {
    let status = context.store.status();
    let status = status.iter().find(|status| status.name == *database);
    status.map_or(0, |status| status.documents)
}

/// The range of ids from `start` to `end`, in the order in which they are asked for. An id is shorter than any that begins with it and goes on.
fn range(start: Option<String>, end: Option<String>, descending: bool, inclusive_end: bool) -> ListRange {
    let next = |text: String| format!("{text}\0");
    let (low, high) = match descending {
        false => (start, end.map(|end| if inclusive_end { next(end) } else { end })),
        true => (
            end.map(|end| if inclusive_end { end } else { next(end) }),
            start.map(next),
        ),
    };
    ListRange {
        prefix: String::new(),
        start: low.unwrap_or_default(),
        end: high.unwrap_or_default(),
        descending,
    }
}
