//! What a session sends and when: scans from the puller's position without what it knows, within its window, in turns.

use rejoin_document::Incarnation;

use super::bench::*;
use crate::testing::*;
use crate::*;

#[test]
fn a_batch_names_its_stream_and_continues_from_the_pullers_position() {
    let mut bench = Bench::new();
    bench.greet(hello());
    bench.scanned("_rejoin", 0, &[], Some(watermark(&[])));
    let out = bench.scanned("customers", 8, &[("a", 10)], None);
    let batch = batch_of(&out).expect("a batch");
    assert_eq!((batch.stream, batch.from, batch.to), (STREAM, at(5, 4), at(5, 8)));
    assert_eq!(batch.watermark, None);
    assert_eq!(
        scan(&out).map(|(name, since, _)| (name, since)),
        Some(("customers".to_owned(), 8))
    );
}

#[test]
fn the_first_complete_scan_sends_its_watermark_even_if_nothing_changed() {
    let mut bench = Bench::new();
    bench.greet(hello());
    let out = bench.scanned("_rejoin", 0, &[], Some(watermark(&[])));
    assert_eq!(
        batch_of(&out).and_then(|batch| batch.watermark.clone()),
        Some(watermark(&[]))
    );
}

#[test]
fn a_piece_of_the_log_in_which_nothing_is_new_moves_the_position() {
    let mut bench = Bench::new();
    bench.greet(hello());
    bench.scanned("_rejoin", 0, &[], Some(watermark(&[])));
    let out = bench.scanned("customers", 9, &[], None);
    let batch = batch_of(&out).expect("a puller that knows all of a long log hears how far it was read");
    assert_eq!((batch.from, batch.to), (at(5, 4), at(5, 9)));
    assert!(batch.items.is_empty() && batch.watermark.is_none());
}

#[test]
fn a_watermark_that_says_nothing_new_is_not_sent_and_the_next_batch_continues_from_the_last() {
    let mut bench = Bench::new();
    bench.settle();
    bench.changed("customers", true);
    assert_eq!(bench.scanned("customers", 12, &[], Some(watermark(&[(SERVER, 7)]))), []);
    bench.changed("customers", true);
    let out = bench.scanned("customers", 13, &[("a", 1)], Some(watermark(&[(SERVER, 8)])));
    assert_eq!(
        batch_of(&out).map(|batch| (batch.from, batch.to)),
        Some((at(5, 10), at(5, 13)))
    );
}

#[test]
fn a_puller_that_got_a_part_is_told_the_end_though_it_is_no_news() {
    let mut bench = Bench::new();
    bench.settle();
    bench.changed("customers", true);
    bench.scanned("customers", 12, &[("a", 1)], None);
    let out = bench.scanned("customers", 12, &[], Some(watermark(&[(SERVER, 7)])));
    let batch = batch_of(&out).expect("the puller waits for the end");
    assert_eq!(batch.watermark, Some(watermark(&[(SERVER, 7)])));
    bench.changed("customers", true);
    assert_eq!(bench.scanned("customers", 12, &[], Some(watermark(&[(SERVER, 7)]))), []);
}

#[test]
fn news_of_a_third_datacenters_knowledge_is_sent_but_not_the_pullers_own() {
    let mut bench = Bench::new();
    bench.settle();
    let mut news = watermark(&[(SERVER, 7)]);
    news.matrix.advance(&datacenter("dc-east"), &knows(&[(SERVER, 7)]));
    bench.changed("customers", true);
    assert_eq!(bench.scanned("customers", 10, &[], Some(news.clone())), []);
    news.matrix.advance(&datacenter("dc-north"), &knows(&[(SERVER, 7)]));
    bench.changed("customers", true);
    let out = bench.scanned("customers", 10, &[], Some(news.clone()));
    assert_eq!(batch_of(&out).and_then(|batch| batch.watermark.clone()), Some(news));
}

#[test]
fn a_change_during_a_scan_is_scanned_afterwards() {
    let mut bench = Bench::new();
    bench.settle();
    assert!(scan(&bench.changed("customers", true)).is_some());
    assert_eq!(bench.changed("customers", true), []);
    let out = bench.scanned("customers", 11, &[("a", 1)], Some(watermark(&[(SERVER, 8)])));
    assert_eq!(scan(&out).map(|(_, since, _)| since), Some(11));
}

#[test]
fn what_was_received_from_another_peer_is_forwarded_a_little_later() {
    let mut bench = Bench::new();
    bench.settle();
    assert_eq!(bench.changed("customers", false), []);
    assert_eq!(scan(&bench.tick(49)), None);
    assert!(scan(&bench.tick(1)).is_some());
}

#[test]
fn a_local_change_is_sent_at_once_though_another_waits() {
    let mut bench = Bench::new();
    bench.settle();
    bench.changed("customers", false);
    assert!(scan(&bench.changed("customers", true)).is_some());
}

