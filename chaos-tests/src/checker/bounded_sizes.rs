//! Bounded sizes: restarts leave states, session tokens and hellos as large as they were, however many there are. (The "memory bounded" of I6, and
//! the price of I7 and I8: a new identity must not be taken at every restart.) What a restart must cost is allowed: who comes back with another disk takes
//! a new identity, and every vector gets a line.

use std::collections::BTreeMap;

use super::{Checked, Violation};
use crate::history::{Event, History, Sizes};

/// The checker's name.
pub const NAME: &str = "bounded_sizes";

/// Restarts of a datacenter below which nothing is said.
const RESTARTS_MIN: usize = 8;

/// Bytes that the later half may exceed the earlier by: numbers grow by a digit, and datacenters come to write that had not written.
const SLACK_BYTES: u64 = 64;

/// The part of its size that the later half may exceed the earlier by: times lie a little closer or further apart, each in as many bytes as it needs.
const SLACK_PART: u64 = 100;

/// Bytes that one more identity costs: a replica, a time, and how they are told apart.
const IDENTITY_BYTES: u64 = 24;

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
        let growth = |what, bytes| growth(history, datacenter, (what, bytes), &sizes);
        checked.item(growth("contexts", |sizes| sizes.state_bytes));
        checked.item(growth("session tokens", |sizes| sizes.token_bytes));
        checked.item(growth("hellos", |sizes| sizes.hello_bytes));
    }
    checked
}

fn growth(
    history: &History,
    datacenter: &str,
    (what, bytes): (&str, fn(&Sizes) -> u64),
    sizes: &[(usize, Sizes)],
) -> Option<Violation> {
    let (early, late) = sizes.split_at(sizes.len() / 2);
    let greatest = |half: &[(usize, Sizes)]| half.iter().map(|(place, sizes)| (bytes(sizes), *place)).max();
    let ((before, first), (after, last)) = (greatest(early)?, greatest(late)?);
    let bound = before
        .saturating_add(SLACK_BYTES)
        .saturating_add(before / SLACK_PART)
        .saturating_add(identities(history, last).saturating_mul(IDENTITY_BYTES));
    (after > bound).then(|| {
        let restarts = sizes.len();
        let what = format!("{datacenter}'s {what} grew from {before} to {after} bytes over {restarts} restarts");
        Violation::new(NAME, what, [first, last])
    })
}

/// New identities that nodes had to take until then.
fn identities(history: &History, until: usize) -> u64 {
    let events = history.events.iter().take(until + 1);
    let taken = events.map(|event| match event {
        Event::Restart(restart) => restart.identities_taken(),
        _ => 0,
    });
    taken.sum()
}
