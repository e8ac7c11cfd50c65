//! Storms: clients repeat writes under their request ids, all at once, where they are and in another datacenter. However often such a write arrives, and
//! wherever, it counts once: the checkers take all attempts under one request id for one write.

use std::rc::Rc;

use tokio::task::JoinSet;

use super::acts::{Draft, call, naming};
use super::client::SimulatedClient;

/// Writes without an answer that a client keeps, to send them again.
const UNANSWERED_MAX: usize = 16;

/// How often each is sent at once: twice to the node that the client is at, and once to another.
const TIMES: usize = 3;

impl SimulatedClient {
    /// Keeps a write that was not answered; the oldest is given up for it.
    pub(super) fn keep(&mut self, draft: Rc<Draft>) {
        if self.unanswered.len() == UNANSWERED_MAX {
            self.unanswered.remove(0);
        }
        self.unanswered.push(draft);
    }

    /// In a storm everything that was not answered is sent again.
    pub(super) async fn repeat_all(&mut self) {
        if self.is_in_a_storm() && !self.unanswered.is_empty() {
            let drafts = std::mem::take(&mut self.unanswered);
            self.storm(drafts).await;
        }
    }

    /// Sends all of them at once, each several times.
    pub(super) async fn storm(&mut self, drafts: Vec<Rc<Draft>>) {
        let mut sending = JoinSet::new();
        for draft in &drafts {
            for time in 0..TIMES {
                let node = match time {
                    0 | 1 => self.home,
                    _ => (self.home + 1) % self.nodes.len(),
                };
                // The names of the nodes are addresses: the client has one of all of them.
                let Ok(client) = self.at(node) else { continue };
                let (client, draft) = (naming(&client, draft), Rc::clone(draft));
                let mut entry = self.entry(&draft);
                entry.datacenter.clone_from(&self.nodes[node]);
                sending.spawn_local(async move {
                    let answer = call(&client, &draft).await;
                    (draft, entry, answer)
                });
            }
        }
        let mut answered: Vec<Rc<Draft>> = Vec::new();
        // A task that panicked is noted elsewhere.
        while let Some(Ok((draft, entry, answer))) = sending.join_next().await {
            let is_done = answer.is_ok();
            self.note_one_of_many(entry, answer);
            if is_done && answered.iter().any(|other| Rc::ptr_eq(other, &draft)) {
                self.has_stormed();
            }
            if is_done {
                answered.push(draft);
            }
        }
        for draft in drafts {
            if !answered.iter().any(|other| Rc::ptr_eq(other, &draft)) {
                self.keep(draft);
            }
        }
    }
}
