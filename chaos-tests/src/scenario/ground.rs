//! Where a run takes place: what the stages have in common.

use std::collections::BTreeMap;

use super::{Kind, Trouble};
use crate::history::{Event, Recorder, Restart, Tick};
use crate::workload::Site;

/// Running nodes, and what can be done to them.
pub trait Ground {
    /// What this place is called in messages.
    fn name(&self) -> &'static str;

    /// Where clients find the nodes, in the order of their numbers.
    ///
    /// # Errors
    /// An address is none.
    fn sites(&self) -> anyhow::Result<Vec<Site>>;

    /// What it can do here.
    fn kinds(&self) -> Vec<Kind>;

    /// What it cannot do here, though it could elsewhere, and why.
    fn skipped(&self) -> Vec<(Kind, String)>;

    /// Begins a trouble.
    ///
    /// # Errors
    /// It cannot be done.
    fn begin(&mut self, trouble: &Trouble, log: &Recorder) -> impl Future<Output = anyhow::Result<()>>;

    /// Whether a trouble that lasts has had an effect, where that can be told. What strikes once and found nothing to strike, such as a reset where
    /// nothing was connected or a command to a node that was down, is done again.
    ///
    /// # Errors
    /// It cannot be told.
    fn took_effect(&mut self, trouble: &Trouble) -> impl Future<Output = anyhow::Result<bool>>;

    /// Ends a trouble; the node that it befell serves again.
    ///
    /// # Errors
    /// It cannot be ended.
    fn end(&mut self, trouble: &Trouble, log: &Recorder) -> impl Future<Output = anyhow::Result<()>>;

    /// Ends whatever troubles of the network there still are.
    ///
    /// # Errors
    /// A node does not answer.
    fn heal(&mut self) -> impl Future<Output = anyhow::Result<()>>;

    /// Counts that prove that troubles had an effect, by name. Each has to be above zero in the end.
    ///
    /// # Errors
    /// They cannot be read.
    fn evidence(&self) -> anyhow::Result<BTreeMap<&'static str, u64>>;

    /// What the nodes said of late, for a run that failed.
    fn last_words(&self) -> String;
}

/// Records that a node serves again, with the disk that it had.
pub(super) fn record_restart(log: &Recorder, datacenter: &str, how: &str, stopped: Tick) {
    record_return(log, datacenter, (how, true), stopped);
}

/// Records that a node serves again: how it had ended, and whether it has the disk that it had.
pub(super) fn record_return(log: &Recorder, datacenter: &str, (how, same_disk): (&str, bool), stopped: Tick) {
    log.record(Event::Restart(Restart {
        datacenter: datacenter.to_owned(),
        how: how.to_owned(),
        same_disk,
        stopped,
        at: log.tick(),
        ms: log.ms(),
        knowledge: None,
        sizes: None,
    }));
}
