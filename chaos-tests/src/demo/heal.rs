//! The heal: the link is restored, both sides become equal, and each reports what it did.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use rejoin_client::{Client, Heal};

use super::stage::Stage;
use super::table::{Table, count, heading, say, seconds};
use crate::process::{WEST, poll_until};
use crate::view::{Picture, await_equal_digests};

/// How long both sides may take to become equal.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Restores the link, waits and prints the reports. Answers whether both sides became equal.
///
/// # Errors
/// A node does not answer.
pub(super) async fn heal(stage: &Stage) -> anyhow::Result<bool> {
    heading("5  The link is restored");
    let restored = SystemTime::now();
    stage.clients[0].restore_link(WEST).await?;
    match await_equal_digests(&stage.clients, PATIENCE).await {
        Ok(after) => {
            let digest = short_digest(&stage.clients[0]).await?;
            say(&format!("Both digests are equal {} later: {digest}", seconds(after)));
        }
        Err(error) => {
            say(&format!("The digests are still different: {error:#}"));
            return Ok(false);
        }
    }
    let differences = compare(stage).await?;
    println!();
    let mut table = Table::new([
        ("report of", 9),
        ("#cut for", 8),
        ("#caught up", 8),
        ("#received", 8),
        ("#forwarded", 8),
        ("#merged", 8),
        ("#conflicts", 8),
        ("#siblings", 8),
        ("digests", 12),
    ]);
    for (datacenter, client) in stage.sides() {
        let heal = finished(client, restored)
            .await
            .with_context(|| format!("{datacenter} does not finish its heal report"))?;
        table.row([
            datacenter.to_owned(),
            between(heal.broken, Some(heal.healed)),
            between(heal.healed, heal.converged),
            count_of(heal.documents_received),
            count_of(heal.fast_forwarded),
            count_of(heal.merged),
            count_of(heal.conflicts),
            count_of(heal.siblings_kept),
            match heal.digests_equal {
                Some(true) => "equal".to_owned(),
                Some(false) => "DIFFERENT".to_owned(),
                None => "not compared".to_owned(),
            },
        ]);
    }
    table.print();
    say("forwarded: the state that came already held all that was here. merged: both held something new.");
    say("conflicts: documents newly in conflict. siblings: values kept beside those that are shown.");
    Ok(differences == 0)
}

/// Reads everything on both sides and compares it. Answers how many differences there are, each of which is printed.
async fn compare(stage: &Stage) -> anyhow::Result<usize> {
    let [east, west] = &stage.clients;
    let database = &stage.shared.database;
    let (east, west) = (
        Picture::take(east, database).await?,
        Picture::take(west, database).await?,
    );
    let found = [east.differences(&west), east.contradictions(), west.contradictions()].concat();
    let documents = count(east.documents.len());
    if found.is_empty() {
        say(&format!(
            "All {documents} documents were read on both sides: same bodies, revisions, conflicts."
        ));
    }
    found.iter().for_each(|difference| say(difference));
    Ok(found.len())
}

/// The first digits of a node's digest.
///
/// # Errors
/// The node does not answer.
pub(super) async fn short_digest(client: &Client) -> anyhow::Result<String> {
    let digest = client.digest().await?;
    Ok(digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        + "…")
}

/// The report of this heal, once the digests have been compared.
async fn finished(client: &Client, restored: SystemTime) -> anyhow::Result<Heal> {
    // Reports count in milliseconds.
    let since = restored - Duration::from_millis(1);
    poll_until(PATIENCE, async || {
        let newest = client.heals(1, None).await?.items.into_iter().next();
        Ok(newest.filter(|heal| heal.healed >= since && heal.digests_equal.is_some()))
    })
    .await
}

fn between(from: SystemTime, to: Option<SystemTime>) -> String {
    to.and_then(|to| to.duration_since(from).ok())
        .map_or("–".to_owned(), seconds)
}

fn count_of(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX))
}
