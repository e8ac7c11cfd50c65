//! What a run came to: printed, and judged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::Kind;
use crate::checker::Report;
use crate::history::{Answer, Event, History, Outcome};
use crate::workload::Roamed;

/// How writes are refused while a disk is full, over gRPC and over HTTP.
const DISK_FULL: [&str; 2] = ["DISK_FULL", "insufficient_storage"];

/// The outcome of a [`super::Trial`] that came to its end.
#[derive(Debug)]
pub struct Verdict {
    /// Where it took place.
    pub stage: &'static str,
    /// Its seed.
    pub seed: u64,
    /// How long it took.
    pub seconds: u64,
    /// How long the nodes took to become equal at the end.
    pub settled: Duration,
    /// How often each kind of trouble fired.
    pub fired: BTreeMap<Kind, usize>,
    /// What could not be done here, and why.
    pub skipped: Vec<(Kind, String)>,
    /// What proves that troubles had an effect.
    pub evidence: BTreeMap<&'static str, u64>,
    /// What the clients did beside what they logged.
    pub roamed: Roamed,
    /// What the checkers say.
    pub report: Report,
    /// Where the history was kept, if they found anything.
    pub saved: Option<PathBuf>,
    /// Everything that was recorded.
    pub history: History,
}

/// What clients were told, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Writes that were acknowledged.
    pub acknowledged: usize,
    /// Those of them that were done by clients without a session: those that speak HTTP.
    pub without_session: usize,
    /// Writes without an answer.
    pub unknown: usize,
    /// Writes that were refused, by reason.
    pub refused: BTreeMap<String, usize>,
    /// Reads that were answered.
    pub reads: usize,
    /// Reads that were not, by reason.
    pub failed_reads: BTreeMap<String, usize>,
}

impl Tally {
    fn of(history: &History) -> Self {
        let mut tally = Self::default();
        for event in &history.events {
            match event {
                Event::Write(entry) => match &entry.outcome {
                    Outcome::Ok { .. } => {
                        tally.acknowledged += 1;
                        tally.without_session += usize::from(entry.facts.session.is_none());
                    }
                    Outcome::Unknown { .. } => tally.unknown += 1,
                    Outcome::Refused { reason } => *tally.refused.entry(reason.clone()).or_default() += 1,
                },
                Event::Reading(reading) => match &reading.answer {
                    Answer::Failed { reason } => *tally.failed_reads.entry(reason.clone()).or_default() += 1,
                    _ => tally.reads += 1,
                },
                _ => {}
            }
        }
        tally
    }
}

impl Verdict {
    /// What clients were told.
    pub fn tally(&self) -> Tally {
        Tally::of(&self.history)
    }

