//! The order of what is seen of one document (a part of I1 and I4): at one node nobody sees a document go back behind what anybody saw or was told
//! there before, in real time; nor does a session, wherever it goes.
//!
//! Three things go forward only: the generation of the shown revision; the counters that the workload of [`crate::scenario::count_up`] keeps in a
//! document, one for each client, which work as a version vector that the product does not know of; and the values of a path, each of which was
//! written by one who had read those before it.

use std::collections::BTreeMap;
use std::fmt;

use super::onlooker::Onlooker;
use super::{Case, Checked, Violation};
use crate::history::{Entry, Event, History, Outcome, Reading, Tick, generation};
use crate::view::View;

/// The checker's name.
pub const NAME: &str = "document_order";

/// Above the members that clients count up, each its own.
pub const COUNTED: &str = "/counted";

/// Checks the readings of each session, and of each node that kept its disk.
pub fn check(case: &Case<'_>) -> Checked {
    let history = case.history;
    let mut checked = Checked::default();
    let (at_nodes, of_sessions) = (sightings(history, Scope::Node), sightings(history, Scope::Session));
    let reads = at_nodes.iter().chain(&of_sessions).filter(|sighting| sighting.is_read);
    checked.items = reads.count();
    let regressions = regressions(&at_nodes, Scope::Node)
        .into_iter()
        .chain(regressions(&of_sessions, Scope::Session));
    checked.violations.extend(regressions.map(|regress| {
        let place = history
            .readings()
            .find(|(_, reading)| reading.at == regress.answered && reading.document == regress.document);
        Violation::new(NAME, regress.to_string(), place.map(|(place, _)| place))
    }));
    checked.violations.extend(values_that_went_back(case));
    checked
}

fn sightings(history: &History, scope: Scope) -> Vec<Sighting> {
    let disks = Disks::of(history);
    let counts = |session: &Option<String>, datacenter: &str, asked, answered| match scope {
        Scope::Session => session.is_some(),
        Scope::Node => disks.between(datacenter, asked, answered).is_some(),
    };
    let of_event = |event: &Event| match event {
        Event::Reading(reading) if counts(&reading.session, &reading.datacenter, reading.asked, reading.at) => {
            // What is absent has no generation to go back from.
            let sighting = seen(reading, reading.shown()??);
            Some((disks.between(&reading.datacenter, reading.asked, reading.at), sighting))
        }
        Event::Write(entry) if counts(&entry.facts.session, &entry.datacenter, entry.invoked, entry.answered) => {
            Some((
                disks.between(&entry.datacenter, entry.invoked, entry.answered),
                told(entry)?,
            ))
        }
        _ => None,
    };
    let mut found: Vec<Sighting> = Vec::new();
    for (disk, mut sighting) in history.events.iter().filter_map(of_event) {
        sighting.disk = disk.unwrap_or_default();
        found.push(sighting);
    }
    found
}

/// When the disks of datacenters were put back or gone: from then on a node shows older states than before.
struct Disks<'a>(BTreeMap<&'a str, Vec<Tick>>);

impl<'a> Disks<'a> {
    fn of(history: &'a History) -> Self {
        let mut disks: BTreeMap<&str, Vec<Tick>> = BTreeMap::new();
        for event in &history.events {
            if let Event::Restart(restart) = event
                && !restart.same_disk
            {
                disks.entry(&restart.datacenter).or_default().push(restart.stopped);
            }
        }
        Self(disks)
    }

    /// Which disk of a datacenter answered, by number; `None` if it was put back meanwhile.
    fn between(&self, datacenter: &str, asked: Tick, answered: Tick) -> Option<usize> {
        let Some(ends) = self.0.get(datacenter) else {
            return Some(0);
        };
        let before = |tick: Tick| ends.iter().filter(|end| **end < tick).count();
        (before(asked) == before(answered)).then(|| before(asked))
    }
}

fn seen(reading: &Reading, view: &View) -> Sighting {
    Sighting {
        session: reading.session.clone().unwrap_or_else(|| reading.client.clone()),
        datacenter: reading.datacenter.clone(),
        disk: 0,
        document: reading.document.clone(),
        asked: reading.asked,
        answered: reading.at,
        counters: counted(view),
        generation: generation(&view.revision).unwrap_or(0),
        is_read: true,
    }
}

