//! JSON text: compact in the members' order, or canonical (members sorted bytewise), which is what equality, digests and set elements go by.

use super::{Object, Value};

/// Appends compact text, members in their order.
pub(crate) fn write_json(value: &Value, out: &mut String) {
    write(value, out, false);
}

/// Appends compact text, members sorted.
pub(crate) fn write_canonical(value: &Value, out: &mut String) {
    write(value, out, true);
}

/// Appends compact text, members in their order.
pub(crate) fn write_json_object(object: &Object, out: &mut String) {
    write_object(object.iter(), out, false);
}

/// Appends compact text, members sorted.
pub(crate) fn write_canonical_object(object: &Object, out: &mut String) {
    write_object(object.iter_sorted(), out, true);
}

/// Whether a text may have no more than `left` bytes: without the escapes in its strings it has not. Stops where it is certain that it has more.
pub(crate) fn may_fit(value: &Value, left: &mut usize) -> bool {
    let spend = |left: &mut usize, bytes: usize| match left.checked_sub(bytes) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    };
    match value {
        Value::Null | Value::Bool(_) => spend(left, 4),
        Value::Number(_) => spend(left, 1),
        Value::String(text) => spend(left, text.len() + 2),
        Value::Array(items) => spend(left, items.len() + 1) && items.iter().all(|item| may_fit(item, left)),
        // Quotes, colon and comma.
        Value::Object(object) => object
            .iter()
            .all(|(name, value)| spend(left, name.len() + 4) && may_fit(value, left)),
    }
}

fn write(value: &Value, out: &mut String, sorted: bool) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => number.write(out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(item, out, sorted);
            }
            out.push(']');
        }
        Value::Object(object) if sorted => write_object(object.iter_sorted(), out, true),
        Value::Object(object) => write_object(object.iter(), out, false),
    }
}

fn write_object<'a>(
    members: impl Iterator<Item = (&'a std::sync::Arc<str>, &'a Value)>,
    out: &mut String,
    sorted: bool,
) {
    out.push('{');
    for (place, (name, value)) in members.enumerate() {
        if place > 0 {
            out.push(',');
        }
        write_text(name, out);
        out.push(':');
        write(value, out, sorted);
    }
    out.push('}');
}

/// Escapes what JSON demands and nothing else.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut start = 0;
    for (place, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[start..place]);
        start = place + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            control => {
                out.push_str("\\u00");
                out.push(if control < 0x10 { '0' } else { '1' });
                out.push(char::from(b"0123456789abcdef"[usize::from(control & 0xf)]));
            }
        }
    }
    out.push_str(&text[start..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_escaped_as_other_printers_do(text in ".*") {
            let value = Value::from(text.as_str());
            prop_assert_eq!(value.to_json(), serde_json::to_string(&text).expect("a text is JSON"));
        }

        #[test]
        fn a_text_is_made_where_it_fits_to_the_byte(texts in prop::collection::vec(".{0,3}", 0..5), number in any::<i64>()) {
            let names = ["", "a", "b", "c", "d"];
            let members = names.iter().zip(&texts).map(|(name, text)| ((*name).into(), Value::from(text.as_str())));
            let items = [Value::Null, Value::Bool(false), Value::from(number), Value::Object(Object::from_iter(members))];
            let value = Value::Array(items.into_iter().collect());
            let text = value.to_json();
            prop_assert_eq!(value.to_json_within(text.len() - 1), None);
            prop_assert_eq!(value.to_json_within(text.len()), Some(text));
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            Value::from("\u{0}\u{1f}\u{8}\u{c}\u{7f}\\\"").to_json(),
            "\"\\u0000\\u001f\\b\\f\u{7f}\\\\\\\"\""
        );
    }
}
