//! What one set of files comes to: everything that handshakes need, made once and used until the files change.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};

use crate::certificate::PeerCertificate;
use crate::files::{self, FileKind, Files, LoadError};
use crate::trust::Trust;
use crate::verifier::AnyCertificate;

/// The protocol below gRPC, as a handshake agrees on it.
pub(crate) const ALPN_GRPC: &[u8] = b"h2";

/// The protocol of the HTTP interface.
pub(crate) const ALPN_HTTP: &[u8] = b"http/1.1";

/// All of it.
pub(crate) struct Material {
    /// Names the contents of the files.
    pub(crate) digest: [u8; 32],
    /// Judges the certificates of callers.
    pub(crate) callers: Arc<dyn ClientCertVerifier>,
    /// For those who call over gRPC: asks for a certificate.
    pub(crate) grpc: Arc<ServerConfig>,
    /// For those who call over HTTP.
    pub(crate) http: Arc<ServerConfig>,
    /// For those who are dialled.
    pub(crate) trust: Trust,
    /// The node's own certificate.
    pub(crate) own: PeerCertificate,
}

/// A certificate with those between it and its authority, and its key.
pub(crate) struct Chain {
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Chain {
    /// Reads both, and checks that they belong together.
    pub(crate) fn new(files: &Files, certificate: &[u8], key: &[u8]) -> Result<Self, LoadError> {
        let certificates = files::certificates(FileKind::Certificate, &files.certificate, certificate)?;
        let key = files::key(&files.key, key)?;
        match CertifiedKey::from_der(certificates.clone(), key.clone_key(), &provider()) {
            Ok(_) => Ok(Self { certificates, key }),
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(LoadError::Mismatch {
                certificate: files.certificate.clone(),
                key: files.key.clone(),
            }),
            Err(error @ rustls::Error::InvalidCertificate(_)) => {
                Err(LoadError::content(FileKind::Certificate, &files.certificate, error))
            }
            Err(error) => Err(LoadError::content(FileKind::Key, &files.key, error)),
        }
    }
}

impl Material {
    /// What `files` come to for the node of `datacenter`. Callers over HTTP are asked for a certificate if `http_asks`.
    ///
    /// # Errors
    /// A file cannot be read or used, or the certificate is another datacenter's.
    pub(crate) fn load(files: &Files, datacenter: &str, http_asks: bool) -> Result<Self, LoadError> {
        let contents = Contents::read(files)?;
        let chain = Chain::new(files, &contents.certificate, &contents.key)?;
        let own = PeerCertificate::new(&chain.certificates);
        if !own.is_for(datacenter) {
            return Err(LoadError::OtherDatacenter {
                path: files.certificate.clone(),
                names: own.names().to_vec(),
                datacenter: datacenter.to_owned(),
            });
        }
        let roots = roots(&files.authority, &contents.authority)?;
        let callers = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider()).build();
        let callers = callers.map_err(|error| LoadError::content(FileKind::Authority, &files.authority, error))?;
        let config = |protocol, asks| {
            let config = server_config(&chain, protocol, asks);
            config.map_err(|error| LoadError::content(FileKind::Certificate, &files.certificate, error))
        };
        Ok(Self {
            digest: contents.digest(),
            callers,
            grpc: config(ALPN_GRPC, true)?,
            http: config(ALPN_HTTP, http_asks)?,
            trust: Trust::new(&files.authority, &roots, Some(&chain))?,
            own,
        })
    }
}

fn server_config(chain: &Chain, protocol: &[u8], asks: bool) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = match asks {
        true => builder.with_client_cert_verifier(Arc::new(AnyCertificate(provider()))),
        false => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain.certificates.clone(), chain.key.clone_key())?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}

/// The bytes of the files, for as long as they are looked at.
pub(crate) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Vec<u8>,
}

impl Contents {
    pub(crate) fn read(files: &Files) -> Result<Self, LoadError> {
        Ok(Self {
            certificate: files::read(FileKind::Certificate, &files.certificate)?,
            key: files::read(FileKind::Key, &files.key)?,
            authority: files::read(FileKind::Authority, &files.authority)?,
        })
    }

    /// Names the contents; nothing of them can be read from it.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for bytes in [&self.certificate, &self.key, &self.authority] {
            hasher.update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
        }
        *hasher.finalize().as_bytes()
    }
}

/// The authorities in a file.
pub(crate) fn roots(path: &Path, bytes: &[u8]) -> Result<Arc<RootCertStore>, LoadError> {
    let mut roots = RootCertStore::empty();
    for certificate in files::certificates(FileKind::Authority, path, bytes)? {
        roots
            .add(certificate)
            .map_err(|error| LoadError::content(FileKind::Authority, path, error))?;
    }
    Ok(Arc::new(roots))
}

/// The cryptography behind all of it.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
