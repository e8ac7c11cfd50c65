//! Loopback addresses for nodes.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;

use anyhow::Context;

/// Ports below the range from which the system takes those of outgoing connections and of proxies: nobody takes such a port by chance
/// while a node is down.
const PORTS: Range<u16> = 15_000..32_000;
const TRIES_MAX: usize = 100;

/// So many different free loopback addresses. They are free now; nothing keeps them until a node binds them.
///
/// # Errors
/// Too many ports are taken.
pub fn free_addresses(count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    let bind = || {
        let drawn = (0..TRIES_MAX).map(|_| rand::random_range(PORTS));
        let mut bound = drawn.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
        bound.next().context("no free port")
    };
    // All are held until all are found, so that they differ.
    let listeners: Vec<TcpListener> = (0..count).map(|_| bind()).collect::<anyhow::Result<_>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?)).collect()
}
