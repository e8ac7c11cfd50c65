//! The Erlang external term format (`term_to_binary`, minor version 1), as far as revision ids need it.
//!
//! Source: <https://www.erlang.org/doc/apps/erts/erl_ext_dist.html>; atoms are the old ATOM_EXT, since CouchDB hashes with that.

use num_bigint::{BigInt, Sign};

use super::Attachment;
use crate::{Number, Object, Value};

const VERSION: u8 = 131;
const NEW_FLOAT: u8 = 70;
const SMALL_INTEGER: u8 = 97;
const INTEGER: u8 = 98;
const ATOM: u8 = 100;
const SMALL_TUPLE: u8 = 104;
const NIL: u8 = 106;
const STRING: u8 = 107;
const LIST: u8 = 108;
const BINARY: u8 = 109;
const SMALL_BIG: u8 = 110;
const LARGE_BIG: u8 = 111;

/// The longest list of bytes that Erlang writes as STRING_EXT.
const STRING_ITEMS_MAX: usize = 65_535;

/// Writes one list term.
pub(super) struct TermWriter {
    out: Vec<u8>,
}

impl TermWriter {
    /// Begins a list of `count` items; every call that follows writes one of them.
    pub(super) fn begin(count: u32) -> Self {
        let mut writer = Self { out: vec![VERSION] };
        writer.tag_and_length(LIST, count);
        writer
    }

    /// Ends the list.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.out.push(NIL);
        self.out
    }

    pub(super) fn atom(&mut self, value: bool) {
        self.atom_text(if value { b"true" } else { b"false" });
    }

    pub(super) fn unsigned(&mut self, value: u64) {
        match i128::from(value) {
            small @ 0..=0x7fff_ffff => self.small_integer(small as i32),
            _ => self.big(Sign::Plus, &minimal_le(value)),
        }
    }

    pub(super) fn binary(&mut self, bytes: &[u8]) {
        self.tag_and_length(BINARY, bytes.len() as u32);
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn binaries(&mut self, texts: impl ExactSizeIterator<Item = String>) {
        if texts.len() == 0 {
            return self.out.push(NIL);
        }
        self.tag_and_length(LIST, texts.len() as u32);
        texts.for_each(|text| self.binary(text.as_bytes()));
        self.out.push(NIL);
    }

    /// An object is a 1-tuple of a list of 2-tuples, in the members' order.
    pub(super) fn body(&mut self, object: &Object) {
        self.tuple(1);
        if object.is_empty() {
            return self.out.push(NIL);
        }
        self.tag_and_length(LIST, object.len() as u32);
        for (name, value) in object.iter() {
            self.tuple(2);
            self.binary(name.as_bytes());
            self.value(value);
        }
        self.out.push(NIL);
    }

    /// A list of 3-tuples of name, type and digest, the last one sent first.
    pub(super) fn attachments(&mut self, attachments: &[Attachment<'_>]) {
        if attachments.is_empty() {
            return self.out.push(NIL);
        }
        self.tag_and_length(LIST, attachments.len() as u32);
        for attachment in attachments.iter().rev() {
            self.tuple(3);
            self.binary(attachment.name.as_bytes());
            self.binary(attachment.content_type.as_bytes());
            self.binary(&attachment.md5);
        }
        self.out.push(NIL);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.atom_text(b"null"),
            Value::Bool(value) => self.atom(*value),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.binary(text.as_bytes()),
            Value::Array(items) => self.array(items),
            Value::Object(object) => self.body(object),
        }
    }

    fn array(&mut self, items: &[Value]) {
        if items.is_empty() {
            return self.out.push(NIL);
        }
        if items.len() <= STRING_ITEMS_MAX
            && let Some(bytes) = items.iter().map(byte_of).collect::<Option<Vec<u8>>>()
        {
            self.out.push(STRING);
            self.out.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
            return self.out.extend_from_slice(&bytes);
        }
        self.tag_and_length(LIST, items.len() as u32);
        items.iter().for_each(|item| self.value(item));
        self.out.push(NIL);
    }

    fn number(&mut self, number: &Number) {
        if let Some(integer) = number.as_i64_integer() {
            return match i32::try_from(integer) {
                Ok(small) => self.small_integer(small),
                Err(_) if integer < 0 => self.big(Sign::Minus, &minimal_le(integer.unsigned_abs())),
                Err(_) => self.big(Sign::Plus, &minimal_le(integer.unsigned_abs())),
            };
        }
        let text = number.to_text();
        if number.is_integer() {
            // The text of an integer always parses; its length is bounded by the range of floats that the parser checked.
            let (sign, digits) = text.parse::<BigInt>().unwrap_or_default().to_bytes_le();
            return self.big(sign, &digits);
        }
        self.out.push(NEW_FLOAT);
        // The parser accepted the text as a finite float.
        self.out
            .extend_from_slice(&text.parse::<f64>().unwrap_or_default().to_be_bytes());
    }

    fn small_integer(&mut self, integer: i32) {
        match u8::try_from(integer) {
            Ok(byte) => self.out.extend_from_slice(&[SMALL_INTEGER, byte]),
            Err(_) => {
                self.out.push(INTEGER);
                self.out.extend_from_slice(&integer.to_be_bytes());
            }
        }
    }

    fn big(&mut self, sign: Sign, digits: &[u8]) {
        match u8::try_from(digits.len()) {
            Ok(length) => self.out.extend_from_slice(&[SMALL_BIG, length]),
            Err(_) => self.tag_and_length(LARGE_BIG, digits.len() as u32),
        }
        self.out.push(u8::from(sign == Sign::Minus));
        self.out.extend_from_slice(digits);
    }

    fn atom_text(&mut self, text: &[u8]) {
        self.out.push(ATOM);
        self.out.extend_from_slice(&(text.len() as u16).to_be_bytes());
        self.out.extend_from_slice(text);
    }

    fn tuple(&mut self, arity: u8) {
        self.out.extend_from_slice(&[SMALL_TUPLE, arity]);
    }

    fn tag_and_length(&mut self, tag: u8, length: u32) {
        self.out.push(tag);
        self.out.extend_from_slice(&length.to_be_bytes());
    }
}

/// The integer 0 to 255 that the value is.
fn byte_of(value: &Value) -> Option<u8> {
    u8::try_from(value.as_number()?.as_i64_integer()?).ok()
}

fn minimal_le(magnitude: u64) -> Vec<u8> {
    let bytes = magnitude.to_le_bytes();
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
    bytes[..length].to_vec()
}
