//! Drops what need not be kept: what every datacenter knows, superseded revisions that are too old, and the quarantine of what can be applied now.
//!
//! It works in bounded steps, each one entry of the commit pipeline, so that it never holds up a write for long.

use std::collections::BTreeMap;
use std::time::Duration;

use rejoin_document::{DatabaseName, Sequence, VersionVector};
use rejoin_store::{CommitError, Operation, Outcome};
use tokio::time::{Interval, MissedTickBehavior};

use super::NodeContext;

/// Steps for one database in one round.
const STEPS_MAX: usize = 8;

/// Rounds after which a database is looked through again although nothing has changed: things become old.
const ROUNDS_AT_REST: u32 = 60;

/// Rounds between two looks at what was set aside: each reads all of it.
const ROUNDS_BETWEEN_RETRIES: u32 = 10;

/// What a database looked like when nothing was left to drop, and the rounds since.
type AtRest = BTreeMap<DatabaseName, (VersionVector, Sequence, u32)>;

/// What a database looked like when what was set aside in it was tried again, and the rounds since.
type Retried = BTreeMap<DatabaseName, (Sequence, u32)>;

/// Cleans every `databases.clean_every_ms` milliseconds until the node stops.
pub(super) async fn run(context: NodeContext) {
    let mut settings = context.settings.subscribe();
    let mut ticks = ticks(&context);
    let (mut at_rest, mut retried) = (AtRest::new(), Retried::new());
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            // Its sender lives as long as the context.
            _ = settings.changed() => {
                ticks = self::ticks(&context);
                at_rest.clear();
                continue;
            }
            _ = ticks.tick() => {}
        }
        for state in context.links.port.states() {
            if context.stop.is_cancelled() {
                return;
            }
            let waiting = context.store.quarantined_states(&state.name);
            if is_to_be_retried(&mut retried, &state.name, waiting, state.sequence) {
                match retry(&context, &state.name).await {
                    Ok(_) => drop(retried.insert(state.name.clone(), (state.sequence, 0))),
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

fn ticks(context: &NodeContext) -> Interval {
    let every_ms = context.settings.now().databases.clean_every_ms;
    let mut ticks = tokio::time::interval(Duration::from_millis(every_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
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

/// Once in a run, which may be of a newer version than the one that set states aside; then while there are any, after changes that may have brought
/// what they hold.
fn is_to_be_retried(retried: &mut Retried, name: &DatabaseName, waiting: u64, sequence: Sequence) -> bool {
    match retried.get_mut(name) {
        None => true,
        Some((at, rounds)) if waiting > 0 && *at != sequence => {
            *rounds += 1;
            *rounds > ROUNDS_BETWEEN_RETRIES
        }
        Some(_) => false,
    }
}

/// Tries all states of a database again that were set aside. How many of them no longer are.
///
/// # Errors
///
/// The pipeline has no room, or the disk fails; what was applied before stays.
pub(crate) async fn retry(context: &NodeContext, database: &DatabaseName) -> Result<u64, CommitError> {
    let mut applied = 0;
    while !context.stop.is_cancelled() {
        let (database, before) = (database.clone(), context.store.identity());
        let outcome = context.commits.submit(Operation::Retry { database }).await?;
        if context.store.identity() != before {
            // A state showed that this node had lost writes.
            context.links.hub.identity_changed();
        }
        if let Outcome::Retried { released, finished } = outcome {
            applied += released;
            if finished {
                break;
            }
        }
    }
    Ok(applied)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_aside_is_tried_again_once_in_a_run_and_some_rounds_after_a_change() {
        let (mut retried, shop) = (Retried::new(), "shop".parse().unwrap());
        let mut due = |waiting, sequence| is_to_be_retried(&mut retried, &shop, waiting, Sequence(sequence));
        assert!(due(0, 7), "a former run may have set something aside");
        retried.insert(shop.clone(), (Sequence(7), 0));
        let mut due = |waiting, sequence| is_to_be_retried(&mut retried, &shop, waiting, Sequence(sequence));
        assert!(!(0..100).any(|_| due(1, 7)), "nothing has changed");
        assert!(!(0..100).any(|_| due(0, 8)), "nothing waits");
        let waits = (0..100).position(|_| due(1, 8));
        assert_eq!(waits, Some(ROUNDS_BETWEEN_RETRIES as usize));
    }
}
