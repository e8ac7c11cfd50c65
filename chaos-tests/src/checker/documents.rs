//! The writes of a history by document, and what must be at a node when it answers.
//!
//! Of a reading it is *certain* that the node had some writes: those that it had acknowledged itself, those that the session had written or seen,
//! those that the node's knowledge covers, and whatever the authors of these had seen. Each of them must be visible or explained, and nothing may be
//! shown that one of them took the place of. Whether other writes have arrived is open: they explain, and nothing is asked of them.

use std::collections::{BTreeMap, BTreeSet};

use super::past::Past;
use super::track::Track;
use crate::history::{Entry, Event, History, Reading, Rules};

/// The documents of a history.
#[derive(Debug)]
pub(super) struct Documents<'a> {
    by_id: BTreeMap<&'a str, Track<'a>>,
    rules: &'a Rules,
    /// Datacenters that came back with another disk than they had: they need not have what they acknowledged.
    restored: BTreeSet<&'a str>,
}

impl<'a> Documents<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut writes: BTreeMap<&str, Vec<(usize, &Entry)>> = BTreeMap::new();
        for (place, entry) in history.writes().filter(|(_, entry)| entry.is_possible()) {
            writes.entry(&entry.document).or_default().push((place, entry));
        }
        let tracks = writes
            .into_iter()
            .map(|(id, writes)| (id, Track::of(history.terms(), history.let_go(), &writes)));
        let restored = history.events.iter().filter_map(|event| match event {
            Event::Restart(restart) if !restart.same_disk => Some(restart.datacenter.as_str()),
            _ => None,
        });
        Self {
            by_id: tracks.collect(),
            rules: history.terms(),
            restored: restored.collect(),
        }
    }

    pub(super) fn track(&self, id: &str) -> Option<&Track<'a>> {
        self.by_id.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &Track<'a>)> {
        self.by_id.iter().map(|(id, track)| (*id, track))
    }

    /// Whether a path had the same rule everywhere and always.
    pub(super) fn is_held_to_one_rule(&self, path: &str) -> bool {
        self.rules.turned(path).is_none()
    }

    /// Whether a datacenter need not have what it had acknowledged.
    pub(super) fn is_restored(&self, datacenter: &str) -> bool {
        self.restored.contains(datacenter)
    }

    /// The writes that the node certainly had when it answered this reading, whoever asked.
    pub(super) fn at_node(&self, track: &Track<'a>, reading: &Reading) -> BTreeSet<usize> {
        let mut past = Past::new(self, track);
        if !self.is_restored(&reading.datacenter)
            && let Some(site) = track.site_of(&reading.datacenter)
        {
            past.extend(track.acknowledged_before(site, reading.asked).iter().copied());
        }
        if let Some(knowledge) = &reading.knowledge {
            past.extend(track.find(|entry| entry.stamp().is_some_and(|stamp| knowledge.covers(stamp))));
        }
        past.into_writes()
    }
}