#[test]
fn a_scan_leaves_out_what_the_puller_has_said_that_it_knows() {
    let mut bench = Bench::new();
    bench.settle();
    let (incarnation, database) = (Incarnation(9), database("customers"));
    bench.event(ServerEvent::PeerAdvanced {
        incarnation,
        database,
        knowledge: knows(&[(PULLER, 60)]),
    });
    let (_, _, knowledge) = scan(&bench.changed("customers", true)).expect("a scan");
    assert_eq!(knowledge, knows(&[(PULLER, 60), (SERVER, 3)]));
}

#[test]
fn what_another_incarnation_of_the_puller_said_counts_for_nothing() {
    let mut bench = Bench::new();
    bench.settle();
    let (incarnation, database) = (Incarnation(8), database("customers"));
    bench.event(ServerEvent::PeerAdvanced {
        incarnation,
        database,
        knowledge: knows(&[(PULLER, 60)]),
    });
    let (_, _, knowledge) = scan(&bench.changed("customers", true)).expect("a scan");
    assert_eq!(knowledge, knows(&[(PULLER, 50), (SERVER, 3)]));
}

#[test]
fn an_acknowledgement_adds_to_what_the_puller_knows_and_a_batch_that_was_sent_does_not() {
    let mut bench = Bench::new();
    bench.settle();
    bench.changed("customers", true);
    bench.scanned("customers", 11, &[("a", 1)], Some(watermark(&[(SERVER, 8)])));
    let (_, _, before) = scan(&bench.changed("customers", true)).expect("a scan");
    assert_eq!(before.get(replica(SERVER)).0, 3);
    bench.scanned("customers", 11, &[], None);
    let acknowledge = Acknowledge {
        database: database("customers"),
        position: at(5, 11),
        knowledge: knows(&[(SERVER, 8)]),
    };
    bench.receive(Message::Acknowledge(acknowledge));
    bench.scanned("customers", 11, &[], Some(watermark(&[(SERVER, 8)])));
    let (_, _, after) = scan(&bench.changed("customers", true)).expect("a scan");
    assert_eq!(after.get(replica(SERVER)).0, 8);
}

#[test]
fn nothing_is_scanned_while_the_window_is_full() {
    let mut bench = Bench::with(LinkOptions {
        window_bytes: 10_000,
        ..LinkOptions::default()
    });
    bench.settle();
    bench.changed("customers", true);
    let out = bench.scanned("customers", 11, &[("a", 20_000)], None);
    assert!(batch_of(&out).is_some() && scan(&out).is_none(), "{out:?}");
    assert_eq!(scan(&bench.tick(100)), None);
    assert!(scan(&bench.acknowledge("customers", 11)).is_some());
}

#[test]
fn the_puller_may_ask_for_a_smaller_window() {
    let mut bench = Bench::new();
    let out = bench.greet(Hello {
        window_bytes: 500,
        ..hello()
    });
    let limit = out.iter().find_map(|command| match command {
        ServerCommand::Scan { limit_bytes, .. } => Some(*limit_bytes),
        _ => None,
    });
    assert_eq!(limit, Some(500));
}

#[test]
fn databases_take_turns_and_the_system_database_goes_before_them() {
    let mut bench = Bench::new();
    bench.settle();
    let orders = Message::Open(hello_of("orders", &[], None));
    assert_eq!(
        scan(&bench.receive(orders)).map(|(name, ..)| name).as_deref(),
        Some("orders")
    );
    bench.changed("customers", true);
    let out = bench.scanned("orders", 5, &[("a", 1)], None);
    assert_eq!(scan(&out).map(|(name, ..)| name).as_deref(), Some("customers"));
    bench.changed("_rejoin", true);
    let out = bench.scanned("customers", 12, &[("a", 1)], None);
    assert_eq!(scan(&out).map(|(name, ..)| name).as_deref(), Some("_rejoin"));
    let out = bench.scanned("_rejoin", 1, &[], Some(watermark(&[(SERVER, 1)])));
    assert_eq!(scan(&out).map(|(name, ..)| name).as_deref(), Some("orders"));
}

#[test]
fn a_database_opened_before_the_welcome_is_served_too() {
    let mut bench = Bench::new();
    bench.receive(Message::Hello(hello()));
    bench.receive(Message::Open(hello_of("orders", &[], None)));
    bench.event(ServerEvent::StateRead {
        databases: vec![state_of("customers", &[(SERVER, 7)], 10)],
        cut: false,
        member: true,
        taken: false,
        retired: false,
    });
    bench.scanned("_rejoin", 0, &[], Some(watermark(&[])));
    let out = bench.scanned("customers", 10, &[], Some(watermark(&[])));
    assert_eq!(scan(&out).map(|(name, ..)| name).as_deref(), Some("orders"));
}

#[test]
fn a_heartbeat_goes_out_when_nothing_else_did_for_a_second() {
    let mut bench = Bench::new();
    bench.settle();
    assert_eq!(bench.tick(999), []);
    assert!(matches!(
        bench.tick(1)[..],
        [ServerCommand::Send(Message::Heartbeat { .. })]
    ));
}

