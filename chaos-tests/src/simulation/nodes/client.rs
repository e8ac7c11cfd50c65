//! A client of the simulation: `rejoin-client` over the simulated network, at work on a few documents, with its session and a way round dead nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rejoin_api::{Reason, SessionToken};
use rejoin_client::{
    Batch, CallError, Client, ClientOptions, Conditions, Document, OnConflict, ReadOptions, WriteOptions, Written,
};

use super::journal::{Journal, Stand};
use super::network::{address, dialler};
use crate::history::{Answer, Entry, Event, Facts, Knowledge, Outcome, Read, Reading, Rules, Stamp, Tick, edits};
use crate::ledger::is_absent;
use crate::plan::{Dice, Workload};
use crate::view::{Body, View};
use crate::workload::{edit, new_body};

/// The database of every run.
pub(super) const DATABASE: &str = "things";

/// Sights of a document that a client remembers, to write on one that is old.
const REMEMBERED: usize = 5;

/// One client.
pub(super) struct SimulatedClient {
    name: String,
    /// Its datacenter, by its place among `nodes`.
    home: usize,
    nodes: Vec<String>,
    client: Client,
    sessions: u32,
    workload: Workload,
    rules: Rules,
    dice: Dice,
    bodies: StdRng,
    journal: Journal,
    seen: BTreeMap<String, Vec<Seen>>,
    nonces: u64,
    batches: u64,
}

/// What a read showed, and when its answer came.
#[derive(Clone)]
struct Seen {
    at: Tick,
    view: Option<View>,
}

/// A write that is about to be sent.
struct Draft {
    document: String,
    seen: Seen,
    /// `None`: a delete.
    body: Option<Body>,
    conditions: Conditions,
    facts: Facts,
}

impl SimulatedClient {
    /// A client of the datacenter `home`; `nodes` are the names of all. Must be called inside its runtime.
    ///
    /// # Errors
    /// A node has a name that is no address.
    pub(super) fn new(
        name: String,
        home: usize,
        nodes: Vec<String>,
        workload: Workload,
        rules: Rules,
        seed: u64,
        journal: Journal,
    ) -> anyhow::Result<Self> {
        let mut dice = Dice::of(seed, &name);
        let bodies = StdRng::seed_from_u64(dice.number());
        Ok(Self {
            client: connect(&nodes, home)?,
            name,
            home,
            nodes,
            sessions: 0,
            workload,
            rules,
            dice,
            bodies,
            journal,
            seen: BTreeMap::new(),
            nonces: 0,
            batches: 0,
        })
    }

