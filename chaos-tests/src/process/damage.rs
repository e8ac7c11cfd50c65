//! Damage to the files of a node that does not run: a disk that gives back something else than was written, or has lost a file.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::plan::FaultKind;

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Damage {
    /// A bit flips in a table.
    TableBit,
    /// A bit flips in the write-ahead log.
    LogBit,
    /// A bit flips in the list of tables.
    ManifestBit,
    /// A table is missing.
    MissingTable,
}

/// What was done to which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inflicted {
    /// The file.
    pub file: PathBuf,
    /// The byte whose bit was flipped, and the bit; `None`: the file is gone.
    pub flipped: Option<(usize, u8)>,
}

impl Damage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::TableBit, Self::LogBit, Self::ManifestBit, Self::MissingTable];

    /// The fault that it is.
    pub fn kind(self) -> FaultKind {
        match self {
            Self::TableBit | Self::LogBit | Self::ManifestBit => FaultKind::BitFlip,
            Self::MissingTable => FaultKind::MissingFile,
        }
    }

    /// Damages a file of a data directory that no process has open, drawn from those that hold anything.
    ///
    /// # Errors
    /// There is no such file, or it cannot be written.
    pub fn inflict(self, data: &Path, random: &mut StdRng) -> anyhow::Result<Inflicted> {
        let files = self.candidates(data)?;
        anyhow::ensure!(
            !files.is_empty(),
            "{} has nothing that {self} can befall",
            data.display()
        );
        let file = files[random.random_range(0..files.len())].clone();
        if self == Self::MissingTable {
            fs::remove_file(&file)?;
            return Ok(Inflicted { file, flipped: None });
        }
        let mut bytes = fs::read(&file)?;
        let (place, bit) = (random.random_range(0..bytes.len()), random.random_range(0..8));
        bytes[place] ^= 1 << bit;
        fs::write(&file, bytes)?;
        Ok(Inflicted {
            file,
            flipped: Some((place, bit)),
        })
    }

    /// In the order of their names.
    fn candidates(self, data: &Path) -> anyhow::Result<Vec<PathBuf>> {
        if self == Self::ManifestBit {
            let current = fs::read_to_string(data.join("CURRENT")).context("there is no CURRENT")?;
            return Ok(vec![data.join(current.trim())]);
        }
        let ending = if self == Self::LogBit { "log" } else { "sst" };
        let mut files = Vec::new();
        for entry in fs::read_dir(data)? {
            let entry = entry?;
            let is_one = entry.path().extension().is_some_and(|found| found == ending);
            if is_one && entry.metadata()?.len() > 0 {
                files.push(entry.path());
            }
        }
        files.sort();
        Ok(files)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TableBit => "a flipped bit in a table",
            Self::LogBit => "a flipped bit in the log",
            Self::ManifestBit => "a flipped bit in the manifest",
            Self::MissingTable => "a missing table",
        })
    }
}

impl fmt::Display for Inflicted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        match self.flipped {
            Some((place, bit)) => write!(formatter, "{name}, bit {bit} of byte {place}"),
            None => write!(formatter, "{name} is gone"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn data() -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        let files = [
            ("000007.sst", "table"),
            ("000008.log", ""),
            ("000009.log", "log"),
            ("MANIFEST-000004", "old"),
            ("MANIFEST-000005", "manifest"),
            ("CURRENT", "MANIFEST-000005\n"),
            ("LOCK", ""),
        ];
        for (name, text) in files {
            fs::write(data.path().join(name), text).unwrap();
        }
        data
    }

    #[test]
    fn one_bit_of_one_file_of_the_kind_is_flipped_and_no_other_file_is_touched() {
        for (damage, name) in [
            (Damage::TableBit, "000007.sst"),
            (Damage::LogBit, "000009.log"),
            (Damage::ManifestBit, "MANIFEST-000005"),
        ] {
            let (before, after) = (data(), data());
            let inflicted = damage.inflict(after.path(), &mut StdRng::seed_from_u64(1)).unwrap();
            assert_eq!(inflicted.file, after.path().join(name));
            let mut differing = 0;
            for entry in fs::read_dir(before.path()).unwrap() {
                let entry = entry.unwrap();
                let bytes = |directory: &tempfile::TempDir| fs::read(directory.path().join(entry.file_name())).unwrap();
                let (one, other) = (bytes(&before), bytes(&after));
                assert_eq!(one.len(), other.len());
                differing += one.iter().zip(&other).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
            }
            assert_eq!(differing, 1, "{damage}");
        }
    }

    #[test]
    fn a_missing_table_is_gone_and_where_there_is_none_that_is_an_error() {
        let data = data();
        let mut random = StdRng::seed_from_u64(1);
        let inflicted = Damage::MissingTable.inflict(data.path(), &mut random).unwrap();
        assert_eq!((inflicted.flipped, inflicted.file.exists()), (None, false));
        assert!(Damage::MissingTable.inflict(data.path(), &mut random).is_err());
    }
}
