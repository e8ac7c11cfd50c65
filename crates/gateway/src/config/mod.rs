//! How a node is configured: a file, then the environment, then flags, each overriding the one before.

mod access;
mod arguments;
mod check;
mod environment;
mod error;
mod layers;
mod reload;
mod settings;
mod shape;
mod tls;
mod unknown;

pub use access::AccessSettings;
pub use arguments::{LogFormat, PeerArgument, ServeArguments};
pub use check::{Peer, Plan};
pub use environment::Environment;
pub use error::ConfigError;
pub use layers::{load, print};
pub use reload::Reload;
pub(crate) use settings::ANSWER_BYTES_MAX;
pub use settings::{
    BackupSettings, DatabaseSettings, GrpcSettings, HttpSettings, LimitSettings, LinkSettings, LogSettings,
    MetricsSettings, NodeSettings, PeerSettings, Settings,
};
pub use tls::TlsSettings;
