//! The encoding: exact, small, and safe to read from anybody.

use std::sync::Arc;

use proptest::prelude::*;

use super::histories::{histories, id, rules};
use crate::{Base, Document, Dot, FieldDocument, Granularity, HlcTime, Limits, Object, OnConflict, Write, parse_body};

/// What an encoding may cost beside the body of a document that one write made.
const OVERHEAD_BYTES_MAX: usize = 64;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_state_decodes_to_itself(run in histories()) {
        for state in &run.seen {
            let bytes = state.encode();
            let decoded = Document::decode(&bytes);
            prop_assert_eq!(decoded.as_ref(), Ok(state));
            // Also to the byte: equality of values ignores the order of members, revisions do not.
            prop_assert_eq!(decoded.map(|decoded| decoded.encode()), Ok(bytes.clone()));
            prop_assert_eq!(Document::decode_context(&bytes), Ok(state.context().clone()));
        }
    }

    #[test]
    fn damaged_encodings_never_panic(
        run in histories(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..6),
    ) {
        for state in &run.seen {
            let mut bytes = state.encode();
            for (place, byte, kind) in &damage {
                let place = place.index(bytes.len().max(1));
                match kind {
                    0 if !bytes.is_empty() => bytes[place] = *byte,
                    1 if !bytes.is_empty() => drop(bytes.remove(place)),
                    2 => bytes.insert(place, *byte),
                    _ => bytes.truncate(place),
                }
            }
            read_anyway(&bytes);
        }
    }

    #[test]
    fn garbage_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0u8..3) {
        read_anyway(&bytes);
        bytes.insert(0, version);
        read_anyway(&bytes);
    }
}

