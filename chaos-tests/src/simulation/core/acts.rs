//! What clients do: operations of the workload, carried out on a store, and written down as their clients saw them.

use std::sync::Arc;

use rejoin_document::{DocumentId, Edit, Patch, Revision, Rule};
use rejoin_store::{
    Action, Choice as StoreChoice, CommitError, Operation as StoreOperation, Outcome as StoreOutcome, Resolve, Seen,
    Settling, WriteBatch, Written,
};

use super::client::Named;
use super::disk::Failing;
use super::requests::{object, refusal, request_of};
use super::run::Run;
use super::sight::Sight;
use crate::history::{Answer, Entry, Event, Facts, Json, Knowledge, Reading, turned_resolution};
use crate::view::{Body, Conflict, Contender, View};
use crate::workload::{Base, Change, Choice, OnConflict, Operation, changed};

/// What is to become of the node in the middle of the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// It dies before anything is done.
    Before,
    /// It dies, or its disk fails, while it syncs.
    InSync(Failing),
    /// The power goes while it syncs.
    PowerInSync(Failing),
    /// It dies when all is done, before the answer is out.
    BeforeAnswer,
}

/// A write as a client sends it.
pub(super) struct Sent {
    pub(super) document: String,
    pub(super) sight: Sight,
    /// The body that the client wants; `None` deletes.
    pub(super) body: Option<Body>,
    pub(super) action: Action,
    pub(super) on_conflict: OnConflict,
    pub(super) request: Option<String>,
    /// The client names what it read; else whatever is there is the base.
    pub(super) based: bool,
}

/// What a client was told.
pub(super) enum Told {
    Ok(Box<Written>),
    Refused(String),
    Unknown(String),
}

