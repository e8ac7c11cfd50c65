//! Programs of the system that are run to their end: `ip`, `mount`, `docker`.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Runs a program and answers what it printed.
///
/// # Errors
/// It cannot be run, or ends with another status than 0; what it said is in the message.
pub fn run(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let output = command
        .output()
        .with_context(|| format!("cannot run {program}: is it installed?"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether this process may do what only root may.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a process of this id runs.
pub fn is_alive(process_id: u32) -> bool {
    std::path::Path::new(&format!("/proc/{process_id}")).exists()
}

/// The process id in a name of the form `<prefix><id>-…`, if the name has it.
pub fn owner(name: &str, prefix: &str) -> Option<u32> {
    let rest = name.strip_prefix(prefix)?;
    rest.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_prints_is_answered_and_what_it_complains_about_is_an_error() {
        assert_eq!(run("echo", ["yes"]).unwrap(), "yes\n");
        let error = run("sh", ["-c", "echo because >&2; exit 3"]).unwrap_err().to_string();
        assert!(error.contains("because") && error.contains('3'), "{error}");
        assert!(run("no-such-program", [""; 0]).is_err());
    }

    #[test]
    fn names_carry_the_process_that_made_them() {
        assert_eq!(owner("rejoin-chaos-123-0-a", "rejoin-chaos-"), Some(123));
        assert_eq!(owner("rejoin-chaos-123", "rejoin-chaos-"), Some(123));
        assert_eq!(owner("rejoin-chaos-x", "rejoin-chaos-"), None);
        assert_eq!(owner("other-123", "rejoin-chaos-"), None);
        assert!(is_alive(std::process::id()));
    }
}
