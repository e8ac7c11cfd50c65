//! A client settles open conflicts. What each choice stands for is decided here, on the candidates as they are in that moment.

use std::collections::{BTreeMap, BTreeSet};

use rejoin_document::{
    BodyError, Candidate, CandidateKind, Document, Limits, Object, OpenConflict, Refused, Resolution, RuleSet, Settle,
    Shown, Value, check_counters, parse_body, stale,
};

use super::group::Group;
use crate::error::CommitError;
use crate::operation::{Choice, Conditions, Outcome, Resolve, Resolved, Settling};

impl Group<'_> {
    pub(super) fn resolve(&mut self, request: Resolve) -> Result<Outcome, CommitError> {
        let Resolve {
            database: name,
            id,
            base,
            settling,
            request,
        } = request;
        if name.is_system() {
            return Err(CommitError::ReservedDatabase { database: name });
        }
        let database = self.database(&name)?;
        let (key, current, read) = self.current(&database, &id)?;
        if let Some(written) = self.repeated(&database, &key, &current, request, &Conditions::default())? {
            return Ok(Outcome::Resolved(Resolved {
                written: Some(written),
                settled: 0,
                left_open: 0,
            }));
        }
        if read.body.is_none() {
            return Err(CommitError::DocumentNotFound { id });
        }
        let shown = current.shown(database.rules());
        if let Some(base) = base.filter(|base| *base != shown.revision) {
            let Some(base) = self.superseded(&database, &id, &base)? else {
                return Err(match current.knows_revision(&base) {
                    true => CommitError::BaseCompacted { id, revision: base },
                    false => CommitError::BaseUnknown { id, revision: base },
                });
            };
            // What is chosen was read on the base.
            let yours = base.body.clone();
            return Err(stale(&base, yours, &shown).into());
        }
        let open = shown.conflicts.len();
        if open == 0 && matches!(settling, Settling::Body(_)) {
            return Err(Refused::NothingInConflict.into());
        }
        let brings = settling.brings_values();
        let Some((settle, settled)) = self.settle(&current, &shown, settling, database.rules())? else {
            return Ok(Outcome::Resolved(Resolved {
                written: None,
                settled: 0,
                left_open: count(open),
            }));
        };
        let dot = self.issue()?;
        let resolution = Resolution { dot, settle, request };
        let committed = current.resolve(&resolution, database.rules())?;
        if brings {
            bounded(&shown.body, &committed.shown.body, &self.tuning.limits)?;
        }
        let left_open = count(committed.shown.conflicts.len());
        let deletes = committed.shown.deleted;
        let written = self.place(&key, committed, (dot, deletes))?;
        Ok(Outcome::Resolved(Resolved {
            written: Some(written),
            settled: settled.unwrap_or_else(|| count(open).saturating_sub(left_open)),
            left_open,
        }))
    }

    /// What the choices come to, and how many conflicts they settle where that is known; `None`: nothing.
    fn settle(
        &self,
        current: &Document,
        shown: &Shown,
        settling: Settling,
        rules: &RuleSet,
    ) -> Result<Option<(Settle, Option<u32>)>, CommitError> {
        match settling {
            Settling::Body(body) => Ok(Some((Settle::Body(Some(body)), None))),
            Settling::Paths(choices) => {
                let mut chosen = Vec::with_capacity(choices.len());
                let open = shown
                    .conflicts
                    .iter()
                    .map(|conflict| (conflict.path.as_str(), conflict));
                let open: BTreeMap<_, _> = open.collect();
                for (path, choice) in choices {
                    let conflict = open.get(path.as_str());
                    let conflict = conflict.ok_or_else(|| Refused::NotInConflict { path: path.clone() })?;
                    if let Choice::Value(value) = &choice {
                        if is_about_deletion(conflict) {
                            return Err(Refused::CannotStand { path }.into());
                        }
                        check_counters(&path, value, rules)?;
                    }
                    let value = self.choose(conflict, &choice);
                    chosen.push((path.clone(), value.ok_or(CommitError::NoCandidate { path })?));
                }
                Ok(Some((Settle::Paths(chosen), None)))
            }
            Settling::Against(revision) => {
                let losing = current.candidates_of(&revision, shown);
                // A new revision would decide about a delete that met an edit, which the client need not have seen.
                let mut others = shown.conflicts.iter().filter(|conflict| conflict.path.is_empty());
                if others.any(|_| losing.iter().all(|(path, _)| !path.is_empty())) {
                    return Ok(None);
                }
                let settled = count(losing.len());
                Ok((!losing.is_empty()).then_some((Settle::Without(losing), Some(settled))))
            }
            Settling::All { filter, policy } => {
                let meant = |conflict: &&OpenConflict| filter.means(conflict, &self.state.replicas);
                let chosen = |conflict: &OpenConflict| Some((conflict.path.clone(), self.choose(conflict, &policy)?));
                let chosen: Vec<_> = shown.conflicts.iter().filter(meant).filter_map(chosen).collect();
                let chosen = outermost(chosen);
                let settled = count(chosen.len());
                Ok((!chosen.is_empty()).then_some((Settle::Paths(chosen), Some(settled))))
            }
        }
    }

    /// What a choice puts at a path (`None` inside: nothing); `None` if no candidate is what it asks for.
    fn choose(&self, conflict: &OpenConflict, choice: &Choice) -> Option<Option<Value>> {
        let mut candidates = conflict.candidates.iter();
        let candidate = match choice {
            Choice::Value(value) => return Some(Some(value.clone())),
            Choice::Removed => return Some(None),
            Choice::Shown => return Some(conflict.shown.clone()),
            Choice::Newest => candidates.next_back(),
            Choice::From(datacenter) => {
                candidates.rfind(|candidate| self.state.replicas.get(&candidate.dot.replica) == Some(datacenter))
            }
            Choice::Candidate(dot) => candidates.find(|candidate| candidate.dot == *dot),
            Choice::Greatest => extreme(&conflict.candidates, std::cmp::Ordering::is_gt),
            Choice::Least => extreme(&conflict.candidates, std::cmp::Ordering::is_lt),
        }?;
        Some(match &candidate.kind {
            CandidateKind::Value(value) => Some(value.clone()),
            CandidateKind::Removed | CandidateKind::Deleted(true) => None,
            CandidateKind::Deleted(false) => conflict.shown.clone(),
        })
    }
}

