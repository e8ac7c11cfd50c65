//! What a proxy counts of its own doings.

use std::sync::atomic::AtomicU64;

/// What a proxy has done, so that a test can tell that its faults fired.
#[derive(Debug, Default)]
pub struct Seen {
    /// Connections that were accepted.
    pub connections: AtomicU64,
    /// Connections that a cut dropped or refused.
    pub cut: AtomicU64,
    /// Connections that were reset in the middle of their streams.
    pub reset: AtomicU64,
    /// Chunks that were delayed.
    pub delayed: AtomicU64,
    /// Chunks that were slowed down to a rate.
    pub throttled: AtomicU64,
    /// Times that a direction was held.
    pub held: AtomicU64,
    /// Chunks that vanished.
    pub swallowed: AtomicU64,
    /// Chunks of which only the beginning passed.
    pub truncated: AtomicU64,
    /// Directions that were closed.
    pub closed: AtomicU64,
    /// Bytes that passed.
    pub bytes: AtomicU64,
}
