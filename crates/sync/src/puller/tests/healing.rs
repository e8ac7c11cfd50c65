//! After a reconnect: which ones give a heal report, what it counts, and how a comparison finds the documents that differ.

use rejoin_document::{ItemHash, SetHash};

use super::bench::*;
use crate::testing::*;
use crate::*;

/// The buckets of `customers`, some of which the peer has and we have not. What is done next.
fn compare_buckets(bench: &mut Bench, different: &[usize]) -> Vec<PullerCommand> {
    let database = database("customers");
    let ours = vec![SetHash::default(); usize::from(rejoin_document::BUCKETS)];
    let mut theirs = ours.clone();
    for bucket in different {
        theirs[*bucket] = SetHash([9; 32]);
    }
    let out = bench.receive(Message::Buckets {
        database: database.clone(),
        hashes: theirs,
    });
    assert_eq!(
        out,
        [PullerCommand::ReadBuckets {
            database: database.clone()
        }]
    );
    bench.event(PullerEvent::BucketsRead { database, hashes: ours })
}

fn entries(ids: &[(&str, u8)]) -> BucketEntries {
    let entries = ids
        .iter()
        .map(|(id, hash)| (document(id), ItemHash([*hash; 32])))
        .collect();
    BucketEntries {
        database: database("customers"),
        bucket: 17,
        entries,
    }
}

/// Bisects `customers` down to the documents of bucket 17. What is asked for.
pub(super) fn bisect(bench: &mut Bench, theirs: &[(&str, u8)], ours: &[(&str, u8)]) -> Vec<PullerCommand> {
    let customers = database("customers");
    let out = compare_buckets(bench, &[17]);
    assert_eq!(
        sent(&out),
        [&Message::FetchBucket {
            database: customers.clone(),
            bucket: 17
        }]
    );
    let out = bench.receive(Message::Bucket(entries(theirs)));
    assert_eq!(
        out,
        [PullerCommand::ReadBucket {
            database: customers,
            bucket: 17
        }]
    );
    bench.event(PullerEvent::BucketRead(entries(ours)))
}

/// `customers` differs, twice.
pub(super) fn differ(bench: &mut Bench) -> Vec<PullerCommand> {
    assert_eq!(bench.compare("customers", (&[(SERVER, 7)], 1), (&[(SERVER, 7)], 2)), []);
    bench.tick(1_000);
    bench.compare("customers", (&[(SERVER, 7)], 1), (&[(SERVER, 7)], 2))
}

fn flap(bench: &mut Bench) {
    bench.settle();
    bench.drop_connection();
}

#[test]
fn the_first_connection_of_two_nodes_heals_nothing() {
    let mut bench = Bench::new();
    let out = bench.settle();
    assert!(out.contains(&PullerCommand::Compared {
        equal: Some(true),
        repaired: 0
    }));
    assert_eq!(report(&out), None);
}

#[test]
fn a_quiet_flap_gives_a_report() {
    let mut bench = Bench::new();
    bench.settle();
    let broken = bench.now;
    bench.tick(700);
    bench.drop_connection();
    let out = bench.settle();
    let report = report(&out).expect("a report");
    assert_eq!(
        (report.broken, report.healed, report.converged),
        (broken, bench.now, Some(bench.now))
    );
    assert_eq!((report.documents_received, report.digests_equal), (0, Some(true)));
}

#[test]
fn a_cut_that_is_restored_gives_a_report() {
    let mut bench = Bench::new();
    bench.settle();
    let cut_at = bench.now.plus(200);
    bench.tick(200);
    bench.event(PullerEvent::LinkCut);
    bench.drop_connection();
    bench.tick(5_000);
    assert_eq!(bench.event(PullerEvent::LinkRestored), [PullerCommand::Dial]);
    bench.drop_connection();
    assert_eq!(report(&bench.settle()).map(|report| report.broken), Some(cut_at));
}

#[test]
fn a_restart_gives_a_report_from_when_the_link_last_worked_if_the_peer_was_pulled_from_before() {
    let last_linked = Timestamp(400_000);
    let mut bench = Bench::restarted(last_linked);
    bench.local.databases[0].position = Some(at(5, 0));
    bench.tick(10_000);
    assert_eq!(bench.puller.status().state, LinkState::Partitioned);
    assert_eq!(bench.puller.status().since, last_linked);
    bench.drop_connection();
    assert_eq!(report(&bench.settle()).map(|report| report.broken), Some(last_linked));
}

#[test]
fn a_loss_is_recorded_once_and_taken_back_when_the_link_works_again() {
    let mut bench = Bench::new();
    bench.settle();
    let heard = bench.now;
    let lost = |out: &[PullerCommand]| -> Vec<_> {
        out.iter()
            .filter_map(|command| match command {
                PullerCommand::LinkLost { since } => Some(*since),
                _ => None,
            })
            .collect()
    };
    bench.tick(700);
    assert_eq!(lost(&bench.drop_connection()), [Some(heard)]);
    bench.connect();
    assert_eq!(lost(&bench.drop_connection()), []);
    assert_eq!(lost(&bench.establish()), [None]);
}

