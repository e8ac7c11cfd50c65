//! Batches: applied once, one at a time and in order, acknowledged only when applied; and when a link has caught up.

use rejoin_document::Incarnation;

use super::bench::*;
use crate::testing::*;
use crate::*;

#[test]
fn a_batch_of_another_stream_is_dropped() {
    let mut bench = Bench::new();
    bench.establish();
    let mut late = batch("customers", 0, 4, &["a"], Some(watermark(&[(SERVER, 9)])));
    late.stream = STREAM - 1;
    assert_eq!(bench.receive(Message::Batch(late)), []);
}

#[test]
fn a_batch_that_comes_twice_is_applied_once() {
    let mut bench = Bench::new();
    bench.establish();
    let once = batch("customers", 0, 4, &["a"], None);
    let out = bench.receive(Message::Batch(once.clone()));
    bench.done(&out, Counts::default());
    assert_eq!(bench.receive(Message::Batch(once)), []);
}

#[test]
fn a_position_that_was_reached_already_changes_nothing() {
    let mut bench = Bench::new();
    bench.establish();
    let out = bench.receive(Message::Batch(batch("customers", 0, 4, &["a"], Some(watermark(&[])))));
    bench.done(&out, Counts::default());
    assert_eq!(bench.receive(Message::Batch(batch("customers", 4, 4, &[], None))), []);
}

#[test]
fn a_missing_batch_ends_the_connection() {
    let mut bench = Bench::new();
    bench.establish();
    let out = bench.receive(Message::Batch(batch(
        "customers",
        4,
        8,
        &["b"],
        Some(watermark(&[(SERVER, 9)])),
    )));
    assert!(disconnects(&out) && ticket(&out).is_none());
}

#[test]
fn a_batch_of_a_database_that_was_not_opened_is_dropped() {
    let mut bench = Bench::new();
    bench.establish();
    assert_eq!(bench.receive(Message::Batch(batch("orders", 0, 4, &["a"], None))), []);
}

#[test]
fn one_batch_is_applied_at_a_time_in_the_order_of_arrival() {
    let mut bench = Bench::new();
    bench.establish();
    let first = bench.receive(Message::Batch(batch("customers", 0, 4, &["a"], None)));
    assert_eq!(
        bench.receive(Message::Batch(batch("customers", 4, 8, &["b"], None))),
        []
    );
    let out = bench.done(&first, Counts::default());
    let [
        PullerCommand::Send(Message::Acknowledge(_)),
        PullerCommand::Apply { items, progress, .. },
    ] = &out[..]
    else {
        panic!("{out:?}")
    };
    assert_eq!(items[0].id, document("b"));
    assert_eq!(
        progress.as_ref().map(|progress| (progress.from, progress.to)),
        Some((at(5, 4), at(5, 8)))
    );
}

#[test]
fn a_batch_is_acknowledged_only_once_it_is_applied() {
    let mut bench = Bench::new();
    bench.establish();
    let out = bench.receive(Message::Batch(batch("customers", 0, 4, &["a"], None)));
    assert!(sent(&out).is_empty());
    let out = bench.done(&out, Counts::default());
    let [Message::Acknowledge(acknowledge)] = sent(&out)[..] else {
        panic!("{out:?}")
    };
    assert_eq!(acknowledge.position, at(5, 4));
    assert_eq!(acknowledge.knowledge, knows(&[(PULLER, 50), (SERVER, 7)]));
}

#[test]
fn a_position_of_this_incarnation_is_continued_and_one_of_another_is_not() {
    for (position, from) in [(at(5, 3), 3), (at(4, 3), 0)] {
        let mut bench = Bench::new();
        bench.local.databases[1].position = Some(position);
        bench.establish();
        let out = bench.receive(Message::Batch(batch("customers", from, 4, &["a"], None)));
        assert!(ticket(&out).is_some(), "{position:?}: {out:?}");
    }
}

#[test]
fn a_batch_that_the_store_drops_or_cannot_apply_ends_the_connection_unacknowledged() {
    for applied in [
        Applied::Dropped,
        Applied::Failed {
            reason: "disk full".to_owned(),
        },
    ] {
        let mut bench = Bench::new();
        bench.establish();
        let out = bench.receive(Message::Batch(batch("customers", 0, 4, &["a"], None)));
        let ticket = ticket(&out).unwrap();
        let out = bench.event(PullerEvent::Applied { ticket, applied });
        assert!(disconnects(&out) && sent(&out).is_empty(), "{out:?}");
    }
}

#[test]
fn what_an_earlier_stream_had_applied_is_not_acknowledged_on_the_next() {
    let mut bench = Bench::new();
    bench.establish();
    let out = bench.receive(Message::Batch(batch(
        "customers",
        0,
        4,
        &["a"],
        Some(watermark(&[(SERVER, 9)])),
    )));
    bench.drop_connection();
    assert_eq!(
        bench.done(
            &out,
            Counts {
                received: 1,
                ..Counts::default()
            }
        ),
        []
    );
    assert_eq!(bench.puller.status().documents_received, 1);
}

