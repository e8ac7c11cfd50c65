//! `heals`: what each reconnect did.

use std::collections::BTreeSet;
use std::io;

use clap::Args;
use rejoin_client::{Client, Heal};
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json;
use super::output::Output;
use super::pages::{self, Pages};
use super::table::{Table, count};
use super::time;

/// Lists what each reconnect with another datacenter did, newest first.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"heals\": [{\"id\", \"datacenter\", \"broken\", \"healed\", \"converged\", \"documents_received\","
    "\"fast_forwarded\", \"merged\", \"conflicts\", \"conflict_ids\", \"siblings_kept\", \"quarantined\","
    "\"digests_equal\", \"repaired\"}]}; times are RFC 3339; converged is null while catching up, digests_equal"
    "until they were compared; conflict_ids are \"database/id\", at most 1000 of them. With ID only the one report."
))]
pub struct Heals {
    /// Print this report only, with the documents that are newly in conflict
    #[arg(value_name = "ID", conflicts_with = "limit")]
    id: Option<u64>,
    /// Print at most so many reports
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = pages::limit)]
    limit: usize,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct HealJson {
    id: u64,
    datacenter: String,
    broken: String,
    healed: String,
    converged: Option<String>,
    documents_received: u64,
    fast_forwarded: u64,
    merged: u64,
    conflicts: u64,
    conflict_ids: Vec<String>,
    siblings_kept: u64,
    quarantined: u64,
    digests_equal: Option<bool>,
    repaired: u64,
}

impl Heals {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let mut output = self.connection.output();
        if let Some(id) = self.id {
            print_one(&mut output, self.connection.json, &until(&client, id).await?)?;
            return output.finish();
        }
        let mut pages = Pages::new(self.limit, async |size, after| client.heals(size, after).await);
        if self.connection.json {
            pages.print_json(&mut output, "heals", HealJson::new).await?;
            return output.finish();
        }
        let mut heals = Vec::new();
        while let Some(page) = pages.next().await? {
            heals.extend(page);
        }
        print(&mut output, &heals)?;
        output.finish()
    }
}

/// The reports from the newest to the one that is asked for, which is the last.
async fn until(client: &Client, id: u64) -> Result<Vec<Heal>, Failure> {
    let mut pages = Pages::new(usize::MAX, async |size, after| client.heals(size, after).await);
    let mut heals: Vec<Heal> = Vec::new();
    while let Some(page) = pages.next().await? {
        for heal in page {
            let found = heal.id;
            heals.push(heal);
            if found == id {
                return Ok(heals);
            }
        }
    }
    let message = format!("there is no report {id}; `rejoin heals` lists those that are kept");
    Err(io::Error::new(io::ErrorKind::NotFound, message).into())
}

/// The last of these reports, by itself.
fn print_one(output: &mut Output, json: bool, heals: &[Heal]) -> Result<(), Failure> {
    let Some((heal, newer)) = heals.split_last() else {
        return Ok(());
    };
    if json {
        return output.line(json::text(&HealJson::new(heal.clone())));
    }
    let later = newer.iter().map(|heal| &heal.datacenter).collect();
    print_rows(output, std::slice::from_ref(heal), later)?;
    if heal.conflict_ids.is_empty() {
        return Ok(());
    }
    output.line("\nnewly in conflict:")?;
    for id in &heal.conflict_ids {
        output.line(format_args!("  {id}"))?;
    }
    let listed = heal.conflict_ids.len() as u64;
    if heal.conflicts > listed {
        output.line(format_args!(
            "  and {} more: `rejoin conflicts` lists them",
            count(heal.conflicts - listed)
        ))?;
    }
    Ok(())
}

fn print(output: &mut Output, heals: &[Heal]) -> Result<(), Failure> {
    if heals.is_empty() {
        return output.line(
            "no heals: no link has been lost and found again, or both sides are still being compared (about a second)",
        );
    }
    print_rows(output, heals, BTreeSet::new())
}

