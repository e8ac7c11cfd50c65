//! What clients did, as it is written down: each write with what its client had seen and was told, and what it made.

use rejoin_document::Dot;

use super::acts::{Sent, Told, document_id};
use super::journal::stamp;
use super::run::Run;
use super::sight::Sight;
use crate::history::{Edit, Entry, Event, Facts, Issued, Knowledge, Outcome, Tick, turned_edits};

impl Run {
    pub(super) fn enter_write(&mut self, client: usize, sent: &Sent, invoked: Tick, told: &Told, batch: Option<u64>) {
        let rules = self.rules_at(self.clients[client].node);
        let edits = turned_edits(sent.sight.view.as_ref(), sent.body.as_ref(), &rules, |path| {
            self.turned.contains(path)
        });
        let edits = match told {
            Told::Ok(written) if written.repeated => self.first_attempt(sent).unwrap_or(edits),
            _ => edits,
        };
        let facts = Facts {
            batch,
            request: sent.request.clone(),
            ..self.facts(client, &sent.sight)
        };
        let entry = Entry {
            delete: sent.body.is_none(),
            edits,
            facts,
            ..self.entry(client, &sent.document, &sent.sight, invoked, told)
        };
        self.settle(client, entry, told);
    }

    /// What the attempt before this one has changed: the answer is about that.
    fn first_attempt(&mut self, sent: &Sent) -> Option<Vec<Edit>> {
        let request = sent.request.as_ref()?;
        let mut earlier = self.journal().history.events.iter().rev();
        earlier.find_map(|event| match event {
            Event::Write(entry) if entry.facts.request.as_ref() == Some(request) => Some(entry.edits.clone()),
            _ => None,
        })
    }

    pub(super) fn facts(&self, client: usize, sight: &Sight) -> Facts {
        Facts {
            session: Some(self.clients[client].name.clone()),
            covered: Some(Knowledge(self.clients[client].seen.clone())),
            past: Some(sight.knowledge()),
            aside: self.clients[client].node >= self.world.datacenters,
            ..Facts::default()
        }
    }

    pub(super) fn entry(&mut self, client: usize, document: &str, sight: &Sight, invoked: Tick, told: &Told) -> Entry {
        let answered = self.journal().tick();
        let client = &self.clients[client];
        let outcome = match told {
            Told::Ok(written) => Outcome::Ok {
                revision: written.revision.to_string(),
                stamp: stamp(written.dot),
                merged: written.merged,
            },
            Told::Refused(reason) => Outcome::Refused { reason: reason.clone() },
            Told::Unknown(problem) => Outcome::Unknown {
                problem: problem.clone(),
            },
        };
        Entry {
            number: invoked,
            client: client.name.clone(),
            datacenter: self.world.nodes[client.node].label(),
            document: document.to_owned(),
            read: sight.read(),
            invoked,
            answered,
            outcome,
            delete: false,
            edits: Vec::new(),
            facts: Facts::default(),
        }
    }

    /// Writes an entry down, and what follows from it.
    pub(super) fn settle(&mut self, client: usize, mut entry: Entry, told: &Told) {
        if let Told::Ok(written) = told
            && !written.repeated
        {
            entry.facts.upon = Some(Knowledge(written.context.clone()));
        }
        let line = format!(
            "{} writes {} at {}: {:?}",
            entry.client, entry.document, entry.datacenter, entry.outcome
        );
        self.line(line);
        let (document, datacenter, at) = (entry.document.clone(), entry.datacenter.clone(), entry.answered);
        self.journal().push(Event::Write(entry));
        let Told::Ok(written) = told else { return };
        let client = &mut self.clients[client];
        client.seen = client.seen.join(&written.context);
        let node = client.node;
        if written.repeated {
            return;
        }
        self.keep_made(node, &document, written.dot);
        let issued = Issued {
            datacenter,
            stamp: stamp(written.dot),
            document,
            payload: written.revision.to_string(),
            at,
        };
        self.journal().push(Event::Issued(issued));
    }

    /// Keeps the state that a write has made, to be delivered again.
    fn keep_made(&mut self, node: usize, document: &str, dot: Dot) {
        let (database, id) = (self.database.clone(), document_id(document));
        let states = self.world.nodes[node]
            .store
            .states(&database, std::slice::from_ref(&id));
        let state = states
            .ok()
            .and_then(|items| items.into_iter().next())
            .map(|item| item.state.to_vec());
        let journal = self.journal();
        journal.made.extend(state.map(|state| (id.clone(), state)));
        journal.acknowledged.push((id, dot));
    }
}
