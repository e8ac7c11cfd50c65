//! One client that talks to one node at a time and writes down everything it does and sees.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rejoin_api::{Reason, SessionToken};
use rejoin_client::{CallError, Choice, Client, Conditions, Document, OnConflict, Patch, WriteOptions, Written};

use super::attempt::attempt;
use super::{Attempt, How, HttpDoor, Site, Timings};
use crate::history::{
    self, Answer, Entry, Event, Facts, Json, Knowledge, Outcome, Read, Reading, Recorder, Rules, Tick, edits,
};
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

/// One client, and what it has seen so far: the token goes along wherever it moves.
#[derive(Debug)]
pub struct Session {
    name: String,
    /// Sessions that this client had before, because a node had lost what they had seen.
    lost: u32,
    datacenter: String,
    pub(super) client: Client,
    /// Through which it reads and writes what that interface can.
    pub(super) http: Option<HttpDoor>,
    pub(super) shared: Arc<Shared>,
    writes: u64,
    pub(super) timings: Timings,
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
    /// Writes that the answer has for certain.
    pub certain: Option<Knowledge>,
}

impl Session {
    /// A client of `datacenter`'s node; `name` is unique in the run.
    pub fn new(name: &str, datacenter: &str, client: Client, shared: Arc<Shared>) -> Self {
        let (name, datacenter) = (name.to_owned(), datacenter.to_owned());
        Self {
            name,
            lost: 0,
            datacenter,
            client,
            http: None,
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

    /// Goes on with the same session at another node, through the same interface where that is served.
    pub fn move_to(&mut self, site: &Site) {
        self.client = site.client.with_session(self.client.session().clone());
        if self.http.is_some() {
            self.go_over_http(site);
        }
        site.datacenter.clone_into(&mut self.datacenter);
    }

    /// Reads and writes over HTTP from now on what that interface can, if the site serves it. There are no sessions over HTTP: nothing is promised about
    /// what this client sees one after another.
    pub fn go_over_http(&mut self, site: &Site) {
        let door = site.http.as_ref().map(|url| HttpDoor::new(url, &self.shared.database));
        self.http = door.or(self.http.take());
    }

    /// The bytes of the session's token; 0 while it has none.
    pub fn token_bytes(&self) -> usize {
        let token = self.client.session().token(&self.shared.database);
        token.map_or(0, |token| token.len())
    }

    /// Reads a document.
    ///
    /// # Errors
    /// The node did not answer, or refused: it may lack what the session has seen.
    pub async fn read(&mut self, document: &str) -> Result<Sight, CallError> {
        if let Some(door) = self.http.clone() {
            return self.read_over(&door, document).await;
        }
        let (asked, covered) = (self.shared.recorder.tick(), self.covered());
        let begun = Instant::now();
        let answer = match self.client.get(&self.shared.database, document).await {
            Err(error) if is_absent(&error) => Ok(None),
            answer => answer.map(Some),
        };
        let question = Question {
            document,
            asked,
            covered,
            snapshot: None,
        };
        let sight = self.looked(question, answer)?;
        self.timings.reads.push(begun.elapsed());
        Ok(sight)
    }

    /// What the session's token covers; `None` without one, or with one that this version does not read, or where some calls know of no session.
    pub(super) fn covered(&self) -> Option<Knowledge> {
        if self.http.is_some() {
            return None;
        }
        covered(&self.client, &self.shared.database)
    }

    /// Writes down what a read was answered.
    pub(super) fn looked(
        &mut self,
        question: Question<'_>,
        found: Result<Option<Document>, CallError>,
    ) -> Result<Sight, CallError> {
        let at = self.shared.recorder.tick();
        let catching_up = match &found {
            Ok(Some(document)) => Some(!document.state.catching_up_from.is_empty()),
            _ => None,
        };
        let view = found.and_then(|found| {
            let view = found.map(|document| View::of(&document)).transpose();
            view.map_err(|error| protocol(&self.client, &error))
        });
        let answer = match &view {
            Ok(Some(view)) => Answer::Document(view.clone()),
            Ok(None) => Answer::Absent,
            Err(error) => Answer::Failed { reason: reason(error) },
        };
        let (asked, certain) = (question.asked, question.covered.clone());
        self.note(question, at, catching_up, answer);
        if let Err(error) = &view {
            self.timings.failed += 1;
            self.begin_anew_if_lost(error);
        }
        view.map(|view| Sight {
            asked,
            at,
            view,
            certain,
        })
    }

    pub(super) fn note(&self, question: Question<'_>, at: Tick, catching_up: Option<bool>, answer: Answer) {
        self.shared.recorder.record(Event::Reading(Reading {
            client: self.name.clone(),
            session: self.session_name(),
            datacenter: self.datacenter.clone(),
            document: question.document.to_owned(),
            asked: question.asked,
            at,
            snapshot: question.snapshot,
            covered: question.covered,
            knowledge: None,
            catching_up,
            answer,
        }));
    }

    /// What the session has seen was lost for good: this client begins another one.
    fn begin_anew_if_lost(&mut self, error: &CallError) {
        if error.reason() == Some(Reason::SessionLost) {
            self.client.session().forget(&self.shared.database);
            self.lost += 1;
        }
    }

    fn session_name(&self) -> Option<String> {
        match self.lost {
            _ if self.http.is_some() => None,
            0 => Some(self.name.clone()),
            lost => Some(format!("{}'{lost}", self.name)),
        }
    }

    /// Creates the document, if `sight` showed none, or replaces the body that it showed.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn write(&mut self, document: &str, sight: &Sight, body: &Body) -> anyhow::Result<Attempt> {
        self.send(document, sight, Some(body), &How::Whole(OnConflict::Merge))
            .await
    }

    /// Deletes the document that `sight` showed.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn delete(&mut self, document: &str, sight: &Sight) -> anyhow::Result<Attempt> {
        self.send(document, sight, None, &How::Whole(OnConflict::Merge)).await
    }

