//! One client that talks to one node and writes down everything it does.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rejoin_client::{CallError, Client, ConflictReport, Written};

use super::Timings;
use crate::history::{Entry, Facts, Outcome, Read, Recorder, Rules, Stamp, Tick, edits};
use crate::ledger::is_absent;
use crate::view::{Body, View};

/// What all sessions of a run share.
#[derive(Debug)]
pub struct Shared {
    /// The database.
    pub database: String,
    /// Its rules.
    pub rules: Rules,
    /// The log.
    pub recorder: Recorder,
}

/// One client of one node.
#[derive(Debug)]
pub struct Session {
    name: String,
    datacenter: String,
    client: Client,
    shared: Arc<Shared>,
    writes: u64,
    timings: Timings,
}

/// What a read showed, and when.
#[derive(Clone, Debug)]
pub struct Sight {
    /// When the read was sent.
    pub asked: Tick,
    /// When the answer came.
    pub at: Tick,
    /// The document; `None`: absent or deleted.
    pub view: Option<View>,
}

/// What became of a write, as the client was told.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When the write was sent.
    pub asked: Tick,
    /// When the answer came.
    pub at: Tick,
    /// The outcome as it is logged.
    pub outcome: Outcome,
    /// What a refused write met.
    pub report: Option<ConflictReport>,
}

impl Attempt {
    /// Whether the write was acknowledged.
    pub fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Ok { .. })
    }
}

impl Session {
    /// A client of `datacenter`'s node; `name` is unique in the run.
    pub fn new(name: &str, datacenter: &str, client: Client, shared: Arc<Shared>) -> Self {
        let (name, datacenter) = (name.to_owned(), datacenter.to_owned());
        Self {
            name,
            datacenter,
            client,
            shared,
            writes: 0,
            timings: Timings::default(),
        }
    }

    /// The session's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The datacenter.
    pub fn datacenter(&self) -> &str {
        &self.datacenter
    }

    /// How long the calls took.
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// A text that no other write of the run carries.
    pub fn nonce(&mut self) -> String {
        self.writes += 1;
        format!("{}.{}", self.name, self.writes)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// The node did not answer.
    pub async fn read(&mut self, document: &str) -> Result<Sight, CallError> {
        let asked = self.shared.recorder.tick();
        let begun = Instant::now();
        let answer = self.client.get(&self.shared.database, document).await;
        let view = match answer {
            Ok(found) => Some(View::of(&found).map_err(|error| protocol(&self.client, &error))?),
            Err(error) if is_absent(&error) => None,
            Err(error) => {
                self.timings.failed += 1;
                return Err(error);
            }
        };
        self.timings.reads.push(begun.elapsed());
        Ok(Sight {
            asked,
            at: self.shared.recorder.tick(),
            view,
        })
    }

    /// Creates the document, if `sight` showed none, or replaces the body that it showed.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn write(&mut self, document: &str, sight: &Sight, body: &Body) -> anyhow::Result<Attempt> {
        self.send(document, sight, Some(body)).await
    }

    /// Deletes the document that `sight` showed.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn delete(&mut self, document: &str, sight: &Sight) -> anyhow::Result<Attempt> {
        self.send(document, sight, None).await
    }

    async fn send(&mut self, document: &str, sight: &Sight, body: Option<&Body>) -> anyhow::Result<Attempt> {
        let asked = self.shared.recorder.tick();
        let begun = Instant::now();
        let base = sight.view.as_ref().map(|view| view.revision.as_str());
        let answer = self.call(document, base, body.map(Body::to_bytes)).await;
        let took = begun.elapsed();
        let attempt = attempt(asked, self.shared.recorder.tick(), answer);
        match &attempt.outcome {
            Outcome::Ok { .. } => self.timings.writes.push(took),
            Outcome::Refused { .. } => self.timings.refused += 1,
            Outcome::Unknown { .. } => self.timings.failed += 1,
        }
        self.log(document, sight, body, &attempt)?;
        Ok(attempt)
    }

    async fn call(&self, document: &str, base: Option<&str>, body: Option<Bytes>) -> Result<Written, CallError> {
        let database = &self.shared.database;
        match (body, base) {
            (Some(body), None) => self.client.create(database, document, body).await,
            (Some(body), base) => self.client.update(database, document, body, base).await,
            (None, base) => self.client.delete(database, document, base).await,
        }
    }

    fn log(&self, document: &str, sight: &Sight, body: Option<&Body>, attempt: &Attempt) -> anyhow::Result<()> {
        let view = sight.view.as_ref();
        let removals = view.map(|view| {
            view.listed_removals()
                .map(|(path, stamp)| (path.to_owned(), stamp))
                .collect()
        });
        let read = Read {
            at: sight.at,
            revision: view.map(|view| view.revision.clone()),
            removals: removals.unwrap_or_default(),
            deletions: view.map(|view| view.listed_deletions().collect()).unwrap_or_default(),
        };
        self.shared.recorder.append(&Entry {
            number: attempt.asked,
            client: self.name.clone(),
            datacenter: self.datacenter.clone(),
            document: document.to_owned(),
            read,
            invoked: attempt.asked,
            answered: attempt.at,
            outcome: attempt.outcome.clone(),
            delete: body.is_none(),
            edits: edits(view, body, &self.shared.rules),
            facts: Facts::default(),
        })
    }
}

/// What a client may conclude from an answer.
pub(super) fn attempt(asked: Tick, at: Tick, answer: Result<Written, CallError>) -> Attempt {
    let mut report = None;
    let outcome = match answer {
        Ok(Written {
            revision, dot, merged, ..
        }) => Outcome::Ok {
            revision: revision.to_string(),
            stamp: Stamp(dot),
            merged,
        },
        Err(CallError::Refused(refusal)) => {
            report = refusal.conflict;
            Outcome::Refused { reason: refusal.reason }
        }
        Err(CallError::TooLarge(_)) => Outcome::Refused {
            reason: "TOO_LARGE".to_owned(),
        },
        Err(CallError::Unreachable { .. }) => Outcome::Refused {
            reason: "NEVER_SENT".to_owned(),
        },
        Err(error @ (CallError::Unknown { .. } | CallError::Protocol { .. })) => Outcome::Unknown {
            problem: error.to_string(),
        },
    };
    Attempt {
        asked,
        at,
        outcome,
        report,
    }
}

fn protocol(client: &Client, error: &anyhow::Error) -> CallError {
    CallError::Protocol {
        address: client.address().to_owned(),
        problem: format!("{error:#}"),
    }
}
