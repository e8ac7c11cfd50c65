//! All settings with their defaults, as plain data: what the file holds and what `--print-config` prints.
//!
//! Nothing is checked here beyond the types; [`super::Plan`] does that.

use std::net::SocketAddr;
use std::path::PathBuf;

use rejoin_document::Granularity;
use rejoin_store::{QueueOptions, RocksOptions};
use serde::{Deserialize, Serialize};

use super::{AccessSettings, LogFormat, TlsSettings};

/// Bytes that one answer over HTTP has at most that is made as a whole; others come in pieces.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The whole configuration of a node: one section per component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who the node is and where its data is.
    pub node: NodeSettings,
    /// The gRPC server.
    pub grpc: GrpcSettings,
    /// The HTTP server.
    pub http: HttpSettings,
    /// Figures for Prometheus.
    pub metrics: MetricsSettings,
    /// Certificates: with them everything that is served and every link is secure.
    pub tls: TlsSettings,
    /// Who may do what.
    pub access: AccessSettings,
    /// The links with other datacenters.
    pub links: LinkSettings,
    /// Databases in general.
    pub databases: DatabaseSettings,
    /// RocksDB.
    pub storage: RocksOptions,
    /// The queue in front of the commit pipeline.
    pub commit: QueueOptions,
    /// Bounds of a document, and of what clients may ask at once.
    pub limits: LimitSettings,
    /// Backups.
    pub backup: BackupSettings,
    /// Logs.
    pub log: LogSettings,
}

/// Who the node is and where its data is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeSettings {
    /// The datacenter's name, e.g. `dc-east`. Required.
    pub datacenter: String,
    /// The data directory. Created where it is missing. Required.
    pub data: PathBuf,
    /// How long a stopping node waits for the calls that it has accepted. Milliseconds, default 10,000.
    pub shutdown_timeout_ms: u64,
    /// The data directory was restored from a backup: the node takes a new replica id at this start. Default false.
    pub restored: bool,
    /// How far a peer's clock may be ahead before ours no longer follows it. Milliseconds, default 500.
    pub max_drift_ms: u64,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            datacenter: String::new(),
            data: PathBuf::new(),
            shutdown_timeout_ms: 10_000,
            restored: false,
            max_drift_ms: 500,
        }
    }
}

/// The gRPC server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcSettings {
    /// Where to listen. Default `127.0.0.1:7601`; port 0 takes a free one.
    pub address: SocketAddr,
    /// Allows an address that other machines can reach, without TLS and credentials. Default false.
    pub insecure: bool,
    /// Bytes by which a message may be longer than two bodies of documents, as many as a compare-and-swap carries. Default 64 KiB.
    pub message_overhead_bytes: usize,
    /// Connections at one time, of peers too; of one address half of them. Default 4,096.
    pub connections_max: usize,
    /// Calls that one connection may have open. Default 1,024.
    pub streams_per_connection_max: u32,
    /// Documents of one `LoadDocuments` call that may be on their way. Default 256.
    pub load_window: usize,
    /// Changes of one `WatchChanges` call that may wait for a slow reader. Default 256.
    pub watch_window: usize,
    /// `WatchChanges` calls that may be open: each holds a piece of changes and a window of answers, about 3 MiB with bodies. Default 1,000.
    pub watches_max: usize,
    /// `ExportDocuments` calls that may be under way: each keeps on the disk what is overwritten meanwhile. Default 16.
    pub exports_max: usize,
    /// An export of which the client takes nothing for so long is ended. Milliseconds, default 600,000.
    pub export_stalled_after_ms: u64,
    /// How often an idle connection is probed. Milliseconds, default 10,000.
    pub keepalive_interval_ms: u64,
    /// How long a probe may stay unanswered. Milliseconds, default 10,000.
    pub keepalive_timeout_ms: u64,
}

impl Default for GrpcSettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7601)),
            insecure: false,
            message_overhead_bytes: 64 * 1024,
            connections_max: 4_096,
            streams_per_connection_max: 1024,
            load_window: 256,
            watch_window: 256,
            watches_max: 1_000,
            exports_max: 16,
            export_stalled_after_ms: 600_000,
            keepalive_interval_ms: 10_000,
            keepalive_timeout_ms: 10_000,
        }
    }
}

/// The HTTP server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Where to listen. Default: nowhere.
    pub addresses: Vec<SocketAddr>,
    /// What `PUT /{db}` creates where it does not say: `document` (CouchDB's semantics) or `field`. Default `document`.
    #[serde(with = "as_text")]
    pub granularity: Granularity,
    /// The origins of pages (`https://example.org`, or `*` for all) that may read answers in a browser, and write. Default: none.
    pub cors_origins: Vec<String>,
    /// Connections at one time, over all addresses that are served; of one client's address half of them. Default 1024.
    pub connections_max: usize,
    /// Bytes of the bodies of all requests that are being answered. Default 256 MiB; at least the 16 MiB of one.
    pub bodies_bytes_max: usize,
    /// Bytes of all answers that are read as a whole, beyond 64 KiB of each, until their clients have taken them. Default 256 MiB; at least the
    /// 64 MiB of one.
    pub answers_bytes_max: usize,
    /// Feeds that may wait for changes at one time (`feed=longpoll`). Default 1,000.
    pub feeds_max: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            granularity: Granularity::Document,
            cors_origins: Vec::new(),
            connections_max: 1024,
            bodies_bytes_max: 256 << 20,
            answers_bytes_max: 256 << 20,
            feeds_max: 1_000,
        }
    }
}

