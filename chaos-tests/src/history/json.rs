//! A JSON value as its canonical text: equal text, equal value, and numbers keep every digit.

use std::fmt;

use rejoin_document::Value;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::view::Body;

/// One JSON value in canonical form: members sorted, no spaces, numbers as they were sent.
///
/// In a log it stands as plain JSON, not as a string that holds JSON.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json(String);

impl Json {
    /// The canonical form of `value`.
    pub fn of(value: &Value) -> Self {
        Self(value.canonical())
    }

    /// A JSON string.
    pub fn string(text: &str) -> Self {
        Self(serde_json::Value::from(text).to_string())
    }

    /// A JSON integer.
    pub fn integer(value: i128) -> Self {
        Self(value.to_string())
    }

    /// JSON's null.
    pub fn null() -> Self {
        Self("null".to_owned())
    }

    /// A JSON array.
    pub fn array(elements: &[Self]) -> Self {
        let texts: Vec<&str> = elements.iter().map(Self::as_str).collect();
        Self(format!("[{}]", texts.join(",")))
    }

    /// What stands at a path inside of the value; the empty path is the value itself.
    pub fn at(&self, path: &str) -> Option<Self> {
        if path.is_empty() {
            return Some(self.clone());
        }
        // Only objects have paths inside.
        if !self.0.starts_with('{') {
            return None;
        }
        Body::parse_any(self.0.as_bytes()).ok()?.get(path)
    }

    /// The elements, if it is an array.
    pub fn elements(&self) -> Option<Vec<Self>> {
        if !self.0.starts_with('[') {
            return None;
        }
        let body = Body::parse(format!("{{\"v\":{}}}", self.0).as_bytes());
        body.ok()?.elements("/v")
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as an integer, if its text is one.
    pub fn as_integer(&self) -> Option<i128> {
        self.0.parse().ok()
    }

    /// The value as a number of limited precision: for the rules `max` and `min`.
    pub fn as_float(&self) -> Option<f64> {
        self.0.parse().ok()
    }

    /// The value for people: strings without their quotes.
    pub fn plain(&self) -> String {
        serde_json::from_str::<String>(&self.0).unwrap_or_else(|_| self.0.clone())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.clone()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(deserializer)?.get().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_value_are_found() {
        let value = Json("{\"_a\":{\"b\":1.50},\"c\":[1]}".to_owned());
        assert_eq!(value.at("/_a/b"), Some(Json("1.50".to_owned())));
        assert_eq!(value.at(""), Some(value.clone()));
        assert_eq!(value.at("/c/0"), None);
        assert_eq!(Json::string("{").at("/a"), None);
    }

    #[test]
    fn strings_are_shown_without_quotes() {
        assert_eq!(Json::string("Ødegård \"x\"").plain(), "Ødegård \"x\"");
        assert_eq!(Json::integer(-3).plain(), "-3");
    }
}
