//! The simulated network: addresses, and how they are dialled.

use std::io;

use rejoin_client::Dialler;
use tonic::transport::Uri;
use turmoil::net::TcpStream;

use super::wire::Wire;

/// The port of every node.
pub(super) const PORT: u16 = 7601;

/// The network for clients, which are on the machines themselves.
pub(super) fn dialler() -> Dialler {
    Dialler::new(|address| {
        Box::pin(async move {
            let stream: rejoin_client::Stream = Box::pin(connect(&address).await?);
            Ok(stream)
        })
    })
}

/// The address of a node, as peers and clients are told it.
pub(super) fn address(node: &str) -> String {
    format!("http://{node}:{PORT}")
}

/// Dials an address.
///
/// # Errors
/// It names no host, or nobody listens there.
pub(super) async fn connect(address: &Uri) -> io::Result<Wire> {
    let authority = address
        .authority()
        .ok_or_else(|| io::Error::other("the address names no host"))?;
    Wire::new(TcpStream::connect(authority.as_str().to_owned()).await?)
}
