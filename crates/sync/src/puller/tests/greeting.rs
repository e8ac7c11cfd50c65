//! Hello and welcome: whom a puller accepts, and when what the peer knows of it proves that this node has lost writes.

use rejoin_document::HlcTime;

use super::bench::*;
use crate::testing::*;
use crate::*;

/// The state of the link after a welcome that is not accepted, and what the operator reads.
fn refused(change: impl FnOnce(&mut Welcome)) -> (LinkState, String) {
    let mut welcome = welcome();
    change(&mut welcome);
    refused_after(Message::Welcome(welcome))
}

/// The same after any other word of the peer.
fn refused_after(said: Message) -> (LinkState, String) {
    let mut bench = Bench::new();
    bench.connect();
    assert!(disconnects(&bench.receive(said)));
    bench.drop_connection();
    assert_eq!(bench.tick(2_499), [], "a refusal waits for the longest delay");
    assert_eq!(bench.tick(1), [PullerCommand::Dial]);
    let status = bench.puller.status();
    (status.state, status.reason.clone().unwrap())
}

#[test]
fn the_hello_says_who_pulls_from_whom_and_from_where_on() {
    let mut bench = Bench::new();
    let out = bench.connect();
    let [Message::Hello(hello)] = sent(&out)[..] else {
        panic!("{out:?}")
    };
    assert_eq!(hello.stream, STREAM);
    assert_eq!(
        (hello.datacenter.as_str(), hello.expects.as_str()),
        ("dc-east", "dc-west")
    );
    assert_eq!(
        (hello.replica, hello.incarnation),
        (bench.local.replica, bench.local.incarnation)
    );
    assert_eq!(hello.databases, bench.local.databases);
}

#[test]
fn another_version_of_the_protocol_is_refused() {
    let foreign = Message::Foreign(Foreign {
        protocol: 2,
        datacenter: None,
    });
    for said in [foreign, Message::Refused(Refusal::Protocol { speaks: 2 })] {
        let (state, reason) = refused_after(said);
        assert_eq!(state, LinkState::Refused);
        let expected = "the peer speaks version 2 of the link protocol, and this node version 1";
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[test]
fn another_datacenter_at_the_address_is_refused() {
    let (state, reason) = refused(|welcome| welcome.datacenter = datacenter("dc-north"));
    assert_eq!(state, LinkState::Refused);
    assert!(reason.contains("`dc-north` answers"), "{reason}");
}

#[test]
fn a_peer_that_claims_our_own_datacenter_is_refused() {
    let (state, reason) = refused(|welcome| welcome.datacenter = datacenter("dc-east"));
    assert_eq!(state, LinkState::Refused);
    assert!(reason.contains("same datacenter name"), "{reason}");
}

#[test]
fn a_peer_with_our_own_replica_id_is_refused() {
    let (state, reason) = refused(|welcome| welcome.replica = replica(PULLER));
    assert_eq!(state, LinkState::Refused);
    assert!(reason.contains("same replica id"), "{reason}");
}

#[test]
fn a_refusal_by_the_peer_is_shown_until_the_link_works() {
    let mut bench = Bench::new();
    bench.connect();
    bench.receive(Message::Refused(Refusal::Cut));
    bench.drop_connection();
    assert_eq!(bench.puller.status().state, LinkState::Refused);
    bench.settle();
    assert_eq!(
        (bench.puller.status().state, bench.puller.status().reason.clone()),
        (LinkState::Connected, None)
    );
}

#[test]
fn a_peer_that_knows_more_of_us_than_we_do_makes_us_take_a_new_identity() {
    let mut bench = Bench::new();
    bench.connect();
    let mut welcome = welcome();
    welcome.knows_of_you = vec![(database("customers"), HlcTime(51))];
    bench.receive(Message::Welcome(welcome));
    assert_eq!(
        bench.receive(Message::Batch(batch("customers", 0, 1, &["a"], None))),
        [],
        "nothing is applied yet"
    );
    let out = bench.event(PullerEvent::StateRead {
        databases: vec![state_of("customers", &[(PULLER, 50)], 3)],
        retired: false,
    });
    assert!(
        matches!(
            out[..],
            [
                PullerCommand::AssumeNewIdentity { .. },
                PullerCommand::Disconnect { .. }
            ]
        ),
        "{out:?}"
    );
}

#[test]
fn a_peer_that_knows_a_database_of_ours_that_we_do_not_makes_us_take_a_new_identity() {
    let mut bench = Bench::new();
    bench.connect();
    let mut welcome = welcome();
    welcome.knows_of_you = vec![(database("orders"), HlcTime(1))];
    bench.receive(Message::Welcome(welcome));
    let out = bench.event(PullerEvent::StateRead {
        databases: vec![state_of("customers", &[(PULLER, 50)], 3)],
        retired: false,
    });
    assert!(matches!(out[0], PullerCommand::AssumeNewIdentity { .. }), "{out:?}");
}

#[test]
fn a_peer_that_knows_as_much_of_us_as_we_do_is_served() {
    let mut bench = Bench::new();
    bench.connect();
    let mut welcome = welcome();
    welcome.knows_of_you = vec![(database("customers"), HlcTime(50))];
    bench.receive(Message::Welcome(welcome));
    assert_eq!(
        bench.event(PullerEvent::StateRead {
            databases: vec![state_of("customers", &[(PULLER, 50)], 3)],
            retired: false
        }),
        [PullerCommand::LinkLost { since: None }]
    );
    assert_eq!(bench.puller.status().state, LinkState::CatchingUp);
}

#[test]
fn what_only_a_puller_says_ends_the_connection() {
    let mut bench = Bench::new();
    bench.establish();
    assert!(disconnects(&bench.receive(Message::Open(hello_of(
        "customers",
        &[],
        None
    )))));
}

#[test]
fn a_peer_on_a_disk_from_before_its_datacenter_was_retired_is_refused_before_it_is_believed_anything() {
    let mut bench = Bench::new();
    bench.connect();
    let mut welcome = welcome();
    welcome.lineage = replica(9);
    welcome.knows_of_you = vec![(database("customers"), HlcTime(51))];
    let (lineage, replica) = (welcome.lineage, welcome.replica);
    assert_eq!(
        bench.receive(Message::Welcome(welcome)),
        [PullerCommand::ReadState { lineage, replica }]
    );
    let out = bench.event(PullerEvent::StateRead {
        databases: vec![state_of("customers", &[(PULLER, 50)], 3)],
        retired: true,
    });
    assert!(matches!(out[..], [PullerCommand::Disconnect { .. }]), "{out:?}");
    bench.event(PullerEvent::Disconnected {
        reason: "closed".to_owned(),
        jitter: 0,
    });
    let status = bench.puller.status();
    assert_eq!(status.state, LinkState::Refused);
    assert!(status.reason.as_deref().unwrap_or_default().contains("was retired"));
}
