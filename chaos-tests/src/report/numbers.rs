//! What became of the writes of each path that has a rule.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::Rule;

use crate::checker::never_reverted;
use crate::history::{Edit, Entry, Event, History, Json, Phase};
use crate::ledger::{Judge, Standing};
use crate::plan::{FaultGroup, FaultKind};

/// The acknowledged writes of one path. How each stands is taken from the node where it stands worst.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathNumbers {
    /// All of them.
    pub written: u64,
    /// Those that were sent while a fault of the network lasted.
    pub in_trouble: u64,
    /// How they stand at the end.
    pub standings: BTreeMap<Standing, u64>,
    /// Those set aside whose value a recorded history of the document still holds.
    pub kept: u64,
}

/// The numbers of one run, or of several together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Acknowledged writes of documents.
    pub acknowledged: u64,
    /// Those that are neither shown nor explained.
    pub unaccounted: u64,
    /// By path; only paths with a rule.
    pub paths: BTreeMap<String, PathNumbers>,
}

impl PathNumbers {
    /// How many writes stand so.
    pub fn count(&self, standing: Standing) -> u64 {
        self.standings.get(&standing).copied().unwrap_or(0)
    }
}

impl Numbers {
    /// Counts a history.
    pub fn of(history: &History) -> Self {
        let account = never_reverted::account(history);
        let mut numbers = Self {
            acknowledged: account.acknowledged as u64,
            unaccounted: account.unaccounted() as u64,
            paths: BTreeMap::new(),
        };
        let spans = network_troubles(history);
        let mut documents: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for (_, entry) in history.writes().filter(|(_, entry)| entry.is_possible()) {
            documents.entry(&entry.document).or_default().push(entry);
        }
        for (path, _) in history.rules.iter() {
            let of_path = numbers.paths.entry(path.to_owned()).or_default();
            for writes in documents.values() {
                of_path.count_document(history, path, writes, &spans);
            }
        }
        numbers
    }

    /// Adds the numbers of another run.
    pub fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.unaccounted += other.unaccounted;
        for (path, more) in &other.paths {
            let own = self.paths.entry(path.clone()).or_default();
            own.written += more.written;
            own.in_trouble += more.in_trouble;
            own.kept += more.kept;
            for (standing, count) in &more.standings {
                *own.standings.entry(*standing).or_default() += count;
            }
        }
    }
}

impl PathNumbers {
    fn count_document(&mut self, history: &History, path: &str, writes: &[&Entry], spans: &[(u64, u64)]) {
        // A delete puts no value anywhere. What it takes is shown again where it met an edit, and it is listed itself.
        let puts = |write: &&&Entry| write.is_ok() && !write.delete;
        let edits = writes.iter().filter(puts).flat_map(|write| {
            let own = write.edits.iter().filter(move |edit| edit.path() == path);
            own.map(move |edit| (*write, edit))
        });
        let judges: Vec<Judge<'_>> = history
            .final_states()
            .map(|(_, state)| {
                let document = writes.first().map(|write| &write.document);
                let view = document.and_then(|document| state.picture.documents.get(document));
                Judge::new(writes, view, history.terms()).without(history.let_go())
            })
            .collect();
        for (write, edit) in edits {
            let standings = judges.iter().filter_map(|judge| judge.standing(write, edit));
            let Some(worst) = standings.max() else { continue };
            self.written += 1;
            let in_trouble = spans.iter().any(|(from, to)| (*from..=*to).contains(&write.invoked));
            self.in_trouble += u64::from(in_trouble);
            *self.standings.entry(worst).or_default() += 1;
            if let (Standing::SetAside, Edit::Assign { value, .. }) = (worst, edit) {
                self.kept += u64::from(is_kept(history, &write.document, path, value));
            }
        }
    }
}