/// Whether a delete met an edit: the document stays or goes, and another body settles all of it, not this path.
fn is_about_deletion(conflict: &OpenConflict) -> bool {
    let mut kinds = conflict.candidates.iter().map(|candidate| &candidate.kind);
    kinds.all(|kind| matches!(kind, CandidateKind::Deleted(_)))
}

/// A value is within the limits of a body, and further down in a document it may not be any more. What had outgrown them by merging before may stay as it
/// is, but for its depth: beyond that no node could read it again.
fn bounded(before: &Object, after: &Object, limits: &Limits) -> Result<(), BodyError> {
    let within = |body: &Object| parse_body(body.to_json().as_bytes(), limits).map(drop);
    match within(after) {
        Err(error @ BodyError::TooDeep { .. }) => Err(error),
        Err(error) if within(before).is_ok() => Err(error),
        _ => Ok(()),
    }
}

/// The greatest or least, if all are numbers; of equal ones the newest.
fn extreme(candidates: &[Candidate], better: fn(std::cmp::Ordering) -> bool) -> Option<&Candidate> {
    let number = |candidate: &Candidate| match &candidate.kind {
        CandidateKind::Value(Value::Number(number)) => Some(number.clone()),
        _ => None,
    };
    let numbers = candidates.iter().map(|candidate| Some((number(candidate)?, candidate)));
    let numbers = numbers.collect::<Option<Vec<_>>>()?.into_iter().rev();
    let best = numbers.reduce(|best, next| {
        if better(next.0.compare_numeric(&best.0)) {
            next
        } else {
            best
        }
    });
    best.map(|(_, candidate)| candidate)
}

/// Of choices inside of one another the outer ones: what is inside goes with them.
fn outermost(chosen: Vec<(String, Option<Value>)>) -> Vec<(String, Option<Value>)> {
    let deleted = chosen.iter().any(|(path, value)| path.is_empty() && value.is_none());
    let paths: BTreeSet<String> = chosen.iter().map(|(path, _)| path.clone()).collect();
    // Each place of a `/` in a path ends the path of something that holds it.
    let inside = |path: &str| {
        let mut holders = path.match_indices('/').map(|(at, _)| &path[..at]);
        holders.any(|holder| (!holder.is_empty() || deleted) && paths.contains(holder))
    };
    chosen.into_iter().filter(|(path, _)| !inside(path)).collect()
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}
