//! Finds the escape of a lone UTF-16 surrogate, which JSON's grammar allows and which is no text (RFC 8259, section 8.2).
//!
//! Only asked about a body that was refused: it explains, it does not decide.

/// An escape such as `\ud800` without its other half.
#[derive(Debug, PartialEq, Eq)]
pub struct LoneSurrogate {
    /// The escape as it is written.
    pub escape: String,
    /// Its line, from 1.
    pub line: usize,
    /// The column of its backslash in characters, from 1.
    pub column: usize,
}

/// Bytes of an escape: a backslash, `u` and four digits.
const ESCAPE: usize = 6;

impl LoneSurrogate {
    /// The first one in `text`.
    pub fn find(text: &[u8]) -> Option<Self> {
        let mut rest = text;
        while let Some(backslash) = rest.iter().position(|byte| *byte == b'\\') {
            rest = &rest[backslash..];
            let length = match code_unit(rest) {
                Some(0xD800..=0xDBFF) if matches!(code_unit(&rest[ESCAPE..]), Some(0xDC00..=0xDFFF)) => 2 * ESCAPE,
                Some(0xD800..=0xDFFF) => return Some(Self::at(text, text.len() - rest.len())),
                Some(_) => ESCAPE,
                // Another escape: its second byte may be a backslash too.
                None => rest.len().min(2),
            };
            rest = &rest[length..];
        }
        None
    }

    fn at(text: &[u8], position: usize) -> Self {
        let before = String::from_utf8_lossy(&text[..position]);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            escape: String::from_utf8_lossy(&text[position..position + ESCAPE]).into_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// The code unit of the escape that `text` begins with.
fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    // Unlike a number, an escape has no sign.
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find(text: &str) -> Option<(String, usize, usize)> {
        LoneSurrogate::find(text.as_bytes()).map(|lone| (lone.escape, lone.line, lone.column))
    }

    fn lone(escape: &str, line: usize, column: usize) -> Option<(String, usize, usize)> {
        Some((escape.to_owned(), line, column))
    }

    #[test]
    fn half_of_a_pair_is_found_where_it_stands() {
        assert_eq!(find(r#"{"a":"\ud800"}"#), lone(r"\ud800", 1, 7));
        assert_eq!(find(r#"{"a":"\uDC00\uD800"}"#), lone(r"\uDC00", 1, 7));
        assert_eq!(find("{\n\"é\":\"\\ud83d\\u0041\"}"), lone(r"\ud83d", 2, 6));
        assert_eq!(find(r"\ud83d\ude00\udbff"), lone(r"\udbff", 1, 13));
    }

    #[test]
    fn pairs_other_escapes_and_escaped_backslashes_are_none() {
        assert_eq!(find(r#"{"a":"\ud83d\ude00 \u00e9 \\ud800 \n"}"#), None);
        assert_eq!(find(r"\u+d80 \ud8 \"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(b'\\'), Just(b'u'), Just(b'd'), Just(b'8'), Just(b'\n')],
            0..64,
        )) {
            let _ = LoneSurrogate::find(&text);
        }
    }
}
