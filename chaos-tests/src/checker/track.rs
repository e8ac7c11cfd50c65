//! The writes of one document, indexed by what checkers ask of them, and what is wrong with a view that certain writes should be in.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::Rule;

use crate::history::{Edit, Entry, Json, LetGo, Outcome, Rules, Stamp, Tick};
use crate::ledger::{Judge, Standing};
use crate::view::View;

/// The writes of one document that may be in effect, in the order of the history.
#[derive(Debug)]
pub(super) struct Track<'a> {
    rules: &'a Rules,
    let_go: &'a LetGo,
    entries: Vec<&'a Entry>,
    places: Vec<usize>,
    /// Who assigned a value to a path.
    authors: ByValue<'a>,
    /// Who took its place: for each value that was read by a writer.
    displacers: ByValue<'a>,
    /// For each write who took the place of each of its values; `None` where more than values can be lost.
    successors: Vec<Option<Vec<Vec<usize>>>>,
    /// When the first write was sent that counted at a path, or changed a set there: what then stands there nobody assigned.
    counted: BTreeMap<&'a str, Tick>,
    /// From when on old values may be written anew: a client kept its write over a delete that it had not seen.
    kept_over: Option<Tick>,
    /// When each write was sent, or of several attempts the first.
    begun: Vec<Tick>,
    /// The writes whose values the author of each write had read, where only one can have written them.
    sources: Vec<Vec<usize>>,
    /// The datacenters that were written at, by number.
    names: BTreeMap<&'a str, usize>,
    /// The datacenter of each write.
    sites: Vec<usize>,
    /// The acknowledged writes of each datacenter, in the order of their answers.
    acknowledged: Vec<Vec<usize>>,
}

/// Writes by path and value.
type ByValue<'a> = BTreeMap<&'a str, BTreeMap<&'a Json, Vec<usize>>>;

/// Something that a view lacks or should not show, with the places of the writes that say so.
pub(super) type Problem = (String, Vec<usize>);

