//! Bodies as the library for patches sees them: numbers are strings that are marked as such.

use serde_json::Value as Json;

use crate::{Number, Value};

/// What a string begins with that stands for a number.
pub(super) const NUMBER: &str = "\0n";
/// What a string begins with that would itself look like a marked one.
const TEXT: &str = "\0s";

pub(super) fn marked(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Number(number) => Json::String(format!("{NUMBER}{}", number.to_text())),
        Value::String(text) if text.starts_with('\0') => Json::String(format!("{TEXT}{text}")),
        Value::String(text) => Json::String(text.to_string()),
        Value::Array(elements) => Json::Array(elements.iter().map(marked).collect()),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.to_string(), marked(value)));
            Json::Object(members.collect())
        }
    }
}

/// How deep containers nest: 0 for a scalar.
pub(super) fn depth(json: &Json) -> usize {
    match json {
        Json::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or_default(),
        Json::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Bytes of its text, roughly.
pub(super) fn bytes(json: &Json) -> usize {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => 4,
        Json::String(text) => 2 + text.len(),
        Json::Array(elements) => 2 + elements.iter().map(bytes).sum::<usize>(),
        Json::Object(members) => {
            2 + members
                .iter()
                .map(|(name, value)| 4 + name.len() + bytes(value))
                .sum::<usize>()
        }
    }
}

pub(super) fn unmarked(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(truth),
        // None is left after marking, and none comes into being.
        Json::Number(number) => Value::Number(Number::from_checked_text(&number.to_string())),
        Json::String(text) => match (text.strip_prefix(NUMBER), text.strip_prefix(TEXT)) {
            (Some(number), _) => Value::Number(Number::from_checked_text(number)),
            (_, Some(text)) => Value::String(text.into()),
            (None, None) => Value::String(text.into()),
        },
        Json::Array(elements) => Value::Array(elements.into_iter().map(unmarked).collect()),
        Json::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name.into(), unmarked(value)));
            Value::Object(members.collect())
        }
    }
}
