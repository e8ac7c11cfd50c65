//! Hello and welcome: whom a server serves, what it tells a puller of itself, and when a puller's words prove that this
//! node has lost writes.

use rejoin_document::{HlcTime, TimeGap};

use super::bench::*;
use crate::testing::*;
use crate::*;

fn refusal(change: impl FnOnce(&mut Hello)) -> Refusal {
    let mut hello = hello();
    change(&mut hello);
    let out = Bench::new().greet(hello);
    let [
        ServerCommand::Send(Message::Refused(refusal)),
        ServerCommand::Disconnect { .. },
    ] = &out[..]
    else {
        panic!("{out:?}")
    };
    refusal.clone()
}

#[test]
fn a_welcome_says_what_is_known_of_the_puller_and_the_system_database_is_scanned_first() {
    let mut bench = Bench::new();
    let out = bench.greet(hello());
    let ServerCommand::Send(Message::Welcome(welcome)) = &out[0] else {
        panic!("{out:?}")
    };
    assert_eq!(welcome.knows_of_you, [(database("customers"), HlcTime(50))]);
    assert_eq!(
        out[1],
        ServerCommand::PeerSeen {
            peer: datacenter("dc-east")
        }
    );
    assert_eq!(
        scan(&out).map(|(name, since, _)| (name, since)),
        Some(("_rejoin".to_owned(), 0))
    );
    assert_eq!(bench.session.puller(), Some(&datacenter("dc-east")));
}

#[test]
fn a_puller_with_another_protocol_is_refused() {
    let foreign = Foreign {
        protocol: 2,
        datacenter: None,
    };
    let out = Bench::new().receive(Message::Foreign(foreign));
    let [
        ServerCommand::Send(Message::Refused(told)),
        ServerCommand::Disconnect { reason },
    ] = &out[..]
    else {
        panic!("{out:?}")
    };
    assert_eq!(*told, Refusal::Protocol { speaks: PROTOCOL });
    let expected = "the peer speaks version 2 of the link protocol, and this node version 1";
    assert!(reason.starts_with(expected), "{reason}");
}

#[test]
fn a_puller_that_claims_our_datacenter_is_refused() {
    assert_eq!(
        refusal(|hello| hello.datacenter = datacenter("dc-west")),
        Refusal::SameDatacenter
    );
}

#[test]
fn a_puller_that_means_another_datacenter_is_refused() {
    let actual = datacenter("dc-west");
    assert_eq!(
        refusal(|hello| hello.expects = datacenter("dc-north")),
        Refusal::Datacenter { actual }
    );
}

#[test]
fn a_puller_with_our_replica_id_is_refused() {
    assert_eq!(refusal(|hello| hello.replica = replica(SERVER)), Refusal::SameReplica);
}

#[test]
fn a_puller_whose_link_is_cut_is_refused() {
    let mut bench = Bench::new();
    bench.receive(Message::Hello(hello()));
    let out = bench.event(ServerEvent::StateRead {
        databases: vec![],
        cut: true,
        member: true,
        taken: false,
        retired: false,
    });
    assert_eq!(out[0], ServerCommand::Send(Message::Refused(Refusal::Cut)));
    assert!(matches!(out[1], ServerCommand::Disconnect { .. }));
}

#[test]
fn a_puller_whose_datacenter_is_linked_as_another_node_is_refused_before_it_can_say_anything_of_us() {
    let mut hello = hello();
    hello.databases[1].knowledge = knows(&[(SERVER, 8)]);
    let mut bench = Bench::new();
    bench.receive(Message::Hello(hello));
    let out = bench.event(ServerEvent::StateRead {
        databases: vec![state_of("customers", &[(SERVER, 7)], 10)],
        cut: false,
        member: true,
        taken: true,
        retired: false,
    });
    assert_eq!(out[0], ServerCommand::Send(Message::Refused(Refusal::Taken)));
    assert!(matches!(out[1], ServerCommand::Disconnect { .. }), "{out:?}");
    assert_eq!(bench.session.linked(), None);
}

#[test]
fn a_puller_that_is_welcome_holds_its_datacenter_from_when_it_was_last_heard() {
    let mut bench = Bench::new();
    assert_eq!(bench.session.linked(), None);
    bench.greet(hello());
    let greeted = bench.now;
    bench.tick(500);
    assert_eq!(bench.session.linked(), Some((replica(PULLER), greeted)));
    bench.receive(Message::Heartbeat { time: HlcTime(1) });
    assert_eq!(bench.session.linked(), Some((replica(PULLER), bench.now)));
    bench.event(ServerEvent::LinkCut);
    assert_eq!(bench.session.linked(), None);
}

