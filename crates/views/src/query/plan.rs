//! What a query comes to on a view that has a reduce, or has none.

use rejoin_document::Value;

use super::{KEYS_MAX, QueryParseError, ViewQuery};
use crate::collate::CollationKey;
use crate::reduce::Reduce;

/// How rows are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouping {
    /// All in one group.
    One,
    /// Each key is a group.
    Exact,
    /// As many items of a key that is an array make a group; one at least.
    Level(usize),
}

/// A query that makes sense.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'q> {
    pub(super) query: &'q ViewQuery,
    /// The keys to look up, instead of a range.
    pub(super) keys: Option<&'q [Value]>,
    /// How rows are reduced, if they are.
    pub(super) reduce: Option<(Reduce, Grouping)>,
}

impl<'q> Plan<'q> {
    /// In the order in which CouchDB finds fault, so that of several faults it is the same one that is told.
    pub(super) fn of(query: &'q ViewQuery, reduce: Option<Reduce>) -> Result<Self, QueryParseError> {
        let refuse = |reason: &str| Err(QueryParseError::new(reason));
        let grouping = grouping(query)?;
        if query.reduce == Some(true) && reduce.is_none() {
            return refuse("Reduce is invalid for map-only views.");
        }
        let reduce = reduce.filter(|_| query.reduce != Some(false));
        if reduce.is_some() && grouping != Grouping::Exact && matches!(query.keys, Some(Value::Array(_))) {
            return refuse("Multi-key fetchs for reduce views must use `group=true`");
        }
        let keys = match &query.keys {
            None => None,
            Some(Value::Array(keys)) => Some(keys.as_slice()),
            Some(_) => return refuse("`keys` must be an array of strings."),
        };
        if keys.is_some_and(|keys| !keys.is_empty()) && (query.start_key.is_some() || query.end_key.is_some()) {
            return refuse("`keys` is incompatible with `key`, `start_key` and `end_key`");
        }
        if keys.is_some_and(|keys| keys.len() > KEYS_MAX) {
            return Err(QueryParseError::new(format!("`keys` has more than {KEYS_MAX} keys.")));
        }
        if reduce.is_none() && grouping != Grouping::One {
            return refuse("Invalid use of grouping on a map view.");
        }
        if reduce.is_some() && query.include_docs {
            return refuse("`include_docs` is invalid for reduce");
        }
        if reduce.is_some() && query.conflicts.is_some() {
            return refuse("`conflicts` is invalid for reduce views.");
        }
        if keys.is_none() {
            check_range(query)?;
        }
        Ok(Self {
            query,
            keys,
            reduce: reduce.map(|reduce| (reduce, grouping)),
        })
    }
}

fn grouping(query: &ViewQuery) -> Result<Grouping, QueryParseError> {
    match (query.group, query.group_level) {
        (None | Some(false), None) | (None | Some(true), Some(0)) | (Some(false), Some(0)) => Ok(Grouping::One),
        (Some(false), Some(_)) => Err(QueryParseError::new(
            "Can't specify group=false and group_level>0 at the same time",
        )),
        (Some(true), None) => Ok(Grouping::Exact),
        (None | Some(true), Some(level)) => Ok(Grouping::Level(usize::try_from(level).unwrap_or(usize::MAX))),
    }
}

/// A range that goes the wrong way is a mistake: its answer would be empty whatever there is.
fn check_range(query: &ViewQuery) -> Result<(), QueryParseError> {
    let (Some(start), Some(end)) = (&query.start_key, &query.end_key) else {
        return Ok(());
    };
    if start == end {
        return Ok(());
    }
    // Without a document a bound lies before the first, or after the last of its key's documents.
    let [first, last]: [&[u8]; 2] = if query.descending {
        [&[u8::MAX], &[]]
    } else {
        [&[], &[u8::MAX]]
    };
    let id =
        |id: &Option<String>, otherwise: &[u8]| id.as_ref().map_or(otherwise.to_vec(), |id| id.as_bytes().to_vec());
    let start = (CollationKey::of(start), id(&query.start_id, first));
    let end = (CollationKey::of(end), id(&query.end_id, last));
    let advice = match (query.descending, start < end) {
        (false, false) => "true",
        (true, true) => "false",
        _ => return Ok(()),
    };
    Err(QueryParseError::new(format!(
        "No rows can match your key range, reverse your start_key and end_key or set descending={advice}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(parameters: &[(&str, &str)], reduce: Option<Reduce>) -> String {
        let query = ViewQuery::parse(parameters.iter().copied()).unwrap();
        Plan::of(&query, reduce).expect_err("it is refused").0
    }

    fn grouping(parameters: &[(&str, &str)]) -> Option<Grouping> {
        let query = ViewQuery::parse(parameters.iter().copied()).unwrap();
        Plan::of(&query, Some(Reduce::Sum))
            .unwrap()
            .reduce
            .map(|(_, grouping)| grouping)
    }

    #[test]
    fn a_view_with_a_reduce_reduces_unless_it_is_told_not_to() {
        assert_eq!(grouping(&[]), Some(Grouping::One));
        assert_eq!(grouping(&[("reduce", "false")]), None);
        assert_eq!(grouping(&[("group", "true")]), Some(Grouping::Exact));
        assert_eq!(grouping(&[("group_level", "2")]), Some(Grouping::Level(2)));
        assert_eq!(
            grouping(&[("group_level", "0"), ("group", "true")]),
            Some(Grouping::One)
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_couchdbs_words() {
        let sum = Some(Reduce::Sum);
        for (parameters, reduce, reason) in [
            (&[("reduce", "true")][..], None, "Reduce is invalid for map-only views."),
            (
                &[("keys", "[1]")],
                sum,
                "Multi-key fetchs for reduce views must use `group=true`",
            ),
            (
                &[("keys", "[1]"), ("group_level", "1")],
                sum,
                "Multi-key fetchs for reduce views must use `group=true`",
            ),
            (&[("keys", "{}")], None, "`keys` must be an array of strings."),
            (
                &[("keys", "[1]"), ("key", "1")],
                None,
                "`keys` is incompatible with `key`, `start_key` and `end_key`",
            ),
            (&[("group", "true")], None, "Invalid use of grouping on a map view."),
            (
                &[("group_level", "1"), ("reduce", "false")],
                sum,
                "Invalid use of grouping on a map view.",
            ),
            (
                &[("group", "false"), ("group_level", "1")],
                sum,
                "Can't specify group=false and group_level>0 at the same time",
            ),
            (&[("include_docs", "true")], sum, "`include_docs` is invalid for reduce"),
            (
                &[("conflicts", "true")],
                sum,
                "`conflicts` is invalid for reduce views.",
            ),
            (
                &[("startkey", "2"), ("endkey", "1")],
                None,
                "No rows can match your key range, reverse your start_key and end_key or set descending=true",
            ),
            (
                &[("startkey", "1"), ("endkey", "2"), ("descending", "true")],
                None,
                "No rows can match your key range, reverse your start_key and end_key or set descending=false",
            ),
            (
                &[
                    ("startkey", "1"),
                    ("startkey_docid", "b"),
                    ("endkey", "1.0"),
                    ("endkey_docid", "a"),
                ],
                None,
                "No rows can match your key range, reverse your start_key and end_key or set descending=true",
            ),
        ] {
            assert_eq!(refusal(parameters, reduce), reason, "{parameters:?}");
        }
        let many = format!("[{}0]", "0,".repeat(KEYS_MAX));
        assert_eq!(refusal(&[("keys", &many)], None), "`keys` has more than 100000 keys.");
    }
}
