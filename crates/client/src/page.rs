//! One page of a listing.

/// Some items of a listing and where the next ones start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the order of the listing.
    pub items: Vec<T>,
    /// What to pass for the next page; `None` on the last one. Opaque.
    pub next: Option<String>,
}

impl<T> Page<T> {
    pub(crate) fn new(items: Vec<T>, next: String) -> Self {
        Self {
            items,
            next: (!next.is_empty()).then_some(next),
        }
    }
}
