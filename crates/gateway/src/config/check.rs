//! Turns settings into what a node can start from, or says what is wrong with them.

use std::str::FromStr;

use rejoin_document::DatacenterName;
use tonic::transport::Uri;

use super::settings::ANSWER_BYTES_MAX;
use super::{ConfigError, PeerSettings, Settings, tls};

/// A datacenter to pull from.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Its name.
    pub datacenter: DatacenterName,
    /// Where its node listens.
    pub address: Uri,
}

/// Settings that were checked: a node can start from them.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The datacenter of the node.
    pub datacenter: DatacenterName,
    /// The datacenters to pull from, in the order of the configuration.
    pub peers: Vec<Peer>,
    /// Everything else.
    pub settings: Settings,
}

impl Plan {
    /// Checks `settings`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong; the message says which setting to change.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        if settings.node.datacenter.is_empty() {
            return Err(ConfigError::NoDatacenter);
        }
        if settings.node.data.as_os_str().is_empty() {
            return Err(ConfigError::NoData);
        }
        let datacenter = parse_datacenter(&settings.node.datacenter)?;
        let mut peers: Vec<Peer> = Vec::new();
        for peer in &settings.links.peers {
            let peer = parse_peer(peer)?;
            if peer.datacenter == datacenter {
                return Err(ConfigError::PeerIsSelf {
                    datacenter: datacenter.to_string(),
                });
            }
            if peers.iter().any(|other| other.datacenter == peer.datacenter) {
                return Err(ConfigError::PeerTwice {
                    datacenter: peer.datacenter.to_string(),
                });
            }
            peers.push(peer);
        }
        tls::check(&settings, &peers)?;
        check_bounds(&settings)?;
        Ok(Self {
            datacenter,
            peers,
            settings,
        })
    }
}

fn parse_datacenter(name: &str) -> Result<DatacenterName, ConfigError> {
    DatacenterName::from_str(name).map_err(|source| ConfigError::Datacenter {
        name: name.to_owned(),
        source,
    })
}

impl Peer {
    /// Checks the settings of one peer by themselves.
    ///
    /// # Errors
    ///
    /// The name or the address is none.
    pub fn parse(peer: &PeerSettings) -> Result<Self, ConfigError> {
        parse_peer(peer)
    }
}

fn parse_peer(peer: &PeerSettings) -> Result<Peer, ConfigError> {
    let datacenter = parse_datacenter(&peer.datacenter)?;
    let address = peer
        .address
        .parse::<Uri>()
        .ok()
        .filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.authority().is_some_and(|it| it.port_u16().is_some())
        })
        .ok_or_else(|| ConfigError::PeerAddress {
            datacenter: peer.datacenter.clone(),
            address: peer.address.clone(),
        })?;
    Ok(Peer { datacenter, address })
}

/// A third of the age at which the record of a node that ended uncleanly makes it take a new replica id.
const ALIVE_EVERY_MS_MAX: u64 = 20_000;

/// Half of what the state of one document may take, so that every body can be stored.
const BODY_BYTES_MAX: u64 = 16 << 20;

