//! A document's body as a client handles it: parsed without loss, edited by path, sent again.

use std::collections::BTreeMap;

use anyhow::Context;
use bytes::Bytes;
use rejoin_document::{Limits, Object, Value, parse_body};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::pointer;
use crate::history::Json;

/// A JSON object whose numbers keep their text and whose members keep their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body(Object);

impl Body {
    /// Parses the text of a JSON object.
    ///
    /// # Errors
    /// It is not one, or over a bound.
    pub fn parse(text: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(
            parse_body(text, &Limits::default()).context("a body that no node should hand out")?,
        ))
    }

    /// Parses the text of a JSON object that need not be a body: its members may have reserved names.
    ///
    /// # Errors
    /// It is not an object, or over a bound.
    pub fn parse_any(text: &[u8]) -> anyhow::Result<Self> {
        match parse_value(text)? {
            Value::Object(object) => Ok(Self(object)),
            _ => anyhow::bail!("a value that is no object"),
        }
    }

    /// The text to send.
    pub fn to_bytes(&self) -> Bytes {
        Bytes::from(self.0.to_json())
    }

    /// What stands at a path.
    pub fn get(&self, path: &str) -> Option<Json> {
        self.value_at(path).map(Json::of)
    }

    /// Puts a value at a path; parents that are missing, or are no objects, become objects.
    ///
    /// # Errors
    /// `value` is not JSON, or the path is empty.
    pub fn set(&mut self, path: &str, value: &Json) -> anyhow::Result<()> {
        let value = parse_value(value.as_str().as_bytes())?;
        let segments = pointer::segments(path);
        anyhow::ensure!(!segments.is_empty(), "the path of a member is not empty");
        self.0 = with(&self.0, &segments, Some(value));
        Ok(())
    }

    /// Takes a member away; nothing happens where none is.
    pub fn remove(&mut self, path: &str) {
        if self.value_at(path).is_some() {
            self.0 = with(&self.0, &pointer::segments(path), None);
        }
    }

    /// Every leaf with its path. Arrays are leaves; empty objects are left out.
    pub fn leaves(&self) -> BTreeMap<String, Json> {
        let mut found = BTreeMap::new();
        collect(&self.0, "", &mut found);
        found
    }

    /// The elements of the array at a path; `None` where no array stands.
    pub fn elements(&self, path: &str) -> Option<Vec<Json>> {
        match self.value_at(path) {
            Some(Value::Array(elements)) => Some(elements.iter().map(Json::of).collect()),
            _ => None,
        }
    }

    /// Whether an object stands at a path.
    pub fn is_object(&self, path: &str) -> bool {
        matches!(self.value_at(path), Some(Value::Object(_)))
    }

    /// What stands at a path, as a value.
    pub fn value_at(&self, path: &str) -> Option<&Value> {
        self.0.pointer(path)
    }
}

/// In a log it stands as the JSON that it is, with its order and its digits.
impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.to_json()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get().as_bytes()).map_err(serde::de::Error::custom)
    }
}

/// Parses any JSON value: the document crate parses objects, so it is wrapped in one.
pub(super) fn parse_value(text: &[u8]) -> anyhow::Result<Value> {
    let wrapped = [br#"{"value":"#, text, b"}"].concat();
    let object = parse_body(&wrapped, &Limits::default()).context("a value that is no JSON")?;
    object.get("value").cloned().context("a value that is no JSON")
}

/// The object with `value` at the path of `segments`, or without what stands there.
fn with(object: &Object, segments: &[String], value: Option<Value>) -> Object {
    let Some((first, rest)) = segments.split_first() else {
        return object.clone();
    };
    let replaced = if rest.is_empty() {
        value
    } else {
        let inner = object
            .get(first)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        Some(Value::Object(with(&inner, rest, value)))
    };
    match replaced {
        Some(replaced) => {
            let mut changed = object.clone();
            changed.insert(first.as_str(), replaced);
            changed
        }
        None => {
            let kept = object.iter().filter(|(name, _)| ***name != **first);
            kept.map(|(name, value)| (name.clone(), value.clone())).collect()
        }
    }
}

fn collect(object: &Object, above: &str, found: &mut BTreeMap<String, Json>) {
    for (name, value) in object.iter() {
        let path = pointer::child(above, name);
        match value {
            Value::Object(inner) => collect(inner, &path, found),
            other => {
                found.insert(path, Json::of(other));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_order_survive_an_edit() {
        let mut body = Body::parse(br#"{"limit":1250.50,"b":{"c":1},"a":2}"#).unwrap();
        body.set("/b/d", &Json::string("x")).unwrap();
        body.remove("/a");
        assert_eq!(body.to_bytes(), r#"{"limit":1250.50,"b":{"c":1,"d":"x"}}"#);
    }

    #[test]
    fn leaves_are_named_by_json_pointers() {
        let body = Body::parse(br#"{"a/b":{"~":[1,2]},"e":{},"n":null}"#).unwrap();
        let leaves: Vec<_> = body
            .leaves()
            .into_iter()
            .map(|(path, value)| format!("{path}={value}"))
            .collect();
        assert_eq!(leaves, ["/a~1b/~0=[1,2]", "/n=null"]);
        assert_eq!(body.elements("/a~1b/~0").unwrap().len(), 2);
        assert_eq!(body.get("/a~1b/~0/0"), None);
    }
}
