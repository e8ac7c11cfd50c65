//! The transport: when a puller dials, when it gives a connection up, and what a cut does. Nothing here depends on what
//! is pulled.

use super::bench::*;
use crate::testing::*;
use crate::*;

#[test]
fn a_puller_dials_at_its_first_tick_and_only_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.tick(0), [PullerCommand::Dial]);
    assert_eq!(bench.tick(2_000), []);
    assert_eq!(bench.puller.status().state, LinkState::Connecting);
}

#[test]
fn a_peer_that_was_never_reached_is_partitioned_since_the_start() {
    let mut bench = Bench::new();
    let started = bench.now;
    bench.tick(0);
    bench.tick(3_000);
    let status = bench.puller.status();
    assert_eq!((status.state, status.since), (LinkState::Partitioned, started));
}

#[test]
fn a_lost_connection_is_dialled_again_after_the_backoff_and_not_before() {
    let mut bench = Bench::new();
    bench.connect();
    bench.drop_connection();
    assert_eq!(bench.tick(49), []);
    assert_eq!(bench.tick(1), [PullerCommand::Dial]);
}

#[test]
fn a_lost_connection_is_a_partition_since_the_peer_was_last_heard() {
    let mut bench = Bench::new();
    bench.settle();
    let heard = bench.now;
    bench.tick(500);
    bench.drop_connection();
    let status = bench.puller.status();
    assert_eq!((status.state, status.since), (LinkState::Partitioned, heard));
    assert_eq!(status.reason.as_deref(), Some("connection reset"));
}

#[test]
fn silence_is_a_partition_since_the_peer_was_last_heard() {
    let mut bench = Bench::new();
    bench.settle();
    let heard = bench.now;
    bench.tick(2_999);
    assert_eq!(bench.puller.status().state, LinkState::Connected);
    let out = bench.tick(1);
    assert_eq!(
        (bench.puller.status().state, bench.puller.status().since),
        (LinkState::Partitioned, heard)
    );
    assert!(!disconnects(&out), "a large document may take its time");
}

#[test]
fn a_long_silence_ends_the_connection() {
    let mut bench = Bench::new();
    bench.settle();
    assert!(disconnects(&bench.tick(30_000)));
    bench.drop_connection();
    assert_eq!(bench.tick(100), [PullerCommand::Dial]);
}

#[test]
fn a_peer_that_never_answers_the_hello_is_given_up() {
    let mut bench = Bench::new();
    bench.connect();
    assert!(!disconnects(&bench.tick(29_999)));
    assert!(disconnects(&bench.tick(1)));
}

#[test]
fn a_heartbeat_goes_out_when_nothing_else_did_for_a_second() {
    let mut bench = Bench::new();
    bench.settle();
    assert!(sent(&bench.tick(999)).is_empty());
    assert!(matches!(sent(&bench.tick(1))[..], [Message::Heartbeat { .. }]));
    assert!(sent(&bench.tick(999)).is_empty());
}

#[test]
fn a_cut_link_is_not_dialled_until_it_is_restored() {
    let mut bench = Bench::with(LinkOptions::default(), true);
    assert_eq!(bench.tick(60_000), []);
    assert_eq!(bench.puller.status().state, LinkState::Cut);
    assert_eq!(bench.event(PullerEvent::LinkRestored), [PullerCommand::Dial]);
    assert_eq!(bench.puller.status().state, LinkState::Connecting);
}

#[test]
fn a_cut_ends_the_connection_and_drops_what_comes_after_it() {
    let mut bench = Bench::new();
    bench.settle();
    assert!(disconnects(&bench.event(PullerEvent::LinkCut)));
    assert_eq!(
        bench.receive(Message::Batch(batch("customers", 0, 4, &["a"], None))),
        []
    );
    bench.drop_connection();
    assert_eq!(bench.puller.status().state, LinkState::Cut);
    assert_eq!(bench.tick(60_000), []);
}

#[test]
fn a_connection_made_while_the_operator_cuts_is_closed_without_a_hello() {
    let mut bench = Bench::new();
    bench.tick(0);
    bench.event(PullerEvent::LinkCut);
    let local = bench.local.clone();
    let out = bench.event(PullerEvent::Connected { nonce: 1, local });
    assert!(disconnects(&out) && sent(&out).is_empty());
}

#[test]
fn nothing_is_dialled_while_a_batch_is_still_being_applied() {
    let mut bench = Bench::new();
    bench.establish();
    let out = bench.receive(Message::Batch(batch("customers", 0, 4, &["a"], None)));
    bench.drop_connection();
    assert_eq!(bench.tick(60_000), []);
    bench.done(&out, Counts::default());
    assert_eq!(bench.tick(0), [PullerCommand::Dial]);
}

#[test]
fn a_peer_that_has_connected_to_us_is_dialled_soon() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        bench.tick(10_000);
        bench.drop_connection();
    }
    bench.event(PullerEvent::PeerSeen);
    assert_eq!(bench.tick(99), []);
    assert_eq!(bench.tick(1), [PullerCommand::Dial]);
}

#[test]
fn a_retired_datacenter_is_not_dialled_and_its_link_says_why_until_it_is_a_member_again() {
    let mut bench = Bench::new();
    bench.settle();
    let out = bench.event(PullerEvent::Retired(true));
    assert!(
        out.iter()
            .any(|command| matches!(command, PullerCommand::Disconnect { .. })),
        "{out:?}"
    );
    bench.event(PullerEvent::Disconnected {
        reason: "closed".to_owned(),
        jitter: 0,
    });
    for _ in 0..3 {
        assert_eq!(bench.tick(10_000), []);
        let status = bench.puller.status();
        assert_eq!(status.state, LinkState::Refused);
        let reason = status.reason.as_deref().unwrap_or_default();
        assert!(reason.contains("`dc-west` was retired"), "{reason}");
        assert_eq!(bench.event(PullerEvent::PeerSeen), [], "it knocks in vain");
    }
    // A cut goes before it, and does not make one forget it.
    bench.event(PullerEvent::LinkCut);
    assert_eq!(bench.puller.status().state, LinkState::Cut);
    assert_eq!(bench.event(PullerEvent::LinkRestored), []);
    assert_eq!(bench.puller.status().state, LinkState::Refused);
    assert_eq!(bench.event(PullerEvent::Retired(false)), [PullerCommand::Dial]);
    assert_eq!(bench.puller.status().state, LinkState::Partitioned);
}
