//! The arguments that every client command takes.

use std::path::PathBuf;

use clap::Args;
use rejoin_client::{CallError, Client, ClientOptions, Dialler, Session, Trust};

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
        let client = Client::with_dialler(&self.address, ClientOptions::default(), self.dialler()?);
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
