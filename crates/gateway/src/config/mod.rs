//! How a node is configured: a file, then the environment, then flags, each overriding the one before.

mod arguments;
mod check;
mod error;
mod layers;
mod settings;
mod tls;

pub use arguments::{LogFormat, PeerArgument, ServeArguments};
pub use check::{Peer, Plan};
pub use error::ConfigError;
pub use layers::{load, print};
pub(crate) use settings::ANSWER_BYTES_MAX;
pub use settings::{
    DatabaseSettings, GrpcSettings, HttpSettings, LimitSettings, LinkSettings, LogSettings, NodeSettings, PeerSettings,
    Settings,
};
pub use tls::TlsSettings;
