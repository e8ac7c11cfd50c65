//! What the fuzz targets have in common.

use std::sync::OnceLock;

use rejoin_decoders::Target;

/// Runs one decoder's properties on an input; with `REJOIN_PLANTED_BUG` in the environment, on a decoder that believes every length.
///
/// # Panics
/// A property is broken: libFuzzer then keeps the input.
pub fn check(name: &str, input: &[u8]) {
    static PLANTED: OnceLock<bool> = OnceLock::new();
    let planted = *PLANTED.get_or_init(|| std::env::var_os("REJOIN_PLANTED_BUG").is_some());
    rejoin_document::planted_decoder::believe_lengths(planted);
    let target = Target::named(name).expect("there is a target of this name");
    (target.check)(input);
}
