//! A long partition during which every side compacts as hard as it can: nothing that was acknowledged is lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use rejoin_document::{CandidateKind, Granularity, Object, Shown, Value};
use rejoin_store::{MemoryEngine, Operation, Outcome, Store, StoreOptions};

const DOCUMENTS: usize = 6;
const MEMBERS: usize = 3;
const DAY: i64 = 24 * 3600;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// What one side has written of a document since the partition began and has not overwritten itself.
#[derive(Default)]
struct Own {
    values: BTreeMap<String, String>,
    deleted: bool,
}

struct Side {
    store: Store,
    own: BTreeMap<String, Own>,
    writes: usize,
}

/// Keeps next to nothing.
fn forgetful(name: &str) -> Store {
    let peers = ["east", "west", "south"].into_iter().filter(|peer| *peer != name);
    let options = StoreOptions {
        tombstone_retention: Duration::ZERO,
        keep_for: Duration::ZERO,
        step_documents_max: 3,
        peers: peers.map(|peer| peer.parse().unwrap()).collect(),
        ..options(name)
    };
    open(&Arc::new(MemoryEngine::new()), options)
}

fn compact(store: &Store) {
    for step in [
        Operation::Forget { database: shop() },
        Operation::Prune { database: shop() },
        Operation::Trim { database: shop() },
    ] {
        let ended = (0..10_000).any(|_| {
            matches!(
                one(store, step.clone()).unwrap(),
                Outcome::Forgotten { finished: true, .. }
                    | Outcome::Pruned { finished: true, .. }
                    | Outcome::Trimmed { finished: true, .. }
            )
        });
        assert!(ended, "compaction does not end");
    }
}

impl Side {
    fn write(&mut self, dice: &mut Dice) {
        let document = format!("d{}", dice.below(DOCUMENTS));
        let found = self.store.get(&shop(), &id(&document)).unwrap();
        let current = found.map(|found| found.shown).filter(|shown| !shown.deleted);
        self.writes += 1;
        let name = self.name();
        let own = self.own.entry(document.clone()).or_default();
        if current.is_some() && dice.below(5) == 0 {
            put(&self.store, &document, delete());
            *own = Own {
                deleted: true,
                ..Own::default()
            };
            return;
        }
        let (member, value) = (format!("m{}", dice.below(MEMBERS)), format!("{}-{}", name, self.writes));
        let mut body = current.map_or_else(Object::new, |shown| Object::clone(&shown.body));
        body.insert(member.as_str(), value.as_str());
        put(&self.store, &document, update(&body.to_json()));
        own.deleted = false;
        own.values.insert(member, value);
    }

    fn name(&self) -> String {
        self.store.identity().datacenter.to_string()
    }
}

/// The value is shown, or a candidate of its member.
fn stands(shown: &Shown, member: &str, value: &str) -> bool {
    let is = |found: &Value| found.as_str() == Some(value);
    let listed = |kind: &CandidateKind| matches!(kind, CandidateKind::Value(found) if is(found));
    let mut candidates = shown
        .conflicts
        .iter()
        .filter(|conflict| conflict.path == format!("/{member}"))
        .flat_map(|conflict| &conflict.candidates);
    shown.body.get(member).is_some_and(is) || candidates.any(|candidate| listed(&candidate.kind))
}

fn is_delete_listed(shown: &Shown) -> bool {
    let whole = shown.conflicts.iter().filter(|conflict| conflict.path.is_empty());
    whole
        .flat_map(|conflict| &conflict.candidates)
        .any(|candidate| candidate.kind == CandidateKind::Deleted(true))
}

fn heal(sides: &[Side]) {
    // Over the second one, as in a chain.
    for _ in 0..4 {
        for side in sides {
            for other in sides
                .iter()
                .filter(|other| other.name() == "west" || side.name() == "west")
            {
                if other.name() != side.name() {
                    sync(&side.store, &other.store);
                }
            }
        }
    }
}

fn judge(sides: &[Side], seed: u64) {
    for side in sides {
        for (document, own) in &side.own {
            let shown = side.store.get(&shop(), &id(document)).unwrap().unwrap().shown;
            for reader in sides {
                let theirs = reader.store.get(&shop(), &id(document)).unwrap().unwrap().shown;
                assert_eq!(
                    theirs,
                    shown,
                    "seed {seed}: {document} at {} and {}",
                    reader.name(),
                    side.name()
                );
            }
            for (member, value) in &own.values {
                assert!(
                    stands(&shown, member, value),
                    "seed {seed}: {value} at {document}/{member}: {shown:#?}"
                );
            }
            let edited = sides
                .iter()
                .any(|other| other.own.get(document).is_some_and(|own| !own.deleted));
            if own.deleted && edited {
                assert!(
                    is_delete_listed(&shown),
                    "seed {seed}: the delete of {document}: {shown:#?}"
                );
            } else if own.deleted {
                assert!(shown.deleted, "seed {seed}: {document} came back: {shown:#?}");
            }
        }
    }
}

fn partition(names: &[&str], seed: u64) {
    let mut dice = Dice(seed);
    let mut sides: Vec<Side> = names
        .iter()
        .map(|name| Side {
            store: forgetful(name),
            own: BTreeMap::new(),
            writes: 0,
        })
        .collect();
    let mut definition = definition("shop", Granularity::Field, &[]);
    (definition.settings.keep_revisions, definition.settings.keep_for_s) = (1, 1);
    one(&sides[0].store, Operation::CreateDatabase(definition)).unwrap();
    heal(&sides);
    for document in 0..DOCUMENTS {
        put(
            &sides[0].store,
            &format!("d{document}"),
            create(r#"{"m0":"first","m1":"first"}"#),
        );
    }
    heal(&sides);
    for _ in 0..4 {
        for side in &mut sides {
            for _ in 0..10 {
                pass(1);
                side.write(&mut dice);
            }
        }
        pass(30 * DAY);
        sides.iter().for_each(|side| compact(&side.store));
    }
    heal(&sides);
    judge(&sides, seed);
    pass(30 * DAY);
    sides.iter().for_each(|side| compact(&side.store));
    heal(&sides);
    judge(&sides, seed);
    for side in &sides {
        assert_eq!(side.store.root_digest(), sides[0].store.root_digest(), "seed {seed}");
        verify(&side.store, &shop());
    }
}

#[test]
fn two_sides_of_a_long_partition_that_both_compact_lose_nothing() {
    (0..60).for_each(|seed| partition(&["east", "west"], seed));
}

#[test]
fn three_sides_of_a_long_partition_that_all_compact_lose_nothing() {
    (0..40).for_each(|seed| partition(&["east", "west", "south"], seed));
}
