//! `status`: the node, its links and how far each side is behind, its databases and its disk; once, or again and again.

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;
use rejoin_client::{DatabaseStatus, Lag, Link, NodeStatus};
use tokio::time::MissedTickBehavior;

use super::connection::Connection;
use super::digest::hex;
use super::failure::Failure;
use super::help::json_help;
use super::load::on_signal;
use super::output::Output;
use super::status_json::StatusJson;
use super::table::{Table, count};
use super::time;

/// Shows the node, its links and its databases.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"datacenter\", \"replica\", \"version\", \"digest\", \"links\": [{\"datacenter\", \"address\", \"state\","
    "\"since\", \"reason\", \"documents_received\", \"lag\": {\"documents\", \"more\", \"behind_s\"}, \"caught_up_in_s\","
    "\"peer_lag\", \"clock_ahead_s\"}], \"databases\": [{\"name\", \"documents\", \"bytes\", \"documents_max\", \"bytes_max\", \"conflicts\","
    "\"sequence\", \"quarantined\", \"version\", \"version_missing_in\": [DATACENTER], \"survivors\","
    "\"catching_up_from\": [DATACENTER]}], \"warnings\": [TEXT], \"read_only\","
    "\"disk_free_bytes\", \"disk_used_bytes\", \"time\", \"conflicts\"}; state is one of connecting, catching-up, connected,"
    "partitioned, cut, refused; since is RFC 3339; reason is null when all is well. lag is how far this node is"
    "behind the peer, peer_lag how far the peer is behind this node; what nobody knows is null. With --watch one object"
    "per line."
))]
pub struct Status {
    /// Show it again every second, until interrupted
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Status {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let mut output = self.connection.output();
        self.show(&mut output, &client.status().await?)?;
        if !self.watch {
            return output.finish();
        }
        output.flush()?;
        let (stop, mut ticks) = (on_signal()?, tokio::time::interval(EVERY));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, and the first status was shown.
        ticks.tick().await;
        loop {
            let status = tokio::select! {
                biased;
                () = stop.cancelled() => return output.finish(),
                status = async { ticks.tick().await; client.status().await } => status,
            };
            match status {
                Ok(status) => {
                    self.begin_again(&mut output)?;
                    self.show(&mut output, &status)?;
                }
                // A node that is restarted is watched on.
                Err(error) => Failure::Call(error).print(self.connection.json),
            }
            output.flush()?;
        }
    }

    fn show(&self, output: &mut Output, status: &NodeStatus) -> Result<(), Failure> {
        if self.connection.json {
            output.json(&StatusJson::new(status))
        } else {
            print(output, status)
        }
    }

    /// On a terminal the new status takes the place of the old one, elsewhere an empty line stands between them.
    fn begin_again(&self, output: &mut Output) -> Result<(), Failure> {
        match (self.connection.json, io::stdout().is_terminal()) {
            (true, _) => Ok(()),
            (false, true) => output.part(CLEAR),
            (false, false) => output.line(""),
        }
    }
}

/// How often a status is shown that is watched.
const EVERY: Duration = Duration::from_secs(1);

/// Clears a terminal, what was scrolled away too, and goes to its first line (ECMA-48).
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

