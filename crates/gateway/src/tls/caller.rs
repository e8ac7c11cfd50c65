//! Who has opened a connection, as far as the connection tells. Every gRPC and HTTP request carries it as an extension.

use std::net::IpAddr;
use std::sync::Arc;

use rejoin_tls::{PeerCertificate, Problem};

use crate::access::Crowded;

/// Who has opened a connection. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Where it calls from, if the network tells.
    pub address: Option<IpAddr>,
    /// What it has proved.
    pub standing: Standing,
    /// Why nothing is done for it: there are too many connections.
    pub(crate) crowded: Option<Crowded>,
}

/// What a caller has proved.
#[derive(Clone, Debug, Default)]
pub enum Standing {
    /// Nothing was asked: the node serves without TLS.
    #[default]
    Unasked,
    /// It speaks TLS and has shown no certificate.
    Anonymous,
    /// It has a certificate of a trusted authority.
    Certified(PeerCertificate),
    /// It is not trusted: every request is refused with this.
    Refused(Arc<Problem>),
}

impl Caller {
    /// Where it calls from, for people. Without the port, so that the same problem reads the same each time.
    pub(crate) fn place(&self) -> String {
        self.address
            .map_or_else(|| "the caller".to_owned(), |address| address.to_string())
    }
}
