//! The writes of a history by document, and what must be at a node when it answers.
//!
//! Of a reading it is *certain* that the node had some writes: those that it had acknowledged itself, those that the session had written or seen,
//! those that the node's knowledge covers, and whatever the authors of these had seen. Each of them must be visible or explained, and nothing may be
//! shown that one of them took the place of. Whether other writes have arrived is open: they explain, and nothing is asked of them.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::Rule;

use crate::history::{Edit, Entry, Event, History, Json, Outcome, Reading, Rules, Stamp, Tick};
use crate::ledger::{Judge, Standing};
use crate::view::View;

/// The documents of a history.
#[derive(Debug)]
pub(super) struct Documents<'a> {
    by_id: BTreeMap<&'a str, Track<'a>>,
    /// Datacenters that came back with another disk than they had: they need not have what they acknowledged.
    restored: BTreeSet<&'a str>,
}

/// The writes of one document that may be in effect, in the order of the history.
#[derive(Debug)]
pub(super) struct Track<'a> {
    rules: &'a Rules,
    entries: Vec<&'a Entry>,
    places: Vec<usize>,
    /// Who assigned a value to a path.
    authors: ByValue<'a>,
    /// Who took its place: for each value that was read by a writer.
    displacers: ByValue<'a>,
    /// From when on old values may be written anew: a client kept its write over a delete that it had not seen.
    kept_over: Option<Tick>,
}

/// Readings that a checker judges at most, where each is judged against all writes.
const READINGS_MAX: usize = 400;

/// Readings that were answered, evenly spread over the history, with their places.
pub(super) fn sampled(history: &History) -> Vec<(usize, &Reading, Option<&View>)> {
    let answered = history.readings();
    let answered: Vec<_> = answered
        .filter_map(|(place, reading)| Some((place, reading, reading.shown()?)))
        .collect();
    let step = answered.len().div_ceil(READINGS_MAX).max(1);
    answered.into_iter().step_by(step).collect()
}

/// Writes by path and value.
type ByValue<'a> = BTreeMap<&'a str, BTreeMap<&'a Json, Vec<usize>>>;

/// Something that a view lacks or should not show, with the places of the writes that say so.
pub(super) type Problem = (String, Vec<usize>);

impl<'a> Documents<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut writes: BTreeMap<&str, Vec<(usize, &Entry)>> = BTreeMap::new();
        for (place, entry) in history.writes().filter(|(_, entry)| entry.is_possible()) {
            writes.entry(&entry.document).or_default().push((place, entry));
        }
        let tracks = writes
            .into_iter()
            .map(|(id, writes)| (id, Track::of(&history.rules, &writes)));
        let restored = history.events.iter().filter_map(|event| match event {
            Event::Restart(restart) if !restart.same_disk => Some(restart.datacenter.as_str()),
            _ => None,
        });
        Self {
            by_id: tracks.collect(),
            restored: restored.collect(),
        }
    }

    pub(super) fn track(&self, id: &str) -> Option<&Track<'a>> {
        self.by_id.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &Track<'a>)> {
        self.by_id.iter().map(|(id, track)| (*id, track))
    }

    /// The writes that the node certainly had when it answered this reading, whoever asked.
    pub(super) fn at_node(&self, track: &Track<'a>, reading: &Reading) -> BTreeSet<usize> {
        let own = |entry: &Entry| {
            entry.datacenter == reading.datacenter
                && entry.answered < reading.asked
                && !self.restored.contains(reading.datacenter.as_str())
        };
        let known = |entry: &Entry| match (&reading.knowledge, entry.stamp()) {
            (Some(knowledge), Some(stamp)) => knowledge.covers(stamp),
            _ => false,
        };
        let certain = track.find(|entry| entry.is_ok() && (own(entry) || known(entry)));
        self.close(track, certain)
    }

    /// Adds what the authors of these writes had seen, and what their nodes had acknowledged before.
    pub(super) fn close(&self, track: &Track<'a>, mut certain: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut left: Vec<usize> = certain.iter().copied().collect();
        while let Some(index) = left.pop() {
            let entry = track.entries[index];
            let begun = track.begun(entry);
            let is_earlier = |other: &Entry| {
                other.is_ok()
                    && other.datacenter == entry.datacenter
                    && other.answered < begun
                    && !self.restored.contains(entry.datacenter.as_str())
            };
            let read = entry
                .edits
                .iter()
                .flat_map(|edit| edit.read().iter().map(move |value| (edit.path(), value)))
                .filter_map(|(path, value)| track.only_author(path, value));
            let causes = read.chain(track.find(is_earlier));
            left.extend(causes.filter(|cause| certain.insert(*cause)));
        }
        certain
    }
}

