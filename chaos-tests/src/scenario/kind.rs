//! Everything that a run of real nodes can make go wrong.

use std::fmt;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// One kind of trouble.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As it is printed and recorded: the name that the simulation has for it, where it has one.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// One side of the network reaches the other no more.
    Partition = "partition";
    /// What one datacenter sends to another is lost; the other direction goes on.
    OneWay = "one way";
    /// One edge is gone while both its ends may still reach others.
    PartialPartition = "partial partition";
    /// One datacenter reaches nobody but its clients.
    Isolated = "isolated";
    /// An edge comes and goes.
    Flapping = "flapping";
    /// Everything on an edge takes long.
    Slow = "slow";
    /// Everything on an edge takes sometimes long.
    Jittery = "jittery";
    /// An edge carries little.
    Thin = "thin";
    /// Packets are lost.
    Lossy = "lossy";
    /// Packets overtake each other.
    Reordered = "reordered";
    /// Packets come twice.
    Duplicated = "duplicated";
    /// What an edge is given is held, and delivered when the trouble ends.
    HeldBlackHole = "black hole, delivered later";
    /// What an edge is given vanishes, and nobody is told.
    BlackHole = "black hole";
    /// One end has closed, and the other does not know it.
    HalfOpen = "half-open";
    /// Connections are reset in the middle of their streams.
    Reset = "reset mid-stream";
    /// A frame ends before its end.
    Truncated = "truncated frame";
    /// The operator cuts a link, and restores it.
    LinkCut = "link cut by the operator";
    /// A process is killed with SIGKILL, and started again when the trouble ends.
    Killed = "killed";
    /// A process is killed again and again, as soon as it serves.
    CrashLoop = "crash loop";
    /// A process stands still (SIGSTOP), and goes on (SIGCONT).
    Stopped = "stopped and continued";
    /// A process is asked to end (SIGTERM), and started again.
    Restarted = "restarted";
    /// A task panics without which a node is none: the process ends, and is started again when the trouble ends.
    Panic = "panic in a task";
    /// All processes, one after another, are asked to end and started as another version.
    RollingUpgrade = "rolling upgrade";
    /// A disk is nearly full: writes are refused.
    NearlyFull = "nearly full disk";
    /// A disk is full to the last byte.
    NoSpace = "no space";
    /// Syncs take long.
    SlowSync = "slow fsync";
    /// Syncs fail; the node is started again afterwards.
    SyncError = "fsync error";
    /// A node comes back with an older disk in place of the one that it had, as a virtual machine that is rolled back, and nobody tells it.
    RolledBack = "rolled back";
    /// A node comes back with files that were copied from its disk some time ago.
    RestoredBackup = "restored backup";
    /// A node comes back with a copy of the disk that it had.
    ClonedDisk = "cloned disk";
    /// A node comes back with an empty disk.
    Wiped = "wiped";
}

impl Kind {
    /// Whether it befalls a connection, and not a node. One of each may last at the same time.
    pub fn is_of_the_network(self) -> bool {
        self <= Self::LinkCut
    }
}

impl fmt::Display for Kind {
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
        let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
