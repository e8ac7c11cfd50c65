//! Looks every write of a log up at every node and says what became of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judge, Reader, Standing};
use crate::history::{Entry, Json, LetGo, Outcome, Rules};
use crate::view::View;

/// What became of the writes of a log.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Writes that were acknowledged.
    pub acknowledged: usize,
    /// Writes that were refused.
    pub refused: usize,
    /// Writes whose answer never came.
    pub unknown: usize,
    /// Documents that were looked up.
    pub documents: usize,
    /// How the writes stand at each node, in the order of the readers.
    pub nodes: Vec<Tally>,
    /// Every part of a write that is unaccounted or was not judged.
    pub findings: Vec<Finding>,
    /// Values that are shown although no write of the log put them there.
    pub phantoms: Vec<Finding>,
}

/// How many writes stand how, at one node.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The node's datacenter.
    pub datacenter: String,
    /// Writes by the gravest standing among their parts.
    pub writes: BTreeMap<Standing, usize>,
    /// Parts of writes (values, removals, deletes, elements, increments).
    pub values: BTreeMap<Standing, usize>,
}

/// Something that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The node that was asked.
    pub datacenter: String,
    /// The write's number in the log; `None` for a phantom.
    pub number: Option<u64>,
    /// The document's id.
    pub document: String,
    /// The path; empty: the whole document.
    pub path: String,
    /// What is wrong, in a few words.
    pub problem: String,
}

impl Account {
    /// How many acknowledged writes at least one node lost.
    pub fn unaccounted(&self) -> usize {
        self.numbers(Standing::Unaccounted)
    }

    /// How many writes could not be judged.
    pub fn not_judged(&self) -> usize {
        self.numbers(Standing::NotJudged)
    }

    /// Whether every write was judged and accounted for, and nothing is shown that nobody wrote.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.phantoms.is_empty()
    }

    fn numbers(&self, standing: Standing) -> usize {
        let problem = standing.to_string();
        let numbers: BTreeSet<_> = self
            .findings
            .iter()
            .filter(|finding| finding.problem == problem)
            .map(|finding| finding.number)
            .collect();
        numbers.len()
    }
}

/// What one node shows of the documents of a log.
#[derive(Clone, Copy, Debug)]
pub struct Shelf<'a> {
    /// The node's datacenter.
    pub datacenter: &'a str,
    /// The documents that are there.
    pub documents: &'a BTreeMap<String, View>,
}

impl Account {
    /// Judges every write of a log against what each node shows.
    pub fn of(log: &[&Entry], shelves: &[Shelf<'_>], rules: &Rules, let_go: &LetGo) -> Self {
        let mut account = Self::default();
        for entry in log {
            match entry.outcome {
                Outcome::Ok { .. } => account.acknowledged += 1,
                Outcome::Refused { .. } => account.refused += 1,
                Outcome::Unknown { .. } => account.unknown += 1,
            }
        }
        let mut documents: BTreeMap<&str, Page<'_>> = BTreeMap::new();
        for (document, writes) in possible_writes(log) {
            documents.insert(
                document,
                Page {
                    writes,
                    judged: Vec::new(),
                },
            );
        }
        account.documents = documents.len();
        for shelf in shelves {
            let mut tally = Tally {
                datacenter: shelf.datacenter.to_owned(),
                ..Tally::default()
            };
            for (document, page) in &mut documents {
                let judged = page.judged(shelf.documents.get(*document), rules, let_go);
                account.enter(document, judged, &mut tally);
            }
            account.nodes.push(tally);
        }
        account
    }

    /// Writes down what became of the writes of one document at one node.
    fn enter(&mut self, document: &str, judged: &Judged<'_>, tally: &mut Tally) {
        let datacenter = tally.datacenter.clone();
        let finding = |number, path: &str, problem| Finding {
            datacenter: datacenter.clone(),
            number,
            document: document.to_owned(),
            path: path.to_owned(),
            problem,
        };
        let phantoms = judged.phantoms.iter();
        self.phantoms
            .extend(phantoms.map(|(path, value)| finding(None, path, format!("nobody wrote {value}"))));
        for (write, standings) in &judged.writes {
            let grave = standings
                .iter()
                .filter(|(_, standing)| *standing >= Standing::NotJudged);
            self.findings
                .extend(grave.map(|(path, standing)| finding(Some(write.number), path, standing.to_string())));
            if write.is_ok() {
                for (_, standing) in standings {
                    *tally.values.entry(*standing).or_default() += 1;
                }
                let gravest = standings.iter().map(|(_, standing)| *standing).max();
                *tally.writes.entry(gravest.unwrap_or(Standing::Visible)).or_default() += 1;
            }
        }
    }
}

/// The writes of one document, and what became of them by what a node shows: at the end most nodes show the same.
struct Page<'a> {
    writes: Vec<&'a Entry>,
    judged: Vec<(Option<&'a View>, Judged<'a>)>,
}

/// What became of the writes of one document at a node.
struct Judged<'a> {
    phantoms: Vec<(String, Json)>,
    /// How the parts of each write stand, with their paths.
    writes: Vec<(&'a Entry, Vec<(String, Standing)>)>,
}

impl<'a> Page<'a> {
    fn judged(&mut self, view: Option<&'a View>, rules: &Rules, let_go: &LetGo) -> &Judged<'a> {
        let known = self.judged.iter().position(|(other, _)| *other == view);
        let place = known.unwrap_or_else(|| {
            let judge = Judge::new(&self.writes, view, rules).without(let_go);
            let writes = self.writes.iter().map(|write| (*write, judge.standings(write)));
            let judged = Judged {
                phantoms: judge.phantoms(),
                writes: writes.collect(),
            };
            self.judged.push((view, judged));
            self.judged.len() - 1
        });
        &self.judged[place].1
    }
}

/// Reads every document of the log at every node and judges every write.
///
/// # Errors
/// A node cannot be read.
pub async fn account<R: Reader>(log: &[Entry], readers: &[R], rules: &Rules) -> anyhow::Result<Account> {
    let log: Vec<&Entry> = log.iter().collect();
    let mut shown = Vec::new();
    for reader in readers {
        let mut documents = BTreeMap::new();
        for document in possible_writes(&log).into_keys() {
            if let Some(view) = reader.read(document).await? {
                documents.insert(document.to_owned(), view);
            }
        }
        shown.push((reader.datacenter(), documents));
    }
    let shelves = shown
        .iter()
        .map(|(datacenter, documents)| Shelf { datacenter, documents });
    Ok(Account::of(
        &log,
        &shelves.collect::<Vec<_>>(),
        rules,
        &LetGo::default(),
    ))
}

/// The writes that may be in effect, by document.
fn possible_writes<'a>(log: &[&'a Entry]) -> BTreeMap<&'a str, Vec<&'a Entry>> {
    let mut documents: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in log.iter().copied().filter(|entry| entry.is_possible()) {
        documents.entry(&entry.document).or_default().push(entry);
    }
    documents
}
