//! `/{db}/_changes`: what changed after a sequence, at once (`normal`) or as soon as something does (`longpoll`).

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use axum::response::Response;
use rejoin_document::{DatabaseName, RevisionBody, Sequence};
use rejoin_store::{Changed, DocumentChange};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

use super::answer::quoted;
use super::body::Request;
use super::error::HttpError;
use super::feed::{self, Broken, Pieces};
use super::flavour::{Flavour, Since};
use super::outgoing::Outgoing;
use super::query::Query;
use super::write;
use crate::node::{NodeContext, long_read};

/// Changes that are read at once.
const PAGE: usize = 256;

/// How long a waiting feed waits if the client does not say, and the least and the most that it may say.
const TIMEOUT_MS: u64 = 60_000;
const TIMEOUT_MS_MAX: u64 = 3_600_000;
const HEARTBEAT_MS: u64 = 60_000;
const HEARTBEAT_MS_MIN: u64 = 100;

/// One client's feed.
struct Feed {
    context: NodeContext,
    database: DatabaseName,
    flavour: Flavour,
    after: Sequence,
    account: bool,
    waits: bool,
    limit: u64,
    all_docs: bool,
    active_only: bool,
    include_docs: bool,
    conflicts: bool,
    updated: bool,
    heartbeat: Option<Duration>,
    until: Instant,
    news: broadcast::Receiver<Changed>,
    rows: u64,
    /// Of one that waits; what ends by itself keeps nobody out for long.
    _permit: Option<OwnedSemaphorePermit>,
}

pub(super) async fn answer(
    context: &NodeContext,
    database: &DatabaseName,
    request: &mut Request,
) -> Result<Response, HttpError> {
    if *request.method() == Method::POST {
        let text = request.json(1 << 20).await?;
        let body: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(&text).ok();
        if let Some(name) = body.as_ref().and_then(|body| body.keys().next()) {
            let reason = format!("{name} is not served; read all changes, with parameters in the address");
            return Err(HttpError::bad_request(reason));
        }
    }
    let feed = Feed::new(context, database, request.query())?;
    Ok(feed::answer(context, |pieces| feed.run(pieces)))
}

impl Feed {
    fn new(context: &NodeContext, database: &DatabaseName, query: &Query) -> Result<Self, HttpError> {
        let waits = match query.text("feed").unwrap_or("normal") {
            "normal" => false,
            "longpoll" => true,
            other => {
                let reason = format!("feed={other} is not served; use normal or longpoll");
                return Err(HttpError::bad_request(reason));
            }
        };
        for name in ["filter", "view", "doc_ids", "selector", "descending"] {
            if query.text(name).is_some_and(|value| value != "false") {
                return Err(HttpError::bad_request(format!(
                    "{name} is not served; read all changes"
                )));
            }
        }
        let permit = match waits {
            true => Some(Arc::clone(&context.feeds).try_acquire_owned().map_err(|_| {
                HttpError::overloaded("this node serves as many waiting feeds as it may; try again later")
            })?),
            false => None,
        };
        // Before the first look at the log: what is written after it is news.
        let news = context.store.subscribe();
        let position = context.store.position(database);
        let flavour = Flavour::of(database, position.incarnation);
        let since = query.text("since").unwrap_or("0");
        let since = flavour.since(since).ok_or_else(|| {
            HttpError::bad_request(format!(
                "since={since:?} is no sequence; use one that a feed has told, 0 or now"
            ))
        })?;
        let (after, account) = match since {
            Since::Now => (position.sequence, false),
            Since::After { sequence, account } => (sequence, account),
        };
        let timeout = query.number("timeout")?.unwrap_or(TIMEOUT_MS).min(TIMEOUT_MS_MAX);
        Ok(Self {
            context: context.clone(),
            database: database.clone(),
            flavour,
            after,
            account,
            waits,
            limit: query.number("limit")?.unwrap_or(u64::MAX).max(1),
            all_docs: query.text("style") == Some("all_docs"),
            active_only: query.flag("active_only")?,
            include_docs: query.flag("include_docs")?,
            conflicts: query.flag("conflicts")?,
            updated: write::merges(context, database),
            heartbeat: heartbeat(query)?,
            until: Instant::now() + Duration::from_millis(timeout),
            news,
            rows: 0,
            _permit: permit,
        })
    }

    async fn run(mut self, mut pieces: Pieces) -> Result<Pieces, Broken> {
        pieces.add("{\"results\":[\n").await?;
        if self.account {
            let row = self.flavour.account().to_owned();
            self.row(&mut pieces, &row).await?;
        }
        while !self.page(&mut pieces).await? {
            if self.context.stop.is_cancelled() {
                break;
            }
        }
        if self.waits && self.rows == 0 {
            // The head of the answer goes out before the first change, with a line feed as CouchDB's.
            pieces.add("\n").await?;
        }
        while self.waits && self.rows == 0 && self.wait(&mut pieces).await? {
            while !self.page(&mut pieces).await? {}
        }
        let finished = self.rows < self.limit;
        pieces.add(&self.flavour.end(self.after, finished)).await?;
        Ok(pieces)
    }

