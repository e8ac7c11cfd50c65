//! Answers one query of a view, on a thread of its own: compiles the design, brings its index up, and tells the rows.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use rejoin_document::{DatabaseName, DocumentId, Object, Sequence, Value, parse_stored_value};
use rejoin_store::{DocumentChange, ReadError, Store};
use rejoin_views::{
    Answer, COLLATION_VERSION, ChangedDocument, Design, Index, IndexError, Patience, QueryError, Row, SandboxLimits,
    Scope, Update, UpdateError, UpdateOptions, ViewQuery, answer as query_answer, update,
};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;

use super::answer::{self, quoted};
use super::error::{self, HttpError};
use super::feed::{Broken, Pieces};
use super::flavour::Flavour;
use super::outgoing::Outgoing;
use super::write;
use crate::node::ViewIndexes;

/// Changes that are mapped at once.
const PAGE: usize = 256;

/// How often an index that somebody drops meanwhile is opened again.
const ATTEMPTS_MAX: usize = 5;

/// How long a map function may take for one document.
const MAP_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a client may take over an answer: all the while nothing of the index that it is read from can be freed.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(600);

/// Changes that an index lacks are counted up to so many.
const PENDING_MAX: u64 = 1_000_000;

/// Steps of sweeping what was dropped, after each query.
const SWEPT_MAX: usize = 10_000;

/// Where the functions of a view stand.
pub(super) enum Definition {
    /// In a design document of the database.
    Stored {
        name: String,
        view: String,
        document: Arc<Object>,
    },
    /// In the request itself.
    Temporary(Object),
}

/// One query, on its way to a thread of its own.
pub(super) struct Asked {
    pub(super) store: Store,
    pub(super) indexes: Arc<ViewIndexes>,
    pub(super) database: DatabaseName,
    pub(super) scope: Scope,
    pub(super) definition: Definition,
    /// At least one, each with an answer of its own.
    pub(super) queries: Vec<ViewQuery>,
    /// Whether the answers stand in a list.
    pub(super) several: bool,
    /// The headers of a client that may have the answer already.
    pub(super) known: Option<HeaderMap>,
    pub(super) merges: bool,
    pub(super) stop: CancellationToken,
}

/// What an answer begins with.
pub(super) enum Began {
    /// Rows come; the tag stands for them.
    Rows { tag: String },
    /// The client has them.
    Known { tag: String },
}

/// Where an answer goes: first whether there is one, then its rows.
pub(super) struct Telling {
    /// Held until rows are told: only before that JavaScript runs.
    running: Option<OwnedSemaphorePermit>,
    begin: Option<oneshot::Sender<Result<Began, HttpError>>>,
    pieces: Pieces,
}

/// Why an answer ends early.
enum Failed {
    /// The index was dropped. Open it again.
    Gone,
    /// The client has left, or takes nothing.
    Left,
    /// There is none.
    Refused(HttpError),
}

impl Telling {
    pub(super) fn new(
        running: OwnedSemaphorePermit,
        begin: oneshot::Sender<Result<Began, HttpError>>,
        mut pieces: Pieces,
    ) -> Self {
        pieces.until(tokio::time::Instant::now() + ANSWER_TIME_MAX);
        Self {
            running: Some(running),
            begin: Some(begin),
            pieces,
        }
    }