fn told(entry: &Entry) -> Option<Sighting> {
    let Outcome::Ok { revision, .. } = &entry.outcome else {
        return None;
    };
    Some(Sighting {
        session: entry.facts.session.clone().unwrap_or_else(|| entry.client.clone()),
        datacenter: entry.datacenter.clone(),
        disk: 0,
        document: entry.document.clone(),
        asked: entry.invoked,
        answered: entry.answered,
        counters: Counters::new(),
        generation: generation(revision).unwrap_or(0),
        is_read: false,
    })
}

/// The counters of a document, by the clients that count.
pub fn counted(view: &View) -> Counters {
    let counts = view.body.leaves().into_iter().filter_map(|(path, value)| {
        let name = path.strip_prefix(COUNTED)?.strip_prefix('/')?.to_owned();
        Some((name, u64::try_from(value.as_integer()?).ok()?))
    });
    counts.collect()
}

/// Values at a node whose place somebody there had been seen to take.
fn values_that_went_back(case: &Case<'_>) -> Vec<Violation> {
    let Case { history, documents, .. } = case;
    let disks = Disks::of(history);
    let mut nodes: BTreeMap<(&str, usize, &str), Onlooker<'_>> = BTreeMap::new();
    for (place, reading) in history.readings() {
        let disk = disks.between(&reading.datacenter, reading.asked, reading.at);
        if let (Some(view), Some(disk)) = (reading.shown(), disk) {
            let node = nodes.entry((&reading.datacenter, disk, &reading.document)).or_default();
            node.readings.push((place, reading, view));
        }
    }
    for (_, entry) in history.writes().filter(|(_, entry)| entry.is_ok()) {
        if let Some(disk) = disks.between(&entry.datacenter, entry.invoked, entry.answered) {
            let node = nodes.entry((&entry.datacenter, disk, &entry.document)).or_default();
            node.writes.push(entry);
        }
    }
    let mut found = Vec::new();
    for ((datacenter, _, document), node) in nodes {
        let Some(track) = documents.track(document) else {
            continue;
        };
        let judge =
            |view: Option<&View>, at, seen: &_| view.map(|view| track.stale(view, at, seen)).unwrap_or_default();
        found.extend(
            node.problems(documents, track, judge)
                .into_iter()
                .map(|(place, (problem, events))| {
                    let what = format!("{document} at {datacenter}: {problem}");
                    Violation::new(NAME, what, events.into_iter().chain([place]))
                }),
        );
    }
    found
}

/// The counters that clients keep in a document, by client.
pub type Counters = BTreeMap<String, u64>;

/// One answer to one client.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The client's session.
    pub session: String,
    /// The node that answered.
    pub datacenter: String,
    /// Which of the disks that it has had, by number.
    pub disk: usize,
    /// The document.
    pub document: String,
    /// When the call was sent.
    pub asked: Tick,
    /// When the answer came.
    pub answered: Tick,
    /// What is known to be in the document by the time of the answer.
    pub counters: Counters,
    /// The generation of the shown revision; 0 where none was shown.
    pub generation: u64,
    /// Whether this was a read: a write only tells what must be seen from then on.
    pub is_read: bool,
}

/// Whose observations must not go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of one session.
    Session,
    /// Those of all sessions at one node, in real time.
    Node,
}

/// A read that went back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regress {
    /// The session that read.
    pub session: String,
    /// The document.
    pub document: String,
    /// When the answer came.
    pub answered: Tick,
    /// What was missing.
    pub problem: String,
}

impl fmt::Display for Regress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} read {} at {}: {}",
            self.session, self.document, self.answered, self.problem
        )
    }
}

