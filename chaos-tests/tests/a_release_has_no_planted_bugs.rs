//! The switch of the planted bugs exists in builds with debug assertions only, and a release has none.

#![allow(clippy::unwrap_used, reason = "helpers of a test")]

use std::path::{Path, PathBuf};
use std::process::Command;

const USER: &str =
    "fn main() { let _planted = planted::plant(planted::Bug::NoSync); assert!(planted::is(planted::Bug::NoSync)); }";

/// Compiles the switch, and a program that turns it on, as a build with these flags would. The answer is the program, or what the compiler said.
fn compile(directory: &Path, flags: &[&str]) -> Result<PathBuf, String> {
    let switch = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/document/src/planted.rs");
    let (library, program) = (directory.join("libplanted.rlib"), directory.join("user"));
    std::fs::write(directory.join("user.rs"), USER).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let compiler = || {
        let mut command = Command::new(&rustc);
        command.args(["--edition", "2024"]).args(flags).current_dir(directory);
        command
    };
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    };
    run(compiler()
        .args(["--crate-type", "lib", "--crate-name", "planted", "-o"])
        .arg(&library)
        .arg(switch))?;
    run(compiler()
        .arg("--extern")
        .arg(format!("planted={}", library.display()))
        .arg("user.rs")
        .arg("-o")
        .arg(&program))?;
    Ok(program)
}

#[test]
fn only_a_build_with_debug_assertions_can_plant_a_bug() {
    let directory = tempfile::tempdir().unwrap();
    let program = compile(directory.path(), &["-C", "debug-assertions=on"]).unwrap();
    assert!(Command::new(program).status().unwrap().success());
    let refused = compile(directory.path(), &["-C", "opt-level=3"]).unwrap_err();
    assert!(refused.contains("plant"), "{refused}");
}

#[test]
fn no_profile_of_a_release_has_debug_assertions() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
    assert!(manifest.contains("[profile.release]"));
    assert!(
        !manifest.contains("debug-assertions"),
        "a profile changes what a release contains"
    );
}
