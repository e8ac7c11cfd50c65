//! One list of documents in the order of their ids, as a client asks for it, row by row.

use rejoin_document::{DatabaseName, DocumentId};
use rejoin_store::{Found, ListRange, ReadError};
use serde_json::Value as Json;

use super::answer::{self, quoted};
use super::error::HttpError;
use super::feed::{Broken, Pieces};
use super::flavour::Flavour;
use super::outgoing::Outgoing;
use super::query::Query;
use super::write;
use crate::node::{NodeContext, long_read};

/// Documents that are read at once.
const PAGE: usize = 256;

/// Ids that one request names at most.
const KEYS_MAX: usize = 100_000;

/// Documents before the first row that are counted, fewer if they are large: they are read for it.
const COUNTED_MAX: usize = 1000;

/// What the ids of design documents begin with.
const DESIGNS: &str = "_design/";

/// Which documents are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All of them.
    All,
    /// Design documents.
    Designs,
}

/// What a client asks for.
pub(super) struct Listing {
    context: NodeContext,
    database: DatabaseName,
    range: ListRange,
    skip: u64,
    limit: u64,
    include_docs: bool,
    conflicts: bool,
    updated: bool,
    total: u64,
    /// As JSON, where the client wants it.
    sequence: Option<String>,
    keys: Option<Vec<Json>>,
}

impl Listing {
    /// # Errors
    ///
    /// A parameter says nothing that could be meant, or too many ids are named.
    pub(super) fn new(
        context: &NodeContext,
        database: &DatabaseName,
        kind: Kind,
        query: &Query,
        keys: Option<Json>,
    ) -> Result<Self, HttpError> {
        let descending = query.flag("descending")?;
        let (mut start, mut end) = (
            key(query, ["startkey", "start_key"])?,
            key(query, ["endkey", "end_key"])?,
        );
        let mut inclusive_end = query.flag_or("inclusive_end", true)?;
        if let Some(one) = key(query, ["key", "key"])? {
            (start, end, inclusive_end) = (Some(one.clone()), Some(one), true);
        }
        let mut range = range(start, end, descending, inclusive_end);
        if kind == Kind::Designs {
            range.prefix = DESIGNS.to_owned();
        }
        let sequence = match query.flag("update_seq")? {
            true => Some(sequence(context, database)),
            false => None,
        };
        Ok(Self {
            context: context.clone(),
            database: database.clone(),
            total: total(context, database, kind)?,
            range,
            skip: query.number("skip")?.unwrap_or(0),
            limit: query.number("limit")?.unwrap_or(u64::MAX),
            include_docs: query.flag("include_docs")?,
            conflicts: query.flag("conflicts")?,
            updated: write::merges(context, database),
            sequence,
            keys: keys.map(checked).transpose()?,
        })
    }

    /// Whether ids are named.
    pub(super) fn names_ids(&self) -> bool {
        self.keys.is_some()
    }

