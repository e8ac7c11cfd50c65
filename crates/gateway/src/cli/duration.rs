//! Spans of time as arguments: `90s`, `15m`, `12h`, `14d`, `2w`.

/// Seconds by unit.
const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400), ('w', 604_800)];

/// The seconds of a span; `0` alone needs no unit.
pub(super) fn parse_seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no duration; write a number and s, m, h, d or w, e.g. 14d");
    if text == "0" {
        return Ok(0);
    }
    let (unit, seconds) = UNITS
        .into_iter()
        .find(|(unit, _)| text.ends_with(*unit))
        .ok_or_else(wrong)?;
    let digits = text.trim_end_matches(unit);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) || digits.len() + 1 != text.len() {
        return Err(wrong());
    }
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).ok_or_else(wrong)
}

/// A span in the largest unit that it is a whole number of.
pub(super) fn text(seconds: u64) -> String {
    let whole = |(_, of): &&(char, u64)| seconds > 0 && seconds.is_multiple_of(*of);
    let (unit, of) = UNITS.iter().rev().find(whole).copied().unwrap_or(('s', 1));
    format!("{}{unit}", seconds / of)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_span_that_is_printed_reads_back(seconds: u64) {
            prop_assert_eq!(parse_seconds(&text(seconds)), Ok(seconds));
        }
    }

    #[test]
    fn spans_have_units_and_what_is_none_is_refused_with_an_example() {
        for (text, seconds) in [
            ("0", 0),
            ("90s", 90),
            ("15m", 900),
            ("12h", 43_200),
            ("14d", 1_209_600),
            ("2w", 1_209_600),
        ] {
            assert_eq!(parse_seconds(text), Ok(seconds), "{text}");
        }
        for bad in [
            "",
            "d",
            "14",
            "-1d",
            "1.5h",
            "1dd",
            "14 d",
            "soon",
            "99999999999999999999s",
            "18446744073709551615w",
        ] {
            assert!(parse_seconds(bad).unwrap_err().contains("14d"), "{bad}");
        }
        assert_eq!(
            ["0s", "2w", "25h"].map(|text| super::text(parse_seconds(text).unwrap())),
            ["0s", "2w", "25h"]
        );
    }
}
