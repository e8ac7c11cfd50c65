//! A disk of a few megabytes for one node's data: a tmpfs that can be filled and emptied.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::command::{is_root, run};

const BALLAST: &str = "ballast";

/// A mounted disk. Dropping it unmounts it; what was on it is gone then.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Why there can be none here; `None`: there can.
    pub fn unavailable() -> Option<&'static str> {
        if !cfg!(target_os = "linux") {
            return Some("small disks need Linux");
        }
        (!is_root()).then_some("small disks need root")
    }

    /// Mounts a disk of `mebibytes` at `path`, which is created. In a [`super::directory`] it is found again if nobody unmounts it.
    ///
    /// # Errors
    /// It cannot be mounted.
    pub fn mount(path: &Path, mebibytes: u32) -> anyhow::Result<Self> {
        fs::create_dir_all(path)?;
        let options = format!("size={mebibytes}m,mode=0700");
        let name = format!("rejoin-chaos-{}", std::process::id());
        let place = path.to_string_lossy();
        run("mount", ["-t", "tmpfs", "-o", &options, &name, &place])?;
        Ok(Self { path: path.to_owned() })
    }

    /// Bytes that are free.
    ///
    /// # Errors
    /// The disk does not answer.
    pub fn free_bytes(&self) -> anyhow::Result<u64> {
        let space = rustix::fs::statvfs(&self.path)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    /// Takes room away until `leave_bytes` are free, once more what was given back since. A node may take some of them meanwhile.
    ///
    /// # Errors
    /// The disk fails in another way than by being full.
    pub fn fill(&self, leave_bytes: u64) -> anyhow::Result<()> {
        let chunk = vec![0; 256 * 1024];
        let mut file = fs::File::options()
            .create(true)
            .append(true)
            .open(self.ballast())
            .context("no ballast")?;
        loop {
            let more = self.free_bytes()?.saturating_sub(leave_bytes);
            let bytes = chunk.len().min(usize::try_from(more)?);
            if bytes == 0 {
                return Ok(());
            }
            match file.write_all(&chunk[..bytes]) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes room again.
    ///
    /// # Errors
    /// The file that takes the room cannot be removed.
    pub fn empty(&self) -> anyhow::Result<()> {
        match fs::remove_file(self.ballast()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The file that takes the room away.
    pub fn ballast(&self) -> PathBuf {
        self.path.join(BALLAST)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that is about to end may still have files open. Nothing can be done here if it fails; the next run tries again.
        let _ = run("umount", ["-l".as_ref(), self.path.as_os_str()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_can_be_filled_and_emptied_and_is_gone_afterwards() {
        if let Some(reason) = SmallDisk::unavailable() {
            println!("skipped: {reason}");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("disk");
        let disk = SmallDisk::mount(&path, 4).unwrap();
        disk.fill(1024 * 1024).unwrap();
        assert!(disk.free_bytes().unwrap() <= 1024 * 1024);
        disk.fill(0).unwrap();
        let error = fs::write(path.join("more"), [0; 8192]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        disk.empty().unwrap();
        assert!(disk.free_bytes().unwrap() > 3 * 1024 * 1024);
        drop(disk);
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(path.to_str().unwrap()));
    }
}
