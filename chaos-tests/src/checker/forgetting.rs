//! Nothing is forgotten that was not stable: a node lets a mark of removal or a deleted document go only when every member datacenter is known to
//! have seen the write that left it. (The invariant behind I1 for removals and deletes: what is forgotten too early comes back.)

use std::collections::BTreeMap;

use super::{Checked, Violation};
use crate::history::{Event, Forgotten, History, Knowledge};

/// The checker's name.
pub const NAME: &str = "forgetting";

/// Holds everything that was forgotten against what each member knew by then.
pub fn check(history: &History) -> Checked {
    // All that a datacenter has known of a database, and when it last said so. Who came back with an older disk had seen what that lacks all the same.
    let mut known: BTreeMap<(&str, &str), (usize, Knowledge)> = BTreeMap::new();
    let mut checked = Checked::default();
    for (place, event) in history.events.iter().enumerate() {
        match event {
            Event::Observation(seen) => {
                if let Some(knowledge) = &seen.knowledge {
                    let all = known.entry((&seen.datacenter, &seen.database)).or_default();
                    all.0 = place;
                    all.1.0.merge(&knowledge.0);
                }
            }
            Event::Forgotten(forgotten) => {
                for member in &history.datacenters {
                    if let Some(found) = unaware(member, place, forgotten, &known) {
                        checked.item(found);
                    }
                }
            }
            _ => {}
        }
    }
    checked
}

/// `None`: nothing is known about the member.
fn unaware(
    member: &str,
    place: usize,
    forgotten: &Forgotten,
    known: &BTreeMap<(&str, &str), (usize, Knowledge)>,
) -> Option<Option<Violation>> {
    let mut newest = known
        .iter()
        .filter(|((datacenter, _), _)| *datacenter == member)
        .map(|(_, newest)| newest)
        .peekable();
    let (seen, _) = **newest.peek()?;
    let is_aware = newest.any(|(_, knowledge)| knowledge.covers(forgotten.stamp));
    let what = || {
        format!(
            "{} let {:?} of {} go, and {member} did not know of {:?}",
            forgotten.datacenter, forgotten.path, forgotten.document, forgotten.stamp
        )
    };
    Some((!is_aware).then(|| Violation::new(NAME, what(), [seen, place])))
}
