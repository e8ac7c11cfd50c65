//! `/{db}/_all_docs`: documents in the order of their ids.

use axum::http::Method;
use axum::response::Response;
use rejoin_document::{DatabaseName, DocumentId};
use rejoin_store::{Found, ListRange, ReadError};
use serde_json::{Map, Value as Json};

use super::answer::{self, quoted};
use super::body::{BATCH_BYTES_MAX, Request};
use super::error::HttpError;
use super::feed::{self, Broken, Pieces};
use super::outgoing::Outgoing;
use super::query::Query;
use super::room::Room;
use super::write;
use crate::node::{NodeContext, long_read};

/// Documents that are read at once.
const PAGE: usize = 256;

/// Ids that one request names at most.
const KEYS_MAX: usize = 100_000;

/// Documents before the first row that are counted, fewer if they are large: they are read for it.
const COUNTED_MAX: usize = 1000;

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
    let mut query = request.query().clone();
    let mut keys = query.json("keys")?;
    if *request.method() == Method::POST {
        let mut body = body(&request.json(BATCH_BYTES_MAX).await?)?;
        // By far the longest member is not made a text again.
        keys = body.remove("keys").or(keys);
        query = query.with_body(body)?;
    }
    let listing = Listing::new(context, database, &query)?;
    match keys {
        Some(keys) => listing.of_keys(&keys),
        None => Ok(feed::answer(context, |pieces| listing.run(pieces))),
    }
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
        let before = self.before()?;
        let offset = before.map(|before| before.saturating_add(self.skip).min(self.total));
        pieces.add(&self.head(offset)).await?;
        let (mut after, mut rows): (Option<DocumentId>, u64) = (None, 0);
        while rows < self.limit {
            let read = || {
                self.context
                    .store
                    .list(&self.database, &self.range, after.as_ref(), PAGE)
            };
            let page = long_read(read).map_err(|error| self.broken(&error))?;
            for found in &page.items {
                if self.skip > 0 {
                    self.skip -= 1;
                    continue;
                }
                if rows >= self.limit {
                    break;
                }
                if rows > 0 {
                    pieces.add(answer::BETWEEN_ROWS).await?;
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
        pieces.add(answer::end_of_rows(rows > 0)).await?;
        Ok(pieces)
    }

    /// The documents before the first one of the range, in its direction. `None`: too many to count them.
    fn before(&self) -> Result<Option<u64>, Broken> {
        let bound = match self.range.descending {
            true => &self.range.end,
            false => &self.range.start,
        };
        if bound.is_empty() {
            return Ok(Some(0));
        }
        let (start, end) = match self.range.descending {
            true => (bound.clone(), String::new()),
            false => (String::new(), bound.clone()),
        };
        let range = ListRange {
            start,
            end,
            ..ListRange::default()
        };
        let store = &self.context.store;
        let page = long_read(|| store.list(&self.database, &range, None, COUNTED_MAX));
        let page = page.map_err(|error| self.broken(&error))?;
        Ok(page.next.is_none().then_some(page.items.len() as u64))
    }

    fn broken(&self, error: &ReadError) -> Broken {
        tracing::warn!(%error, database = %self.database, "a listing broke off");
        Broken
    }

    fn head(&self, offset: Option<u64>) -> String {
        let offset = offset.map_or("null".to_owned(), |offset| offset.to_string());
        format!("{{\"total_rows\":{},\"offset\":{offset},\"rows\":[\r\n", self.total)
    }

    fn row(&self, found: &Found) -> String {
        let (id, shown) = (found.id.as_str(), &found.shown);
        let name = quoted(id);
        let deleted = if shown.deleted { ",\"deleted\":true" } else { "" };
        let document = match (self.include_docs, shown.deleted) {
            (false, _) => String::new(),
            (true, true) => ",\"doc\":null".to_owned(),
            (true, false) => {
                let document = Outgoing::new(id, &shown.revision, &shown.body);
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
        let mut room = Room::new(&self.context);
        room.add(&self.head(None))?;
        let (skip, limit) = (count(self.skip), count(self.limit));
        let forward = keys.iter();
        let in_order: Box<dyn Iterator<Item = &Json>> = match self.range.descending {
            true => Box::new(forward.rev()),
            false => Box::new(forward),
        };
        let mut separator = "";
        for key in in_order.skip(skip).take(limit) {
            room.add(separator)?;
            separator = answer::BETWEEN_ROWS;
            room.add(&self.of_key(key)?)?;
        }
        room.add(answer::end_of_rows(!separator.is_empty()))?;
        Ok(answer::stream(room.into_body()))
    }

    fn of_key(&self, key: &Json) -> Result<String, HttpError> {
        let id = key.as_str().and_then(|text| text.parse::<DocumentId>().ok());
        let found = match &id {
            Some(id) => long_read(|| self.context.store.get(&self.database, id))?,
            None => None,
        };
        Ok(match found {
            Some(found) => self.row(&found),
            None => format!("{{\"key\":{key},\"error\":\"not_found\"}}"),
        })
    }
}

fn count(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
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
