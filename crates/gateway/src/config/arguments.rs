//! The flags of `rejoin serve`: those settings that one wants at hand.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{ConfigError, PeerSettings};

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// The flags of `rejoin serve`. A flag that is given overrides the environment and the file.
#[derive(Clone, Debug, Default, Args)]
pub struct ServeArguments {
    /// A TOML file with settings; `--print-config` shows all of them
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Prints the settings that would be in force, and ends
    #[arg(long)]
    pub print_config: bool,
    /// The name of this datacenter
    #[arg(long, value_name = "NAME")]
    pub datacenter: Option<String>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to serve gRPC [default: 127.0.0.1:7601]
    #[arg(long, value_name = "ADDRESS")]
    pub grpc: Option<SocketAddr>,
    /// Where to serve HTTP; may be repeated [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pub http: Vec<SocketAddr>,
    /// Where to serve figures to Prometheus, under /metrics; may be repeated [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Vec<SocketAddr>,
    /// A datacenter to pull from; may be repeated
    #[arg(long, value_name = "NAME=URL")]
    pub peer: Vec<PeerArgument>,
    /// A PEM file with this node's certificate, which names its datacenter; with it, everything is served over TLS
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// A PEM file with the key of the certificate
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// A PEM file with the authorities that issue the certificates of datacenters
    #[arg(long, value_name = "FILE")]
    pub authority: Option<PathBuf>,
    /// The file of users, which `rejoin user` writes; with it, clients have to say who they are
    #[arg(long, value_name = "FILE")]
    pub users: Option<PathBuf>,
    /// Allows an address that other machines can reach, although there is no TLS or clients need to prove nothing
    #[arg(long)]
    pub insecure: bool,
    /// The data directory was restored from a backup: take a new replica id
    #[arg(long)]
    pub restored: bool,
    /// The directory below which `rejoin backup create` makes backups [default: none are made]
    #[arg(long, value_name = "DIR")]
    pub backups: Option<PathBuf>,
    /// How log lines look on standard error [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// The value of `--peer`: `NAME=URL`.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerArgument(pub PeerSettings);

impl FromStr for PeerArgument {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((datacenter, address)) if !datacenter.is_empty() && !address.is_empty() => Ok(Self(PeerSettings {
                datacenter: datacenter.to_owned(),
                address: address.to_owned(),
            })),
            _ => Err(ConfigError::PeerSyntax { text: text.to_owned() }),
        }
    }
}
