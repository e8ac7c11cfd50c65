//! A disk whose syncs take long or fail: a library that is loaded into a node before the C library (`LD_PRELOAD`), and files that tell it what to do.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::command::run;

const SOURCE: &str = include_str!("bad_disk.c");

/// What is wrong with the syncs of a [`BadDisk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncFault {
    /// Each takes 120 ms longer.
    Slow,
    /// Each fails with EIO, and nothing is synced.
    Failing,
}

/// The compiled library and the directory of its files.
#[derive(Debug)]
pub struct BadDisk {
    directory: PathBuf,
}

impl BadDisk {
    /// Compiles the library into `directory`, which is created.
    ///
    /// # Errors
    /// There is no C compiler, or this is not Linux.
    pub fn create(directory: &Path) -> anyhow::Result<Self> {
        anyhow::ensure!(cfg!(target_os = "linux"), "syncs are spoilt on Linux only");
        fs::create_dir_all(directory)?;
        let source = directory.join("bad_disk.c");
        fs::write(&source, SOURCE)?;
        let library = library(directory);
        run(
            "cc",
            [
                "-shared".as_ref(),
                "-fPIC".as_ref(),
                "-O1".as_ref(),
                "-o".as_ref(),
                library.as_os_str(),
                source.as_os_str(),
                "-ldl".as_ref(),
            ],
        )
        .context("cannot compile the library that spoils syncs")?;
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// What a node has to be started with.
    pub fn environment(&self) -> [(String, String); 2] {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        [
            ("LD_PRELOAD".to_owned(), text(&library(&self.directory))),
            ("REJOIN_CHAOS_DISK".to_owned(), text(&self.directory)),
        ]
    }

    /// Spoils syncs from now on.
    ///
    /// # Errors
    /// The file that says so cannot be written.
    pub fn begin(&self, fault: SyncFault) -> anyhow::Result<()> {
        Ok(fs::write(self.directory.join(name(fault)), [])?)
    }

    /// Lets syncs be as they are.
    ///
    /// # Errors
    /// The file that says otherwise cannot be removed.
    pub fn end(&self, fault: SyncFault) -> anyhow::Result<()> {
        match fs::remove_file(self.directory.join(name(fault))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// How many syncs were spoilt.
    pub fn fired(&self, fault: SyncFault) -> u64 {
        let file = self.directory.join(format!("{}.fired", name(fault)));
        fs::metadata(file).map_or(0, |metadata| metadata.len())
    }
}

fn library(directory: &Path) -> PathBuf {
    directory.join("bad_disk.so")
}

fn name(fault: SyncFault) -> &'static str {
    match fault {
        SyncFault::Slow => "slow",
        SyncFault::Failing => "failing",
    }
}
