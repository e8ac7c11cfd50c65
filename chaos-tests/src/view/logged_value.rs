//! How any JSON value stands in a log: as the JSON that it is.

use rejoin_document::Value;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::body::parse_value;

pub(super) fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    let raw = RawValue::from_string(value.to_json()).map_err(serde::ser::Error::custom)?;
    raw.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    parse_value(raw.get().as_bytes()).map_err(serde::de::Error::custom)
}
