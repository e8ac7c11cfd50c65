//! The writes of a client: operations of the workload as calls of `rejoin-client`, and what is written down of them.
//!
//! Verbs name what was read as their base here: what an increment did to a document that nobody has read cannot be told from outside.

use std::rc::Rc;

use rejoin_client::{Batch, Bytes, CallError, Choice, Client, Conditions, Edit as Verb, Patch, WriteOptions, Written};
use rejoin_document::Rule;

use super::client::{DATABASE, Seen, SimulatedClient, read_of};
use crate::history::{Edit, Entry, Facts, Json, Outcome, edits};
use crate::view::{Body, Conflict, Contender, View};
use crate::workload::{self, Base, Change, OnConflict, Operation, changed, merge_patch};

/// A write that is about to be sent.
pub(super) struct Draft {
    pub(super) document: String,
    seen: Seen,
    way: Way,
    /// What is there if nothing else happens; `None`: it is deleted.
    body: Option<Body>,
    conditions: Conditions,
    pub(super) request: Option<String>,
}

/// How a write is sent.
enum Way {
    Create,
    Update,
    Delete,
    Patch(Patch),
}

impl SimulatedClient {
    /// Does a write, if there is something to do it to.
    pub(super) async fn perform_write(&mut self, operation: Operation) -> anyhow::Result<()> {
        match operation {
            Operation::Batch { writes } => self.write_batch(writes).await,
            Operation::Resolve {
                document,
                index,
                choice,
            } => self.resolve(document, index, choice).await,
            write => match self.draft(write).await? {
                Some(draft) => {
                    self.send(draft).await;
                    Ok(())
                }
                None => Ok(()),
            },
        }
    }

    async fn draft(&mut self, operation: Operation) -> anyhow::Result<Option<Draft>> {
        let base = match &operation {
            Operation::Update { base, .. } | Operation::Patch { base, .. } | Operation::Delete { base, .. } => *base,
            _ => Base::Fresh,
        };
        let Some(document) = operation.documents().first().map(|document| (*document).to_owned()) else {
            return Ok(None);
        };
        let Some(seen) = self.base(&document, base).await? else {
            return Ok(None);
        };
        let before = seen.view.as_ref().map(|view| &view.body);
        let Some((way, body)) = way_of(&operation, before)? else {
            return Ok(None);
        };
        let (on_conflict, request) = match operation {
            Operation::Update { on_conflict, .. } | Operation::Patch { on_conflict, .. } => (on_conflict, None),
            Operation::Increment { request, .. } => (OnConflict::Merge, request),
            _ => (OnConflict::Merge, None),
        };
        let base = seen.view.as_ref().map(|view| view.revision.clone());
        Ok(Some(Draft {
            document,
            seen,
            way,
            body,
            conditions: Conditions {
                base,
                on_conflict: on_conflict.into(),
                ..Conditions::default()
            },
            request,
        }))
    }

    async fn send(&mut self, draft: Draft) {
        if draft.request.is_some() && self.is_in_a_storm() {
            return self.storm(vec![Rc::new(draft)]).await;
        }
        let client = naming(&self.client, &draft);
        let entry = self.entry(&draft);
        let answer = call(&client, &draft).await;
        let is_unanswered = matches!(answer, Err(CallError::Unknown { .. }));
        self.note_write(entry, answer);
        if is_unanswered && draft.request.is_some() {
            self.keep(Rc::new(draft));
        }
    }

    /// Does all writes or none.
    async fn write_batch(&mut self, writes: Vec<Operation>) -> anyhow::Result<()> {
        let mut drafts = Vec::new();
        for write in writes {
            drafts.extend(self.draft(write).await?);
        }
        if drafts.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for draft in &drafts {
            let (id, body) = (draft.document.as_str(), draft.body.as_ref());
            batch = match (&draft.way, body) {
                (Way::Create, Some(body)) => batch.create(id, body.to_bytes()),
                (_, Some(body)) => batch.update(id, body.to_bytes(), &draft.conditions),
                (_, None) => batch.delete(id, &draft.conditions),
            };
        }
        let mut entries: Vec<Entry> = drafts.iter().map(|draft| self.entry(draft)).collect();
        let number = entries.first().map(|entry| entry.number);
        entries.iter_mut().for_each(|entry| entry.facts.batch = number);
        let answers = match self.client.write_batch(DATABASE, batch).await {
            Ok(written) => written.into_iter().map(|replaced| Ok(replaced.written)).collect(),
            Err(error) => vec![Err(error); entries.len()],
        };
        for (entry, answer) in entries.into_iter().zip(answers) {
            self.note_write(entry, answer);
        }
        Ok(())
    }

    /// Settles a conflict of values without parts; what else competes is settled by ordinary writes.
    async fn resolve(&mut self, document: String, index: u32, choice: workload::Choice) -> anyhow::Result<()> {
        let Some(seen) = self.base(&document, Base::Fresh).await? else {
            return Ok(());
        };
        let Some(view) = &seen.view else { return Ok(()) };
        let Some(conflict) = view.conflicts.get(index as usize % view.conflicts.len().max(1)) else {
            return Ok(());
        };
        let simple = is_simple(conflict) && self.rules.rule_of(&conflict.path) == Rule::Register;
        let Some(value) = chosen(view, conflict, &choice).filter(|_| simple) else {
            return Ok(());
        };
        let path = conflict.path.clone();
        let edit = Edit::Assign {
            path: path.clone(),
            read: view.values_at(&path),
            value: value.clone(),
        };
        let text = Bytes::from(serde_json::to_vec(&value)?);
        let revision = view.revision.clone();
        let facts = Facts {
            resolves: true,
            ..self.facts()
        };
        let entry = self.new_entry(document.clone(), &seen, vec![edit], facts);
        let choices = [(path, Choice::Value(text))];
        let answer = self
            .client
            .resolve(DATABASE, &document, &choices, Some(&revision))
            .await;
        self.note_write(entry, answer.map(|(written, _)| written));
        Ok(())
    }

