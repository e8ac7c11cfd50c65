//! I1, never reverted: what every node shows at the end accounts for every acknowledged write, and holds nothing that nobody wrote.

use std::collections::BTreeMap;

use super::{Checked, Violation};
use crate::history::{Entry, History};
use crate::ledger::{Account, Shelf};

/// The checker's name.
pub const NAME: &str = "never_reverted";

/// Judges every write against each final state.
pub fn check(history: &History) -> Checked {
    let places: BTreeMap<u64, usize> = history.writes().map(|(place, entry)| (entry.number, place)).collect();
    let log: Vec<Entry> = history.writes().map(|(_, entry)| entry.clone()).collect();
    let mut checked = Checked::default();
    for (place, state) in history.final_states() {
        let shelf = Shelf {
            datacenter: &state.datacenter,
            documents: &state.picture.documents,
        };
        let account = Account::of(&log, &[shelf], &history.rules);
        checked.items += account.acknowledged;
        checked
            .violations
            .extend(account.findings.iter().chain(&account.phantoms).map(|finding| {
                let what = format!(
                    "{} at {} of {}: {}",
                    finding.path, finding.datacenter, finding.document, finding.problem
                );
                let write = finding.number.and_then(|number| places.get(&number).copied());
                Violation::new(NAME, what, write.into_iter().chain([place]))
            }));
    }
    checked
}
