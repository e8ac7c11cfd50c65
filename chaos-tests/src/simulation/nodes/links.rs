//! What the network does between datacenters while faults overlap: each direction is open as long as nobody blocks it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use turmoil::Sim;

use super::wire::{Break, break_ends, thin, waited};

/// Time that a segment takes when nothing is wrong.
pub(super) const LATENCY: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(30));

/// The connections between datacenters. A datacenter has a node and an application host.
#[derive(Default)]
pub(super) struct Links {
    /// How many faults block a direction.
    blocked: BTreeMap<(usize, usize), u32>,
    /// How many faults hold what a pair sends; the lower number first.
    held: BTreeMap<(usize, usize), u32>,
    /// What the network was told: the pair, with both directions.
    told: BTreeMap<(usize, usize), Told>,
    /// Nodes that clients do not reach.
    closed: BTreeSet<usize>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    held: bool,
    forth_blocked: bool,
    back_blocked: bool,
    a_closed: bool,
    b_closed: bool,
}

impl Told {
    /// The same for a client and a node that is closed to clients.
    fn closing(self, closed: bool) -> Self {
        Self {
            held: self.held && !closed,
            forth_blocked: self.forth_blocked || closed,
            back_blocked: self.back_blocked || closed,
            ..self
        }
    }
}

/// The hosts of a datacenter.
pub(super) fn hosts(datacenter: &str) -> [String; 2] {
    [datacenter.to_owned(), format!("app-{datacenter}")]
}

impl Links {
    /// Nothing that `from` sends arrives at `to` any more, if `on`; else one fault less says so.
    pub(super) fn block(&mut self, sim: &Sim<'_>, names: &[String], (from, to): (usize, usize), on: bool) {
        count(self.blocked.entry((from, to)).or_default(), on);
        self.tell(sim, names, (from.min(to), from.max(to)));
    }

    /// What the pair sends is held, if `on`; else one fault less says so, and it is delivered after the last.
    pub(super) fn hold(&mut self, sim: &Sim<'_>, names: &[String], (a, b): (usize, usize), on: bool) {
        let pair = (a.min(b), a.max(b));
        count(self.held.entry(pair).or_default(), on);
        self.tell(sim, names, pair);
    }

    /// Clients do not reach the node any more, or do again; nodes do.
    pub(super) fn close_to_clients(&mut self, sim: &Sim<'_>, names: &[String], node: usize, on: bool) {
        if on {
            self.closed.insert(node);
        } else {
            self.closed.remove(&node);
        }
        self.tell_again(sim, names, node);
    }

    /// Whether clients do not reach the node because of its disk.
    pub(super) fn is_closed_to_clients(&self, node: usize) -> bool {
        self.closed.contains(&node)
    }

    /// Nothing that a node sends arrives any more, until the network is told again.
    pub(super) fn silence(&self, sim: &Sim<'_>, names: &[String], node: usize) {
        let all = names.iter().flat_map(|name| hosts(name)).chain([OPERATOR.to_owned()]);
        for other in all.filter(|other| *other != names[node]) {
            sim.partition_oneway(names[node].as_str(), other.as_str());
        }
    }

    /// The ends that others have of their connections with a node break.
    pub(super) fn close_to(sim: &Sim<'_>, names: &[String], node: usize) {
        let all = names.iter().flat_map(|name| hosts(name)).chain([OPERATOR.to_owned()]);
        let gone = sim.lookup(names[node].as_str());
        for other in all.filter(|other| *other != names[node]) {
            break_ends(sim.lookup(other.as_str()), gone, Break::Now);
        }
    }

    /// Tells the network again: a node that died had cut itself off.
    pub(super) fn tell_again(&mut self, sim: &Sim<'_>, names: &[String], datacenter: usize) {
        for other in (0..names.len()).filter(|other| *other != datacenter) {
            let pair = (datacenter.min(other), datacenter.max(other));
            self.told.remove(&pair);
            self.tell(sim, names, pair);
        }
        let [node, application] = hosts(&names[datacenter]);
        if self.closed.contains(&datacenter) {
            sim.partition(node.as_str(), application.as_str());
        } else {
            sim.repair(node.as_str(), application.as_str());
        }
        sim.repair_oneway(node.as_str(), OPERATOR);
    }

