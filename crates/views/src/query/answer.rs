//! The answer to a query.

use rejoin_document::Sequence;
use rejoin_store::{Family, KeyRange, Read};

use super::groups::Groups;
use super::plan::Plan;
use super::{QueryError, ViewQuery, range};
use crate::design::Design;
use crate::index::{Index, IndexError, Position, RowKey, StoredRow};

/// The rows before the first are counted up to so many.
pub const OFFSET_ROWS_MAX: usize = 1_000_000;

/// One row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The document; `None` for a reduced row.
    pub id: Option<String>,
    /// The key as JSON, as the map function emitted it; of a group that of its first row; `null` where everything is one group.
    pub key: String,
    /// The value as JSON.
    pub value: String,
}

/// The rows of an answer, read as they are asked for. An error ends them.
pub type Rows<'a> = Box<dyn Iterator<Item = Result<Row, QueryError>> + 'a>;

/// What a query gets: what CouchDB prints before the rows, and the rows.
pub struct Answer<'a> {
    /// All rows of the view; `None` if rows are reduced.
    pub total_rows: Option<u64>,
    /// The rows of the view before the first of the answer, in its direction; `None` if rows are reduced, or if there are more than
    /// [`OFFSET_ROWS_MAX`]. Of a query by `keys`: before the first key.
    pub offset: Option<u64>,
    /// Up to where the index was.
    pub sequence: Sequence,
    /// The rows.
    pub rows: Rows<'a>,
}

/// Answers a query from one state of the index. Memory: one row, or one group, at a time. Time: proportional to the rows in the range and
/// before it.
///
/// # Errors
/// [`QueryError`]: the query, or the view that it names, must be another one; or the index cannot be read. With
/// [`IndexError::Gone`] open the index again.
pub fn answer<'a>(
    read: &'a dyn Read,
    index: &Index,
    design: &Design,
    view: &str,
    query: &'a ViewQuery,
) -> Result<Answer<'a>, QueryError> {
    let place = design.position(view).ok_or(QueryError::NoSuchView)?;
    let plan = Plan::of(query, design.views()[place].reduce)?;
    let position = Position::read(read, index)?;
    // A design has at most 64 views.
    let prefix = RowKey::view(index.number(), place as u16);
    let limit = query
        .limit
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let ranges = ranges(prefix.clone(), &plan);
    let Some((reduce, grouping)) = plan.reduce else {
        let total = position.rows.get(place).copied().unwrap_or_default();
        return Ok(Answer {
            total_rows: Some(total),
            offset: offset(read, &prefix, &plan)?.map(|before| before.saturating_add(query.skip).min(total)),
            sequence: position.sequence,
            rows: Box::new(without_first(mapped(read, ranges, query.descending), query.skip).take(limit)),
        });
    };
    let descending = query.descending;
    let groups = Groups {
        read,
        ranges,
        descending,
        reduce,
        grouping,
        entries: None,
        open: None,
    };
    let rows = Box::new(without_first(groups, query.skip).take(limit));
    Ok(Answer {
        total_rows: None,
        offset: None,
        sequence: position.sequence,
        rows,
    })
}

/// Leaves out rows, but no error.
fn without_first<'a>(
    rows: impl Iterator<Item = Result<Row, QueryError>> + 'a,
    skip: u64,
) -> impl Iterator<Item = Result<Row, QueryError>> + 'a {
    let mut left = skip;
    rows.filter(move |row| {
        let keep = left == 0 || row.is_err();
        left = left.saturating_sub(1);
        keep
    })
}

fn ranges<'a>(view: RowKey, plan: &Plan<'a>) -> Box<dyn Iterator<Item = KeyRange> + 'a> {
    let query = plan.query;
    match plan.keys {
        None => Box::new(std::iter::once(range::between(&view, query))),
        Some(keys) => Box::new(keys.iter().map(move |key| range::of_key(&view, query, key))),
    }
}

fn mapped<'a>(
    read: &'a dyn Read,
    ranges: Box<dyn Iterator<Item = KeyRange> + 'a>,
    descending: bool,
) -> impl Iterator<Item = Result<Row, QueryError>> + 'a {
    let scan = move |range| {
        if descending {
            read.scan_back(Family::Views, range)
        } else {
            read.scan(Family::Views, range)
        }
    };
    let rows = ranges.flat_map(scan).map(|entry| {
        let row = StoredRow::decode(&entry.map_err(IndexError::Engine)?.1)?;
        Ok(Row {
            id: Some(row.id),
            key: row.key,
            value: row.value,
        })
    });
    let mut failed = false;
    rows.take_while(move |row| !std::mem::replace(&mut failed, row.is_err()))
}

/// How many rows of the view come before the range, or before that of the first key.
fn offset(read: &dyn Read, view: &RowKey, plan: &Plan<'_>) -> Result<Option<u64>, IndexError> {
    let Some(first) = ranges(view.clone(), plan).next() else {
        return Ok(Some(0));
    };
    let all = KeyRange::prefix(&view.clone().into_bytes());
    let before = if plan.query.descending {
        KeyRange {
            from: first.to.unwrap_or_else(|| all.from.clone()),
            to: all.to,
        }
    } else {
        KeyRange {
            from: all.from,
            to: Some(first.from),
        }
    };
    let mut rows: u64 = 0;
    for entry in read.scan(Family::Views, before).take(OFFSET_ROWS_MAX + 1) {
        entry?;
        rows += 1;
    }
    Ok((rows <= OFFSET_ROWS_MAX as u64).then_some(rows))
}