    /// Whether the client has gone before its answer began.
    fn is_left(&self) -> bool {
        self.begin.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// Says that rows come, or that the client has them.
    fn begin(&mut self, began: Began) -> Result<(), Failed> {
        self.running = None;
        let begin = self.begin.take();
        begin
            .map_or(Ok(()), |begin| begin.send(Ok(began)))
            .map_err(|_| Failed::Left)
    }

    fn add(&mut self, text: &str) -> Result<(), Failed> {
        let adding = self.pieces.add(text);
        Handle::current().block_on(adding).map_err(|Broken| Failed::Left)
    }

    fn end(mut self, ended: Result<(), HttpError>) {
        match (ended, self.begin.take()) {
            // What breaks off now has been said by the connection.
            (Ok(()), _) => drop(Handle::current().block_on(self.pieces.end())),
            // Nobody may be waiting any more.
            (Err(error), Some(begin)) => drop(begin.send(Err(error))),
            (Err(error), None) => tracing::debug!(error.reason, "an answer of a view broke off"),
        }
    }
}

impl Asked {
    /// Answers. Blocks the thread, for as long as the client takes at most.
    pub(super) fn run(self, mut telling: Telling) {
        match self.answer(&mut telling) {
            Ok(()) => telling.end(Ok(())),
            Err(Failed::Refused(error)) => telling.end(Err(error)),
            Err(Failed::Gone) => telling.end(Err(IndexError::Gone.into())),
            Err(Failed::Left) => drop(telling),
        }
        if self.is_temporary() {
            if let Err(error) = self.indexes.indexes.drop_scope(&self.scope) {
                tracing::warn!(%error, "the index of a temporary view is left until the next start");
            }
        } else if self.update() == Update::Lazy {
            self.update_after();
        }
        if let Err(error) = self.indexes.sweep(SWEPT_MAX) {
            tracing::warn!(%error, "dropped indexes of views are left for the next query");
        }
    }

    /// What the first query wants done with the index: of several the others are answered from the same one.
    fn update(&self) -> Update {
        self.queries.first().map_or(Update::True, |query| query.update)
    }

    fn is_temporary(&self) -> bool {
        matches!(self.definition, Definition::Temporary(_))
    }

    fn answer(&self, telling: &mut Telling) -> Result<(), Failed> {
        let mut told = self.attempt(&self.design()?, telling);
        for _ in 1..ATTEMPTS_MAX {
            match told {
                Err(Failed::Gone) => told = self.attempt(&self.current_design()?, telling),
                told => return told,
            }
        }
        told
    }

    fn design(&self) -> Result<Design, Failed> {
        let design = match &self.definition {
            Definition::Stored { name, document, .. } => Design::parse(name, document, limits()),
            Definition::Temporary(definition) => Design::temporary(definition, limits()),
        };
        design.map_err(|error| Failed::Refused(error.into()))
    }

    /// The design as it is by now. Whoever went on with an older one would throw away what those build who have read the new one.
    fn current_design(&self) -> Result<Design, Failed> {
        let Definition::Stored { name, .. } = &self.definition else {
            return self.design();
        };
        let id: DocumentId = format!("_design/{name}").parse().map_err(error::id)?;
        let found = self.store.get(&self.database, &id)?.ok_or_else(HttpError::missing)?;
        let design = match found.shown.deleted {
            false => Design::parse(name, &found.shown.body, limits()),
            true => return Err(HttpError::deleted().into()),
        };
        design.map_err(|error| Failed::Refused(error.into()))
    }

    /// Once: the index may go before its rows can be held.
    fn attempt(&self, design: &Design, telling: &mut Telling) -> Result<(), Failed> {
        let view = match &self.definition {
            Definition::Stored { view, .. } => view.as_str(),
            Definition::Temporary(_) => design.views()[0].name.as_str(),
        };
        // Nothing is mapped for a view that is not there.
        if design.position(view).is_none() {
            return Err(QueryError::NoSuchView.into());
        }
        let index = match self.update() {
            Update::True => self.bring_up(design, || telling.is_left())?,
            Update::False | Update::Lazy => self.indexes.indexes.open(&self.scope, design)?,
        };
        let snapshot = self.indexes.indexes.snapshot();
        let answers = self
            .queries
            .iter()
            .map(|query| query_answer(snapshot.as_ref(), &index, design, view, query));
        let answers = answers.collect::<Result<Vec<_>, _>>()?;
        let tag = self.tag(design, view, answers.first());
        if self
            .known
            .as_ref()
            .is_some_and(|headers| answer::is_known(headers, &tag))
        {
            return telling.begin(Began::Known { tag });
        }
        telling.begin(Began::Rows { tag })?;
        telling.add(if self.several { "{\"results\":[\n" } else { "" })?;
        for (place, (answer, query)) in answers.into_iter().zip(&self.queries).enumerate() {
            telling.add(if place > 0 { ",\n" } else { "" })?;
            self.tell(answer, query, telling)?;
        }
        telling.add(if self.several { "\n]}\n" } else { "\n" })
    }

