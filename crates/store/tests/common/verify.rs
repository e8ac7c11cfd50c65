//! Every index of a store against the documents that it is derived from.

use std::collections::BTreeMap;

use rejoin_document::{BUCKETS, DatabaseName, DocumentId, Sequence, SetHash, Shown, bucket_of};
use rejoin_store::{ListRange, Page, Store};

/// Panics if an index, a counter or the digest of a database says anything but what its documents say.
pub fn verify(store: &Store, database: &DatabaseName) {
    let documents = read_log(store, database);
    let live: Vec<_> = documents
        .iter()
        .filter(|(_, shown)| !shown.deleted)
        .map(|(id, _)| id.clone())
        .collect();
    let listed = pages(|after| store.list(database, &ListRange::default(), after, 1000).unwrap());
    assert_eq!(
        listed.into_iter().map(|found| found.id).collect::<Vec<_>>(),
        live,
        "a document without its entry in the log"
    );
    let open: Vec<_> = documents
        .iter()
        .filter(|(_, shown)| !shown.conflicts.is_empty())
        .map(|(id, _)| id.clone())
        .collect();
    let conflicted = pages(|after| {
        store
            .conflicts(database, &rejoin_store::ConflictFilter::default(), after, 1000)
            .unwrap()
    });
    assert_eq!(
        conflicted
            .into_iter()
            .map(|conflicted| conflicted.id)
            .collect::<Vec<_>>(),
        open,
        "the index of conflicts"
    );
    let status = store
        .status()
        .into_iter()
        .find(|status| status.name == *database)
        .unwrap();
    assert_eq!(
        (status.documents, status.conflicts),
        (live.len() as u64, open.len() as u64),
        "the counters"
    );
    verify_digest(store, database, &live);
}

/// The documents by the log, one entry each, in order, and each as it is read.
fn read_log(store: &Store, database: &DatabaseName) -> BTreeMap<DocumentId, Shown> {
    let (mut documents, mut last) = (BTreeMap::new(), Sequence(0));
    loop {
        let log = store.changes(database, last, 1000).unwrap();
        for change in log.changes {
            assert!(change.sequence > last, "the log is not in order");
            last = change.sequence;
            let found = store
                .get(database, &change.id)
                .unwrap()
                .expect("an entry of the log without its document");
            assert_eq!(
                (found.sequence, &found.shown),
                (change.sequence, &change.shown),
                "a stale entry in the log"
            );
            assert!(
                documents.insert(change.id, change.shown).is_none(),
                "two entries for one document"
            );
        }
        last = log.to;
        if log.finished {
            assert!(
                store
                    .status()
                    .iter()
                    .all(|status| status.name != *database || status.sequence >= last)
            );
            return documents;
        }
    }
}

fn pages<T>(page: impl Fn(Option<&DocumentId>) -> Page<T>) -> Vec<T> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let next = page(after.as_ref());
        all.extend(next.items);
        match next.next {
            Some(id) => after = Some(id),
            None => return all,
        }
    }
}

fn verify_digest(store: &Store, database: &DatabaseName, live: &[DocumentId]) {
    let buckets = store.bucket_hashes(database).unwrap();
    assert_eq!(buckets.len(), usize::from(BUCKETS));
    let mut used: BTreeMap<u16, Vec<DocumentId>> = BTreeMap::new();
    for id in live {
        used.entry(bucket_of(database, id)).or_default().push(id.clone());
    }
    for (bucket, ids) in &used {
        let entries = store.bucket_entries(database, *bucket).unwrap();
        let mut sum = SetHash::default();
        entries.iter().for_each(|(_, item)| sum.add(*item));
        assert_eq!(buckets[usize::from(*bucket)], sum, "the digest of bucket {bucket}");
        let listed: Vec<_> = entries.into_iter().map(|(id, _)| id).collect();
        assert_eq!(listed, *ids, "the documents of bucket {bucket}");
    }
    let mut root = SetHash::default();
    for (bucket, hash) in buckets.iter().enumerate() {
        assert!(
            *hash == SetHash::default() || used.contains_key(&(bucket as u16)),
            "a digest of no documents"
        );
        root.add_set(*hash);
    }
    assert_eq!(store.digest(database).unwrap().1, root, "the root");
}
