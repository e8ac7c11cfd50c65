//! The switches of the planted bugs and panics exist in builds with debug assertions only, and a release has none.

#![allow(clippy::unwrap_used, reason = "helpers of a test")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A switch, and what a program does that turns it on.
struct Switch {
    file: &'static str,
    user: &'static str,
}

const SWITCHES: [Switch; 2] = [
    Switch {
        file: "../crates/document/src/planted.rs",
        user: "let _planted = planted::plant(planted::Bug::NoSync); assert!(planted::is(planted::Bug::NoSync));",
    },
    Switch {
        file: "../crates/store/src/planted_panic.rs",
        user: "planted::step(planted::CALL);",
    },
];

/// Compiles the switch, and a program that turns it on, as a build with these flags would. The answer is the program, or what the compiler said.
fn compile(switch: &Switch, directory: &Path, flags: &[&str]) -> Result<PathBuf, String> {
    let (library, program) = (directory.join("libplanted.rlib"), directory.join("user"));
    std::fs::write(directory.join("user.rs"), format!("fn main() {{ {} }}", switch.user)).unwrap();
    let switch = Path::new(env!("CARGO_MANIFEST_DIR")).join(switch.file);
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
fn only_a_build_with_debug_assertions_can_plant_a_bug_or_a_panic() {
    for switch in &SWITCHES {
        let directory = tempfile::tempdir().unwrap();
        let program = compile(switch, directory.path(), &["-C", "debug-assertions=on"]).unwrap();
        assert!(Command::new(&program).status().unwrap().success(), "{}", switch.file);
        let refused = compile(switch, directory.path(), &["-C", "opt-level=3"]).unwrap_err();
        assert!(refused.contains("planted"), "{refused}");
    }
}

#[test]
fn a_planted_panic_strikes_once() {
    let (directory, plants) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let program = compile(&SWITCHES[1], directory.path(), &["-C", "debug-assertions=on"]).unwrap();
    let run = || {
        let mut command = Command::new(&program);
        command.env("REJOIN_PLANTED_PANICS", plants.path()).output().unwrap()
    };
    assert!(run().status.success());
    std::fs::write(plants.path().join("call"), []).unwrap();
    let struck = run();
    let told = String::from_utf8_lossy(&struck.stderr);
    assert!(!struck.status.success() && told.contains("planted in: call"), "{told}");
    assert!(run().status.success());
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
