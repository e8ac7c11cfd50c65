//! Where the files of a run lie, and how what a run left behind that was killed is found: by the process id in it.

use std::fs;
use std::path::Path;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::command::{is_alive, run};

/// What the directories of runs are called, before something that tells them apart.
const PREFIX: &str = "rejoin-";
/// The file with the id of the process that a directory belongs to.
const OWNER: &str = "owner";

/// A new directory that goes with everything in it when it is dropped. Removes those of processes that have ended, with the nodes that still run on
/// them and the disks that are mounted in them.
///
/// # Errors
/// It cannot be created.
pub fn directory() -> anyhow::Result<TempDir> {
    sweep(&std::env::temp_dir());
    let directory = tempfile::Builder::new().prefix(PREFIX).tempdir();
    let directory = directory.context("no temporary directory")?;
    fs::write(directory.path().join(OWNER), std::process::id().to_string())?;
    Ok(directory)
}

/// What cannot be removed stays: somebody else may be removing it, or it belongs to another user.
fn sweep(above: &Path) {
    for entry in fs::read_dir(above).into_iter().flatten().flatten() {
        let directory = entry.path();
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let owner = fs::read_to_string(directory.join(OWNER)).unwrap_or_default();
        let stale = owner.parse().is_ok_and(|process| !is_alive(process));
        if is_ours && stale {
            end_processes(&directory);
            unmount(&directory);
            let _ = fs::remove_dir_all(&directory);
        }
    }
}

/// Kills the processes that were given a path in the directory.
fn end_processes(directory: &Path) {
    let below = format!("{}/", directory.display());
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let process = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(process) = process.and_then(Pid::from_raw) else {
            continue;
        };
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mut words = command.split(|byte| *byte == 0);
        if words.next().is_some_and(|program| program.ends_with(b"rejoin"))
            && words.any(|word| word.starts_with(below.as_bytes()))
        {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

fn unmount(directory: &Path) {
    let below = format!("{}/", directory.display());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let paths = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    for path in paths.filter(|path| path.starts_with(&below)) {
        let _ = run("umount", ["-l", path]);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::process::{SmallDisk, poll_until};

    #[tokio::test]
    async fn what_a_killed_run_left_behind_is_removed_and_nothing_else() {
        let above = tempfile::tempdir().unwrap();
        let make = |name: &str, owner: u32| {
            let directory = above.path().join(name);
            fs::create_dir_all(directory.join("dc-a/data")).unwrap();
            fs::write(directory.join(OWNER), owner.to_string()).unwrap();
            directory
        };
        // A process id that is taken by nobody: that of a process that has ended and was waited for.
        let mut ended = Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let (stale, alive) = (
            make("rejoin-stale", ended.id()),
            make("rejoin-alive", std::process::id()),
        );
        let foreign = make("other-stale", ended.id());
        let disk = SmallDisk::unavailable()
            .is_none()
            .then(|| SmallDisk::mount(&stale.join("dc-a/data"), 4).unwrap());
        // A shell stands in for a node: its name and one of its arguments are those of one.
        let program = above.path().join("rejoin");
        fs::copy("/bin/sh", &program).unwrap();
        let start = |directory: &Path| {
            let mut command = Command::new(&program);
            command.args(["-c", "read line"]).arg(directory.join("dc-a/data"));
            command.stdin(Stdio::piped()).spawn().unwrap()
        };
        let (mut left, mut running) = (start(&stale), start(&alive));
        sweep(above.path());
        let gone = poll_until(std::time::Duration::from_secs(5), async || Ok(left.try_wait()?))
            .await
            .unwrap();
        assert!(!gone.success());
        assert!(running.try_wait().unwrap().is_none(), "that of a living run goes on");
        running.kill().unwrap();
        running.wait().unwrap();
        assert!(!stale.exists() && alive.exists() && foreign.exists());
        drop(disk);
    }
}
