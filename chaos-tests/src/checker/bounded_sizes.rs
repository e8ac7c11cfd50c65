//! Bounded sizes: restarts leave states, session tokens and hellos as large as they were, however many there are. (The "memory bounded" of I6, and
//! the price of I7 and I8: a new identity must not be taken at every restart.)

use std::collections::BTreeMap;

use super::{Checked, Violation};
use crate::history::{Event, History, Sizes};

/// The checker's name.
pub const NAME: &str = "bounded_sizes";

/// Restarts of a datacenter below which nothing is said.
const RESTARTS_MIN: usize = 8;

/// Bytes that the later half may exceed the earlier by: numbers grow by a digit, a table by a line.
const SLACK_BYTES: u64 = 64;

/// Compares the later half of each datacenter's restarts with the earlier half.
pub fn check(history: &History) -> Checked {
    let mut sizes: BTreeMap<&str, Vec<(usize, Sizes)>> = BTreeMap::new();
    for (place, event) in history.events.iter().enumerate() {
        if let Event::Restart(restart) = event
            && let Some(measured) = restart.sizes
        {
            sizes.entry(&restart.datacenter).or_default().push((place, measured));
        }
    }
    let mut checked = Checked::default();
    for (datacenter, sizes) in sizes.into_iter().filter(|(_, sizes)| sizes.len() >= RESTARTS_MIN) {
        checked.item(growth(datacenter, "states", &sizes, |sizes| sizes.state_bytes));
        checked.item(growth(datacenter, "session tokens", &sizes, |sizes| sizes.token_bytes));
        checked.item(growth(datacenter, "hellos", &sizes, |sizes| sizes.hello_bytes));
    }
    checked
}

fn growth(datacenter: &str, what: &str, sizes: &[(usize, Sizes)], bytes: fn(&Sizes) -> u64) -> Option<Violation> {
    let (early, late) = sizes.split_at(sizes.len() / 2);
    let greatest = |half: &[(usize, Sizes)]| half.iter().map(|(place, sizes)| (bytes(sizes), *place)).max();
    let ((before, first), (after, last)) = (greatest(early)?, greatest(late)?);
    let bound = before.saturating_add(before / 4).saturating_add(SLACK_BYTES);
    (after > bound).then(|| {
        let restarts = sizes.len();
        let what = format!("{datacenter}'s {what} grew from {before} to {after} bytes over {restarts} restarts");
        Violation::new(NAME, what, [first, last])
    })
}
