//! Drops what need not be kept: what every datacenter knows, superseded revisions that are too old, and the quarantine of what can be applied now.
//!
//! It works in bounded steps, each one entry of the commit pipeline, so that it never holds up a write for long.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rejoin_document::{DatabaseName, Sequence, VersionVector};
use rejoin_store::{CommitError, Operation, Outcome};
use tokio::time::MissedTickBehavior;

use super::NodeContext;

/// Steps for one database in one round.
const STEPS_MAX: usize = 8;

/// Rounds after which a database is looked through again although nothing has changed: things become old.
const ROUNDS_AT_REST: u32 = 60;

/// What a database looked like when nothing was left to drop, and the rounds since.
type AtRest = BTreeMap<DatabaseName, (VersionVector, Sequence, u32)>;

/// Cleans every `every_ms` milliseconds until the node stops.
pub(super) async fn run(context: NodeContext, every_ms: u64) {
    let mut ticks = tokio::time::interval(Duration::from_millis(every_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut at_rest, mut retried) = (AtRest::new(), BTreeSet::new());
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        for state in context.links.port.states() {
            if context.stop.is_cancelled() {
                return;
            }
            if !retried.contains(&state.name) {
                match retry(&context, &state.name).await {
                    Ok(()) => drop(retried.insert(state.name.clone())),
                    Err(error) => {
                        tracing::debug!(database = %state.name, %error, "what was set aside is tried again later")
                    }
                }
            }
            let stable = context.store.stable(&state.name).unwrap_or_default();
            if is_at_rest(&mut at_rest, &state.name, &stable, state.sequence) {
                continue;
            }
            match clean(&context, &state.name).await {
                Ok(true) => drop(at_rest.insert(state.name, (stable, state.sequence, 0))),
                Ok(false) => {}
                Err(error) => tracing::debug!(database = %state.name, %error, "cleaning is put off"),
            }
        }
    }
}

fn is_at_rest(at_rest: &mut AtRest, name: &DatabaseName, stable: &VersionVector, sequence: Sequence) -> bool {
    match at_rest.get_mut(name) {
        Some((before, at, rounds)) if before == stable && *at == sequence && *rounds < ROUNDS_AT_REST => {
            *rounds += 1;
            true
        }
        _ => false,
    }
}

/// Tries all states of a database again that a former run, perhaps of a former version, has set aside.
pub(super) async fn retry(context: &NodeContext, database: &DatabaseName) -> Result<(), CommitError> {
    while !context.stop.is_cancelled() {
        let (database, before) = (database.clone(), context.store.identity());
        let outcome = context.commits.submit(Operation::Retry { database }).await?;
        if context.store.identity() != before {
            // A state showed that this node had lost writes.
            context.links.hub.identity_changed();
        }
        if matches!(outcome, Outcome::Retried { finished: true, .. }) {
            break;
        }
    }
    Ok(())
}

/// One round for one database; whether nothing is left to drop at present.
async fn clean(context: &NodeContext, database: &DatabaseName) -> Result<bool, CommitError> {
    let mut dropped = 0;
    let forget = || Operation::Forget {
        database: database.clone(),
    };
    let mut all_seen = false;
    for _ in 0..STEPS_MAX {
        if let Outcome::Forgotten { documents, finished } = context.commits.submit(forget()).await? {
            dropped += documents;
            all_seen = finished;
        }
        if all_seen {
            break;
        }
    }
    let prune = || Operation::Prune {
        database: database.clone(),
    };
    let mut all_old = false;
    for _ in 0..STEPS_MAX {
        if let Outcome::Pruned { revisions, finished } = context.commits.submit(prune()).await? {
            dropped += revisions;
            all_old = finished;
        }
        if all_old {
            break;
        }
    }
    let trim = || Operation::Trim {
        database: database.clone(),
    };
    for _ in 0..STEPS_MAX {
        if let Outcome::Trimmed { revisions, finished } = context.commits.submit(trim()).await? {
            dropped += revisions;
            if finished {
                return Ok(all_seen && all_old && dropped == 0);
            }
        }
    }
    Ok(false)
}