    /// Writes a page of the log; whether it was the last one at present, or all that the client wants.
    async fn page(&mut self, pieces: &mut Pieces) -> Result<bool, Broken> {
        let read = long_read(|| self.context.store.changes(&self.database, self.after, PAGE));
        let page = read.map_err(|error| {
            tracing::warn!(%error, database = %self.database, "a feed of changes broke off");
            Broken
        })?;
        for change in page.changes {
            if self.rows >= self.limit {
                return Ok(true);
            }
            self.after = change.sequence;
            if let Some(row) = self.line(change) {
                self.row(pieces, &row).await?;
            }
        }
        if self.rows >= self.limit {
            return Ok(true);
        }
        self.after = page.to;
        tokio::task::yield_now().await;
        Ok(page.finished)
    }

    async fn row(&mut self, pieces: &mut Pieces, row: &str) -> Result<(), Broken> {
        if self.rows > 0 {
            pieces.add(",\n").await?;
        }
        self.rows += 1;
        pieces.add(row).await
    }

    /// The line of a change; none if the client does not want it.
    fn line(&self, change: DocumentChange) -> Option<String> {
        let DocumentChange {
            sequence,
            id,
            shown,
            left,
            leaves,
        } = change;
        if self.active_only && shown.deleted {
            return None;
        }
        let mut leaves = self.flavour.order(leaves);
        let losers: Vec<_> = leaves.iter().skip(1).filter(|leaf| !leaf.deleted).cloned().collect();
        if !self.all_docs {
            leaves.truncate(1);
        }
        // A client that resolves what it sees would resolve its own tombstones for ever.
        leaves.retain(|leaf| !(self.active_only && leaf.deleted));
        let changes: Vec<_> = leaves
            .iter()
            .map(|leaf| format!("{{\"rev\":{}}}", quoted(&leaf.revision.to_string())))
            .collect();
        let mut row = format!(
            "{{\"seq\":{},\"id\":{},\"changes\":[{}]",
            self.flavour.sequence(sequence),
            quoted(id.as_str()),
            changes.join(",")
        );
        if shown.deleted {
            row.push_str(",\"deleted\":true");
        }
        if self.include_docs {
            let content = RevisionBody {
                deleted: shown.deleted,
                body: if shown.deleted { left } else { shown.body },
            };
            let mut document = Outgoing::holding(id.as_str(), &shown.revision, &content);
            if self.updated {
                document = document.with_updated();
            }
            if self.conflicts {
                let losers: Vec<_> = losers.iter().map(|leaf| &leaf.revision).collect();
                document = document.with_revisions("_conflicts", &losers);
            }
            row.push_str(&format!(",\"doc\":{}", document.json()));
        }
        row.push('}');
        Some(row)
    }

    /// Waits until the log has grown: false when the time is over, or the node stops.
    async fn wait(&mut self, pieces: &mut Pieces) -> Result<bool, Broken> {
        pieces.flush().await?;
        let mut beat = self.heartbeat.map(|every| Instant::now() + every);
        loop {
            let until = match beat {
                Some(beat) => beat,
                None => self.until,
            };
            tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return Ok(false),
                () = pieces.closed() => return Err(Broken),
                () = tokio::time::sleep_until(until) => match self.heartbeat {
                    // A heartbeat takes the place of the timeout.
                    Some(every) => {
                        pieces.add("\n").await?;
                        pieces.flush().await?;
                        beat = Some(Instant::now() + every);
                    }
                    None => return Ok(false),
                },
                news = self.news.recv() => match news {
                    Ok(changed) if changed.database == self.database && changed.sequence > self.after => return Ok(true),
                    Ok(changed) if changed.database.is_system() => {
                        if self.context.store.definition(&self.database).is_none() {
                            return Ok(false);
                        }
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Ok(true),
                    Err(RecvError::Closed) => return Ok(false),
                },
            }
        }
    }
}

/// Milliseconds between two line feeds of a feed that waits; `true` for a minute.
fn heartbeat(query: &Query) -> Result<Option<Duration>, HttpError> {
    let milliseconds = match query.text("heartbeat") {
        None | Some("false" | "0") => return Ok(None),
        Some("true") => HEARTBEAT_MS,
        Some(_) => query.number("heartbeat")?.unwrap_or(HEARTBEAT_MS),
    };
    Ok(Some(Duration::from_millis(
        milliseconds.clamp(HEARTBEAT_MS_MIN, TIMEOUT_MS_MAX),
    )))
}
