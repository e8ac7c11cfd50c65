//! `verify`: compares this node with its peers now, and mends what differs.

use std::time::Duration;

use clap::Args;
use rejoin_client::{VerifiedDatabase, VerifiedPeer};
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::output::Output;
use super::table::{Table, count, printable};

/// Ids of documents that are printed of one database.
const IDS_SHOWN: usize = 10;

/// Compares this node with its peers now, and mends what differs.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"peers\": [{\"datacenter\", \"compared\", \"reason\", \"equal\", \"databases\": [{\"name\", \"documents\","
    "\"buckets_differing\", \"documents_differing\", \"differing_ids\", \"repaired\", \"equal\"}]}]}; equal is null where"
    "writes never paused; differing_ids are at most 100; repaired are the documents that were mended here. Reads and"
    "writes go on. Exit status 1 also if a difference was left, or a peer was not compared with."
))]
pub struct Verify {
    /// The peer's datacenter; all if left out
    datacenter: Option<String>,
    /// How long to wait for each peer; what was begun goes on to its end all the same
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct VerifiedJson<'a> {
    peers: Vec<PeerJson<'a>>,
}

#[derive(Serialize)]
struct PeerJson<'a> {
    datacenter: &'a str,
    compared: bool,
    reason: Option<&'a str>,
    equal: bool,
    databases: Vec<DatabaseJson<'a>>,
}

#[derive(Serialize)]
struct DatabaseJson<'a> {
    name: &'a str,
    documents: u64,
    buckets_differing: u64,
    documents_differing: u64,
    differing_ids: &'a [String],
    repaired: u64,
    equal: Option<bool>,
}

impl Verify {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let wait = Duration::from_secs(self.wait);
        let peers = client.verify(self.datacenter.as_deref(), wait).await?;
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&VerifiedJson {
                peers: peers.iter().map(PeerJson::new).collect(),
            })?;
        } else {
            print(&mut output, &peers)?;
        }
        output.finish()?;
        match peers.iter().all(VerifiedPeer::is_equal) {
            true => Ok(()),
            false => Err(Failure::NotEqual),
        }
    }
}

fn print(output: &mut Output, peers: &[VerifiedPeer]) -> Result<(), Failure> {
    if peers.is_empty() {
        return output.line("no peers: there is nothing to compare this node with");
    }
    for peer in peers {
        match &peer.databases {
            Ok(databases) => {
                output.line(table(&peer.datacenter, databases))?;
                for database in databases.iter().filter(|database| !database.differing_ids.is_empty()) {
                    output.line(ids(database))?;
                }
            }
            Err(reason) => output.line(format_args!("{}: not compared: {reason}", peer.datacenter))?,
        }
        output.line("")?;
    }
    let equal = peers.iter().filter(|peer| peer.is_equal()).count();
    output.line(format_args!("equal with {equal} of {} peers", peers.len()))
}

fn table(peer: &str, databases: &[VerifiedDatabase]) -> Table {
    let headings = [
        "peer",
        "database",
        "documents",
        "buckets",
        "differed",
        "mended here",
        "now",
    ];
    let mut table = Table::new(headings).numbers([2, 3, 4, 5]).whole([6]);
    for database in databases {
        table.row([
            peer.to_owned(),
            database.name.clone(),
            count(database.documents),
            count(database.buckets_differing),
            count(database.documents_differing),
            count(database.repaired),
            now(database.equal).to_owned(),
        ]);
    }
    table
}

fn now(equal: Option<bool>) -> &'static str {
    match equal {
        Some(true) => "equal",
        Some(false) => "differ",
        None => "busy",
    }
}

/// The first of those that differed.
fn ids(database: &VerifiedDatabase) -> String {
    let shown = database.differing_ids.iter().take(IDS_SHOWN);
    let shown: Vec<String> = shown.map(|id| printable(id)).collect();
    let more = database.documents_differing.saturating_sub(shown.len() as u64);
    let more = match more {
        0 => String::new(),
        more => format!(" and {} more", count(more)),
    };
    format!("differed in {}: {}{more}", database.name, shown.join(", "))
}

impl<'a> PeerJson<'a> {
    fn new(peer: &'a VerifiedPeer) -> Self {
        let databases = peer.databases.as_ref();
        Self {
            datacenter: &peer.datacenter,
            compared: databases.is_ok(),
            reason: databases.err().map(String::as_str),
            equal: peer.is_equal(),
            databases: databases.into_iter().flatten().map(DatabaseJson::new).collect(),
        }
    }
}

impl<'a> DatabaseJson<'a> {
    fn new(database: &'a VerifiedDatabase) -> Self {
        Self {
            name: &database.name,
            documents: database.documents,
            buckets_differing: database.buckets_differing,
            documents_differing: database.documents_differing,
            differing_ids: &database.differing_ids,
            repaired: database.repaired,
            equal: database.equal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bounded_and_the_rest_is_counted() {
        let database = VerifiedDatabase {
            name: "shop".to_owned(),
            documents: 500,
            buckets_differing: 12,
            documents_differing: 120,
            differing_ids: (0..100).map(|number| format!("d{number}")).collect(),
            repaired: 7,
            equal: Some(false),
        };
        let text = ids(&database);
        assert_eq!(
            text,
            "differed in shop: d0, d1, d2, d3, d4, d5, d6, d7, d8, d9 and 110 more"
        );
        let row = table("dc-west", &[database]).to_string();
        let row: Vec<&str> = row.lines().nth(2).unwrap().split_whitespace().collect();
        assert_eq!(row, ["dc-west", "shop", "500", "12", "120", "7", "differ"]);
    }
}
