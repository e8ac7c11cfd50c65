//! I3, determinism: the same writes give one digest, in whatever order, batching, number and route they are delivered; and the same seed gives the
//! same log, byte for byte.

use std::collections::BTreeMap;

use super::{Checked, Violation};
use crate::history::{Event, History, Replay};

/// The checker's name.
pub const NAME: &str = "determinism";

/// Compares the replays of the same writes.
pub fn check(history: &History) -> Checked {
    let replays = history.pick(|event| {
        if let Event::Replay(replay) = event {
            Some(replay)
        } else {
            None
        }
    });
    let mut first: BTreeMap<&str, (usize, &Replay)> = BTreeMap::new();
    let mut checked = Checked::default();
    for (place, replay) in replays {
        let Some((earlier, other)) = first.get(replay.writes.as_str()) else {
            first.insert(&replay.writes, (place, replay));
            continue;
        };
        let what = || {
            format!(
                "{}: delivered as {} they come to {}, as {} to {}",
                replay.writes, other.delivery, other.digest, replay.delivery, replay.digest
            )
        };
        let differs = replay.digest != other.digest;
        checked.item(differs.then(|| Violation::new(NAME, what(), [*earlier, place])));
    }
    checked
}

/// Compares the event logs of two runs of one seed. The events of a violation are the numbers of lines, from 0.
pub fn same_logs(one: &[u8], two: &[u8]) -> Checked {
    let mut checked = Checked::default();
    let (mut mine, mut theirs) = (one.split(|byte| *byte == b'\n'), two.split(|byte| *byte == b'\n'));
    for line in 0.. {
        let (first, second) = (mine.next(), theirs.next());
        if first.is_none() && second.is_none() {
            break;
        }
        let text = |line: Option<&[u8]>| {
            line.map(String::from_utf8_lossy)
                .map_or("the end".into(), |it| it.into_owned())
        };
        if first != second {
            let what = format!("the logs part: {} and {}", text(first), text(second));
            checked.item([Violation::new(NAME, what, [line])]);
            break;
        }
        checked.item([]);
    }
    checked
}
