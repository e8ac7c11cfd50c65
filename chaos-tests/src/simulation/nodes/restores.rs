//! Disks that become others: a backup that is put back, a virtual machine that is rolled back, a disk that is lost, alone or with its machine, a copy
//! that takes the place of the original.
//!
//! What only one disk had goes with that disk, and that is no promise: so a disk is taken away only when other nodes know what it knows. And a node
//! that nobody told may give a dot away a second time before it meets a peer: clients reach it once it has found out.

use rejoin_document::{DatabaseName, Position, ReplicaId, VersionVector};
use rejoin_store::Store;

use super::client::DATABASE;
use super::disk::{Backup, DirectoryDisk, Disk, MemoryDisk};
use super::injector::running;
use super::machine::Exchange;
use super::world::World;
use crate::history::{Phase, Restart};
use crate::plan::{Fault, FaultKind, Target};

/// How long a node that was rolled back is kept from clients, if it does not find out before.
const CLOSED_MS_MAX: u64 = 20_000;

/// Disks that are going to be exchanged, and nodes that do not know yet that theirs was.
#[derive(Default)]
pub(super) struct Restores {
    waiting: Vec<Waiting>,
    unaware: Vec<Unaware>,
    /// Nodes that start on a copy of their disk, and whose replica must not go on.
    copies: Vec<(usize, ReplicaId)>,
}

struct Waiting {
    fault: Fault,
    node: usize,
    /// `None`: an empty disk, or a copy of the present one.
    backup: Option<Backup>,
    /// Where the node's log ended when the backup was taken.
    position: Option<Position>,
    due_ms: u64,
}

struct Unaware {
    node: usize,
    replica: ReplicaId,
    knew: VersionVector,
    until_ms: u64,
}

impl Restores {
    /// Whether a fault of this kind exchanges a disk.
    pub(super) fn exchange_for(kind: FaultKind) -> bool {
        matches!(
            kind,
            FaultKind::RestoredBackup
                | FaultKind::RolledBack
                | FaultKind::CheckpointAhead
                | FaultKind::Wiped
                | FaultKind::ReusedName
                | FaultKind::ClonedDisk
        )
    }

    /// Takes the backup now; it is put back some seconds later.
    ///
    /// # Errors
    /// The disk cannot be copied.
    pub(super) fn begin(&mut self, world: &mut World, fault: Fault) -> anyhow::Result<()> {
        let Target::Node(node) = fault.target else {
            return Ok(());
        };
        let Some(store) = running(world, &fault).and_then(|node| world.store(node)) else {
            return Ok(());
        };
        let position = DATABASE.parse().ok().map(|database| store.position(&database));
        drop(store);
        let backup = match fault.kind {
            FaultKind::Wiped | FaultKind::ReusedName | FaultKind::ClonedDisk => None,
            _ => Some(world.back_up(node)?),
        };
        self.waiting.push(Waiting {
            fault,
            node,
            backup,
            position,
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
                && (waiting.fault.kind == FaultKind::ClonedDisk || is_known_elsewhere(world, waiting.node))
                && (waiting.fault.kind != FaultKind::CheckpointAhead || waiting.is_behind_a_peer(world));
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
        self.copies.retain(|copy| !has_started(world, *copy));
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
        let (replica, knew) = (store.identity().replica, world.knowledge(node).unwrap_or_default());
        drop(store);
        world.end_process(node, "sigkill", 100 + fault.draw % 2_000);
        world.machines[node].disk(|disk| {
            match backup {
                Some(backup) => disk.restore(backup),
                None if fault.kind == FaultKind::ClonedDisk => {
                    let copy = disk.back_up()?;
                    disk.restore(copy);
                }
                None => *disk = empty_like(disk)?,
            }
            anyhow::Ok(())
        })?;
        world.restored |= fault.kind != FaultKind::ClonedDisk;
        let unaware = matches!(fault.kind, FaultKind::RolledBack | FaultKind::CheckpointAhead);
        world.machines[node].exchanged(Exchange {
            how: match fault.kind {
                FaultKind::RolledBack | FaultKind::CheckpointAhead => "rolled back",
                FaultKind::RestoredBackup => "restored",
                FaultKind::ClonedDisk => Restart::CLONED_DISK,
                _ => "wiped",
            },
            same_disk: fault.kind == FaultKind::ClonedDisk,
            // An operator may forget to say so; then the files tell that they are a copy.
            told: fault.kind == FaultKind::RestoredBackup && fault.draw & 1 == 0,
            other_files: !unaware,
            other_host: fault.kind == FaultKind::ReusedName,
        });
        if unaware {
            world.links.close_to_clients(&world.sim, &world.names, node, true);
            self.unaware.push(Unaware {
                node,
                replica,
                knew,
                until_ms: world.now_ms() + CLOSED_MS_MAX,
            });
        }
        if fault.kind == FaultKind::ClonedDisk {
            self.copies.push((node, replica));
        }
        world.journal.fault(fault.kind, fault.target, Phase::Struck);
        Ok(())
    }
}

impl Waiting {
    /// Whether a peer has read further in the node's log than the backup goes.
    fn is_behind_a_peer(&self, world: &World) -> bool {
        let Some(old) = self.position else { return false };
        let Ok(name) = world.names[self.node].parse() else {
            return false;
        };
        let others = (0..world.names.len()).filter(|other| *other != self.node);
        let hellos = others
            .filter_map(|other| world.store(other))
            .flat_map(|store| store.hello(&name));
        let mut positions = hellos
            .filter(|hello| hello.name.as_str() == DATABASE)
            .filter_map(|hello| hello.position);
        positions.any(|position| position.incarnation == old.incarnation && position.sequence > old.sequence)
    }
}

impl Unaware {
    /// It has another name for its writes now, or nothing was lost.
    fn has_found_out(&self, world: &World) -> bool {
        let renamed = world
            .store(self.node)
            .is_some_and(|store| store.identity().replica != self.replica);
        renamed
            || world
                .knowledge(self.node)
                .is_some_and(|knowledge| knowledge.dominates(&self.knew))
    }
}

/// Whether a node that was given a copy of its disk has started. It must not go on under the replica id of the original, which may live on elsewhere.
fn has_started(world: &World, (node, replica): (usize, ReplicaId)) -> bool {
    let Some(store) = world.store(node) else { return false };
    if store.identity().replica == replica {
        let name = &world.names[node];
        world.journal.fail(format!(
            "{name} goes on under its replica id {replica} with a copy of its disk"
        ));
    }
    true
}

fn empty_like(disk: &Disk) -> anyhow::Result<Disk> {
    Ok(match disk {
        Disk::Memory(_) => Disk::Memory(MemoryDisk::new()),
        Disk::Directory(_) => Disk::Directory(DirectoryDisk::new()?),
    })
}

/// Whether other nodes that run know all that a node knows, of every database, each write at least one.
fn is_known_elsewhere(world: &World, node: usize) -> bool {
    let Some(store) = world.store(node) else { return false };
    let others: Vec<Store> = (0..world.names.len())
        .filter(|other| *other != node)
        .filter_map(|other| world.store(other))
        .collect();
    let known = |store: &Store, database: &DatabaseName| store.digest(database).ok().map(|(knowledge, _)| knowledge);
    let databases = store.databases().into_iter().map(|definition| definition.name);
    databases.chain([DatabaseName::system()]).all(|database| {
        let own = known(&store, &database).unwrap_or_default();
        let others: Vec<VersionVector> = others.iter().filter_map(|other| known(other, &database)).collect();
        own.iter()
            .all(|(replica, time)| others.iter().any(|other| other.get(replica) >= time))
    })
}
