//! Nodes that show the same are judged once: at the end they mostly do.

use super::track::Track;
use crate::history::Tick;
use crate::view::View;

/// What was said of one document, by what a node showed and which of the writes had been sent by then. The words must not name the node.
#[derive(Debug)]
pub(super) struct Once<'a, T>(Vec<(Option<&'a View>, usize, T)>);

impl<T> Default for Once<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T> Once<'a, T> {
    /// What `judge` says of a view that was shown at `at`, or has said of an equal one.
    pub(super) fn of(&mut self, track: &Track<'_>, view: Option<&'a View>, at: Tick, judge: impl FnOnce() -> T) -> &T {
        let sent = track.sent_before(at);
        let known = self.0.iter().position(|(other, had, _)| *had == sent && *other == view);
        let place = known.unwrap_or_else(|| {
            self.0.push((view, sent, judge()));
            self.0.len() - 1
        });
        &self.0[place].2
    }
}