    /// Works from the beginning of the work to its end.
    ///
    /// # Errors
    /// A node answers something that is no document.
    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        while self.journal.stand() < Stand::Working {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.journal.at_work(1);
        while self.journal.stand() == Stand::Working {
            self.operate().await?;
            if self.dice.percent(self.workload.failover_percent.into()) {
                self.move_on()?;
            }
            let pause = self.dice.between(1, self.workload.pause_ms_max.max(1));
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.journal.at_work(-1);
        Ok(())
    }

    /// Goes on at another datacenter, or back at its own, with the same session.
    fn move_on(&mut self) -> anyhow::Result<()> {
        let first = if self.dice.percent(50) {
            self.home
        } else {
            self.dice.index(self.nodes.len())
        };
        self.client = connect(&self.nodes, first)?.with_session(self.client.session().clone());
        Ok(())
    }

    async fn operate(&mut self) -> anyhow::Result<()> {
        let document = self.any_document();
        if self.dice.percent(self.workload.reads_percent.into()) {
            if self.dice.percent(20) {
                self.read_many().await?;
            } else {
                self.read(&document).await?;
            }
            return Ok(());
        }
        if self.dice.percent(self.workload.batches_percent.into()) {
            return self.write_batch().await;
        }
        let stale = self.dice.percent(self.workload.stale_percent.into());
        let known = self.seen.get(&document).filter(|_| stale).cloned().unwrap_or_default();
        let seen = if known.is_empty() {
            self.read(&document).await?
        } else {
            Some(self.dice.choose(&known).clone())
        };
        match seen {
            Some(seen) => self.write(document, seen).await,
            None => Ok(()),
        }
    }

    fn any_document(&mut self) -> String {
        format!("document-{}", self.dice.below(self.workload.documents.into()))
    }

    /// Reads a document; `None`: the node did not say what it shows.
    async fn read(&mut self, document: &str) -> anyhow::Result<Option<Seen>> {
        let (asked, covered) = (self.journal.tick(), self.covered());
        let answer = self.client.get(DATABASE, document).await;
        self.note_reading(document, asked, covered, None, answer)
    }

    /// Reads two documents in one call.
    async fn read_many(&mut self) -> anyhow::Result<()> {
        let ids = [self.any_document(), self.any_document()];
        let (asked, covered) = (self.journal.tick(), self.covered());
        let snapshot = Some(asked);
        match self.client.get_many(DATABASE, &ids).await {
            Ok(found) => {
                for (id, document) in ids.iter().zip(found) {
                    let answer = document.filter(|document| !document.deleted).map_or(Ok(None), |found| Ok(Some(found)));
                    self.note(id, asked, covered.clone(), snapshot, answer)?;
                }
            }
            Err(error) => {
                for id in &ids {
                    self.note(id, asked, covered.clone(), snapshot, Err(error.clone()))?;
                }
            }
        }
        Ok(())
    }

    fn note_reading(
        &mut self,
        document: &str,
        asked: Tick,
        covered: Option<Knowledge>,
        snapshot: Option<u64>,
        answer: Result<Document, CallError>,
    ) -> anyhow::Result<Option<Seen>> {
        let answer = match answer {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        };
        self.note(document, asked, covered, snapshot, answer)
    }

    /// Writes a reading down, and remembers it.
    fn note(
        &mut self,
        document: &str,
        asked: Tick,
        covered: Option<Knowledge>,
        snapshot: Option<u64>,
        answer: Result<Option<Document>, CallError>,
    ) -> anyhow::Result<Option<Seen>> {
        let at = self.journal.tick();
        let session = Some(self.session());
        let (sight, catching_up, seen) = match answer {
            Ok(found) => {
                let view = found.as_ref().map(View::of).transpose()?;
                let catching_up = found.map(|found| !found.state.catching_up_from.is_empty());
                let sight = view.clone().map_or(Answer::Absent, Answer::Document);
                (sight, catching_up, Some(Seen { at, view }))
            }
            Err(error) => (Answer::Failed { reason: self.failed(&error) }, None, None),
        };
        self.journal.push(Event::Reading(Reading {
            client: self.name.clone(),
            session,
            datacenter: self.datacenter(),
            document: document.to_owned(),
            asked,
            at,
            snapshot,
            covered,
            knowledge: None,
            catching_up,
            answer: sight,
        }));
        self.journal.operated();
        if let Some(seen) = &seen {
            let known = self.seen.entry(document.to_owned()).or_default();
            known.push(seen.clone());
            if known.len() > REMEMBERED {
                known.remove(0);
            }
        }
        Ok(seen)
    }

    /// Changes what a read showed, and sends it.
    async fn write(&mut self, document: String, seen: Seen) -> anyhow::Result<()> {
        let draft = self.draft(document, seen)?;
        let named = self.dice.percent(40).then(|| format!("{}.{}", self.name, self.nonces));
        let facts = Facts {
            request: named.clone(),
            ..draft.facts.clone()
        };
        let client = self.client.writing(WriteOptions {
            request_id: named,
            ..WriteOptions::default()
        });
        let asked = self.journal.tick();
        let id = draft.document.as_str();
        let answer = match (&draft.body, &draft.seen.view) {
            (Some(body), None) => client.create(DATABASE, id, bytes(body)).await,
            (Some(body), Some(_)) => {
                let answer = client.update_with(DATABASE, id, bytes(body), &draft.conditions).await;
                answer.map(|replaced| replaced.written)
            }
            (None, _) => {
                let answer = client.delete_with(DATABASE, id, &draft.conditions).await;
                answer.map(|replaced| replaced.written)
            }
        };
        let draft = Draft { facts, ..draft };
        self.note_write(draft, asked, answer);
        Ok(())
    }

    /// Writes two documents, both or none.
    async fn write_batch(&mut self) -> anyhow::Result<()> {
        let first = self.dice.below(self.workload.documents.into());
        let mut drafts = Vec::new();
        for number in [first, (first + 1) % u64::from(self.workload.documents.max(2))] {
            let document = format!("document-{number}");
            let Some(seen) = self.read(&document).await? else {
                return Ok(());
            };
            drafts.push(self.draft(document, seen)?);
        }
        self.batches += 1;
        let number = self.dice.number() >> 12;
        let mut batch = Batch::new();
        for draft in &mut drafts {
            draft.facts.batch = Some(number);
            let id = draft.document.as_str();
            batch = match (&draft.body, &draft.seen.view) {
                (Some(body), None) => batch.create(id, bytes(body)),
                (Some(body), Some(_)) => batch.update(id, bytes(body), &draft.conditions),
                (None, _) => batch.delete(id, &draft.conditions),
            };
        }
        let asked = self.journal.tick();
        match self.client.write_batch(DATABASE, batch).await {
            Ok(written) => {
                for (draft, replaced) in drafts.into_iter().zip(written) {
                    self.note_write(draft, asked, Ok(replaced.written));
                }
            }
            Err(error) => {
                for draft in drafts {
                    self.note_write(draft, asked, Err(error.clone()));
                }
            }
        }
        Ok(())
    }

    fn draft(&mut self, document: String, seen: Seen) -> anyhow::Result<Draft> {
        let deletes = self.dice.percent(self.workload.deletes_percent.into());
        let body = match &seen.view {
            Some(_) if deletes => None,
            Some(view) => {
                let mut body = view.body.clone();
                for _ in 0..self.dice.between(1, 2) {
                    let nonce = self.nonce();
                    edit(&mut body, &mut self.bodies, &nonce)?;
                }
                Some(body)
            }
            None => Some(new_body(&self.nonce())?),
        };
        let on_conflict = if self.dice.percent(40) {
            OnConflict::KeepBranch
        } else {
            OnConflict::Merge
        };
        let base = seen.view.as_ref().map(|view| view.revision.clone());
        Ok(Draft {
            document,
            body,
            conditions: Conditions {
                base,
                on_conflict,
                ..Conditions::default()
            },
            facts: Facts {
                session: Some(self.session()),
                covered: self.covered(),
                ..Facts::default()
            },
            seen,
        })
    }

    fn note_write(&mut self, draft: Draft, asked: Tick, answer: Result<Written, CallError>) {
        let answered = self.journal.tick();
        let outcome = match answer {
            Ok(written) => Outcome::Ok {
                revision: written.revision.to_string(),
                stamp: Stamp(written.dot),
                merged: written.merged,
            },
            Err(error) => {
                let reason = self.failed(&error);
                match error {
                    CallError::Unknown { problem, .. } | CallError::Protocol { problem, .. } => {
                        Outcome::Unknown { problem }
                    }
                    _ => Outcome::Refused { reason },
                }
            }
        };
        let view = draft.seen.view.as_ref();
        let removals = view.map(|view| {
            let listed = view.listed_removals();
            listed.map(|(path, stamp)| (path.to_owned(), stamp)).collect()
        });
        let read = Read {
            at: draft.seen.at,
            revision: view.map(|view| view.revision.clone()),
            removals: removals.unwrap_or_default(),
            deletions: view.map(|view| view.listed_deletions().collect()).unwrap_or_default(),
        };
        self.journal.push(Event::Write(Entry {
            number: self.journal.tick(),
            client: self.name.clone(),
            datacenter: self.datacenter(),
            read,
            invoked: asked,
            answered,
            outcome,
            delete: draft.body.is_none(),
            edits: edits(view, draft.body.as_ref(), &self.rules),
            document: draft.document,
            facts: draft.facts,
        }));
        self.journal.operated();
    }

    /// The reason of a failure. A session whose writes were lost with a disk begins anew, under another name.
    fn failed(&mut self, error: &CallError) -> String {
        match error.reason() {
            Some(Reason::SessionLost) => {
                self.client.session().forget(DATABASE);
                self.sessions += 1;
            }
            Some(Reason::InvalidSession) => self.sessions += 1,
            _ => {}
        }
        match error {
            CallError::Refused(refusal) => refusal.reason.clone(),
            CallError::TooLarge(_) => "TOO_LARGE".to_owned(),
            CallError::Unreachable { .. } => "NEVER_SENT".to_owned(),
            CallError::Unknown { .. } => "NO_ANSWER".to_owned(),
            CallError::Protocol { .. } => "PROTOCOL".to_owned(),
        }
    }

    fn nonce(&mut self) -> String {
        self.nonces += 1;
        format!("{}.{}", self.name, self.nonces)
    }

    fn session(&self) -> String {
        format!("{}#{}", self.name, self.sessions)
    }

    /// What the session's token covers.
    fn covered(&self) -> Option<Knowledge> {
        let token = self.client.session().token(DATABASE)?;
        SessionToken::decode(&token).ok().map(|token| Knowledge(token.seen))
    }

    /// The datacenter that has answered: without probing, calls stay at a node until one fails there.
    fn datacenter(&self) -> String {
        let current = self.client.address();
        let node = self.nodes.iter().find(|node| address(node) == current);
        node.cloned().unwrap_or_default()
    }
}

/// A client of all nodes that begins with `first`.
fn connect(nodes: &[String], first: usize) -> anyhow::Result<Client> {
    let mut addresses: Vec<String> = nodes.iter().map(|node| address(node)).collect();
    addresses.rotate_left(first % nodes.len().max(1));
    let client = Client::with_dialler(&addresses, options(), dialler())?;
    Ok(client.reading(ReadOptions {
        wait: Some(Duration::from_secs(1)),
        ..ReadOptions::default()
    }))
}

/// Less patient than by default, and never back by itself: the run decides when a client goes home.
fn options() -> ClientOptions {
    ClientOptions {
        deadline: Duration::from_secs(6),
        connect_timeout: Duration::from_secs(1),
        return_after: Duration::from_secs(1_000_000),
        attempts_max: 2,
        keepalive_interval: Duration::from_secs(2),
        keepalive_timeout: Duration::from_secs(2),
        ..ClientOptions::default()
    }
}

fn bytes(body: &Body) -> Bytes {
    body.to_bytes()
}
