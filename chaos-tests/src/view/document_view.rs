//! A document as one read shows it.

use rejoin_client::{CandidateKind, Document};
use rejoin_document::Value;
use serde::{Deserialize, Serialize};

use super::body::parse_value;
use super::{Body, pointer};
use crate::history::{Json, Stamp};

/// One document at one node at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The shown revision.
    pub revision: String,
    /// The shown body.
    pub body: Body,
    /// The open conflicts, in ascending order of their paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
}

/// An open conflict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// JSON pointer; empty: the whole document.
    pub path: String,
    /// What competes, oldest first.
    pub candidates: Vec<Candidate>,
}

/// One of the values that compete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Where it was written; `None` if the node does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacenter: Option<String>,
    /// The write that it comes from.
    pub stamp: Stamp,
    /// The branch that carries it.
    pub revision: String,
    /// What it is.
    pub kind: Contender,
}

/// What a candidate stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contender {
    /// A value; an object or an array too.
    Value(#[serde(with = "super::logged_value")] Value),
    /// The member was removed.
    Removed,
    /// The document was deleted (true) or edited meanwhile (false).
    Deleted(bool),
}

impl View {
    /// Reads what a node answered.
    ///
    /// # Errors
    /// A body or a candidate is not JSON.
    pub fn of(document: &Document) -> anyhow::Result<Self> {
        let conflict = |conflict: &rejoin_client::Conflict| -> anyhow::Result<Conflict> {
            let candidates = conflict
                .candidates
                .iter()
                .map(candidate)
                .collect::<anyhow::Result<_>>()?;
            Ok(Conflict {
                path: conflict.path.clone(),
                candidates,
            })
        };
        Ok(Self {
            revision: document.revision.to_string(),
            body: Body::parse(&document.body)?,
            conflicts: document.conflicts.iter().map(conflict).collect::<anyhow::Result<_>>()?,
        })
    }

    /// The values that a reader learns at a path: the shown one first, then those that stand in the conflict list.
    pub fn values_at(&self, path: &str) -> Vec<Json> {
        let mut values: Vec<Json> = self.body.get(path).into_iter().collect();
        for value in self.listed_at(path) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }

    /// The values in the conflict list for a path, also as parts of containers that compete as a whole.
    pub fn listed_at(&self, path: &str) -> Vec<Json> {
        let candidates = self.conflicts_over(path).flat_map(|(conflict, rest)| {
            conflict
                .candidates
                .iter()
                .filter_map(move |candidate| match &candidate.kind {
                    Contender::Value(value) => part_of(value, rest).map(Json::of),
                    _ => None,
                })
        });
        candidates.collect()
    }

    /// Whether `element` stands in an array in the conflict list for a path.
    pub fn lists_element(&self, path: &str, element: &Json) -> bool {
        self.conflicts_over(path).any(|(conflict, rest)| {
            conflict.candidates.iter().any(|candidate| match &candidate.kind {
                Contender::Value(value) => {
                    matches!(part_of(value, rest), Some(Value::Array(elements)) if elements.iter().any(|e| Json::of(e) == *element))
                }
                _ => false,
            })
        })
    }

    /// Whether a container competes above a path with something else that is shown there: it is listed with one value at each of its paths, and others
    /// that compete inside of it come to light once it is chosen.
    pub fn hides_at(&self, path: &str) -> bool {
        self.conflicts_over(path).any(|(conflict, rest)| {
            let holds = |candidate: &Candidate| match &candidate.kind {
                Contender::Value(value) => Json::of(value).at(rest).is_some(),
                _ => false,
            };
            !rest.is_empty() && !self.body.is_object(&conflict.path) && conflict.candidates.iter().any(holds)
        })
    }

    /// The removals in the conflict list, as path and stamp.
    pub fn listed_removals(&self) -> impl Iterator<Item = (&str, Stamp)> {
        self.all_candidates()
            .filter(|(_, candidate)| candidate.kind == Contender::Removed)
            .map(|(path, candidate)| (path, candidate.stamp))
    }

    /// The deletes in the conflict list.
    pub fn listed_deletions(&self) -> impl Iterator<Item = Stamp> {
        self.all_candidates()
            .filter(|(_, candidate)| candidate.kind == Contender::Deleted(true))
            .map(|(_, candidate)| candidate.stamp)
    }

    fn all_candidates(&self) -> impl Iterator<Item = (&str, &Candidate)> {
        self.conflicts.iter().flat_map(|conflict| {
            conflict
                .candidates
                .iter()
                .map(|candidate| (conflict.path.as_str(), candidate))
        })
    }

    fn conflicts_over<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a Conflict, &'a str)> {
        self.conflicts
            .iter()
            .filter_map(move |conflict| Some((conflict, pointer::below(&conflict.path, path)?)))
    }
}

fn candidate(candidate: &rejoin_client::Candidate) -> anyhow::Result<Candidate> {
    let kind = match &candidate.kind {
        CandidateKind::Value(text) => Contender::Value(parse_value(text)?),
        CandidateKind::LeftOut => anyhow::bail!("a candidate's value is left out of an answer"),
        CandidateKind::Removed => Contender::Removed,
        CandidateKind::Deleted(deleted) => Contender::Deleted(*deleted),
    };
    Ok(Candidate {
        datacenter: candidate.datacenter.clone(),
        stamp: Stamp(candidate.dot),
        revision: candidate.revision.to_string(),
        kind,
    })
}

fn part_of<'a>(value: &'a Value, rest: &str) -> Option<&'a Value> {
    pointer::segments(rest)
        .iter()
        .try_fold(value, |value, segment| match value {
            Value::Object(object) => object.get(segment.as_str()),
            _ => None,
        })
}
