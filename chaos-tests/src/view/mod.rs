//! Documents as clients see them.

mod body;
mod document_view;
mod logged_value;
mod picture;
pub mod pointer;

pub use body::Body;
pub use document_view::{Candidate, Conflict, Contender, View};
pub use picture::{Picture, all_conflicts, await_equal_digests, hexadecimal};
