//! What a state shows under given rules: the merged body, the open conflicts, and which leaves are visible.

mod builder;
mod options;
mod revision;
mod shown_state;
mod visible;

pub(crate) use builder::{Built, build};
pub(crate) use visible::Visible;
