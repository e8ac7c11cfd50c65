//! How the datacenters of a run are connected.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Which datacenters pull from each other, always in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// Two.
    Pair,
    /// Each with the next.
    Line,
    /// A line whose ends are connected.
    Ring,
    /// Everyone with everyone.
    Mesh,
    /// Everyone with the first.
    Star,
}

impl Topology {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pair, Self::Line, Self::Ring, Self::Mesh, Self::Star];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Line => "line",
            Self::Ring => "ring",
            Self::Mesh => "mesh",
            Self::Star => "star",
        }
    }

    /// The connected pairs of `datacenters`, each once with the lower number first, in ascending order.
    pub fn edges(self, datacenters: usize) -> Vec<(usize, usize)> {
        let next = || (1..datacenters).map(|node| (node - 1, node));
        let edges: BTreeSet<(usize, usize)> = match self {
            Self::Pair | Self::Line => next().collect(),
            Self::Ring => next().chain((datacenters > 2).then(|| (0, datacenters - 1))).collect(),
            Self::Mesh => (0..datacenters)
                .flat_map(|a| (a + 1..datacenters).map(move |b| (a, b)))
                .collect(),
            Self::Star => (1..datacenters).map(|node| (0, node)).collect(),
        };
        edges.into_iter().collect()
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topology_connects_all_datacenters() {
        for topology in Topology::ALL {
            for count in 2..=5 {
                let mut reached = BTreeSet::from([0]);
                for _ in 0..count {
                    for (a, b) in topology.edges(count) {
                        if reached.contains(&a) || reached.contains(&b) {
                            reached.extend([a, b]);
                        }
                    }
                }
                assert_eq!(reached.len(), count, "{topology} of {count}");
            }
        }
    }

    #[test]
    fn edges_are_as_drawn() {
        assert_eq!(Topology::Pair.edges(2), [(0, 1)]);
        assert_eq!(Topology::Line.edges(3), [(0, 1), (1, 2)]);
        assert_eq!(Topology::Ring.edges(4), [(0, 1), (0, 3), (1, 2), (2, 3)]);
        assert_eq!(Topology::Mesh.edges(3), [(0, 1), (0, 2), (1, 2)]);
        assert_eq!(Topology::Star.edges(4), [(0, 1), (0, 2), (0, 3)]);
    }
}
