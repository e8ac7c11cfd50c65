//! How big things are that must not grow with the number of restarts.

use rejoin_document::{DatabaseName, VersionVector};
use rejoin_store::Store;

use crate::history::Sizes;

/// Bytes of one entry of a version vector: a replica and a time.
const ENTRY_BYTES: u64 = 16;

/// The sizes of a node: the largest stored state, the largest token that it can hand out, and the hello of a link.
pub fn sizes(store: &Store, database: &DatabaseName) -> Sizes {
    let bytes = |vector: &VersionVector| ENTRY_BYTES * vector.iter().count() as u64;
    let page = store.list(database, &rejoin_store::ListRange::default(), None, usize::MAX);
    let ids: Vec<_> = page
        .map(|page| page.items)
        .unwrap_or_default()
        .into_iter()
        .map(|found| found.id)
        .collect();
    let states = store.states(database, &ids).unwrap_or_default();
    let hello = store.hello(&store.identity().datacenter);
    let hello_bytes = hello
        .iter()
        .map(|hello| hello.name.as_str().len() as u64 + ENTRY_BYTES + bytes(&hello.knowledge))
        .sum();
    let token = store.digest(database).map(|(knowledge, _)| bytes(&knowledge));
    Sizes {
        state_bytes: states.iter().map(|item| item.state.len() as u64).max().unwrap_or(0),
        token_bytes: token.unwrap_or(0),
        hello_bytes,
    }
}
