//! Tests of the checker `bounded_sizes`: what it must find, and what it must not.

use super::planted::{EAST, Plot, assert_clean, assert_found};
use crate::checker::bounded_sizes::check;
use crate::history::{Restart, Sizes};

fn restarted(count: u64, sizes: impl Fn(u64) -> Sizes) -> Plot {
    let mut plot = Plot::new();
    for number in 0..count {
        let place = plot.restart(EAST, None);
        plot.restarted(place).sizes = Some(sizes(number));
    }
    plot
}

fn level(number: u64) -> Sizes {
    Sizes {
        state_bytes: 900 + number % 7 * 10,
        token_bytes: 80,
        hello_bytes: 120 + u64::from(number.ilog2()),
    }
}

#[test]
fn sizes_that_stay_are_fine() {
    let plot = restarted(100, |number| level(number + 1));
    assert_clean(&check(&plot.history));
    assert_eq!(check(&plot.history).items, 3);
}

#[test]
fn each_size_that_grows_with_the_restarts_is_found() {
    let grown: [fn(u64) -> Sizes; 3] = [
        |number| Sizes {
            state_bytes: 900 + number * 12,
            ..level(number + 1)
        },
        |number| Sizes {
            token_bytes: 80 + number * 16,
            ..level(number + 1)
        },
        |number| Sizes {
            hello_bytes: 120 + number * 16,
            ..level(number + 1)
        },
    ];
    for sizes in grown {
        let plot = restarted(100, sizes);
        assert_found(&check(&plot.history), &[49, 99]);
    }
}

#[test]
fn a_few_restarts_say_nothing() {
    let plot = restarted(7, |number| Sizes {
        state_bytes: 1 << number,
        ..level(number + 1)
    });
    assert_eq!(check(&plot.history).items, 0);
}

#[test]
fn nodes_that_come_back_with_another_disk_make_vectors_longer_and_nothing_else_does() {
    let grown = |identities: u64| {
        restarted(8, |number| Sizes {
            token_bytes: 80 + if number < 4 { 0 } else { 64 + 16 * identities },
            ..level(number + 1)
        })
    };
    for (how, same_disk) in [("wiped", false), (Restart::POWER_CUT, true)] {
        let mut plot = grown(2);
        assert_found(&check(&plot.history), &[3, 7]);
        for place in [4, 5] {
            plot.restarted(place).how = how.to_owned();
            plot.restarted(place).same_disk = same_disk;
        }
        assert_clean(&check(&plot.history));
        // One step off: one of the two has kept its identity.
        plot.restarted(5).how = "sigkill".to_owned();
        plot.restarted(5).same_disk = true;
        assert_found(&check(&plot.history), &[3, 7]);
        // A copy takes one beside its original, and another in its place.
        plot.restarted(4).how = Restart::CLONED_DISK.to_owned();
        assert_clean(&check(&plot.history));
    }
}
