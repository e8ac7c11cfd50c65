//! What a server session keeps per database: where it stands in the log, and what the puller is known to know.

use rejoin_document::{DatacenterName, Incarnation, Position, Sequence, VersionVector};

use super::event::Scan;
use crate::Timestamp;
use crate::message::{DatabaseHello, Watermark};
use crate::puller::start;

/// One database on one stream.
pub(super) struct Feed {
    /// Everything up to here was scanned.
    pub(super) scanned: Sequence,
    /// The end of the last batch that was sent, from which the next continues.
    pub(super) sent: Position,
    /// Up to here the puller has acknowledged.
    pub(super) acknowledged: Sequence,
    /// Every write that the puller is known to have incorporated.
    pub(super) knows: VersionVector,
    /// When the next scan is due. None: nothing has changed since the last.
    pub(super) due: Option<Timestamp>,
    watermark: Option<Watermark>,
    /// Whether the last batch did not end a scan: the puller waits for the watermark, whether it is news or not.
    partial: bool,
}

impl Feed {
    /// A feed that is due at once.
    pub(super) fn new(hello: &DatabaseHello, incarnation: Incarnation, now: Timestamp) -> Self {
        let sent = start(hello.position, incarnation);
        Self {
            scanned: sent.sequence,
            acknowledged: sent.sequence,
            sent,
            knows: hello.knowledge.clone(),
            due: Some(now),
            watermark: None,
            partial: false,
        }
    }

    /// Makes a scan due at this time, or leaves an earlier one.
    pub(super) fn due_by(&mut self, at: Timestamp) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Takes in what a scan found and says what has to be sent: the positions it moves between, with the watermark if there is one to send. At the
    /// end of the log a scan that found neither documents nor news of knowledge is not worth a message, unless the puller waits for it. Before it the position alone is: a puller
    /// that knows all of a long log must hear something meanwhile, and must not begin again from the start after the next cut.
    pub(super) fn advance(&mut self, scan: &Scan, puller: &DatacenterName) -> Option<(Position, Position)> {
        self.scanned = scan.to;
        let news = scan
            .watermark
            .as_ref()
            .is_some_and(|watermark| self.is_news(watermark, puller));
        if scan.watermark.is_some() && scan.items.is_empty() && !news && !self.partial {
            return None;
        }
        if let Some(watermark) = &scan.watermark {
            self.watermark = Some(watermark.clone());
        }
        self.partial = scan.watermark.is_none();
        let from = self.sent;
        self.sent = Position {
            incarnation: from.incarnation,
            sequence: scan.to,
        };
        Some((from, self.sent))
    }

    /// Whether more of the log is to come than what was sent.
    pub(super) fn is_partial(&self) -> bool {
        self.partial
    }

    /// The watermark that ended what was sent; none while a scan has sent a part.
    pub(super) fn end(&self) -> Option<&Watermark> {
        self.watermark.as_ref().filter(|_| !self.partial)
    }

    /// What the puller itself knows is no news to it; without this rule two nodes would tell each other their knowledge one time more.
    fn is_news(&self, watermark: &Watermark, puller: &DatacenterName) -> bool {
        let Some(last) = &self.watermark else { return true };
        let rows = |watermark: &Watermark| -> Vec<(DatacenterName, VersionVector)> {
            let others = watermark.matrix.rows().filter(|(datacenter, _)| *datacenter != puller);
            others
                .map(|(datacenter, knowledge)| (datacenter.clone(), knowledge.clone()))
                .collect()
        };
        last.knowledge != watermark.knowledge || rows(last) != rows(watermark)
    }
}
