//! Histories with planted losses, and their honest twins: the ledger tells them apart.

use super::planted::view;
use crate::view::View;

mod removals;
mod sums;
mod unanswered;
mod values;

const BASE: &str = r#"{"a":"a0","b":"b0"}"#;

/// What a node shows that holds writes up to this generation.
fn view_of(generation: u64, body: &str) -> View {
    View {
        revision: format!("{generation}-a"),
        ..view(body)
    }
}
