//! The certificates of a node, and what its settings say of them.

use std::sync::Arc;
use std::time::Duration;

use rejoin_document::DatacenterName;
use rejoin_tls::{Found, Identity, LoadError, Own};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::config::TlsSettings;

/// The certificates of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct NodeTls {
    identity: Arc<Identity>,
    settings: Arc<TlsSettings>,
}

impl NodeTls {
    /// Reads the certificates that `settings` name; `None` if they name none.
    ///
    /// # Errors
    ///
    /// They cannot be used; the message says what to do.
    pub fn load(settings: &TlsSettings, datacenter: &DatacenterName) -> Result<Option<Self>, LoadError> {
        let Some(files) = settings.files() else { return Ok(None) };
        let identity = Identity::load(files, datacenter.as_str(), settings.client_certificates)?;
        Ok(Some(Self {
            identity: Arc::new(identity),
            settings: Arc::new(settings.clone()),
        }))
    }

    pub(crate) fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// The certificate in force.
    pub(crate) fn own(&self) -> Own {
        self.identity.own()
    }

    /// What an operator should know of the certificates.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.identity.warnings()
    }

    pub(crate) fn needs_client_certificates(&self) -> bool {
        self.settings.client_certificates
    }

    pub(crate) fn handshake_timeout(&self) -> Duration {
        Duration::from_millis(self.settings.handshake_timeout_ms)
    }

    pub(crate) fn handshakes_max(&self) -> usize {
        self.settings.handshakes_max
    }

    /// Looks at the files every now and then until `stop`.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(Duration::from_millis(self.settings.look_every_ms));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.look().await,
            }
        }
    }

    /// Looks at the files now, and puts what is new in force.
    pub(crate) async fn look(&self) {
        let identity = Arc::clone(&self.identity);
        // It reads files. A task that failed has said so itself, and the next look comes.
        let Ok(found) = tokio::task::spawn_blocking(move || identity.look()).await else {
            return;
        };
        match found {
            Found::Same | Found::Broken { known: true, .. } => {}
            Found::New(own) => {
                tracing::info!(names = own.names, ends = own.ends, "new certificates are in force");
            }
            Found::Broken { error, known: false } => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, source, "the new certificates cannot be used; those before stay in force");
            }
        }
    }
}