    /// What is wrong with the run, in words; empty: nothing. `kinds` have to have fired, and clients have to have had `acknowledged_min` writes
    /// acknowledged: a run in which nothing happened proves nothing.
    pub fn complaints(&self, kinds: &[Kind], acknowledged_min: usize) -> Vec<String> {
        let mut complaints: Vec<String> = self.report.violations().map(ToString::to_string).collect();
        let skipped: BTreeSet<Kind> = self.skipped.iter().map(|(kind, _)| *kind).collect();
        let missing = kinds
            .iter()
            .filter(|kind| !self.fired.contains_key(kind) && !skipped.contains(kind));
        complaints.extend(missing.map(|kind| format!("{kind} never fired")));
        let idle = self.evidence.iter().filter(|(_, count)| **count == 0);
        complaints.extend(idle.map(|(name, _)| format!("no {name}: a trouble had no effect")));
        let tally = self.tally();
        if tally.acknowledged < acknowledged_min {
            complaints.push(format!("only {} writes were acknowledged", tally.acknowledged));
        }
        let mut interfaces = self.history.final_states().map(|(_, state)| &state.interface);
        if interfaces.any(|interface| interface == "http") && tally.without_session == 0 {
            complaints.push("no write over HTTP was acknowledged".to_owned());
        }
        if self.fired.contains_key(&Kind::NearlyFull)
            && !DISK_FULL.iter().any(|reason| tally.refused.contains_key(*reason))
        {
            complaints.push("no write was refused by a full disk".to_owned());
        }
        if self.roamed.moves == 0 {
            complaints.push("no session went on at another datacenter".to_owned());
        }
        complaints
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = self.tally();
        writeln!(formatter, "{}, seed {}, {} s", self.stage, self.seed, self.seconds)?;
        for (kind, count) in &self.fired {
            writeln!(formatter, "  {kind}: {count}")?;
        }
        for (kind, reason) in &self.skipped {
            writeln!(formatter, "  {kind}: skipped: {reason}")?;
        }
        let evidence: Vec<String> = self
            .evidence
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        writeln!(formatter, "  seen: {}", evidence.join(", "))?;
        writeln!(
            formatter,
            "  writes: {} acknowledged ({} of clients that speak HTTP), {} unknown, refused {:?}",
            tally.acknowledged, tally.without_session, tally.unknown, tally.refused
        )?;
        writeln!(
            formatter,
            "  reads: {}, not answered {:?}; {} moves of sessions, tokens of at most {} bytes",
            tally.reads, tally.failed_reads, self.roamed.moves, self.roamed.token_bytes_max
        )?;
        write!(formatter, "{}", self.report)?;
        if let Some(saved) = &self.saved {
            writeln!(formatter, "history: {}", saved.display())?;
        }
        let faults: usize = self.fired.values().sum();
        let operations = self.history.writes().count() + self.history.readings().count();
        write!(
            formatter,
            "{faults} faults, {operations} operations, equal {:.1} s after the last; unaccounted {}",
            self.settled.as_secs_f64(),
            self.report.unaccounted()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::{self, run};
    use crate::history::Rules;

    fn verdict() -> Verdict {
        let history = History::new(Rules::default(), ["dc-a".to_owned()]);
        Verdict {
            stage: "nowhere",
            seed: 1,
            seconds: 1,
            settled: Duration::ZERO,
            fired: BTreeMap::from([(Kind::Killed, 1)]),
            skipped: vec![(Kind::Slow, "no netem".to_owned())],
            evidence: BTreeMap::from([("connections cut", 1)]),
            roamed: Roamed {
                moves: 1,
                token_bytes_max: 1,
            },
            report: run(&history),
            saved: None,
            history,
        }
    }

    #[test]
    fn a_run_in_which_everything_happened_is_not_complained_about() {
        assert_eq!(
            verdict().complaints(&[Kind::Killed, Kind::Slow], 0),
            Vec::<String>::new()
        );
        let printed = verdict().to_string();
        assert!(printed.contains("slow: skipped: no netem"), "{printed}");
        assert!(printed.ends_with("unaccounted 0"), "{printed}");
    }

    #[test]
    fn what_any_checker_finds_is_complained_about() {
        for checker in checker::all() {
            let mut report = Report::default();
            report.find(checker.name, "something");
            let found = Verdict { report, ..verdict() };
            let complaints = found.complaints(&[], 0);
            assert_eq!(complaints, [format!("{}: something (events [])", checker.name)]);
        }
    }

    #[test]
    fn a_run_in_which_something_never_happened_is_complained_about() {
        let complaint = |verdict: &Verdict, kinds: &[Kind], least| verdict.complaints(kinds, least).concat();
        assert_eq!(complaint(&verdict(), &[Kind::Reset], 0), "reset mid-stream never fired");
        assert_eq!(complaint(&verdict(), &[], 1), "only 0 writes were acknowledged");
        let without_effect = Verdict {
            evidence: BTreeMap::from([("connections cut", 0)]),
            ..verdict()
        };
        assert_eq!(
            complaint(&without_effect, &[], 0),
            "no connections cut: a trouble had no effect"
        );
        let full = Verdict {
            fired: BTreeMap::from([(Kind::NearlyFull, 1)]),
            ..verdict()
        };
        assert_eq!(complaint(&full, &[], 0), "no write was refused by a full disk");
        let at_home = Verdict {
            roamed: Roamed::default(),
            ..verdict()
        };
        assert_eq!(complaint(&at_home, &[], 0), "no session went on at another datacenter");
    }
}