/// Whatever decodes must work as a document, too.
fn read_anyway(bytes: &[u8]) {
    let Ok(document) = Document::decode(bytes) else { return };
    let shown = document.shown(&rules());
    assert_eq!(Document::decode(&document.encode()), Ok(document.clone()));
    assert_eq!(document.join(&document), Ok(document.clone()));
    let _ = (
        document.forget(document.context()),
        document.may_conflict(),
        document.heads().len(),
    );
    let base = document.base_of(&shown);
    let write = Write {
        dot: Dot::new(HlcTime(u64::MAX), id(0)),
        base: &base,
        body: Some(Arc::new(body(r#"{"a":1,"stock":3}"#))),
        on_conflict: OnConflict::Keep,
        request: None,
        everywhere: None,
        tombstone: None,
    };
    let _ = document.commit(&write, &rules());
}

fn body(text: &str) -> Object {
    parse_body(text.as_bytes(), &Limits::default()).expect("a valid body")
}

fn put(document: &Document, time: u64, replica: u8, text: &str) -> Document {
    let base: Base = document.base(&rules());
    let dot = Dot::new(HlcTime(time), crate::ReplicaId([replica; 8]));
    let body = Some(Arc::new(body(text)));
    let write = Write {
        dot,
        base: &base,
        body,
        on_conflict: OnConflict::Refuse,
        request: None,
        everywhere: None,
        tombstone: None,
    };
    document.commit(&write, &rules()).expect("no conflict").document
}

/// 2026-01-01 as NTP64.
const NOW: u64 = 1_767_225_600 << 32;
const WEEK: u64 = (7 * 86_400) << 32;

#[test]
fn a_document_last_written_by_one_write_costs_64_bytes_beside_its_body() {
    let texts = [
        r#"{"first_name":"Baard","last_name":"Hansen","address":{"street":"Storgata 1","city":"Oslo"},"age":41,"list":[1,2,3]}"#.to_owned(),
        r#"{"tags":["red","green","blue"],"stock":17,"o":{"n":4,"e":{}},"high":3}"#.to_owned(),
        "{}".to_owned(),
        format!(r#"{{"text":"{}"}}"#, "x".repeat(100_000)),
    ];
    for granularity in [Granularity::Field, Granularity::Document] {
        for text in &texts {
            let created = put(&Document::empty(granularity), NOW, 1, text);
            let overhead = |document: &Document, text: &str| document.encode().len() - text.len();
            assert!(
                overhead(&created, text) <= OVERHEAD_BYTES_MAX,
                "{} {text:.60}",
                overhead(&created, text)
            );
            let new = r#"{"name":"replaced","values":[1,2],"x":{"y":"z"}}"#;
            for replica in [1, 2] {
                let replaced = put(&created, NOW + WEEK, replica, new);
                let replaced = replaced.forget(replaced.context()).unwrap_or(replaced);
                assert!(
                    overhead(&replaced, new) <= OVERHEAD_BYTES_MAX,
                    "{} {text:.60}",
                    overhead(&replaced, new)
                );
            }
        }
    }
}

#[test]
fn each_later_write_adds_little() {
    let members: Vec<_> = (0..50).map(|n| format!(r#""member{n}":"value {n}""#)).collect();
    let text = format!("{{{}}}", members.join(","));
    let created = put(&Document::empty(Granularity::Field), NOW, 1, &text);
    let changed = text.replace("value 25", "other 25");
    let edited = put(&created, NOW + WEEK, 1, &changed);
    assert!(
        edited.encode().len() - changed.len() <= OVERHEAD_BYTES_MAX + 32,
        "{}",
        edited.encode().len() - changed.len()
    );
    let stock = put(&created, NOW + WEEK, 1, r#"{"stock":5,"tags":["a","b"]}"#);
    let stock = stock.forget(stock.context()).unwrap_or(stock);
    let (before, after) = (
        stock.encode().len(),
        put(&stock, NOW + 2 * WEEK, 1, r#"{"stock":6,"tags":["b","c"]}"#)
            .encode()
            .len(),
    );
    assert!(after - before <= 120, "{before} {after}");
}

/// Each replica may remember [`REQUESTS_MAX`](crate::REQUESTS_MAX) requests, so together they may remember more.
#[test]
fn the_requests_of_several_replicas_are_read_back() {
    let created = put(&Document::empty(Granularity::Field), NOW, 0, "{}");
    let retried = |replica: u8| {
        (1..=200).fold(created.clone(), |document, number| {
            let base = document.base(&rules());
            let write = Write {
                dot: Dot::new(HlcTime(NOW + (number << 32)), crate::ReplicaId([replica; 8])),
                base: &base,
                body: Some(Arc::new(body(&format!(r#"{{"n":{number}}}"#)))),
                on_conflict: OnConflict::Keep,
                request: Some(crate::RequestName::of("retried", number as u32)),
                everywhere: None,
                tombstone: None,
            };
            document.commit(&write, &rules()).expect("no conflict").document
        })
    };
    let both = retried(1).join(&retried(2)).expect("one granularity");
    assert_eq!(Document::decode(&both.encode()), Ok(both));
}

/// Every head may have seen all replicas, so a few bytes for each could stand for any number of entries.
#[test]
fn a_state_whose_heads_name_too_many_replicas_is_refused() {
    let replica = |number: u64| crate::ReplicaId(number.to_be_bytes());
    let state = |many: u64| {
        let context: crate::VersionVector = (1..=many).map(|number| (replica(number), HlcTime(NOW))).collect();
        let heads = (1..=many).map(|number| {
            let past = context.iter().filter(|(other, _)| *other != replica(number)).collect();
            let head = crate::head::Head {
                revision: crate::Revision::md5(1, [0; 16]),
                deleted: true,
                past,
                ancestry: crate::Ancestry::none(),
                body: Arc::default(),
                closed: Arc::default(),
            };
            (Dot::new(HlcTime(NOW), replica(number)), head)
        });
        let heads = heads.collect();
        Document::Fields(FieldDocument {
            context,
            heads,
            ..FieldDocument::empty()
        })
    };
    assert_eq!(Document::decode(&state(100).encode()), Ok(state(100)));
    assert_eq!(
        Document::decode(&state(1100).encode()),
        Err(crate::DecodeError::Malformed("past"))
    );
}

/// What a write carries is bounded, and every node that reads it writes it alike.
#[test]
fn closed_branches_that_no_write_carries_are_refused() {
    let revision = |number: u64| crate::Revision::md5(number, [7; 16]);
    let closed = |number: u64, ancestors: u64| crate::closed::Closed {
        revision: revision(number),
        deleted: number.is_multiple_of(2),
        ancestors: (0..ancestors).map(revision).collect(),
    };
    let state = |closed: Vec<crate::closed::Closed>| {
        let dot = Dot::new(HlcTime(NOW), id(0));
        let mut document = FieldDocument::empty();
        document.context.advance(dot);
        let head = crate::head::Head {
            revision: revision(99),
            deleted: true,
            past: crate::VersionVector::new(),
            ancestry: crate::Ancestry::none(),
            body: Arc::default(),
            closed: closed.into(),
        };
        document.heads.insert(dot, head);
        Document::Fields(document)
    };
    let (most, longest) = (
        crate::closed::CLOSED_MAX as u64,
        crate::closed::CLOSED_ANCESTORS_MAX as u64,
    );
    let descending = |count: u64| (1..=count).rev().map(|number| closed(number, 1)).collect::<Vec<_>>();
    for whole in [descending(0), descending(most), vec![closed(1, longest)]] {
        assert_eq!(Document::decode(&state(whole.clone()).encode()), Ok(state(whole)));
    }
    let twice = vec![closed(1, 0), closed(1, 0)];
    let ascending = vec![closed(1, 0), closed(2, 0)];
    for wrong in [
        descending(most + 1),
        vec![closed(1, longest + 1)],
        twice,
        ascending,
        vec![closed(0, 0)],
    ] {
        assert_eq!(
            Document::decode(&state(wrong).encode()),
            Err(crate::DecodeError::Malformed("closed"))
        );
    }
}

#[test]
fn revisions_that_descend_from_each_other_in_a_circle_are_walked_once() {
    let revision = |text: &str| text.parse::<crate::Revision>().expect("a revision");
    let dot = Dot::new(HlcTime(NOW), id(0));
    let mut tree = crate::TreeDocument::empty();
    tree.context.advance(dot);
    for (child, parent) in [("3-c", "2-b"), ("2-b", "1-a"), ("1-a", "2-b")] {
        let node = crate::tree::TreeNode {
            parent: Some(revision(parent)),
            deleted: false,
            closed: false,
            dots: crate::dot_map::DotMap::of(dot, ()),
        };
        tree.nodes.insert(revision(child), node);
    }
    tree.bodies.insert(revision("3-c"), Arc::default());
    let circle = Document::Tree(tree);
    let stranger = |text| Base {
        revision: Some(revision(text)),
        ..Base::default()
    };
    let read = Document::decode(&circle.encode()).unwrap_or(circle);
    assert!(!read.is_common_base(&stranger("1-x"), &[]));
    assert!(read.is_common_base(&stranger("1-a"), &[]));
}

#[test]
fn a_later_version_is_named_in_the_error() {
    assert_eq!(Document::decode(&[9, 0]), Err(crate::DecodeError::UnknownVersion(9)));
    assert_eq!(Document::decode(&[]), Err(crate::DecodeError::Truncated));
    let mut bytes = Document::Fields(FieldDocument::empty()).encode();
    bytes.push(0);
    assert_eq!(Document::decode(&bytes), Err(crate::DecodeError::Malformed("requests")));
}

#[test]
fn the_largest_body_is_handled_in_reasonable_time() {
    let members: Vec<_> = (0..49_990).map(|n| format!(r#""m{n}":{n}"#)).collect();
    let tags: Vec<_> = (0..5).map(|n| format!("\"{n}\"")).collect();
    let text = format!(r#"{{{},"tags":[{}]}}"#, members.join(","), tags.join(","));
    let created = put(&Document::empty(Granularity::Field), NOW, 1, &text);
    let east = put(&created, NOW + 1, 1, &text.replace(r#""m7":7"#, r#""m7":8"#));
    let west = put(&created, NOW + 2, 2, &text.replace(r#""m8":8"#, r#""m8":9"#));
    let both = east.join(&west).expect("one granularity");
    assert_eq!(both.shown(&rules()).body.len(), 49_991);
    assert_eq!(Document::decode(&both.encode()), Ok(both));
}

#[test]
fn large_sets_and_wholly_new_bodies_take_no_quadratic_time() {
    let set = |from: usize| {
        let tags: Vec<_> = (from..from + 40_000).map(|n| format!("\"tag {n}\"")).collect();
        format!(r#"{{"tags":[{}]}}"#, tags.join(","))
    };
    let created = put(&Document::empty(Granularity::Field), NOW, 1, &set(0));
    let replaced = put(&created, NOW + 1, 1, &set(30_000));
    assert_eq!(
        Document::decode(&replaced.encode()).map(|document| document.shown(&rules()).body.to_json()),
        Ok(set(30_000))
    );
    let nested = |name: &str| {
        let members: Vec<_> = (0..40_000).map(|n| format!(r#""{name}{n}":{n}"#)).collect();
        format!(r#"{{"o":{{"i":{{{}}}}}}}"#, members.join(","))
    };
    let before = put(&Document::empty(Granularity::Field), NOW, 1, &nested("a"));
    let after = put(&before, NOW + 1, 1, &nested("b"));
    assert_eq!(after.shown(&rules()).body.to_json(), nested("b"));
}

#[test]
fn the_deepest_body_survives_merging_and_encoding() {
    let deep = |leaf: &str| format!("{{\"d\":{}{leaf}{}}}", "{\"d\":".repeat(126), "}".repeat(126));
    let base = put(&Document::empty(Granularity::Field), NOW, 1, &deep("{}"));
    let (east, west) = (put(&base, NOW + 1, 1, &deep("1")), put(&base, NOW + 2, 2, &deep("2")));
    let both = east.join(&west).expect("one granularity");
    assert_eq!(both.shown(&rules()).conflicts.len(), 1);
    assert_eq!(Document::decode(&both.encode()), Ok(both));
}
