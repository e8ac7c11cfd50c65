//! Documents in the order of their ids.

use rejoin_document::{DatabaseName, DocumentId, VersionVector};

use super::Page;
use super::access::Budget;
use super::documents::Found;
use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::{DatabaseNumber, documents};
use crate::store::Store;

/// Which documents are listed, and in which order. By default all of them, in ascending order of the bytes of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRange {
    /// Only ids that begin with this.
    pub prefix: String,
    /// Only ids from this one on (inclusive); empty: from the first.
    pub start: String,
    /// Only ids before this one (exclusive); empty: to the last.
    pub end: String,
    /// In descending order.
    pub descending: bool,
}

impl ListRange {
    /// Eight bytes that tell this range of this database from others, for tokens that must not be used with another.
    pub fn fingerprint(&self, database: &DatabaseName) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new();
        for part in [database.as_str(), &self.prefix, &self.start, &self.end] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(&[u8::from(self.descending)]);
        let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
        [a, b, c, d, e, f, g, h]
    }

    /// The keys that are left after `after`.
    fn keys(&self, number: DatabaseNumber, after: Option<&DocumentId>) -> KeyRange {
        let key = |text: &str| [&number.prefix(), text.as_bytes()].concat();
        let mut range = KeyRange::prefix(&key(&self.prefix));
        range.from = range.from.max(key(&self.start));
        let mut ends = vec![range.to.take()];
        if !self.end.is_empty() {
            ends.push(Some(key(&self.end)));
        }
        match after {
            Some(after) if self.descending => ends.push(Some(documents::key(number, after))),
            Some(after) => {
                let mut next = documents::key(number, after);
                next.push(0); // the least key above `after`
                range.from = range.from.max(next);
            }
            None => {}
        }
        range.to = ends.into_iter().flatten().min();
        range
    }
}

impl Store {
    /// Documents of a range that are not deleted, in its order, after `after`.
    ///
    /// Each page is read on one snapshot, and begins where the one before ended: a document that is there all the while is met exactly once,
    /// whatever is written between two pages.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn list(
        &self,
        database: &DatabaseName,
        range: &ListRange,
        after: Option<&DocumentId>,
        limit: usize,
    ) -> Result<Page<Found>, ReadError> {
        let database = self.database(database)?;
        let keys = range.keys(database.number(), after);
        let entries = if range.descending {
            self.engine().scan_back(Family::Documents, keys)
        } else {
            self.engine().scan(Family::Documents, keys)
        };
        let mut page = Page {
            items: Vec::new(),
            next: None,
            context: VersionVector::new(),
        };
        let mut budget = Budget::default();
        for entry in entries {
            if page.items.len() >= limit.max(1) || budget.is_spent() {
                return Ok(page);
            }
            let (key, value) = entry?;
            budget.spend(value.len());
            let (_, id) = documents::decode_key(&key)?;
            page.next = Some(id.clone());
            let found = Found::decode(&database, id, &value)?;
            page.context.merge(&found.context);
            if !found.shown.deleted {
                page.items.push(found);
            }
        }
        page.next = None;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        "[ab]{0,3}"
    }

    proptest! {
        #[test]
        fn the_keys_of_a_range_are_those_of_its_ids(
            prefix in texts(), start in texts(), end in texts(), descending: bool, after in prop::option::of("[ab]{1,3}"), id in "[ab]{1,4}", other in 0u32..3,
        ) {
            let range = ListRange { prefix, start, end, descending };
            let after: Option<DocumentId> = after.map(|text| text.parse().unwrap());
            let keys = range.keys(DatabaseNumber(1), after.as_ref());
            let key = documents::key(DatabaseNumber(other), &id.parse().unwrap());
            let holds = keys.from <= key && keys.to.as_ref().is_none_or(|to| key < *to);
            let follows = after.is_none_or(|after| if descending { id.as_str() < after.as_str() } else { id.as_str() > after.as_str() });
            let within = id.starts_with(&range.prefix) && id >= range.start && (range.end.is_empty() || id < range.end);
            prop_assert_eq!(holds, other == 1 && follows && within);
        }

        #[test]
        fn other_ranges_have_other_fingerprints(a in (texts(), texts(), texts(), any::<bool>()), b in (texts(), texts(), texts(), any::<bool>())) {
            let range = |(prefix, start, end, descending): (String, String, String, bool)| ListRange { prefix, start, end, descending };
            let (a, b) = (range(a), range(b));
            let database: DatabaseName = "shop".parse().unwrap();
            prop_assert_eq!(a.fingerprint(&database) == b.fingerprint(&database), a == b);
            prop_assert_ne!(a.fingerprint(&database), a.fingerprint(&"store".parse().unwrap()));
        }
    }
}