/// Figures for Prometheus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// Where to serve `/metrics`, and nothing else. Default: nowhere.
    pub addresses: Vec<SocketAddr>,
}

/// A value that is written as its text.
mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// One datacenter to pull from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerSettings {
    /// The datacenter's name.
    pub datacenter: String,
    /// The address of its node, e.g. `https://10.0.0.2:7601`; `http://` where this node has no certificates.
    pub address: String,
}

/// The links with other datacenters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkSettings {
    /// The datacenters to pull from. Default: none.
    pub peers: Vec<PeerSettings>,
    /// Without a word for this long a link counts as partitioned. Milliseconds, default 3,000.
    pub partition_after_ms: u64,
    /// Without a word for this long a connection is given up and dialled again. Milliseconds, default 10,000.
    pub abandon_after_ms: u64,
    /// How often each side says that it is alive when it has nothing else to say. Milliseconds, default 1,000.
    pub heartbeat_ms: u64,
    /// The first wait before a link is dialled again. Milliseconds, default 100.
    pub backoff_min_ms: u64,
    /// The longest wait before a link is dialled again. Milliseconds, default 5,000.
    pub backoff_max_ms: u64,
    /// How long an attempt to connect may take. Milliseconds, default 5,000.
    pub connect_timeout_ms: u64,
    /// Bytes of documents that may be sent before they are acknowledged. Default 8 MiB.
    pub window_bytes: u64,
    /// Bytes of documents in one batch; a larger document travels alone. Default 1 MiB.
    pub batch_bytes: u64,
    /// How long a change that came from one peer waits before it is offered to another. Milliseconds, default 50.
    pub forward_delay_ms: u64,
    /// How often the digests of two connected nodes are compared. Milliseconds, default 300,000.
    pub compare_every_ms: u64,
    /// Links that other nodes may have open to this one. Default 256.
    pub sessions_max: usize,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            peers: Vec::new(),
            partition_after_ms: 3_000,
            abandon_after_ms: 10_000,
            heartbeat_ms: 1_000,
            backoff_min_ms: 100,
            backoff_max_ms: 5_000,
            connect_timeout_ms: 5_000,
            window_bytes: 8 * 1024 * 1024,
            batch_bytes: 1024 * 1024,
            forward_delay_ms: 50,
            compare_every_ms: 300_000,
            sessions_max: 256,
        }
    }
}

/// What holds for every database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// How long superseded revisions are kept for writes that name them. Seconds, default two weeks.
    pub keep_for_s: u64,
    /// How long a removal or a deletion is kept although every datacenter has it. Seconds, default one day.
    pub tombstone_retention_s: u64,
    /// How often what need not be kept is looked for. Milliseconds, default 10,000.
    pub clean_every_ms: u64,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            keep_for_s: 14 * 24 * 3600,
            tombstone_retention_s: 24 * 3600,
            clean_every_ms: 10_000,
        }
    }
}

/// Bounds of a document, and of what clients may ask at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Bytes of a body, at most 16 MiB. Default 8 MiB.
    pub body_bytes_max: usize,
    /// Depth of a body. Default 128.
    pub depth_max: usize,
    /// Leaves of a body. Default 50,000.
    pub leaves_max: usize,
    /// Calls and requests of all clients that may be under way. Once half of them are, each client may have an equal part of the other half. Default
    /// 8,192.
    pub calls_max: usize,
    /// Calls and requests of one client (a user, else the holder of a certificate, else an address) that may be under way; at most half of
    /// `calls_max`. Default 2,048.
    pub calls_per_client_max: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            body_bytes_max: 8 * 1024 * 1024,
            depth_max: 128,
            leaves_max: 50_000,
            calls_max: 8_192,
            calls_per_client_max: 2_048,
        }
    }
}

/// Backups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupSettings {
    /// The directory, on this machine, below which `rejoin backup create` makes backups. On the file system of the data they are made without a copy.
    /// Default: empty, no backups are made.
    pub directory: PathBuf,
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// How a line looks on standard error. Default `text`.
    pub format: LogFormat,
    /// What is logged: a level, or levels of modules such as `info,rejoin_gateway=debug`. Default `info`; `RUST_LOG` overrides it.
    pub filter: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            filter: "info".to_owned(),
        }
    }
}
