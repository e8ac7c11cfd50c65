//! Certificates: where they are, who needs one, and what must fit together with them.

use std::path::PathBuf;

use rejoin_tls::Files;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Peer, Settings};

/// Certificates. Without them nothing is encrypted and nobody proves who it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// A PEM file with the certificate of this node, which names its datacenter, followed by those between it and its authority. Default: none.
    pub certificate: PathBuf,
    /// A PEM file with the key of that certificate. Default: none.
    pub key: PathBuf,
    /// A PEM file with the authorities that issue the certificates of datacenters, and of clients that have one. Default: none.
    pub authority: PathBuf,
    /// Whether clients need a certificate of these authorities, over gRPC and HTTP. (Datacenters always need one.) Default false.
    pub client_certificates: bool,
    /// How often the files are looked at; what has changed is in force from then on, and who is no longer trusted is disconnected. Milliseconds,
    /// default 5,000. SIGHUP looks at once.
    pub look_every_ms: u64,
    /// How long a handshake may take. Milliseconds, default 5,000.
    pub handshake_timeout_ms: u64,
    /// Handshakes that may be under way at one listener; others wait in the backlog of its socket. Default 256.
    pub handshakes_max: usize,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            authority: PathBuf::new(),
            client_certificates: false,
            look_every_ms: 5_000,
            handshake_timeout_ms: 5_000,
            handshakes_max: 256,
        }
    }
}

impl TlsSettings {
    /// The files, if there are any.
    pub fn files(&self) -> Option<Files> {
        let named = [&self.certificate, &self.key, &self.authority];
        let files = || Files {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            authority: self.authority.clone(),
        };
        named.iter().any(|path| !path.as_os_str().is_empty()).then(files)
    }
}

/// Checks that the certificates fit together with the rest.
pub(super) fn check(settings: &Settings, peers: &[Peer]) -> Result<(), ConfigError> {
    let tls = &settings.tls;
    let secure = tls.files().is_some();
    let files = [
        ("certificate", &tls.certificate),
        ("key", &tls.key),
        ("authority", &tls.authority),
    ];
    let missing = files.into_iter().find(|(_, path)| path.as_os_str().is_empty());
    if let Some((missing, _)) = missing.filter(|_| secure) {
        return Err(ConfigError::TlsIncomplete { missing });
    }
    if tls.client_certificates && !secure {
        return Err(ConfigError::TlsIncomplete { missing: "certificate" });
    }
    let uncertifiable = |name: &&str| secure && !rejoin_tls::is_dns_name(name);
    let names = peers.iter().map(|peer| peer.datacenter.as_str());
    if let Some(name) = names.chain([settings.node.datacenter.as_str()]).find(uncertifiable) {
        return Err(ConfigError::NoDnsName { name: name.to_owned() });
    }
    let other = peers
        .iter()
        .find(|peer| (peer.address.scheme_str() == Some("https")) != secure);
    if let Some(peer) = other {
        let datacenter = peer.datacenter.to_string();
        return Err(match secure {
            true => ConfigError::PeerPlain { datacenter },
            false => ConfigError::PeerSecure { datacenter },
        });
    }
    // Who pulls gets everything; without certificates nobody knows that he is a peer.
    if settings.access.asks() && !secure && !peers.is_empty() && !settings.grpc.insecure {
        return Err(ConfigError::UsersWithoutTls);
    }
    check_addresses(settings, secure)
}

