//! Writes the log: a JSON lines file outside the nodes, and the clock that orders what clients did.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;

use super::{Entry, Event, Tick};

/// The log of all clients of a run.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    file: Mutex<File>,
    clock: AtomicU64,
    begun: Instant,
    events: Mutex<Vec<Event>>,
}

impl Recorder {
    /// Starts an empty log.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot create the log {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            clock: AtomicU64::new(1),
            begun: Instant::now(),
            events: Mutex::default(),
        })
    }

    /// The next moment; it is greater than any that was handed out before.
    pub fn tick(&self) -> Tick {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Milliseconds since the log was started.
    pub fn ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Keeps an event for the checkers.
    pub fn record(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// All events so far, writes among them, in the order in which they were recorded.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Appends one write, in one system call, so that a killed run leaves whole lines. It is an event as well.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&self, entry: &Entry) -> anyhow::Result<()> {
        self.record(Event::Write(entry.clone()));
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line)
            .with_context(|| format!("cannot write the log {}", self.path.display()))
    }

    /// What has been logged so far, read back from the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        read_log(&self.path)
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Reads a log from its file.
///
/// # Errors
/// The file cannot be read, or one of its lines is not an entry.
pub fn read_log(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let file = File::open(path).with_context(|| format!("cannot open the log {}", path.display()))?;
    let mut entries = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let entry = serde_json::from_str(&line?).with_context(|| format!("{}: line {}", path.display(), number + 1))?;
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Facts, Json, Outcome, Read, edits};
    use crate::ledger::planted::{rules, stamp, view};

    #[test]
    fn what_is_logged_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(&directory.path().join("log")).unwrap();
        let before = view(r#"{"name":"Ødegård","limit":1250.50,"stock":1}"#);
        let mut after = before.body.clone();
        after.set("/limit", &Json::integer(3)).unwrap();
        let outcomes = [
            Outcome::Ok {
                revision: "2-a".to_owned(),
                stamp: stamp(7),
                merged: true,
            },
            Outcome::Refused {
                reason: "CONFLICT".to_owned(),
            },
            Outcome::Unknown {
                problem: "gone\n\"away\"".to_owned(),
            },
        ];
        let entries: Vec<Entry> = outcomes
            .into_iter()
            .map(|outcome| Entry {
                number: recorder.tick(),
                client: "c".to_owned(),
                datacenter: "dc-east".to_owned(),
                document: "d".to_owned(),
                read: Read {
                    at: 1,
                    revision: Some("1-a".to_owned()),
                    removals: vec![("/x".to_owned(), stamp(3))],
                    deletions: vec![stamp(4)],
                },
                invoked: 2,
                answered: 3,
                outcome,
                delete: false,
                edits: edits(Some(&before), Some(&after), &rules()),
                facts: Facts::default(),
            })
            .collect();
        for entry in &entries {
            recorder.append(entry).unwrap();
        }
        assert_eq!(recorder.entries().unwrap(), entries);
        assert_eq!(std::fs::read_to_string(recorder.path()).unwrap().lines().count(), 3);
    }

    #[test]
    fn moments_are_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(&directory.path().join("log")).unwrap();
        assert!(recorder.tick() < recorder.tick());
    }
}
