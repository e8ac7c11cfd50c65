//! Bugs that tests plant to show that they would be found.
//!
//! Compiled with the feature `planted-bugs` only, which no build of the gateway has, and off until a test switches one on for its own thread.

use std::cell::Cell;

thread_local! {
    static LENGTHS_BELIEVED: Cell<bool> = const { Cell::new(false) };
}

/// Makes the decoder believe every length that an input states, instead of holding it against what is left of the input.
pub fn believe_lengths(believe: bool) {
    LENGTHS_BELIEVED.set(believe);
}

pub(crate) fn lengths_are_believed() -> bool {
    LENGTHS_BELIEVED.get()
}