    /// As [`Session::write`], in another way; `body` is what the author wants to come of it.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn write_as(&mut self, document: &str, sight: &Sight, body: &Body, how: &How) -> anyhow::Result<Attempt> {
        self.send(document, sight, Some(body), how).await
    }

    /// Settles a conflict that `sight` showed, of values without parts, by a value.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn resolve(
        &mut self,
        document: &str,
        sight: &Sight,
        path: &str,
        value: &Json,
    ) -> anyhow::Result<Attempt> {
        let (asked, covered) = (self.shared.recorder.tick(), self.covered());
        let begun = Instant::now();
        let view = sight.view.as_ref();
        let choices = [(path.to_owned(), Choice::Value(Bytes::from(value.as_str().to_owned())))];
        let base = view.map(|view| view.revision.as_str());
        let answer = self
            .client
            .resolve(&self.shared.database, document, &choices, base)
            .await;
        let took = begun.elapsed();
        let answer = answer.map(|(written, _)| written);
        let attempt = attempt(asked, self.shared.recorder.tick(), answer);
        self.time(&attempt, took);
        let sent = Sent {
            document,
            sight,
            body: None,
            covered,
            batch: None,
            request: None,
            resolution: Some(history::Edit::Assign {
                path: path.to_owned(),
                read: view.map(|view| view.values_at(path)).unwrap_or_default(),
                value: value.clone(),
            }),
        };
        self.log(sent, asked, &attempt)?;
        Ok(attempt)
    }

    async fn send(&mut self, document: &str, sight: &Sight, body: Option<&Body>, how: &How) -> anyhow::Result<Attempt> {
        let (asked, covered) = (self.shared.recorder.tick(), self.covered());
        let begun = Instant::now();
        let base = sight.view.as_ref().map(|view| view.revision.as_str());
        let body_text = body.map(Body::to_bytes);
        let attempt = match self
            .http
            .clone()
            .filter(|_| how.goes_over_http(base, body_text.as_ref()))
        {
            Some(door) => {
                let outcome = door.write(document, base, body_text).await;
                Attempt::without_report(asked, self.shared.recorder.tick(), outcome)
            }
            None => {
                let answer = self.call(document, base, body_text, how).await;
                if let Err(error) = &answer {
                    self.begin_anew_if_lost(error);
                }
                attempt(asked, self.shared.recorder.tick(), answer)
            }
        };
        let took = begun.elapsed();
        self.time(&attempt, took);
        let sent = Sent {
            document,
            sight,
            body,
            covered,
            batch: None,
            request: how.request(),
            resolution: None,
        };
        self.log(sent, asked, &attempt)?;
        Ok(attempt)
    }

    pub(super) fn time(&mut self, attempt: &Attempt, took: std::time::Duration) {
        match &attempt.outcome {
            Outcome::Ok { .. } => self.timings.writes.push(took),
            Outcome::Refused { .. } => self.timings.refused += 1,
            Outcome::Unknown { .. } => self.timings.failed += 1,
        }
    }

    async fn call(
        &self,
        document: &str,
        base: Option<&str>,
        body: Option<Bytes>,
        how: &How,
    ) -> Result<Written, CallError> {
        let (database, client) = (&self.shared.database, &self.client);
        let Some(body) = body else {
            return client.delete(database, document, base).await;
        };
        let conditions = |on_conflict| Conditions {
            on_conflict,
            ..Conditions::since(base)
        };
        let replaced = match how {
            // A patch without a base is applied to whatever is there, which its author has not seen.
            How::Whole(_) | How::Patch(..) if base.is_none() => return client.create(database, document, body).await,
            How::Whole(on_conflict) => {
                client
                    .update_with(database, document, body, &conditions(*on_conflict))
                    .await
            }
            How::Patch(patch, on_conflict) => {
                let patch = Patch::Merge(patch.to_bytes());
                client
                    .patch(database, document, patch, &conditions(*on_conflict), false)
                    .await
            }
            How::Verb(edit, request) => {
                let client = client.writing(WriteOptions {
                    request_id: request.clone(),
                    ..WriteOptions::default()
                });
                let patch = Patch::Edits(vec![edit.clone()]);
                client
                    .patch(database, document, patch, &Conditions::since(base), false)
                    .await
            }
        };
        replaced.map(|replaced| replaced.written)
    }

    /// Logs a write under a number of its own.
    pub(super) fn log(&self, sent: Sent<'_>, number: Tick, attempt: &Attempt) -> anyhow::Result<()> {
        let view = sent.sight.view.as_ref();
        let resolves = sent.resolution.is_some();
        let edits = match sent.resolution {
            Some(edit) => vec![edit],
            None => edits(view, sent.body, &self.shared.rules),
        };
        let removals = view.map(|view| {
            view.listed_removals()
                .map(|(path, stamp)| (path.to_owned(), stamp))
                .collect()
        });
        let read = Read {
            at: sent.sight.at,
            revision: view.map(|view| view.revision.clone()),
            removals: removals.unwrap_or_default(),
            deletions: view.map(|view| view.listed_deletions().collect()).unwrap_or_default(),
        };
        self.shared.recorder.append(&Entry {
            number,
            client: self.name.clone(),
            datacenter: self.datacenter.clone(),
            document: sent.document.to_owned(),
            read,
            invoked: attempt.asked,
            answered: attempt.at,
            outcome: attempt.outcome.clone(),
            delete: sent.body.is_none() && !resolves,
            edits,
            facts: Facts {
                session: self.session_name(),
                batch: sent.batch,
                request: sent.request.map(str::to_owned),
                covered: sent.covered,
                certain: sent.sight.certain.clone(),
                upon: self
                    .covered()
                    .filter(|_| matches!(attempt.outcome, Outcome::Ok { merged: true, .. })),
                resolves,
                ..Facts::default()
            },
        })
    }
}

