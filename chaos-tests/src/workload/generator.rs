//! Draws the operations of one client.
//!
//! Every value that is written carries a text of its own, so that a value tells which write it came from. The generator knows nothing of what the
//! documents hold and does no IO: the same workload, name and random numbers give the same operations at every stage.

use super::paths::{Paths, Way};
use super::weights::Kind;
use super::{Base, Chance, Change, Choice, OnConflict, Operation, Workload};
use crate::view::Body;

/// Documents of one batch, or of one read of several, at most.
const TOGETHER_MAX: u32 = 4;

/// Reads that a stale base is old, at most.
const AGE_MAX: u32 = 5;

/// The operations of one client.
#[derive(Clone, Debug)]
pub struct Generator {
    workload: Workload,
    paths: Paths,
    client: String,
    drawn: u64,
}

impl Generator {
    /// The operations of a client, whose name is unique in the run.
    pub fn new(workload: &Workload, client: &str) -> Self {
        Self {
            workload: workload.clone(),
            paths: Paths::of(&workload.rules),
            client: client.to_owned(),
            drawn: 0,
        }
    }

    /// How many milliseconds the client pauses before its next operation.
    pub fn pause_ms(&self, chance: &mut impl Chance) -> u64 {
        u64::from(chance.lot(self.workload.pause_ms_max.saturating_add(1)))
    }

    /// The next operation.
    pub fn next(&mut self, chance: &mut impl Chance) -> Operation {
        let kind = self.workload.weights.draw(chance);
        self.operation(kind, chance)
    }

    fn operation(&mut self, kind: Kind, chance: &mut impl Chance) -> Operation {
        let document = self.document(chance);
        match kind {
            Kind::Create => Operation::Create {
                document,
                body: self.new_body(),
            },
            Kind::Update => self.update(document, Base::Fresh, OnConflict::Merge, chance),
            Kind::StaleMerge => self.stale(document, OnConflict::Merge, chance),
            Kind::StaleReject => self.stale(document, OnConflict::RejectStale, chance),
            Kind::StaleBranch => self.stale(document, OnConflict::KeepBranch, chance),
            Kind::Delete => Operation::Delete {
                document,
                base: Base::Fresh,
            },
            Kind::Patch => Operation::Patch {
                document,
                base: Base::Fresh,
                changes: self.changes(chance),
                on_conflict: OnConflict::Merge,
            },
            Kind::Increment => match pick(&self.paths.counters, chance) {
                Some(path) => increment(document, path, None, chance),
                None => self.update(document, Base::Fresh, OnConflict::Merge, chance),
            },
            Kind::IncrementNamed => match pick(&self.paths.counters, chance) {
                Some(path) => {
                    let request = self.text();
                    increment(document, path, Some(request), chance)
                }
                None => self.update(document, Base::Fresh, OnConflict::Merge, chance),
            },
            Kind::Add => match pick(&self.paths.sets, chance) {
                Some(path) => Operation::Add {
                    document,
                    path,
                    element: self.text(),
                },
                None => self.update(document, Base::Fresh, OnConflict::Merge, chance),
            },
            Kind::Discard => match pick(&self.paths.sets, chance) {
                Some(path) => Operation::Discard {
                    document,
                    path,
                    index: chance.lot(u32::MAX),
                },
                None => self.update(document, Base::Fresh, OnConflict::Merge, chance),
            },
            Kind::Batch => self.batch(chance),
            Kind::Read => Operation::Read { document },
            Kind::ReadMany => Operation::ReadMany {
                documents: self.together(chance),
            },
            Kind::Resolve => self.resolve(document, chance),
            Kind::FailOver => Operation::FailOver {
                to: chance.lot(u32::MAX),
            },
        }
    }

    fn stale(&mut self, document: String, on_conflict: OnConflict, chance: &mut impl Chance) -> Operation {
        let base = Base::Remembered(1 + chance.lot(AGE_MAX));
        self.update(document, base, on_conflict, chance)
    }

