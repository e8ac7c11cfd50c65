//! Where the password of a user comes from: a prompt without echo, or the standard input. Never an argument.

use std::io::{self, Read};

use clap::Args;

use super::failure::Failure;
use crate::access::{PasswordHash, Secret};

/// Bytes of a password, inclusive.
const BYTES_MIN: usize = 8;
const BYTES_MAX: usize = 1_024;

/// How the password is given.
#[derive(Debug, Args)]
pub(super) struct PasswordSource {
    /// Read the password from the standard input, its first line, instead of asking for it
    #[arg(long)]
    pub(super) password_stdin: bool,
}

impl PasswordSource {
    /// Asks for the password of a user and hashes it.
    pub(super) fn ask(&self, user: &str) -> Result<PasswordHash, Failure> {
        let password = match self.password_stdin {
            true => from_input(io::stdin())?,
            false => from_terminal(user)?,
        };
        let bytes = password.expose().len();
        if !(BYTES_MIN..=BYTES_MAX).contains(&bytes) || password.expose().chars().any(char::is_control) {
            let message = format!("a password has {BYTES_MIN} to {BYTES_MAX} bytes and no control characters");
            return Err(Failure::Usage(message));
        }
        PasswordHash::new(&password).map_err(|error| Failure::Local(io::Error::other(error)))
    }
}

fn from_input(input: impl Read) -> Result<Secret, Failure> {
    let mut text = String::new();
    // Two more for the end of the line.
    input.take(BYTES_MAX as u64 + 2).read_to_string(&mut text)?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

fn from_terminal(user: &str) -> Result<Secret, Failure> {
    let ask = |prompt: String| {
        rpassword::prompt_password(prompt).map_err(|error| {
            let message = format!("the password cannot be asked for ({error}); send it with --password-stdin");
            Failure::Usage(message)
        })
    };
    let password = ask(format!("Password of {user}: "))?;
    match ask("Once more: ".to_owned())? == password {
        true => Ok(Secret::new(password)),
        false => Err(Failure::Usage(
            "the two passwords differ; nothing was changed".to_owned(),
        )),
    }
}
