//! Why a node does not start.

use std::io;
use std::net::SocketAddr;

use rejoin_store::{OpenError, RocksOpenError};
use thiserror::Error;

/// Why a node does not start. Nothing of it runs then.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another process listens there.
    #[error("cannot serve gRPC on {address}: another process uses it; stop it, or choose another address with --grpc")]
    AddressInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot serve gRPC on {address}; choose another address with --grpc")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
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
    pub fn listen(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse { address },
            _ => Self::Listen { address, source },
        }
    }
}
