//! Texts as bytes: sort keys of the Unicode collation algorithm.

use std::convert::Infallible;
use std::sync::LazyLock;

use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::{Collator, CollatorBorrowed, CollatorPreferences};

/// Names the data by which texts sort. Sort keys of two versions cannot be compared: an index that was written under another one is built anew.
pub const COLLATION_VERSION: &str = "icu4x 2.4.0";

const END: u8 = 0x00;
const ESCAPED: u8 = 0xff;

static COLLATOR: LazyLock<CollatorBorrowed<'static>> = LazyLock::new(|| {
    let mut options = CollatorOptions::default();
    options.strength = Some(Strength::Tertiary);
    // The data are compiled in, and the root locale is always among them.
    Collator::try_new(CollatorPreferences::default(), options).expect("the root collation is compiled in")
});

/// Appends the place of a text, and an end that no other text's place contains.
pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    let written: Result<(), Infallible> = COLLATOR.write_sort_key_to(text, out);
    let Ok(()) = written;
    // The algorithm gives no zero bytes today; the order must not depend on it.
    if out[start..].contains(&END) {
        let key = out.split_off(start);
        for byte in key {
            out.push(byte);
            if byte == END {
                out.push(ESCAPED);
            }
        }
    }
    out.push(END);
}

/// How texts compare, for the tests.
#[cfg(test)]
pub(super) fn compare(one: &str, other: &str) -> std::cmp::Ordering {
    COLLATOR.compare(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_names_the_data_that_are_compiled_in() {
        let lock = include_str!("../../../../Cargo.lock");
        let version = COLLATION_VERSION.trim_start_matches("icu4x ");
        for name in [
            "icu_collator",
            "icu_collator_data",
            "icu_normalizer_data",
            "icu_properties_data",
        ] {
            let entry = format!("name = \"{name}\"\nversion = \"{version}\"");
            assert!(
                lock.contains(&entry),
                "{name} has another version: name it in COLLATION_VERSION"
            );
        }
    }
}
