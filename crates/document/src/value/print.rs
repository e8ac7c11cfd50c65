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
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            Value::from("\u{0}\u{1f}\u{8}\u{c}\u{7f}\\\"").to_json(),
            "\"\\u0000\\u001f\\b\\f\u{7f}\\\\\\\"\""
        );
    }
}
