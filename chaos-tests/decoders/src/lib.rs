//! What must hold for every decoder, whatever bytes it is given.
//!
//! ```text
//!   corpus ──▶ tests/corpus.rs ──┐
//!                                ├──▶ Target::check(bytes) ──▶ decoded, refused, or a panic that says which property is broken
//!   libFuzzer ─▶ chaos-tests/fuzz┘
//! ```
//!
//! Architecture invariants:
//! - One property function per decoder, one file each, used alike by the tests (on the corpus) and by the fuzz targets (on what they make of it).
//! - A property is more than the absence of panics: what was read is written and read again as an equal value, it can be used as what it is, and
//!   reading it takes memory in proportion to the input.
//! - No store, no gateway, no clock, no randomness: one input gives one outcome.

mod document_state;
mod json_body;
mod knowledge;
mod memory;
mod merge_rules;
mod names;
mod page_token;
mod patch;
pub mod seeds;
mod session_token;
mod target;
mod watch_token;
mod wire_message;

pub use target::{Outcome, TARGETS, Target};
