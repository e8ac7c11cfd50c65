//! The other end of a link, for as long as it is trusted.

use std::fmt;
use std::sync::Arc;

use rejoin_tls::{Identity, PeerCertificate, Problem};
use tokio::sync::watch;

/// Trust in the other end of a link that is open.
pub(crate) struct Secured {
    identity: Arc<Identity>,
    certificate: PeerCertificate,
    /// The name that was dialled; `None` for one that has called.
    dialled: Option<String>,
    who: String,
    looked: watch::Receiver<()>,
}

impl Secured {
    /// Trust in one that was dialled as `name`.
    pub(crate) fn dialled(identity: &Arc<Identity>, certificate: PeerCertificate, name: &str, who: &str) -> Self {
        Self::new(identity, certificate, Some(name.to_owned()), who)
    }

    /// Trust in one that has called.
    pub(crate) fn caller(identity: &Arc<Identity>, certificate: PeerCertificate, who: &str) -> Self {
        Self::new(identity, certificate, None, who)
    }

    fn new(identity: &Arc<Identity>, certificate: PeerCertificate, dialled: Option<String>, who: &str) -> Self {
        Self {
            identity: Arc::clone(identity),
            certificate,
            dialled,
            who: who.to_owned(),
            looked: identity.looked(),
        }
    }

    /// The certificate of the other end.
    pub(crate) fn certificate(&self) -> &PeerCertificate {
        &self.certificate
    }

    /// What a problem calls the other end.
    pub(crate) fn who(&self) -> &str {
        &self.who
    }

    /// Waits until the other end is no longer trusted: its certificate has ended, or its authority is gone from the file. Never ends before. May be
    /// dropped at any time.
    pub(crate) async fn distrusted(&mut self) -> Problem {
        loop {
            if self.looked.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            let judged = match &self.dialled {
                Some(name) => self.identity.trust().judge_dialled(&self.certificate, name, &self.who),
                None => self.identity.judge_caller(&self.certificate, &self.who),
            };
            if let Err(problem) = judged {
                return problem;
            }
        }
    }
}

impl fmt::Debug for Secured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secured({})", self.who)
    }
}
