//! The writes of the random walk.

use std::sync::Arc;

use rejoin_document::{Base, DatabaseName, Document, DocumentId, Limits, Object, parse_body};
use rejoin_store::{Action, Conditions, OnStale, Operation, Outcome, WriteRequest};
use serde_json::Value;

use super::bodies::random_body;
use super::record::Acknowledged;
use super::walk::{fields, trees};
use super::world::World;

impl World {
    pub(super) fn write(&mut self, node: usize) {
        if self.nodes[node].unaware.is_some() {
            return;
        }
        let id: DocumentId = (*self.dice.choose(&["p", "q", "r"])).parse().expect("an id");
        if self.dice.percent(70) {
            self.write_fields(node, id)
        } else {
            self.write_tree(node, id)
        }
    }

    fn write_fields(&mut self, node: usize, id: DocumentId) {
        let (database, store) = (fields(), self.enter(node));
        let Ok(found) = store.get(&database, &id) else { return };
        let current = found.map_or_else(Base::default, |found| {
            store
                .base(&database, &id, &found.shown.revision)
                .expect("it reads")
                .expect("the current revision is kept")
        });
        let read = self.nodes[node].read.entry((database.clone(), id.clone())).or_default();
        read.push(current.clone());
        let recent = read[read.len().saturating_sub(5)..].to_vec();
        let base = if self.dice.percent(30) {
            self.dice.choose(&recent).clone()
        } else {
            current.clone()
        };
        let body = if base.body.is_some() && self.dice.percent(20) {
            None
        } else {
            let old = base.body.as_ref().map_or(Value::Null, |body| json(&body.to_json()));
            Some(random_body(&mut self.dice, &old))
        };
        let conditions = Conditions {
            base: base.revision.clone(),
            on_stale: if self.dice.percent(70) {
                OnStale::Keep
            } else {
                OnStale::Merge
            },
            ..Conditions::default()
        };
        let action = match &body {
            Some(body) => Action::Update { body: object(body) },
            None => Action::Delete,
        };
        let base = if base.revision.is_some() { base } else { current.clone() };
        let request = WriteRequest {
            database,
            id,
            action,
            conditions,
            request: None,
        };
        self.submit(node, request, base, current, body);
    }

    fn write_tree(&mut self, node: usize, id: DocumentId) {
        let (database, store) = (trees(), self.enter(node));
        let Ok(found) = store.get(&database, &id) else { return };
        let state = self.nodes[node].state(&database, &id);
        let heads = state.as_ref().map(Document::heads).unwrap_or_default();
        let live: Vec<_> = heads
            .iter()
            .filter(|head| !head.deleted)
            .map(|head| head.revision.clone())
            .collect();
        // A client names an open revision, most often the winner; where all are deleted it names none, and extends the winner.
        let winner = found.map(|found| found.shown.revision);
        let parent = if live.is_empty() || self.dice.percent(70) {
            winner
        } else {
            Some(self.dice.choose(&live).clone())
        };
        let body = (live.is_empty() || self.dice.percent(75)).then(|| serde_json::json!({ "n": self.dice.below(2) }));
        let conditions = Conditions {
            base: parent.clone().filter(|_| !live.is_empty()),
            ..Conditions::default()
        };
        let sent = body.as_ref().map(object);
        let action = match &sent {
            Some(body) => Action::Update { body: Arc::clone(body) },
            None => Action::Delete,
        };
        let before = self.record.writes.len();
        let request = WriteRequest {
            database,
            id: id.clone(),
            action,
            conditions,
            request: None,
        };
        self.submit(node, request, Base::default(), Base::default(), body);
        if self.record.writes.len() > before {
            self.record.edit(&id, parent.as_ref(), sent.as_deref());
        }
    }

    fn submit(&mut self, node: usize, request: WriteRequest, base: Base, current: Base, body: Option<Value>) {
        let (database, id) = (request.database.clone(), request.id.clone());
        let behind = !self.enter(node).behind().is_empty();
        match self.commit(node, Operation::Write(request)) {
            Ok(Outcome::Written(written)) => {
                let seen = current.context;
                let write = Acknowledged {
                    database: database.clone(),
                    id: id.clone(),
                    dot: written.dot,
                    base,
                    seen,
                    behind,
                    body,
                };
                self.record.writes.push(write);
                self.read_everywhere(node, &database, &id);
            }
            Ok(outcome) => panic!("a write was answered with {outcome:?}"),
            Err(_refused) => {}
        }
    }

    /// A revision names one body wherever it is shown.
    pub(super) fn read_everywhere(&mut self, node: usize, database: &DatabaseName, id: &DocumentId) {
        if let Ok(Some(found)) = self.enter(node).get(database, id) {
            self.record
                .body_of(database, id, &found.shown.revision, &found.shown.body);
        }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("a body is JSON")
}

fn object(body: &Value) -> Arc<Object> {
    Arc::new(parse_body(body.to_string().as_bytes(), &Limits::default()).expect("a body"))
}
