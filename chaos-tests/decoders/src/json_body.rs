//! Bodies that clients send.

use rejoin_document::{Checksum, Limits, Object, Value, parse_body, parse_stored_value, write_revision};

use crate::Outcome;
use crate::memory::bounded;

/// Limits that short inputs reach.
const NARROW: Limits = Limits {
    body_bytes_max: 64,
    depth_max: 4,
    leaves_max: 8,
};

/// A body prints as a text that reads as the same body, member by member and digit by digit, and what was accepted is within the limits.
pub(crate) fn check(bytes: &[u8]) -> Outcome {
    let stored = bounded(bytes.len(), || parse_stored_value(bytes)).ok();
    if let Some(value) = &stored {
        let text = value.to_json();
        let again = parse_stored_value(text.as_bytes()).expect("what was printed is read");
        assert_eq!((&again, again.to_json()), (value, text));
        let canonical = parse_stored_value(value.canonical().as_bytes());
        assert_eq!(canonical.as_ref(), Ok(value), "the canonical text is of the same value");
    }
    let body = bounded(bytes.len(), || parse_body(bytes, &Limits::default())).ok();
    if let Some(body) = &body {
        assert_body(body);
    }
    if let Ok(narrow) = parse_body(bytes, &NARROW) {
        assert_eq!(Some(&narrow), body.as_ref(), "limits change no body");
        let (depth, leaves) = measures(&Value::Object(narrow));
        assert!(bytes.len() <= NARROW.body_bytes_max && depth <= NARROW.depth_max && leaves <= NARROW.leaves_max);
    }
    Outcome::of(stored).or(Outcome::of(body))
}

fn assert_body(body: &Object) {
    let again = parse_body(body.to_json().as_bytes(), &Limits::default()).expect("what was printed is read");
    assert_eq!((&again, again.to_json()), (body, body.to_json()));
    assert_eq!(Checksum::of(&again), Checksum::of(body));
    let revision = write_revision(None, false, body, &[]);
    assert_eq!(
        write_revision(None, false, &again, &[]),
        revision,
        "equal texts have equal revisions"
    );
    assert!(body.iter().all(|(name, _)| !name.starts_with('_')), "a reserved member");
}

/// How deep a value nests, and how many scalars and empty containers it has.
pub(crate) fn measures(value: &Value) -> (usize, usize) {
    let within = |inner: Vec<(usize, usize)>| {
        let depth = 1 + inner.iter().map(|(depth, _)| *depth).max().unwrap_or_default();
        (depth, inner.iter().map(|(_, leaves)| leaves).sum::<usize>().max(1))
    };
    match value {
        Value::Array(items) => within(items.iter().map(measures).collect()),
        Value::Object(members) => within(members.iter().map(|(_, value)| measures(value)).collect()),
        _ => (0, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_and_levels_are_counted() {
        let value = |text: &str| parse_stored_value(text.as_bytes()).expect("JSON");
        assert_eq!(measures(&value("1")), (0, 1));
        assert_eq!(measures(&value("{}")), (1, 1));
        assert_eq!(measures(&value(r#"{"a":[1,{}],"b":2}"#)), (3, 3));
    }
}
