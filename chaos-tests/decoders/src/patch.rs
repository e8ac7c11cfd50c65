//! Patches of a body: merge patches, lists of operations, edits.
//!
//! ```text
//! kind (m, o or e), body, newline, patch
//! of edits, each on a line:   path, space, a number to add (i), elements to add (a) or to remove (r)
//! ```

use rejoin_document::{Edit, Limits, Object, Patch, Value, parse_body};

use crate::Outcome;
use crate::json_body::measures;
use crate::memory::bounded;

/// Limits that short inputs reach by copying.
const LIMITS: Limits = Limits {
    body_bytes_max: 4096,
    depth_max: 128,
    leaves_max: 500,
};

/// A patch is refused, or gives a body within the limits that prints and reads as itself.
pub(crate) fn check(bytes: &[u8]) -> Outcome {
    let Some((kind, rest)) = bytes.split_first() else {
        return Outcome::Refused;
    };
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
        return Outcome::Refused;
    };
    let (body, text) = (&rest[..end], &rest[end + 1..]);
    let Ok(body) = parse_body(body, &LIMITS) else {
        return Outcome::Refused;
    };
    let patch = bounded(text.len(), || match kind {
        b'm' => Patch::merge(text, &LIMITS).ok(),
        b'o' => Patch::operations(text, &LIMITS).ok(),
        b'e' => Patch::edits(edits(text)?).ok(),
        _ => None,
    });
    let Some(patch) = patch else {
        return Outcome::Refused;
    };
    // A copy may double a body before it is found to be too large.
    let in_use = bytes.len() + 2 * LIMITS.body_bytes_max;
    if let Ok(patched) = bounded(in_use, || patch.apply(&body, &LIMITS)) {
        assert_valid(patched);
    }
    Outcome::Decoded
}

fn assert_valid(body: Object) {
    let text = body.to_json();
    assert!(text.len() <= LIMITS.body_bytes_max, "the body has {} bytes", text.len());
    let again = parse_body(text.as_bytes(), &LIMITS).expect("a patched body is a body");
    assert_eq!((&again, again.to_json()), (&body, text));
    let nothing = Patch::merge(b"{}", &LIMITS).expect("the empty patch");
    let same = nothing.apply(&body, &LIMITS).expect("the empty patch fits");
    assert_eq!(same.to_json(), body.to_json(), "the empty patch changes nothing");
    let (depth, leaves) = measures(&Value::Object(body));
    assert!(
        depth <= LIMITS.depth_max && leaves <= LIMITS.leaves_max,
        "{depth} levels, {leaves} leaves"
    );
}

fn edits(text: &[u8]) -> Option<Vec<Edit>> {
    let lines = std::str::from_utf8(text).ok()?.lines();
    lines.map(edit).collect()
}

fn edit(line: &str) -> Option<Edit> {
    let (path, change) = line.split_once(' ')?;
    let path = path.to_owned();
    let (kind, value) = (change.chars().next()?, change.get(1..)?);
    match kind {
        'i' => Some(Edit::Increment {
            path,
            by: value.parse().ok()?,
        }),
        'a' => Some(Edit::Add {
            path,
            elements: Edit::elements(value.as_bytes(), &LIMITS).ok()?,
        }),
        'r' => Some(Edit::Remove {
            path,
            elements: Edit::elements(value.as_bytes(), &LIMITS).ok()?,
        }),
        _ => None,
    }
}
