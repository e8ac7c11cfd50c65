//! Files of users for tests, made by the command that operators use.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rejoin_client::Credentials;
use tempfile::TempDir;

/// A file of users that goes with its test.
pub(crate) struct UsersFile {
    directory: TempDir,
}

impl UsersFile {
    /// A file with users that have tokens and these roles, e.g. `customers=writer`.
    pub(crate) fn with(users: &[(&str, &[&str])]) -> Self {
        let file = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        for (name, roles) in users {
            let mut arguments = vec!["add", name, "--no-password"];
            arguments.extend(roles.iter().flat_map(|role| ["--role", role]));
            file.run(&arguments, "");
            let token = file.run(&["token", name], "");
            std::fs::write(file.token_file(name), token).unwrap();
        }
        file
    }

    /// The file itself.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("users.toml")
    }

    /// Where the token of a user is.
    pub(crate) fn token_file(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.token"))
    }

    pub(crate) fn token(&self, name: &str) -> String {
        std::fs::read_to_string(self.token_file(name))
            .unwrap()
            .trim()
            .to_owned()
    }

    pub(crate) fn credentials(&self, name: &str) -> Credentials {
        Credentials::token(&self.token(name)).unwrap()
    }

    /// `rejoin user` with these arguments, which succeeds; what it prints.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> String {
        let output = user_command(&self.path(), arguments, input);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// `rejoin user` on a file.
pub(crate) fn user_command(file: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command.arg("user").args(arguments).arg("--users").arg(file);
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}
