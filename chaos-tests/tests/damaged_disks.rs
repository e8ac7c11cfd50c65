//! Invariant: a node whose files are damaged serves nothing wrong. It does not start, and says what to do; or it is whole; or it says of what it cannot
//! read that it cannot. An empty directory and its peers bring everything back, and no acknowledged write is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rejoin_chaos::history::{Event, FaultFired, Phase};
use rejoin_chaos::ledger::is_absent;
use rejoin_chaos::plan::FaultKind;
use rejoin_chaos::process::{Damage, Refusal, WEST, poll_until};
use rejoin_chaos::scenario::Scenario;
use rejoin_chaos::view::{Picture, View};
use rejoin_chaos::workload::{random_client, random_rules};
use rejoin_client::{CallError, Client, Session};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Each kind of damage once, and more of those of which there are many places.
const ROUNDS: [Damage; 8] = [
    Damage::TableBit,
    Damage::TableBit,
    Damage::TableBit,
    Damage::LogBit,
    Damage::LogBit,
    Damage::ManifestBit,
    Damage::ManifestBit,
    Damage::MissingTable,
];
const CLIENTS: usize = 2;
const DOCUMENTS: u32 = 40;
/// How long clients write before and after the log is written to tables.
const WRITING: Duration = Duration::from_millis(500);
const SETTLED_WITHIN: Duration = Duration::from_secs(20);

/// What became of a node with a damaged disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// It did not start.
    Refused,
    /// It serves, and cannot read something: it says so.
    Unreadable,
    /// Nothing is missing, or its peer has brought it back.
    Whole,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_disk_is_refused_or_told_and_never_answers_wrong_and_its_peers_bring_everything_back()
-> anyhow::Result<()> {
    let mut scenario = Scenario::start("damaged_disks", random_rules()).await?;
    let mut random = scenario.random(7);
    let mut rounds = ROUNDS;
    rounds.shuffle(&mut random);
    let (mut fired, mut ends) = (
        BTreeMap::<FaultKind, usize>::new(),
        BTreeMap::<(Damage, End), usize>::new(),
    );
    for (round, damage) in rounds.into_iter().enumerate() {
        let expected = fill(&mut scenario, round).await?;
        let witness = witness(&scenario, &expected).await?;
        scenario.pair.west.kill()?;
        let inflicted = damage.inflict(&scenario.pair.west.data(), &mut random)?;
        strike(&scenario, damage);
        *fired.entry(damage.kind()).or_default() += 1;
        let end = match scenario.pair.west.try_restart().await? {
            Some(refusal) => {
                check_refusal(&scenario, &refusal)?;
                End::Refused
            }
            None => serve(&scenario, &witness, &expected)
                .await
                .map_err(|error| error.context(format!("round {round}: {inflicted}")))?,
        };
        println!("{damage}: {inflicted}: {end:?}");
        *ends.entry((damage, end)).or_default() += 1;
        repair(&mut scenario, &expected).await?;
    }
    let account = scenario.account().await?;
    println!("{ends:?}; {} acknowledged; unaccounted 0", account.acknowledged);
    assert_eq!(
        fired.keys().copied().collect::<Vec<_>>(),
        [FaultKind::BitFlip, FaultKind::MissingFile]
    );
    let refused = |damage| ends.contains_key(&(damage, End::Refused));
    // A bit in the padding of a block says nothing to anybody; two rounds of each are not all of that.
    assert!(refused(Damage::MissingTable) && refused(Damage::LogBit), "{ends:?}");
    assert!(account.acknowledged > 300, "{} writes", account.acknowledged);
    Ok(())
}

/// Clients write at both nodes; a part of it lies in tables of the second node then, and a part in its log. Answers what both show at rest.
async fn fill(scenario: &mut Scenario, round: usize) -> anyhow::Result<Picture> {
    write(scenario, 2 * round).await?;
    // What the log holds is written to tables when it is read.
    scenario.pair.west.restart().await?;
    write(scenario, 2 * round + 1).await?;
    scenario.settle(SETTLED_WITHIN).await?;
    let picture = Picture::take(&scenario.clients[0], scenario.database()).await?;
    // The digest is also over what the nodes know of each other: a node without a disk comes back under another name.
    let digest = String::new();
    Ok(Picture { digest, ..picture })
}