/// A read under way.
pub(super) struct Question<'a> {
    pub(super) document: &'a str,
    pub(super) asked: Tick,
    pub(super) covered: Option<Knowledge>,
    pub(super) snapshot: Option<u64>,
}

/// A write that was sent.
pub(super) struct Sent<'a> {
    pub(super) document: &'a str,
    pub(super) sight: &'a Sight,
    pub(super) body: Option<&'a Body>,
    pub(super) covered: Option<Knowledge>,
    pub(super) batch: Option<u64>,
    pub(super) request: Option<&'a str>,
    /// It settles a conflict: the one thing that it changes.
    pub(super) resolution: Option<history::Edit>,
}

/// What the token of a client's session covers.
pub(super) fn covered(client: &Client, database: &str) -> Option<Knowledge> {
    let token = client.session().token(database)?;
    Some(Knowledge(SessionToken::decode(&token).ok()?.seen))
}

/// The node's reason, or that there was no answer.
pub(super) fn reason(error: &CallError) -> String {
    let refusal = error.refusal();
    refusal.map_or_else(|| "NO_ANSWER".to_owned(), |refusal| refusal.reason.clone())
}

pub(super) fn protocol(client: &Client, error: &anyhow::Error) -> CallError {
    CallError::Protocol {
        address: client.address().to_owned(),
        problem: format!("{error:#}"),
    }
}