#[test]
fn the_end_of_what_stays_unacknowledged_is_said_again() {
    let mut bench = Bench::new();
    bench.settle();
    bench.changed("customers", true);
    bench.scanned("customers", 12, &[("a", 10)], Some(watermark(&[(SERVER, 12)])));
    let out = bench.tick(1_000);
    let ends = out.iter().filter_map(|command| match command {
        ServerCommand::Send(Message::Batch(batch)) => Some(batch),
        _ => None,
    });
    let [end] = ends.collect::<Vec<_>>()[..] else {
        panic!("{out:?}")
    };
    assert_eq!((end.from, end.to, end.items.len()), (at(5, 12), at(5, 12), 0));
    assert_eq!(end.watermark, Some(watermark(&[(SERVER, 12)])));
}

#[test]
fn a_silent_puller_is_given_up() {
    let mut bench = Bench::new();
    bench.settle();
    assert!(matches!(bench.tick(30_000)[..], [ServerCommand::Disconnect { .. }]));
}

#[test]
fn whole_states_are_read_within_the_size_of_a_batch() {
    let mut bench = Bench::new();
    bench.settle();
    let (database, ids) = (database("customers"), vec![document("a")]);
    let out = bench.receive(Message::FetchDocuments {
        database: database.clone(),
        ids: ids.clone(),
    });
    assert_eq!(
        out,
        [ServerCommand::ReadDocuments {
            database,
            ids,
            limit_bytes: 1 << 20
        }]
    );
}

#[test]
fn of_the_documents_that_a_repair_asks_for_no_more_are_read_than_one_message_may_name() {
    let mut bench = Bench::with(LinkOptions {
        fetch_documents_max: 2,
        ..LinkOptions::default()
    });
    bench.settle();
    let out = bench.receive(Message::FetchDocuments {
        database: database("customers"),
        ids: vec![document("a"), document("b"), document("c")],
    });
    let [ServerCommand::ReadDocuments { ids, .. }] = &out[..] else {
        panic!("{out:?}")
    };
    assert_eq!(ids, &[document("a"), document("b")]);
}

#[test]
fn a_puller_that_is_catching_up_is_told_what_is_left_now_and_then() {
    let mut bench = Bench::new();
    bench.greet(hello());
    bench.scanned("_rejoin", 0, &[], Some(watermark(&[])));
    let from = vec![(database("customers"), rejoin_document::Sequence(8))];
    let asks = |out: &[ServerCommand]| out.contains(&ServerCommand::ReadBacklog { from: from.clone() });
    assert!(!asks(&bench.tick(50)), "nothing was sent of it yet");
    bench.scanned("customers", 8, &[("a", 10)], None);
    assert!(asks(&bench.tick(50)));
    let left = Backlog {
        documents: 60_000,
        more: false,
    };
    let time = rejoin_document::HlcTime(77);
    assert_eq!(
        bench.event(ServerEvent::BacklogRead(left)),
        [ServerCommand::Send(Message::Backlog { time, left })]
    );
    assert!(
        !asks(&bench.tick(1_000)),
        "the more there is, the more rarely it is counted"
    );
    assert!(asks(&bench.tick(300)));
    bench.event(ServerEvent::BacklogRead(Backlog::default()));
    bench.scanned("customers", 9, &[], Some(watermark(&[(SERVER, 7)])));
    assert!(!asks(&bench.tick(5_000)), "it has caught up");
}

#[test]
fn a_puller_has_reached_what_it_acknowledged_or_was_not_sent_because_it_knows() {
    let mut bench = Bench::new();
    let reached = |bench: &Bench| bench.session.reached(&database("customers")).map(|at| at.sequence.0);
    assert_eq!(reached(&bench), None);
    bench.greet(hello());
    assert_eq!(reached(&bench), Some(4), "as it said");
    bench.scanned("_rejoin", 0, &[], Some(watermark(&[])));
    bench.scanned("customers", 8, &[("a", 10)], None);
    assert_eq!(reached(&bench), Some(4), "it is on its way");
    bench.scanned("customers", 10, &[("b", 10)], Some(watermark(&[(SERVER, 7)])));
    bench.acknowledge("customers", 8);
    assert_eq!(reached(&bench), Some(8));
    bench.acknowledge("customers", 10);
    bench.changed("customers", true);
    assert_eq!(bench.scanned("customers", 12, &[], Some(watermark(&[(SERVER, 7)]))), []);
    assert_eq!(reached(&bench), Some(12));
}

#[test]
fn a_puller_that_asks_is_compared_with_in_the_other_direction() {
    let mut bench = Bench::new();
    bench.settle();
    let time = rejoin_document::HlcTime(5);
    let peer = datacenter("dc-east");
    assert_eq!(
        bench.receive(Message::Compare { time }),
        [
            ServerCommand::ObserveTime { time },
            ServerCommand::CompareAsked { peer }
        ]
    );
}
