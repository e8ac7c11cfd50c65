//! Puts one value at a path of a body.

use thiserror::Error;

use super::{DEPTH_MAX, Object, Value};

/// Why nothing can be put at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PlacingError {
    /// The text is no pointer to a member.
    #[error("it is no JSON pointer to a member; write /member, or /member/member inside an object")]
    NotAPointer,
    /// Something that is no object stands on the way.
    #[error("something that is no object stands above it; put that back first")]
    Blocked,
}

impl Object {
    /// A copy with this value at a JSON pointer (RFC 6901), in the place of what stands there; `None` takes that away. Objects that are missing on
    /// the way are made. Arrays are not entered: to the model an array is one value.
    ///
    /// # Errors
    /// [`PlacingError`] says what is in the way.
    pub fn with(&self, pointer: &str, value: Option<Value>) -> Result<Self, PlacingError> {
        let tokens = pointer.strip_prefix('/').ok_or(PlacingError::NotAPointer)?.split('/');
        let names: Option<Vec<String>> = tokens.take(DEPTH_MAX + 1).map(crate::fields::unescape).collect();
        match names {
            Some(names) if names.len() <= DEPTH_MAX => self.placed(&names, value),
            _ => Err(PlacingError::NotAPointer),
        }
    }

    /// Descends no deeper than a body may be.
    fn placed(&self, names: &[String], value: Option<Value>) -> Result<Self, PlacingError> {
        let Some((name, below)) = names.split_first() else {
            return Err(PlacingError::NotAPointer);
        };
        let placed = match (self.get(name), value) {
            (_, value) if below.is_empty() => value,
            (Some(Value::Object(inner)), value) => Some(Value::Object(inner.placed(below, value)?)),
            (Some(_), Some(_)) => return Err(PlacingError::Blocked),
            (None, Some(value)) => Some(Value::Object(Self::new().placed(below, Some(value))?)),
            // There is nothing to take away.
            (here, None) => here.cloned(),
        };
        let mut changed: Self = match placed {
            Some(_) => self.clone(),
            None => {
                let others = self.iter().filter(|(other, _)| ***other != **name);
                others.map(|(name, value)| (name.clone(), value.clone())).collect()
            }
        };
        if let Some(value) = placed {
            changed.insert(name.as_str(), value);
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, parse_body};

    fn with(body: &str, pointer: &str, value: Option<i64>) -> Result<String, PlacingError> {
        let body = parse_body(body.as_bytes(), &Limits::default()).expect("a body");
        Ok(body.with(pointer, value.map(Value::from))?.to_json())
    }

    #[test]
    fn a_value_is_put_in_its_place_or_taken_away() {
        for (body, pointer, value, expected) in [
            (r#"{"a":1,"b":2}"#, "/a", Some(3), r#"{"a":3,"b":2}"#),
            (r#"{"a":1,"b":2}"#, "/a", None, r#"{"b":2}"#),
            (r#"{"a":{"b":1,"c":2}}"#, "/a/b", Some(3), r#"{"a":{"b":3,"c":2}}"#),
            (r#"{"a":{"b":1}}"#, "/a/b", None, r#"{"a":{}}"#),
            ("{}", "/a/b/c", Some(1), r#"{"a":{"b":{"c":1}}}"#),
            (r#"{"a/b":1}"#, "/a~1b", Some(2), r#"{"a/b":2}"#),
            (r#"{"a":[1]}"#, "/a", Some(2), r#"{"a":2}"#),
            (r#"{"a":1}"#, "/b/c", None, r#"{"a":1}"#),
            (r#"{"a":1}"#, "/a/c", None, r#"{"a":1}"#),
        ] {
            assert_eq!(with(body, pointer, value).as_deref(), Ok(expected), "{body} {pointer}");
        }
    }

    #[test]
    fn what_is_no_pointer_or_is_blocked_is_refused() {
        for pointer in ["", "a", "/a~2", &"/a".repeat(DEPTH_MAX + 1)] {
            assert_eq!(with("{}", pointer, Some(1)), Err(PlacingError::NotAPointer));
        }
        assert_eq!(with(r#"{"a":1}"#, "/a/b", Some(1)), Err(PlacingError::Blocked));
        assert_eq!(with(r#"{"a":[{}]}"#, "/a/0/b", Some(1)), Err(PlacingError::Blocked));
    }
}
