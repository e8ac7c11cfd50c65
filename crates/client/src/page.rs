//! One page of a listing.

use rejoin_api::proto;

use crate::call_options::ReadState;

/// Some items of a listing and where the next ones start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the order of the listing.
    pub items: Vec<T>,
    /// What to pass for the next page; `None` on the last one. Opaque.
    pub next: Option<String>,
    /// How the page stands to its session; as by default where the listing belongs to none.
    pub state: ReadState,
}

impl<T> Page<T> {
    pub(crate) fn new(items: Vec<T>, next: String) -> Self {
        Self {
            items,
            next: (!next.is_empty()).then_some(next),
            state: ReadState::default(),
        }
    }

    pub(crate) fn with_state(self, state: Option<proto::ReadState>) -> Self {
        Self {
            state: state.map(ReadState::from).unwrap_or_default(),
            ..self
        }
    }
}