    /// Stands for the question, the functions and the state of the index.
    fn tag(&self, design: &Design, view: &str, answer: Option<&Answer<'_>>) -> String {
        let sequence = answer.map_or(0, |answer| answer.sequence.0);
        // With documents and lazy indexes what is told may be newer than the index, never older.
        let (signature, scope) = (design.signature(), self.scope.as_bytes());
        answer::tag(&format!("{scope:?} {signature:?} {sequence} {view} {:?}", self.queries))
    }

    fn tell(&self, answer: Answer<'_>, query: &ViewQuery, telling: &mut Telling) -> Result<(), Failed> {
        let sequence = query.update_seq.then(|| self.sequence(answer.sequence));
        telling.add(&head(&answer, sequence.as_deref()))?;
        let mut first = true;
        for row in answer.rows {
            telling.add(if first { "" } else { answer::BETWEEN_ROWS })?;
            first = false;
            telling.add(&self.row(&row?, query)?)?;
        }
        telling.add(answer::end_of_rows(!first).trim_end_matches('\n'))
    }

    /// A sequence of the database as clients see it, as JSON.
    fn sequence(&self, sequence: Sequence) -> String {
        let incarnation = self.store.position(&self.database).incarnation;
        Flavour::of(&self.database, incarnation).sequence(sequence)
    }

    /// How far the index is, as CouchDB tells it.
    pub(super) fn info(&self) -> Result<String, HttpError> {
        let Definition::Stored { name, document, .. } = &self.definition else {
            return Err(HttpError::missing());
        };
        let design = Design::parse(name, document, limits())?;
        let indexes = &self.indexes.indexes;
        let snapshot = indexes.snapshot();
        let index = indexes.find(snapshot.as_ref(), &self.scope, &design)?;
        let sequence = match index {
            Some(index) => index.sequence(snapshot.as_ref())?,
            None => Sequence(0),
        };
        let pending = self.store.changes_after(&self.database, sequence, PENDING_MAX)?;
        let signature: String = design.signature().0.iter().map(|byte| format!("{byte:02x}")).collect();
        let language = document
            .get("language")
            .map_or_else(|| quoted("javascript"), Value::to_json);
        Ok(format!(
            "{{\"name\":{},\"view_index\":{{\"updates_pending\":{{\"minimum\":{pending},\"preferred\":{pending},\"total\":{pending}}},\
             \"waiting_commit\":false,\"waiting_clients\":0,\"updater_running\":false,\"update_seq\":{},\
             \"sizes\":{{\"file\":0,\"external\":0,\"active\":0}},\"signature\":\"{signature}\",\"purge_seq\":0,\
             \"language\":{language},\"compact_running\":false,\"collator_versions\":[{}]}}}}\n",
            quoted(name),
            sequence.0,
            quoted(COLLATION_VERSION)
        ))
    }

