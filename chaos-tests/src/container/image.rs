//! The image under test: `deploy/Dockerfile` with the binary that was built beside this program.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Engine;
use crate::process::{rejoin_binary, run};

/// The suite of the image where this machine does not tell that it runs a Debian.
const SUITE: &str = "bookworm";

/// Builds the image and answers its name. Compiles nothing; makes the image that it begins with where none can be pulled.
///
/// # Errors
/// There is no binary, or the engine cannot build.
pub fn build_image(engine: &Engine) -> anyhow::Result<String> {
    // The binary is linked with the C library of this machine, so the image has to be as new.
    let suite = suite();
    run(&deploy("base-image.sh").to_string_lossy(), [&suite]).context("no image to begin with")?;
    let directory = crate::process::directory()?;
    let binary = directory.path().join("rejoin");
    std::fs::copy(rejoin_binary()?, &binary)?;
    // Without its symbols it is a third as big. It works with them as well.
    let _ = run("strip", [&binary]);
    let name = "rejoin:chaos".to_owned();
    let (dockerfile, context) = (deploy("Dockerfile"), directory.path().to_string_lossy().into_owned());
    let suite = format!("DEBIAN={suite}");
    engine.docker(&[
        "build",
        "--quiet",
        "--target",
        "prebuilt",
        "--build-arg",
        &suite,
        "--tag",
        &name,
        "--file",
        &dockerfile.to_string_lossy(),
        &context,
    ])?;
    Ok(name)
}

/// A file of the folder `deploy`.
pub(super) fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

fn suite() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |name: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    let is_debian = value("ID=").as_deref() == Some("debian");
    value("VERSION_CODENAME=")
        .filter(|_| is_debian)
        .unwrap_or_else(|| SUITE.to_owned())
}
