//! Disks that become old ones: a backup that is put back, a virtual machine that is rolled back, a disk that is lost.
//!
//! What only one disk had goes with that disk, and that is no promise: so a disk is taken away only when other nodes know what it knows. And a node
//! that nobody told may give a dot away a second time before it meets a peer: clients reach it once it has found out.

use rejoin_document::VersionVector;

use super::disk::{Backup, DirectoryDisk, Disk, MemoryDisk};
use super::injector::running;
use super::world::World;
use crate::history::Phase;
use crate::plan::{Fault, FaultKind, Target};

/// How long a node that was rolled back is kept from clients, if it does not find out before.
const CLOSED_MS_MAX: u64 = 20_000;

/// Disks that are going to be exchanged, and nodes that do not know yet that theirs was.
#[derive(Default)]
pub(super) struct Restores {
    waiting: Vec<Waiting>,
    unaware: Vec<Unaware>,
}

struct Waiting {
    fault: Fault,
    node: usize,
    /// `None`: an empty disk.
    backup: Option<Backup>,
    due_ms: u64,
}

struct Unaware {
    node: usize,
    replica: String,
    knew: VersionVector,
    until_ms: u64,
}

impl Restores {
    /// Takes the backup now; it is put back some seconds later.
    ///
    /// # Errors
    /// The disk cannot be copied.
    pub(super) fn begin(&mut self, world: &mut World, fault: Fault) -> anyhow::Result<()> {
        let Target::Node(node) = fault.target else {
            return Ok(());
        };
        if running(world, &fault).is_none() {
            return Ok(());
        }
        let backup = match fault.kind {
            FaultKind::Wiped => None,
            _ => Some(world.back_up(node)?),
        };
        self.waiting.push(Waiting {
            fault,
            node,
            backup,
            due_ms: world.now_ms() + 1_000 + fault.draw % 8_000,
        });
        Ok(())
    }

    /// Exchanges the disks that may be exchanged now.
    ///
    /// # Errors
    /// A disk of files cannot be made.
    pub(super) fn act(&mut self, world: &mut World) -> anyhow::Result<()> {
        let now = world.now_ms();
        for waiting in std::mem::take(&mut self.waiting) {
            let may = waiting.due_ms <= now
                && running(world, &waiting.fault).is_some()
                && !self.unaware.iter().any(|unaware| unaware.node == waiting.node)
                && is_known_elsewhere(world, waiting.node);
            if may {
                self.exchange(world, waiting)?;
            } else {
                self.waiting.push(waiting);
            }
        }
        let found_out = |unaware: &Unaware| unaware.until_ms <= now || unaware.has_found_out(world);
        let (aware, unaware) = std::mem::take(&mut self.unaware).into_iter().partition(found_out);
        self.unaware = unaware;
        for Unaware { node, .. } in aware {
            world.links.close_to_clients(&world.sim, &world.names, node, false);
        }
        Ok(())
    }

    /// Nothing is exchanged any more. Who does not know yet will.
    pub(super) fn end(&mut self, world: &mut World) {
        self.waiting.clear();
        for Unaware { node, .. } in self.unaware.drain(..) {
            world.links.close_to_clients(&world.sim, &world.names, node, false);
        }
    }

    fn exchange(&mut self, world: &mut World, waiting: Waiting) -> anyhow::Result<()> {
        let Waiting {
            fault, node, backup, ..
        } = waiting;
        let Some(store) = world.store(node) else { return Ok(()) };
        let (replica, knew) = (
            store.identity().replica.to_string(),
            world.knowledge(node).unwrap_or_default(),
        );
        drop(store);
        world.end_process(node, "sigkill", 100 + fault.draw % 2_000);
        world.machines[node].disk(|disk| {
            match backup {
                Some(backup) => disk.restore(backup),
                None => *disk = empty_like(disk)?,
            }
            anyhow::Ok(())
        })?;
        let machine = &world.machines[node];
        match fault.kind {
            FaultKind::RolledBack => {
                machine.replaced("rolled back", false, false);
                world.links.close_to_clients(&world.sim, &world.names, node, true);
                self.unaware.push(Unaware {
                    node,
                    replica,
                    knew,
                    until_ms: world.now_ms() + CLOSED_MS_MAX,
                });
            }
            // An operator may forget to say so; then the files tell that they are a copy.
            FaultKind::RestoredBackup => machine.replaced("restored", fault.draw & 1 == 0, true),
            _ => machine.replaced("wiped", false, true),
        }
        world.journal.fault(fault.kind, fault.target, Phase::Struck);
        Ok(())
    }
}

impl Unaware {
    /// It has another name for its writes now, or nothing was lost.
    fn has_found_out(&self, world: &World) -> bool {
        let renamed = world
            .store(self.node)
            .is_some_and(|store| store.identity().replica.to_string() != self.replica);
        renamed
            || world
                .knowledge(self.node)
                .is_some_and(|knowledge| knowledge.dominates(&self.knew))
    }
}

fn empty_like(disk: &Disk) -> anyhow::Result<Disk> {
    Ok(match disk {
        Disk::Memory(_) => Disk::Memory(MemoryDisk::new()),
        Disk::Directory(_) => Disk::Directory(DirectoryDisk::new()?),
    })
}

/// Whether other nodes that run know all that a node knows, each write at least one.
fn is_known_elsewhere(world: &World, node: usize) -> bool {
    let Some(own) = world.knowledge(node) else { return false };
    let others: Vec<VersionVector> = (0..world.names.len())
        .filter(|other| *other != node)
        .filter_map(|other| world.knowledge(other))
        .collect();
    own.iter()
        .all(|(replica, time)| others.iter().any(|other| other.get(replica) >= time))
}
