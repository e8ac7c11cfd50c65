//! The store: a state that readers share, and the pipeline that replaces it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rejoin_document::{DatacenterName, HlcTime};
use tokio::sync::broadcast;

use crate::commit::{Finished, Group, Halt, Pipeline};
use crate::engine::{Batch, Durability, Engine, Family};
use crate::error::{CommitError, StoreError};
use crate::keys::meta::{self, TimeRecord};
use crate::latest::Latest;
use crate::operation::{Identity, Operation, Outcome};
use crate::options::{StoreOptions, Tuning};
use crate::state::{NodeState, load};
use crate::subscription::Changed;

/// Pieces of news that a slow subscriber may lag behind before it has to look for itself.
const NEWS_MAX: usize = 4096;

/// Room is short below so many times the bytes below which the disk counts as full.
const SHORT: u64 = 4;

/// One node's documents. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    engine: Arc<dyn Engine>,
    options: StoreOptions,
    tuning: Mutex<Tuning>,
    state: RwLock<Arc<NodeState>>,
    pipeline: Mutex<Pipeline>,
    news: broadcast::Sender<Changed>,
    learned: Latest<()>,
    drifted: AtomicU64,
    /// Whether the pipeline has halted at a full disk. Readers must not wait for the pipeline.
    full: AtomicBool,
    /// Whether the engine was told to write out what it has in memory, since little room is left.
    written_out: AtomicBool,
    former_alive: Option<HlcTime>,
}

