//! A builder for histories that were thought up.

use std::collections::BTreeMap;

use rejoin_document::{Dot, HlcTime, ReplicaId, Rule};

use crate::checker::{Checked, Violation};
use crate::history::{
    Answer, Entry, Event, Facts, FinalState, History, Knowledge, Observation, Outcome, Read, Reading, Restart, Rules,
    RulesKnown, Stamp, generation, turned_edits,
};
use crate::ledger::planted::{rules, view};
use crate::view::{Picture, View};

pub(super) const EAST: &str = "east";
pub(super) const WEST: &str = "west";
pub(super) const DOCUMENT: &str = "d";

/// A history that grows; each event takes ten ticks, one after another. Each datacenter has a replica of its own.
pub(super) struct Plot {
    pub(super) history: History,
    now: u64,
}

/// What a node shows at this generation.
pub(super) fn shown(generation: u64, body: &str) -> View {
    View {
        revision: format!("{generation}-a"),
        ..view(body)
    }
}

pub(super) fn dot(datacenter: &str, time: u64) -> Stamp {
    let replica = if datacenter == EAST { 1 } else { 2 };
    Stamp(Dot::new(HlcTime(time), ReplicaId([replica; 8])))
}

/// Knowledge of what was issued up to these times.
pub(super) fn knowledge(east: u64, west: u64) -> Knowledge {
    let times = [(ReplicaId([1; 8]), east), (ReplicaId([2; 8]), west)];
    let known = times.into_iter().filter(|(_, time)| *time > 0);
    Knowledge(known.map(|(replica, time)| (replica, HlcTime(time))).collect())
}

impl Plot {
    pub(super) fn new() -> Self {
        Self {
            history: History::new(rules(), [EAST.to_owned(), WEST.to_owned()]),
            now: 0,
        }
    }

    /// The next moment.
    pub(super) fn tick(&mut self) -> u64 {
        self.now += 10;
        self.now
    }

    /// A node learns another rule of a path; the rules of the others stay.
    pub(super) fn rule(&mut self, datacenter: &str, path: &str, rule: Rule) -> usize {
        let rules = self.rules_at(datacenter);
        let others = rules.iter().filter(|(other, _)| *other != path);
        let rules = Rules::new(others.chain([(path, rule)]));
        let at = self.tick();
        self.push(Event::Rules(RulesKnown {
            datacenter: datacenter.to_owned(),
            rules,
            at,
        }))
    }

    fn rules_at(&self, datacenter: &str) -> Rules {
        let known = self.history.events.iter().rev().find_map(|event| match event {
            Event::Rules(known) if known.datacenter == datacenter => Some(known.rules.clone()),
            _ => None,
        });
        known.unwrap_or_else(|| self.history.rules.clone())
    }

    /// Appends an event; answers its place.
    pub(super) fn push(&mut self, event: Event) -> usize {
        self.history.push(event);
        self.history.events.len() - 1
    }

    /// An acknowledged write of the document by a client of its own session, who has read `before` just before; `after` is `None` for a delete.
    pub(super) fn write(&mut self, datacenter: &str, before: Option<&View>, after: Option<&str>) -> usize {
        self.write_to(DOCUMENT, datacenter, before, after)
    }

    pub(super) fn write_to(
        &mut self,
        document: &str,
        datacenter: &str,
        before: Option<&View>,
        after: Option<&str>,
    ) -> usize {
        let now = self.tick();
        let parent = before.and_then(|view| generation(&view.revision)).unwrap_or(0);
        let after = after.map(|body| view(body).body);
        let removals = before.map(|view| {
            view.listed_removals()
                .map(|(path, stamp)| (path.to_owned(), stamp))
                .collect()
        });
        let entry = Entry {
            number: now,
            client: datacenter.to_owned(),
            datacenter: datacenter.to_owned(),
            document: document.to_owned(),
            read: Read {
                at: now,
                revision: before.map(|view| view.revision.clone()),
                removals: removals.unwrap_or_default(),
                deletions: before.map(|view| view.listed_deletions().collect()).unwrap_or_default(),
            },
            invoked: now + 1,
            answered: now + 2,
            outcome: Outcome::Ok {
                revision: format!("{}-{now}", parent + 1),
                stamp: dot(datacenter, now),
                merged: false,
            },
            delete: after.is_none(),
            edits: turned_edits(before, after.as_ref(), &self.rules_at(datacenter), |path| {
                self.history.terms().turned(path).is_some()
            }),
            facts: Facts {
                session: Some(datacenter.to_owned()),
                ..Facts::default()
            },
        };
        self.push(Event::Write(entry))
    }

