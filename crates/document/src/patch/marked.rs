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

/// How deep containers nest, 0 for a scalar, and how many values there are in all.
pub(super) fn extent(json: &Json) -> (usize, usize) {
    let around = |(depth, count): (usize, usize), inner: &Json| {
        let (inner_depth, inner_count) = extent(inner);
        (depth.max(1 + inner_depth), count + inner_count)
    };
    match json {
        Json::Array(elements) => elements.iter().fold((1, 1), around),
        Json::Object(members) => members.values().fold((1, 1), around),
        _ => (0, 1),
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

/// Whether the two are equal as a `test` of a JSON Patch compares them (RFC 6902, section 4.6): numbers by their value, `1.0` as `1`.
pub(super) fn equal(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::String(one), Json::String(other)) => {
            let numbers = one.strip_prefix(NUMBER).zip(other.strip_prefix(NUMBER));
            one == other || numbers.is_some_and(|(one, other)| decimal(one).is_some() && decimal(one) == decimal(other))
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            let same = |(name, one)| other.get(name).is_some_and(|other| equal(one, other));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

/// Sign, digits without zeros at either end, and power of ten of the last of them: the same for numbers of one value. `None` if the exponent is beyond
/// 64 bits.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let negative = whole.starts_with('-');
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let fraction = i64::try_from(fraction.len()).ok()?;
    let exponent: i64 = exponent.parse().ok()?;
    let power = exponent.checked_add(dropped)?.checked_sub(fraction)?;
    Some((negative, significant.trim_start_matches('0').to_owned(), power))
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
