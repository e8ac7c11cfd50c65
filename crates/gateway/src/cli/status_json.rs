//! `status` for programs: what `--json` prints.

use rejoin_client::{DatabaseStatus, Lag, Link, NodeStatus};
use serde::Serialize;

use super::digest::hex;
use super::time;

#[derive(Serialize)]
pub(super) struct StatusJson<'a> {
    datacenter: &'a str,
    replica: String,
    version: &'a str,
    digest: String,
    links: Vec<LinkJson<'a>>,
    databases: Vec<DatabaseJson<'a>>,
    warnings: &'a [String],
    read_only: bool,
    disk_free_bytes: Option<u64>,
    disk_used_bytes: Option<u64>,
    time: String,
    conflicts: u64,
}

#[derive(Serialize)]
struct LinkJson<'a> {
    datacenter: &'a str,
    address: &'a str,
    state: &'static str,
    since: String,
    reason: Option<&'a str>,
    documents_received: u64,
    lag: LagJson,
    caught_up_in_s: Option<f64>,
    peer_lag: Option<LagJson>,
    clock_ahead_s: Option<f64>,
}

#[derive(Serialize)]
struct LagJson {
    documents: Option<u64>,
    more: bool,
    behind_s: Option<f64>,
}

#[derive(Serialize)]
struct DatabaseJson<'a> {
    name: &'a str,
    documents: u64,
    bytes: u64,
    documents_max: u64,
    bytes_max: u64,
    conflicts: u64,
    sequence: u64,
    quarantined: u64,
    version: &'a str,
    version_missing_in: &'a [String],
    survivors: bool,
    catching_up_from: &'a [String],
}

impl<'a> StatusJson<'a> {
    pub(super) fn new(status: &'a NodeStatus) -> Self {
        Self {
            datacenter: &status.datacenter,
            replica: status.replica.to_string(),
            version: &status.version,
            digest: hex(&status.digest),
            links: status.links.iter().map(LinkJson::new).collect(),
            databases: status.databases.iter().map(DatabaseJson::new).collect(),
            warnings: &status.warnings,
            read_only: status.read_only,
            disk_free_bytes: status.disk_free_bytes,
            disk_used_bytes: status.disk_used_bytes,
            time: time::rfc3339(status.time),
            conflicts: status.databases.iter().map(|database| database.conflicts).sum(),
        }
    }
}

impl<'a> LinkJson<'a> {
    fn new(link: &'a Link) -> Self {
        Self {
            datacenter: &link.datacenter,
            address: &link.address,
            state: link.state.as_str(),
            since: time::rfc3339(link.since),
            reason: link.reason.as_deref(),
            documents_received: link.documents_received,
            lag: LagJson::new(link.lag),
            caught_up_in_s: link.caught_up_in.map(|span| span.as_secs_f64()),
            peer_lag: link.peer_lag.map(LagJson::new),
            clock_ahead_s: link.clock_ahead_ms.map(|ms| ms as f64 / 1000.0),
        }
    }
}

impl LagJson {
    fn new(lag: Lag) -> Self {
        Self {
            documents: lag.documents,
            more: lag.more,
            behind_s: lag.behind.map(|span| span.as_secs_f64()),
        }
    }
}

impl<'a> DatabaseJson<'a> {
    fn new(database: &'a DatabaseStatus) -> Self {
        Self {
            name: &database.name,
            documents: database.documents,
            bytes: database.bytes,
            documents_max: database.documents_max,
            bytes_max: database.bytes_max,
            conflicts: database.conflicts,
            sequence: database.sequence,
            quarantined: database.quarantined,
            version: &database.version,
            version_missing_in: &database.version_missing_in,
            survivors: database.survivors,
            catching_up_from: &database.catching_up_from,
        }
    }
}