impl<'a> Track<'a> {
    pub(super) fn of(rules: &'a Rules, let_go: &'a LetGo, writes: &[(usize, &'a Entry)]) -> Self {
        let entries: Vec<&Entry> = writes.iter().map(|(_, entry)| *entry).collect();
        let mut track = Self {
            rules,
            let_go,
            places: writes.iter().map(|(place, _)| *place).collect(),
            authors: BTreeMap::new(),
            displacers: BTreeMap::new(),
            successors: Vec::new(),
            counted: BTreeMap::new(),
            kept_over: kept_over(writes),
            begun: begun(&entries),
            sources: Vec::new(),
            names: BTreeMap::new(),
            sites: Vec::new(),
            acknowledged: Vec::new(),
            entries,
        };
        track.index_values();
        track.index_sites();
        track.sources = track.entries.iter().map(|entry| track.sources_of(entry)).collect();
        track.successors = track.entries.iter().map(|entry| track.successors_of(entry)).collect();
        track
    }

    fn index_values(&mut self) {
        for (index, entry) in self.entries.iter().copied().enumerate() {
            for edit in &entry.edits {
                match edit {
                    Edit::Assign { path, value, .. } => {
                        let of_path = self.authors.entry(path).or_default();
                        of_path.entry(value).or_default().push(index);
                    }
                    Edit::Add { path, .. }
                    | Edit::Discard { path, .. }
                    | Edit::Start { path, .. }
                    | Edit::Increment { path, .. } => {
                        let first = self.counted.entry(path).or_insert(entry.invoked);
                        *first = entry.invoked.min(*first);
                    }
                    _ => {}
                }
                for value in edit.read() {
                    let of_path = self.displacers.entry(edit.path()).or_default();
                    of_path.entry(value).or_default().push(index);
                }
            }
        }
    }

    fn index_sites(&mut self) {
        for (index, entry) in self.entries.iter().copied().enumerate() {
            let next = self.names.len();
            let site = *self.names.entry(&entry.datacenter).or_insert(next);
            self.sites.push(site);
            self.acknowledged.resize_with(self.names.len(), Vec::new);
            if entry.is_ok() {
                self.acknowledged[site].push(index);
            }
        }
        for writes in &mut self.acknowledged {
            writes.sort_by_key(|write| self.entries[*write].answered);
        }
    }

    fn sources_of(&self, entry: &Entry) -> Vec<usize> {
        let read = entry.edits.iter();
        let read = read.flat_map(|edit| edit.read().iter().map(move |value| (edit.path(), value)));
        read.filter_map(|(path, value)| self.only_author(path, value)).collect()
    }

    fn successors_of(&self, entry: &Entry) -> Option<Vec<Vec<usize>>> {
        let mut found = Vec::new();
        for edit in &entry.edits {
            match edit {
                Edit::Assign { path, value, .. } => found.push(self.displacers(path, value).to_vec()),
                // Counters have a checker of their own, and what made room is judged where it made room for something.
                Edit::Start { .. } | Edit::Increment { .. } | Edit::Stop { .. } | Edit::Replace { .. } => {}
                Edit::Remove { .. } | Edit::Add { .. } | Edit::Discard { .. } => return None,
            }
        }
        (!entry.delete).then_some(found)
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

    /// When a write was sent, or of several attempts the first: the answer to a later one is about what that did.
    pub(super) fn begun(&self, index: usize) -> Tick {
        self.begun[index]
    }

    /// The writes whose values the author of a write had read.
    pub(super) fn sources(&self, index: usize) -> &[usize] {
        &self.sources[index]
    }

    /// How many datacenters were written at.
    pub(super) fn sites(&self) -> usize {
        self.acknowledged.len()
    }

    /// The datacenter of a write, by number.
    pub(super) fn site(&self, index: usize) -> usize {
        self.sites[index]
    }

    /// The number of a datacenter, if it was written at.
    pub(super) fn site_of(&self, datacenter: &str) -> Option<usize> {
        self.names.get(datacenter).copied()
    }

    /// What a datacenter had acknowledged before a time, in the order of the answers.
    pub(super) fn acknowledged_before(&self, site: usize, at: Tick) -> &[usize] {
        let writes = &self.acknowledged[site];
        &writes[..writes.partition_point(|write| self.entries[*write].answered < at)]
    }

    /// How many writes had been sent before a time. Of two times with the same number the same writes had been.
    pub(super) fn sent_before(&self, at: Tick) -> usize {
        self.entries.iter().filter(|entry| entry.invoked < at).count()
    }

    /// The write that a value comes from, where only one can have written it.
    pub(super) fn only_author(&self, path: &str, value: &Json) -> Option<usize> {
        if !self.tells_its_author(path, value) {
            return None;
        }
        match self.authors.get(path)?.get(value)?.as_slice() {
            [author] => Some(*author),
            _ => None,
        }
    }

    /// Whether a value says who wrote it. Where a path had other rules as well, a count or a set may come to what somebody else has assigned.
    pub(super) fn tells_its_author(&self, path: &str, value: &Json) -> bool {
        let had = self.rules.turned(path).unwrap_or_default();
        let is_count = had.contains(&Rule::Counter) && value.as_integer().is_some();
        let is_set = had.contains(&Rule::Set) && value.elements().is_some();
        !(is_count || is_set)
    }

    /// Whether a write that had been sent before a time can have left a value at a path: assigned it, or counted or added something there.
    pub(super) fn may_be_written(&self, path: &str, value: &Json, at: Tick) -> bool {
        let authors = self.authors.get(path).and_then(|values| values.get(value));
        let mut authors = authors.into_iter().flatten();
        authors.any(|author| self.entries[*author].invoked < at)
            || self.counted.get(path).is_some_and(|first| *first < at)
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
        let judge = Judge::new(&writes, view, self.rules).without(self.let_go).in_part();
        let counts = |path: &str| self.rules.rule_of(path) == Rule::Counter && self.rules.turned(path).is_none();
        let is_value = |path: &str| !counts(path);
        let mut found = Vec::new();
        for index in certain.iter().filter(|index| !self.is_superseded(**index, certain)) {
            let entry = self.entries[*index];
            let standings = judge.standings_at(entry, is_value).into_iter();
            let lost = standings.filter(|(_, standing)| *standing == Standing::Unaccounted);
            found.extend(lost.map(|(path, _)| {
                let what = format!("the write {} of {:?} is unaccounted", entry.number, path);
                (what, vec![self.places[*index]])
            }));
        }
        found
    }

    /// Whether every part of a write was taken the place of by another one that is certain: whatever is wrong there is wrong with that.
    fn is_superseded(&self, index: usize, certain: &BTreeSet<usize>) -> bool {
        let is_gone = |by: &Vec<usize>| by.iter().any(|by| certain.contains(by));
        let successors = self.successors[index].as_ref();
        successors.is_some_and(|successors| successors.iter().all(is_gone))
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
            let is_register = match self.rules.turned(&path) {
                None => self.rules.rule_of(&path) == Rule::Register,
                Some(_) => self.tells_its_author(&path, &value),
            };
            if !is_register {
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

/// When a write that builds on an old base, or may do so, first met a delete: one that its author had not seen, and that was there when it was done.
fn kept_over(writes: &[(usize, &Entry)]) -> Option<Tick> {
    let entries = || writes.iter().map(|(_, entry)| *entry);
    let may_keep = |entry: &&Entry| !entry.delete && !matches!(entry.outcome, Outcome::Ok { merged: false, .. });
    let may_meet = |entry: &Entry, delete: &Entry| {
        entry.answered > delete.invoked
            && entry.has_seen(delete) != Some(true)
            && entry.was_put_on(delete) != Some(false)
    };
    let met = |entry: &&Entry| entries().any(|delete| delete.delete && may_meet(entry, delete));
    let kept = entries().filter(may_keep).filter(met);
    kept.map(|entry| entry.invoked).min()
}

/// When each write was sent, or of several attempts under one request id the first.
fn begun(entries: &[&Entry]) -> Vec<Tick> {
    let mut first: BTreeMap<&str, Tick> = BTreeMap::new();
    for entry in entries {
        if let Some(request) = &entry.facts.request {
            let begun = first.entry(request).or_insert(entry.invoked);
            *begun = entry.invoked.min(*begun);
        }
    }
    let of = |entry: &&Entry| {
        entry
            .facts
            .request
            .as_deref()
            .and_then(|request| first.get(request).copied())
    };
    entries.iter().map(|entry| of(entry).unwrap_or(entry.invoked)).collect()
}