    /// Writes the whole list, without a line feed at its end.
    pub(super) async fn run(&mut self, pieces: &mut Pieces) -> Result<(), Broken> {
        if self.keys.is_some() {
            return self.run_keys(pieces).await;
        }
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
                pieces.add(&self.row(found).map_err(|_| Broken)?).await?;
            }
            match page.next {
                Some(next) if !self.context.stop.is_cancelled() => after = Some(next),
                Some(_) => return Err(Broken),
                None => break,
            }
            tokio::task::yield_now().await;
        }
        pieces.add(answer::end_of_rows(rows > 0).trim_end_matches('\n')).await
    }

    async fn run_keys(&self, pieces: &mut Pieces) -> Result<(), Broken> {
        pieces.add(&self.head(None)).await?;
        let mut any = false;
        for row in self.rows_of_keys() {
            pieces.add(if any { answer::BETWEEN_ROWS } else { "" }).await?;
            any = true;
            pieces.add(&row.map_err(|_| Broken)?).await?;
        }
        pieces.add(answer::end_of_rows(any).trim_end_matches('\n')).await
    }

    /// The rows of the ids that are named, in their order; of those that are not there it is said.
    pub(super) fn rows_of_keys(&self) -> impl Iterator<Item = Result<String, HttpError>> {
        let keys = self.keys.as_deref().unwrap_or_default();
        let in_order: Box<dyn Iterator<Item = &Json> + Send> = match self.range.descending {
            true => Box::new(keys.iter().rev()),
            false => Box::new(keys.iter()),
        };
        let chosen = in_order.skip(count(self.skip)).take(count(self.limit));
        chosen.map(|key| self.of_key(key))
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
            prefix: self.range.prefix.clone(),
            start,
            end,
            descending: false,
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

    /// What stands before the rows.
    pub(super) fn head(&self, offset: Option<u64>) -> String {
        let offset = offset.map_or("null".to_owned(), |offset| offset.to_string());
        let sequence = self.sequence.as_ref();
        let sequence = sequence.map_or(String::new(), |sequence| format!("\"update_seq\":{sequence},"));
        format!(
            "{{\"total_rows\":{},\"offset\":{offset},{sequence}\"rows\":[\r\n",
            self.total
        )
    }

    fn row(&self, found: &Found) -> Result<String, HttpError> {
        let (id, shown) = (found.id.as_str(), &found.shown);
        let name = quoted(id);
        let deleted = if shown.deleted { ",\"deleted\":true" } else { "" };
        let document = match (self.include_docs, shown.deleted) {
            (false, _) => String::new(),
            (true, true) => ",\"doc\":null".to_owned(),
            (true, false) => format!(",\"doc\":{}", self.document(found)?),
        };
        Ok(format!(
            "{{\"id\":{name},\"key\":{name},\"value\":{{\"rev\":{}{deleted}}}{document}}}",
            quoted(&shown.revision.to_string())
        ))
    }

    fn document(&self, found: &Found) -> Result<String, HttpError> {
        let mut document = Outgoing::new(found.id.as_str(), &found.shown.revision, &found.shown.body);
        if self.updated {
            document = document.with_updated();
        }
        if !self.conflicts {
            return Ok(document.json());
        }
        let opened = self.context.store.opened(&self.database, &found.id)?;
        let leaves = opened.map(|opened| opened.leaves).unwrap_or_default();
        let losers = leaves.iter().skip(1).filter(|leaf| !leaf.deleted);
        let losers: Vec<_> = losers.map(|leaf| &leaf.revision).collect();
        Ok(document.with_revisions("_conflicts", &losers).json())
    }

    fn of_key(&self, key: &Json) -> Result<String, HttpError> {
        let id = key.as_str().and_then(|text| text.parse::<DocumentId>().ok());
        let found = match id.filter(|id| id.as_str().starts_with(&self.range.prefix)) {
            Some(id) => long_read(|| self.context.store.get(&self.database, &id))?,
            None => None,
        };
        match found {
            Some(found) => self.row(&found),
            None => Ok(format!("{{\"key\":{key},\"error\":\"not_found\"}}")),
        }
    }
}

/// The sequence of a database, as JSON.
pub(super) fn sequence(context: &NodeContext, database: &DatabaseName) -> String {
    let position = context.store.position(database);
    Flavour::of(database, position.incarnation).sequence(position.sequence)
}

fn key(query: &Query, names: [&str; 2]) -> Result<Option<String>, HttpError> {
    for name in names {
        match query.json(name)? {
            Some(Json::String(text)) => return Ok(Some(text)),
            Some(_) => return Err(HttpError::query(format!("{name} is an id, in quotes"))),
            None => {}
        }
    }
    Ok(None)
}

fn checked(keys: Json) -> Result<Vec<Json>, HttpError> {
    let Json::Array(keys) = keys else {
        return Err(HttpError::bad_request("`keys` member must be an array."));
    };
    match keys.len() > KEYS_MAX {
        true => Err(HttpError::too_large(format!("a request names at most {KEYS_MAX} ids"))),
        false => Ok(keys),
    }
}

fn count(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

/// How many documents there are; of design documents as many as are counted.
fn total(context: &NodeContext, database: &DatabaseName, kind: Kind) -> Result<u64, HttpError> {
    if kind == Kind::Designs {
        let range = ListRange {
            prefix: DESIGNS.to_owned(),
            ..ListRange::default()
        };
        let page = long_read(|| context.store.list(database, &range, None, COUNTED_MAX))?;
        return Ok(page.items.len() as u64);
    }
    let status = context.store.status();
    let status = status.iter().find(|status| status.name == *database);
    Ok(status.map_or(0, |status| status.documents))
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
