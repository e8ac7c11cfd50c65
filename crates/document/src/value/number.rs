//! Numbers keep the text in which they came: two texts are two values, and no digit is ever lost.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A JSON number. Equality is by its text, so `1` and `1.0` differ.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Repr);

/// Most numbers are small integers in their usual text; they take no allocation. A text that equals the usual one of an `i64` is always `Integer`,
/// so derived equality is equality of texts.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Integer(i64),
    Text(Arc<str>),
}

impl Number {
    /// The number of a text that a JSON parser has accepted as one.
    pub(crate) fn from_checked_text(text: &str) -> Self {
        match text.parse::<i64>() {
            Ok(integer) if text != "-0" => Self(Repr::Integer(integer)),
            _ => Self(Repr::Text(text.into())),
        }
    }

    /// The text in which the number came.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// The value, if the text is an integer's (no fraction, no exponent) and fits.
    pub fn as_i64_integer(&self) -> Option<i64> {
        match &self.0 {
            Repr::Integer(integer) => Some(*integer),
            Repr::Text(text) => text.parse().ok(),
        }
    }

    /// Like [`Self::as_i64_integer`], in the range of what counters add up to.
    pub(crate) fn as_i128_integer(&self) -> Option<i128> {
        match &self.0 {
            Repr::Integer(integer) => Some((*integer).into()),
            Repr::Text(text) => text.parse().ok(),
        }
    }

    /// Has the text neither fraction nor exponent?
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Integer(_) => true,
            Repr::Text(text) => !text.contains(['.', 'e', 'E']),
        }
    }

    /// Compares the exact decimal values: `1`, `1.0` and `10e-1` are equal, and no digit is too small to matter.
    pub fn compare_numeric(&self, other: &Self) -> Ordering {
        if let (Repr::Integer(a), Repr::Integer(b)) = (&self.0, &other.0) {
            return a.cmp(b);
        }
        let (one, other) = (self.to_text(), other.to_text());
        let (one, other) = (Decimal::of(&one), Decimal::of(&other));
        match (one.sign(), other.sign()) {
            (a, b) if a != b => a.cmp(&b),
            (-1, _) => other.compare_magnitude(&one),
            (0, _) => Ordering::Equal,
            _ => one.compare_magnitude(&other),
        }
    }

    pub(crate) fn write(&self, out: &mut String) {
        match &self.0 {
            Repr::Integer(integer) => {
                use std::fmt::Write as _;
                // Writing into a String never fails.
                let _ = write!(out, "{integer}");
            }
            Repr::Text(text) => out.push_str(text),
        }
    }
}

/// A decimal number: its digits without zeros at either end, and the power of ten of the first.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Reads a JSON number. An exponent beyond the range of `i64` counts as its end: no text that fits into a body can tell the difference.
    fn of(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = whole.bytes().chain(fraction.bytes());
        let leading = all.clone().take_while(|digit| *digit == b'0').count();
        let mut digits: Vec<u8> = all.skip(leading).collect();
        digits.truncate(
            digits
                .iter()
                .rposition(|digit| *digit != b'0')
                .map_or(0, |last| last + 1),
        );
        let exponent = parse_saturating(power)
            .saturating_add(whole.len() as i64)
            .saturating_sub(leading as i64);
        Self {
            negative,
            digits,
            exponent,
        }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        self.exponent
            .cmp(&other.exponent)
            .then_with(|| self.digits.cmp(&other.digits))
    }
}

fn parse_saturating(power: &str) -> i64 {
    power
        .parse()
        .unwrap_or(if power.starts_with('-') { i64::MIN } else { i64::MAX })
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(Repr::Integer(value))
    }
}

impl From<i128> for Number {
    fn from(value: i128) -> Self {
        match i64::try_from(value) {
            Ok(small) => Self(Repr::Integer(small)),
            Err(_) => Self(Repr::Text(value.to_string().into())),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Integer(integer) => fmt::Display::fmt(integer, formatter),
            Repr::Text(text) => formatter.write_str(text),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::from_checked_text(text)
    }

    #[test]
    fn numbers_keep_their_text() {
        for text in [
            "0",
            "-0",
            "1.0",
            "1e2",
            "1E+2",
            "123456789012345678901234567890",
            "9223372036854775807",
            "-9223372036854775808",
        ] {
            assert_eq!(number(text).to_text(), text);
        }
        assert_ne!(number("1"), number("1.0"));
    }

    #[test]
    fn exact_values_are_compared() {
        let ascending = [
            "-1e3",
            "-999.9",
            "-2",
            "-0.5",
            "0",
            "1e-400",
            "0.1",
            "0.10000000000000000000001",
            "1",
            "9.99",
            "10",
            "9007199254740993",
            "1e400",
        ];
        for (place, one) in ascending.iter().enumerate() {
            for (other_place, other) in ascending.iter().enumerate() {
                assert_eq!(
                    number(one).compare_numeric(&number(other)),
                    place.cmp(&other_place),
                    "{one} {other}"
                );
            }
        }
        for equal in ["100", "1e2", "100.0", "10E1", "0.1e3", "1000e-1"] {
            assert_eq!(
                number(equal).compare_numeric(&number("100")),
                Ordering::Equal,
                "{equal}"
            );
        }
        assert_eq!(number("-0").compare_numeric(&number("0.0e5")), Ordering::Equal);
    }

    #[test]
    fn only_texts_without_fraction_and_exponent_are_integers() {
        assert_eq!(number("-0").as_i64_integer(), Some(0));
        assert_eq!(number("1.0").as_i64_integer(), None);
        assert_eq!(number("1e2").as_i64_integer(), None);
        assert_eq!(number("9223372036854775808").as_i64_integer(), None);
        assert!(number("9223372036854775808").is_integer() && !number("1.0").is_integer());
    }

    proptest! {
        #[test]
        fn integers_compare_as_integers(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(number(&format!("{a}.0")).compare_numeric(&number(&b.to_string())), a.cmp(&b));
        }
    }
}
