//! How far behind a puller says it is: never less than what it has not applied, and nothing that it cannot know.

use rejoin_document::HlcTime;

use super::bench::*;
use crate::testing::*;
use crate::*;

fn left(documents: u64, more: bool) -> Message {
    Message::Backlog {
        time: HlcTime(77),
        left: Backlog { documents, more },
    }
}

fn behind(bench: &Bench) -> Option<u64> {
    bench.puller.status().behind.map(|behind| behind.documents)
}

#[test]
fn without_a_connection_nobody_knows_how_far_behind_this_node_is_but_since_when() {
    let mut bench = Bench::new();
    bench.settle();
    assert_eq!((behind(&bench), bench.puller.status().lag_ms(bench.now)), (Some(0), 0));
    let heard = bench.now;
    bench.now = bench.now.plus(2_000);
    bench.drop_connection();
    bench.now = bench.now.plus(3_000);
    let status = bench.puller.status();
    assert_eq!((status.behind, status.complete), (None, heard));
    assert_eq!(status.lag_ms(bench.now), 5_000);
}

#[test]
fn what_is_left_what_waits_and_what_is_being_applied_are_behind() {
    let mut bench = Bench::new();
    bench.establish();
    assert_eq!(behind(&bench), None, "the peer has not counted yet");
    let system = bench.receive(Message::Batch(batch("_rejoin", 0, 1, &["x"], Some(watermark(&[])))));
    let observed = bench.receive(left(10, false));
    assert_eq!(observed, [PullerCommand::ObserveTime { time: HlcTime(77) }]);
    assert_eq!(behind(&bench), Some(10), "the system's documents are nobody's");
    bench.receive(Message::Batch(batch("customers", 0, 4, &["a", "b", "c"], None)));
    assert_eq!(behind(&bench), Some(10), "they have come, and are not applied");
    let first = bench.done(&system, Counts::default());
    assert_eq!(behind(&bench), Some(10));
    bench.done(&first, Counts::default());
    assert_eq!(behind(&bench), Some(7));

    let last = bench.receive(Message::Batch(batch("customers", 4, 8, &["d"], Some(watermark(&[])))));
    assert_eq!(
        behind(&bench),
        Some(1),
        "the end of the log is more certain than a count"
    );
    bench.done(&last, Counts::default());
    assert_eq!(behind(&bench), Some(0));
    assert_eq!(bench.puller.status().complete, bench.now);
}

#[test]
fn the_end_is_estimated_from_the_pace_so_far() {
    let mut bench = Bench::new();
    bench.establish();
    bench.receive(left(100, false));
    assert_eq!(bench.puller.status().estimate, None, "there is no pace yet");
    bench.now = bench.now.plus(1_000);
    bench.receive(left(75, false));
    assert_eq!(bench.puller.status().estimate, Some(bench.now.plus(3_000)));
    bench.receive(left(300, false));
    assert_eq!(bench.puller.status().estimate, None, "more came than went");
    bench.receive(left(200, true));
    assert_eq!(bench.puller.status().estimate, None, "nobody knows how many there are");
}
