//! The files that certificates come from.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

/// Bytes of a file at most: a bundle of some hundred authorities.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where the certificates of a node are: PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The node's certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    /// The key of that certificate.
    pub key: PathBuf,
    /// The authorities that issue the certificates of datacenters and clients.
    pub authority: PathBuf,
}

/// What a file is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A certificate and those that lead to its authority.
    Certificate,
    /// A private key.
    Key,
    /// Authorities.
    Authority,
}

impl fmt::Display for FileKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Certificate => "certificate",
            Self::Key => "private key",
            Self::Authority => "authority",
        })
    }
}

/// Why certificates cannot be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error("cannot read the {kind} {}; check the path and who may read it", path.display())]
    Read {
        /// What it is to hold.
        kind: FileKind,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file has more than a mebibyte.
    #[error("the {kind} {} is larger than 1 MiB; name the right file", path.display())]
    TooLarge {
        /// What it is to hold.
        kind: FileKind,
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold what it should.
    #[error("{} holds no {kind} in PEM that can be used ({problem}); write one there (deploy/certificates.sh makes all three files)", path.display())]
    Content {
        /// What it is to hold.
        kind: FileKind,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The key is not that of the certificate.
    #[error("the key {} is not that of the certificate {}; put both in place together", key.display(), certificate.display())]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The certificate does not name the datacenter whose node has it.
    #[error(
        "the certificate {} is for {}, not for {datacenter}, the datacenter of this node; issue one with the DNS name {datacenter} \
         (deploy/certificates.sh), or correct the datacenter's name",
        path.display(),
        crate::certificate::listed(names)
    )]
    OtherDatacenter {
        /// The file.
        path: PathBuf,
        /// The DNS names in it.
        names: Vec<String>,
        /// The name that it lacks.
        datacenter: String,
    },
}

impl LoadError {
    pub(crate) fn content(kind: FileKind, path: &Path, problem: impl fmt::Display) -> Self {
        Self::Content {
            kind,
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// The bytes of a file.
pub(crate) fn read(kind: FileKind, path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Read {
        kind,
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let path = path.to_owned();
        return Err(LoadError::TooLarge { kind, path });
    }
    Ok(bytes)
}

/// The certificates in a PEM file, at least one.
pub(crate) fn certificates(
    kind: FileKind,
    path: &Path,
    bytes: &[u8],
) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let certificates: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(bytes).collect();
    let certificates = certificates.map_err(|error| LoadError::content(kind, path, error))?;
    if certificates.is_empty() {
        return Err(LoadError::content(kind, path, "there is none"));
    }
    Ok(certificates)
}

/// The first private key in a PEM file.
pub(crate) fn key(path: &Path, bytes: &[u8]) -> Result<PrivateKeyDer<'static>, LoadError> {
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| {
        let problem = match error {
            pem::Error::NoItemsFound => "there is none, or it needs a passphrase".to_owned(),
            error => error.to_string(),
        };
        LoadError::content(FileKind::Key, path, problem)
    })
}