fn check_bounds(settings: &Settings) -> Result<(), ConfigError> {
    let links = &settings.links;
    let positive = [
        ("links.heartbeat_ms", links.heartbeat_ms),
        ("links.backoff_min_ms", links.backoff_min_ms),
        ("links.connect_timeout_ms", links.connect_timeout_ms),
        ("links.window_bytes", links.window_bytes),
        ("links.batch_bytes", links.batch_bytes),
        ("databases.clean_every_ms", settings.databases.clean_every_ms),
        ("commit.alive_every_ms", settings.commit.alive_every_ms),
        ("commit.waiting_max", settings.commit.waiting_max as u64),
        ("commit.group_max", settings.commit.group_max as u64),
        ("grpc.load_window", settings.grpc.load_window as u64),
        ("grpc.watch_window", settings.grpc.watch_window as u64),
        ("grpc.connections_max", settings.grpc.connections_max as u64),
        ("grpc.watches_max", settings.grpc.watches_max as u64),
        ("grpc.exports_max", settings.grpc.exports_max as u64),
        ("grpc.export_stalled_after_ms", settings.grpc.export_stalled_after_ms),
        ("tls.look_every_ms", settings.tls.look_every_ms),
        ("tls.handshake_timeout_ms", settings.tls.handshake_timeout_ms),
        ("tls.handshakes_max", settings.tls.handshakes_max as u64),
        ("http.connections_max", settings.http.connections_max as u64),
        ("http.feeds_max", settings.http.feeds_max as u64),
        ("limits.body_bytes_max", settings.limits.body_bytes_max as u64),
        (
            "limits.calls_per_client_max",
            settings.limits.calls_per_client_max as u64,
        ),
    ];
    if let Some((setting, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
        return Err(ConfigError::Zero { setting });
    }
    if settings.commit.alive_every_ms > ALIVE_EVERY_MS_MAX {
        return Err(ConfigError::TooGreat {
            setting: "commit.alive_every_ms",
            greatest: ALIVE_EVERY_MS_MAX,
        });
    }
    if settings.limits.body_bytes_max as u64 > BODY_BYTES_MAX {
        return Err(ConfigError::TooGreat {
            setting: "limits.body_bytes_max",
            greatest: BODY_BYTES_MAX,
        });
    }
    let calls_max = settings.limits.calls_max;
    if settings.limits.calls_per_client_max > calls_max / 2 {
        return Err(ConfigError::ShareTooGreat { calls_max });
    }
    let rooms = [
        ("http.bodies_bytes_max", settings.http.bodies_bytes_max, BODY_BYTES_MAX),
        (
            "http.answers_bytes_max",
            settings.http.answers_bytes_max,
            ANSWER_BYTES_MAX as u64,
        ),
    ];
    if let Some((setting, _, least)) = rooms.into_iter().find(|(_, bytes, least)| (*bytes as u64) < *least) {
        return Err(ConfigError::TooSmall { setting, least });
    }
    if links.partition_after_ms <= links.heartbeat_ms {
        return Err(ConfigError::PartitionBeforeHeartbeat);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let mut settings = Settings::default();
        settings.node.datacenter = "dc-east".into();
        settings.node.data = "data".into();
        settings
    }

    fn with_peers(peers: &[(&str, &str)]) -> Settings {
        let mut settings = settings();
        settings.links.peers = peers
            .iter()
            .map(|(datacenter, address)| PeerSettings {
                datacenter: (*datacenter).into(),
                address: (*address).into(),
            })
            .collect();
        settings
    }

    #[test]
    fn the_defaults_with_a_name_and_a_directory_are_enough() {
        let plan = Plan::new(settings()).unwrap();
        assert_eq!(plan.datacenter.to_string(), "dc-east");
        assert!(matches!(Plan::new(Settings::default()), Err(ConfigError::NoDatacenter)));
    }

    #[test]
    fn an_address_that_others_can_reach_needs_insecure() {
        let mut settings = settings();
        settings.grpc.address = "0.0.0.0:7601".parse().unwrap();
        let error = Plan::new(settings.clone()).unwrap_err();
        assert!(error.to_string().contains("--insecure"));
        settings.grpc.insecure = true;
        assert!(Plan::new(settings.clone()).is_ok());
        settings.grpc = Settings::default().grpc;
        settings.metrics.addresses = vec!["0.0.0.0:9601".parse().unwrap()];
        assert!(Plan::new(settings).is_err(), "figures tell the names of databases");
    }

    #[test]
    fn bad_peers_are_refused() {
        let own = with_peers(&[("dc-east", "http://127.0.0.1:1")]);
        assert!(matches!(Plan::new(own), Err(ConfigError::PeerIsSelf { .. })));
        let twice = with_peers(&[("dc-west", "http://127.0.0.1:1"), ("dc-west", "http://127.0.0.1:2")]);
        assert!(matches!(Plan::new(twice), Err(ConfigError::PeerTwice { .. })));
        for address in [
            "127.0.0.1:7602",
            "ftp://127.0.0.1:7602",
            "http://127.0.0.1",
            "not a url",
        ] {
            let peers = with_peers(&[("dc-west", address)]);
            assert!(
                matches!(Plan::new(peers), Err(ConfigError::PeerAddress { .. })),
                "{address}"
            );
        }
        let name = with_peers(&[("DC west", "http://127.0.0.1:1")]);
        assert!(matches!(Plan::new(name), Err(ConfigError::Datacenter { .. })));
    }

    #[test]
    fn contradicting_times_are_refused() {
        let mut settings = settings();
        settings.links.partition_after_ms = settings.links.heartbeat_ms;
        assert!(matches!(
            Plan::new(settings),
            Err(ConfigError::PartitionBeforeHeartbeat)
        ));
    }

    #[test]
    fn a_node_that_says_too_rarely_that_it_is_alive_is_refused() {
        let mut settings = settings();
        settings.commit.alive_every_ms = ALIVE_EVERY_MS_MAX;
        assert!(Plan::new(settings.clone()).is_ok());
        settings.commit.alive_every_ms += 1;
        let error = Plan::new(settings).unwrap_err();
        assert_eq!(error.to_string(), "commit.alive_every_ms must be at most 20000");
    }

    #[test]
    fn one_client_gets_half_of_all_calls_at_most() {
        let mut settings = settings();
        settings.limits.calls_max = 10;
        settings.limits.calls_per_client_max = 5;
        assert!(Plan::new(settings.clone()).is_ok());
        settings.limits.calls_per_client_max = 6;
        assert!(matches!(
            Plan::new(settings),
            Err(ConfigError::ShareTooGreat { calls_max: 10 })
        ));
    }

    #[test]
    fn room_for_less_than_one_body_or_answer_is_refused() {
        let mut small = settings();
        small.http.bodies_bytes_max = 1 << 20;
        let error = Plan::new(small).unwrap_err();
        assert_eq!(error.to_string(), "http.bodies_bytes_max must be at least 16777216");
        let mut small = settings();
        small.http.answers_bytes_max = 1 << 20;
        let error = Plan::new(small).unwrap_err();
        assert_eq!(error.to_string(), "http.answers_bytes_max must be at least 67108864");
    }
}
