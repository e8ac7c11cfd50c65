//! Whose share a call is taken from.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use crate::tls::{Caller, Standing};

/// A client, as shares are counted: by what it has proved, else by where it calls from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientId {
    /// A user.
    User(Arc<str>),
    /// Who holds a certificate: the names in it.
    Certificate(Arc<str>),
    /// An address of IPv4, or the network of one of IPv6, of which a host has as many as it likes.
    Address(IpAddr),
    /// A network that does not tell.
    Unknown,
}

tokio::task_local! {
    static ACTING: ClientId;
}

/// For whom the present task acts; `None` where a node acts for itself.
pub(crate) fn acting() -> Option<ClientId> {
    ACTING.try_with(Clone::clone).ok()
}

/// Does `work` for a client: what it hands to the commit pipeline is taken from the share of that client. A task that `work` spawns has to be wrapped
/// itself.
pub(crate) async fn acting_for<F: Future>(client: Option<ClientId>, work: F) -> F::Output {
    match client {
        Some(client) => ACTING.scope(client, work).await,
        None => work.await,
    }
}

impl ClientId {
    /// Who calls, before anybody knows of a user.
    pub(crate) fn of_caller(caller: Option<&Caller>) -> Self {
        match caller.map(|caller| (&caller.standing, caller.address)) {
            Some((Standing::Certified(certificate), _)) => Self::Certificate(certificate.names().join(",").into()),
            Some((_, Some(address))) => Self::of_address(address),
            _ => Self::Unknown,
        }
    }

    /// Who calls from an address.
    pub(crate) fn of_address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(host) => IpAddr::V6((host.to_bits() & !u128::from(u64::MAX)).into()),
            host @ IpAddr::V4(_) => host,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_of_one_network_of_ipv6_are_one_client() {
        let client = |text: &str| ClientId::of_address(text.parse().unwrap());
        assert_eq!(client("2001:db8::1"), client("2001:db8::2:3"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
    }

    #[tokio::test]
    async fn a_task_acts_for_the_client_that_it_was_given() {
        assert_eq!(acting(), None);
        let acts = acting_for(Some(ClientId::Unknown), async { acting() }).await;
        assert_eq!(acts, Some(ClientId::Unknown));
    }
}
