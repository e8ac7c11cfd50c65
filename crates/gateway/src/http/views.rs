//! `/{db}/_design/{design}/_view/{view}` and `/{db}/_temp_view`: map/reduce views.
//!
//! An index is brought up to its database in slices before it is asked, unless the client wants it as it is. Mapping runs JavaScript, so few of these run
//! at once, and none on a thread that serves others.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use rejoin_document::{DatabaseName, DocumentId, Object, Value};
use rejoin_store::{DocumentChange, Store};
use rejoin_views::{
    Answer, ChangedDocument, Design, DesignError, Index, IndexError, Patience, QueryError, QueryParseError, Row,
    SandboxLimits, Scope, Update, UpdateError, UpdateOptions, ViewQuery, answer as query_answer, update,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::answer::{self, quoted};
use super::body::Request;
use super::error::{self, HttpError};
use super::feed::Broken;
use super::outgoing::Outgoing;
use super::write;
use crate::node::{NodeContext, ViewIndexes};

/// Changes that are mapped at once.
const PAGE: usize = 256;

/// Bytes of a piece of an answer, and one row more; pieces on their way to the client.
const PIECE_BYTES: usize = 64 << 10;
const WINDOW: usize = 8;

/// How often an index that somebody drops meanwhile is opened again.
const ATTEMPTS_MAX: usize = 3;

/// How long a map function may take for one document.
const MAP_TIME_MAX: Duration = Duration::from_secs(5);

/// Steps of sweeping what was dropped, after each query.
const SWEPT_MAX: usize = 10_000;

/// How long a client may take nothing before its answer ends.
const STALLED_AFTER: Duration = Duration::from_secs(60);

type Piece = Result<Bytes, std::io::Error>;

/// Told once rows come, or why none do.
type Begin = tokio::sync::oneshot::Sender<Result<(), HttpError>>;

/// One query, on its way to a thread of its own.
struct Asked {
    store: Store,
    indexes: Arc<ViewIndexes>,
    database: DatabaseName,
    scope: Scope,
    design: Design,
    view: String,
    query: ViewQuery,
    merges: bool,
    temporary: bool,
    stop: CancellationToken,
}

/// A query of a view of a design document.
pub(super) async fn of_design(
    context: &NodeContext,
    database: &DatabaseName,
    name: &str,
    view: &str,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let query = query(request, |_| true).await?;
    let id: DocumentId = format!("_design/{name}").parse().map_err(error::id)?;
    let found = context.store.get(database, &id)?.ok_or_else(HttpError::missing)?;
    if found.shown.deleted {
        return Err(HttpError::deleted());
    }
    let design = Design::parse(name, &found.shown.body, limits())?;
    let scope = context.views.scope(&context.store, database)?;
    run(context, Asked::new(context, database, scope, (design, view), query)).await
}

/// A query of a view that the request itself holds. Its index goes when the answer is made.
pub(super) async fn temporary(
    context: &NodeContext,
    database: &DatabaseName,
    request: &mut Request,
) -> Result<Response, HttpError> {
    let Value::Object(definition) = request.documents().await? else {
        return Err(HttpError::bad_request("Request body must be a JSON object"));
    };
    let query = ViewQuery::parse(request.query().iter())?;
    let query = query.with_body(&without(&definition, &["map", "reduce", "language"]))?;
    let design = Design::temporary(&definition, limits())?;
    let view = design.views()[0].name.clone();
    let scope = context.views.temporary_scope();
    let asked = Asked::new(context, database, scope, (design, &view), query);
    run(
        context,
        Asked {
            temporary: true,
            ..asked
        },
    )
    .await
}

/// The bounds of a map function. Steps are the measure; the time ends what takes long in few of them.
fn limits() -> SandboxLimits {
    SandboxLimits {
        patience: Some(Patience {
            clock: since_start,
            time_max: MAP_TIME_MAX,
        }),
        ..SandboxLimits::default()
    }
}

/// Time that passes evenly.
fn since_start() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

async fn query(request: &mut Request, keep: impl Fn(&str) -> bool) -> Result<ViewQuery, HttpError> {
    let query = ViewQuery::parse(request.query().iter().filter(|(name, _)| keep(name)))?;
    if *request.method() != Method::POST {
        return Ok(query);
    }
    match request.documents().await? {
        Value::Object(body) => Ok(query.with_body(&body)?),
        _ => Err(HttpError::bad_request("Request body must be a JSON object")),
    }
}

fn without(object: &Object, names: &[&str]) -> Object {
    let members = object.iter().filter(|(name, _)| !names.contains(&&***name));
    members.map(|(name, value)| (Arc::clone(name), value.clone())).collect()
}

async fn run(context: &NodeContext, asked: Asked) -> Result<Response, HttpError> {
    let permit = Arc::clone(&context.views.running).try_acquire_owned();
    let permit =
        permit.map_err(|_| HttpError::overloaded("this node answers as many views as it may; try again later"))?;
    let (sender, receiver) = mpsc::channel::<Piece>(WINDOW);
    let (begin, began) = tokio::sync::oneshot::channel();
    context.tasks.spawn_blocking(move || {
        let _permit = permit;
        asked.run(begin, &sender);
    });
    match began.await {
        Ok(Ok(())) => Ok(answer::stream(Body::from_stream(ReceiverStream::new(receiver)))),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(write::stopped()),
    }
}

impl Asked {
    fn new(
        context: &NodeContext,
        database: &DatabaseName,
        scope: Scope,
        (design, view): (Design, &str),
        query: ViewQuery,
    ) -> Self {
        Self {
            store: context.store.clone(),
            indexes: Arc::clone(&context.views),
            database: database.clone(),
            scope,
            design,
            view: view.to_owned(),
            query,
            merges: write::merges(context, database),
            temporary: false,
            stop: context.stop.clone(),
        }
    }

    fn run(self, begin: Begin, pieces: &mpsc::Sender<Piece>) {
        let mut begin = Some(begin);
        if let Err(error) = self.answer(&mut begin, pieces) {
            match begin.take() {
                // Nobody may be waiting any more.
                Some(begin) => drop(begin.send(Err(error))),
                None => drop(send(pieces, Err(std::io::Error::other(error.reason)))),
            }
        }
        if self.temporary
            && let Err(error) = self.indexes.indexes.drop_scope(&self.scope)
        {
            tracing::warn!(%error, "the index of a temporary view is left until the next start");
        }
        if let Err(error) = self.indexes.sweep(SWEPT_MAX) {
            tracing::warn!(%error, "dropped indexes of views are left for the next query");
        }
    }

    fn answer(&self, begin: &mut Option<Begin>, pieces: &mpsc::Sender<Piece>) -> Result<(), HttpError> {
        if self.design.position(&self.view).is_none() {
            return Err(QueryError::NoSuchView.into());
        }
        let index = self.bring_up(begin)?;
        let snapshot = self.indexes.indexes.snapshot();
        let answer = query_answer(snapshot.as_ref(), &index, &self.design, &self.view, &self.query)?;
        if let Some(begin) = begin.take()
            && begin.send(Ok(())).is_err()
        {
            return Ok(());
        }
        let mut text = head(&answer, self.query.update_seq);
        let mut first = true;
        for row in answer.rows {
            text.push_str(if first { "" } else { ",\n" });
            first = false;
            text.push_str(&self.row(&row?)?);
            if text.len() >= PIECE_BYTES && send(pieces, Ok(std::mem::take(&mut text).into())).is_err() {
                return Ok(());
            }
        }
        text.push_str(if first { "]}\n" } else { "\n]}\n" });
        // The client may be gone.
        drop(send(pieces, Ok(text.into())));
        Ok(())
    }

    /// Opens the index and maps what has changed since.
    fn bring_up(&self, begin: &Option<Begin>) -> Result<Index, HttpError> {
        let indexes = &self.indexes.indexes;
        let mut attempts = 0;
        let mut index = indexes.open(&self.scope, &self.design)?;
        if self.query.update != Update::True {
            return Ok(index);
        }
        loop {
            if self.stop.is_cancelled() || gone(begin) {
                return Err(write::stopped());
            }
            let after = index.sequence(indexes.snapshot().as_ref())?;
            let page = self.store.changes(&self.database, after, PAGE)?;
            let (to, finished) = (page.to, page.finished);
            let changes = page.changes.into_iter().map(|change| Ok(self.changed(change)));
            let updated = update::<std::convert::Infallible>(
                indexes,
                &index,
                &self.design,
                changes,
                to,
                &UpdateOptions::default(),
            );
            match updated {
                Ok(report) => {
                    for failure in &report.failures {
                        tracing::debug!(document_id = %failure.id, view = failure.view, error = %failure.error, "a map function failed");
                    }
                    if finished {
                        return Ok(index);
                    }
                }
                // Another design took its place, or another query has brought it further meanwhile.
                Err(UpdateError::Index(IndexError::Gone)) if attempts < ATTEMPTS_MAX => {
                    attempts += 1;
                    index = indexes.open(&self.scope, &self.design)?;
                }
                Err(UpdateError::Ahead { .. }) => {}
                Err(error) => return Err(update_failed(&error)),
            }
        }
    }

    /// What a map function sees of a change.
    fn changed(&self, change: DocumentChange) -> ChangedDocument {
        let DocumentChange {
            sequence,
            id,
            shown,
            leaves,
        } = change;
        let document = (!shown.deleted).then(|| {
            let losers: Vec<_> = leaves.iter().skip(1).filter(|leaf| !leaf.deleted).collect();
            let losers: Vec<_> = losers.iter().map(|leaf| &leaf.revision).collect();
            let document = Outgoing::new(id.as_str(), &shown.revision, Some(&shown.body));
            let document = if self.merges { document.with_updated() } else { document };
            document.with_revisions("_conflicts", &losers).json()
        });
        ChangedDocument { sequence, id, document }
    }

    fn row(&self, row: &Row) -> Result<String, HttpError> {
        let Some(id) = &row.id else {
            return Ok(format!("{{\"key\":{},\"value\":{}}}", row.key, row.value));
        };
        let document = match self.query.include_docs {
            false => String::new(),
            true => format!(",\"doc\":{}", self.document(id)?),
        };
        Ok(format!(
            "{{\"id\":{},\"key\":{},\"value\":{}{document}}}",
            quoted(id),
            row.key,
            row.value
        ))
    }

    fn document(&self, id: &str) -> Result<String, HttpError> {
        let id: DocumentId = id.parse().map_err(error::id)?;
        let found = self.store.get(&self.database, &id)?;
        Ok(match found.filter(|found| !found.shown.deleted) {
            Some(found) => {
                let document = Outgoing::new(id.as_str(), &found.shown.revision, Some(&found.shown.body));
                let document = if self.merges { document.with_updated() } else { document };
                document.json()
            }
            None => "null".to_owned(),
        })
    }
}

/// Sends a piece to a client that takes it in time: one that takes nothing holds a place that others wait for.
fn send(pieces: &mpsc::Sender<Piece>, piece: Piece) -> Result<(), Broken> {
    let sending = pieces.send_timeout(piece, STALLED_AFTER);
    tokio::runtime::Handle::current().block_on(sending).map_err(|_| Broken)
}

/// Whether the client has gone before its answer began.
fn gone(begin: &Option<Begin>) -> bool {
    begin.as_ref().is_some_and(tokio::sync::oneshot::Sender::is_closed)
}

fn head(answer: &Answer<'_>, update_seq: bool) -> String {
    let mut members = Vec::new();
    if let Some(total) = answer.total_rows {
        members.push(format!("\"total_rows\":{total}"));
        let offset = answer.offset.map_or("null".to_owned(), |offset| offset.to_string());
        members.push(format!("\"offset\":{offset}"));
    }
    if update_seq {
        members.push(format!("\"update_seq\":{}", answer.sequence.0));
    }
    members.push("\"rows\":[\n".to_owned());
    format!("{{{}", members.join(","))
}

fn update_failed(error: &UpdateError<std::convert::Infallible>) -> HttpError {
    tracing::error!(%error, "an index of a view cannot be brought up");
    HttpError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal_server_error",
        error.to_string(),
    )
}

impl From<DesignError> for HttpError {
    fn from(error: DesignError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.couch_name(), error.to_string())
    }
}

impl From<QueryParseError> for HttpError {
    fn from(error: QueryParseError) -> Self {
        Self::query(error.to_string())
    }
}

impl From<QueryError> for HttpError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Parse(error) => error.into(),
            QueryError::NoSuchView => Self::new(StatusCode::NOT_FOUND, "not_found", "missing_named_view"),
            QueryError::Index(error) => error.into(),
        }
    }
}

impl From<IndexError> for HttpError {
    fn from(error: IndexError) -> Self {
        tracing::error!(%error, "an index of a view cannot be used");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_server_error",
            error.to_string(),
        )
    }
}
