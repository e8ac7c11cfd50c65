//! Followers of changes, one at each datacenter, from the first change to the last: they read at once what comes, or take their time.
//!
//! A follower that takes its time holds nobody up, which the other checkers see, and misses nothing: in the end each has seen of every document what its
//! node shows.

use std::collections::BTreeMap;
use std::time::Duration;

use rejoin_api::Reason;
use rejoin_client::{CallError, ChangeStream, Client, Watch, WatchEvent, WatchFrom, WatchToken};
use tokio::time::{sleep, timeout};

use super::client::{DATABASE, connect};
use super::journal::{Journal, Stand};
use crate::plan::FaultKind;
use crate::view::Picture;

/// How long a follower that takes its time pauses between two changes.
const PAUSE: Duration = Duration::from_millis(700);

/// How long a follower waits until it tries again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Within this time a follower has seen everything once nothing changes any more.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(20);

/// Who follows the changes at one node.
pub(super) struct Follower {
    number: usize,
    name: String,
    client: Client,
    journal: Journal,
    token: Option<WatchToken>,
    /// The revision of each document that came last; `None`: it is deleted.
    seen: BTreeMap<String, Option<String>>,
}

impl Follower {
    /// Of the node with this number. Must be called inside its runtime.
    ///
    /// # Errors
    /// A node has a name that is no address.
    pub(super) fn new(nodes: &[String], number: usize, journal: Journal) -> anyhow::Result<Self> {
        Ok(Self {
            number,
            name: nodes[number].clone(),
            client: connect(&nodes[number..=number], 0)?,
            journal,
            token: None,
            seen: BTreeMap::new(),
        })
    }

    /// Follows until the end, and says then what it has missed.
    pub(super) async fn run(mut self) {
        while self.journal.stand() < Stand::Working {
            sleep(TRY_AGAIN).await;
        }
        while self.journal.stand() < Stand::Reading {
            self.follow(Stand::Reading).await;
        }
        if timeout(CATCHES_UP_WITHIN, self.catch_up()).await.is_err() {
            let last: Vec<String> = self.seen.iter().map(|(id, seen)| format!("{id} {seen:?}")).collect();
            let (name, last) = (&self.name, last.join(", "));
            self.journal.fail(format!(
                "who follows the changes at {name} has not seen its last state, but {last}"
            ));
        }
    }

    /// Reads on until it has seen what the node shows.
    async fn catch_up(&mut self) {
        let shown = loop {
            match Picture::take(&self.client, DATABASE).await {
                Ok(shown) => break shown,
                Err(_) => sleep(TRY_AGAIN).await,
            }
        };
        while !self.has_seen(&shown) {
            self.follow(Stand::Beginning).await;
        }
    }

    fn has_seen(&self, shown: &Picture) -> bool {
        let is_gone = |id: &String| !shown.documents.contains_key(id);
        let mut documents = shown.documents.iter();
        documents.all(|(id, view)| self.seen.get(id) == Some(&Some(view.revision.clone())))
            && self.seen.iter().all(|(id, seen)| seen.is_none() || !is_gone(id))
    }

    /// Follows one stream until it breaks, or until the run stands there; at least one event.
    async fn follow(&mut self, until: Stand) {
        let watch = Watch {
            from: self.token.clone().map_or(WatchFrom::Start, WatchFrom::After),
            follow: true,
            heartbeat: Some(Duration::from_secs(1)),
            ..Watch::default()
        };
        match self.client.watch(DATABASE, &watch).await {
            Ok(mut stream) => while self.take(&mut stream).await && self.journal.stand() < until {},
            Err(error) => self.begin_anew_after(&error),
        }
        sleep(TRY_AGAIN).await;
    }

    /// Takes the next event. Whether there was one.
    async fn take(&mut self, stream: &mut ChangeStream) -> bool {
        let is_slow = self.journal.is_asked(FaultKind::SlowConsumer, self.number);
        if is_slow {
            sleep(PAUSE).await;
        }
        // What is there at once has waited for us.
        let (event, has_waited) = match timeout(Duration::ZERO, stream.next_event()).await {
            Ok(event) => (event, true),
            Err(_) => (stream.next_event().await, false),
        };
        match event {
            Ok(Some(event)) => {
                self.token = Some(event.token().clone());
                if let WatchEvent::Change(change) = event {
                    let revision = (!change.deleted).then(|| change.revision.to_string());
                    self.seen.insert(change.id, revision);
                    if is_slow && has_waited {
                        self.journal.has_done(FaultKind::SlowConsumer, self.number);
                    }
                }
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.begin_anew_after(&error);
                false
            }
        }
    }

    /// A session whose writes were lost with a disk begins anew.
    fn begin_anew_after(&self, error: &CallError) {
        if matches!(error.reason(), Some(Reason::SessionLost | Reason::InvalidSession)) {
            self.client.session().forget(DATABASE);
        }
    }
}
