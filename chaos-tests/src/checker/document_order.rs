//! Session monotonicity: at one node, nobody sees a document go back behind what was seen or written there before.
//!
//! The workload gives each client a member of its own in every document, which it counts up. So a document's counters work as a version vector
//! that the product does not know of: what is read later must be at least what was read, or acknowledged, before.

use std::collections::BTreeMap;
use std::fmt;

use crate::history::Tick;

/// The counters that clients keep in a document, by client.
pub type Counters = BTreeMap<String, u64>;

/// One answer to one client.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The client's session.
    pub session: String,
    /// The node that answered.
    pub datacenter: String,
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
    let mut groups: BTreeMap<(&str, &str), Vec<&Sighting>> = BTreeMap::new();
    for observation in observations {
        let owner = match scope {
            Scope::Session => &observation.session,
            Scope::Node => &observation.datacenter,
        };
        groups
            .entry((owner, &observation.document))
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