    fn update(&mut self, document: String, base: Base, on_conflict: OnConflict, chance: &mut impl Chance) -> Operation {
        Operation::Update {
            document,
            base,
            changes: self.changes(chance),
            on_conflict,
        }
    }

    fn batch(&mut self, chance: &mut impl Chance) -> Operation {
        let mut writes = Vec::new();
        for document in self.together(chance) {
            writes.push(match chance.lot(8) {
                0 => Operation::Create {
                    document,
                    body: self.new_body(),
                },
                1 => Operation::Delete {
                    document,
                    base: Base::Fresh,
                },
                _ => self.update(document, Base::Fresh, OnConflict::Merge, chance),
            });
        }
        Operation::Batch { writes }
    }

    fn resolve(&mut self, document: String, chance: &mut impl Chance) -> Operation {
        let choice = match chance.lot(3) {
            0 => Choice::Shown,
            1 => Choice::Candidate(chance.lot(u32::MAX)),
            _ => Choice::Value(self.text()),
        };
        Operation::Resolve {
            document,
            index: chance.lot(u32::MAX),
            choice,
        }
    }

    /// One or two changes.
    fn changes(&mut self, chance: &mut impl Chance) -> Vec<Change> {
        (0..=chance.lot(2)).map(|_| self.change(chance)).collect()
    }

    fn change(&mut self, chance: &mut impl Chance) -> Change {
        let text = self.text();
        // There is a way: `Paths` has a text where the rules leave one, and what has a rule otherwise.
        match chance.one_of(&self.paths.ways).clone() {
            Way::Text(paths) => Change::Set {
                path: chance_of(&paths, chance),
                text,
            },
            Way::Remove(paths) => Change::Remove {
                path: chance_of(&paths, chance),
            },
            Way::Add(path) => Change::Add { path, element: text },
            Way::Discard(path) => Change::Discard {
                path,
                index: chance.lot(u32::MAX),
            },
            Way::Count(path) => Change::Increase {
                path,
                by: difference(chance),
            },
            Way::Raise(path) => Change::Increase {
                path,
                by: i64::from(1 + chance.lot(1000)),
            },
            Way::Lower(path) => Change::Increase {
                path,
                by: -i64::from(1 + chance.lot(1000)),
            },
        }
    }

    /// A document with everything in it that is changed later.
    fn new_body(&mut self) -> Body {
        let text = self.text();
        let texts = self.paths.texts.iter().map(|path| Change::Set {
            path: path.clone(),
            text: format!("{path} {text}"),
        });
        let sets = self.paths.sets.iter().map(|path| Change::Add {
            path: path.clone(),
            element: text.clone(),
        });
        let counters = self.paths.counters.iter().map(|path| Change::Increase {
            path: path.clone(),
            by: 100,
        });
        let changes: Vec<Change> = texts.chain(sets).chain(counters).collect();
        // None of the paths is empty.
        super::changed(None, &changes).unwrap_or_default()
    }

    /// Different documents, two at least where there are two.
    fn together(&self, chance: &mut impl Chance) -> Vec<String> {
        let count = (2 + chance.lot(TOGETHER_MAX - 1)).min(self.workload.documents.max(1));
        let first = chance.lot(self.workload.documents);
        let numbers = (0..count).map(|step| (first + step) % self.workload.documents.max(1));
        numbers.map(name).collect()
    }

    fn document(&self, chance: &mut impl Chance) -> String {
        name(chance.lot(self.workload.documents))
    }

    /// A text that nothing else in the run carries.
    fn text(&mut self) -> String {
        self.drawn += 1;
        format!("{}.{}", self.client, self.drawn)
    }
}

/// The ids of the documents that a workload writes to.
pub fn documents(workload: &Workload) -> impl Iterator<Item = String> + use<> {
    (0..workload.documents.max(1)).map(name)
}

fn name(number: u32) -> String {
    format!("document-{number}")
}

