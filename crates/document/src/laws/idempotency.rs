//! Requests that are sent more than once.

use std::sync::Arc;

use proptest::prelude::*;

use super::histories::{id, rules};
use crate::fields::{Node, Segment};
use crate::{
    Document, Dot, Granularity, HlcTime, Limits, OnConflict, REQUESTS_MAX, RequestName, Value, Write, parse_body,
};

fn put(document: &Document, time: u64, replica: usize, text: &str, request: Option<&str>) -> Document {
    let base = document.base(&rules());
    let write = Write {
        dot: Dot::new(HlcTime(time), id(replica)),
        base: &base,
        body: Some(Arc::new(
            parse_body(text.as_bytes(), &Limits::default()).expect("a body"),
        )),
        on_conflict: OnConflict::Refuse,
        stamp_all: false,
        request: request.map(|text| RequestName::of(text, 0)),
    };
    document.commit(&write, &rules()).expect("no conflict").document
}

fn stock(document: &Document) -> i64 {
    let shown = document.shown(&rules());
    assert_eq!(shown.conflicts, []);
    let number = shown.body.get("stock").and_then(Value::as_number);
    number.and_then(|number| number.as_i64_integer()).expect("a counter")
}

fn join(a: &Document, b: &Document) -> Document {
    a.join(b).expect("one granularity")
}

fn empty() -> Document {
    Document::empty(Granularity::Field)
}

#[test]
fn an_increment_that_one_request_made_in_two_datacenters_counts_once() {
    let base = put(&empty(), 1, 0, r#"{"stock":5}"#, None);
    let east = put(&base, 2, 0, r#"{"stock":7}"#, Some("r"));
    let west = put(&base, 3, 1, r#"{"stock":7}"#, Some("r"));
    let both = join(&east, &west);
    assert_eq!(stock(&both), 7);
    assert_eq!(
        both.shown(&rules()).revision,
        east.shown(&rules()).revision,
        "equal edits are one revision"
    );
    let other = put(&base, 4, 2, r#"{"stock":7}"#, Some("s"));
    assert_eq!(stock(&join(&both, &other)), 9);
    let plain = put(&base, 4, 2, r#"{"stock":7}"#, None);
    assert_eq!(stock(&join(&both, &plain)), 9);
    assert_eq!(Document::decode(&both.encode()), Ok(both));
}

#[test]
fn a_request_is_answered_as_the_first_time_wherever_its_write_has_arrived() {
    let name = RequestName::of("r", 0);
    for granularity in [Granularity::Field, Granularity::Document] {
        let east = put(&Document::empty(granularity), 1, 0, r#"{"a":1}"#, Some("r"));
        let first = east.answer(name).expect("it is remembered");
        assert_eq!(first.dot, Dot::new(HlcTime(1), id(0)));
        assert_eq!(first.revision, east.shown(&rules()).revision);
        let west = join(&Document::empty(granularity), &east);
        let later = put(&west, 2, 1, r#"{"a":2}"#, None);
        assert_eq!(later.answer(name), Some(first.clone()));
        let stored = Document::decode(&later.encode()).expect("it reads back");
        assert_eq!(
            (stored.answer(name), stored.answer(RequestName::of("s", 0))),
            (Some(first), None)
        );
    }
}

#[test]
fn requests_beyond_the_bound_become_part_of_their_replicas_increments() {
    let mut document = put(&empty(), 1, 0, r#"{"stock":0}"#, None);
    let many = REQUESTS_MAX as u64 + 40;
    for n in 1..=many {
        let text = format!(r#"{{"stock":{n}}}"#);
        document = put(&document, 1 + n, 0, &text, Some(&format!("r{n}")));
    }
    assert_eq!(stock(&document), many as i64);
    let Document::Fields(fields) = &document else {
        panic!("granularity `field`")
    };
    let counter = &fields.fields.children[&Segment::Member("stock".into())];
    let of_requests = |node: &Node| {
        node.children
            .keys()
            .filter(|segment| matches!(segment, Segment::Request(_)))
            .count()
    };
    assert!(of_requests(counter) <= REQUESTS_MAX + 1, "{}", of_requests(counter));
    let plain = put(&document, 10_000, 0, &format!(r#"{{"stock":{}}}"#, many + 1), None);
    assert_eq!(stock(&plain), many as i64 + 1);
    assert_eq!(Document::decode(&plain.encode()), Ok(plain));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A request goes to any replicas, any number of times; where its write is known it is not done again.
    #[test]
    fn every_request_counts_exactly_once(
        steps in proptest::collection::vec((0usize..3, 0usize..3, 0u8..6, any::<bool>()), 0..40),
    ) {
        let created = put(&empty(), 1, 0, r#"{"stock":5}"#, None);
        let mut states = vec![created; 3];
        let mut done = std::collections::BTreeSet::new();
        for (time, (replica, other, request, writes)) in (2..).zip(steps) {
            if !writes {
                states[replica] = join(&states[replica], &states[other]);
                continue;
            }
            let name = request.to_string();
            if states[replica].answer(RequestName::of(&name, 0)).is_none() {
                let text = format!(r#"{{"stock":{}}}"#, stock(&states[replica]) + 1 + i64::from(request));
                states[replica] = put(&states[replica], time, replica, &text, Some(&name));
            }
            done.insert(request);
        }
        let end = join(&join(&states[0], &states[1]), &states[2]);
        let expected: i64 = done.iter().map(|request| 1 + i64::from(*request)).sum();
        prop_assert_eq!(stock(&end), 5 + expected);
        prop_assert_eq!(&end, &join(&states[2], &join(&states[1], &states[0])));
        prop_assert_eq!(Document::decode(&end.encode()), Ok(end));
    }
}
