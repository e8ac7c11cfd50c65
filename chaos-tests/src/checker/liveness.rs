//! I6, liveness: when the last fault was lifted and the last client fell silent, all digests are equal within the bound.

use std::collections::BTreeMap;

use super::{Checked, Violation};
use crate::history::{Event, History, Quiet};

/// The checker's name.
pub const NAME: &str = "liveness";

/// Checks each time of quiet, until somebody writes again.
pub fn check(history: &History) -> Checked {
    let mut checked = Checked::default();
    let quiets = history.pick(|event| {
        if let Event::Quiet(quiet) = event {
            Some(quiet)
        } else {
            None
        }
    });
    for (place, quiet) in quiets {
        if let Some(found) = late(history, place, quiet) {
            checked.item(found);
        }
    }
    checked
}

/// `None`: nobody looked at the nodes afterwards.
fn late(history: &History, place: usize, quiet: &Quiet) -> Option<Option<Violation>> {
    let mut digests: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut looked, mut last) = (false, place);
    for (at, event) in history.events.iter().enumerate() {
        let (datacenter, digest, ms) = match event {
            Event::Observation(seen) => (seen.datacenter.as_str(), seen.digest.as_str(), seen.ms),
            Event::FinalState(state) if !state.picture.digest.is_empty() => {
                (state.datacenter.as_str(), state.picture.digest.as_str(), state.ms)
            }
            Event::Write(_) | Event::Quiet(_) if at > place => break,
            _ => continue,
        };
        digests.insert(datacenter, digest);
        if at < place {
            continue;
        }
        (looked, last) = (true, at);
        if !are_equal(history, &digests) {
            continue;
        }
        let took = ms.saturating_sub(quiet.ms);
        let what = || format!("equal after {took} ms, not within {} ms", quiet.bound_ms);
        return Some((took > quiet.bound_ms).then(|| Violation::new(NAME, what(), [place, at])));
    }
    let what = || format!("the nodes have not become equal: {digests:?}");
    looked.then(|| Some(Violation::new(NAME, what(), [place, last])))
}

fn are_equal(history: &History, digests: &BTreeMap<&str, &str>) -> bool {
    let mut of_members = history.datacenters.iter().map(|member| digests.get(member.as_str()));
    let first = of_members.next().flatten();
    first.is_some() && of_members.all(|digest| digest == first)
}
