//! Keys as bytes.

use rejoin_document::{Object, Value};

use super::numbers::push_number;
use super::texts::push_text;

// Zero ends arrays and objects, so that the shorter of two sorts first. The gaps leave room for kinds to come.
const END: u8 = 0x00;
const NULL: u8 = 0x10;
const FALSE: u8 = 0x20;
const TRUE: u8 = 0x21;
const NUMBER: u8 = 0x30;
const TEXT: u8 = 0x40;
const ARRAY: u8 = 0x50;
const OBJECT: u8 = 0x60;

/// A key's place in the order of a view. Compares bytewise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollationKey(Vec<u8>);

impl CollationKey {
    /// The place of a key. Takes up to about six bytes for each byte of text.
    pub fn of(key: &Value) -> Self {
        let mut bytes = Vec::new();
        push_value(key, &mut bytes);
        Self(bytes)
    }

    /// The place of the array of a key's first `length` items, by which `group_level` groups; a key that is no array, or a shorter one, is its own group.
    pub fn group(key: &Value, length: usize) -> Self {
        let Value::Array(items) = key else {
            return Self::of(key);
        };
        let mut bytes = Vec::new();
        push_array(items.iter().take(length), &mut bytes);
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The recursion is bounded: no value nests deeper than [`rejoin_document::DEPTH_MAX`].
fn push_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(false) => out.push(FALSE),
        Value::Bool(true) => out.push(TRUE),
        Value::Number(number) => {
            out.push(NUMBER);
            push_number(&number.to_text(), out);
        }
        Value::String(text) => {
            out.push(TEXT);
            push_text(text, out);
        }
        Value::Array(items) => push_array(items.iter(), out),
        Value::Object(object) => push_object(object, out),
    }
}

fn push_array<'a>(items: impl Iterator<Item = &'a Value>, out: &mut Vec<u8>) {
    out.push(ARRAY);
    items.for_each(|item| push_value(item, out));
    out.push(END);
}

fn push_object(object: &Object, out: &mut Vec<u8>) {
    out.push(OBJECT);
    for (name, value) in object.iter() {
        // A member is there: more than an end.
        out.push(TEXT);
        push_text(name, out);
        push_value(value, out);
    }
    out.push(END);
}
