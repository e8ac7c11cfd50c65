//! A connection that came in: what it speaks, and who it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsStream};

use crate::HANDSHAKE_BYTE;
use crate::certificate::PeerCertificate;
use crate::identity::{Identity, Interface};
use crate::problem::{Cause, Problem};
use crate::stream::Prefixed;

/// A connection after its beginning.
#[derive(Debug)]
pub enum Accepted<S> {
    /// A secure one.
    Secure(Box<TlsStream<Prefixed<S>>>, Shown),
    /// One without TLS. All that may be said on it is the problem.
    Plain(Prefixed<S>, Problem),
    /// Somebody looked whether the port is open, and said nothing.
    Nobody,
}

/// What the caller has shown of itself.
#[derive(Clone, Debug)]
pub enum Shown {
    /// No certificate.
    Nothing,
    /// A certificate of a trusted authority.
    Trusted(PeerCertificate),
    /// A certificate that is not accepted: every request must be refused with the problem.
    Refused(Problem),
}

impl Identity {
    /// Does the handshake on a connection that came in, in bounded time. `address` says from where, for people; best without a port, so that the same
    /// problem reads the same each time.
    ///
    /// # Errors
    /// There is no connection: the caller refuses this node's certificate, or what it says is no handshake. The problem is for the log.
    pub async fn accept<S>(
        &self,
        stream: S,
        interface: Interface,
        address: &str,
        within: Duration,
    ) -> Result<Accepted<S>, Problem>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepting = self.accept_unbounded(stream, interface, address);
        tokio::time::timeout(within, accepting).await.unwrap_or_else(|_| {
            Err(Problem {
                who: address.to_owned(),
                cause: Cause::TooSlow { within },
            })
        })
    }

    async fn accept_unbounded<S>(&self, stream: S, interface: Interface, address: &str) -> Result<Accepted<S>, Problem>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (first, stream) = match Prefixed::read(stream).await {
            Ok(Some(begun)) => begun,
            Ok(None) | Err(_) => return Ok(Accepted::Nobody),
        };
        if first != HANDSHAKE_BYTE {
            let problem = Problem {
                who: address.to_owned(),
                cause: Cause::CallsPlainly,
            };
            return Ok(Accepted::Plain(stream, problem));
        }
        let material = self.material();
        let config = match interface {
            Interface::Grpc => &material.grpc,
            Interface::Http => &material.http,
        };
        let accepting = TlsAcceptor::from(Arc::clone(config)).accept(stream);
        let stream = accepting
            .await
            .map_err(|error| Problem::of_handshake(address, &self.authority(), &error))?;
        let shown = match stream.get_ref().1.peer_certificates() {
            None | Some([]) => Shown::Nothing,
            Some(chain) => {
                let certificate = PeerCertificate::new(chain);
                let who = certificate.who(address);
                match self.judge_caller(&certificate, &who) {
                    Ok(()) => Shown::Trusted(certificate),
                    Err(problem) => Shown::Refused(problem),
                }
            }
        };
        Ok(Accepted::Secure(Box::new(stream.into()), shown))
    }
}

impl PeerCertificate {
    /// Whose it is and where it calls from, for people.
    pub fn who(&self, address: &str) -> String {
        format!("{} ({address})", self.described())
    }
}
