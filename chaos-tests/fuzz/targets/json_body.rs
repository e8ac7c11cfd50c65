//! Searches inputs that break a property of `rejoin_decoders`' target of this name.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rejoin_fuzz::check("json_body", input));