    fn tell(&mut self, sim: &Sim<'_>, names: &[String], (a, b): (usize, usize)) {
        let is_blocked = |direction| self.blocked.get(&direction).is_some_and(|count| *count > 0);
        let (forth_blocked, back_blocked) = (is_blocked((a, b)), is_blocked((b, a)));
        let held = self.held.get(&(a, b)).is_some_and(|count| *count > 0) && !forth_blocked && !back_blocked;
        let told = Told {
            held,
            forth_blocked,
            back_blocked,
            a_closed: self.closed.contains(&a),
            b_closed: self.closed.contains(&b),
        };
        let before = self.told.insert((a, b), told);
        if before == Some(told) {
            return;
        }
        let before = before.unwrap_or_default();
        let [node_a, application_a] = hosts(&names[a]);
        let [node_b, application_b] = hosts(&names[b]);
        carry(sim, &node_a, &node_b, before, told);
        carry(sim, &application_a, &application_b, before, told);
        carry(sim, &node_a, &application_b, before, told.closing(told.a_closed));
        carry(sim, &application_a, &node_b, before, told.closing(told.b_closed));
    }

    /// Everything that the pair has open breaks.
    pub(super) fn reset(sim: &Sim<'_>, names: &[String], (a, b): (usize, usize), how: Break) -> usize {
        Self::close(sim, names, (a, b), how) + Self::close(sim, names, (b, a), how)
    }

    /// The ends that `at` has of its connections with `with` break.
    pub(super) fn close(sim: &Sim<'_>, names: &[String], (at, with): (usize, usize), how: Break) -> usize {
        let mut broken = 0;
        for one in hosts(&names[at]) {
            for two in hosts(&names[with]) {
                broken += break_ends(sim.lookup(one.as_str()), sim.lookup(two.as_str()), how);
            }
        }
        broken
    }

    /// From now on what each host of the pair sends to one of the other's is so many bytes a second, if `on`; else one such fault less says so.
    pub(super) fn thin(sim: &Sim<'_>, names: &[String], pair: (usize, usize), bytes_per_second: u32, on: bool) {
        for (from, to) in ways(sim, names, pair) {
            thin(from, to, bytes_per_second, on);
        }
    }

    /// How often something had to wait because a way between the two was thin.
    pub(super) fn waited(sim: &Sim<'_>, names: &[String], pair: (usize, usize)) -> u64 {
        ways(sim, names, pair).map(|(from, to)| waited(from, to)).sum()
    }

    /// From now on what the pair sends takes from `least` to `most`.
    pub(super) fn slow(sim: &Sim<'_>, names: &[String], (a, b): (usize, usize), (least, most): (Duration, Duration)) {
        for one in hosts(&names[a]) {
            for two in hosts(&names[b]) {
                sim.set_link_latency(one.as_str(), two.as_str(), least);
                sim.set_link_max_message_latency(one.as_str(), two.as_str(), most);
            }
        }
    }
}

/// The ways from each host of a datacenter to each of another, and back.
fn ways(sim: &Sim<'_>, names: &[String], (a, b): (usize, usize)) -> impl Iterator<Item = (IpAddr, IpAddr)> {
    let addresses = |datacenter: &String| hosts(datacenter).map(|host| sim.lookup(host.as_str()));
    let (ones, twos) = (addresses(&names[a]), addresses(&names[b]));
    ones.into_iter()
        .flat_map(move |one| twos.into_iter().flat_map(move |two| [(one, two), (two, one)]))
}

/// The host of those who run the nodes; nobody cuts it off.
pub(super) const OPERATOR: &str = "operator";

fn carry(sim: &Sim<'_>, one: &str, two: &str, before: Told, told: Told) {
    if before.held && !told.held {
        sim.release(one, two);
    }
    if told.held {
        sim.hold(one, two);
        return;
    }
    for (from, to, blocked) in [(one, two, told.forth_blocked), (two, one, told.back_blocked)] {
        if blocked {
            sim.partition_oneway(from, to);
        } else {
            sim.repair_oneway(from, to);
        }
    }
}

fn count(of: &mut u32, on: bool) {
    *of = if on { of.saturating_add(1) } else { of.saturating_sub(1) };
}
