//! The writes of links: commits that say what became of them.

use std::time::Duration;

use rejoin_document::{DatabaseName, DatacenterName, HlcTime, ReplicaId};
use rejoin_store::{Apply, CommitError, Operation, Outcome};
use rejoin_sync::{Applied, Counts, HealReport, Item, Progress, Timestamp};
use uhlc::NTP64;

use super::{Port, encode_heal};

/// How long to wait before a batch is offered again to a pipeline that had no room for it.
const OVERLOAD_PAUSE: Duration = Duration::from_millis(20);

impl Port {
    /// Applies states of a peer in one synced commit. Waits while the pipeline is full: the window holds the peer back.
    #[tracing::instrument(skip_all, fields(%peer, %database, documents = items.len()))]
    pub(crate) async fn apply(
        &self,
        peer: &DatacenterName,
        database: DatabaseName,
        items: Vec<Item>,
        progress: Option<Progress>,
    ) -> Applied {
        let moves = progress.as_ref().is_some_and(|progress| progress.watermark.is_some());
        let before = self.store.identity();
        let apply = apply_operation(peer, &database, items, progress);
        let outcome = loop {
            match self.commits.submit(Operation::Apply(apply.clone())).await {
                Err(CommitError::Overloaded) => tokio::time::sleep(OVERLOAD_PAUSE).await,
                outcome => break outcome,
            }
        };
        if self.store.identity() != before {
            // The states showed that this node had lost writes; the store took a new identity in the same step.
            self.hub.identity_changed();
        }
        match outcome {
            Ok(Outcome::Applied(applied)) => {
                self.note(peer, &database, &applied, moves);
                let knowledge = self
                    .store
                    .digest(&database)
                    .map(|(knowledge, _)| knowledge)
                    .unwrap_or_default();
                Applied::Done {
                    counts: counts(applied),
                    knowledge,
                }
            }
            Ok(_) => Applied::Dropped,
            Err(error) => {
                tracing::warn!(%peer, %database, %error, "a batch was not applied");
                Applied::Failed {
                    reason: error.to_string(),
                }
            }
        }
    }

    fn note(&self, peer: &DatacenterName, database: &DatabaseName, applied: &rejoin_store::Applied, moves: bool) {
        if !database.is_system() {
            self.metrics.applied(peer, applied);
        }
        if applied.quarantined > 0 {
            tracing::warn!(%peer, %database, documents = applied.quarantined, "documents were set aside");
        }
        if moves {
            // Nobody may be listening.
            let _ = self.moved.send(database.clone());
        }
    }

    /// Records that this node has caught up with `peer`.
    pub(crate) async fn caught_up(&self, peer: &DatacenterName) {
        if !self.store.behind().contains(peer) {
            return;
        }
        let operation = Operation::CaughtUp { peer: peer.clone() };
        if let Err(error) = self.commits.submit(operation).await {
            // It will be said again after the next connection.
            tracing::warn!(%peer, %error, "that this node caught up was not stored");
        }
    }

    /// Records since when the link with `peer` is lost, if it is.
    pub(crate) async fn link_lost(&self, peer: &DatacenterName, since: Option<Timestamp>) {
        let since = since.map(|at| HlcTime(NTP64::from(Duration::from_millis(at.0)).as_u64()));
        let peer = peer.clone();
        if let Err(error) = self.commits.submit(Operation::SetLinkLost { peer, since }).await {
            // A report after a restart may then count from another loss.
            tracing::debug!(%error, "the state of a link was not stored");
        }
    }

    /// Stores a heal report.
    pub(crate) async fn report(&self, report: &HealReport) {
        tracing::info!(
            peer = %report.peer,
            documents = report.documents_received,
            fast_forwarded = report.fast_forwarded,
            merged = report.merged,
            conflicts = report.conflicts,
            siblings_kept = report.siblings_kept,
            repaired = report.repaired,
            digests_equal = report.digests_equal,
            "healed"
        );
        if let Some(converged) = report.converged {
            let took = Duration::from_millis(converged.since(report.healed));
            self.metrics.healed(&report.peer, took);
        }
        let operation = Operation::SaveHeal {
            id: None,
            report: encode_heal(report),
        };
        if let Err(error) = self.commits.submit(operation).await {
            tracing::warn!(peer = %report.peer, %error, "a heal report was not stored");
        }
    }

    /// Takes a new replica id and incarnation, and closes every link: each was greeted under the old ones.
    pub(crate) async fn assume_new_identity(&self, disowned: ReplicaId, reason: String) {
        let operation = Operation::AssumeNewIdentity { disowned, reason };
        if let Err(error) = self.commits.submit(operation).await {
            tracing::error!(%error, "the new identity was not stored");
        }
        self.hub.identity_changed();
    }
}

fn apply_operation(
    peer: &DatacenterName,
    database: &DatabaseName,
    items: Vec<Item>,
    progress: Option<Progress>,
) -> Apply {
    let progress = progress.map(|progress| rejoin_store::Progress {
        greeted: progress.greeted,
        from: progress.from,
        to: progress.to,
        watermark: progress.watermark.map(|mark| rejoin_store::Watermark {
            knowledge: mark.knowledge,
            matrix: mark.matrix,
        }),
    });
    let items = items
        .into_iter()
        .map(|item| rejoin_store::Item {
            id: item.id,
            state: item.state,
            joined: item.joined,
        })
        .collect();
    Apply {
        peer: peer.clone(),
        database: database.clone(),
        items,
        progress,
    }
}

fn counts(applied: rejoin_store::Applied) -> Counts {
    Counts {
        received: applied.received,
        fast_forwarded: applied.fast_forwarded,
        merged: applied.merged,
        unchanged: applied.unchanged,
        new_conflicts: applied.new_conflicts,
        siblings_kept: applied.siblings_kept,
        quarantined: applied.quarantined,
    }
}
