//! Everything that a simulation can make go wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultGroup {
    /// What connects two datacenters. Its target is an edge, or a node for [`FaultKind::Isolated`] and the partitions.
    Network,
    /// The process of a node.
    Process,
    /// The disk of a node.
    Disk,
    /// The clock of a node.
    Time,
    /// Who a node is: which disk it has, and which name.
    Identity,
    /// What people and programs around it do.
    Operations,
}

macro_rules! fault_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $group:ident;)+) => {
        /// One kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum FaultKind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl FaultKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As it is printed.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it is about.
            pub fn group(self) -> FaultGroup {
                match self {
                    $(Self::$variant => FaultGroup::$group,)+
                }
            }
        }
    };
}

fault_kinds! {
    /// Two sides of the network do not reach each other; connections are reset, and new ones refused.
    Partition = "partition", Network;
    /// One direction of an edge is lost.
    OneWay = "one way", Network;
    /// One edge is gone while both its ends still reach others.
    PartialPartition = "partial partition", Network;
    /// A ring loses one edge and never gets it back.
    RingCutForEver = "ring cut for ever", Network;
    /// One datacenter reaches nobody.
    Isolated = "isolated", Network;
    /// An edge comes and goes, many times a second.
    Flapping = "flapping", Network;
    /// Everything on an edge takes long.
    Slow = "slow", Network;
    /// Everything on an edge takes sometimes long.
    Jittery = "jittery", Network;
    /// An edge carries little.
    Thin = "thin", Network;
    /// What an edge is given is held, and delivered when the fault ends.
    HeldBlackHole = "black hole, delivered later", Network;
    /// What an edge is given vanishes, and nobody is told.
    BlackHole = "black hole", Network;
    /// One end has closed, and the other does not know it.
    HalfOpen = "half-open", Network;
    /// A connection is reset in the middle of a stream.
    Reset = "reset mid-stream", Network;
    /// Messages come twice.
    Duplicated = "duplicated", Network;
    /// Messages come in another order.
    Reordered = "reordered", Network;
    /// Batches of earlier streams come again.
    Replayed = "replayed old batches", Network;
    /// Batches are missing.
    Lost = "lost batches", Network;
    /// A frame ends before its end.
    Truncated = "truncated frame", Network;
    /// An edge is cut while a batch that it brought is being applied.
    CutInMerge = "cut in a merge", Network;
    /// An edge is cut in a catch-up, and again in the next one.
    CutInCatchUp = "cut twice in catch-up", Network;
    /// A long partition in which everything that may be compacted is.
    LongPartition = "long partition with compaction", Network;
    /// The operator cuts a link, and restores it.
    LinkCut = "link cut by the operator", Network;

    /// The process dies before a write is committed.
    KilledBeforeWrite = "killed before the write", Process;
    /// The process dies between a write and its sync.
    KilledBeforeSync = "killed between write and sync", Process;
    /// The process dies between a sync and its acknowledgement: the outcome is unknown, and the write is there.
    KilledBeforeAcknowledgement = "killed between sync and acknowledgement", Process;
    /// The process dies when it has applied a batch, before or after it has recorded how far it came.
    KilledAtCheckpoint = "killed around the checkpoint", Process;
    /// The process dies with a part of a batch received.
    KilledInBatch = "killed mid-batch", Process;
    /// The process dies with a merge under way.
    KilledInMerge = "killed mid-merge", Process;
    /// The process dies in a compaction.
    KilledInCompaction = "killed mid-compaction", Process;
    /// The process dies again and again, soon after it has started.
    CrashLoop = "crash loop", Process;
    /// The process stands still, and goes on.
    Stopped = "stopped and continued", Process;
    /// A spawned task panics.
    Panic = "panic in a task", Process;

    /// The power fails: what was not synced is gone, with a torn tail.
    PowerCut = "power cut", Disk;
    /// A sync fails.
    SyncError = "fsync error", Disk;
    /// There is no space, and later there is.
    NoSpace = "no space", Disk;
    /// A bit flips in a file.
    BitFlip = "bit flip", Disk;
    /// A file is missing.
    MissingFile = "missing file", Disk;
    /// Syncs take long.
    SlowSync = "slow fsync", Disk;

    /// The clock jumps by a hundred milliseconds.
    ClockNudge = "clock jumps by 100 ms", Time;
    /// The clock jumps by minutes or hours.
    ClockJump = "clock jumps by hours", Time;
    /// The clock jumps by ten years.
    ClockLeap = "clock jumps by ten years", Time;
    /// The clock shows a time before 1970.
    BeforeEpoch = "clock before 1970", Time;
    /// The clock jumps to and fro.
    Strobing = "strobing clock", Time;
    /// The clock runs too fast or too slow.
    Drifting = "drifting clock", Time;
    /// The process starts again behind its own last time.
    RestartedBehind = "restarted behind its own last time", Time;
    /// A peer sends a stamp from a far future.
    FarFutureStamp = "far-future stamp", Time;

    /// A backup is put back, and the operator says so.
    RestoredBackup = "restored backup", Identity;
    /// A virtual machine goes back to a snapshot, and nobody says so.
    RolledBack = "rolled back", Identity;
    /// A second node starts on a copy of a disk.
    ClonedDisk = "cloned disk", Identity;
    /// A new machine takes the name of an old one.
    ReusedName = "reused name", Identity;
    /// A node loses its disk and starts empty.
    Wiped = "wiped", Identity;
    /// A node is away for longer than removals are kept.
    LongAway = "away longer than tombstones are kept", Identity;
    /// A peer has a checkpoint that is ahead of our log.
    CheckpointAhead = "peer's checkpoint ahead", Identity;

    /// Clients repeat what was not answered, all at once.
    RetryStorm = "retry storm", Operations;
    /// A consumer of changes, or a puller, takes its time.
    SlowConsumer = "slow consumer", Operations;
    /// Nodes are upgraded one after the other during a partition.
    RollingUpgrade = "rolling upgrade", Operations;
    /// A database's rules are changed at one datacenter, and the others learn it late.
    RulesDiffer = "rules that differ", Operations;
    /// A database is deleted and created again while others write to it.
    DatabaseRecreated = "database deleted and created again", Operations;
}

impl FaultKind {
    /// Whether it befalls a connection between two datacenters rather than one datacenter.
    pub fn is_of_an_edge(self) -> bool {
        self.group() == FaultGroup::Network && !matches!(self, Self::Isolated | Self::Partition | Self::LongPartition)
    }

    /// Whether only networks of some shapes can have it.
    pub fn needs_a_shape(self) -> bool {
        matches!(self, Self::RingCutForEver | Self::PartialPartition)
    }

    /// Whether it lasts. The others happen at one moment.
    pub fn lasts(self) -> bool {
        match self.group() {
            FaultGroup::Network => !matches!(
                self,
                Self::RingCutForEver | Self::HalfOpen | Self::Reset | Self::Truncated | Self::CutInMerge
            ),
            FaultGroup::Process => matches!(self, Self::CrashLoop | Self::Stopped),
            FaultGroup::Disk => matches!(self, Self::NoSpace | Self::SyncError | Self::SlowSync),
            FaultGroup::Time => !matches!(self, Self::RestartedBehind | Self::FarFutureStamp),
            FaultGroup::Identity => matches!(self, Self::LongAway | Self::ClonedDisk),
            FaultGroup::Operations => !matches!(self, Self::RulesDiffer),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_tell_kinds_apart() {
        let names: BTreeSet<&str> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), FaultKind::ALL.len());
    }
}