/// A row for each; `later` are the peers of which there are newer ones.
fn print_rows(output: &mut Output, heals: &[Heal], later: BTreeSet<&String>) -> Result<(), Failure> {
    output.line(table(heals, later))?;
    for heal in heals.iter().filter(|heal| heal.quarantined + heal.repaired > 0) {
        output.line(format_args!(
            "\nheal {}: {} documents set aside in quarantine, {} mended by comparing whole states",
            heal.id,
            count(heal.quarantined),
            count(heal.repaired)
        ))?;
    }
    Ok(())
}

fn table<'a>(heals: &'a [Heal], mut later: BTreeSet<&'a String>) -> Table {
    let headings = [
        "heal",
        "peer",
        "healed (UTC)",
        "apart",
        "converged",
        "received",
        "merged",
        "conflicts",
        "kept",
        "digests",
    ];
    let mut table = Table::new(headings).numbers([0, 3, 4, 5, 6, 7, 8]).whole([2, 9]);
    // The newest comes first: a heal that has not converged when a later one begins never will.
    for heal in heals {
        let pending = if later.insert(&heal.datacenter) {
            "not yet"
        } else {
            "cut again"
        };
        table.row([
            heal.id.to_string(),
            heal.datacenter.clone(),
            time::human(heal.healed),
            time::span(heal.broken, heal.healed),
            heal.converged
                .map_or_else(|| pending.to_owned(), |at| time::span(heal.healed, at)),
            count(heal.documents_received),
            count(heal.merged),
            count(heal.conflicts),
            count(heal.siblings_kept),
            digests(heal.digests_equal, pending).to_owned(),
        ]);
    }
    table
}

fn digests(equal: Option<bool>, pending: &'static str) -> &'static str {
    match equal {
        Some(true) => "equal",
        Some(false) => "differ",
        None => pending,
    }
}

impl HealJson {
    fn new(heal: Heal) -> Self {
        Self {
            id: heal.id,
            datacenter: heal.datacenter,
            broken: time::rfc3339(heal.broken),
            healed: time::rfc3339(heal.healed),
            converged: heal.converged.map(time::rfc3339),
            documents_received: heal.documents_received,
            fast_forwarded: heal.fast_forwarded,
            merged: heal.merged,
            conflicts: heal.conflicts,
            conflict_ids: heal.conflict_ids,
            siblings_kept: heal.siblings_kept,
            quarantined: heal.quarantined,
            digests_equal: heal.digests_equal,
            repaired: heal.repaired,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn heal() -> Heal {
        let at = |seconds: f64| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(1_700_000_000.0 + seconds);
        Heal {
            id: 12,
            datacenter: "dc-west".to_owned(),
            broken: at(0.0),
            healed: at(65.0),
            converged: Some(at(65.8)),
            documents_received: 12_345,
            fast_forwarded: 12_000,
            merged: 345,
            conflicts: 14,
            conflict_ids: vec!["customers/baard".to_owned()],
            siblings_kept: 15,
            quarantined: 0,
            digests_equal: Some(true),
            repaired: 0,
        }
    }

    #[test]
    fn only_the_newest_heal_of_a_peer_can_still_converge() {
        let unfinished = |id| Heal {
            id,
            converged: None,
            digests_equal: None,
            ..heal()
        };
        let text = table(&[unfinished(3), unfinished(2), heal()], BTreeSet::new()).to_string();
        let ends: Vec<_> = text
            .lines()
            .skip(2)
            .map(|line| line.split_whitespace().last())
            .collect();
        assert_eq!(ends, [Some("yet"), Some("again"), Some("equal")], "{text}");
    }

    #[test]
    fn a_heal_fits_in_a_line_of_a_hundred_columns() {
        let text = table(&[heal()], BTreeSet::new()).to_string();
        let row = text.lines().nth(2).unwrap();
        assert!(row.chars().count() <= 100, "{text}");
        let words: Vec<&str> = row.split_whitespace().collect();
        let expected = "12 dc-west 2023-11-14 22:14:25 1m 05s 0.8 s 12,345 345 14 15 equal";
        assert_eq!(words.join(" "), expected, "{text}");
    }
}
