//! What can be wrong with the settings of a node.

use std::net::SocketAddr;
use std::path::PathBuf;

use rejoin_document::NameError;
use thiserror::Error;

use crate::access::UsersError;

/// Why a node cannot be configured. Nothing was started.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no TOML, or a setting in it holds what it cannot.
    #[error("{}, line {line}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The file names something that is no setting.
    #[error(
        "{}, line {line}: {setting} is no setting; the nearest is {nearest}; `rejoin serve --print-config` shows all",
        path.display()
    )]
    UnknownSetting {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What it names, with its section.
        setting: String,
        /// The setting that it most likely means.
        nearest: String,
    },
    /// A variable of the environment means something that is no setting.
    #[error(
        "the environment variable {variable} is no setting; the nearest is {nearest}; `rejoin serve --print-config` \
         shows all, each of which has a variable REJOIN_SECTION_NAME"
    )]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The variable that it most likely means.
        nearest: String,
    },
    /// The environment gives a setting what it cannot hold.
    #[error("the environment gives a setting what it cannot hold")]
    Parse(#[source] Box<toml::de::Error>),
    /// The settings cannot be printed.
    #[error("cannot print the configuration")]
    Print(#[source] Box<toml::ser::Error>),
    /// No datacenter was named.
    #[error("name this datacenter with --datacenter NAME")]
    NoDatacenter,
    /// No data directory was named.
    #[error("name the data directory with --data DIR")]
    NoData,
    /// A datacenter's name breaks its rule.
    #[error("{name:?} is not a datacenter's name")]
    Datacenter {
        /// The name.
        name: String,
        /// The rule.
        source: NameError,
    },
    /// A peer is not written as `NAME=URL`.
    #[error("{text:?} is not a peer: write NAME=URL, e.g. dc-west=http://127.0.0.1:7602")]
    PeerSyntax {
        /// What was given.
        text: String,
    },
    /// A peer's address is not a URL that can be dialled.
    #[error(
        "the address {address:?} of the peer {datacenter} is not https://HOST:PORT (http:// where this node has no certificates)"
    )]
    PeerAddress {
        /// The peer.
        datacenter: String,
        /// Its address.
        address: String,
    },
    /// The node's own datacenter is among its peers.
    #[error("{datacenter} is this node's own datacenter: remove it from the peers")]
    PeerIsSelf {
        /// The name.
        datacenter: String,
    },
    /// A peer was named twice.
    #[error("the peer {datacenter} is given twice")]
    PeerTwice {
        /// The name.
        datacenter: String,
    },
    /// Other machines could reach the node although nothing protects it.
    #[error(
        "refusing to serve on {address}: other machines can reach it, and there is no TLS; name certificates with \
         --certificate, --key and --authority, use a loopback address, or give --insecure if the network is trusted"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// Other machines could reach the node, over TLS, and it asks nobody who he is.
    #[error(
        "refusing to serve on {address}: other machines can reach it, and it asks clients for nothing; name a file of users \
         with --users so that they need credentials, write tls.client_certificates = true so that they need a certificate, \
         use a loopback address, or give --insecure if everybody on the network may read and write"
    )]
    OpenToAll {
        /// The address.
        address: SocketAddr,
    },
    /// Peers could pull all that is stored from a node that asks its clients for credentials.
    #[error(
        "there are users and peers, and no TLS: whoever calls himself a peer would get every document without credentials; \
         name certificates with --certificate, --key and --authority, or give --insecure if all that can reach this node \
         may read everything"
    )]
    UsersWithoutTls,
    /// The file of users cannot be used.
    #[error(transparent)]
    Users(#[from] UsersError),
    /// One of the files of certificates is not named.
    #[error(
        "[tls] lacks {missing}: certificate, key and authority are needed together (--certificate, --key, --authority); \
         deploy/certificates.sh makes all three for a test"
    )]
    TlsIncomplete {
        /// The setting.
        missing: &'static str,
    },
    /// A peer is to be dialled without TLS by a node that has certificates.
    #[error(
        "the peer {datacenter} is to be dialled in plain text, and this node has certificates: write https:// there"
    )]
    PeerPlain {
        /// The peer.
        datacenter: String,
    },
    /// A peer is to be dialled with TLS by a node without certificates.
    #[error(
        "the peer {datacenter} is at an https:// address, and this node has no certificates to prove who it is: name them \
         with --certificate, --key and --authority"
    )]
    PeerSecure {
        /// The peer.
        datacenter: String,
    },
    /// A datacenter's name cannot stand in a certificate.
    #[error(
        "no certificate can be made out to the datacenter {name:?}: choose a name with a letter, that ends with one or with a digit"
    )]
    NoDnsName {
        /// The name.
        name: String,
    },
    /// What one client may have is more than leaves room for others.
    #[error("limits.calls_per_client_max must be at most half of limits.calls_max, which is {calls_max}")]
    ShareTooGreat {
        /// What all may have.
        calls_max: usize,
    },
    /// A setting that must not be zero is.
    #[error("{setting} must be greater than zero")]
    Zero {
        /// The setting, with its section.
        setting: &'static str,
    },
    /// A setting is beyond its bound.
    #[error("{setting} must be at most {greatest}")]
    TooGreat {
        /// The setting, with its section.
        setting: &'static str,
        /// The bound.
        greatest: u64,
    },
    /// A setting is below its bound.
    #[error("{setting} must be at least {least}")]
    TooSmall {
        /// The setting, with its section.
        setting: &'static str,
        /// The bound.
        least: u64,
    },
    /// `log.filter`, or `RUST_LOG` in its place, does not parse.
    #[error(
        "log.filter (or RUST_LOG) is {text:?}, which does not say what to log ({problem}); write a level (error, warn, \
         info, debug, trace), or levels of modules such as info,rejoin_gateway=debug"
    )]
    LogFilter {
        /// What it holds.
        text: String,
        /// What is wrong with it. The error itself is not kept: its text holds that of its source already.
        problem: String,
    },
    /// Two settings contradict each other.
    #[error("links.partition_after_ms must be greater than links.heartbeat_ms, or every pause looks like a partition")]
    PartitionBeforeHeartbeat,
}