    /// Opens the index and maps what has changed since.
    fn bring_up(&self, design: &Design, is_left: impl Fn() -> bool) -> Result<Index, Failed> {
        let indexes = &self.indexes.indexes;
        let index = indexes.open(&self.scope, design)?;
        loop {
            if self.stop.is_cancelled() || is_left() {
                return Err(write::stopped().into());
            }
            let after = index.sequence(indexes.snapshot().as_ref())?;
            let page = self.store.changes(&self.database, after, PAGE)?;
            let (to, finished) = (page.to, page.finished);
            let changes = page.changes.into_iter().map(|change| Ok(self.changed(change)));
            match update::<Infallible>(indexes, &index, design, changes, to, &UpdateOptions::default()) {
                Ok(report) => {
                    for failure in &report.failures {
                        tracing::debug!(document_id = %failure.id, view = failure.view, error = %failure.error, "a map function failed");
                    }
                    if finished {
                        return Ok(index);
                    }
                }
                // Another query has brought it further meanwhile.
                Err(UpdateError::Ahead { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Brings the index up for those who come later. Whoever asked has his answer, or has gone.
    fn update_after(&self) {
        let running = Arc::clone(&self.indexes.running);
        let permit = Handle::current().block_on(async {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => None,
                permit = running.acquire_owned() => permit.ok(),
            }
        });
        let Some(_permit) = permit else { return };
        for _ in 0..ATTEMPTS_MAX {
            let brought = self
                .current_design()
                .and_then(|design| self.bring_up(&design, || false));
            if let Err(Failed::Refused(error)) = &brought {
                tracing::debug!(error.reason, "an index of a view is left as it was");
            }
            if !matches!(brought, Err(Failed::Gone)) {
                return;
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
            left: _,
        } = change;
        let document = (!shown.deleted).then(|| {
            let losers: Vec<_> = leaves.iter().skip(1).filter(|leaf| !leaf.deleted).collect();
            let losers: Vec<_> = losers.iter().map(|leaf| &leaf.revision).collect();
            let document = Outgoing::new(id.as_str(), &shown.revision, &shown.body);
            let document = if self.merges { document.with_updated() } else { document };
            document.with_revisions("_conflicts", &losers).json()
        });
        ChangedDocument { sequence, id, document }
    }

    fn row(&self, row: &Row, query: &ViewQuery) -> Result<String, HttpError> {
        let Some(id) = &row.id else {
            return Ok(format!("{{\"key\":{},\"value\":{}}}", row.key, row.value));
        };
        let document = match query.include_docs {
            false => String::new(),
            true => format!(
                ",\"doc\":{}",
                self.document(linked(row).as_deref().unwrap_or(id), query)?
            ),
        };
        Ok(format!(
            "{{\"id\":{},\"key\":{},\"value\":{}{document}}}",
            quoted(id),
            row.key,
            row.value
        ))
    }

    fn document(&self, id: &str, query: &ViewQuery) -> Result<String, HttpError> {
        let id: DocumentId = id.parse().map_err(error::id)?;
        let found = self.store.opened(&self.database, &id)?;
        let Some(found) = found.filter(|found| !found.shown.deleted) else {
            return Ok("null".to_owned());
        };
        let mut document = Outgoing::new(id.as_str(), &found.shown.revision, &found.shown.body);
        if self.merges {
            document = document.with_updated();
        }
        if query.conflicts == Some(true) {
            let losers = found.leaves.iter().skip(1).filter(|leaf| !leaf.deleted);
            let losers: Vec<_> = losers.map(|leaf| &leaf.revision).collect();
            document = document.with_revisions("_conflicts", &losers);
        }
        Ok(document.json())
    }
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

/// The document that a row names in the place of its own: `emit(key, {_id: …})`.
fn linked(row: &Row) -> Option<String> {
    if !row.value.contains("_id") {
        return None;
    }
    let value = parse_stored_value(row.value.as_bytes()).ok()?;
    Some(value.as_object()?.get("_id")?.as_str()?.to_owned())
}

fn head(answer: &Answer<'_>, sequence: Option<&str>) -> String {
    let mut members = Vec::new();
    if let Some(total) = answer.total_rows {
        members.push(format!("\"total_rows\":{total}"));
        let offset = answer.offset.map_or("null".to_owned(), |offset| offset.to_string());
        members.push(format!("\"offset\":{offset}"));
    }
    if let Some(sequence) = sequence {
        members.push(format!("\"update_seq\":{sequence}"));
    }
    members.push("\"rows\":[\r\n".to_owned());
    format!("{{{}", members.join(","))
}

impl From<HttpError> for Failed {
    fn from(error: HttpError) -> Self {
        Self::Refused(error)
    }
}

impl From<ReadError> for Failed {
    fn from(error: ReadError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<IndexError> for Failed {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Gone => Self::Gone,
            error => Self::Refused(error.into()),
        }
    }
}

impl From<QueryError> for Failed {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Index(error) => error.into(),
            error => Self::Refused(error.into()),
        }
    }
}

impl From<UpdateError<Infallible>> for Failed {
    fn from(error: UpdateError<Infallible>) -> Self {
        match error {
            UpdateError::Index(error) => error.into(),
            error => Self::Refused(error.into()),
        }
    }
}