    pub(super) fn entry(&self, draft: &Draft) -> Entry {
        let edits = edits(draft.seen.view.as_ref(), draft.body.as_ref(), &self.rules);
        let facts = Facts {
            request: draft.request.clone(),
            ..self.facts()
        };
        Entry {
            delete: draft.body.is_none(),
            ..self.new_entry(draft.document.clone(), &draft.seen, edits, facts)
        }
    }

    /// A write that is sent now.
    fn new_entry(&self, document: String, seen: &Seen, edits: Vec<Edit>, facts: Facts) -> Entry {
        let asked = self.journal.tick();
        Entry {
            number: asked,
            client: String::new(),
            datacenter: String::new(),
            document,
            read: read_of(seen),
            invoked: asked,
            answered: asked,
            outcome: Outcome::Unknown {
                problem: "it is under way".to_owned(),
            },
            delete: false,
            edits,
            facts: Facts {
                certain: seen.certain.clone(),
                ..facts
            },
        }
    }
}

/// How an operation is sent and what it makes of what was read; `None`: there is nothing to do.
fn way_of(operation: &Operation, before: Option<&Body>) -> anyhow::Result<Option<(Way, Option<Body>)>> {
    let made = |changes: &[Change]| changed(before, changes).map(Some);
    Ok(match operation {
        Operation::Create { body, .. } => before.is_none().then(|| (Way::Create, Some(body.clone()))),
        Operation::Update { changes, .. } if before.is_none() => Some((Way::Create, made(changes)?)),
        Operation::Update { changes, .. } => Some((Way::Update, made(changes)?)),
        Operation::Patch { changes, .. } if before.is_some() => {
            let after = changed(before, changes)?;
            let patch = merge_patch(&after, changes)?;
            Some((Way::Patch(Patch::Merge(patch.to_bytes())), Some(after)))
        }
        Operation::Increment { path, by, .. } if before.is_some_and(|body| is_number(body, path)) => {
            let verb = Verb::Increment {
                path: path.clone(),
                by: *by,
            };
            let change = Change::Increase {
                path: path.clone(),
                by: *by,
            };
            Some((Way::Patch(Patch::Edits(vec![verb])), made(&[change])?))
        }
        Operation::Add { path, element, .. } if before.is_some_and(|body| body.elements(path).is_some()) => {
            let verb = Verb::Add {
                path: path.clone(),
                elements: Bytes::from(serde_json::to_vec(&[element])?),
            };
            let change = Change::Add {
                path: path.clone(),
                element: element.clone(),
            };
            Some((Way::Patch(Patch::Edits(vec![verb])), made(&[change])?))
        }
        Operation::Discard { path, index, .. } if before.is_some_and(|body| body.elements(path).is_some()) => {
            let change = Change::Discard {
                path: path.clone(),
                index: *index,
            };
            Some((Way::Update, made(&[change])?))
        }
        Operation::Delete { .. } => before.map(|_| (Way::Delete, None)),
        _ => None,
    })
}

/// A client that sends a write under its request id.
pub(super) fn naming(client: &Client, draft: &Draft) -> Client {
    client.writing(WriteOptions {
        request_id: draft.request.clone(),
        ..WriteOptions::default()
    })
}

pub(super) async fn call(client: &Client, draft: &Draft) -> Result<Written, CallError> {
    let (id, conditions) = (draft.document.as_str(), &draft.conditions);
    let body = draft.body.as_ref().map(Body::to_bytes).unwrap_or_default();
    let answer = match &draft.way {
        Way::Create => return client.create(DATABASE, id, body).await,
        Way::Update => client.update_with(DATABASE, id, body, conditions).await,
        Way::Delete => client.delete_with(DATABASE, id, conditions).await,
        Way::Patch(patch) => client.patch(DATABASE, id, patch.clone(), conditions, false).await,
    };
    answer.map(|replaced| replaced.written)
}

fn is_number(body: &Body, path: &str) -> bool {
    body.get(path).is_some_and(|value| value.as_integer().is_some())
}

/// Whether values without parts compete, and nothing else.
fn is_simple(conflict: &Conflict) -> bool {
    let has_no_parts = |kind: &Contender| match kind {
        Contender::Value(value) => !matches!(
            value,
            rejoin_document::Value::Object(_) | rejoin_document::Value::Array(_)
        ),
        _ => false,
    };
    !conflict.path.is_empty()
        && conflict
            .candidates
            .iter()
            .all(|candidate| has_no_parts(&candidate.kind))
}

/// The value that is chosen, as it can be sent.
fn chosen(view: &View, conflict: &Conflict, choice: &workload::Choice) -> Option<Json> {
    match choice {
        workload::Choice::Shown => view.body.get(&conflict.path),
        workload::Choice::Candidate(number) => {
            let candidate = conflict
                .candidates
                .get(*number as usize % conflict.candidates.len().max(1))?;
            match &candidate.kind {
                Contender::Value(value) => Some(Json::of(value)),
                _ => None,
            }
        }
        workload::Choice::Value(text) => Some(Json::string(text)),
    }
}
