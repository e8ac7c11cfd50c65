//! A client of the simulation: `rejoin-client` over the simulated network, at work on a few documents, with its session and a way round dead nodes.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rejoin_api::{Reason, SessionToken};
use rejoin_client::{CallError, Client, ClientOptions, Document, ReadOptions, Written};

use super::acts::Draft;
use super::journal::{Journal, Stand};
use super::network::{address, dialler};
use crate::history::{Answer, Entry, Event, Facts, Knowledge, Outcome, Read, Reading, Rules, Stamp, Tick};
use crate::ledger::is_absent;
use crate::plan::{Dice, FaultKind};
use crate::view::View;
use crate::workload::{Base, Generator, Operation, Workload};

/// The database of every run.
pub(super) const DATABASE: &str = "things";

/// Sights of a document that a client remembers, to write on one that is old.
const REMEMBERED: usize = 5;

/// One client.
pub(super) struct SimulatedClient {
    name: String,
    /// The datacenter that it was made for, by its place among `nodes`.
    native: usize,
    /// Its datacenter.
    pub(super) home: usize,
    pub(super) nodes: Vec<String>,
    pub(super) client: Client,
    sessions: u32,
    pub(super) rules: Rules,
    generator: Generator,
    dice: Dice,
    pub(super) journal: Journal,
    /// Writes with a request id that were not answered, to be sent again.
    pub(super) unanswered: Vec<Rc<Draft>>,
    seen: BTreeMap<String, Vec<Seen>>,
}

/// What a read showed, and when its answer came.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) at: Tick,
    pub(super) view: Option<View>,
    /// Writes that it has for certain: a read has all that its session had seen.
    pub(super) certain: Option<Knowledge>,
}

