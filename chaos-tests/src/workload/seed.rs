//! The seed of a random run: printed, and taken from the environment to repeat it.

use std::env;

/// Names the seed of a run that is to be repeated.
pub const SEED_VARIABLE: &str = "REJOIN_SEED";

/// The seed of `REJOIN_SEED`, else a fresh one; it is printed, so that a failing test shows it.
///
/// # Errors
/// The variable is set to something that is no number.
pub fn seed(test: &str) -> anyhow::Result<u64> {
    let seed = match env::var(SEED_VARIABLE) {
        Ok(text) => text
            .parse()
            .map_err(|_| anyhow::anyhow!("{SEED_VARIABLE}={text} is no number"))?,
        Err(_) => rand::random::<u32>().into(),
    };
    println!("{test}: repeat with {SEED_VARIABLE}={seed}");
    Ok(seed)
}
