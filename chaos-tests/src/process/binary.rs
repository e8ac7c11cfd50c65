//! Finds the program under test.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, bail};

/// Names another binary than the one that was built beside this program.
pub const BINARY_VARIABLE: &str = "REJOIN_BINARY";

/// The `rejoin` binary: what `REJOIN_BINARY` names, else the one in the build directory of this program.
///
/// # Errors
/// There is none; the message says how to build it.
pub fn rejoin_binary() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os(BINARY_VARIABLE) {
        let path = PathBuf::from(named);
        if !path.is_file() {
            bail!("{BINARY_VARIABLE} names {}, which is no file", path.display());
        }
        return Ok(path);
    }
    let own = env::current_exe().context("cannot tell where this program is")?;
    // The demo lies in `debug/`, a test in `debug/deps/`.
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join("rejoin"))
        .find(|path| path.is_file());
    found.with_context(|| {
        format!("no `rejoin` binary near {}: build it with `cargo build -p rejoin-gateway` or name one in {BINARY_VARIABLE}", own.display())
    })
}
