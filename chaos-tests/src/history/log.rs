//! The whole of a run, and how it stands in a file.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::{Entry, Event, FinalState, LetGo, Reading, Rules};

/// Everything that was recorded of one run over one database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The merge rules that the database began with.
    pub rules: Rules,
    terms: Rules,
    let_go: LetGo,
    /// The datacenters that are members.
    pub datacenters: Vec<String>,
    /// What happened, in the order in which it was recorded.
    pub events: Vec<Event>,
}

/// The first line of the file.
#[derive(Serialize, Deserialize)]
struct Heading {
    rules: Rules,
    datacenters: Vec<String>,
}

impl History {
    /// A history in which nothing has happened.
    pub fn new(rules: Rules, datacenters: impl IntoIterator<Item = String>) -> Self {
        Self {
            terms: rules.clone(),
            rules,
            let_go: LetGo::default(),
            datacenters: datacenters.into_iter().collect(),
            events: Vec::new(),
        }
    }

    /// Appends an event.
    pub fn push(&mut self, event: Event) {
        match &event {
            Event::Rules(known) => self.terms.learn(&known.rules),
            Event::Forgotten(forgotten) => self.let_go.learn(forgotten),
            _ => {}
        }
        self.events.push(event);
    }

    /// What writes are judged under: the newest rules, and all that a path had if those of nodes have changed.
    pub fn terms(&self) -> &Rules {
        &self.terms
    }

    /// What nodes let go, all of it.
    pub fn let_go(&self) -> &LetGo {
        &self.let_go
    }

    /// The writes, with their places among the events.
    pub fn writes(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.pick(|event| {
            if let Event::Write(entry) = event {
                Some(entry)
            } else {
                None
            }
        })
    }

    /// The readings, with their places among the events.
    pub fn readings(&self) -> impl Iterator<Item = (usize, &Reading)> {
        self.pick(|event| {
            if let Event::Reading(reading) = event {
                Some(reading)
            } else {
                None
            }
        })
    }

    /// What the nodes show at the end, with their places among the events.
    pub fn final_states(&self) -> impl Iterator<Item = (usize, &FinalState)> {
        self.pick(|event| {
            if let Event::FinalState(state) = event {
                Some(state)
            } else {
                None
            }
        })
    }

    /// The events of one kind, with their places among all.
    pub fn pick<'a, T: 'a>(
        &'a self,
        kind: impl Fn(&'a Event) -> Option<&'a T>,
    ) -> impl Iterator<Item = (usize, &'a T)> {
        self.events
            .iter()
            .enumerate()
            .filter_map(move |(place, event)| Some((place, kind(event)?)))
    }

    /// Writes JSON lines: a heading, then one event a line. The same history gives the same bytes.
    ///
    /// # Errors
    /// The writer fails.
    pub fn write(&self, writer: impl Write) -> anyhow::Result<()> {
        let mut writer = BufWriter::new(writer);
        let heading = Heading {
            rules: self.rules.clone(),
            datacenters: self.datacenters.clone(),
        };
        serde_json::to_writer(&mut writer, &heading)?;
        for event in &self.events {
            writer.write_all(b"\n")?;
            serde_json::to_writer(&mut writer, event)?;
        }
        writer.write_all(b"\n")?;
        Ok(writer.flush()?)
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// A line is missing or is not what it should be; its number is in the message.
    pub fn read(reader: impl BufRead) -> anyhow::Result<Self> {
        let mut lines = reader.lines();
        let heading = lines.next().context("a history without a heading")??;
        let Heading { rules, datacenters } = serde_json::from_str(&heading).context("line 1 is no heading")?;
        let parse = |(number, line): (usize, std::io::Result<String>)| {
            serde_json::from_str(&line?).with_context(|| format!("line {} is no event", number + 2))
        };
        let mut history = Self::new(rules, datacenters);
        for event in lines.enumerate().map(parse) {
            history.push(event?);
        }
        Ok(history)
    }

    /// Writes the history to a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let file = File::create(path).with_context(|| format!("cannot create the history {}", path.display()))?;
        self.write(file)
    }

    /// Reads a history from a file.
    ///
    /// # Errors
    /// The file cannot be read, or is no history.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open the history {}", path.display()))?;
        Self::read(BufReader::new(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Answer, FaultFired, Knowledge, Phase, Quiet, RulesKnown};
    use crate::ledger::planted::{Log, conflict, rules, view};

    fn history() -> History {
        let log = Log::default();
        let mut shown = view(r#"{"z":1.50,"a":{"b":[1]}}"#);
        shown.conflicts.push(conflict("/z", &["1.50", r#"{"y":2,"x":1}"#]));
        log.write("dc-east", Some(&shown), Some(r#"{"z":2,"tags":["x"]}"#));
        let mut history = History::new(rules(), ["dc-east".to_owned(), "dc-west".to_owned()]);
        for mut entry in log.entries() {
            entry.facts.past = Some(Knowledge::default());
            history.push(Event::Write(entry));
        }
        history.push(Event::Reading(Reading {
            client: "c".to_owned(),
            session: None,
            datacenter: "dc-east".to_owned(),
            document: "d".to_owned(),
            asked: 1,
            at: 2,
            snapshot: Some(7),
            covered: None,
            knowledge: None,
            catching_up: Some(false),
            answer: Answer::Document(shown),
        }));
        history.push(Event::Fault(FaultFired {
            name: "cut".to_owned(),
            target: "dc-east to dc-west".to_owned(),
            phase: Phase::Struck,
            at: 3,
            ms: 4,
        }));
        history.push(Event::Quiet(Quiet {
            at: 5,
            ms: 6,
            bound_ms: 7,
        }));
        history.push(Event::Rules(RulesKnown {
            datacenter: "dc-east".to_owned(),
            rules: Rules::default(),
            at: 6,
        }));
        history
    }

    #[test]
    fn a_history_survives_its_file() {
        let history = history();
        let mut bytes = Vec::new();
        history.write(&mut bytes).unwrap();
        let back = History::read(bytes.as_slice()).unwrap();
        assert_eq!(back, history);
        assert!(back.terms().turned("/tags").is_some() && back.rules.turned("/tags").is_none());
        let mut again = Vec::new();
        back.write(&mut again).unwrap();
        assert_eq!(again, bytes);
        assert!(
            String::from_utf8(bytes)
                .unwrap()
                .contains(r#"{"z":1.50,"a":{"b":[1]}}"#),
            "bodies stand as they are"
        );
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        let mut bytes = Vec::new();
        history().write(&mut bytes).unwrap();
        bytes.extend_from_slice(b"{\"cut\":");
        let error = History::read(bytes.as_slice()).unwrap_err();
        assert_eq!(error.to_string(), "line 7 is no event");
    }
}
