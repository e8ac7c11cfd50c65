//! The bounds of one call.

use std::time::Duration;

/// The engine asks once in so many jumps and calls whether it may go on. Fixed in the engine.
pub(super) const STEPS_PER_POLL: u64 = 10_000;

/// What a map function may use for one document. All bounds are inclusive.
#[derive(Debug, Clone, Copy)]
pub struct SandboxLimits {
    /// Bytes of the function's text.
    pub source_bytes_max: usize,
    /// Bytes of the engine's heap, beside eight times the document's text (which the document itself takes once it is read).
    pub memory_bytes_max: usize,
    /// Bytes of stack; well below what the calling thread has.
    pub stack_bytes_max: usize,
    /// Jumps and calls; counted in units of 10,000.
    pub steps_max: u64,
    /// Rows.
    pub rows_max: usize,
    /// Bytes of the rows' keys and values together, as JSON.
    pub emitted_bytes_max: usize,
    /// Bytes of one key, as JSON.
    pub key_bytes_max: usize,
    /// Bytes of a document's JSON text.
    pub document_bytes_max: usize,
    /// When to give up although the steps are not used up; `None`: never.
    pub patience: Option<Patience>,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            source_bytes_max: 256 << 10,
            memory_bytes_max: 16 << 20,
            stack_bytes_max: 256 << 10,
            steps_max: 10_000_000,
            rows_max: 10_000,
            emitted_bytes_max: 8 << 20,
            key_bytes_max: 16 << 10,
            document_bytes_max: 16 << 20,
            patience: None,
        }
    }
}

/// Ends calls that take long without taking many steps. The rows of a call that ends in time never depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Time that passes evenly, since any moment.
    pub clock: fn() -> Duration,
    /// How long one call may take.
    pub time_max: Duration,
}
