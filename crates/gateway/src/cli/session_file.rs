//! `--session FILE`: several commands make one session.
//!
//! The file holds one JSON object: for each database the token of the session, in base64url.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rejoin_client::Session;

use super::failure::Failure;
use super::json;

/// Bytes that a session's file needs for one more token, generously: a disk that is full takes a file, but nothing in it.
const ROOM_BYTES: usize = 4096;

/// Whether the file can be written when the command has ended: what it did could not be taken back then.
///
/// # Errors
///
/// It cannot be.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let beside = beside(path);
    let held = fs::metadata(path).map_or(0, |file| file.len());
    let room = vec![b' '; usize::try_from(held).unwrap_or(0).saturating_add(ROOM_BYTES)];
    let written = fs::write(&beside, room);
    // It may not even be there.
    let _ = fs::remove_file(&beside);
    written.map_err(|error| Failure::Usage(cannot(path, "written", &error)))
}

/// The file that takes the place of the session's when it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut beside = PathBuf::from(path).into_os_string();
    beside.push(format!(".{}", std::process::id()));
    beside.into()
}

/// Adds to the session what the file holds; a file that does not exist yet begins a session.
///
/// # Errors
///
/// The file cannot be read, or is none of this kind.
pub(super) fn load(path: &Path, session: &Session) -> Result<(), Failure> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::Usage(cannot(path, "read", &error))),
    };
    let tokens: Option<BTreeMap<String, String>> = serde_json::from_slice(&text).ok();
    for (database, token) in tokens.ok_or_else(|| no_session(path))? {
        let token = URL_SAFE_NO_PAD.decode(token).map_err(|_| no_session(path))?;
        session.resume(&database, token.into());
    }
    Ok(())
}

/// Writes the session to the file, with what another command may have added meanwhile. The file is replaced whole. The command is done by then, so a
/// failure is none of its arguments.
///
/// # Errors
///
/// The file cannot be written.
pub(super) fn save(path: &Path, session: &Session) -> Result<(), Failure> {
    load(path, session).map_err(after)?;
    let tokens = session.all();
    let tokens: BTreeMap<_, _> = tokens
        .iter()
        .map(|(database, token)| (database, URL_SAFE_NO_PAD.encode(token)))
        .collect();
    let beside = beside(path);
    let written = fs::write(&beside, json::text(&tokens)).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // It may not even be there.
        let _ = fs::remove_file(&beside);
        after(Failure::Usage(cannot(path, "written", &error)))
    })
}

fn cannot(path: &Path, what: &str, error: &io::Error) -> String {
    format!("the session file {} cannot be {what}: {error}", path.display())
}

/// A failure when the command is done.
fn after(failure: Failure) -> Failure {
    match failure {
        Failure::Usage(message) => Failure::Local(io::Error::other(format!(
            "the command was done, but {message}; the next one with this file may not see what this one saw"
        ))),
        other => other,
    }
}

fn no_session(path: &Path) -> Failure {
    Failure::Usage(format!(
        "{} is not a session file; give a file that --session has written, or one that does not exist yet",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_the_same_after_it_was_written_and_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("session");
        let session = Session::new();
        load(&path, &session).unwrap();
        session.resume("things", vec![1, 2, 255].into());
        save(&path, &session).unwrap();
        let again = Session::new();
        load(&path, &again).unwrap();
        assert_eq!(again.all(), session.all());
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn a_file_of_another_kind_is_refused_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notes");
        for content in ["", "notes", "{\"things\":7}", "{\"things\":\"=\"}"] {
            fs::write(&path, content).unwrap();
            assert!(matches!(load(&path, &Session::new()), Err(Failure::Usage(_))));
            // A command that is done did not fail for its arguments.
            assert!(matches!(save(&path, &Session::new()), Err(Failure::Local(_))));
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
}
