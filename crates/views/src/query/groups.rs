//! Reduced rows, group by group.

use rejoin_document::{Value, parse_stored_value};
use rejoin_store::{Entries, Family, KeyRange, Read};

use super::plan::Grouping;
use super::{QueryError, Row};
use crate::collate::CollationKey;
use crate::index::{IndexError, StoredRow};
use crate::reduce::{Reduce, ReduceError, Running};

/// Reads the rows of ranges and gives the groups in which they stand. Rows of one group stand together; ranges share no group.
pub(super) struct Groups<'a> {
    pub(super) read: &'a dyn Read,
    pub(super) ranges: Box<dyn Iterator<Item = KeyRange> + 'a>,
    pub(super) descending: bool,
    pub(super) reduce: Reduce,
    pub(super) grouping: Grouping,
    pub(super) entries: Option<Entries<'a>>,
    pub(super) open: Option<Group>,
}

/// A group whose rows may not all be read yet.
pub(super) struct Group {
    /// `None`: everything.
    place: Option<CollationKey>,
    key: String,
    running: Result<Running, ReduceError>,
}

impl Groups<'_> {
    /// The group of a row alone.
    fn group(&self, row: &StoredRow) -> Result<Group, QueryError> {
        let corrupt = |_| IndexError::Corrupt("the JSON of a row");
        let value = match self.reduce {
            Reduce::Count => Value::Null,
            Reduce::Sum | Reduce::Stats => parse_stored_value(row.value.as_bytes()).map_err(corrupt)?,
        };
        let running = Running::start(self.reduce, &value);
        if self.grouping == Grouping::One {
            return Ok(Group {
                place: None,
                key: "null".to_owned(),
                running,
            });
        }
        let key = parse_stored_value(row.key.as_bytes()).map_err(corrupt)?;
        Ok(match (key, self.grouping) {
            (Value::Array(mut items), Grouping::Level(level)) if items.len() > level => {
                items.truncate(level);
                let key = Value::Array(items);
                Group {
                    place: Some(CollationKey::of(&key)),
                    key: key.to_json(),
                    running,
                }
            }
            (key, _) => Group {
                place: Some(CollationKey::of(&key)),
                key: row.key.clone(),
                running,
            },
        })
    }

    fn step(&mut self) -> Result<Step, QueryError> {
        let Some(entries) = &mut self.entries else {
            let Some(range) = self.ranges.next() else {
                return Ok(Step::End);
            };
            self.entries = Some(if self.descending {
                self.read.scan_back(Family::Views, range)
            } else {
                self.read.scan(Family::Views, range)
            });
            return Ok(Step::Nothing);
        };
        let Some(entry) = entries.next() else {
            self.entries = None;
            return Ok(self.open.take().map_or(Step::Nothing, Step::Closed));
        };
        let row = StoredRow::decode(&entry.map_err(IndexError::Engine)?.1)?;
        let group = self.group(&row)?;
        match self.open.take() {
            Some(open) if open.place == group.place => {
                self.open = Some(open.joined(&row, self.reduce)?);
                Ok(Step::Nothing)
            }
            former => {
                self.open = Some(group);
                Ok(former.map_or(Step::Nothing, Step::Closed))
            }
        }
    }
}

enum Step {
    Closed(Group),
    Nothing,
    End,
}

impl Iterator for Groups<'_> {
    type Item = Result<Row, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step() {
                Ok(Step::Closed(group)) => return Some(Ok(group.into_row())),
                Ok(Step::Nothing) => {}
                Ok(Step::End) => return None,
                Err(error) => {
                    // Nothing comes after an error.
                    (self.entries, self.open, self.ranges) = (None, None, Box::new(std::iter::empty()));
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Group {
    fn joined(self, row: &StoredRow, reduce: Reduce) -> Result<Self, QueryError> {
        let Ok(running) = self.running else {
            return Ok(self);
        };
        let value = match reduce {
            Reduce::Count => Value::Null,
            Reduce::Sum | Reduce::Stats => {
                parse_stored_value(row.value.as_bytes()).map_err(|_| IndexError::Corrupt("the JSON of a row"))?
            }
        };
        Ok(Self {
            running: running.with(&value),
            ..self
        })
    }

    /// A group that cannot be reduced says so in place of its value, as in CouchDB.
    fn into_row(self) -> Row {
        let value = match self.running {
            Ok(running) => running.to_json(),
            Err(error) => {
                let reason = Value::from(error.to_string().as_str()).to_json();
                format!("{{\"error\":\"builtin_reduce_error\",\"reason\":{reason}}}")
            }
        };
        Row {
            id: None,
            key: self.key,
            value,
        }
    }
}