fn print(output: &mut Output, status: &NodeStatus) -> Result<(), Failure> {
    output.line(format_args!(
        "{}  replica {}  rejoin {}",
        status.datacenter, status.replica, status.version
    ))?;
    output.line(format_args!("digest {}", hex(&status.digest)))?;
    output.line(disk(status))?;
    if status.read_only {
        let free = status.disk_free_bytes.unwrap_or_default() >> 20;
        output.line(format_args!(
            "read-only: {free} MiB are free on the disk; writes are taken again when there is room"
        ))?;
    }
    let conflicts: u64 = status.databases.iter().map(|database| database.conflicts).sum();
    if conflicts > 0 {
        output.line(format_args!(
            "{} documents are in conflict; list them with: rejoin conflicts DATABASE",
            count(conflicts)
        ))?;
    }
    output.line("")?;
    if status.links.is_empty() {
        output.line("no links: this node has no peers")?;
    } else {
        output.line(links(&status.links))?;
        output.line("")?;
        output.line(lags(&status.links))?;
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

/// The clock, and the room that the data have.
fn disk(status: &NodeStatus) -> String {
    let mib =
        |bytes: Option<u64>| bytes.map_or_else(|| UNKNOWN.to_owned(), |bytes| format!("{} MiB", count(bytes >> 20)));
    format!(
        "clock {}  disk {} used, {} free",
        time::human(status.time),
        mib(status.disk_used_bytes),
        mib(status.disk_free_bytes)
    )
}

fn links(links: &[Link]) -> Table {
    let mut table = Table::new(["link", "state", "since (UTC)", "received", "clock", "address"])
        .numbers([3, 4])
        .whole([1, 2]);
    for link in links {
        table.row([
            link.datacenter.clone(),
            link.state.to_string(),
            time::human(link.since),
            count(link.documents_received),
            link.clock_ahead_ms.map_or_else(|| UNKNOWN.to_owned(), ahead),
            link.address.clone(),
        ]);
    }
    table
}

/// How far each side is behind the other.
fn lags(links: &[Link]) -> Table {
    let headings = ["link", "behind", "for", "caught up in", "peer behind", "for"];
    let mut table = Table::new(headings).numbers([1, 2, 3, 4, 5]);
    for link in links {
        let peer = link.peer_lag.unwrap_or_default();
        table.row([
            link.datacenter.clone(),
            documents(link.lag),
            behind(link.lag),
            link.caught_up_in.map_or_else(|| UNKNOWN.to_owned(), time::length),
            documents(peer),
            behind(peer),
        ]);
    }
    table
}

/// In the place of what nobody knows.
const UNKNOWN: &str = "-";

fn documents(lag: Lag) -> String {
    match lag.documents {
        Some(documents) if lag.more => format!("over {}", count(documents)),
        Some(documents) => count(documents),
        None => UNKNOWN.to_owned(),
    }
}

fn behind(lag: Lag) -> String {
    lag.behind.map_or_else(|| UNKNOWN.to_owned(), time::length)
}

/// Of a clock, with its sign.
fn ahead(ms: i64) -> String {
    format!("{:+.3} s", ms as f64 / 1000.0)
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use rejoin_client::LinkState;

    use super::*;

    #[test]
    fn what_nobody_knows_is_not_shown_as_nothing() {
        let unknown = Link {
            datacenter: "dc-west".to_owned(),
            address: "http://127.0.0.1:7602".to_owned(),
            state: LinkState::CatchingUp,
            since: SystemTime::UNIX_EPOCH,
            reason: None,
            documents_received: 0,
            lag: Lag::default(),
            caught_up_in: None,
            peer_lag: None,
            clock_ahead_ms: None,
        };
        let known = Link {
            lag: Lag {
                documents: Some(250_000),
                more: true,
                behind: Some(Duration::from_secs(65)),
            },
            caught_up_in: Some(Duration::from_millis(4_500)),
            peer_lag: Some(Lag {
                documents: Some(1_234),
                more: false,
                behind: None,
            }),
            clock_ahead_ms: Some(-3),
            ..unknown.clone()
        };
        let shown = |table: Table| -> Vec<String> {
            let text = table.to_string();
            let rows = text.lines().skip(2);
            rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect()
        };
        let both = [unknown, known];
        let expected = ["dc-west - - - - -", "dc-west over 250,000 1m 05s 4.5 s 1,234 -"];
        assert_eq!(shown(lags(&both)), expected);
        let links = shown(links(&both));
        assert!(links[0].ends_with("0 - http://127.0.0.1:7602"), "{links:?}");
        assert!(links[1].ends_with("0 -0.003 s http://127.0.0.1:7602"), "{links:?}");
    }
}