async fn write(scenario: &Scenario, round: usize) -> anyhow::Result<()> {
    let (mut clients, end) = (JoinSet::new(), Instant::now() + WRITING);
    for (number, mut session) in scenario.sessions(round, CLIENTS)?.into_iter().enumerate() {
        let mut random: StdRng = scenario.random((1000 + round * 100 + number) as u64);
        clients.spawn(async move { random_client(&mut session, &mut random, DOCUMENTS, end).await });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    Ok(())
}

/// A client of the second node that has seen everything there is: nothing older may be shown to it.
async fn witness(scenario: &Scenario, expected: &Picture) -> anyhow::Result<Client> {
    let session = Session::new();
    for client in &scenario.clients {
        let client = client.with_session(session.clone());
        for id in expected.documents.keys() {
            client.get(scenario.database(), id).await?;
        }
    }
    Ok(scenario.pair.west.client()?.with_session(session))
}

fn strike(scenario: &Scenario, damage: Damage) {
    let recorder = &scenario.shared.recorder;
    recorder.record(Event::Fault(FaultFired {
        name: damage.kind().name().to_owned(),
        target: WEST.to_owned(),
        phase: Phase::Struck,
        at: recorder.tick(),
        ms: recorder.ms(),
    }));
}

fn check_refusal(scenario: &Scenario, refusal: &Refusal) -> anyhow::Result<()> {
    let data = scenario.pair.west.data();
    let told = &refusal.told;
    anyhow::ensure!(refusal.status.code() == Some(1), "{refusal:?}");
    for expected in [&*data.to_string_lossy(), "restore a backup", "wipe", "peers"] {
        anyhow::ensure!(told.contains(expected), "{expected} is not in: {told}");
    }
    Ok(())
}

/// Looks at a node that has started on its damaged disk, until it is whole or says that it cannot read something. Whatever it answers meanwhile must be
/// right.
async fn serve(scenario: &Scenario, witness: &Client, expected: &Picture) -> anyhow::Result<End> {
    let (database, plain) = (scenario.database(), scenario.pair.west.client()?);
    scenario.pair.resume_links();
    poll_until(SETTLED_WITHIN, async || {
        let mut unreadable = Vec::new();
        for (id, view) in &expected.documents {
            match witness.get(database, id).await {
                Ok(document) => {
                    let shown = View::of(&document)?;
                    let (found, wanted) = ((&shown.revision, &shown.body), (&view.revision, &view.body));
                    anyhow::ensure!(found == wanted, "{id} is shown as {found:?}, not as {wanted:?}");
                }
                Err(error) => {
                    anyhow::ensure!(!is_absent(&error), "{id} is taken for absent");
                    unreadable.extend(unreadable_told(&error));
                }
            }
        }
        // A block that holds none of these documents is met by a list only.
        let picture = Picture::take(&plain, database).await;
        if let Err(error) = &picture {
            unreadable.extend(error.downcast_ref().and_then(unreadable_told));
        }
        for message in &unreadable {
            for expected in [".sst", "restore a backup", "wipe", "peers"] {
                anyhow::ensure!(message.contains(expected), "{expected} is not in: {message}");
            }
        }
        if !unreadable.is_empty() {
            return Ok(Some(End::Unreadable));
        }
        let Ok(picture) = picture else {
            return Ok(None);
        };
        let are_equal = scenario.clients[0].digest().await? == plain.digest().await?;
        Ok((are_equal && picture.differences(expected).is_empty()).then_some(End::Whole))
    })
    .await
    .map_err(|error| error.context(scenario.pair.west.log_tail()))
}

/// What a node said of files that it cannot read, if that is why it did not answer.
fn unreadable_told(error: &CallError) -> Option<String> {
    let refusal = error.refusal().filter(|refusal| refusal.reason == "STORAGE");
    refusal.map(|refusal| refusal.message.clone())
}

/// As the refusal says: an empty directory, and the peers bring everything back.
async fn repair(scenario: &mut Scenario, expected: &Picture) -> anyhow::Result<()> {
    let west = &mut scenario.pair.west;
    west.kill()?;
    std::fs::remove_dir_all(west.data())?;
    west.restart().await?;
    scenario.settle(SETTLED_WITHIN).await?;
    // A node without a disk has forgotten the database as well, until its peer tells it.
    for client in &scenario.clients {
        let picture = poll_until(SETTLED_WITHIN, async || {
            Ok(Picture::take(client, scenario.database()).await.ok())
        });
        let found = picture.await?.differences(expected);
        anyhow::ensure!(found.is_empty(), "not everything came back: {found:?}");
    }
    Ok(())
}
