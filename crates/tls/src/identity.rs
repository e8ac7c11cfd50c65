//! The certificates that a node has in force, and their replacement while it runs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use tokio::sync::watch;

use crate::certificate::{PeerCertificate, date, listed};
use crate::files::{Files, LoadError};
use crate::material::{Contents, Material};
use crate::problem::{Cause, Problem};
use crate::trust::Trust;

/// How long before its end a certificate is warned of.
const ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// gRPC, for clients and other datacenters.
    Grpc,
    /// HTTP/1.
    Http,
}

/// The node's own certificate, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// The names in it.
    pub names: String,
    /// When it ends.
    pub ends: String,
}

/// What a look at the files has found.
#[derive(Debug)]
pub enum Found {
    /// What is in force.
    Same,
    /// Something new, which is in force from now on.
    New(Own),
    /// Something that cannot be used; what was in force stays.
    Broken {
        /// What is wrong with it.
        error: LoadError,
        /// Whether an earlier look had found the same.
        known: bool,
    },
}

/// The certificates of a node.
pub struct Identity {
    files: Files,
    datacenter: String,
    http_asks: bool,
    current: RwLock<Arc<Material>>,
    broken: Mutex<Option<String>>,
    looked: watch::Sender<()>,
}

impl Identity {
    /// Reads the certificates of the node of `datacenter`. Callers over HTTP are asked for a certificate if `http_asks`; those over gRPC always are,
    /// and need not have one.
    ///
    /// # Errors
    /// A file cannot be read or used, or the certificate is another datacenter's; the message says what to do.
    pub fn load(files: Files, datacenter: &str, http_asks: bool) -> Result<Self, LoadError> {
        let material = Material::load(&files, datacenter, http_asks)?;
        Ok(Self {
            files,
            datacenter: datacenter.to_owned(),
            http_asks,
            current: RwLock::new(Arc::new(material)),
            broken: Mutex::new(None),
            looked: watch::Sender::new(()),
        })
    }

    /// Looks at the files, and puts what is new in force. Reads files, so it blocks for a moment.
    pub fn look(&self) -> Found {
        let found = self.find();
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match found {
            Ok(found) => {
                *broken = None;
                found
            }
            Err(error) => {
                let text = with_source(&error);
                let known = broken.replace(text.clone()).is_some_and(|before| before == text);
                Found::Broken { error, known }
            }
        };
        drop(broken);
        self.looked.send_replace(());
        found
    }

    fn find(&self) -> Result<Found, LoadError> {
        if Contents::read(&self.files)?.digest() == self.material().digest {
            return Ok(Found::Same);
        }
        let material = Material::load(&self.files, &self.datacenter, self.http_asks)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(material);
        Ok(Found::New(self.own()))
    }

    /// Changes after each look at the files: the moment to judge again who was trusted before.
    pub fn looked(&self) -> watch::Receiver<()> {
        self.looked.subscribe()
    }

    /// The certificate in force.
    pub fn own(&self) -> Own {
        let own = &self.material().own;
        Own {
            names: listed(own.names()),
            ends: own.ends().map_or_else(|| "never".to_owned(), date),
        }
    }

    /// What an operator should know: new files that cannot be used, a certificate that ends soon or has ended.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(broken) = &*self.broken.lock().unwrap_or_else(PoisonError::into_inner) {
            warnings.push(format!(
                "the new certificates cannot be used, so those before stay in force: {broken}"
            ));
        }
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        if let Some(ends) = self
            .material()
            .own
            .ends()
            .filter(|ends| *ends < (now + ENDS_SOON).as_secs())
        {
            let verb = if ends < now.as_secs() { "has expired" } else { "expires" };
            warnings.push(format!(
                "the certificate {} {verb} on {}: issue a new one (deploy/certificates.sh) and put it in place; no restart is needed",
                self.files.certificate.display(),
                date(ends)
            ));
        }
        warnings
    }

    /// What is dialled with now.
    pub fn trust(&self) -> Trust {
        self.material().trust.clone()
    }

    /// Judges the certificate of a caller as it is now.
    ///
    /// # Errors
    /// It is refused.
    pub fn judge_caller(&self, certificate: &PeerCertificate, who: &str) -> Result<(), Problem> {
        let Some(first) = certificate.first() else {
            let who = who.to_owned();
            return Err(Problem {
                who,
                cause: Cause::NoCertificate,
            });
        };
        let judged = self
            .material()
            .callers
            .verify_client_cert(first, certificate.between(), UnixTime::now());
        let trusted = self.files.authority.display().to_string();
        let refused = |error| Problem::of_judgement(who, &trusted, &error);
        judged.map(|_| ()).map_err(refused)
    }

    /// The file with the authorities.
    pub(crate) fn authority(&self) -> String {
        self.files.authority.display().to_string()
    }

    pub(crate) fn material(&self) -> Arc<Material> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn with_source(error: &LoadError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity({})", self.files.certificate.display())
    }
}
