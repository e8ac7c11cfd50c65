//! How much memory a decoder takes: every binary that uses this crate counts what its threads allocate.

#![allow(
    unsafe_code,
    reason = "an allocator is unsafe by its nature; this one only counts and hands on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Bytes that reading may take for each byte of input. A member of an object takes two bytes at least, and its place in a tree most of a kilobyte
/// (a node of a `BTreeMap` has room for eleven).
pub(crate) const BYTES_PER_BYTE_MAX: usize = 2048;

/// Bytes that reading may take whatever the length of the input.
const FIXED_BYTES_MAX: usize = 64 * 1024;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn grow(bytes: usize) {
    let live = LIVE.get().saturating_add(bytes);
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

fn shrink(bytes: usize) {
    // What another thread allocated may be freed here.
    LIVE.set(LIVE.get().saturating_sub(bytes));
}

// SAFETY: every call is handed on to the system's allocator as it came; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(size);
        shrink(layout.size());
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs a decoder on an input of this length.
///
/// # Panics
/// It took more memory at once than is in proportion.
pub(crate) fn bounded<T>(input_bytes: usize, decode: impl FnOnce() -> T) -> T {
    let before = LIVE.get();
    PEAK.set(before);
    let decoded = decode();
    let taken = PEAK.get().saturating_sub(before);
    let allowed = input_bytes * BYTES_PER_BYTE_MAX + FIXED_BYTES_MAX;
    assert!(
        taken <= allowed,
        "{taken} bytes of memory were taken to read {input_bytes} bytes, at most {allowed} are in proportion"
    );
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_proportion_passes() {
        assert_eq!(
            bounded(4, || vec![1u8; 4 * BYTES_PER_BYTE_MAX]).len(),
            4 * BYTES_PER_BYTE_MAX
        );
    }

    #[test]
    #[should_panic(expected = "at most 65536 are in proportion")]
    fn a_large_allocation_for_a_short_input_is_noticed() {
        bounded(0, || drop(Vec::<u8>::with_capacity(FIXED_BYTES_MAX + 1)));
    }

    #[test]
    #[should_panic(expected = "are in proportion")]
    fn many_small_allocations_at_once_are_noticed() {
        bounded(1, || (0..2000).map(|_| Box::new([0u8; 64])).collect::<Vec<_>>());
    }
}