#[test]
fn an_answer_with_another_ticket_changes_nothing() {
    let mut bench = Bench::new();
    bench.establish();
    bench.receive(Message::Batch(batch("customers", 0, 4, &["a"], None)));
    assert_eq!(
        bench.event(PullerEvent::Applied {
            ticket: 999,
            applied: Applied::Dropped
        }),
        []
    );
}

#[test]
fn a_link_is_caught_up_when_every_database_has_had_its_watermark() {
    let mut bench = Bench::new();
    bench.establish();
    let system = bench.receive(Message::Batch(batch(
        "_rejoin",
        0,
        2,
        &[],
        Some(watermark(&[(SERVER, 7)])),
    )));
    assert!(
        !bench
            .done(&system, Counts::default())
            .contains(&PullerCommand::CaughtUp)
    );
    let part = bench.receive(Message::Batch(batch("customers", 0, 4, &["a"], None)));
    assert!(!bench.done(&part, Counts::default()).contains(&PullerCommand::CaughtUp));
    assert_eq!(bench.puller.status().state, LinkState::CatchingUp);
    let rest = bench.receive(Message::Batch(batch(
        "customers",
        4,
        8,
        &["b"],
        Some(watermark(&[(SERVER, 7)])),
    )));
    assert!(bench.done(&rest, Counts::default()).contains(&PullerCommand::CaughtUp));
    assert_eq!(bench.puller.status().state, LinkState::Connected);
}

#[test]
fn a_database_that_the_system_database_brings_is_opened_and_caught_up_with_too() {
    let mut bench = Bench::new();
    bench.local.databases.pop();
    bench.establish();
    let out = bench.receive(Message::Batch(batch(
        "_rejoin",
        0,
        2,
        &["database/orders"],
        Some(watermark(&[(SERVER, 7)])),
    )));
    let out = bench.done(&out, Counts::default());
    assert!(
        out.contains(&PullerCommand::ReadDatabases) && !out.contains(&PullerCommand::CaughtUp),
        "{out:?}"
    );
    let orders = hello_of("orders", &[], None);
    let list = vec![hello_of("_rejoin", &[], None), orders.clone()];
    assert_eq!(
        bench.event(PullerEvent::Databases(list)),
        [PullerCommand::Send(Message::Open(orders))]
    );
    let out = bench.receive(Message::Batch(batch(
        "orders",
        0,
        9,
        &["a"],
        Some(watermark(&[(SERVER, 7)])),
    )));
    assert!(bench.done(&out, Counts::default()).contains(&PullerCommand::CaughtUp));
}

#[test]
fn what_the_peer_says_that_it_knows_is_passed_on_with_its_incarnation() {
    let mut bench = Bench::new();
    bench.establish();
    let out = bench.receive(Message::Batch(batch(
        "customers",
        0,
        4,
        &["a"],
        Some(watermark(&[(SERVER, 8)])),
    )));
    assert!(bench.done(&out, Counts::default()).contains(&PullerCommand::PeerKnows {
        incarnation: Incarnation(5),
        database: database("customers"),
        knowledge: knows(&[(SERVER, 8)]),
    }));
}

#[test]
fn a_batch_without_a_watermark_passes_no_knowledge_on() {
    let mut bench = Bench::new();
    bench.establish();
    let out = bench.receive(Message::Batch(batch("customers", 0, 4, &["a"], None)));
    let out = bench.done(&out, Counts::default());
    assert!(
        !out.iter()
            .any(|command| matches!(command, PullerCommand::PeerKnows { .. })),
        "{out:?}"
    );
}

#[test]
fn a_peer_that_sends_more_than_the_window_allows_is_left() {
    let mut bench = Bench::with(
        LinkOptions {
            window_bytes: 600,
            ..LinkOptions::default()
        },
        false,
    );
    bench.establish();
    // The first is being applied, two wait and fill the window, and one more is too much.
    for (from, refused) in [(0, false), (1, false), (2, false), (3, false), (4, true)] {
        let out = bench.receive(Message::Batch(batch("customers", from, from + 1, &[], None)));
        assert_eq!(disconnects(&out), refused, "batch {from}");
    }
}

#[test]
fn an_end_that_is_said_again_while_the_window_is_full_is_dropped() {
    let options = LinkOptions {
        window_bytes: 200,
        ..LinkOptions::default()
    };
    let mut bench = Bench::with(options, false);
    bench.establish();
    // The first is being applied, the second waits and fills the window.
    bench.receive(Message::Batch(batch("customers", 0, 1, &[], None)));
    bench.receive(Message::Batch(batch("customers", 1, 2, &[], Some(watermark(&[])))));
    let end = batch("customers", 2, 2, &[], Some(watermark(&[])));
    assert_eq!(bench.receive(Message::Batch(end)), []);
}