fn difference(chance: &mut impl Chance) -> i64 {
    // Never nothing.
    let by = i64::from(chance.lot(18)) - 9;
    if by >= 0 { by + 1 } else { by }
}

/// One of the paths. Where there is one alone nothing is drawn.
fn pick(paths: &[String], chance: &mut impl Chance) -> Option<String> {
    match paths {
        [] => None,
        [only] => Some(only.clone()),
        _ => Some(chance.one_of(paths).clone()),
    }
}

/// As [`pick`], of paths that are some.
fn chance_of(paths: &[String], chance: &mut impl Chance) -> String {
    pick(paths, chance).unwrap_or_default()
}

fn increment(document: String, path: String, request: Option<String>, chance: &mut impl Chance) -> Operation {
    Operation::Increment {
        document,
        path,
        by: difference(chance),
        request,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::plan::Dice;
    use crate::workload::Weights;

    fn draw(workload: &Workload, seed: u64, count: usize) -> Vec<Operation> {
        let (mut generator, mut random) = (Generator::new(workload, "c"), StdRng::seed_from_u64(seed));
        (0..count).map(|_| generator.next(&mut random)).collect()
    }

    #[test]
    fn one_seed_gives_the_same_operations_and_another_gives_others() {
        let workload = Workload::default();
        assert_eq!(draw(&workload, 7, 300), draw(&workload, 7, 300));
        assert_ne!(draw(&workload, 7, 300), draw(&workload, 8, 300));
    }

    #[test]
    fn the_default_description_draws_what_recorded_seeds_drew() {
        let mut generator = Generator::new(&Workload::default(), "c");
        let mut dice = Dice::of(7, "recorded");
        // FNV-1a, which is the same everywhere.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for _ in 0..2_000 {
            let operation = serde_json::to_vec(&generator.next(&mut dice)).unwrap();
            for byte in operation {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        assert_eq!(hash, 12377573194722583464);
    }

    #[test]
    fn every_kind_is_drawn_and_none_of_weight_zero() {
        let kind = |operation: &Operation| {
            let text = serde_json::to_value(operation).unwrap();
            let (name, fields) = text.as_object().unwrap().iter().next().unwrap();
            let on_conflict = fields.get("on_conflict").filter(|_| fields["base"] != "fresh");
            let named = fields.get("request").map(|request| !request.is_null());
            format!("{name} {on_conflict:?} {named:?}")
        };
        let kinds = |workload: Workload| draw(&workload, 1, 3000).iter().map(kind).collect::<BTreeSet<_>>();
        assert_eq!(kinds(Workload::default()).len(), 16, "{:?}", kinds(Workload::default()));
        let weights = Weights {
            add: 1,
            ..Weights::none()
        };
        let only = Workload {
            weights,
            ..Workload::default()
        };
        assert_eq!(kinds(only).len(), 1);
    }

    #[test]
    fn no_two_writes_carry_the_same_text() {
        let mut seen = BTreeSet::new();
        for operation in draw(&Workload::default(), 3, 500) {
            if let Operation::Add { element, .. } = operation {
                assert!(seen.insert(element.clone()), "{element}");
            }
        }
        assert!(seen.len() > 5);
    }

    #[test]
    fn a_batch_writes_each_document_once() {
        for operation in draw(&Workload::default(), 4, 2000) {
            if let Operation::Batch { .. } = &operation {
                let documents = operation.documents();
                let different: BTreeSet<_> = documents.iter().collect();
                assert!(
                    different.len() > 1 && different.len() == documents.len(),
                    "{operation:?}"
                );
            }
        }
    }

    #[test]
    fn workloads_and_operations_survive_a_file() {
        let workload = Workload::default();
        let text = serde_json::to_string(&workload).unwrap();
        assert_eq!(serde_json::from_str::<Workload>(&text).unwrap(), workload);
        for operation in draw(&workload, 5, 300) {
            let text = serde_json::to_string(&operation).unwrap();
            assert_eq!(serde_json::from_str::<Operation>(&text).unwrap(), operation);
        }
    }
}