    pub(super) fn entry(&mut self, place: usize) -> &mut Entry {
        match &mut self.history.events[place] {
            Event::Write(entry) => entry,
            other => panic!("{other:?} is no write"),
        }
    }

    /// The write was not answered.
    pub(super) fn lose_answer(&mut self, place: usize) {
        self.entry(place).outcome = Outcome::Unknown {
            problem: "planted".to_owned(),
        };
    }

    pub(super) fn refuse(&mut self, place: usize) {
        self.entry(place).outcome = Outcome::Refused {
            reason: "CONFLICT".to_owned(),
        };
    }

    /// A read of the document in this session.
    pub(super) fn read(&mut self, session: &str, datacenter: &str, view: Option<View>) -> usize {
        self.read_of(DOCUMENT, session, datacenter, view)
    }

    pub(super) fn read_of(&mut self, document: &str, session: &str, datacenter: &str, view: Option<View>) -> usize {
        let now = self.tick();
        self.push(Event::Reading(Reading {
            client: session.to_owned(),
            session: Some(session.to_owned()),
            datacenter: datacenter.to_owned(),
            document: document.to_owned(),
            asked: now + 1,
            at: now + 2,
            snapshot: None,
            covered: None,
            knowledge: None,
            catching_up: None,
            answer: view.map_or(Answer::Absent, Answer::Document),
        }))
    }

    pub(super) fn reading(&mut self, place: usize) -> &mut Reading {
        match &mut self.history.events[place] {
            Event::Reading(reading) => reading,
            other => panic!("{other:?} is no reading"),
        }
    }

    pub(super) fn observe(&mut self, datacenter: &str, known: Option<Knowledge>, digest: &str) -> usize {
        let now = self.tick();
        self.push(Event::Observation(Observation {
            datacenter: datacenter.to_owned(),
            database: "things".to_owned(),
            at: now,
            ms: now,
            knowledge: known,
            beyond: false,
            digest: digest.to_owned(),
            conflicts: None,
        }))
    }

    pub(super) fn restart(&mut self, datacenter: &str, known: Option<Knowledge>) -> usize {
        let now = self.tick();
        self.push(Event::Restart(Restart {
            datacenter: datacenter.to_owned(),
            how: "sigkill".to_owned(),
            same_disk: true,
            stopped: now,
            at: now + 1,
            ms: now,
            knowledge: known,
            sizes: None,
        }))
    }

    pub(super) fn restarted(&mut self, place: usize) -> &mut Restart {
        match &mut self.history.events[place] {
            Event::Restart(restart) => restart,
            other => panic!("{other:?} is no restart"),
        }
    }

    /// What a node shows of the document at the end.
    pub(super) fn end(&mut self, datacenter: &str, view: Option<View>) -> usize {
        let documents = BTreeMap::from_iter(view.map(|view| (DOCUMENT.to_owned(), view)));
        self.end_with(datacenter, documents)
    }

    pub(super) fn end_with(&mut self, datacenter: &str, documents: BTreeMap<String, View>) -> usize {
        let now = self.tick();
        let conflicts = documents.iter().filter(|(_, view)| !view.conflicts.is_empty());
        let paths = |view: &View| view.conflicts.iter().map(|conflict| conflict.path.clone()).collect();
        let picture = Picture {
            digest: "01".to_owned(),
            conflicts: conflicts.map(|(id, view)| (id.clone(), paths(view))).collect(),
            documents,
        };
        self.push(Event::FinalState(FinalState {
            datacenter: datacenter.to_owned(),
            interface: "grpc".to_owned(),
            at: now,
            ms: now,
            picture,
            kept: None,
        }))
    }

    pub(super) fn state(&mut self, place: usize) -> &mut FinalState {
        match &mut self.history.events[place] {
            Event::FinalState(state) => state,
            other => panic!("{other:?} is no final state"),
        }
    }

    /// A copy with something else planted.
    pub(super) fn with(&self, plant: impl FnOnce(&mut Self)) -> Self {
        let mut copy = Self {
            history: self.history.clone(),
            now: self.now,
        };
        plant(&mut copy);
        copy
    }
}

/// Nothing was found, in something.
#[track_caller]
pub(super) fn assert_clean(checked: &Checked) {
    assert!(checked.violations.is_empty(), "{:#?}", checked.violations);
    assert!(checked.items > 0, "nothing was checked");
}

/// One violation was found, which these events show.
#[track_caller]
pub(super) fn assert_found(checked: &Checked, events: &[usize]) -> Violation {
    let [violation] = checked.violations.as_slice() else {
        panic!("not one violation: {:#?}", checked.violations);
    };
    assert_eq!(violation.events, events, "{violation}");
    violation.clone()
}
