//! Copies of disks: a second node of a datacenter is started on what the disk of the running one holds, and both go on.
//!
//! Whether its disk lies elsewhere or the whole machine was copied, it must take a replica id of its own. Nobody dials it, and who is linked with
//! the original refuses it; where the original cannot be reached it is let in, and the original is refused meanwhile. Clients that got hold of it are
//! served like others. In the end its process is taken away. Once others have all that the original has, its disk takes the original's place: what it
//! had acknowledged must come to everybody.

use rejoin_document::{DatacenterName, ReplicaId};
use rejoin_sync::{Puller, Timestamp};

use super::faults::Begun;
use super::link::Link;
use super::node::Node;
use super::run::Run;
use super::world::World;
use crate::history::Restart;

/// A copy that was taken away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Laid {
    /// The datacenter.
    original: usize,
    /// The node that ran on the copy.
    copy: usize,
}

impl World {
    /// Starts a node beside the others, with links to those that its peer pulls from.
    fn join_copy(&mut self, original: usize, copy: Node) -> usize {
        let number = self.nodes.len();
        let now = Timestamp(self.now_ms);
        let of_original = self.links.iter().filter(|link| link.puller == original);
        let servers: Vec<usize> = of_original.map(|link| link.server).collect();
        for server in servers {
            let (own, peer) = (copy.name.clone(), self.nodes[server].name.clone());
            let cut = copy.store.links_cut().contains(&peer);
            let mut link = Link::new(
                number,
                server,
                Puller::new(own, peer, self.options.clone(), cut, now, now),
            );
            link.keeps_old = false;
            self.links.push(link);
        }
        self.nodes.push(copy);
        number
    }

    /// Whether a node has lately heard another node of this datacenter than the one with this replica id.
    pub(super) fn is_taken(&self, node: usize, peer: &DatacenterName, replica: ReplicaId) -> bool {
        let (now, within_ms) = (Timestamp(self.now_ms), self.options.partition_after_ms);
        let by_another = |linked: Option<(ReplicaId, Timestamp)>| {
            linked.is_some_and(|(other, heard)| other != replica && now.since(heard) < within_ms)
        };
        self.links.iter().any(|link| {
            let pulls = link.puller == node && link.machine.peer() == peer && by_another(link.machine.linked());
            let session = link.connection.as_ref().map(|connection| &connection.session);
            let serves = link.server == node && self.nodes[link.puller].name == *peer;
            pulls || serves && session.is_some_and(|session| by_another(session.linked()))
        })
    }
}

impl Run {
    /// A second node starts on a copy of a node's disk. One of the clients goes on there, and knows nothing of it.
    pub(super) fn start_copy(&mut self, node: usize, draw: u64) -> Begun {
        let original = &self.world.nodes[node];
        if original.stopped || original.unaware.is_some() {
            return Begun::Void;
        }
        self.world.enter(node);
        let number = self.world.nodes.len();
        let copy = self.world.nodes[node].copied(draw.is_multiple_of(2), number);
        let (before, after) = (self.world.nodes[node].store.identity(), copy.store.identity());
        if before.replica == after.replica || before.incarnation == after.incarnation {
            self.troubles
                .push("a copy of a disk goes on under the identity of the original".to_owned());
        }
        let number = self.world.join_copy(node, copy);
        self.world.note_rules(number);
        let own: Vec<usize> = (0..self.clients.len())
            .filter(|client| self.clients[*client].node == node)
            .collect();
        if !own.is_empty() {
            let moved = own[self.weather.index(own.len())];
            self.clients[moved].node = number;
        }
        self.line(format_args!("{} starts", self.world.nodes[number].label()));
        Begun::Lasts {
            changed: i64::try_from(number).unwrap_or(i64::MAX),
        }
    }

    /// The process on a copy ends for good; its disk stays.
    pub(super) fn stop_copy(&mut self, original: usize, copy: i64) {
        let Ok(copy) = usize::try_from(copy) else { return };
        self.world.close_links_of(copy, "the process ended");
        self.world.nodes[copy].stopped = true;
        for client in self.clients.iter_mut().filter(|client| client.node == copy) {
            client.node = original;
        }
        self.laid.push(Laid { original, copy });
    }

    /// The disk of a copy takes the place of that of its original, as soon as others have all that is on this. Whether one did.
    pub(super) fn seat_copies(&mut self) -> bool {
        let is_due = |laid: &Laid| {
            // In the end everybody has everything, also one that was put back and has lost nothing that tells it so.
            let is_held = self.is_held_elsewhere(laid.original) || self.is_quiet && self.is_settled();
            is_held && !self.world.nodes[laid.original].stopped
        };
        let Some(place) = self.laid.iter().position(is_due) else {
            return false;
        };
        let Laid { original, copy } = self.laid.remove(place);
        let files = self.world.nodes[copy].engine.copy();
        self.world.restored = true;
        self.come_back(original, Restart::CLONED_DISK, false, |run| {
            run.move_to(original, files);
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Event, Restart};
    use crate::plan::{Fault, FaultKind, Plan, Scale, Target};
    use crate::simulation::core::Core;
    use crate::simulation::{Stage, judge};

    /// A run in which nothing goes wrong but that a disk is copied; with an even number the copy lies elsewhere, else the whole machine was copied.
    fn plan(seed: u64, draw: u64) -> Plan {
        let scale = Scale {
            lasting_ms: 40_000,
            paces: &[],
            ..Core.scale()
        };
        let mut plan = Plan::generate(seed, &scale);
        plan.faults = vec![Fault {
            kind: FaultKind::ClonedDisk,
            target: Target::Node(0),
            at_ms: 5_000,
            for_ms: 20_000,
            draw,
        }];
        plan.workload.operations_min = 20;
        plan
    }

    #[test]
    fn a_copy_beside_its_original_is_refused_serves_its_clients_and_loses_nothing_of_theirs() {
        for draw in [0, 1] {
            let judged = judge(&Core, &plan(3, draw));
            assert!(judged.is_clean(), "{:?}", judged.findings());
            let log = String::from_utf8_lossy(&judged.ran.log).into_owned();
            assert!(
                log.contains("refuses dc-a: another node of this datacenter is linked"),
                "{log}"
            );
            let history = &judged.ran.history;
            let at_copy = history.writes().filter(|(_, entry)| entry.datacenter.contains("copy"));
            assert!(at_copy.filter(|(_, entry)| entry.is_ok()).count() > 0);
            let seated =
                |event: &&Event| matches!(event, Event::Restart(restart) if restart.how == Restart::CLONED_DISK);
            assert_eq!(history.events.iter().filter(seated).count(), 1);
        }
    }
}
