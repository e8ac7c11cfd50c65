//! The clocks of the simulated nodes: one time for all, and a skew for the node that is running.

use std::cell::Cell;

use uhlc::NTP64;

/// The time at which every run starts, in milliseconds since 1970.
pub(super) const START_MS: u64 = 1_700_000_000_000;

thread_local! {
    static NOW_MS: Cell<u64> = const { Cell::new(START_MS) };
    static ENTROPY: Cell<u64> = const { Cell::new(0) };
}

/// Sets the time that the store sees: true time and the skew of its node.
pub(super) fn set(now_ms: u64, skew_ms: i64) {
    NOW_MS.set(now_ms.saturating_add_signed(skew_ms));
}

pub(super) fn seed_entropy(seed: u64) {
    ENTROPY.set(seed << 20);
}

/// The clock of the running node.
pub(super) fn physical() -> NTP64 {
    let now = NOW_MS.get();
    NTP64(((now / 1000) << 32) | (((now % 1000) << 32) / 1000))
}

/// Sixteen bytes that no other call gives.
pub(super) fn entropy() -> [u8; 16] {
    let number = ENTROPY.get() + 1;
    ENTROPY.set(number);
    let mut dice = crate::plan::Dice::new(number);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&dice.number().to_be_bytes());
    bytes[8..].copy_from_slice(&dice.number().to_be_bytes());
    bytes
}
