//! Requests that are sent more than once.

use std::sync::Arc;

use proptest::prelude::*;

use super::histories::{id, rules};
use crate::fields::Segment;
use crate::{
    Base, DatacenterName, Document, Dot, Granularity, HlcTime, Limits, Matrix, OnConflict, REQUEST_WINDOW,
    REQUESTS_MAX, RequestName, Rule, RuleSet, Value, VersionVector, Write, parse_body,
};

fn put(document: &Document, time: u64, replica: usize, text: &str, request: Option<&str>) -> Document {
    put_knowing(document, Dot::new(HlcTime(time), id(replica)), text, request, None)
}

/// A write at a node that knows which writes every member has.
fn put_knowing(
    document: &Document,
    dot: Dot,
    text: &str,
    request: Option<&str>,
    everywhere: Option<&VersionVector>,
) -> Document {
    let base = document.base(&rules());
    let write = Write {
        dot,
        base: &base,
        body: Some(Arc::new(
            parse_body(text.as_bytes(), &Limits::default()).expect("a body"),
        )),
        on_conflict: OnConflict::Refuse,
        request: request.map(|text| RequestName::of(text, 0)),
        everywhere,
        tombstone: None,
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

/// The requests that have an entry of their own in `/stock`.
fn open_requests(document: &Document) -> usize {
    let Document::Fields(fields) = document else {
        panic!("granularity `field`")
    };
    let counter = &fields.fields.children[&Segment::Member("stock".into())];
    let of_requests = counter
        .children
        .keys()
        .filter(|segment| matches!(segment, Segment::Request(_)));
    of_requests.count()
}

#[test]
fn requests_that_every_member_has_become_part_of_their_replicas_increments() {
    let mut document = put(&empty(), 1, 0, r#"{"stock":0}"#, None);
    let many = REQUESTS_MAX as u64 + 40;
    for n in 1..=many {
        let text = format!(r#"{{"stock":{n}}}"#);
        let (dot, name) = (Dot::new(HlcTime(1 + n), id(0)), format!("r{n}"));
        let everywhere = document.context().clone();
        document = put_knowing(&document, dot, &text, Some(&name), Some(&everywhere));
    }
    assert_eq!(stock(&document), many as i64);
    assert!(open_requests(&document) <= REQUESTS_MAX + 1);
    let plain = put(&document, 10_000, 0, &format!(r#"{{"stock":{}}}"#, many + 1), None);
    assert_eq!(stock(&plain), many as i64 + 1);
    assert_eq!(Document::decode(&plain.encode()), Ok(plain));
}

#[test]
fn requests_that_cannot_be_settled_for_long_are_bounded() {
    let mut document = put(&empty(), 1, 0, r#"{"stock":0}"#, None);
    for n in 1..=5_000u64 {
        document = put(
            &document,
            1 + n,
            0,
            &format!(r#"{{"stock":{n}}}"#),
            Some(&n.to_string()),
        );
    }
    assert_eq!((stock(&document), open_requests(&document)), (5_000, 4_096));
}

#[test]
fn a_name_that_is_used_again_once_it_is_forgotten_counts_again() {
    let first = put(&empty(), 1, 0, r#"{"stock":5}"#, None);
    let second = put(&first, 2, 0, r#"{"stock":7}"#, Some("r"));
    let long_after = REQUEST_WINDOW.0 * 2;
    let other = put(&second, long_after, 0, r#"{"stock":7,"other":1}"#, None);
    assert_eq!(other.answer(RequestName::of("r", 0)), None);
    let again = put(&other, long_after + 1, 0, r#"{"stock":9,"other":1}"#, Some("r"));
    assert_eq!(stock(&again), 9);
}

/// A replica, and what it knows of the others.
#[derive(Clone)]
struct Knowing {
    document: Document,
    matrix: Matrix,
}

fn name(replica: usize) -> DatacenterName {
    format!("dc{replica}").parse().expect("a name")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// As below, but a replica forgets its requests within three writes, so that most are forgotten when replicas meet. None is sent where its write
    /// is known: that is what the window is for.
    #[test]
    fn a_request_that_was_done_in_several_places_counts_once_long_after_it_is_forgotten(
        steps in proptest::collection::vec((0usize..3, 0usize..3, 0u8..6, any::<bool>()), 0..60),
    ) {
        let created = put(&empty(), 1, 0, r#"{"stock":5}"#, None);
        let mut nodes = vec![Knowing { document: created, matrix: Matrix::new() }; 3];
        let mut done: std::collections::BTreeMap<u8, Vec<Dot>> = std::collections::BTreeMap::new();
        let names: Vec<_> = (0..3).map(name).collect();
        for (time, (replica, other, request, writes)) in (2u64..).zip(steps) {
            let dot = Dot::new(HlcTime(time * (REQUEST_WINDOW.0 / 2)), id(replica));
            if !writes {
                let from = nodes[other].clone();
                let to = &mut nodes[replica];
                to.document = join(&to.document, &from.document);
                to.matrix.advance(&names[other], from.document.context());
                to.matrix.merge(&from.matrix);
                continue;
            }
            let node = &mut nodes[replica];
            let known = done.entry(request).or_default();
            let request_id = request.to_string();
            let stands = stock(&node.document);
            let everywhere = node.matrix.stable(&names[replica], node.document.context(), &names);
            if known.iter().any(|dot| node.document.context().covers(*dot)) {
                // Another write, which moves the time on, and folds.
                let text = format!(r#"{{"stock":{}}}"#, stands + 100);
                let other = format!("other {time}");
                node.document = put_knowing(&node.document, dot, &text, Some(&other), Some(&everywhere));
                done.insert(100 + (time % 100) as u8, vec![]);
            } else {
                known.push(dot);
                let text = format!(r#"{{"stock":{}}}"#, stands + 1 + i64::from(request));
                node.document = put_knowing(&node.document, dot, &text, Some(&request_id), Some(&everywhere));
            }
        }
        let documents: Vec<_> = nodes.iter().map(|node| &node.document).collect();
        let end = join(&join(documents[0], documents[1]), documents[2]);
        let amount = |request: &u8| if *request >= 100 { 100 } else { 1 + i64::from(*request) };
        prop_assert_eq!(stock(&end), 5 + done.keys().map(amount).sum::<i64>());
    }

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

#[test]
fn what_a_rule_makes_of_a_body_is_no_merge() {
    let rules = RuleSet::new([("/tags", Rule::Set)]).expect("valid rules");
    let commit = |document: &Document, time: u64, base: &Base, text: &str| {
        let body = parse_body(text.as_bytes(), &Limits::default()).expect("a body");
        let write = Write {
            dot: Dot::new(HlcTime(time), id(0)),
            base,
            body: Some(Arc::new(body)),
            on_conflict: OnConflict::Refuse,
            request: Some(RequestName::of(&time.to_string(), 0)),
            everywhere: None,
            tombstone: None,
        };
        document.commit(&write, &rules).expect("no conflict").document
    };
    let merged = |document: &Document, time: u64| {
        let answer = document.answer(RequestName::of(&time.to_string(), 0));
        answer.expect("it is remembered").merged
    };
    let first = commit(&empty(), 1, &empty().base(&rules), r#"{"tags":["b","a","b"]}"#);
    assert_eq!(first.shown(&rules).body.to_json(), r#"{"tags":["b","a"]}"#);
    assert!(!merged(&first, 1));
    let read = first.base(&rules);
    let second = commit(&first, 2, &read, r#"{"tags":["a","c","a"]}"#);
    assert!(!merged(&second, 2));
    let third = commit(&second, 3, &read, r#"{"tags":["b","a","d"]}"#);
    assert!(merged(&third, 3), "what came after its base shows too");
}
