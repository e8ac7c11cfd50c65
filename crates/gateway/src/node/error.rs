//! Why a node does not start.

use std::net::SocketAddr;
use std::{fmt, io};

use rejoin_store::{OpenError, RocksOpenError};
use rejoin_tls::LoadError;
use thiserror::Error;

use crate::access::UsersError;

/// Why a node does not start. Nothing of it runs then.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another process listens there.
    #[error("cannot serve {interface} on {address}: another process uses it; stop it, or choose another address with {}", .interface.option())]
    AddressInUse {
        /// What was to be served.
        interface: Interface,
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot serve {interface} on {address}; choose another address with {}", .interface.option())]
    Listen {
        /// What was to be served.
        interface: Interface,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The node's certificates cannot be used.
    #[error(transparent)]
    Certificates(#[from] LoadError),
    /// The file of users cannot be used.
    #[error(transparent)]
    Users(#[from] UsersError),
    /// The data directory cannot be opened.
    #[error(transparent)]
    Directory(#[from] RocksOpenError),
    /// The store in the data directory cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The system gives no thread.
    #[error("cannot start the thread that commits writes")]
    Thread(#[source] io::Error),
    /// The path of the data directory cannot be resolved.
    #[error("cannot find out where the data directory lies")]
    Place(#[source] io::Error),
    /// The descriptors that reflection serves are damaged.
    #[error("the reflection service cannot be built")]
    Reflection(#[from] tonic_reflection::server::Error),
}

impl StartError {
    /// The error of listening on `address`.
    pub fn listen(interface: Interface, address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse { interface, address },
            _ => Self::Listen {
                interface,
                address,
                source,
            },
        }
    }
}

/// What a node serves at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// Clients and other datacenters.
    Grpc,
    /// Clients of CouchDB's interface.
    Http,
    /// Prometheus.
    Metrics,
}

impl Interface {
    /// The option of the command line that says where.
    fn option(self) -> &'static str {
        match self {
            Self::Grpc => "--grpc",
            Self::Http => "--http",
            Self::Metrics => "--metrics",
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Grpc => "gRPC",
            Self::Http => "HTTP",
            Self::Metrics => "metrics",
        })
    }
}
