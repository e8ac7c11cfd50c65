//! Scanning and sending: one scan at a time, as far as the window allows, the system database before all others, the others in turn.

use std::ops::Bound;

use rejoin_document::DatabaseName;

use super::command::ServerCommand;
use super::event::Scan;
use super::feed::Feed;
use super::session::{Phase, ServerSession};
use crate::Timestamp;
use crate::link::Backlog;
use crate::message::{Batch, Message};

/// For each millisecond between two counts, so many documents may be counted: a few in a hundred of the time go into it.
const COUNTED_PER_MS: u64 = 50;

impl ServerSession {
    pub(super) fn changed(
        &mut self,
        now: Timestamp,
        database: &DatabaseName,
        local: bool,
        out: &mut Vec<ServerCommand>,
    ) {
        // What the system database says goes before what follows from it.
        let at_once = local || database.is_system();
        let delay_ms = if at_once { 0 } else { self.options.forward_delay_ms };
        if let Some(feed) = self.feeds.get_mut(database) {
            feed.due_by(now.plus(delay_ms));
        }
        self.pump(now, out);
    }

    /// Begins the next scan, if one is due and the window has room.
    pub(super) fn pump(&mut self, now: Timestamp, out: &mut Vec<ServerCommand>) {
        let serving = matches!(self.phase, Phase::Serving(_));
        let room = self.window.room();
        if !serving || self.scanning.is_some() || room == 0 {
            return;
        }
        let Some(database) = self.next_due(now) else { return };
        let Some(feed) = self.feeds.get_mut(&database) else {
            return;
        };
        feed.due = None;
        out.push(ServerCommand::Scan {
            database: database.clone(),
            since: feed.scanned,
            knows: feed.knows.clone(),
            limit_bytes: self.options.batch_bytes.min(room),
        });
        self.scanning = Some(database);
    }

    /// Definitions go before documents, so the system database is first whenever it is due.
    fn next_due(&self, now: Timestamp) -> Option<DatabaseName> {
        let is_due = |name: &DatabaseName| {
            self.feeds
                .get(name)
                .and_then(|feed| feed.due)
                .is_some_and(|due| due <= now)
        };
        let system = DatabaseName::system();
        if is_due(&system) {
            return Some(system);
        }
        let last = self.last_scanned.clone().unwrap_or_else(DatabaseName::system);
        let after = self.feeds.range((Bound::Excluded(last.clone()), Bound::Unbounded));
        let before = self.feeds.range((Bound::Unbounded, Bound::Included(last)));
        after
            .chain(before)
            .map(|(name, _)| name)
            .find(|name| is_due(name))
            .cloned()
    }

    pub(super) fn scanned(&mut self, now: Timestamp, database: DatabaseName, scan: Scan, out: &mut Vec<ServerCommand>) {
        if self.scanning.as_ref() != Some(&database) {
            return;
        }
        self.scanning = None;
        if !database.is_system() {
            self.last_scanned = Some(database.clone());
        }
        if let (Phase::Serving(hello), Some(feed)) = (&self.phase, self.feeds.get_mut(&database)) {
            if scan.watermark.is_none() {
                feed.due = Some(now);
            }
            if let Some((from, to)) = feed.advance(&scan, &hello.datacenter) {
                let Scan { items, watermark, .. } = scan;
                let batch = Batch {
                    stream: hello.stream,
                    database: database.clone(),
                    from,
                    to,
                    items,
                    watermark,
                };
                self.window.sent(database, to, batch.weight());
                self.send(now, Message::Batch(batch), out);
            }
        }
        self.pump(now, out);
    }

    /// Has what is left counted for a puller that is catching up.
    pub(super) fn count_backlog(&mut self, now: Timestamp, out: &mut Vec<ServerCommand>) {
        let serving = matches!(self.phase, Phase::Serving(_));
        if !serving || now < self.count_at || !self.feeds.values().any(Feed::is_partial) {
            return;
        }
        let unread =
            |(name, feed): &(&DatabaseName, &Feed)| !name.is_system() && (feed.is_partial() || feed.due.is_some());
        let from = self.feeds.iter().filter(unread);
        out.push(ServerCommand::ReadBacklog {
            from: from.map(|(name, feed)| (name.clone(), feed.scanned)).collect(),
        });
    }

    /// Tells what is left. The more there is, the longer counting takes, and the more rarely it is done.
    pub(super) fn backlog_read(&mut self, now: Timestamp, left: Backlog, out: &mut Vec<ServerCommand>) {
        let pause_ms = left.documents / COUNTED_PER_MS;
        self.count_at = now.plus(self.options.heartbeat_interval_ms.max(pause_ms));
        let time = self.time;
        self.send(now, Message::Backlog { time, left }, out);
    }

    /// Says again where the databases end of which something stays unacknowledged, once per heartbeat. If the last batch was lost, nothing else
    /// would tell the puller: it waits for the server, and the server, whose window is full or whose log has ended, for the puller.
    pub(super) fn repeat_ends(&mut self, now: Timestamp, out: &mut Vec<ServerCommand>) {
        let Phase::Serving(hello) = &self.phase else { return };
        if self.window.is_empty() {
            self.repeated = now;
        }
        if now.since(self.repeated) < self.options.heartbeat_interval_ms {
            return;
        }
        self.repeated = now;
        let stream = hello.stream;
        for database in self.window.waiting() {
            let Some(feed) = self.feeds.get(&database) else {
                continue;
            };
            let batch = Batch {
                stream,
                database,
                from: feed.sent,
                to: feed.sent,
                items: Vec::new(),
                watermark: feed.end().cloned(),
            };
            self.send(now, Message::Batch(batch), out);
        }
    }
}