#[test]
fn a_cut_ends_the_stream() {
    let mut bench = Bench::new();
    bench.settle();
    assert_eq!(
        bench.event(ServerEvent::LinkCut)[0],
        ServerCommand::Send(Message::Refused(Refusal::Cut))
    );
    assert_eq!(bench.changed("customers", true), []);
}

#[test]
fn a_puller_that_knows_more_of_us_than_we_do_makes_us_take_a_new_identity() {
    let mut hello = hello();
    hello.databases[1].knowledge = knows(&[(SERVER, 8)]);
    let out = Bench::new().greet(hello);
    assert!(
        matches!(
            out[..],
            [
                ServerCommand::AssumeNewIdentity { .. },
                ServerCommand::Disconnect { .. }
            ]
        ),
        "{out:?}"
    );
}

#[test]
fn a_puller_that_is_no_peer_cannot_make_us_take_a_new_identity() {
    let mut hello = hello();
    hello.databases[1].knowledge = knows(&[(SERVER, 8)]);
    let mut bench = Bench::new();
    bench.receive(Message::Hello(hello));
    let out = bench.event(ServerEvent::StateRead {
        databases: vec![state_of("customers", &[(SERVER, 7)], 10)],
        cut: false,
        member: false,
        taken: false,
        retired: false,
    });
    assert_eq!(out[0], ServerCommand::Send(Message::Refused(Refusal::Stranger)));
    assert!(matches!(out[1], ServerCommand::Disconnect { .. }));
}

#[test]
fn a_puller_that_knows_a_write_of_ours_from_between_two_of_which_we_know_makes_us_take_a_new_identity() {
    for (theirs, lost) in [(4, false), (5, true), (6, true), (7, false)] {
        let mut hello = hello();
        hello.databases[1].knowledge = knows(&[(SERVER, theirs)]);
        let mut bench = Bench::new();
        bench.receive(Message::Hello(hello));
        let mut state = state_of("customers", &[(SERVER, 9)], 10);
        state.gap = Some(TimeGap {
            after: HlcTime(4),
            before: HlcTime(7),
        });
        let out = bench.event(ServerEvent::StateRead {
            databases: vec![state],
            cut: false,
            member: true,
            taken: false,
            retired: false,
        });
        assert_eq!(
            matches!(out[0], ServerCommand::AssumeNewIdentity { .. }),
            lost,
            "{theirs}: {out:?}"
        );
    }
}

#[test]
fn a_position_beyond_our_log_makes_us_take_a_new_identity() {
    let mut hello = hello();
    hello.databases[1].position = Some(at(5, 11));
    let out = Bench::new().greet(hello);
    assert!(
        matches!(
            out[..],
            [
                ServerCommand::AssumeNewIdentity { .. },
                ServerCommand::Disconnect { .. }
            ]
        ),
        "{out:?}"
    );
}

#[test]
fn a_position_in_another_incarnation_proves_nothing_and_is_read_from_the_beginning() {
    let mut hello = hello();
    hello.databases[1].position = Some(at(4, 11));
    let mut bench = Bench::new();
    bench.greet(hello);
    let out = bench.scanned("_rejoin", 0, &[], Some(watermark(&[])));
    assert_eq!(
        scan(&out).map(|(name, since, _)| (name, since)),
        Some(("customers".to_owned(), 0))
    );
}

#[test]
fn a_message_out_of_turn_ends_the_stream() {
    let mut bench = Bench::new();
    let out = bench.receive(Message::CompareDigest {
        database: database("customers"),
    });
    assert!(matches!(out[..], [ServerCommand::Disconnect { .. }]));
    assert_eq!(
        bench.receive(Message::Hello(hello())),
        [],
        "a closed session does nothing"
    );
}

#[test]
fn a_puller_whose_datacenter_is_retired_is_refused_before_and_while_it_is_served() {
    let told = |out: &[ServerCommand]| {
        let datacenter = hello().datacenter;
        let refused = ServerCommand::Send(Message::Refused(Refusal::Retired { datacenter }));
        assert!(
            out.first() == Some(&refused) && matches!(out[1], ServerCommand::Disconnect { .. }),
            "{out:?}"
        );
    };
    let mut bench = Bench::new();
    bench.receive(Message::Hello(hello()));
    told(&bench.event(ServerEvent::StateRead {
        databases: vec![],
        cut: true,
        member: true,
        taken: true,
        retired: true,
    }));
    let mut bench = Bench::new();
    bench.settle();
    told(&bench.event(ServerEvent::Retired));
    assert_eq!(bench.session.linked(), None);
}
