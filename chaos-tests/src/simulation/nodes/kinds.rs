//! What can go wrong with whole nodes.

use std::time::Duration;

use crate::plan::{FaultKind, Scale};
use crate::workload::Workload;

/// The kinds of fault that are injected into whole nodes. Of the others some need messages that TCP does not lose, double or reorder, which the
/// simulation of the core injects; some need real files, real threads or another version of the program, which real processes have.
pub const KINDS: &[FaultKind] = &[
    FaultKind::Partition,
    FaultKind::OneWay,
    FaultKind::PartialPartition,
    FaultKind::RingCutForEver,
    FaultKind::Isolated,
    FaultKind::Flapping,
    FaultKind::Slow,
    FaultKind::Jittery,
    FaultKind::Thin,
    FaultKind::HeldBlackHole,
    FaultKind::BlackHole,
    FaultKind::HalfOpen,
    FaultKind::Reset,
    FaultKind::Truncated,
    FaultKind::CutInMerge,
    FaultKind::CutInCatchUp,
    FaultKind::LongPartition,
    FaultKind::LinkCut,
    FaultKind::KilledBeforeWrite,
    FaultKind::KilledBeforeSync,
    FaultKind::KilledBeforeAcknowledgement,
    FaultKind::KilledAtCheckpoint,
    FaultKind::KilledInBatch,
    FaultKind::KilledInMerge,
    FaultKind::KilledInCompaction,
    FaultKind::CrashLoop,
    FaultKind::Stopped,
    FaultKind::PowerCut,
    FaultKind::SyncError,
    FaultKind::NoSpace,
    FaultKind::SlowSync,
    FaultKind::ClockNudge,
    FaultKind::ClockJump,
    FaultKind::ClockLeap,
    FaultKind::BeforeEpoch,
    FaultKind::Strobing,
    FaultKind::Drifting,
    FaultKind::RestartedBehind,
    FaultKind::RestoredBackup,
    FaultKind::RolledBack,
    FaultKind::ClonedDisk,
    FaultKind::ReusedName,
    FaultKind::Wiped,
    FaultKind::LongAway,
    FaultKind::CheckpointAhead,
    FaultKind::RetryStorm,
    FaultKind::SlowConsumer,
    FaultKind::RulesDiffer,
    FaultKind::DatabaseRecreated,
];

/// How long the clients of a run work.
const LASTING: Duration = Duration::from_secs(40);

/// A run of whole nodes.
pub(super) fn scale() -> Scale {
    Scale {
        kinds: KINDS,
        lasting_ms: LASTING.as_secs() * 1000,
        // Every millisecond of a whole node takes its time, however quiet it is.
        paces: &[],
        faults_min: 12,
        workload: Workload {
            clients: 2,
            documents: 6,
            operations_min: 300,
            pause_ms_max: 800,
            ..Workload::default()
        },
    }
}
