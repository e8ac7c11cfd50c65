//! One JSON value.

use std::fmt;
use std::sync::Arc;

use super::{Number, Object, may_fit, write_canonical, write_json};

/// A JSON value. Equality ignores the order of members and compares numbers by their exact text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, with its text.
    Number(Number),
    /// A text.
    String(Arc<str>),
    /// Values in order.
    Array(Vec<Value>),
    /// Members in order.
    Object(Object),
}

impl Value {
    /// Compact JSON text, members in their order.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        write_json(self, &mut text);
        text
    }

    /// [`Self::to_json`], if it has at most `bytes_max` bytes; of what is certainly larger no text is made.
    pub fn to_json_within(&self, bytes_max: usize) -> Option<String> {
        let mut left = bytes_max;
        let text = may_fit(self, &mut left).then(|| self.to_json());
        text.filter(|text| text.len() <= bytes_max)
    }

    /// Compact JSON text, members sorted bytewise: equal for equal values.
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        write_canonical(self, &mut text);
        text
    }

    /// The members, if this is an object.
    pub fn as_object(&self) -> Option<&Object> {
        if let Self::Object(object) = self {
            Some(object)
        } else {
            None
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The number, if this is one.
    pub fn as_number(&self) -> Option<&Number> {
        if let Self::Number(number) = self {
            Some(number)
        } else {
            None
        }
    }

    /// How deep containers nest: 0 for a scalar.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or_default(),
            Self::Object(object) => 1 + object.iter().map(|(_, value)| value.depth()).max().unwrap_or_default(),
            _ => 0,
        }
    }

    /// Equal, and every object's members in the same order.
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Array(a), Self::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_identical(b)),
            (Self::Object(a), Self::Object(b)) => a.is_identical(b),
            _ => self == other,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_json())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}
