//! Finds the program under test.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, bail};

/// Names another binary than the one that was built beside this program.
pub const BINARY_VARIABLE: &str = "REJOIN_BINARY";

/// Names the binary of another version, which a rolling upgrade starts nodes with, and goes back to the first one from.
pub const OTHER_BINARY_VARIABLE: &str = "REJOIN_OTHER_BINARY";

/// The `rejoin` binary of another version: what `REJOIN_OTHER_BINARY` names, else the same one.
///
/// # Errors
/// There is none.
pub fn other_binary() -> anyhow::Result<PathBuf> {
    named(OTHER_BINARY_VARIABLE)?.map_or_else(rejoin_binary, Ok)
}

fn named(variable: &str) -> anyhow::Result<Option<PathBuf>> {
    let Some(path) = env::var_os(variable).map(PathBuf::from) else {
        return Ok(None);
    };
    if !path.is_file() {
        bail!("{variable} names {}, which is no file", path.display());
    }
    Ok(Some(path))
}

/// The `rejoin` binary: what `REJOIN_BINARY` names, else the one in the build directory of this program.
///
/// # Errors
/// There is none; the message says how to build it.
pub fn rejoin_binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = named(BINARY_VARIABLE)? {
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
