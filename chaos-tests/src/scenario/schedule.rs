//! When what goes wrong, as it follows from a seed: two rows of troubles, one of the network and one of the nodes, side by side.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::Kind;
use crate::plan::Topology;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What.
    pub kind: Kind,
    /// The node that it befalls, if it is of a node.
    pub node: usize,
    /// The edge that it befalls, if it is of an edge. What has a direction befalls what the first sends to the second.
    pub edge: (usize, usize),
    /// When it begins, after the start.
    pub at: Duration,
    /// How long it lasts at least.
    pub lasting: Duration,
}

/// Begins or ends a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, after the start.
    pub at: Duration,
    /// Whether it begins.
    pub begins: bool,
    /// What.
    pub trouble: Trouble,
}

/// How much trouble there is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// How the datacenters are connected.
    pub topology: Topology,
    /// How many there are.
    pub datacenters: usize,
    /// How long it lasts.
    pub lasting: Duration,
    /// How long a trouble lasts.
    pub trouble: Duration,
    /// How long there is none between two of a row.
    pub calm: Duration,
}

/// The steps of a run in the order of their times: each kind once in an order of its own, then whatever is drawn. A kind that does not fit into the
/// time any more is left out, and the run finds that it never fired.
pub fn schedule(weather: &Weather, kinds: &[Kind], random: &mut StdRng) -> Vec<Step> {
    let (network, nodes): (Vec<Kind>, Vec<Kind>) = kinds.iter().partition(|kind| kind.is_of_the_network());
    let mut steps = Vec::new();
    for (mut row, begin) in [(network, Duration::ZERO), (nodes, weather.trouble / 2)] {
        row.shuffle(random);
        let mut at = begin + weather.calm;
        for slot in 0.. {
            let until = at + weather.trouble;
            if row.is_empty() || until > weather.lasting {
                break;
            }
            let kind = row
                .get(slot)
                .copied()
                .unwrap_or_else(|| row[random.random_range(0..row.len())]);
            let trouble = draw(kind, at, weather, random);
            steps.extend([(at, true), (until, false)].map(|(at, begins)| Step { at, begins, trouble }));
            at = until + weather.calm;
        }
    }
    steps.sort_by_key(|step| step.at);
    steps
}

fn draw(kind: Kind, at: Duration, weather: &Weather, random: &mut StdRng) -> Trouble {
    let edges = weather.topology.edges(weather.datacenters);
    let (a, b) = edges[random.random_range(0..edges.len())];
    Trouble {
        kind,
        node: random.random_range(0..weather.datacenters),
        edge: if random.random_bool(0.5) { (a, b) } else { (b, a) },
        at,
        lasting: weather.trouble,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const WEATHER: Weather = Weather {
        topology: Topology::Ring,
        datacenters: 4,
        lasting: Duration::from_secs(60),
        trouble: Duration::from_secs(1),
        calm: Duration::from_millis(200),
    };

    #[test]
    fn every_kind_has_its_turn_and_ends_before_the_next_of_its_row() {
        let steps = schedule(&WEATHER, Kind::ALL, &mut StdRng::seed_from_u64(7));
        for kind in Kind::ALL {
            assert!(
                steps.iter().any(|step| step.trouble.kind == *kind && step.begins),
                "{kind}"
            );
        }
        for network in [true, false] {
            let row = steps
                .iter()
                .filter(|step| step.trouble.kind.is_of_the_network() == network);
            let turns: Vec<bool> = row.map(|step| step.begins).collect();
            assert!(
                turns
                    .iter()
                    .enumerate()
                    .all(|(place, begins)| *begins == (place % 2 == 0))
            );
        }
        assert!(steps.is_sorted_by_key(|step| step.at));
        assert!(steps.iter().all(|step| step.at <= WEATHER.lasting));
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule() {
        let steps = |seed| schedule(&WEATHER, Kind::ALL, &mut StdRng::seed_from_u64(seed));
        assert_eq!(steps(1), steps(1));
        assert_ne!(steps(1), steps(2));
    }
}
