//! Tests of the checker `bounded_sizes`: what it must find, and what it must not.

use super::planted::{EAST, Plot, assert_clean, assert_found};
use crate::checker::bounded_sizes::check;
use crate::history::Sizes;

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
