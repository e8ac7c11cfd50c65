//! The writes of a template's leaves: numbered, and written as runs of equal ones.

use std::collections::BTreeMap;

use super::encode_fields::Remainder;
use super::table::Table;
use super::{DecodeError, Reader, Writer};
use crate::Dot;

/// The writes that occur, numbered: the template's default first (if there is a template), then the others.
pub(super) struct Numbered {
    list: Vec<Dot>,
    numbers: BTreeMap<Dot, usize>,
}

impl Numbered {
    pub(super) fn of(default: Option<Dot>, remainder: &Remainder<'_>) -> Self {
        let mut numbered = Self {
            list: Vec::new(),
            numbers: BTreeMap::new(),
        };
        default.into_iter().for_each(|dot| numbered.add(dot));
        remainder.dots.iter().for_each(|dot| numbered.add(*dot));
        let siblings = remainder.exceptions.iter().filter_map(|(_, siblings)| *siblings);
        siblings
            .flat_map(|siblings| siblings.iter())
            .for_each(|(dot, _)| numbered.add(dot));
        numbered
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn number(&self, dot: Dot) -> usize {
        // All that occur are numbered.
        self.numbers.get(&dot).copied().unwrap_or_default()
    }

    /// Writes those beyond the default.
    pub(super) fn write(&self, default: Option<Dot>, table: &Table, writer: &mut Writer) {
        let others = &self.list[usize::from(default.is_some())..];
        writer.length(others.len());
        others.iter().for_each(|dot| table.write_dot(*dot, writer));
    }

    pub(super) fn read(default: Option<Dot>, table: &Table, reader: &mut Reader<'_>) -> Result<Vec<Dot>, DecodeError> {
        let count = reader.length(2)?;
        let mut list: Vec<Dot> = default.into_iter().collect();
        for _ in 0..count {
            list.push(table.read_dot(reader)?);
        }
        Ok(list)
    }

    /// Writes the dots of the slots as runs.
    pub(super) fn write_runs(&self, slots: &[Dot], writer: &mut Writer) {
        let runs: Vec<&[Dot]> = slots.chunk_by(|a, b| a == b).collect();
        writer.length(runs.len());
        for run in runs {
            writer.length(run.len());
            writer.length(self.number(run[0]));
        }
    }

    fn add(&mut self, dot: Dot) {
        let next = self.list.len();
        if *self.numbers.entry(dot).or_insert(next) == next {
            self.list.push(dot);
        }
    }
}

/// The dots of the slots, one after another.
pub(super) enum SlotDots {
    /// One write made all.
    All(Dot),
    /// Runs, the last one first.
    Runs(Vec<(usize, Dot)>),
}

impl SlotDots {
    /// Reads runs; none stand for the default everywhere.
    pub(super) fn read(default: Option<Dot>, list: &[Dot], reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.length(2)?;
        let mut runs = Vec::with_capacity(count);
        for _ in 0..count {
            let length = reader.small()?;
            let dot = list.get(reader.small()?).ok_or(DecodeError::Malformed("dot"))?;
            runs.push((length, *dot));
        }
        runs.reverse();
        Ok(if runs.is_empty() {
            Self::default_everywhere(default)
        } else {
            Self::Runs(runs)
        })
    }

    pub(super) fn default_everywhere(default: Option<Dot>) -> Self {
        default.map_or(Self::Runs(Vec::new()), Self::All)
    }

    pub(super) fn next(&mut self) -> Option<Dot> {
        match self {
            Self::All(dot) => Some(*dot),
            Self::Runs(runs) => {
                let (length, dot) = runs.last_mut()?;
                *length = length.checked_sub(1)?;
                let (left, dot) = (*length, *dot);
                if left == 0 {
                    runs.pop();
                }
                Some(dot)
            }
        }
    }

    /// Is nothing left over?
    pub(super) fn is_used_up(&self) -> bool {
        match self {
            Self::All(_) => true,
            Self::Runs(runs) => runs.is_empty(),
        }
    }
}
