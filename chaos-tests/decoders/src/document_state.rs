//! States of documents, as they lie on disk and come from peers.

use std::sync::Arc;

use rejoin_document::{
    Base, Document, Dot, HlcTime, OnConflict, ReplicaId, RequestName, Resolution, Revision, Rule, RuleSet, Settle,
    Write,
};

use crate::memory::bounded;
use crate::{Outcome, seeds};

/// Whatever decodes works as a document: it is shown, joined, written to, resolved and forgotten like any other, and each state that comes of it is
/// encoded and read again.
pub(crate) fn check(bytes: &[u8]) -> Outcome {
    let decoded = bounded(bytes.len(), || Document::decode(bytes));
    let context = bounded(bytes.len(), || Document::decode_context(bytes));
    let Ok(document) = decoded else {
        return Outcome::Refused;
    };
    assert_eq!(context.as_ref(), Ok(document.context()), "the context alone");
    let rules = rules();
    assert_readable(&document, &rules);
    assert_joins(&document, &rules);
    assert_writable(&document, &rules);
    if let Some(forgotten) = document.forget(document.context()) {
        assert_readable(&forgotten, &rules);
    }
    Outcome::Decoded
}

fn assert_readable(document: &Document, rules: &RuleSet) {
    let bytes = document.encode();
    let again = Document::decode(&bytes).expect("what was encoded is read");
    assert_eq!(&again, document, "what was encoded is read as it was");
    // Equality of bodies ignores the order of their members, revisions do not.
    assert_eq!(again.encode(), bytes, "what was read is encoded as it was");
    let shown = document.shown(rules);
    assert_eq!(again.shown(rules), shown, "equal states show the same");
    assert!(
        shown.conflicts.is_empty() || document.may_conflict(),
        "a conflict is shown that nobody looks for"
    );
    for leaf in document.leaves(&shown) {
        let open = document.open_revision(&leaf.revision, &shown);
        let _ = (open, document.ancestors(&leaf.revision, &shown));
    }
    let base = document.base_of(&shown);
    let stranger = Base {
        revision: Some(Revision::md5(1, [7; 16])),
        ..Base::default()
    };
    let _ = (
        document.is_common_base(&base, &shown.conflicts),
        document.is_common_base(&stranger, &shown.conflicts),
        document.newest(),
        document.heads().len(),
        document.answer(RequestName([0; 16])),
    );
}

fn assert_joins(document: &Document, rules: &RuleSet) {
    let itself = document.join(document).expect("one granularity");
    assert_eq!(&itself, document, "the join is idempotent");
    let other = seeds::other_state(document.granularity());
    let joined = document.join(&other).expect("one granularity");
    let reversed = other.join(document).expect("one granularity");
    assert_eq!(joined, reversed, "the join is commutative");
    assert!(joined.context().dominates(document.context()), "nothing is lost");
    assert_readable(&joined, rules);
}

fn assert_writable(document: &Document, rules: &RuleSet) {
    let base = document.base(rules);
    for body in [Some(r#"{"a":1,"stock":3,"tags":["x"]}"#), Some("{}"), None] {
        let write = Write {
            dot: dot(),
            base: &base,
            body: body.map(|body| Arc::new(seeds::body(body))),
            on_conflict: OnConflict::Keep,
            request: Some(RequestName([1; 16])),
            everywhere: None,
            tombstone: Some(Arc::new(seeds::body(r#"{"why":[1]}"#))),
        };
        if let Ok(committed) = document.commit(&write, rules) {
            assert_readable(&committed.document, rules);
        }
        let resolution = Resolution {
            dot: dot(),
            settle: Settle::Body(write.body),
            request: None,
        };
        if let Ok(committed) = document.resolve(&resolution, rules) {
            assert_readable(&committed.document, rules);
        }
    }
}

/// The name of a write that is later than any.
fn dot() -> Dot {
    Dot::new(HlcTime(u64::MAX), ReplicaId([9; 8]))
}

/// One path of every kind.
pub(crate) fn rules() -> RuleSet {
    let rules = [
        ("/tags", Rule::Set),
        ("/stock", Rule::Counter),
        ("/o/n", Rule::Counter),
        ("/high", Rule::Max),
        ("/low", Rule::Min),
        ("/seen", Rule::Latest),
    ];
    RuleSet::new(rules).expect("the rules are valid")
}