#[test]
fn a_silence_that_ends_gives_a_report_though_the_connection_held() {
    let mut bench = Bench::new();
    bench.settle();
    let broken = bench.now;
    bench.tick(4_000);
    let out = bench.receive(Message::Heartbeat {
        time: rejoin_document::HlcTime(1),
    });
    assert!(
        sent(&out).contains(&&Message::CompareDigest {
            database: database("_rejoin")
        }),
        "{out:?}"
    );
    assert_eq!(bench.puller.status().state, LinkState::Connected);
    let batch = bench.receive(Message::Batch(batch(
        "customers",
        0,
        4,
        &["a"],
        Some(watermark(&[(SERVER, 9)])),
    )));
    bench.done(
        &batch,
        Counts {
            received: 1,
            ..Counts::default()
        },
    );
    bench.compare_equal("_rejoin");
    let out = bench.compare_equal("customers");
    let report = report(&out).expect("a report");
    assert_eq!(
        (report.broken, report.converged, report.documents_received),
        (broken, Some(bench.now), 1)
    );
}

#[test]
fn a_report_counts_documents_until_the_link_has_caught_up() {
    let mut bench = Bench::new();
    flap(&mut bench);
    bench.establish();
    let counts = Counts {
        received: 5,
        fast_forwarded: 2,
        merged: 2,
        unchanged: 0,
        new_conflicts: vec![document("a")],
        siblings_kept: 3,
        quarantined: 1,
    };
    let on_second = |mut batch: Batch| {
        batch.stream = STREAM + 1;
        Message::Batch(batch)
    };
    let out = bench.receive(on_second(batch("_rejoin", 0, 2, &[], Some(watermark(&[(SERVER, 7)])))));
    bench.done(&out, counts.clone());
    let out = bench.receive(on_second(batch(
        "customers",
        0,
        4,
        &["a"],
        Some(watermark(&[(SERVER, 7)])),
    )));
    bench.done(&out, counts.clone());
    let out = bench.receive(on_second(batch(
        "customers",
        4,
        5,
        &["a"],
        Some(watermark(&[(SERVER, 7)])),
    )));
    bench.done(&out, counts);
    bench.compare_equal("_rejoin");
    let out = bench.compare_equal("customers");
    let report = report(&out).expect("a report");
    assert_eq!(
        (report.documents_received, report.fast_forwarded, report.merged),
        (5, 2, 2)
    );
    assert_eq!((report.conflicts, report.siblings_kept, report.quarantined), (1, 3, 1));
    assert_eq!(report.conflict_ids, [(database("customers"), document("a"))]);
}

#[test]
fn a_link_that_breaks_again_reports_what_it_had_done_so_far() {
    let mut bench = Bench::new();
    flap(&mut bench);
    bench.establish();
    let mut part = batch("customers", 0, 4, &["a"], None);
    part.stream = STREAM + 1;
    let out = bench.receive(Message::Batch(part));
    bench.done(
        &out,
        Counts {
            received: 1,
            ..Counts::default()
        },
    );
    let out = bench.drop_connection();
    let report = report(&out).expect("a report");
    assert_eq!(
        (report.converged, report.digests_equal, report.documents_received),
        (None, None, 1)
    );
}

#[test]
fn digests_under_different_knowledge_are_compared_again_a_second_later() {
    let mut bench = Bench::new();
    flap(&mut bench);
    bench.catch_up();
    bench.compare_equal("_rejoin");
    assert_eq!(
        bench.compare("customers", (&[(SERVER, 7)], 1), (&[(SERVER, 7), (PULLER, 50)], 2)),
        []
    );
    assert!(sent(&bench.tick(999)).is_empty());
    let out = bench.tick(1);
    assert!(
        sent(&out).contains(&&Message::CompareDigest {
            database: database("customers")
        }),
        "{out:?}"
    );
    assert_eq!(
        report(&bench.compare_equal("customers")).map(|report| report.digests_equal),
        Some(Some(true))
    );
}

#[test]
fn a_difference_counts_only_when_it_is_seen_twice_unchanged() {
    let mut bench = Bench::new();
    bench.catch_up();
    bench.compare_equal("_rejoin");
    assert_eq!(bench.compare("customers", (&[(SERVER, 7)], 1), (&[(SERVER, 7)], 3)), []);
    bench.tick(1_000);
    assert_eq!(
        bench.compare("customers", (&[(SERVER, 7)], 1), (&[(SERVER, 7)], 2)),
        [],
        "it was another difference"
    );
    bench.tick(1_000);
    let out = bench.compare("customers", (&[(SERVER, 7)], 1), (&[(SERVER, 7)], 2));
    assert_eq!(
        sent(&out),
        [&Message::FetchBuckets {
            database: database("customers")
        }]
    );
}

