//! The file of users: TOML, written whole by `rejoin user`, read by nodes.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{User, UserName};

/// Bytes of the file at most: more than ten thousand users with tokens.
const BYTES_MAX: u64 = 16 << 20;

/// What a file that is made anew may be read by: its owner.
const MODE: u32 = 0o600;

const HEAD: &str =
    "# Users of Rejoin. `rejoin user` writes this file whole; a node reads it when it starts and on SIGHUP.\n\n";

/// Why a file of users cannot be used.
#[derive(Debug, Error)]
pub enum UsersError {
    /// It cannot be read.
    #[error("cannot read the file of users {}; make one with `rejoin user add NAME --users FILE`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It makes no sense.
    #[error("{}, line {line}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there. It repeats no secret.
        problem: String,
    },
    /// It has more bytes than a file of users may have.
    #[error("{} has more than {BYTES_MAX} bytes, which no file of users has", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot write the file of users {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Somebody else is changing it.
    #[error(
        "{} is there: another `rejoin user` is changing the file of users; try again, or remove it if none is running",
        beside.display()
    )]
    Busy {
        /// The file that stands for the change.
        beside: PathBuf,
    },
}

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UsersFile {
    /// The users by their names.
    pub(crate) users: BTreeMap<UserName, User>,
}

impl UsersFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It is not there, cannot be read, or makes no sense; the error names the line.
    pub(crate) fn load(path: &Path) -> Result<Self, UsersError> {
        let in_path = |source| UsersError::Read {
            path: path.to_owned(),
            source,
        };
        let mut text = String::new();
        let file = File::open(path).map_err(in_path)?;
        file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(in_path)?;
        if text.len() as u64 > BYTES_MAX {
            return Err(UsersError::TooLarge { path: path.to_owned() });
        }
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, UsersError> {
        toml::from_str(text).map_err(|error| {
            let before = text.bytes().take(error.span().map_or(0, |span| span.start));
            UsersError::Malformed {
                path: path.to_owned(),
                line: before.filter(|byte| *byte == b'\n').count() + 1,
                problem: error.message().lines().collect::<Vec<_>>().join(" "),
            }
        })
    }

    /// Changes a file, which is made if it is not there: whoever reads it meanwhile reads it as it was, or as it is then.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, somebody else is changing it, or `change` fails: the file is as it was then.
    pub(crate) fn change<T, E: From<UsersError>>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        // A link to the file stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let place = Beside::take(&path)?;
        let mut file = match Self::load(&path) {
            Err(UsersError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Self::default(),
            loaded => loaded?,
        };
        let changed = change(&mut file)?;
        place.put(&file)?;
        Ok(changed)
    }
}

/// The file that takes the place of the other when it is whole, and stands for the change until then.
struct Beside<'a> {
    path: &'a Path,
    beside: PathBuf,
    file: File,
}

impl<'a> Beside<'a> {
    fn take(path: &'a Path) -> Result<Self, UsersError> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let opened = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&beside);
        match opened {
            Ok(file) => Ok(Self { path, beside, file }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(UsersError::Busy { beside }),
            Err(source) => Err(UsersError::Write {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn put(mut self, users: &UsersFile) -> Result<(), UsersError> {
        let text = toml::to_string(users).map_err(io::Error::other);
        let written = text.and_then(|text| self.write(&format!("{HEAD}{text}")));
        written.map_err(|source| UsersError::Write {
            path: self.path.to_owned(),
            source,
        })
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        // Who may read the file is the operator's choice once it is there.
        if let Ok(present) = fs::metadata(self.path) {
            let mode = present.permissions().mode() & 0o777;
            self.file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()?;
        fs::rename(&self.beside, self.path)?;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        // It is gone if it took the place of the other.
        let _ = fs::remove_file(&self.beside);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PasswordHash, Place, Role, Secret, TokenHash, TokenRecord};
    use super::*;

    fn ada() -> User {
        User {
            password: PasswordHash::new(&Secret::new("secret")).ok(),
            roles: BTreeMap::from([(Place::All, Role::Reader)]),
            tokens: vec![TokenRecord {
                name: "laptop".parse().unwrap(),
                hash: TokenHash::of(&Secret::new("a token")),
            }],
        }
    }

    fn add(path: &Path, name: &str) -> Result<(), UsersError> {
        UsersFile::change(path, |file| {
            file.users.insert(name.parse().unwrap(), ada());
            Ok(())
        })
    }

    #[test]
    fn a_file_is_made_for_its_owner_alone_and_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users.toml");
        add(&path, "ada").unwrap();
        add(&path, "bob").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let names: Vec<String> = UsersFile::load(&path)
            .unwrap()
            .users
            .into_keys()
            .map(String::from)
            .collect();
        assert_eq!(names, ["ada", "bob"]);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("secret") && !text.contains("a token"), "{text}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        add(&path, "cyd").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn a_change_that_fails_or_meets_another_leaves_the_file_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users.toml");
        add(&path, "ada").unwrap();
        let before = fs::read(&path).unwrap();
        let failed = UsersFile::change(&path, |file| {
            file.users.clear();
            Err::<(), _>(UsersError::TooLarge { path: path.clone() })
        });
        assert!(failed.is_err());
        let beside = directory.path().join("users.toml.new");
        fs::write(&beside, "").unwrap();
        let busy = add(&path, "bob").unwrap_err().to_string();
        assert!(busy.contains("users.toml.new is there"), "{busy}");
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(beside.exists(), "it is not ours");
    }

    #[test]
    fn what_makes_no_sense_is_named_with_its_line_and_without_the_secret() {
        let hash = String::from(PasswordHash::new(&Secret::new("x")).unwrap());
        for (text, line, says) in [
            ("[users.ada]\npassword = \"hunter2\"", 2, "rejoin user password"),
            ("[users.ada]\n\nroles = { customers = \"owner\" }", 3, "owner"),
            ("[users.ada]\nroles = { \"No Name\" = \"reader\" }", 2, "No Name"),
            ("[users.\"a b\"]\nroles = {}", 1, "a b"),
            ("[users.ada]\nrolls = {}", 2, "rolls"),
            (
                "[users.ada]\n[[users.ada.tokens]]\nname = \"a\"\nhash = \"hunter2\"",
                4,
                "rejoin user token",
            ),
            (&format!("[users.ada]\npassword = \"{hash}"), 2, ""),
        ] {
            let message = UsersFile::parse(Path::new("users.toml"), text).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("users.toml, line {line}: ")),
                "{text}: {message}"
            );
            assert!(message.contains(says), "{message}");
            assert!(!message.contains("hunter2") && !message.contains(&hash), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
}
