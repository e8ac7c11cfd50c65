//! Follows what somebody has been told of one document, and holds every later reading to it.

use std::collections::BTreeSet;

use super::documents::Documents;
use super::past::Past;
use super::track::{Problem, Track};
use crate::history::{Entry, Reading, Tick};
use crate::view::View;

/// What one session, or everybody at one node, was told of one document.
#[derive(Debug, Default)]
pub(super) struct Onlooker<'a> {
    /// Readings that were answered, with their places.
    pub(super) readings: Vec<(usize, &'a Reading, Option<&'a View>)>,
    /// Writes that were acknowledged.
    pub(super) writes: Vec<&'a Entry>,
}

impl<'a> Onlooker<'a> {
    /// What `judge` finds wrong with each reading, given the writes that were acknowledged or seen before it was asked, and their causes.
    pub(super) fn problems(
        mut self,
        documents: &Documents<'a>,
        track: &Track<'a>,
        judge: impl Fn(Option<&View>, Tick, &BTreeSet<usize>) -> Vec<Problem>,
    ) -> Vec<(usize, Problem)> {
        let mut told: Vec<(Tick, BTreeSet<usize>)> = Vec::new();
        for (_, reading, view) in &self.readings {
            told.push((reading.at, view.map(|view| track.seen_in(view)).unwrap_or_default()));
        }
        for write in &self.writes {
            told.push((write.answered, track.find(|entry| entry.number == write.number)));
        }
        told.sort_by_key(|(at, _)| *at);
        self.readings.sort_by_key(|(_, reading, _)| reading.asked);
        let mut told = told.into_iter().peekable();
        let (mut seen, mut found) = (Past::new(documents, track), Vec::new());
        for (place, reading, view) in self.readings {
            while let Some((_, more)) = told.next_if(|(at, _)| *at < reading.asked) {
                seen.extend(more);
            }
            found.extend(
                judge(view, reading.at, seen.writes())
                    .into_iter()
                    .map(|problem| (place, problem)),
            );
        }
        found
    }
}