/// An address that other machines can reach needs TLS and something that clients have to prove.
fn check_addresses(settings: &Settings, secure: bool) -> Result<(), ConfigError> {
    let addresses = std::iter::once(&settings.grpc.address).chain(&settings.http.addresses);
    let open = addresses.copied().find(|address| !address.ip().is_loopback());
    if settings.grpc.insecure {
        return Ok(());
    }
    // Figures are told without TLS, to whoever asks.
    let mut figures = settings.metrics.addresses.iter().copied();
    if let Some(address) = figures.find(|address| !address.ip().is_loopback()) {
        return Err(ConfigError::NotLoopback { address });
    }
    let Some(address) = open else {
        return Ok(());
    };
    let asks = settings.tls.client_certificates || settings.access.asks();
    match (secure, asks) {
        (true, true) => Ok(()),
        (true, false) => Err(ConfigError::OpenToAll { address }),
        (false, _) => Err(ConfigError::NotLoopback { address }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PeerSettings, Plan};
    use super::*;

    fn settings() -> Settings {
        let mut settings = Settings::default();
        settings.node.datacenter = "dc-east".into();
        settings.node.data = "data".into();
        settings
    }

    fn secure() -> Settings {
        let mut settings = settings();
        settings.tls.certificate = "certificate.pem".into();
        settings.tls.key = "key.pem".into();
        settings.tls.authority = "authority.pem".into();
        settings
    }

    fn told(settings: Settings) -> String {
        Plan::new(settings).unwrap_err().to_string()
    }

    #[test]
    fn the_settings_that_the_documentation_shows_are_a_node_s() {
        let page = include_str!("../../../../docs/security.md");
        let shown = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
        let settings: Settings = toml::from_str(shown.unwrap()).unwrap();
        let plan = Plan::new(settings).unwrap();
        assert_eq!(plan.peers.len(), 1);
        assert!(plan.settings.tls.files().is_some());
    }

    #[test]
    fn of_three_files_none_may_be_missing() {
        assert!(Plan::new(secure()).is_ok());
        let mut settings = secure();
        settings.tls.key = PathBuf::new();
        assert!(told(settings).contains("[tls] lacks key"));
        let mut settings = super::tests::settings();
        settings.tls.client_certificates = true;
        assert!(told(settings).contains("[tls] lacks certificate"));
    }

    #[test]
    fn peers_are_dialled_as_this_node_is_served() {
        let peer = |address: &str| {
            vec![PeerSettings {
                datacenter: "dc-west".into(),
                address: address.into(),
            }]
        };
        let mut plain = settings();
        plain.links.peers = peer("https://127.0.0.1:7602");
        assert!(told(plain).contains("this node has no certificates"));
        let mut settings = secure();
        settings.links.peers = peer("http://127.0.0.1:7602");
        assert!(told(settings.clone()).contains("write https:// there"));
        settings.links.peers = peer("https://127.0.0.1:7602");
        assert!(Plan::new(settings).is_ok());
    }

    #[test]
    fn a_datacenter_that_no_certificate_can_name_is_refused() {
        for name in ["dc-", "42"] {
            let mut settings = secure();
            settings.node.datacenter = name.into();
            assert!(told(settings).contains("no certificate can be made out to"), "{name}");
        }
    }

    #[test]
    fn an_address_that_others_can_reach_needs_tls_and_certificates_of_clients() {
        let open = "0.0.0.0:7601".parse().unwrap();
        let mut plain = settings();
        plain.grpc.address = open;
        assert!(told(plain.clone()).contains("--insecure"));
        let mut settings = secure();
        settings.http.addresses = vec![open];
        assert!(told(settings.clone()).contains("tls.client_certificates = true"));
        assert!(told(settings.clone()).contains("--users"));
        settings.tls.client_certificates = true;
        assert!(Plan::new(settings.clone()).is_ok());
        settings.tls.client_certificates = false;
        settings.access.users = "users.toml".into();
        assert!(Plan::new(settings.clone()).is_ok());
        plain.access.users = "users.toml".into();
        assert!(
            told(plain.clone()).contains("there is no TLS"),
            "passwords would travel in plain text"
        );
        plain.grpc.insecure = true;
        assert!(Plan::new(plain).is_ok());
    }

    #[test]
    fn a_node_with_users_and_peers_needs_tls() {
        let mut plain = settings();
        plain.access.users = "users.toml".into();
        assert!(Plan::new(plain.clone()).is_ok(), "alone it gives nothing away");
        plain.links.peers = vec![PeerSettings {
            datacenter: "dc-west".into(),
            address: "http://127.0.0.1:7602".into(),
        }];
        assert!(told(plain.clone()).contains("without credentials"));
        plain.grpc.insecure = true;
        assert!(Plan::new(plain).is_ok());
    }
}