/// The reads that show less than what was answered before they were sent.
pub fn regressions(observations: &[Sighting], scope: Scope) -> Vec<Regress> {
    let mut groups: BTreeMap<(&str, usize, &str), Vec<&Sighting>> = BTreeMap::new();
    for observation in observations {
        let (owner, disk) = match scope {
            Scope::Session => (&observation.session, 0),
            Scope::Node => (&observation.datacenter, observation.disk),
        };
        groups
            .entry((owner, disk, &observation.document))
            .or_default()
            .push(observation);
    }
    groups.values().flat_map(|group| group_violations(group)).collect()
}

fn group_violations(group: &[&Sighting]) -> Vec<Regress> {
    let mut answers = group.to_vec();
    answers.sort_by_key(|observation| observation.answered);
    let mut reads: Vec<_> = group.iter().filter(|observation| observation.is_read).collect();
    reads.sort_by_key(|observation| observation.asked);
    let mut answers = answers.into_iter().peekable();
    let (mut floor, mut generation) = (Counters::new(), 0);
    let mut found = Vec::new();
    for read in reads {
        while let Some(earlier) = answers.next_if(|earlier| earlier.answered < read.asked) {
            for (client, count) in &earlier.counters {
                let least = floor.entry(client.clone()).or_default();
                *least = (*least).max(*count);
            }
            generation = generation.max(earlier.generation);
        }
        let behind = floor
            .iter()
            .find(|(client, least)| read.counters.get(*client).unwrap_or(&0) < *least);
        let problem = match behind {
            Some((client, least)) => format!("{client}'s {:?} after {least} was seen", read.counters.get(client)),
            None if read.generation < generation => {
                format!("generation {} after {generation} was seen", read.generation)
            }
            None => continue,
        };
        let Sighting {
            session,
            document,
            answered,
            ..
        } = read;
        found.push(Regress {
            session: session.clone(),
            document: document.clone(),
            answered: *answered,
            problem,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(session: &str, asked: Tick, is_read: bool, generation: u64, counters: &[(&str, u64)]) -> Sighting {
        Sighting {
            session: session.to_owned(),
            datacenter: "dc-east".to_owned(),
            disk: 0,
            document: "d".to_owned(),
            asked,
            answered: asked + 1,
            counters: counters
                .iter()
                .map(|(client, count)| ((*client).to_owned(), *count))
                .collect(),
            generation,
            is_read,
        }
    }

    #[test]
    fn a_history_that_only_grows_is_fine() {
        let history = [
            seen("a", 1, false, 1, &[("a", 1)]),
            seen("a", 3, true, 2, &[("a", 1), ("b", 4)]),
            seen("a", 5, true, 2, &[("a", 1), ("b", 5)]),
        ];
        assert_eq!(regressions(&history, Scope::Session), []);
        assert_eq!(regressions(&history, Scope::Node), []);
    }

    #[test]
    fn a_write_that_its_author_does_not_read_back_is_seen() {
        let history = [seen("a", 1, false, 0, &[("a", 2)]), seen("a", 3, true, 1, &[("a", 1)])];
        assert_eq!(regressions(&history, Scope::Session).len(), 1);
    }

    #[test]
    fn a_read_that_goes_back_is_seen() {
        let history = [
            seen("a", 1, true, 2, &[("b", 2)]),
            seen("a", 3, true, 2, &[("b", 1)]),
            seen("a", 5, true, 2, &[]),
        ];
        assert_eq!(regressions(&history, Scope::Session).len(), 2);
    }

    #[test]
    fn a_generation_that_goes_back_is_seen() {
        let history = [seen("a", 1, true, 7, &[]), seen("a", 3, true, 6, &[])];
        assert_eq!(regressions(&history, Scope::Session).len(), 1);
    }

    #[test]
    fn another_session_at_the_node_is_held_to_what_was_answered_before_it_asked() {
        let history = [seen("a", 1, true, 1, &[("b", 2)]), seen("c", 3, true, 1, &[("b", 1)])];
        assert_eq!(regressions(&history, Scope::Session), []);
        assert_eq!(regressions(&history, Scope::Node).len(), 1);
        let concurrent = [seen("a", 1, true, 1, &[("b", 2)]), seen("c", 2, true, 1, &[("b", 1)])];
        assert_eq!(regressions(&concurrent, Scope::Node), []);
    }
}
