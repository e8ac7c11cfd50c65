//! I8, identity: one dot never names two payloads, whatever became of the disk that its replica lived on.
//!
//! Checked on the dots that replicas issued, on those of acknowledged writes, and on those that candidates of conflicts carry.

use std::collections::BTreeMap;

use super::{Checked, Violation};
use crate::history::{Event, History, Stamp};
use crate::view::{Contender, View};
use rejoin_document::Value;

/// The checker's name.
pub const NAME: &str = "identity";

/// Checks that whatever names a dot means the same by it.
pub fn check(history: &History) -> Checked {
    let (mut writes, mut issued, mut candidates) = (Payloads::default(), Payloads::default(), Payloads::default());
    for (place, event) in history.events.iter().enumerate() {
        match event {
            Event::Write(entry) => {
                let Some(stamp) = entry.stamp() else { continue };
                // Attempts of one write share its dot.
                let write = entry.facts.request.clone().unwrap_or_else(|| entry.number.to_string());
                writes.name(stamp, "", format!("the write {write} of {}", entry.document), place);
            }
            Event::Issued(it) => {
                issued.name(it.stamp, "", format!("{} of {}", it.payload, it.document), place);
            }
            Event::Reading(reading) => {
                if let Some(Some(view)) = reading.shown() {
                    listed(&reading.document, view, place, &mut candidates);
                }
            }
            Event::FinalState(state) => {
                for (document, view) in &state.picture.documents {
                    listed(document, view, place, &mut candidates);
                }
            }
            _ => {}
        }
    }
    let mut checked = writes.checked;
    checked.add(issued.checked);
    checked.add(candidates.checked);
    checked
}

/// Only what has no parts: a container changes with what is inside, and keeps the dot of its newest part.
fn listed(document: &str, view: &View, place: usize, candidates: &mut Payloads) {
    for conflict in &view.conflicts {
        for candidate in &conflict.candidates {
            match &candidate.kind {
                Contender::Value(Value::Object(_) | Value::Array(_)) => {}
                Contender::Value(value) => {
                    candidates.name(
                        candidate.stamp,
                        &conflict.path,
                        format!("{} in {document}", value.to_json()),
                        place,
                    );
                }
                Contender::Removed | Contender::Deleted(_) => {}
            }
        }
    }
}

/// What was first seen under each name.
#[derive(Default)]
struct Payloads {
    first: BTreeMap<(Stamp, String), (String, usize)>,
    checked: Checked,
}

impl Payloads {
    fn name(&mut self, stamp: Stamp, path: &str, payload: String, place: usize) {
        let (other, first) = self
            .first
            .entry((stamp, path.to_owned()))
            .or_insert_with(|| (payload.clone(), place));
        let differs = *other != payload;
        let found =
            differs.then(|| Violation::new(NAME, format!("{stamp:?} names {other} and {payload}"), [*first, place]));
        self.checked.item(found);
    }
}
