//! All that nodes let go in one run, by document.
//!
//! It does not know at which node, nor when.

use std::collections::BTreeMap;

use super::{Forgotten, Stamp};

/// What was let go, to be asked whether a removal may be gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LetGo {
    by_document: BTreeMap<String, Vec<(String, Stamp)>>,
}

impl LetGo {
    /// A node has let this go, too.
    pub fn learn(&mut self, forgotten: &Forgotten) {
        let of_document = self.by_document.entry(forgotten.document.clone()).or_default();
        of_document.push((forgotten.path.clone(), forgotten.stamp));
    }

    /// Whether a node let go the mark that the removal with this stamp had left at a path: that mark, or what the document had incorporated up to a stamp of
    /// the same replica.
    pub fn has_removal(&self, document: &str, path: &str, removal: Stamp) -> bool {
        let has = |(of, stamp): &(String, Stamp)| match of.is_empty() {
            true => stamp.0.replica == removal.0.replica && stamp.0.time >= removal.0.time,
            false => of == path && *stamp == removal,
        };
        self.by_document.get(document).is_some_and(|gone| gone.iter().any(has))
    }
}
