//! Writes of one document together with all their causes.

use std::collections::BTreeSet;

use super::documents::Documents;
use super::track::Track;

/// Writes, what their authors had seen, what their nodes had acknowledged before, and so on. It only grows, and what is in it is not looked at again.
#[derive(Debug)]
pub(super) struct Past<'d, 'a> {
    documents: &'d Documents<'a>,
    track: &'d Track<'a>,
    writes: BTreeSet<usize>,
    /// How many of the acknowledged writes of each datacenter are in it, in the order of their answers.
    taken: Vec<usize>,
}

impl<'d, 'a> Past<'d, 'a> {
    /// Nothing yet.
    pub(super) fn new(documents: &'d Documents<'a>, track: &'d Track<'a>) -> Self {
        Self {
            documents,
            track,
            writes: BTreeSet::new(),
            taken: vec![0; track.sites()],
        }
    }

    /// Adds writes and their causes.
    pub(super) fn extend(&mut self, writes: impl IntoIterator<Item = usize>) {
        let new = writes.into_iter().filter(|write| self.writes.insert(*write));
        let mut left: Vec<usize> = new.collect();
        let track = self.track;
        while let Some(index) = left.pop() {
            let causes = track.sources(index).iter().chain(self.earlier(index));
            for cause in causes {
                if self.writes.insert(*cause) {
                    left.push(*cause);
                }
            }
        }
    }

    /// What the node of a write had acknowledged before the write was sent, as far as it was not taken before.
    fn earlier(&mut self, index: usize) -> &'d [usize] {
        if self.documents.is_restored(&self.track.entries()[index].datacenter) {
            return &[];
        }
        let site = self.track.site(index);
        let earlier = self.track.acknowledged_before(site, self.track.begun(index));
        let new = earlier.get(self.taken[site]..).unwrap_or_default();
        self.taken[site] = self.taken[site].max(earlier.len());
        new
    }

    /// The writes.
    pub(super) fn writes(&self) -> &BTreeSet<usize> {
        &self.writes
    }

    /// The writes, when nothing more is to come.
    pub(super) fn into_writes(self) -> BTreeSet<usize> {
        self.writes
    }
}
