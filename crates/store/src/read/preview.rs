//! What other rules would do: a dry run over the documents that hold more than one candidate somewhere.

use std::collections::BTreeSet;

use rejoin_document::{DatabaseName, DocumentId, RuleSet, Shown, Value, VersionVector};

use super::Page;
use super::access::{Budget, read_document};
use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::conflicts;
use crate::store::Store;

/// What other rules would do at one path of one document.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleEffect {
    /// The document.
    pub id: DocumentId,
    /// JSON pointer (RFC 6901).
    pub path: String,
    /// What is shown now; `None` where nothing is.
    pub shown: Option<Value>,
    /// What would be shown; `None` where nothing would be.
    pub would_show: Option<Value>,
    /// Whether the path is an open conflict now.
    pub open: bool,
    /// Whether it would be one.
    pub would_be_open: bool,
}

impl Store {
    /// What `rules` would do to documents that may be in conflict, in ascending order of their ids, after `after`; effects of up to `limit`
    /// documents, at least of one. A path at which nothing would change is left out. Nothing is changed.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn preview(
        &self,
        database: &DatabaseName,
        rules: &RuleSet,
        after: Option<&DocumentId>,
        limit: usize,
    ) -> Result<Page<RuleEffect>, ReadError> {
        let database = self.database(database)?;
        let prefix = database.number().prefix();
        let range = match after {
            Some(after) => KeyRange::prefix_after(&prefix, &conflicts::key(database.number(), after)),
            None => KeyRange::prefix(&prefix),
        };
        let ruled = ruled_otherwise(database.rules(), rules);
        let snapshot = self.engine().snapshot();
        let (mut items, mut next, mut documents) = (Vec::new(), None, 0);
        let mut context = VersionVector::new();
        let mut budget = Budget::default();
        for entry in snapshot.scan(Family::Conflicts, range) {
            if documents >= limit.max(1) || budget.is_spent() {
                return Ok(Page { items, next, context });
            }
            let (_, id) = conflicts::decode_key(&entry?.0)?;
            let stored = read_document(snapshot.as_ref(), &database, &id)?;
            budget.spend(stored.as_ref().map_or(0, |stored| stored.bytes));
            if let Some(stored) = stored {
                context.merge(stored.document.context());
                let (now, then) = (stored.document.shown(database.rules()), stored.document.shown(rules));
                let before = items.len();
                items.extend(effects(&id, &ruled, &now, &then));
                documents += usize::from(items.len() > before);
            }
            next = Some(id);
        }
        Ok(Page {
            items,
            next: None,
            context,
        })
    }
}

/// The paths of which the rules differ.
fn ruled_otherwise(now: &RuleSet, then: &RuleSet) -> BTreeSet<String> {
    let both: Vec<_> = now.iter().chain(then.iter()).collect();
    let holds = |rules: &RuleSet, rule: &(&str, _)| rules.iter().any(|other| other == *rule);
    let different = both.iter().filter(|rule| !holds(now, rule) || !holds(then, rule));
    different.map(|(path, _)| (*path).to_owned()).collect()
}

/// Rules change what is shown where they are set, and what is open there and at the conflicts.
fn effects(id: &DocumentId, ruled: &BTreeSet<String>, now: &Shown, then: &Shown) -> Vec<RuleEffect> {
    let open = |shown: &Shown, path: &str| shown.conflict_at(path).is_some();
    let conflicts = now.conflicts.iter().chain(&then.conflicts);
    let paths: BTreeSet<&str> = conflicts
        .map(|conflict| conflict.path.as_str())
        .chain(ruled.iter().map(String::as_str))
        .collect();
    let effect = |path: &str| RuleEffect {
        id: id.clone(),
        path: path.to_owned(),
        shown: now.body.pointer(path).cloned(),
        would_show: then.body.pointer(path).cloned(),
        open: open(now, path),
        would_be_open: open(then, path),
    };
    let changes = |effect: &RuleEffect| effect.shown != effect.would_show || effect.open != effect.would_be_open;
    paths.into_iter().map(effect).filter(changes).collect()
}