fn is_kept(history: &History, document: &str, path: &str, value: &Json) -> bool {
    let mut kept = history
        .final_states()
        .filter_map(|(_, state)| state.kept.as_ref()?.get(document));
    kept.any(|bodies| bodies.iter().any(|body| body.get(path).as_ref() == Some(value)))
}

/// From when to when the network did not do what it should.
fn network_troubles(history: &History) -> Vec<(u64, u64)> {
    let names: BTreeSet<&str> = FaultKind::ALL
        .iter()
        .filter(|kind| kind.group() == FaultGroup::Network)
        .map(|kind| kind.name())
        .collect();
    let (mut open, mut spans) = (BTreeMap::new(), Vec::new());
    for event in &history.events {
        let Event::Fault(fault) = event else { continue };
        let key = (fault.name.as_str(), fault.target.as_str());
        match fault.phase {
            Phase::Begun if names.contains(fault.name.as_str()) => {
                open.entry(key).or_insert(fault.at);
            }
            Phase::Ended => spans.extend(open.remove(&key).map(|from| (from, fault.at))),
            _ => {}
        }
    }
    spans.extend(open.into_values().map(|from| (from, u64::MAX)));
    spans
}

/// What a write of a path with this rule is called, in the plural.
pub(super) fn noun(rule: Rule) -> &'static str {
    match rule {
        Rule::Counter => "increments",
        Rule::Set => "additions and removals of elements",
        _ => "values",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{FaultFired, FinalState};
    use crate::ledger::planted::{Log, conflict, view};
    use crate::view::{Picture, View};

    /// What a history with these writes comes to if this is what a node shows at the end.
    fn counted(log: &Log, shown: View, trouble: (u64, u64)) -> PathNumbers {
        let rules = crate::history::Rules::new([("/a", Rule::Register), ("/b", Rule::Register)]);
        let mut history = History::new(rules, ["east".to_owned()]);
        for (at, phase) in [(trouble.0, Phase::Begun), (trouble.1, Phase::Ended)] {
            history.push(Event::Fault(FaultFired {
                name: FaultKind::Slow.name().to_owned(),
                target: "east to west".to_owned(),
                phase,
                at,
                ms: at,
            }));
        }
        let entries = log.entries();
        let document = entries[0].document.clone();
        entries.into_iter().for_each(|entry| history.push(Event::Write(entry)));
        history.push(Event::FinalState(FinalState {
            datacenter: "east".to_owned(),
            interface: "store".to_owned(),
            at: 1_000,
            ms: 1_000,
            picture: Picture {
                digest: "01".to_owned(),
                conflicts: BTreeMap::new(),
                documents: BTreeMap::from([(document, shown)]),
            },
            kept: None,
        }));
        Numbers::of(&history).paths.remove("/a").unwrap_or_default()
    }

    #[test]
    fn each_write_of_a_path_is_counted_as_it_stands_and_a_delete_is_none() {
        let log = Log::default();
        log.write("east", None, Some(r#"{"a":"a0"}"#));
        log.write("east", Some(&view(r#"{"a":"a0"}"#)), Some(r#"{"a":"a1"}"#));
        log.write("west", Some(&view(r#"{"a":"a0"}"#)), Some(r#"{"a":"a2"}"#));
        log.write("west", Some(&view(r#"{"a":"a0"}"#)), None);
        let mut shown = view(r#"{"a":"a2"}"#);
        shown.conflicts.push(conflict("/a", &[r#""a1""#, r#""a2""#]));
        let second = log.entries()[1].invoked;
        let numbers = counted(&log, shown, (second, second));
        assert_eq!((numbers.written, numbers.in_trouble), (3, 1));
        let expected = [
            (Standing::Visible, 1),
            (Standing::Overwritten, 1),
            (Standing::Conflict, 1),
        ];
        assert_eq!(numbers.standings, BTreeMap::from(expected));
        let reverted = counted(&log, view(r#"{"a":"a0"}"#), (0, 0));
        assert_eq!(reverted.count(Standing::Unaccounted), 2);
    }
}
