//! TLS for nodes and their clients: certificates from files, handshakes with a judgement in words, and rotation without a restart.
//!
//! ```text
//!   files ──▶ Material ──▶ Identity: the one in force, replaced when the files change     (a node)
//!                │             ├── accept(stream)        ──▶ Accepted: who called, and why not if not
//!                └── Trust ────┴── dial(stream, name)    ──▶ a stream, or a Problem      (a node, a client)
//! ```
//!
//! Architecture invariants:
//! - Nothing is dialled or listened on here, and nothing is logged: streams come in, streams and [`Problem`]s go out.
//! - A [`Problem`] is one sentence: whose certificate, what is wrong with it, and what to do. It holds no secret.
//! - A caller's certificate is judged right after the handshake, before a byte of its requests is read, and not by an alert of TLS: an alert is a
//!   number, and who meets it has to be told what to do. Who accepts a stream must refuse every request of a caller that is [`Shown::Refused`].
//! - Sessions are never resumed: a certificate that has been withdrawn opens nothing.
//! - A file that cannot be used replaces nothing: the certificates before it stay in force.

mod accept;
mod certificate;
mod files;
mod identity;
mod material;
mod problem;
mod stream;
mod trust;
mod verifier;
mod words;

#[cfg(feature = "testing")]
pub mod testing;

pub use accept::{Accepted, Shown};
pub use certificate::PeerCertificate;
pub use files::{FileKind, Files, LoadError};
pub use identity::{Found, Identity, Interface, Own};
pub use problem::{Cause, Problem};
pub use stream::Prefixed;
pub use tokio_rustls::TlsStream;
pub use trust::Trust;

/// The first byte of whoever speaks TLS: the type of a handshake record (RFC 8446, 5.1).
pub const HANDSHAKE_BYTE: u8 = 0x16;

/// Whether a certificate can be made out to `name`, as one is for each datacenter.
pub fn is_dns_name(name: &str) -> bool {
    rustls::pki_types::DnsName::try_from(name).is_ok()
}