impl Store {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        options: StoreOptions,
        pipeline: Pipeline,
        state: NodeState,
        former_alive: Option<HlcTime>,
    ) -> Self {
        let (news, _) = broadcast::channel(NEWS_MAX);
        let (state, pipeline) = (RwLock::new(Arc::new(state)), Mutex::new(pipeline));
        Self(Arc::new(Inner {
            engine,
            tuning: Mutex::new(options.tuning()),
            options,
            state,
            pipeline,
            news,
            learned: Latest::new(()),
            drifted: AtomicU64::new(0),
            full: AtomicBool::new(false),
            written_out: AtomicBool::new(false),
            former_alive,
        }))
    }

    /// Does a group of operations, durably: when this returns, every `Ok` survives a power cut. A later operation sees what earlier ones did.
    /// An operation that is refused changes nothing, and the others go on. Blocks the thread for a sync of the disk.
    ///
    /// They are one batch and one sync, unless they take up so many bytes that they are better written in several. Each group also goes on with what is left to count after rules changed; an empty one does only that, and records that the node is alive.
    ///
    /// # Errors
    /// One result for each operation. If the disk cannot be read, those that are not refused fail with [`CommitError::Store`]: nothing is
    /// written. If it cannot be written, they fail with [`CommitError::Unsure`]: what of the group is on disk is unknown until a restart, and
    /// later ones fail with [`CommitError::Stopped`].
    pub fn commit(&self, operations: Vec<Operation>) -> Vec<Result<Outcome, CommitError>> {
        let mut pipeline = self.pipeline();
        let (mut results, mut operations) = (Vec::with_capacity(operations.len()), operations.into_iter());
        loop {
            results.append(&mut self.commit_group(&mut pipeline, &mut operations));
            if operations.len() == 0 {
                return results;
            }
        }
    }

    /// One batch: as many operations as fit into it. The others are left for the next one.
    fn commit_group(
        &self,
        pipeline: &mut Pipeline,
        operations: &mut std::vec::IntoIter<Operation>,
    ) -> Vec<Result<Outcome, CommitError>> {
        let count = operations.len();
        let free = self.engine().free_bytes();
        self.make_room(free);
        let full = self.too_few(free);
        self.recover(pipeline, full);
        if let Some(halt) = pipeline.halt {
            return operations.map(|_| Err(halted(halt, full))).collect();
        }
        let before = self.state();
        let mut group = Group::new(
            self.engine(),
            (self.options(), self.tuning()),
            pipeline,
            NodeState::clone(&before),
        );
        let mut results = Vec::with_capacity(count);
        while !group.is_full()
            && let Some(operation) = operations.next()
        {
            results.push(match full.filter(|_| operation.grows()) {
                Some(free) => Err(CommitError::DiskFull { free }),
                None => group.run(operation),
            });
        }
        if count > 0 && results.iter().all(Result::is_err) {
            return results;
        }
        group.recount();
        let finished = group.finish(&before);
        let durability = if count == 0 {
            Durability::Buffered
        } else {
            Durability::Synced
        };
        match finished {
            Ok(finished) if finished.unchanged && count > 0 => results,
            Ok(finished) => match self.write(pipeline, &before, finished, durability) {
                Ok(()) => results,
                Err(error) => fail(results, || CommitError::Unsure(error.clone())),
            },
            Err(error) => {
                pipeline.begin_again();
                fail(results, || error.clone().into())
            }
        }
    }

    /// Makes a group durable, then shows it.
    fn write(
        &self,
        pipeline: &mut Pipeline,
        before: &NodeState,
        finished: Finished,
        durability: Durability,
    ) -> Result<(), StoreError> {
        if let Some(announced) = before.announcing(&finished.state) {
            self.show(announced);
        }
        if let Err(error) = self.engine().write(finished.batch, durability) {
            if error.no_space {
                tracing::error!(%error, "the disk is full; the store takes writes again when there is room");
                pipeline.halt = Some(Halt::Full);
                self.0.full.store(true, Ordering::Relaxed);
            } else {
                tracing::error!(%error, "a write failed; the store takes no more until the node is restarted");
                pipeline.halt = Some(Halt::Failed);
            }
            return Err(error.into());
        }
        let learned = finished.state.has_learned_since(before);
        self.show(finished.state);
        if learned {
            self.notify();
        }
        self.0.drifted.fetch_add(finished.drifted, Ordering::Relaxed);
        for changed in finished.changes {
            // Nobody may be listening.
            let _ = self.0.news.send(changed);
        }
        Ok(())
    }

    /// The bytes that are free, if they are so few that the disk counts as full.
    fn too_few(&self, free: Option<u64>) -> Option<u64> {
        free.filter(|free| *free < self.options().disk_free_bytes_min)
    }

    /// Has the engine write out its memory once when room grows short: its log goes then, before writes have to be refused.
    fn make_room(&self, free: Option<u64>) {
        let short_below = self.options().disk_free_bytes_min.saturating_mul(SHORT);
        let is_short = free.is_some_and(|free| free < short_below);
        if is_short && !self.0.written_out.swap(is_short, Ordering::Relaxed) {
            self.engine().write_out();
        } else if !is_short {
            self.0.written_out.store(false, Ordering::Relaxed);
        }
    }

    /// Once there is room again, goes on from what is on disk: whether the write that met the full disk is, only the disk knows.
    fn recover(&self, pipeline: &mut Pipeline, full: Option<u64>) {
        if pipeline.halt != Some(Halt::Full) || full.is_some() {
            return;
        }
        let before = self.state();
        match reload(self.engine(), &before, pipeline.clock.last()) {
            Ok(state) => {
                self.show(state);
                self.notify();
                pipeline.begin_again();
                pipeline.halt = None;
                self.0.full.store(false, Ordering::Relaxed);
                tracing::info!("there is room on the disk again; the store takes writes");
            }
            Err(error) => tracing::warn!(%error, "the store does not take writes yet"),
        }
    }

    /// Whether writes are refused because the disk is full, and how many bytes are free, as far as that is known.
    pub fn disk(&self) -> (bool, Option<u64>) {
        let halted = self.0.full.load(Ordering::Relaxed);
        let free = self.engine().free_bytes();
        (halted || self.too_few(free).is_some(), free)
    }

    /// The old state is read again by nobody who holds the lock, and a panic cannot leave a half of it.
    fn show(&self, state: NodeState) {
        *self.0.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }

    /// Wakes those who wait for something to be learned.
    fn notify(&self) {
        self.0.learned.update(|()| ());
    }

    /// Goes on under a new replica id and a new incarnation, because a peer knows more of this replica than it does.
    ///
    /// # Errors
    /// As for [`Store::commit`].
    pub fn assume_new_identity(&self, reason: &str) -> Result<Identity, CommitError> {
        let mut results = self.commit(vec![Operation::AssumeNewIdentity {
            disowned: self.identity().replica,
            reason: reason.to_owned(),
        }]);
        match results.pop() {
            Some(Err(error)) => Err(error),
            _ => Ok(self.identity()),
        }
    }

    /// Closes the store in order: a later start knows that nothing is missing. Commits are refused from now on; reads go on.
    ///
    /// # Errors
    /// [`StoreError`] if the mark cannot be written; the next start then takes this one for a crash, which loses nothing.
    pub fn close(&self) -> Result<(), StoreError> {
        let mut pipeline = self.pipeline();
        if pipeline.halt.is_some() {
            return Ok(());
        }
        pipeline.halt = Some(Halt::Closed);
        let mut batch = Batch::new();
        let time = TimeRecord {
            issued: pipeline.clock.last(),
            alive: pipeline.clock.now(),
        };
        batch.put(Family::Meta, meta::TIME_KEY.to_vec(), time.encode());
        batch.put(Family::Meta, meta::CLEAN_KEY.to_vec(), meta::encode_clean(true));
        Ok(self.engine().write(batch, Durability::Synced)?)
    }

    /// The engine, for what is derived from documents and lies in a family of its own.
    pub fn engine_handle(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.0.engine)
    }

    /// News of every database that grows, from now on. A subscriber that lags is told so, and has to look at the databases itself.
    pub fn subscribe(&self) -> broadcast::Receiver<Changed> {
        self.0.news.subscribe()
    }

    /// Who writes here.
    pub fn identity(&self) -> Identity {
        self.state().identity.clone()
    }

    /// Peers that this node has not caught up with since it took a new identity, in ascending order.
    pub fn behind(&self) -> Vec<DatacenterName> {
        self.state().behind.iter().cloned().collect()
    }

    /// Peers whose links an operator has cut, in ascending order.
    pub fn links_cut(&self) -> Vec<DatacenterName> {
        self.state().cut.iter().cloned().collect()
    }

    /// Since when the link with a peer does not work; what a former run recorded counts too. `None`: it is not known to be lost.
    pub fn link_lost(&self, peer: &DatacenterName) -> Option<HlcTime> {
        self.state().lost.get(peer).copied()
    }

    /// When the former run was last known to be alive; `None` in a new directory.
    pub fn former_alive(&self) -> Option<HlcTime> {
        self.0.former_alive
    }

    /// Writes of peers whose times were too far ahead to follow, since the store was opened. Their data were taken.
    pub fn drifted(&self) -> u64 {
        self.0.drifted.load(Ordering::Relaxed)
    }

    /// Whether conflicts are still being counted again after rules changed; each commit goes on with it, an empty one too.
    pub fn has_pending_work(&self) -> bool {
        self.pipeline().halt.is_none()
            && self
                .state()
                .databases
                .values()
                .any(|database| database.record.recount.is_some())
    }

    /// The state that readers see: everything in it is durable.
    pub(crate) fn state(&self) -> Arc<NodeState> {
        Arc::clone(&self.0.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// See [`Store::learned`].
    pub(crate) fn learning(&self) -> &Latest<()> {
        &self.0.learned
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        self.0.engine.as_ref()
    }

    /// Changes what may change while the store is open. The next group of operations is done under it.
    pub fn tune(&self, tuning: Tuning) {
        *self.0.tuning.lock().unwrap_or_else(PoisonError::into_inner) = tuning;
    }

    fn tuning(&self) -> Tuning {
        *self.0.tuning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn options(&self) -> &StoreOptions {
        &self.0.options
    }

    /// A panic while the lock was held staged nothing that anybody sees: the pipeline can be used again.
    fn pipeline(&self) -> MutexGuard<'_, Pipeline> {
        self.0.pipeline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a group that failed as a whole: what was refused in it is refused all the same.
fn fail(
    results: Vec<Result<Outcome, CommitError>>,
    error: impl Fn() -> CommitError,
) -> Vec<Result<Outcome, CommitError>> {
    results
        .into_iter()
        .map(|result| result.and_then(|_| Err(error())))
        .collect()
}

/// What is on disk after a write that failed for want of room: first that the disk takes writes at all, then what it holds.
fn reload(engine: &dyn Engine, before: &NodeState, issued: HlcTime) -> Result<NodeState, StoreError> {
    let mut batch = Batch::new();
    let time = TimeRecord { issued, alive: issued };
    batch.put(Family::Meta, meta::TIME_KEY.to_vec(), time.encode());
    engine.write(batch, Durability::Synced)?;
    let mut state = load(engine, before.identity.clone())?;
    for (name, database) in &before.databases {
        if let Some(loaded) = state.database_mut(name) {
            loaded.gap = database.gap;
        }
    }
    Ok(state)
}

fn halted(halt: Halt, full: Option<u64>) -> CommitError {
    match halt {
        Halt::Full => CommitError::DiskFull {
            free: full.unwrap_or_default(),
        },
        Halt::Failed => CommitError::Stopped,
        Halt::Closed => CommitError::ShuttingDown,
    }
}