impl Run {
    /// A client does the next thing.
    pub(super) fn act(&mut self, client: usize) {
        self.clients[client].next_ms =
            self.world.now_ms + 1 + self.clients[client].generator.pause_ms(&mut self.chance);
        let storm = self.storms > 0;
        if let Some(named) = self.clients[client].unanswered.pop() {
            return self.increment(client, named);
        }
        let operation = self.clients[client].generator.next(&mut self.chance);
        match operation {
            Operation::Read { document } => drop(self.read(client, &document, None)),
            Operation::ReadMany { documents } => {
                let snapshot = Some(self.number());
                documents
                    .iter()
                    .for_each(|document| drop(self.read(client, document, snapshot)));
            }
            Operation::FailOver { to } => self.fail_over(client, to),
            Operation::Increment {
                document,
                path,
                by,
                request,
            } => {
                let request = request.unwrap_or_else(|| format!("{}+{}", self.clients[client].name, self.operations));
                let named = Named {
                    rule: self.rules_at(self.clients[client].node).rule_of(&path),
                    document,
                    path,
                    by,
                    request,
                };
                if storm {
                    self.increment(client, named.clone());
                    self.fired_storm();
                }
                self.increment(client, named);
            }
            Operation::Batch { writes } => self.batch(client, &writes),
            Operation::Resolve {
                document,
                index,
                choice,
            } => self.resolve(client, &document, index, &choice),
            write => {
                if let Some(sent) = self.prepare(client, &write) {
                    let death = self.take_death(self.clients[client].node);
                    self.write(client, sent, death);
                }
            }
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn fail_over(&mut self, client: usize, to: u32) {
        let count = self.world.datacenters;
        let client = &mut self.clients[client];
        client.node = (client.node + 1 + to as usize % (count - 1)) % count;
    }

    /// Reads a document with the session's token; `None`: the node did not answer, or does not have what the token covers.
    pub(super) fn read(&mut self, client: usize, document: &str, snapshot: Option<u64>) -> Option<Sight> {
        let node = self.clients[client].node;
        let asked = self.journal().tick();
        self.operations += 1;
        let answer = self.look(client, node, document);
        let (database, store) = (self.database.clone(), self.world.enter(node));
        let knowledge = store.digest(&database).ok().map(|(knowledge, _)| Knowledge(knowledge));
        let catching_up = Some(!store.catching_up_from(&database).is_empty());
        let covered = Some(Knowledge(self.clients[client].seen.clone()));
        let at = self.journal().tick();
        let (answer, sight) = match answer {
            Ok(mut sight) => {
                sight.at = at;
                let shown = sight.view.clone().map_or(Answer::Absent, Answer::Document);
                self.clients[client].remember(document, &sight);
                (shown, Some(sight))
            }
            Err(reason) => (Answer::Failed { reason }, None),
        };
        let name = self.clients[client].name.clone();
        let revision = sight
            .as_ref()
            .and_then(|sight| sight.view.as_ref())
            .map(|view| view.revision.clone());
        self.line(format_args!(
            "{name} reads {document} at {}: {revision:?}",
            self.world.nodes[node].label()
        ));
        let reading = Reading {
            session: Some(name.clone()),
            client: name,
            datacenter: self.world.nodes[node].label(),
            document: document.to_owned(),
            asked,
            at,
            snapshot,
            covered,
            knowledge,
            catching_up,
            answer,
        };
        self.journal().push(Event::Reading(reading));
        sight
    }

    /// What the node answers to a read, as long as nothing is written down.
    fn look(&mut self, client: usize, node: usize, document: &str) -> Result<Sight, String> {
        if self.world.nodes[node].stopped {
            return Err("NO_ANSWER".to_owned());
        }
        let (database, store, id) = (self.database.clone(), self.world.enter(node), document_id(document));
        let seen = Seen {
            writes: self.clients[client].seen.clone(),
            had_at: None,
            shortened: false,
        };
        if !store.has_seen(&database, &seen) {
            return Err("SESSION_BEHIND".to_owned());
        }
        match store.get(&database, &id) {
            Ok(found) => Ok(Sight::of(found.as_ref(), &store, 0)),
            Err(_) => Err("DATABASE_NOT_FOUND".to_owned()),
        }
    }

    /// What a write of one document comes to; `None` where there is nothing to do it to.
    fn prepare(&mut self, client: usize, operation: &Operation) -> Option<Sent> {
        let (document, base) = match operation {
            Operation::Create { document, .. }
            | Operation::Discard { document, .. }
            | Operation::Add { document, .. } => (document, Base::Fresh),
            Operation::Update { document, base, .. }
            | Operation::Patch { document, base, .. }
            | Operation::Delete { document, base } => (document, *base),
            _ => return None,
        };
        let recalled = match base {
            Base::Fresh => None,
            Base::Remembered(ago) => self.clients[client].recall(document, ago),
        };
        let sight = match recalled {
            Some(sight) => sight,
            None => self.read(client, document, None)?,
        };
        let before = sight.view.as_ref().map(|view| view.body.clone());
        let (body, on_conflict) = match operation {
            Operation::Create { body, .. } => (Some(body.clone()), OnConflict::Merge),
            Operation::Update {
                changes, on_conflict, ..
            }
            | Operation::Patch {
                changes, on_conflict, ..
            } => (Some(changed(before.as_ref(), changes).ok()?), *on_conflict),
            Operation::Add { path, element, .. } => {
                let change = Change::Add {
                    path: path.clone(),
                    element: element.clone(),
                };
                (Some(changed(before.as_ref(), &[change]).ok()?), OnConflict::Merge)
            }
            Operation::Discard { path, index, .. } => {
                let change = Change::Discard {
                    path: path.clone(),
                    index: *index,
                };
                before.as_ref()?;
                (Some(changed(before.as_ref(), &[change]).ok()?), OnConflict::Merge)
            }
            _ => {
                before.as_ref()?;
                (None, OnConflict::Merge)
            }
        };
        let creates = matches!(operation, Operation::Create { .. }) || sight.view.is_none();
        if matches!(operation, Operation::Create { .. }) && sight.view.is_some() {
            return None;
        }
        let action = match &body {
            Some(body) if creates => Action::Create { body: object(body) },
            Some(body) => Action::Update { body: object(body) },
            None => Action::Delete,
        };
        Some(Sent {
            document: document.clone(),
            based: sight.view.is_some(),
            sight,
            body,
            action,
            on_conflict,
            request: None,
        })
    }

    /// Adds to a counter, based on whatever is there.
    fn increment(&mut self, client: usize, named: Named) {
        let node = self.clients[client].node;
        let rule = self.rules_at(node).rule_of(&named.path);
        // Under another rule than before it would be another write, and nobody could tell which of them was done. A process that stands still may do
        // it on another number than the one that is there now, and only counts come to the same then.
        if rule != named.rule || rule != Rule::Counter && self.world.nodes[node].stopped {
            return;
        }
        let (database, store, id) = (
            self.database.clone(),
            self.world.enter(node),
            document_id(&named.document),
        );
        let found = store.get(&database, &id).ok().flatten();
        let at = self.journal().tick();
        let sight = Sight::of(found.as_ref(), &store, at);
        let before = sight.view.as_ref().map(|view| view.body.clone());
        let change = Change::Increase {
            path: named.path.clone(),
            by: named.by,
        };
        let Ok(body) = changed(before.as_ref(), &[change]) else {
            return;
        };
        let edit = Edit::Increment {
            path: named.path.clone(),
            by: named.by,
        };
        // A body that names no base would put its total over what comes before it: a process that stands still may do it much later.
        let action = match Patch::edits(vec![edit]) {
            Ok(patch) if before.is_some() => Action::Patch {
                patch: Arc::new(patch),
                create: false,
            },
            _ => Action::Update { body: object(&body) },
        };
        let sent = Sent {
            document: named.document.clone(),
            based: false,
            sight,
            action,
            body: Some(body),
            on_conflict: OnConflict::Merge,
            request: Some(named.request.clone()),
        };
        let death = self.take_death(node);
        let told = self.write(client, sent, death);
        // What is no count is not sent again much later: which attempt was done, and on which number, nobody could tell.
        if matches!(told, Told::Unknown(_)) && rule == Rule::Counter {
            self.clients[client].unanswered.push(named);
        }
    }

    fn write(&mut self, client: usize, sent: Sent, death: Option<Death>) -> Told {
        let invoked = self.journal().tick();
        self.operations += 1;
        let request = request_of(&self.database, &sent, 0);
        let node = self.clients[client].node;
        let operation = StoreOperation::Write(request);
        let told = match self.submit(node, operation, death) {
            Ok(StoreOutcome::Written(written)) => Told::Ok(Box::new(written)),
            Ok(_) => Told::Refused("UNEXPECTED".to_owned()),
            Err(told) => told,
        };
        self.enter_write(client, &sent, invoked, &told, None);
        told
    }

    fn batch(&mut self, client: usize, writes: &[Operation]) {
        let sent: Vec<Sent> = writes.iter().filter_map(|write| self.prepare(client, write)).collect();
        if sent.is_empty() {
            return;
        }
        let invoked = self.journal().tick();
        self.operations += 1;
        let number = Some(self.number());
        let requests = sent
            .iter()
            .zip(0..)
            .map(|(sent, place)| request_of(&self.database, sent, place));
        let batch = WriteBatch {
            database: self.database.clone(),
            writes: requests.collect(),
        };
        let node = self.clients[client].node;
        let death = self.take_death(node);
        let told: Vec<Told> = match self.submit(node, StoreOperation::WriteBatch(batch), death) {
            Ok(StoreOutcome::BatchWritten(written)) => {
                written.into_iter().map(|written| Told::Ok(Box::new(written))).collect()
            }
            Ok(_) => sent.iter().map(|_| Told::Refused("UNEXPECTED".to_owned())).collect(),
            Err(Told::Unknown(problem)) => sent.iter().map(|_| Told::Unknown(problem.clone())).collect(),
            Err(_) => sent.iter().map(|_| Told::Refused("BATCH_REFUSED".to_owned())).collect(),
        };
        for (sent, told) in sent.iter().zip(&told) {
            self.enter_write(client, sent, invoked, told, number);
        }
    }

    /// Settles one conflict of what is read just before.
    fn resolve(&mut self, client: usize, document: &str, index: u32, choice: &Choice) {
        let Some(sight) = self.read(client, document, None) else {
            return;
        };
        let Some(view) = &sight.view else { return };
        let Some(conflict) = view.conflicts.get(index as usize % view.conflicts.len().max(1)) else {
            return;
        };
        let path = conflict.path.clone();
        let Some((choice, value)) = settling(view, conflict, choice) else {
            return;
        };
        let rules = self.rules_at(self.clients[client].node);
        let turned = |path: &str| self.turned.contains(path);
        let Ok(edits) = turned_resolution(view, &path, value.as_ref(), (&rules, turned)) else {
            return;
        };
        let delete = path.is_empty() && value.is_none();
        let Ok(base) = view.revision.parse::<Revision>() else {
            return;
        };
        let resolve = Resolve {
            database: self.database.clone(),
            id: document_id(document),
            base: Some(base),
            settling: Settling::Paths(vec![(path, choice)]),
            request: None,
        };
        let invoked = self.journal().tick();
        self.operations += 1;
        let node = self.clients[client].node;
        let death = self.take_death(node);
        let told = match self.submit(node, StoreOperation::Resolve(resolve), death) {
            Ok(StoreOutcome::Resolved(resolved)) => match resolved.written {
                Some(written) => Told::Ok(Box::new(written)),
                None => Told::Refused("NOTHING_OPEN".to_owned()),
            },
            Ok(_) => Told::Refused("UNEXPECTED".to_owned()),
            Err(told) => told,
        };
        let entry = Entry {
            delete,
            edits,
            facts: Facts {
                resolves: true,
                ..self.facts(client, &sight)
            },
            ..self.entry(client, document, &sight, invoked, &told)
        };
        self.settle(client, entry, &told);
    }

    /// Hands an operation to a node, whatever becomes of the node meanwhile.
    fn submit(&mut self, node: usize, operation: StoreOperation, death: Option<Death>) -> Result<StoreOutcome, Told> {
        if self.world.nodes[node].stopped {
            // It lies in the queue of a process that stands still, and is done when it goes on.
            self.queued.push((node, operation));
            return Err(Told::Unknown("no answer in time".to_owned()));
        }
        if self.world.nodes[node].unaware.is_some() {
            return Err(Told::Refused("NODE_IS_BEING_RESTORED".to_owned()));
        }
        match death {
            Some(Death::Before) => {
                self.kill(node, "sigkill");
                return Err(Told::Unknown("connection lost".to_owned()));
            }
            Some(Death::InSync(failing) | Death::PowerInSync(failing)) => {
                self.world.nodes[node].engine.fail_next(failing)
            }
            Some(Death::BeforeAnswer) | None => {}
        }
        let result = self.world.commit(node, operation);
        if let Some(death) = death {
            self.note_unanswered(node, &result);
            match death {
                Death::PowerInSync(_) => self.cut_power(node),
                _ => self.kill(node, "sigkill"),
            }
            return Err(Told::Unknown("connection lost".to_owned()));
        }
        result.map_err(|error| refusal(&error))
    }

    /// A write that is done and whose answer is lost is still one that the replica has stamped.
    fn note_unanswered(&mut self, node: usize, result: &Result<StoreOutcome, CommitError>) {
        let written = match result {
            Ok(StoreOutcome::Written(written)) => vec![written.dot],
            Ok(StoreOutcome::BatchWritten(written)) => written.iter().map(|written| written.dot).collect(),
            _ => Vec::new(),
        };
        for dot in written {
            self.line(format_args!(
                "{} wrote {dot} and did not answer",
                self.world.nodes[node].label()
            ));
        }
    }
}

/// How a conflict is settled, and what stands at its path then: at path "" anything for the document, nothing for its deletion.
fn settling(view: &View, conflict: &Conflict, choice: &Choice) -> Option<(StoreChoice, Option<Json>)> {
    let shown = match conflict.path.as_str() {
        "" => Some(Json::null()),
        path => view.body.get(path),
    };
    Some(match choice {
        Choice::Value(text) if !conflict.path.is_empty() => (
            StoreChoice::Value(rejoin_document::Value::from(text.as_str())),
            Some(Json::string(text)),
        ),
        Choice::Candidate(number) => {
            let candidate = conflict
                .candidates
                .get(*number as usize % conflict.candidates.len().max(1))?;
            let value = match &candidate.kind {
                Contender::Value(value) => Some(Json::of(value)),
                Contender::Removed | Contender::Deleted(true) => None,
                Contender::Deleted(false) => Some(Json::null()),
            };
            (StoreChoice::Candidate(candidate.stamp.0), value)
        }
        Choice::Shown | Choice::Value(_) => (StoreChoice::Shown, shown),
    })
}

/// The generator's ids are valid ones.
pub(super) fn document_id(name: &str) -> DocumentId {
    name.parse().expect("an id of the workload")
}