/// A read that was sent.
struct Asked {
    document: String,
    at: Tick,
    covered: Option<Knowledge>,
    /// Documents that are read in one call share a number.
    snapshot: Option<u64>,
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
        workload: &Workload,
        seed: u64,
        journal: Journal,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            client: connect(&nodes, home)?,
            generator: Generator::new(workload, &name),
            dice: Dice::of(seed, &name),
            name,
            native: home,
            home,
            nodes,
            sessions: 0,
            rules: workload.rules.clone(),
            journal,
            unanswered: Vec::new(),
            seen: BTreeMap::new(),
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
            self.repeat_all().await;
            let operation = self.generator.next(&mut self.dice);
            self.perform(operation).await?;
            let pause_ms = 1 + self.generator.pause_ms(&mut self.dice);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
        self.journal.at_work(-1);
        Ok(())
    }

    async fn perform(&mut self, operation: Operation) -> anyhow::Result<()> {
        match operation {
            Operation::Read { document } => drop(self.read(&document).await?),
            Operation::ReadMany { documents } => self.read_many(&documents).await?,
            Operation::FailOver { to } => self.fail_over(to)?,
            write => self.perform_write(write).await?,
        }
        Ok(())
    }

    /// Goes on at another datacenter, with the same session.
    fn fail_over(&mut self, to: u32) -> anyhow::Result<()> {
        let others = self.nodes.len().saturating_sub(1).max(1);
        self.home = (self.home + 1 + to as usize % others) % self.nodes.len();
        self.client = connect(&self.nodes, self.home)?.with_session(self.client.session().clone());
        Ok(())
    }

    /// What a write builds on; `None`: the node did not say what it shows.
    pub(super) async fn base(&mut self, document: &str, base: Base) -> anyhow::Result<Option<Seen>> {
        if let (Base::Remembered(ago), Some(known)) = (base, self.seen.get(document)) {
            let place = known.len().saturating_sub(1 + ago as usize);
            // Where nothing was shown nobody can tell from outside what a creation met: that is looked at afresh.
            if let Some(seen) = known.get(place).filter(|seen| seen.view.is_some()) {
                return Ok(Some(seen.clone()));
            }
        }
        self.read(document).await
    }

    /// Reads a document; `None`: the node did not say what it shows.
    async fn read(&mut self, document: &str) -> anyhow::Result<Option<Seen>> {
        let asked = self.ask(document, self.journal.tick(), None);
        let answer = match self.client.get(DATABASE, document).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        };
        self.note_reading(asked, answer)
    }

    /// Reads documents in one call.
    async fn read_many(&mut self, documents: &[String]) -> anyhow::Result<()> {
        let at = self.journal.tick();
        let asked: Vec<Asked> = documents
            .iter()
            .map(|document| self.ask(document, at, Some(at)))
            .collect();
        let answers = match self.client.get_many(DATABASE, documents).await {
            Ok(found) => found
                .documents
                .into_iter()
                .map(|found| Ok(found.filter(|found| !found.deleted)))
                .collect(),
            Err(error) => vec![Err(error); documents.len()],
        };
        for (asked, answer) in asked.into_iter().zip(answers) {
            self.note_reading(asked, answer)?;
        }
        Ok(())
    }

    fn ask(&self, document: &str, at: Tick, snapshot: Option<u64>) -> Asked {
        Asked {
            document: document.to_owned(),
            at,
            covered: self.covered(),
            snapshot,
        }
    }

    /// Writes a reading down, and remembers it.
    fn note_reading(
        &mut self,
        asked: Asked,
        answer: Result<Option<Document>, CallError>,
    ) -> anyhow::Result<Option<Seen>> {
        let at = self.journal.tick();
        let session = Some(self.session());
        let (answer, catching_up, seen) = match answer {
            Ok(found) => {
                let view = found.as_ref().map(View::of).transpose()?;
                let catching_up = found.map(|found| !found.state.catching_up_from.is_empty());
                let answer = view.clone().map_or(Answer::Absent, Answer::Document);
                // The token of this answer covers what it shows; that of several documents may name later writes than some of them hold.
                let certain = match asked.snapshot {
                    None => self.covered(),
                    Some(_) => asked.covered.clone(),
                };
                (answer, catching_up, Some(Seen { at, view, certain }))
            }
            Err(error) => {
                let reason = self.failed(&error);
                (Answer::Failed { reason }, None, None)
            }
        };
        self.journal.push(Event::Reading(Reading {
            client: self.name.clone(),
            session,
            datacenter: self.datacenter(),
            document: asked.document.clone(),
            asked: asked.at,
            at,
            snapshot: asked.snapshot,
            covered: asked.covered,
            knowledge: None,
            catching_up,
            answer,
        }));
        self.journal.operated();
        if let Some(seen) = &seen {
            let known = self.seen.entry(asked.document).or_default();
            known.push(seen.clone());
            if known.len() > REMEMBERED {
                known.remove(0);
            }
        }
        Ok(seen)
    }

    /// What is written down of a write beside what it did.
    pub(super) fn facts(&self) -> Facts {
        Facts {
            session: Some(self.session()),
            covered: self.covered(),
            ..Facts::default()
        }
    }

    /// Writes down what became of a write: `entry` says what it did, when it was sent and, if the client does not stay at one node, where to.
    pub(super) fn note_write(&mut self, mut entry: Entry, answer: Result<Written, CallError>) {
        if entry.read.revision.is_some() && answer.is_ok() {
            entry.facts.upon = self.covered();
        }
        self.note_one_of_many(entry, answer);
    }

    /// The same of a write that was sent beside others: what the session covers when it is answered may be more than what the write was put on.
    pub(super) fn note_one_of_many(&mut self, entry: Entry, answer: Result<Written, CallError>) {
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
        let mut entry = entry;
        if entry.datacenter.is_empty() {
            entry.datacenter = self.datacenter();
        }
        self.journal.push(Event::Write(Entry {
            client: self.name.clone(),
            answered,
            outcome,
            ..entry
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
            CallError::Unreachable { .. } | CallError::Untrusted { .. } => "NEVER_SENT".to_owned(),
            CallError::Unknown { .. } => "NO_ANSWER".to_owned(),
            CallError::Protocol { .. } => "PROTOCOL".to_owned(),
        }
    }

    /// The name of the session.
    fn session(&self) -> String {
        format!("{}#{}", self.name, self.sessions)
    }

    /// What the session's token covers.
    fn covered(&self) -> Option<Knowledge> {
        let token = self.client.session().token(DATABASE)?;
        SessionToken::decode(&token).ok().map(|token| Knowledge(token.seen))
    }

    /// Whether it repeats now what was not answered, with all other clients that were made for its datacenter.
    pub(super) fn is_in_a_storm(&self) -> bool {
        self.journal.is_asked(FaultKind::RetryStorm, self.native)
    }

    /// A repetition was answered as the write itself was.
    pub(super) fn has_stormed(&self) {
        self.journal.has_done(FaultKind::RetryStorm, self.native);
    }

    /// A client of one node alone, with the same session.
    pub(super) fn at(&self, node: usize) -> anyhow::Result<Client> {
        Ok(connect(&self.nodes[node..=node], 0)?.with_session(self.client.session().clone()))
    }

    /// The datacenter that has answered: without probing, calls stay at a node until one fails there.
    fn datacenter(&self) -> String {
        let current = self.client.address();
        let node = self.nodes.iter().find(|node| address(node) == current);
        node.cloned().unwrap_or_default()
    }
}

/// A client of all these nodes that begins with `first`.
pub(super) fn connect(nodes: &[String], first: usize) -> anyhow::Result<Client> {
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

/// What a client had read of a document.
pub(super) fn read_of(seen: &Seen) -> Read {
    let view = seen.view.as_ref();
    let removals = view.map(|view| {
        let listed = view.listed_removals();
        listed.map(|(path, stamp)| (path.to_owned(), stamp)).collect()
    });
    Read {
        at: seen.at,
        revision: view.map(|view| view.revision.clone()),
        removals: removals.unwrap_or_default(),
        deletions: view.map(|view| view.listed_deletions().collect()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use rejoin_document::{Dot, HlcTime, ReplicaId};

    use super::*;

    #[tokio::test]
    async fn what_a_read_shows_its_reader_has_seen_for_certain() {
        let journal = Journal::new(Rules::default(), Vec::new());
        let nodes = vec!["dc-a".to_owned()];
        let mut client = SimulatedClient::new("c".to_owned(), 0, nodes, &Workload::default(), 1, journal).unwrap();
        let asked = [None, Some(1)].map(|snapshot| client.ask("document-0", 1, snapshot));
        // The answer comes with a token.
        let mut token = SessionToken::new(DATABASE);
        token.seen.advance(Dot {
            replica: ReplicaId([1; 8]),
            time: HlcTime(7),
        });
        client.client.session().resume(DATABASE, token.encode().into());
        let certain = asked.map(|asked| client.note_reading(asked, Ok(None)).unwrap().unwrap().certain);
        assert_eq!(certain, [Some(Knowledge(token.seen)), None]);
    }
}
