//! A history as the checkers get it: what several of them read out of it is read once.

use std::collections::BTreeSet;

use super::documents::Documents;
use crate::history::{History, Reading};
use crate::view::View;

/// Readings that a checker judges at most, where each is judged against all writes.
const READINGS_MAX: usize = 400;

/// A history and what can be said of it before anything is judged.
#[derive(Debug)]
pub struct Case<'a> {
    /// What happened.
    pub(super) history: &'a History,
    /// The writes by document.
    pub(super) documents: Documents<'a>,
    /// Readings that were answered, evenly spread over the history.
    pub(super) samples: Vec<Sample<'a>>,
}

/// A reading that was answered.
#[derive(Debug)]
pub(super) struct Sample<'a> {
    /// Its place among the events.
    pub(super) place: usize,
    /// The reading.
    pub(super) reading: &'a Reading,
    /// What was shown.
    pub(super) view: Option<&'a View>,
    /// The writes that the node certainly had, whoever asked; none where nobody wrote the document.
    pub(super) certain: BTreeSet<usize>,
}

impl<'a> Case<'a> {
    /// Prepares a history for the checkers.
    pub fn of(history: &'a History) -> Self {
        let documents = Documents::of(history);
        let answered = history.readings();
        let answered: Vec<_> = answered
            .filter_map(|(place, reading)| Some((place, reading, reading.shown()?)))
            .collect();
        let step = answered.len().div_ceil(READINGS_MAX).max(1);
        let sampled = answered.into_iter().step_by(step);
        let samples = sampled.map(|(place, reading, view)| {
            let track = documents.track(&reading.document);
            Sample {
                place,
                reading,
                view,
                certain: track.map(|track| documents.at_node(track, reading)).unwrap_or_default(),
            }
        });
        Self {
            history,
            samples: samples.collect(),
            documents,
        }
    }
}
