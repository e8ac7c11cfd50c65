//! Acknowledgement by other datacenters: a write that is durable here waits until enough others have said that they have it.
//!
//! What counts is what a configured peer says itself, in its present incarnation ([`Board::has`](crate::links::Board::has)). What peers relay of a
//! datacenter says that it had the write once. Of a write that was just made that is as good: nobody can have had it before. Of one that was
//! made before and is only acknowledged again it counts where there is no link to ask.

use std::collections::BTreeSet;

use rejoin_api::proto::{self, acknowledgement::Where};
use rejoin_document::{DatabaseName, DatacenterName, Dot};
use tokio::time::Instant;

use super::error::Failure;
use super::waiting::Patience;
use crate::node::NodeContext;

/// Where a write has to be durable before it is answered.
#[derive(Debug)]
pub(super) struct Acknowledgement {
    wanted: usize,
    patience: Patience,
}

/// Where a write is known to be durable, and where it is not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Durable {
    /// This datacenter first, then by name.
    pub durable_in: Vec<String>,
    /// By name; empty if as many have it as were asked for.
    pub pending_in: Vec<String>,
}

impl Acknowledgement {
    /// What a client asks for; `None`: nothing but what every write gets.
    ///
    /// # Errors
    ///
    /// `INVALID_ACKNOWLEDGE`: more datacenters than there are, or none. Nothing was written yet.
    pub(super) fn new(
        context: &NodeContext,
        asked: Option<&proto::Acknowledgement>,
        deadline: Option<Instant>,
    ) -> Result<Option<Self>, Failure> {
        let Some(asked) = asked else { return Ok(None) };
        let members = context.store.members().len();
        let wanted = match asked.r#where {
            Some(Where::All(true)) => members,
            Some(Where::Datacenters(number)) => usize::try_from(number).unwrap_or(usize::MAX),
            Some(Where::All(false)) | None => 0,
        };
        if wanted == 0 {
            return Err(Failure::acknowledgement("the acknowledgement asks for no datacenter"));
        }
        if wanted > members {
            return Err(Failure::acknowledgement(&format!(
                "the acknowledgement asks for {wanted} datacenters, and there are {members}"
            )));
        }
        Ok(Some(Self {
            wanted,
            patience: Patience::new(asked.timeout_ms, deadline),
        }))
    }

    /// Waits until enough datacenters have these writes, or the time is over, which is no failure: they are stored. `fresh`: they were made by
    /// this very call. Looks again whenever somebody has said something. Holds up nothing but its own call.
    pub(super) async fn wait(
        &self,
        context: &NodeContext,
        database: &DatabaseName,
        writes: &[Dot],
        fresh: bool,
    ) -> Durable {
        let mut learned = context.store.learned();
        let mut heard = context.links.hub.heard();
        let place = context.waiting.try_acquire();
        let end = self.patience.end();
        loop {
            let durable = look(context, database, writes, fresh);
            if durable.durable_in.len() >= self.wanted {
                return Durable {
                    pending_in: Vec::new(),
                    ..durable
                };
            }
            // Too many wait already: what is known is answered.
            if place.is_err() {
                return durable;
            }
            tokio::select! {
                biased;
                () = context.stop.cancelled() => return durable,
                () = heard.changed() => {}
                () = learned.changed() => {}
                () = tokio::time::sleep_until(end) => return durable,
            }
        }
    }
}

/// Who has all of some writes, as far as is known now.
fn look(context: &NodeContext, database: &DatabaseName, writes: &[Dot], fresh: bool) -> Durable {
    let (store, hub) = (&context.store, &context.links.hub);
    let own = store.identity().datacenter;
    let members: BTreeSet<DatacenterName> = store.members();
    let has_one = |datacenter: &DatacenterName, dot: Dot| match hub.board(datacenter) {
        Some(board) => board.has(database, dot) || fresh && store.is_known_by(database, datacenter, dot),
        None => store.is_known_by(database, datacenter, dot),
    };
    let has = |datacenter: &DatacenterName| writes.iter().all(|dot| has_one(datacenter, *dot));
    let mut durable = Durable {
        durable_in: vec![own.to_string()],
        pending_in: Vec::new(),
    };
    for datacenter in members.iter().filter(|datacenter| **datacenter != own) {
        if has(datacenter) {
            durable.durable_in.push(datacenter.to_string());
        } else {
            durable.pending_in.push(datacenter.to_string());
        }
    }
    durable
}
