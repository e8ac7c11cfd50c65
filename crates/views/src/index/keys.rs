//! The keys of the family `views`.
//!
//! | record | key | value | lifetime |
//! |---|---|---|---|
//! | counter | `0` | `version u8, next u32` | for ever: the next index's number |
//! | design | `1, length u16, scope, design name` | `version u8, number u32, signature [16]` | until the design or its database goes |
//! | position | `2, number u32` | see `position` | until the index is dropped |
//! | row | `3, number u32, view u16, key, id, emission u32` | see `row` | until its document changes, or the index is swept |
//! | emitted | `4, number u32, id` | see `row` | as long as the document has rows |
//! | dropped | `5, number u32` | `version u8` | until everything of the index is swept |
//!
//! Numbers are big-endian. In a row's key stand the key's collation bytes, which end themselves, and the document's id with zero bytes escaped
//! (`00` as `00 ff`) and two zero bytes at its end: rows sort by key, then bytewise by id, then in the order in which they were emitted.

use rejoin_store::KeyRange;

use super::{IndexError, Scope};
use crate::collate::CollationKey;

const COUNTER: u8 = 0;
const DESIGN: u8 = 1;
const POSITION: u8 = 2;
const ROW: u8 = 3;
const EMITTED: u8 = 4;
const DROPPED: u8 = 5;

/// Stands for an index in keys. Given out in ascending order, never again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct IndexNumber(pub u32);

pub(super) fn counter() -> Vec<u8> {
    vec![COUNTER]
}

/// The designs of a scope start with it.
pub(super) fn designs(scope: &Scope) -> Vec<u8> {
    let bytes = scope.as_bytes();
    let mut key = vec![DESIGN];
    // A scope has at most 1024 bytes.
    key.extend((bytes.len() as u16).to_be_bytes());
    key.extend(bytes);
    key
}

/// Every design of every scope.
pub(super) fn all_designs() -> KeyRange {
    KeyRange::prefix(&[DESIGN])
}

/// The scope in the key of a design.
pub(super) fn scope_of(key: &[u8]) -> Result<Scope, IndexError> {
    let corrupt = IndexError::Corrupt("the key of a design");
    let Some((&[_, high, low], rest)) = key.split_first_chunk::<3>() else {
        return Err(corrupt);
    };
    let bytes = rest
        .get(..usize::from(u16::from_be_bytes([high, low])))
        .ok_or(corrupt.clone())?;
    Scope::new(bytes).map_err(|_| corrupt)
}

pub(super) fn design(scope: &Scope, name: &str) -> Vec<u8> {
    let mut key = designs(scope);
    key.extend(name.as_bytes());
    key
}

/// The name in the key of a design of the scope.
pub(super) fn name_of(scope: &Scope, key: &[u8]) -> Result<String, IndexError> {
    let name = key.strip_prefix(designs(scope).as_slice());
    name.and_then(|name| String::from_utf8(name.to_vec()).ok())
        .ok_or(IndexError::Corrupt("the name of a design"))
}

pub(super) fn position(number: IndexNumber) -> Vec<u8> {
    numbered(POSITION, number)
}

pub(super) fn dropped(number: IndexNumber) -> Vec<u8> {
    numbered(DROPPED, number)
}

pub(super) fn all_dropped() -> KeyRange {
    KeyRange::prefix(&[DROPPED])
}

/// The number in the key of a dropped index.
pub(super) fn dropped_number(key: &[u8]) -> Result<IndexNumber, IndexError> {
    let bytes = key.get(1..).and_then(|rest| rest.try_into().ok());
    bytes
        .map(|bytes| IndexNumber(u32::from_be_bytes(bytes)))
        .ok_or(IndexError::Corrupt("the key of a dropped index"))
}

pub(super) fn emitted(number: IndexNumber, id: &str) -> Vec<u8> {
    let mut key = numbered(EMITTED, number);
    key.extend(id.as_bytes());
    key
}

/// What an index leaves behind once its position is gone.
pub(super) fn remains(number: IndexNumber) -> [KeyRange; 2] {
    [ROW, EMITTED].map(|kind| KeyRange::prefix(&numbered(kind, number)))
}

fn numbered(kind: u8, number: IndexNumber) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend(number.0.to_be_bytes());
    key
}

/// Builds the key of a row, or where a range of rows ends.
#[derive(Debug, Clone)]
pub(crate) struct RowKey(Vec<u8>);

impl RowKey {
    /// Every row of a view starts with it.
    pub(crate) fn view(number: IndexNumber, view: u16) -> Self {
        let mut key = numbered(ROW, number);
        key.extend(view.to_be_bytes());
        Self(key)
    }

    pub(crate) fn key(mut self, key: &CollationKey) -> Self {
        self.0.extend(key.as_bytes());
        self
    }

    pub(crate) fn id(mut self, id: &str) -> Self {
        for byte in id.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(0xff);
            }
        }
        self.0.extend([0, 0]);
        self
    }

    pub(crate) fn emission(mut self, emission: u32) -> Self {
        self.0.extend(emission.to_be_bytes());
        self
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rejoin_document::Value;

    use super::*;

    fn row(key: i64, id: &str, emission: u32) -> Vec<u8> {
        let key = CollationKey::of(&Value::from(key));
        RowKey::view(IndexNumber(1), 2)
            .key(&key)
            .id(id)
            .emission(emission)
            .into_bytes()
    }

    proptest! {
        #[test]
        fn rows_sort_by_key_then_id_then_emission(a in (0i64..3, "[\u{0}\u{1}a\u{ff}]{0,3}", any::<u32>()), b in (0i64..3, "[\u{0}\u{1}a\u{ff}]{0,3}", any::<u32>())) {
            prop_assert_eq!(row(a.0, &a.1, a.2).cmp(&row(b.0, &b.1, b.2)), a.cmp(&b));
        }

        #[test]
        fn scopes_do_not_run_into_each_other(scope in prop::collection::vec(any::<u8>(), 1..5), other in prop::collection::vec(any::<u8>(), 1..5), name in "[a-c]{0,3}") {
            let (scope, other) = (Scope::new(&scope).unwrap(), Scope::new(&other).unwrap());
            let key = design(&scope, &name);
            prop_assert_eq!(scope_of(&key), Ok(scope.clone()));
            prop_assert_eq!(name_of(&scope, &key), Ok(name));
            prop_assert_eq!(key.starts_with(&designs(&other)), scope == other);
        }

        #[test]
        fn numbers_round_trip(number: u32) {
            prop_assert_eq!(dropped_number(&dropped(IndexNumber(number))), Ok(IndexNumber(number)));
        }
    }
}
