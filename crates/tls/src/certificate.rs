//! A certificate that somebody has shown: the names in it, and how long it is valid.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

/// Names that are repeated of a certificate at most.
const NAMES_MAX: usize = 8;

/// After the last time that a certificate can hold, the end of the year 9999.
const AFTER_ALL: Duration = Duration::from_secs(253_402_300_800);

/// The certificate of the other end of a connection, which proved to have its key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PeerCertificate {
    chain: Arc<[CertificateDer<'static>]>,
    names: Arc<[String]>,
    ends: Option<u64>,
}

impl PeerCertificate {
    /// Reads what was shown; the names of one that cannot be read are empty.
    pub(crate) fn new(chain: &[CertificateDer<'_>]) -> Self {
        let chain: Arc<[_]> = chain
            .iter()
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        let parsed = chain.first().and_then(|first| EndEntityCert::try_from(first).ok());
        let (mut names, mut ends) = (Vec::new(), None);
        if let Some(parsed) = &parsed {
            names = parsed.valid_dns_names().map(str::to_owned).collect();
            ends = end(parsed);
        }
        Self {
            names: names.into(),
            ends,
            chain,
        }
    }

    /// The DNS names in it, of which one is a datacenter's in the certificate of a node.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether it is made out to `name`.
    pub fn is_for(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    /// When it ends, in seconds since 1970.
    pub fn ends(&self) -> Option<u64> {
        self.ends
    }

    pub(crate) fn first(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    pub(crate) fn between(&self) -> &[CertificateDer<'static>] {
        self.chain.get(1..).unwrap_or_default()
    }

    /// Whose it is, for people: its names, else nothing.
    pub(crate) fn described(&self) -> String {
        listed(&self.names)
    }
}

/// The end of a certificate: what a verification after all times complains about.
fn end(certificate: &EndEntityCert<'_>) -> Option<u64> {
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let judged = certificate.verify_for_usage(
        algorithms.all,
        &[],
        &[],
        UnixTime::since_unix_epoch(AFTER_ALL),
        KeyUsage::client_auth(),
        None,
        None,
    );
    match judged {
        Err(webpki::Error::CertExpired { not_after, .. }) => Some(not_after.as_secs()),
        _ => None,
    }
}

/// Names as a sentence holds them: not more than a few, and none that is long.
pub(crate) fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "no DNS name at all".to_owned();
    }
    let shown = names.iter().take(NAMES_MAX).map(|name| name.chars().take(64).collect());
    let mut text = shown.collect::<Vec<String>>().join(", ");
    if names.len() > NAMES_MAX {
        text.push_str(", …");
    }
    text
}

/// A time in seconds since 1970, for people.
pub(crate) fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "a time that cannot be told".to_owned(), |time| time.to_string())
}
