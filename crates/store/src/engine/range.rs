//! Ranges of keys.

/// Keys from `from` (inclusive) up to `to` (exclusive; `None`: to the end of the family).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The least key that belongs to the range.
    pub from: Vec<u8>,
    /// The least key that does not belong to it any more.
    pub to: Option<Vec<u8>>,
}

impl KeyRange {
    /// All keys that start with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        Self {
            from: prefix.to_vec(),
            to: successor(prefix),
        }
    }

    /// The keys that start with `prefix` and are greater than `after`.
    pub fn prefix_after(prefix: &[u8], after: &[u8]) -> Self {
        let mut from = after.to_vec();
        from.push(0); // the least key above `after`
        Self {
            from,
            to: successor(prefix),
        }
    }

    /// The keys that start with `prefix` and are at least `from`.
    pub fn prefix_from(prefix: &[u8], from: Vec<u8>) -> Self {
        Self {
            from,
            to: successor(prefix),
        }
    }

    /// Whether no key can lie in the range.
    pub fn is_empty(&self) -> bool {
        self.to.as_ref().is_some_and(|to| *to <= self.from)
    }
}

/// The least key that is greater than every key with this prefix.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut next = prefix[..=kept].to_vec();
    next[kept] += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::KeyRange;

    fn holds(range: &KeyRange, key: &[u8]) -> bool {
        range.from.as_slice() <= key && range.to.as_ref().is_none_or(|to| key < to.as_slice())
    }

    proptest! {
        #[test]
        fn a_prefix_range_holds_exactly_the_keys_with_the_prefix(
            prefix in prop::collection::vec(250u8.., 0..4), key in prop::collection::vec(250u8.., 0..6),
        ) {
            prop_assert_eq!(holds(&KeyRange::prefix(&prefix), &key), key.starts_with(&prefix));
        }

        #[test]
        fn a_range_after_a_key_holds_exactly_the_greater_ones(
            prefix in prop::collection::vec(0u8..3, 0..2), after in prop::collection::vec(0u8..3, 0..4), key in prop::collection::vec(0u8..3, 0..4),
        ) {
            let (after, key) = ([prefix.clone(), after].concat(), [prefix.clone(), key].concat());
            prop_assert_eq!(holds(&KeyRange::prefix_after(&prefix, &after), &key), key > after);
        }
    }
}
