//! Comparisons that an operator or the peer asks for: each is answered once, also over a loss of the link, and both sides mend their own.

use rejoin_document::HlcTime;

use super::bench::*;
use super::healing::{bisect, differ};
use crate::testing::*;
use crate::*;

fn asks_digest(out: &[PullerCommand]) -> bool {
    let database = database("_rejoin");
    sent(out).contains(&&Message::CompareDigest { database })
}

fn asks_back(out: &[PullerCommand]) -> bool {
    sent(out).contains(&&Message::Compare { time: HlcTime(77) })
}

fn ask(bench: &mut Bench, ticket: Option<u64>) -> Vec<PullerCommand> {
    bench.event(PullerEvent::Compare { ticket })
}

fn verified(out: &[PullerCommand]) -> Option<(u64, &[ComparedDatabase])> {
    out.iter().find_map(|command| match command {
        PullerCommand::Verified { ticket, databases } => Some((*ticket, &databases[..])),
        _ => None,
    })
}

#[test]
fn who_asks_does_not_wait_for_the_next_comparison_and_is_told_of_each_database() {
    let mut bench = Bench::new();
    let first = bench.settle();
    assert_eq!(verified(&first), None, "nobody waits for this one");
    assert!(asks_digest(&ask(&mut bench, Some(1))));
    bench.compare_equal("_rejoin");
    let out = bench.compare_equal("customers");
    let (ticket, databases) = verified(&out).expect("an answer");
    let told: Vec<_> = databases
        .iter()
        .map(|found| (found.name.to_string(), found.equal, found.documents))
        .collect();
    let equal = |name: &str| (name.to_owned(), Some(true), 0);
    assert_eq!((ticket, told), (1, vec![equal("_rejoin"), equal("customers")]));
    assert!(!asks_back(&bench.tick(50)));
    assert!(!asks_digest(&bench.tick(50)), "it was answered");
}

#[test]
fn what_is_asked_for_while_one_is_under_way_begins_when_that_has_ended() {
    let mut bench = Bench::new();
    bench.catch_up();
    for ticket in [Some(1), Some(2), None] {
        assert_eq!(ask(&mut bench, ticket), []);
    }
    bench.compare_equal("_rejoin");
    assert_eq!(
        verified(&bench.compare_equal("customers")),
        None,
        "it may have begun before"
    );
    assert!(asks_digest(&bench.tick(50)));
    bench.compare_equal("_rejoin");
    let out = bench.compare_equal("customers");
    assert_eq!(
        verified(&out).map(|(ticket, _)| ticket),
        Some(2),
        "one answers them all"
    );
}

#[test]
fn a_comparison_that_the_link_broke_off_is_answered_after_it_is_back() {
    let mut bench = Bench::new();
    bench.settle();
    ask(&mut bench, Some(7));
    bench.drop_connection();
    let out = bench.settle();
    assert_eq!(verified(&out).map(|(ticket, _)| ticket), Some(7));
}

#[test]
fn after_a_difference_the_peer_is_asked_to_mend_its_own_but_not_in_turn() {
    for ticket in [Some(1), None] {
        let mut bench = Bench::new();
        bench.settle();
        ask(&mut bench, ticket);
        bench.compare_equal("_rejoin");
        differ(&mut bench);
        bisect(&mut bench, &[("a", 1)], &[("a", 2), ("ours", 1)]);
        let nothing = Documents {
            database: database("customers"),
            items: Vec::new(),
            answered: 2,
        };
        let out = bench.receive(Message::Documents(nothing));
        if let Some(ticket) = ticket {
            let (answered, databases) = verified(&out).expect("an answer");
            let found = &databases[1];
            assert_eq!((answered, found.equal, found.buckets), (ticket, Some(false), 1));
            assert_eq!((found.documents, found.repaired), (2, 0));
            assert_eq!(found.ids, [document("a"), document("ours")]);
        }
        assert_eq!(
            asks_back(&bench.tick(50)),
            ticket.is_some(),
            "or two nodes would ask each other for ever"
        );
        assert!(!asks_back(&bench.tick(50)));
    }
}
