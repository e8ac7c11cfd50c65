//! Dialling: which authorities issue the certificates of those that are dialled, and what is shown to them.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientConfig, Resumption};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{ConfigBuilder, RootCertStore, WantsVerifier};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, TlsStream};

use crate::certificate::PeerCertificate;
use crate::files::{self, FileKind, Files, LoadError};
use crate::material::{ALPN_GRPC, ALPN_HTTP, Chain, provider, roots};
use crate::problem::{Cause, Problem};

/// Whom a dialling side trusts. Cheap to clone; the files are read once.
#[derive(Clone)]
pub struct Trust {
    grpc: Arc<ClientConfig>,
    http: Arc<ClientConfig>,
    verifier: Arc<WebPkiServerVerifier>,
    authority: Arc<str>,
}

impl Trust {
    /// Trusts the authorities in a PEM file, and shows the certificate in the first file of `own`, which has the key in the second.
    ///
    /// # Errors
    /// A file cannot be read or used; the message names it.
    pub fn load(authority: &Path, own: Option<(&Path, &Path)>) -> Result<Self, LoadError> {
        let bytes = files::read(FileKind::Authority, authority)?;
        let roots = roots(authority, &bytes)?;
        let own = match own {
            None => None,
            Some((certificate, key)) => {
                let files = Files {
                    certificate: certificate.to_owned(),
                    key: key.to_owned(),
                    authority: authority.to_owned(),
                };
                let certificate = files::read(FileKind::Certificate, certificate)?;
                let key = files::read(FileKind::Key, key)?;
                Some(Chain::new(&files, &certificate, &key)?)
            }
        };
        Self::new(authority, &roots, own.as_ref())
    }

    pub(crate) fn new(authority: &Path, roots: &Arc<RootCertStore>, own: Option<&Chain>) -> Result<Self, LoadError> {
        let unusable = |error: &dyn fmt::Display| LoadError::content(FileKind::Authority, authority, error);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider());
        let verifier = verifier.build().map_err(|error| unusable(&error))?;
        let config = |protocol: &[u8]| -> Result<Arc<ClientConfig>, rustls::Error> {
            let builder: ConfigBuilder<ClientConfig, WantsVerifier> =
                ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
            let builder = builder.with_webpki_verifier(Arc::clone(&verifier));
            let mut config = match own {
                None => builder.with_no_client_auth(),
                Some(own) => builder.with_client_auth_cert(own.certificates.clone(), own.key.clone_key())?,
            };
            config.resumption = Resumption::disabled();
            config.alpn_protocols = vec![protocol.to_vec()];
            Ok(Arc::new(config))
        };
        Ok(Self {
            grpc: config(ALPN_GRPC).map_err(|error| unusable(&error))?,
            http: config(ALPN_HTTP).map_err(|error| unusable(&error))?,
            verifier,
            authority: authority.display().to_string().into(),
        })
    }

    /// Makes `stream` a secure one for gRPC, with an end that has a certificate for `name`: a DNS name or an IP address. `who` is what a
    /// problem calls it.
    ///
    /// # Errors
    /// The handshake failed. Nothing was sent beyond it.
    pub async fn dial<S>(&self, stream: S, name: &str, who: &str) -> Result<(TlsStream<S>, PeerCertificate), Problem>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.dial_with(&self.grpc, stream, name, who).await
    }

    /// [`Trust::dial`] for HTTP/1.
    ///
    /// # Errors
    /// The handshake failed. Nothing was sent beyond it.
    pub async fn dial_http<S>(&self, stream: S, name: &str, who: &str) -> Result<TlsStream<S>, Problem>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (stream, _) = self.dial_with(&self.http, stream, name, who).await?;
        Ok(stream)
    }

    async fn dial_with<S>(
        &self,
        config: &Arc<ClientConfig>,
        stream: S,
        name: &str,
        who: &str,
    ) -> Result<(TlsStream<S>, PeerCertificate), Problem>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let server = server_name(name, who)?;
        let connecting = TlsConnector::from(Arc::clone(config)).connect(server, stream);
        let stream = connecting
            .await
            .map_err(|error| Problem::of_handshake(who, &self.authority, &error))?;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let certificate = PeerCertificate::new(shown);
        Ok((stream.into(), certificate))
    }

    /// Judges the certificate of an end that was dialled as it is now: it may have expired since, or its authority may be trusted no more.
    ///
    /// # Errors
    /// It would be refused.
    pub fn judge_dialled(&self, certificate: &PeerCertificate, name: &str, who: &str) -> Result<(), Problem> {
        let server = server_name(name, who)?;
        let none = || Problem {
            who: who.to_owned(),
            cause: Cause::NoCertificate,
        };
        let first = certificate.first().ok_or_else(none)?;
        let judged = self
            .verifier
            .verify_server_cert(first, certificate.between(), &server, &[], UnixTime::now());
        let refused = |error| Problem::of_judgement(who, &self.authority, &error);
        judged.map(|_| ()).map_err(refused)
    }
}

fn server_name(name: &str, who: &str) -> Result<ServerName<'static>, Problem> {
    ServerName::try_from(name.to_owned()).map_err(|_| Problem {
        who: who.to_owned(),
        cause: Cause::Other {
            what: format!("{name:?} is no name that a certificate can have"),
        },
    })
}

impl fmt::Debug for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Trust({})", self.authority)
    }
}
