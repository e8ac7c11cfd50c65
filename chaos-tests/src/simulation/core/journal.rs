//! Writes down what happens in a planned run: the event log, line by line, and the history that the checkers read.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::sync::Arc;

use rejoin_document::{DatabaseName, Document, DocumentId, Dot, RuleSet, Sequence, SetHash, VersionVector};
use rejoin_store::{ConflictFilter, Store};

use super::clock::START_MS;
use crate::history::{Event, History, Knowledge, Observation, Rules, RulesKnown, Stamp, Tick};
use crate::view::hexadecimal;

/// What one node was last seen to know.
#[derive(Clone, PartialEq)]
struct Seen {
    knowledge: Knowledge,
    beyond: bool,
    digest: String,
}

/// Where a node's database stood when its documents were last looked into. What is forgotten moves nothing of this, and nothing of a document that has
/// more than the node's knowledge is ever forgotten.
struct Stood {
    sequence: Sequence,
    knowledge: VersionVector,
    root: SetHash,
    /// What each document had incorporated.
    contexts: BTreeMap<DocumentId, VersionVector>,
}

/// The record of a planned run.
pub(super) struct Journal {
    pub(super) history: History,
    pub(super) log: Vec<u8>,
    pub(super) database: DatabaseName,
    /// The documents that clients write to.
    pub(super) documents: Vec<DocumentId>,
    /// The states that acknowledged writes have made, to be delivered again at the end.
    pub(super) made: Vec<(DocumentId, Vec<u8>)>,
    /// The acknowledged writes, to know what must not go with a disk.
    pub(super) acknowledged: Vec<(DocumentId, Dot)>,
    tick: Tick,
    seen: BTreeMap<usize, Seen>,
    stood: BTreeMap<usize, Stood>,
    /// The rules that each node goes by, as far as they were written down.
    rules: BTreeMap<usize, Arc<RuleSet>>,
}

impl Journal {
    /// Nothing yet, of one database.
    pub(super) fn new(history: History, database: DatabaseName, documents: Vec<DocumentId>) -> Self {
        Self {
            history,
            log: Vec::new(),
            database,
            documents,
            made: Vec::new(),
            acknowledged: Vec::new(),
            tick: 0,
            seen: BTreeMap::new(),
            stood: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
    }

    /// The next moment of the history's clock.
    pub(super) fn tick(&mut self) -> Tick {
        self.tick += 1;
        self.tick
    }

    /// A line of the event log.
    pub(super) fn line(&mut self, now_ms: u64, what: impl Display) {
        // Writing to memory does not fail.
        let _ = writeln!(self.log, "{} {what}", now_ms - START_MS);
    }

    /// An event of the history.
    pub(super) fn push(&mut self, event: Event) {
        self.history.push(event);
    }

    /// What was seen of a node's documents does not count any more: it has come back, perhaps with another disk, on which equal numbers mean something
    /// else.
    pub(super) fn lose_sight_of(&mut self, node: usize) {
        self.stood.remove(&node);
    }

    /// The rules that a node goes by now, if they are others than before. Nobody writes to a database that the node does not know.
    pub(super) fn note_rules(&mut self, node: usize, (store, label): (&Store, String), now_ms: u64) {
        let Some(definition) = store.definition(&self.database) else {
            return;
        };
        if self.rules.get(&node) == Some(&definition.rules) {
            return;
        }
        let rules = Rules::new(definition.rules.iter());
        self.rules.insert(node, definition.rules);
        let texts: Vec<String> = rules.iter().map(|(path, rule)| format!("{path}={rule}")).collect();
        self.line(now_ms, format_args!("{label} goes by {}", texts.join(" ")));
        let at = self.tick();
        self.push(Event::Rules(RulesKnown {
            datacenter: label,
            rules,
            at,
        }));
    }

    /// What a node knows now, if that is something else than before. With `conflicts`, its list of open conflicts too, whatever it knows. Since the last
    /// look nothing happened to other documents than `touched`; absent: nobody can tell.
    pub(super) fn observe(
        &mut self,
        node: usize,
        store: &Store,
        now_ms: u64,
        (conflicts, touched): (bool, Option<&[DocumentId]>),
    ) {
        let Ok((knowledge, root)) = store.digest(&self.database) else {
            return;
        };
        let sequence = store.position(&self.database).sequence;
        let as_it_stood =
            |stood: &Stood| stood.sequence == sequence && stood.root == root && stood.knowledge == knowledge;
        if !conflicts && self.stood.get(&node).is_some_and(as_it_stood) {
            return;
        }
        let stood = self.stood.remove(&node);
        let (mut contexts, ids) = match (stood, touched) {
            (Some(stood), Some(touched)) => (stood.contexts, touched),
            _ => (BTreeMap::new(), self.documents.as_slice()),
        };
        for item in store.states(&self.database, ids).unwrap_or_default() {
            if let Ok(context) = Document::decode_context(&item.state) {
                contexts.insert(item.id, context);
            }
        }
        let beyond = contexts.values().any(|context| !knowledge.dominates(context));
        let stood = Stood {
            sequence,
            knowledge: knowledge.clone(),
            root,
            contexts,
        };
        self.stood.insert(node, stood);
        let seen = Seen {
            knowledge: Knowledge(knowledge),
            beyond,
            digest: hexadecimal(&root.0),
        };
        if !conflicts && self.seen.get(&node) == Some(&seen) {
            return;
        }
        let datacenter = store.identity().datacenter.to_string();
        self.line(
            now_ms,
            format_args!("{datacenter} knows {} {}", seen.knowledge, seen.digest),
        );
        let at = self.tick();
        let conflicts = conflicts.then(|| open_conflicts(store, &self.database));
        self.history.push(Event::Observation(Observation {
            datacenter,
            database: self.database.to_string(),
            at,
            ms: now_ms - START_MS,
            knowledge: Some(seen.knowledge.clone()),
            beyond,
            digest: seen.digest.clone(),
            conflicts,
        }));
        self.seen.insert(node, seen);
    }
}

/// The paths of a node's open conflicts, by document.
pub(super) fn open_conflicts(store: &Store, database: &DatabaseName) -> BTreeMap<String, Vec<String>> {
    let page = store.conflicts(database, &ConflictFilter::default(), None, usize::MAX);
    let items = page.map(|page| page.items).unwrap_or_default();
    let paths = items.into_iter().map(|item| {
        let conflicts = item.shown.conflicts.into_iter().map(|conflict| conflict.path);
        (item.id.to_string(), conflicts.collect())
    });
    paths.collect()
}

/// A dot as the history has it.
pub(super) fn stamp(dot: Dot) -> Stamp {
    Stamp(dot)
}
