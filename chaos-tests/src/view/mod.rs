//! Documents as clients see them.

mod body;
mod document_view;
pub mod pointer;

pub use body::Body;
pub use document_view::{Candidate, Conflict, Contender, View};
