//! The arguments that every client command takes.

use std::path::{Path, PathBuf};

use clap::Args;
use rejoin_client::{CallError, Client, ClientOptions, Credentials, Dialler, Session, Trust};

use super::failure::Failure;
use super::output::Output;
use super::session_file;

/// Which node to ask and how to print its answer.
#[derive(Debug, Default, Args)]
pub(super) struct Connection {
    /// The node's gRPC address; may be repeated: a call goes to the next one if one cannot be reached
    #[arg(
        long,
        value_name = "URL",
        env = "REJOIN_ADDRESS",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:7601"
    )]
    pub(super) address: Vec<String>,
    /// A PEM file with the authority that the node's certificate comes from, for an https:// address
    #[arg(long, value_name = "FILE", env = "REJOIN_AUTHORITY")]
    authority: Option<PathBuf>,
    /// A PEM file with a certificate to show to the node, where it wants one
    #[arg(long, value_name = "FILE", env = "REJOIN_CERTIFICATE", requires = "key")]
    certificate: Option<PathBuf>,
    /// A PEM file with the key of the certificate
    #[arg(long, value_name = "FILE", env = "REJOIN_KEY", requires = "certificate")]
    key: Option<PathBuf>,
    /// The user who calls; the password comes from REJOIN_PASSWORD or --password-file
    #[arg(long, value_name = "NAME", env = "REJOIN_USER")]
    user: Option<String>,
    /// A file with the password of the user
    #[arg(long, value_name = "FILE", env = "REJOIN_PASSWORD_FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// A file with a token of the user who calls; or give the token in REJOIN_TOKEN
    #[arg(long, value_name = "FILE", env = "REJOIN_TOKEN_FILE", conflicts_with = "user")]
    token_file: Option<PathBuf>,
    /// Send the password or token in plain text to an address that is not a loopback one, too
    #[arg(long)]
    credentials_in_plain_text: bool,
    /// Go on with the session in this file, and keep it there: no answer is older than what its commands have seen
    #[arg(long, value_name = "FILE")]
    session: Option<PathBuf>,
    /// What this command has seen, with what the file says.
    #[arg(skip)]
    seen: Session,
    /// Print JSON for programs, errors too (on standard error)
    #[arg(long)]
    pub(super) json: bool,
}

impl Connection {
    /// A client of the node; nothing is dialled yet.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let options = ClientOptions {
            credentials: self.credentials()?,
            credentials_in_plain_text: self.credentials_in_plain_text,
            ..ClientOptions::default()
        };
        let client = Client::with_dialler(&self.address, options, self.dialler()?);
        let client = client.map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(client.with_session(self.seen.clone()))
    }

    fn dialler(&self) -> Result<Dialler, Failure> {
        let Some(authority) = &self.authority else {
            return match self.certificate {
                Some(_) => Err(Failure::Usage(
                    "a certificate is shown over TLS only: name the node's authority with --authority FILE".to_owned(),
                )),
                None => Ok(Dialler::default()),
            };
        };
        let own = self.certificate.as_deref().zip(self.key.as_deref());
        let trust = Trust::load(authority, own).map_err(|error| {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
            Failure::Usage(format!("{error}{}", source.unwrap_or_default()))
        })?;
        Ok(Dialler::secure(trust))
    }

    /// Who calls. Secrets come from files and from the environment, never from arguments, which every user of the machine can read.
    fn credentials(&self) -> Result<Option<Credentials>, Failure> {
        let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let credentials = if let Some(user) = &self.user {
            let password = match &self.password_file {
                Some(file) => Some(secret(file)?),
                None => variable("REJOIN_PASSWORD"),
            };
            let password = password.ok_or_else(|| {
                let message = "the password is missing: put it in REJOIN_PASSWORD, or name a file with --password-file";
                Failure::Usage(message.to_owned())
            })?;
            Credentials::basic(user, &password)
        } else {
            let token = match &self.token_file {
                Some(file) => Some(secret(file)?),
                None => variable("REJOIN_TOKEN"),
            };
            match token {
                Some(token) => Credentials::token(token.trim()),
                None => return Ok(None),
            }
        };
        credentials.map(Some).map_err(|error| Failure::Usage(error.to_string()))
    }

    /// Reads the session's file, if there is to be one.
    pub(super) fn begin(&self) -> Result<KeptSession, Failure> {
        if let Some(file) = &self.session {
            session_file::load(file, &self.seen)?;
            session_file::check(file)?;
        }
        Ok(KeptSession {
            file: self.session.clone(),
            seen: self.seen.clone(),
        })
    }

    pub(super) fn output(&self) -> Output {
        Output::stdout()
    }
}

/// The secret in a file, without the end of its line.
fn secret(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", file.display())))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The session of a command, and where it is kept.
pub(super) struct KeptSession {
    file: Option<PathBuf>,
    seen: Session,
}

impl KeptSession {
    /// The failure; where the session itself is refused, with the file that it comes from.
    pub(super) fn named_in(&self, mut failure: Failure) -> Failure {
        const REASONS: [&str; 2] = ["INVALID_SESSION", "SESSION_LOST"];
        if let (Some(file), Failure::Call(CallError::Refused(refusal))) = (&self.file, &mut failure)
            && REASONS.contains(&refusal.reason.as_str())
        {
            let named = format!("{}: {}", file.display(), refusal.message);
            refusal.message = named;
        }
        failure
    }

    /// Writes the session's file: what was seen by a refusal counts, too.
    pub(super) fn end(self) -> Result<(), Failure> {
        match self.file {
            Some(file) => session_file::save(&file, &self.seen),
            None => Ok(()),
        }
    }
}
