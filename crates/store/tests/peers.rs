//! Cut links and heal reports.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use rejoin_document::HlcTime;
use rejoin_store::{CommitError, MemoryEngine, Operation, Outcome, StoreOptions};

#[test]
fn a_cut_link_stays_cut_over_a_restart_until_it_is_restored() {
    let engine = Arc::new(MemoryEngine::new());
    let cut = |store: &_, peer: &str, cut| match one(
        store,
        Operation::SetLinkCut {
            peer: peer.parse().unwrap(),
            cut,
        },
    ) {
        Ok(Outcome::LinkCut { changed }) => Ok(changed),
        Err(error) => Err(error),
        other => panic!("{other:?}"),
    };
    let store = open(&engine, options("east"));
    assert!(cut(&store, "west", true).unwrap());
    assert!(!cut(&store, "west", true).unwrap());
    assert!(matches!(
        cut(&store, "north", true),
        Err(CommitError::UnknownPeer { .. })
    ));
    drop(store);
    let store = open(&engine, options("east"));
    assert_eq!(store.links_cut(), ["west".parse().unwrap()]);
    assert!(cut(&store, "west", false).unwrap());
    drop(store);
    assert_eq!(open(&engine, options("east")).links_cut(), []);
}

#[test]
fn heal_reports_are_numbered_replaced_listed_newest_first_and_bounded() {
    let engine = Arc::new(MemoryEngine::new());
    let bounded = || StoreOptions {
        heals_max: 3,
        ..options("east")
    };
    let save = |store: &_, id, report: &'static str| match one(
        store,
        Operation::SaveHeal {
            id,
            report: report.into(),
        },
    )
    .unwrap()
    {
        Outcome::HealSaved { id } => id,
        other => panic!("{other:?}"),
    };
    let store = open(&engine, bounded());
    assert_eq!(
        [
            save(&store, None, "a"),
            save(&store, None, "b"),
            save(&store, Some(1), "a again")
        ],
        [1, 2, 1]
    );
    drop(store);
    let store = open(&engine, bounded());
    assert_eq!(
        [
            save(&store, None, "c"),
            save(&store, None, "d"),
            save(&store, Some(1), "too late")
        ],
        [3, 4, 1]
    );
    let listed = |before, limit| {
        store
            .heals(before, limit)
            .unwrap()
            .into_iter()
            .map(|(id, report)| (id, report.to_vec()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        listed(None, 9),
        [(4, b"d".to_vec()), (3, b"c".to_vec()), (2, b"b".to_vec())]
    );
    assert_eq!(listed(Some(4), 1), [(3, b"c".to_vec())]);
}

#[test]
fn since_when_a_link_is_lost_and_when_the_node_was_last_alive_survive_a_restart() {
    let engine = Arc::new(MemoryEngine::new());
    let west = || "west".parse().unwrap();
    let lost = |since: Option<u64>| Operation::SetLinkLost {
        peer: west(),
        since: since.map(HlcTime),
    };
    let store = open(&engine, options("east"));
    assert_eq!((store.link_lost(&west()), store.former_alive()), (None, None));
    one(&store, lost(Some(7))).unwrap();
    one(&store, lost(Some(9))).unwrap();
    let alive = HlcTime(now().as_u64());
    drop(store);
    pass(30);
    let store = open(&engine, options("east"));
    assert_eq!(store.link_lost(&west()), Some(HlcTime(7)), "the first loss counts");
    assert_eq!(store.former_alive(), Some(alive));
    one(&store, lost(None)).unwrap();
    drop(store);
    assert_eq!(open(&engine, options("east")).link_lost(&west()), None);
}