/// Compares until the tries are used up while the peer's knowledge is always ahead, and asks for buckets.
fn tire() -> Bench {
    let mut bench = Bench::with(
        LinkOptions {
            compare_tries_max: 2,
            ..LinkOptions::default()
        },
        false,
    );
    flap(&mut bench);
    bench.catch_up();
    bench.compare_equal("_rejoin");
    for _ in 0..2 {
        assert_eq!(bench.compare("customers", (&[(SERVER, 7)], 1), (&[(SERVER, 8)], 2)), []);
        bench.tick(1_000);
    }
    let out = bench.compare("customers", (&[(SERVER, 7)], 1), (&[(SERVER, 8)], 2));
    assert_eq!(
        sent(&out),
        [&Message::FetchBuckets {
            database: database("customers")
        }]
    );
    bench
}

#[test]
fn a_comparison_that_never_concludes_reads_no_bucket_that_is_being_written() {
    let mut bench = tire();
    assert_eq!(compare_buckets(&mut bench, &[3, 4]), []);
    assert_eq!(bench.tick(999), []);
    bench.tick(1);
    let out = compare_buckets(&mut bench, &[5]);
    assert_eq!(
        report(&out).map(|report| (report.digests_equal, report.repaired)),
        Some((None, 0))
    );
}

#[test]
fn a_comparison_that_never_concludes_mends_what_differs_in_the_same_way_for_a_while() {
    let mut bench = tire();
    assert_eq!(compare_buckets(&mut bench, &[3, 17]), []);
    bench.tick(1_000);
    bisect(&mut bench, &[("a", 1)], &[]);
    let found = Documents {
        database: database("customers"),
        items: vec![item("a", 4)],
        answered: 1,
    };
    let out = bench.receive(Message::Documents(found));
    let out = bench.done(
        &out,
        Counts {
            received: 1,
            fast_forwarded: 1,
            ..Counts::default()
        },
    );
    assert_eq!(
        report(&out).map(|report| (report.digests_equal, report.repaired)),
        Some((None, 1))
    );
}

#[test]
fn documents_that_differ_or_that_one_side_lacks_are_fetched_whole_and_counted() {
    let mut bench = Bench::new();
    flap(&mut bench);
    bench.catch_up();
    bench.compare_equal("_rejoin");
    differ(&mut bench);
    let theirs = [("changed", 1), ("same", 1), ("theirs", 1)];
    let out = bisect(&mut bench, &theirs, &[("changed", 2), ("ours", 1), ("same", 1)]);
    let ids = vec![document("changed"), document("ours"), document("theirs")];
    assert_eq!(
        sent(&out),
        [&Message::FetchDocuments {
            database: database("customers"),
            ids
        }]
    );

    let first = Documents {
        database: database("customers"),
        items: vec![item("changed", 4)],
        answered: 2,
    };
    let out = bench.receive(Message::Documents(first));
    let [PullerCommand::Apply { progress: None, .. }] = out[..] else {
        panic!("{out:?}")
    };
    let out = bench.done(
        &out,
        Counts {
            received: 1,
            merged: 1,
            ..Counts::default()
        },
    );
    let rest = vec![document("theirs")];
    assert_eq!(
        sent(&out),
        [&Message::FetchDocuments {
            database: database("customers"),
            ids: rest
        }]
    );

    let second = Documents {
        database: database("customers"),
        items: vec![item("theirs", 4)],
        answered: 1,
    };
    let out = bench.receive(Message::Documents(second));
    let out = bench.done(
        &out,
        Counts {
            received: 1,
            unchanged: 1,
            ..Counts::default()
        },
    );
    let report = report(&out).expect("a report");
    assert_eq!(
        (report.digests_equal, report.repaired, report.documents_received),
        (Some(false), 1, 0)
    );
}

#[test]
fn equal_roots_ask_for_no_buckets() {
    let mut bench = Bench::new();
    bench.catch_up();
    let out = bench.compare_equal("_rejoin");
    assert_eq!(
        sent(&out),
        [&Message::CompareDigest {
            database: database("customers")
        }]
    );
}

#[test]
fn a_quiet_link_compares_again_every_few_minutes_without_a_report() {
    let mut bench = Bench::new();
    bench.settle();
    for _ in 0..299 {
        assert!(!sent(&bench.tick(1_000)).contains(&&Message::CompareDigest {
            database: database("_rejoin")
        }));
        bench.receive(Message::Heartbeat {
            time: rejoin_document::HlcTime(1),
        });
    }
    assert!(sent(&bench.tick(1_000)).contains(&&Message::CompareDigest {
        database: database("_rejoin")
    }));
    bench.compare_equal("_rejoin");
    let out = bench.compare_equal("customers");
    assert_eq!(
        out,
        [PullerCommand::Compared {
            equal: Some(true),
            repaired: 0
        }]
    );
}
