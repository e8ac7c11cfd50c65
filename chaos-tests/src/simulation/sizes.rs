//! How big things are that must not grow with the number of restarts.

use rejoin_document::{DatabaseName, Document, VersionVector};
use rejoin_store::Store;

use crate::history::Sizes;

/// Bytes of one entry of a version vector: a replica and a time.
const ENTRY_BYTES: u64 = 16;

/// The sizes of a node: the largest context of a stored document, the largest token that it can hand out, and what the hello of a link says of the
/// database.
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
    let contexts = states
        .iter()
        .filter_map(|item| Document::decode_context(&item.state).ok());
    let hello = store.hello(&store.identity().datacenter);
    let hello_bytes = hello
        .iter()
        .filter(|hello| hello.name == *database)
        .map(|hello| hello.name.as_str().len() as u64 + ENTRY_BYTES + bytes(&hello.knowledge))
        .sum();
    let token = store.digest(database).map(|(knowledge, _)| bytes(&knowledge));
    Sizes {
        state_bytes: contexts.map(|context| bytes(&context)).max().unwrap_or(0),
        token_bytes: token.unwrap_or(0),
        hello_bytes,
    }
}