impl<'a> Track<'a> {
    fn of(rules: &'a Rules, writes: &[(usize, &'a Entry)]) -> Self {
        let mut track = Self {
            rules,
            entries: writes.iter().map(|(_, entry)| *entry).collect(),
            places: writes.iter().map(|(place, _)| *place).collect(),
            authors: BTreeMap::new(),
            displacers: BTreeMap::new(),
            kept_over: kept_over(writes),
        };
        for (index, (_, entry)) in writes.iter().enumerate() {
            for edit in entry.edits.iter() {
                if let Edit::Assign { path, value, .. } = edit {
                    track
                        .authors
                        .entry(path)
                        .or_default()
                        .entry(value)
                        .or_default()
                        .push(index);
                }
                for value in edit.read() {
                    let of_path = track.displacers.entry(edit.path()).or_default();
                    of_path.entry(value).or_default().push(index);
                }
            }
        }
        track
    }

    pub(super) fn rules(&self) -> &'a Rules {
        self.rules
    }

    pub(super) fn entries(&self) -> &[&'a Entry] {
        &self.entries
    }

    /// The places of writes among the events.
    pub(super) fn places(&self, indexes: impl IntoIterator<Item = usize>) -> Vec<usize> {
        indexes.into_iter().map(|index| self.places[index]).collect()
    }

    /// The writes of this kind.
    pub(super) fn find(&self, kind: impl Fn(&Entry) -> bool) -> BTreeSet<usize> {
        let all = self.entries.iter().enumerate();
        all.filter(|(_, entry)| kind(entry)).map(|(index, _)| index).collect()
    }

    /// When a write was sent, or of several attempts under one request id the first: the answer to a later one is about what that did.
    fn begun(&self, entry: &Entry) -> Tick {
        let same = |other: &&&Entry| entry.facts.request.is_some() && other.facts.request == entry.facts.request;
        let attempts = self.entries.iter().filter(same).map(|other| other.invoked);
        attempts.min().unwrap_or(entry.invoked)
    }

    /// The write that a value comes from, where only one can have written it.
    pub(super) fn only_author(&self, path: &str, value: &Json) -> Option<usize> {
        match self.authors.get(path)?.get(value)?.as_slice() {
            [author] => Some(*author),
            _ => None,
        }
    }

    /// The writes whose authors had read a value there and took its place.
    pub(super) fn displacers(&self, path: &str, value: &Json) -> &[usize] {
        let of_path = self.displacers.get(path);
        of_path.and_then(|values| values.get(value)).map_or(&[], Vec::as_slice)
    }

    /// The writes that a view shows or lists a value of.
    pub(super) fn seen_in(&self, view: &View) -> BTreeSet<usize> {
        let shown = view.body.leaves();
        let authors = shown.iter().filter_map(|(path, value)| self.only_author(path, value));
        authors.collect()
    }

    /// What is wrong with a view that was shown at `at` by a node that certainly had these writes.
    pub(super) fn problems(&self, view: Option<&View>, at: Tick, certain: &BTreeSet<usize>) -> Vec<Problem> {
        let mut problems = self.lost(view, at, certain);
        problems.extend(view.map(|view| self.stale(view, at, certain)).unwrap_or_default());
        problems
    }

    /// Certain writes that are neither visible nor explained. Counters have a checker of their own.
    fn lost(&self, view: Option<&View>, at: Tick, certain: &BTreeSet<usize>) -> Vec<Problem> {
        let writes: Vec<&Entry> = self
            .entries
            .iter()
            .copied()
            .filter(|entry| entry.invoked < at)
            .collect();
        let judge = Judge {
            writes: &writes,
            view,
            rules: self.rules,
        };
        let mut found = Vec::new();
        for index in certain.iter().filter(|index| !self.is_superseded(**index, certain)) {
            let entry = self.entries[*index];
            let standings = judge.standings(entry).into_iter();
            let lost = standings.filter(|(path, standing)| {
                *standing == Standing::Unaccounted && self.rules.rule_of(path) != Rule::Counter
            });
            found.extend(lost.map(|(path, _)| {
                let what = format!("the write {} of {:?} is unaccounted", entry.number, path);
                (what, vec![self.places[*index]])
            }));
        }
        found
    }

    /// Whether every part of a write was taken the place of by another one that is certain: whatever is wrong there is wrong with that.
    fn is_superseded(&self, index: usize, certain: &BTreeSet<usize>) -> bool {
        let is_gone = |edit: &Edit| match edit {
            Edit::Assign { path, value, .. } => self.displacers(path, value).iter().any(|by| certain.contains(by)),
            Edit::Start { .. } | Edit::Increment { .. } | Edit::Stop { .. } | Edit::Replace { .. } => true,
            _ => false,
        };
        let entry = self.entries[index];
        !entry.delete && entry.edits.iter().all(is_gone)
    }

    /// Whether a delete met an edit that it had not seen: then the whole document is shown, and the delete is listed until somebody who has read of
    /// it writes on. Who deletes once more takes its place in the list.
    pub(super) fn is_outlived(&self, entry: &Entry, view: &View, at: Tick) -> bool {
        let Some(stamp) = entry.stamp().filter(|_| entry.delete) else {
            return false;
        };
        let again = |other: &&&Entry| other.delete && other.invoked < at && other.may_have_seen(entry);
        let again = self.entries.iter().filter(again).filter_map(|other| other.stamp());
        let stamps: BTreeSet<Stamp> = again.chain([stamp]).collect();
        let knows = |other: &Entry| other.read.deletions.iter().any(|read| stamps.contains(read));
        let knew = |other: &&Entry| !other.delete && other.invoked < at && knows(other);
        view.listed_deletions().any(|listed| stamps.contains(&listed)) || self.entries.iter().any(knew)
    }

    /// Whether old values may have been written anew by then, without a trace in the log.
    pub(super) fn may_be_renewed(&self, at: Tick) -> bool {
        self.kept_over.is_some_and(|from| from < at)
    }

    /// Values that are shown although a certain write took their place.
    pub(super) fn stale(&self, view: &View, at: Tick, certain: &BTreeSet<usize>) -> Vec<Problem> {
        if self.may_be_renewed(at) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (path, value) in view.body.leaves() {
            if self.rules.rule_of(&path) != Rule::Register {
                continue;
            }
            let authors = self.authors.get(path.as_str()).and_then(|values| values.get(&value));
            let Some((first, others)) = authors.and_then(|authors| authors.split_first()) else {
                continue;
            };
            let taken = |author: &usize| {
                let by = self.displacers(&path, &value).iter();
                let by = by.filter(|by| certain.contains(by) && *by != author && self.entries[**by].is_ok());
                let mut by = by.filter(|by| !self.is_outlived(self.entries[**by], view, at));
                // Of several that wrote the value, each must certainly have been seen by who took its place.
                by.find(|by| others.is_empty() || self.entries[**by].has_seen(self.entries[*author]) == Some(true))
            };
            let Some(by) = taken(first).filter(|_| others.iter().all(|other| taken(other).is_some())) else {
                continue;
            };
            let what = format!(
                "{path} shows {value} although the write {} had taken its place",
                self.entries[*by].number
            );
            found.push((what, self.places([*first, *by])));
        }
        found
    }
}

/// When a write that builds on an old base, or may do so, first met a delete.
fn kept_over(writes: &[(usize, &Entry)]) -> Option<Tick> {
    let deleted = writes
        .iter()
        .filter(|(_, entry)| entry.delete)
        .map(|(_, entry)| entry.invoked)
        .min()?;
    let keeps = |entry: &Entry| {
        let rebased = !matches!(entry.outcome, Outcome::Ok { merged: false, .. });
        !entry.delete && rebased && entry.answered > deleted
    };
    let kept = writes.iter().filter(|(_, entry)| keeps(entry));
    kept.map(|(_, entry)| entry.invoked).min()
}
