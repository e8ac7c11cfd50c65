//! Where the rows of a query lie.

use rejoin_document::Value;
use rejoin_store::KeyRange;

use super::ViewQuery;
use crate::collate::CollationKey;
use crate::index::RowKey;

/// The rows between the bounds of a query, in a view whose rows start with `view`.
pub(super) fn between(view: &RowKey, query: &ViewQuery) -> KeyRange {
    bounded(view, query, query.start_key.as_ref(), query.end_key.as_ref())
}

/// The rows of one key, within the documents that a query allows.
pub(super) fn of_key(view: &RowKey, query: &ViewQuery, key: &Value) -> KeyRange {
    bounded(view, query, Some(key), Some(key))
}

fn bounded(view: &RowKey, query: &ViewQuery, start: Option<&Value>, end: Option<&Value>) -> KeyRange {
    let all = KeyRange::prefix(&view.clone().into_bytes());
    let start = start.map(|key| place(view, key, query.start_id.as_deref()));
    let end = end.map(|key| place(view, key, query.end_id.as_deref()));
    // What has the last key starts with its place: an end that is included lies behind all of it.
    let before = |place: Vec<u8>| place;
    let behind = |place: Vec<u8>| KeyRange::prefix(&place).to;
    let (from, to) = if query.descending {
        let from = match end {
            Some(end) if query.inclusive_end => Some(before(end)),
            Some(end) => behind(end),
            None => None,
        };
        (from, start.map_or(all.to, behind))
    } else {
        let to = match end {
            Some(end) if query.inclusive_end => behind(end),
            Some(end) => Some(before(end)),
            None => all.to,
        };
        (start.map(before), to)
    };
    KeyRange {
        from: from.unwrap_or(all.from),
        to,
    }
}

/// What the rows of a key, or of one document among them, start with.
fn place(view: &RowKey, key: &Value, id: Option<&str>) -> Vec<u8> {
    let key = view.clone().key(&CollationKey::of(key));
    match id {
        Some(id) => key.id(id).into_bytes(),
        None => key.into_bytes(),
    }
}
