//! Builders for histories and nodes that were thought up, for the tests of the checkers.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rejoin_document::{Dot, HlcTime, ReplicaId, Rule};

use super::{Account, Reader, Standing, account};
use crate::history::{Entry, Facts, Json, Knowledge, Outcome, Read, Rules, Stamp, edits};
use crate::view::{Body, Candidate, Conflict, Contender, View};

/// A view of this body without conflicts.
pub(crate) fn view(body: &str) -> View {
    View {
        revision: "1-a".to_owned(),
        body: Body::parse(body.as_bytes()).unwrap(),
        conflicts: Vec::new(),
    }
}

/// A conflict between values, stamped 1, 2, 3, ….
pub(crate) fn conflict(path: &str, values: &[&str]) -> Conflict {
    let contender = |value: &str| {
        let wrapped = Body::parse(format!("{{\"v\":{value}}}").as_bytes()).unwrap();
        Contender::Value(wrapped.value_at("/v").unwrap().clone())
    };
    conflict_of(path, values.iter().map(|value| contender(value)).zip(1..))
}

/// A conflict between contenders with the times of their stamps.
pub(crate) fn conflict_of(path: &str, contenders: impl IntoIterator<Item = (Contender, u64)>) -> Conflict {
    let candidate = |(kind, time)| Candidate {
        datacenter: None,
        stamp: stamp(time),
        revision: "1-a".to_owned(),
        kind,
    };
    Conflict {
        path: path.to_owned(),
        candidates: contenders.into_iter().map(candidate).collect(),
    }
}

/// A stamp with this time.
pub(crate) fn stamp(time: u64) -> Stamp {
    Stamp(Dot::new(HlcTime(time), ReplicaId([1; 8])))
}

/// Knowledge of the writes that were stamped up to this time.
pub(crate) fn known(time: u64) -> Knowledge {
    Knowledge([(ReplicaId([1; 8]), HlcTime(time))].into_iter().collect())
}

/// A log that is written by hand. Each write takes ten ticks and is stamped with its number. All revisions have generation 1, as those that views show,
/// so that whoever read later may have seen; a creation that is not the first write is put on a deleted document.
#[derive(Debug, Default)]
pub(crate) struct Log(RefCell<Vec<Entry>>);

pub(crate) const DOCUMENT: &str = "d";

impl Log {
    /// A write whose author had read `before` just before it. Answers its number.
    pub(crate) fn write(&self, datacenter: &str, before: Option<&View>, after: Option<&str>) -> u64 {
        let now = (self.0.borrow().len() as u64 + 1) * 10;
        self.write_on(now, datacenter, before, after)
    }

    /// A write whose author had read `before` at `read_at`.
    pub(crate) fn write_on(&self, read_at: u64, datacenter: &str, before: Option<&View>, after: Option<&str>) -> u64 {
        let number = self.0.borrow().len() as u64 + 1;
        let after = after.map(|body| Body::parse(body.as_bytes()).unwrap());
        let read = Read {
            at: read_at,
            revision: before.map(|view| view.revision.clone()),
            removals: before
                .map(|view| {
                    view.listed_removals()
                        .map(|(path, stamp)| (path.to_owned(), stamp))
                        .collect()
                })
                .unwrap_or_default(),
            deletions: before.map(|view| view.listed_deletions().collect()).unwrap_or_default(),
        };
        self.0.borrow_mut().push(Entry {
            number,
            client: "c".to_owned(),
            datacenter: datacenter.to_owned(),
            document: DOCUMENT.to_owned(),
            read,
            invoked: number * 10 + 1,
            answered: number * 10 + 9,
            outcome: Outcome::Ok {
                revision: format!("{}-r{number}", if number > 1 && before.is_none() { 2 } else { 1 }),
                stamp: stamp(number),
                merged: false,
            },
            delete: after.is_none(),
            edits: edits(before, after.as_ref(), &rules()),
            facts: Facts::default(),
        });
        number
    }

    /// What has been written.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.0.borrow().clone()
    }

    /// Changes what the author of a write was told.
    pub(crate) fn set_outcome(&self, number: u64, outcome: Outcome) {
        self.0.borrow_mut()[number as usize - 1].outcome = outcome;
    }

    /// The author had read the document at this time.
    pub(crate) fn set_read_at(&self, number: u64, at: u64) {
        self.0.borrow_mut()[number as usize - 1].read.at = at;
    }

    /// What is known of a write besides.
    pub(crate) fn set_facts(&self, number: u64, facts: Facts) {
        self.0.borrow_mut()[number as usize - 1].facts = facts;
    }

    /// The write got this generation: its author had seen no write of this or a higher one.
    pub(crate) fn set_generation(&self, number: u64, generation: u64) {
        if let Outcome::Ok { revision, .. } = &mut self.0.borrow_mut()[number as usize - 1].outcome {
            *revision = format!("{generation}-r{number}");
        }
    }

    /// The account of this log against one node that shows `shown`.
    pub(crate) async fn account(&self, shown: Option<View>) -> Account {
        let reader = Node(BTreeMap::from_iter(shown.map(|view| (DOCUMENT.to_owned(), view))));
        let log = self.0.borrow().clone();
        account(&log, &[reader], &rules()).await.unwrap()
    }

    /// How each acknowledged write stands, in the order of gravity, as counts.
    pub(crate) async fn standings(&self, shown: Option<View>) -> Vec<(Standing, usize)> {
        self.account(shown).await.nodes[0].writes.clone().into_iter().collect()
    }
}

pub(crate) fn rules() -> Rules {
    Rules::new([
        ("/tags", Rule::Set),
        ("/stock", Rule::Counter),
        ("/seen", Rule::Latest),
        ("/high", Rule::Max),
    ])
}

/// An answer that never came.
pub(crate) fn unknown() -> Outcome {
    Outcome::Unknown {
        problem: "planted".to_owned(),
    }
}

/// A string value.
pub(crate) fn text(text: &str) -> Json {
    Json::string(text)
}

struct Node(BTreeMap<String, View>);

impl Reader for Node {
    fn datacenter(&self) -> &str {
        "dc-east"
    }

    async fn read(&self, document: &str) -> anyhow::Result<Option<View>> {
        Ok(self.0.get(document).cloned())
    }
}
