//! `status`: the node, its links, its databases.

use clap::Args;
use rejoin_client::{DatabaseStatus, Link, NodeStatus};
use serde::Serialize;

use super::connection::Connection;
use super::digest::hex;
use super::failure::Failure;
use super::help::json_help;
use super::output::Output;
use super::table::{Table, count};
use super::time;

/// Shows the node, its links and its databases.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"datacenter\", \"replica\", \"version\", \"digest\", \"links\": [{\"datacenter\", \"address\", \"state\","
    "\"since\", \"reason\", \"documents_received\"}], \"databases\": [{\"name\", \"documents\", \"conflicts\","
    "\"sequence\", \"quarantined\", \"version\", \"version_missing_in\": [DATACENTER], \"survivors\","
    "\"catching_up_from\": [DATACENTER]}], \"warnings\": [TEXT], \"read_only\","
    "\"disk_free_bytes\"}; state is one of connecting, catching-up, connected,"
    "partitioned, cut, refused; since is RFC 3339; reason is null when all is well."
))]
pub struct Status {
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct StatusJson<'a> {
    datacenter: &'a str,
    replica: String,
    version: &'a str,
    digest: String,
    links: Vec<LinkJson<'a>>,
    databases: Vec<DatabaseJson<'a>>,
    warnings: &'a [String],
    read_only: bool,
    disk_free_bytes: Option<u64>,
}

#[derive(Serialize)]
struct LinkJson<'a> {
    datacenter: &'a str,
    address: &'a str,
    state: &'static str,
    since: String,
    reason: Option<&'a str>,
    documents_received: u64,
}

#[derive(Serialize)]
struct DatabaseJson<'a> {
    name: &'a str,
    documents: u64,
    conflicts: u64,
    sequence: u64,
    quarantined: u64,
    version: &'a str,
    version_missing_in: &'a [String],
    survivors: bool,
    catching_up_from: &'a [String],
}

impl Status {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let status = self.connection.client()?.status().await?;
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&StatusJson::new(&status))?;
        } else {
            print(&mut output, &status)?;
        }
        output.finish()
    }
}

fn print(output: &mut Output, status: &NodeStatus) -> Result<(), Failure> {
    output.line(format_args!(
        "{}  replica {}  rejoin {}",
        status.datacenter, status.replica, status.version
    ))?;
    output.line(format_args!("digest {}", hex(&status.digest)))?;
    if status.read_only {
        let free = status.disk_free_bytes.unwrap_or_default() >> 20;
        output.line(format_args!(
            "read-only: {free} MiB are free on the disk; writes are taken again when there is room"
        ))?;
    }
    output.line("")?;
    if status.links.is_empty() {
        output.line("no links: this node has no peers")?;
    } else {
        output.line(links(&status.links))?;
    }
    // Below the table, where a long reason is not cut off.
    for link in &status.links {
        if let Some(reason) = &link.reason {
            output.line(format_args!("{}: {reason}", link.datacenter))?;
        }
    }
    output.line("")?;
    if status.databases.is_empty() {
        output.line("no databases; create one with: rejoin database create NAME")?;
    } else {
        output.line(databases(&status.databases))?;
    }
    for database in &status.databases {
        if !database.catching_up_from.is_empty() {
            let from = database.catching_up_from.join(", ");
            output.line(format_args!("{}: catching up from {from}", database.name))?;
        }
    }
    for warning in &status.warnings {
        output.line(format_args!("\nwarning: {warning}"))?;
    }
    Ok(())
}

fn links(links: &[Link]) -> Table {
    let mut table = Table::new(["link", "state", "since (UTC)", "received", "address"])
        .numbers([3])
        .whole([1, 2]);
    for link in links {
        table.row([
            link.datacenter.clone(),
            link.state.to_string(),
            time::human(link.since),
            count(link.documents_received),
            link.address.clone(),
        ]);
    }
    table
}

fn databases(databases: &[DatabaseStatus]) -> Table {
    let headings = ["database", "documents", "conflicts", "sequence", "quarantined"];
    let mut table = Table::new(headings).numbers([1, 2, 3, 4]);
    for database in databases {
        let note = if database.survivors {
            " (deleted; survivors)"
        } else {
            ""
        };
        table.row([
            format!("{}{note}", database.name),
            count(database.documents),
            count(database.conflicts),
            count(database.sequence),
            count(database.quarantined),
        ]);
    }
    table
}

impl<'a> StatusJson<'a> {
    fn new(status: &'a NodeStatus) -> Self {
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
        }
    }
}

impl<'a> DatabaseJson<'a> {
    fn new(database: &'a DatabaseStatus) -> Self {
        Self {
            name: &database.name,
            documents: database.documents,
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
