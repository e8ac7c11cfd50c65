//! `datacenter list`, `datacenter add` and `datacenter retire`.

use clap::{Args, Subcommand};
use rejoin_client::Datacenter;
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::table::Table;
use super::time;

/// Commands on datacenters.
#[derive(Debug, Subcommand)]
pub enum DatacenterCommand {
    /// List the datacenters that a node knows, retired ones too
    List(ListDatacenters),
    /// Take a datacenter in as a peer of a node that runs; survives a restart
    Add(AddDatacenter),
    /// Retire a datacenter for good, in all others too
    Retire(RetireDatacenter),
}

/// Lists the datacenters that a node knows: members, and those that were retired.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"datacenters\": [{\"name\", \"standing\", \"address\", \"configured\", \"state\", \"since\", \"retired\","
    "\"retired_by\", \"unconfirmed_by\": [DATACENTER]}]}; standing is own, member or retired; address, state and since"
    "are null if it is no peer of this node; retired is when. unconfirmed_by names the members that have not said yet"
    "that they take nothing more from a retired one: until then it holds back what can be forgotten."
))]
pub struct ListDatacenters {
    #[command(flatten)]
    connection: Connection,
}

/// Takes a datacenter in: this node pulls from it from now on, also after a restart. Ask a node of each of the others as
/// well. One that was retired is a member again; it has to start with an empty data directory.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"name\", \"address\", \"changed\"}; changed is false if it was so before.\n"
    "The address counts for as long as the node's configuration does not name another one."
))]
pub struct AddDatacenter {
    /// The datacenter and the address of its node, as dc-south=http://10.0.0.3:7601
    #[arg(value_name = "NAME=URL", value_parser = parse_peer)]
    peer: (String, String),
    #[command(flatten)]
    connection: Connection,
}

/// Retires a datacenter for good: nobody is linked with it any more, and what it has not seen is no longer kept for it. What it has and no other
/// datacenter has is lost. It comes back only with an empty data directory, after `datacenter add`.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"name\", \"changed\"}; changed is false if it was retired before.\n"
    "Without --yes nothing is done: it says what this node knows of what may be lost."
))]
pub struct RetireDatacenter {
    /// The datacenter
    name: String,
    /// What it has and no other datacenter has may be lost
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Serialize)]
struct DatacenterJson<'a> {
    name: &'a str,
    standing: &'static str,
    address: Option<&'a str>,
    configured: bool,
    state: Option<&'static str>,
    since: Option<String>,
    retired: Option<String>,
    retired_by: Option<&'a str>,
    unconfirmed_by: &'a [String],
}

#[derive(Serialize)]
struct DatacentersJson<'a> {
    datacenters: Vec<DatacenterJson<'a>>,
}

#[derive(Serialize)]
struct AddedJson<'a> {
    name: &'a str,
    address: &'a str,
    changed: bool,
}

#[derive(Serialize)]
struct RetiredJson<'a> {
    name: &'a str,
    changed: bool,
}

/// `NAME=URL`.
fn parse_peer(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, address)) if !name.is_empty() && !address.is_empty() => Ok((name.to_owned(), address.to_owned())),
        _ => Err("give it as NAME=URL, e.g. dc-south=http://10.0.0.3:7601".to_owned()),
    }
}

impl DatacenterCommand {
    pub(super) fn connection(&self) -> &Connection {
        match self {
            Self::List(command) => &command.connection,
            Self::Add(command) => &command.connection,
            Self::Retire(command) => &command.connection,
        }
    }

    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run().await,
            Self::Add(command) => command.run().await,
            Self::Retire(command) => command.run().await,
        }
    }
}

impl ListDatacenters {
    async fn run(self) -> Result<(), Failure> {
        let datacenters = self.connection.client()?.datacenters().await?;
        let mut output = self.connection.output();
        if self.connection.json {
            let datacenters = datacenters.iter().map(DatacenterJson::new).collect();
            output.json(&DatacentersJson { datacenters })?;
            return output.finish();
        }
        output.line(table(&datacenters))?;
        for datacenter in &datacenters {
            let unconfirmed = datacenter.retired.iter().flat_map(|retired| &retired.unconfirmed_by);
            let unconfirmed: Vec<&str> = unconfirmed.map(String::as_str).collect();
            if !unconfirmed.is_empty() {
                output.line(format_args!(
                    "\n{} holds back what can be forgotten until these have confirmed that it is retired: {}",
                    datacenter.name,
                    unconfirmed.join(", ")
                ))?;
            }
        }
        output.finish()
    }
}

fn standing(datacenter: &Datacenter) -> &'static str {
    match (&datacenter.retired, datacenter.own) {
        (Some(_), _) => "retired",
        (None, true) => "own",
        (None, false) => "member",
    }
}

fn table(datacenters: &[Datacenter]) -> Table {
    let headings = ["datacenter", "standing", "link", "since (UTC)", "address", "from"];
    let mut table = Table::new(headings).whole([0, 1, 2, 3, 5]);
    let none = || "-".to_owned();
    for datacenter in datacenters {
        let since = match (&datacenter.retired, &datacenter.link) {
            (Some(retired), _) => Some(retired.at),
            (None, link) => link.as_ref().map(|(_, since)| *since),
        };
        let from = match (&datacenter.address, datacenter.configured) {
            (None, _) => "-",
            (Some(_), true) => "configuration",
            (Some(_), false) => "datacenter add",
        };
        table.row([
            datacenter.name.clone(),
            standing(datacenter).to_owned(),
            datacenter
                .link
                .map_or_else(none, |(state, _)| state.as_str().to_owned()),
            since.map_or_else(none, time::human),
            datacenter.address.clone().unwrap_or_else(none),
            from.to_owned(),
        ]);
    }
    table
}

impl AddDatacenter {
    async fn run(self) -> Result<(), Failure> {
        let (name, address) = &self.peer;
        let changed = self.connection.client()?.add_datacenter(name, address).await?;
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&AddedJson { name, address, changed })?;
        } else if changed {
            output.line(format_args!(
                "added {name} at {address}; ask a node of each other datacenter as well, and see `rejoin status` for its link"
            ))?;
        } else {
            output.line(format_args!("{name} was there before, at {address}"))?;
        }
        output.finish()
    }
}

impl RetireDatacenter {
    async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let (name, changed) = (&self.name, client.retire_datacenter(&self.name, self.yes).await?);
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&RetiredJson { name, changed })?;
        } else if changed {
            output.line(format_args!(
                "retired {name} for good; it comes back only with an empty data directory, after: rejoin datacenter add {name}=URL"
            ))?;
        } else {
            output.line(format_args!("{name} was retired before"))?;
        }
        output.finish()
    }
}

impl<'a> DatacenterJson<'a> {
    fn new(datacenter: &'a Datacenter) -> Self {
        let retired = datacenter.retired.as_ref();
        Self {
            name: &datacenter.name,
            standing: standing(datacenter),
            address: datacenter.address.as_deref(),
            configured: datacenter.configured,
            state: datacenter.link.map(|(state, _)| state.as_str()),
            since: datacenter.link.map(|(_, since)| time::rfc3339(since)),
            retired: retired.map(|retired| time::rfc3339(retired.at)),
            retired_by: retired.map(|retired| retired.by.as_str()),
            unconfirmed_by: retired.map_or(&[], |retired| retired.unconfirmed_by.as_slice()),
        }
    }
}
