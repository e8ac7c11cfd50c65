//! What one write assigned to one path.

use super::Kind;
use crate::Value;

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// A value that is not entered: a scalar, or an array without a rule that has items.
    Scalar(Value),
    /// The mark of an object without members.
    EmptyObject,
    /// The mark of an array without items, and of a set (whose elements stand below).
    EmptyArray,
    /// The mark of a removal.
    Removed,
    /// An element of a set, with the place that it had in the array that added it.
    Element { value: Value, place: u32 },
    /// An amount of a counter.
    Amount(i128),
}

impl Leaf {
    /// A removal is a mark of absence; everything else stands for something that is there.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self, Self::Removed)
    }

    /// The container that this mark stands for.
    pub(crate) fn marks(&self) -> Option<Kind> {
        match self {
            Self::EmptyObject => Some(Kind::Object),
            Self::EmptyArray => Some(Kind::Set),
            _ => None,
        }
    }

    /// What an entry of a counter adds.
    pub(crate) fn amount(&self) -> Option<i128> {
        match self {
            Self::Amount(amount) => Some(*amount),
            _ => None,
        }
    }

    /// Equal, members in the same order too.
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a.is_identical(b),
            (Self::Element { value: a, place: x }, Self::Element { value: b, place: y }) => x == y && a.is_identical(b),
            _ => self == other,
        }
    }
}
