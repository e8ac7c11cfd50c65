//! What can happen to a node at the moment of a write: it dies just before or after it, the disk refuses, or takes its time.
//!
//! Death takes effect at once: what the node has sent in that instant does not leave its machine any more, and its disk takes no more. The simulation
//! ends the process when the instant is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rejoin_store::{Batch, Durability, Engine, EngineError, Entries, Family, KeyRange, Read};

use super::super::process;

/// When a node dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Moment {
    /// Before a write of a client is written.
    BeforeWrite,
    /// After it was written, before it is synced.
    BeforeSync,
    /// After it was synced, before anybody is told.
    BeforeAcknowledgement,
    /// Before a batch of a peer is written, with the position that it reaches.
    BeforeCheckpoint,
    /// After it was written and synced.
    AfterCheckpoint,
    /// After a document of a peer was joined with what is here, before the result is written.
    InMerge,
    /// When the engine begins to compact.
    InCompaction,
}

/// What the disk refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Refusal {
    /// Nothing.
    #[default]
    None,
    /// A sync fails.
    Sync,
    /// There is no room.
    Space,
}

/// What is going to happen to one machine. Clones are one.
#[derive(Clone, Default)]
pub(in super::super) struct Hooks(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    armed: Option<Moment>,
    dead: bool,
    refusal: Refusal,
    refused: bool,
    /// What a sync takes.
    sync_takes: Duration,
    /// Syncs that took their time.
    slowed: u64,
}

impl Hooks {
    /// The node dies at the next such moment.
    pub(in super::super) fn arm(&self, moment: Moment) {
        self.state().armed = Some(moment);
    }

    /// Whether it still waits for such a moment.
    pub(in super::super) fn is_armed(&self) -> bool {
        self.state().armed.is_some()
    }

    /// Whether the moment has come: the process has to be ended.
    pub(in super::super) fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Begins anew with the next process; what the disk refuses it still refuses.
    pub(in super::super) fn revive(&self) {
        let mut state = self.state();
        (state.armed, state.dead) = (None, false);
    }

    /// Sets what the disk refuses.
    pub(in super::super) fn refuse(&self, refusal: Refusal) {
        let mut state = self.state();
        (state.refusal, state.refused) = (refusal, false);
    }

    /// Sets what a sync takes. The process stands still meanwhile: its writes are committed by the one thread that it has in a simulation.
    pub(in super::super) fn slow_syncs(&self, sync_takes: Duration) {
        self.state().sync_takes = sync_takes;
    }

    /// How many syncs have taken their time, since ever.
    pub(in super::super) fn slowed(&self) -> u64 {
        self.state().slowed
    }

    /// Whether the disk refuses anything.
    pub(in super::super) fn is_refusing(&self) -> bool {
        self.state().refusal != Refusal::None
    }

    /// Whether the disk has refused something since it was told to.
    pub(in super::super) fn has_refused(&self) -> bool {
        self.state().refused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Nothing that the node sends leaves its machine any more: the world holds it.
    fn die(&mut self) {
        self.dead = true;
        self.armed = None;
    }

    fn sync(&mut self, durability: Durability) {
        if durability == Durability::Synced && !self.sync_takes.is_zero() {
            process::pass(self.sync_takes);
            self.slowed += 1;
        }
    }

    fn refuse(&mut self, durability: Durability) -> Result<(), EngineError> {
        let error = match self.refusal {
            Refusal::Sync if durability == Durability::Synced => EngineError::new("write", "the sync failed"),
            Refusal::Space => EngineError::new("write", "no space left").without_space(),
            _ => return Ok(()),
        };
        self.refused = true;
        Err(error)
    }
}

/// An engine to which such things happen.
pub(super) struct Hooked {
    engine: Arc<dyn Engine>,
    hooks: Hooks,
}

impl Hooked {
    pub(super) fn new(engine: Arc<dyn Engine>, hooks: Hooks) -> Self {
        Self { engine, hooks }
    }
}

impl Read for Hooked {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.engine.get(family, key)
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        self.engine.multi_get(family, keys)
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.engine.scan(family, range)
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.engine.scan_back(family, range)
    }
}

impl Engine for Hooked {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        self.engine.snapshot()
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        let mut state = self.hooks.state();
        if state.dead {
            return Err(gone());
        }
        state.refuse(durability)?;
        let moment = state.armed.filter(|moment| moment.is_of(&batch));
        match moment {
            Some(Moment::BeforeWrite | Moment::BeforeCheckpoint | Moment::InMerge) => {
                state.die();
                Err(gone())
            }
            Some(Moment::BeforeSync) => {
                state.die();
                self.engine.write(batch, Durability::Buffered)?;
                Err(gone())
            }
            Some(Moment::BeforeAcknowledgement | Moment::AfterCheckpoint) => {
                self.engine.write(batch, durability)?;
                state.die();
                Ok(())
            }
            Some(Moment::InCompaction) | None => {
                self.engine.write(batch, durability)?;
                state.sync(durability);
                Ok(())
            }
        }
    }

    fn free_bytes(&self) -> Option<u64> {
        self.engine.free_bytes()
    }

    fn compact(&self, family: Family, range: &KeyRange) -> Result<(), EngineError> {
        let mut state = self.hooks.state();
        if state.dead {
            return Err(gone());
        }
        if state.armed == Some(Moment::InCompaction) {
            state.die();
            return Err(gone());
        }
        drop(state);
        self.engine.compact(family, range)
    }

    fn bytes_on_disk(&self) -> Result<u64, EngineError> {
        self.engine.bytes_on_disk()
    }
}

impl Moment {
    /// Whether a batch is what the moment is about: a position in a peer's log comes with what a peer sent, and with nothing else.
    fn is_of(self, batch: &Batch) -> bool {
        let touches = |family| batch.changes().iter().any(|change| change.family == family);
        let (documents, peers) = (touches(Family::Documents), touches(Family::Peers));
        match self {
            Self::BeforeWrite | Self::BeforeSync | Self::BeforeAcknowledgement => documents && !peers,
            Self::BeforeCheckpoint | Self::AfterCheckpoint => peers,
            Self::InMerge => documents && peers,
            Self::InCompaction => false,
        }
    }
}

fn gone() -> EngineError {
    EngineError::new("write", "the process is gone")
}
