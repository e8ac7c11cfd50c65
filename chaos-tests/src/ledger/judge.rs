//! Judges the writes of one document against what one node shows of it.
//!
//! A write *had seen* another if its author had read the other's value at the path, in the body or in the conflict list, after the other was
//! sent, and a revision that can hold it. Times decide nothing except under the rule `latest`.
//!
//! What leaves no value behind (a removal, a delete) is seen in the conflict list, or as nothing where something stood. Nothing is also what a node
//! shows that has not heard of the document yet: the generations of the revisions tell the two apart.

use rejoin_document::Rule;

use super::counter::{self, Counters};
use super::{Standing, precedence, turned};
use crate::history::{Edit, Entry, Json, LetGo, Outcome, Rules, Stamp, generation};
use crate::view::View;
use crate::view::pointer::below;

/// One document: all writes that may be in effect, and the node's view of it.
#[derive(Debug)]
pub struct Judge<'a> {
    pub(super) writes: &'a [&'a Entry],
    pub(super) view: Option<&'a View>,
    pub(super) rules: &'a Rules,
    let_go: Option<&'a LetGo>,
    pub(super) counters: Counters,
    /// Whether the view has all writes of the log, and was made under the newest rules.
    pub(super) is_whole: bool,
}

impl<'a> Judge<'a> {
    /// Judges what a node shows of a document (`None`: there is none) by every write of it that was not refused, in the order of the log.
    pub fn new(writes: &'a [&'a Entry], view: Option<&'a View>, rules: &'a Rules) -> Self {
        Self {
            writes,
            view,
            rules,
            let_go: None,
            counters: Counters::default(),
            is_whole: true,
        }
    }

    /// The view may lack writes of the log, and rules: where the rule of a path was changed, counts need not add up in it, and what a rule set aside need
    /// not be listed.
    #[must_use]
    pub fn in_part(self) -> Self {
        Self {
            is_whole: false,
            ..self
        }
    }

    /// Nodes may have let removals go.
    #[must_use]
    pub fn without(self, let_go: &'a LetGo) -> Self {
        Self {
            let_go: Some(let_go),
            ..self
        }
    }

    /// How each part of a write stands, with its path. Nothing for a write that need not be in effect.
    pub fn standings(&self, write: &Entry) -> Vec<(String, Standing)> {
        self.standings_at(write, |_| true)
    }

    /// As [`Self::standings`], of some paths only.
    pub fn standings_at(&self, write: &Entry, is_asked: impl Fn(&str) -> bool) -> Vec<(String, Standing)> {
        if write.delete {
            return write
                .stamp()
                .filter(|_| is_asked(""))
                .map(|stamp| (String::new(), self.deletion(write, stamp)))
                .into_iter()
                .collect();
        }
        let asked = write.edits.iter().filter(|edit| is_asked(edit.path()));
        let required = asked.filter(|edit| write.is_ok() || self.was_read(write, edit));
        required
            .filter_map(|edit| Some((edit.path().to_owned(), self.standing(write, edit)?)))
            .collect()
    }

    /// What the node shows and no write of the log has put there.
    pub fn phantoms(&self) -> Vec<(String, Json)> {
        let Some(view) = self.view else { return Vec::new() };
        let mut found = Vec::new();
        for (path, value) in view.body.leaves() {
            if self.rules.turned(&path).is_some() {
                if !turned::may_be_written(self, &path, &value) {
                    found.push((path, value));
                }
                continue;
            }
            match self.rules.rule_of(&path) {
                Rule::Counter if value.as_integer().is_some() => {}
                Rule::Set => {
                    let elements = view.body.elements(&path).unwrap_or_default();
                    let unknown = elements
                        .into_iter()
                        .filter(|element| !self.edits().any(|(_, edit)| adds(edit, &path, element)));
                    found.extend(unknown.map(|element| (path.clone(), element)));
                }
                _ if self.edits().any(|(_, edit)| assigns(edit, &path, &value)) => {}
                _ => found.push((path, value)),
            }
        }
        found
    }

    pub(super) fn edits(&self) -> impl Iterator<Item = (&Entry, &Edit)> {
        self.writes
            .iter()
            .flat_map(|write| write.edits.iter().map(move |edit| (*write, edit)))
    }

    /// The edits of this kind of writes whose authors may have seen `write`. What an author may have seen takes longer to find out than what he did.
    fn later_edits(
        &self,
        write: &Entry,
        kind: impl Fn(&Entry, &Edit) -> bool,
    ) -> impl Iterator<Item = (&Entry, &Edit)> {
        self.edits()
            .filter(move |(other, edit)| kind(other, edit) && other.may_have_seen(write))
    }

    /// An unknown write that was read once counts as acknowledged.
    fn was_read(&self, write: &Entry, edit: &Edit) -> bool {
        match edit {
            Edit::Assign { path, value, .. } => {
                let displaces = |_: &Entry, later: &Edit| later.displaces(path, value);
                self.later_edits(write, displaces).next().is_some()
            }
            _ => false,
        }
    }

    /// How one part of a write stands, as if it had been acknowledged; `None`: it makes room for something that is judged itself.
    pub fn standing(&self, write: &Entry, edit: &Edit) -> Option<Standing> {
        if let Some(had) = self.rules.turned(edit.path()) {
            return turned::standing(self, write, edit, had);
        }
        Some(match edit {
            Edit::Assign { path, value, .. } => self.assignment(write, path, value),
            Edit::Remove { path, .. } => self.removal(write, path),
            Edit::Add { path, element } => self.addition(write, path, element),
            Edit::Discard { path, element } => self.discard(write, path, element),
            Edit::Start { path, .. } | Edit::Increment { path, .. } => counter::judge(self, write, path),
            Edit::Replace { .. } | Edit::Stop { .. } => return None,
        })
    }

    pub(super) fn assignment(&self, write: &Entry, path: &str, value: &Json) -> Standing {
        let shown = self.shown(path);
        if shown.as_ref() == Some(value) {
            return Standing::Visible;
        }
        let listed = |view: &View| view.listed_at(path).contains(value) || view.hides_at(path);
        if self.view.is_some_and(listed) {
            return Standing::Conflict;
        }
        let overwritten = self
            .later_edits(write, |other, edit| displaces(other, edit, write, path, value))
            .any(|(other, edit)| self.took_effect(other, edit));
        if overwritten {
            return Standing::Overwritten;
        }
        if precedence::is_set_aside(self, self.rules.rule_of(path), write, (path, Some(value))) {
            Standing::SetAside
        } else {
            Standing::Unaccounted
        }
    }

    pub(super) fn removal(&self, write: &Entry, path: &str) -> Standing {
        if self.shown(path).is_none() {
            return Standing::Visible;
        }
        let stamp = write.stamp();
        if self
            .view
            .is_some_and(|view| view.listed_removals().any(|listed| is_removal(listed, path, stamp)))
        {
            return Standing::Conflict;
        }
        let mut later = self.writes.iter().filter(|other| other.may_have_seen(write));
        if later.any(|other| self.settles_removal(other, path, stamp)) {
            return Standing::Overwritten;
        }
        if precedence::is_set_aside(self, self.rules.rule_of(path), write, (path, None))
            || self.is_forgotten(write, path)
        {
            Standing::SetAside
        } else {
            Standing::Unaccounted
        }
    }

    /// Whether a node let this removal go, and what is shown was written beside the members by one who had not seen it, or put on that.
    pub(super) fn is_forgotten(&self, removal: &Entry, path: &str) -> bool {
        let is_gone = |(let_go, stamp): (&LetGo, Stamp)| let_go.has_removal(&removal.document, path, stamp);
        if !self.let_go.zip(removal.stamp()).is_some_and(is_gone) {
            return false;
        }
        let shown = self.shown(path);
        let assigns = |edit: &Edit| matches!(edit, Edit::Assign { path: at, .. } if at == path);
        let shows =
            |edit: &Edit| assigns(edit) && matches!(edit, Edit::Assign { value, .. } if Some(value) == shown.as_ref());
        let brings_back =
            |other: &Entry, edit: &Edit| other.facts.aside && assigns(edit) && other.has_seen(removal) != Some(true);
        let mut edits = self.edits();
        edits.any(|(other, edit)| {
            let goes_on = || {
                self.edits()
                    .any(|(later, on)| shows(on) && later.has_seen(other) == Some(true))
            };
            brings_back(other, edit) && (shows(edit) || goes_on())
        })
    }

    /// Whether `later` took the place of a removal that its author had seen: listed, or by nothing standing at the path.
    fn settles_removal(&self, later: &Entry, path: &str, stamp: Option<Stamp>) -> bool {
        let listed = later
            .read
            .removals
            .iter()
            .any(|(at, other)| is_removal((at, *other), path, stamp));
        let edit = later.edits.iter().find(|edit| edit.path() == path);
        match edit {
            Some(edit @ (Edit::Assign { .. } | Edit::Start { .. })) => {
                (listed || edit.read().is_empty()) && self.took_effect(later, edit)
            }
            Some(edit @ (Edit::Remove { .. } | Edit::Replace { .. })) => listed && self.took_effect(later, edit),
            // Who deletes a document that does not have the member takes the removal with it.
            None if later.delete => later.read.revision.is_some(),
            // What is put below brings back what was removed; what is put above stands in its place.
            None => later
                .edits
                .iter()
                .any(|edit| puts(edit) && is_related(edit.path(), path) && self.took_effect(later, edit)),
            Some(_) => false,
        }
    }

    fn deletion(&self, write: &Entry, stamp: Stamp) -> Standing {
        let Some(view) = self.view else {
            return Standing::Visible;
        };
        if view.listed_deletions().any(|listed| listed == stamp) {
            return Standing::Conflict;
        }
        let overwritten = self.writes.iter().any(|other| {
            let saw = other.read.revision.is_none() || other.read.deletions.contains(&stamp);
            let took_effect = || other.edits.is_empty() || other.edits.iter().any(|edit| self.took_effect(other, edit));
            // A creation without an answer that begins a counter and nothing else leaves no value that tells: that the document is there again does.
            let created = || {
                matches!(other.outcome, Outcome::Unknown { .. })
                    && !other.delete
                    && generation(&view.revision) > write.generation()
            };
            other.may_have_seen(write) && saw && (took_effect() || created())
        });
        if overwritten {
            Standing::Overwritten
        } else {
            Standing::Unaccounted
        }
    }

    fn addition(&self, write: &Entry, path: &str, element: &Json) -> Standing {
        if self.shows_element(path, element) {
            return Standing::Visible;
        }
        if self.view.is_some_and(|view| view.lists_element(path, element)) {
            return Standing::Conflict;
        }
        let mut discarded = self.later_edits(write, |_, edit| discards(edit, path, element));
        if discarded.next().is_some() {
            Standing::Overwritten
        } else {
            Standing::Unaccounted
        }
    }

    fn discard(&self, write: &Entry, path: &str, element: &Json) -> Standing {
        if !self.shows_element(path, element) {
            return Standing::Visible;
        }
        let mut added = self.later_edits(write, |_, edit| adds(edit, path, element));
        if added.next().is_some() {
            return Standing::Overwritten;
        }
        // Concurrent additions win, and one at the same node that was answered before the read was seen.
        let seen = |other: &Entry| other.datacenter == write.datacenter && other.answered < write.read.at;
        let unseen = |(other, edit): (&Entry, &Edit)| adds(edit, path, element) && !seen(other);
        let additions = self.edits().filter(|(_, edit)| adds(edit, path, element)).count();
        if additions > 1 && self.edits().any(unseen) {
            Standing::SetAside
        } else {
            Standing::Unaccounted
        }
    }

    /// Whether a write of unknown outcome has certainly had an effect: somebody read its value, or it is shown.
    pub(super) fn left_a_trace(&self, write: &Entry, edit: &Edit) -> bool {
        let shown = |value: &Json| self.shown(edit.path()).as_ref() == Some(value);
        self.was_read(write, edit) || matches!(edit, Edit::Assign { value, .. } if shown(value))
    }

    /// Whether a write of unknown outcome has certainly a lower time than `write`: somebody had read its value when `write` was sent to the same node.
    pub(super) fn was_stamped_before(&self, unknown: &Entry, edit: &Edit, write: &Entry) -> bool {
        let Edit::Assign { path, value, .. } = edit else {
            return false;
        };
        let reads = |reader: &Entry, later: &Edit| reader.read.at < write.invoked && later.displaces(path, value);
        unknown.datacenter == write.datacenter && self.later_edits(unknown, reads).next().is_some()
    }

    /// A write of unknown outcome can have overwritten something only if it left a trace itself: what makes room for something else, by that. A delete
    /// takes all members at once: what somebody put in the place of one of them since does not hide that the others are gone.
    fn took_effect(&self, write: &Entry, edit: &Edit) -> bool {
        let stands = |edit| Some(self.standing(write, edit)? != Standing::Unaccounted);
        write.is_ok()
            || write.delete
                && (self.lists_unnamed_deletion() || write.edits.iter().filter_map(stands).any(|stands| stands))
            || stands(edit).unwrap_or_else(|| {
                let mut others = write.edits.iter().filter_map(stands).peekable();
                others.peek().is_none() || others.any(|stands| stands)
            })
    }

    /// Whether a delete is listed, or was once, that nobody was told of: one without an answer was done.
    fn lists_unnamed_deletion(&self) -> bool {
        let listed = self.view.into_iter().flat_map(View::listed_deletions);
        let read = self
            .writes
            .iter()
            .flat_map(|write| write.read.deletions.iter().copied());
        let named = |stamp: Stamp| {
            self.writes
                .iter()
                .any(|write| write.delete && write.stamp() == Some(stamp))
        };
        listed.chain(read).any(|stamp| !named(stamp))
    }

    pub(super) fn shown(&self, path: &str) -> Option<Json> {
        self.view?.body.get(path)
    }

    pub(super) fn shows_element(&self, path: &str, element: &Json) -> bool {
        self.view
            .and_then(|view| view.body.elements(path))
            .is_some_and(|elements| elements.contains(element))
    }
}

/// Whether `other` took the place of a value of `write` by an edit. A container that competes is listed with one value at each of its paths; who decides
/// about it and certainly had the write before him decides about what it hides as well.
pub fn displaces(other: &Entry, edit: &Edit, write: &Entry, path: &str, value: &Json) -> bool {
    let Some(rest) = below(edit.path(), path) else {
        return false;
    };
    let hides = || edit.read().iter().any(|read| read.at(rest).is_some());
    edit.displaces(path, value) || !rest.is_empty() && other.has_seen(write) == Some(true) && hides()
}

/// Whether an edit leaves something at its path.
fn puts(edit: &Edit) -> bool {
    matches!(edit, Edit::Assign { .. } | Edit::Start { .. } | Edit::Add { .. })
}

/// Whether one path lies above the other.
fn is_related(one: &str, other: &str) -> bool {
    below(one, other).is_some() || below(other, one).is_some()
}

/// Whether a listed removal is the one at `path` with this stamp, or any if the stamp is unknown.
fn is_removal((at, listed): (&str, Stamp), path: &str, stamp: Option<Stamp>) -> bool {
    at == path && stamp.is_none_or(|stamp| stamp == listed)
}

fn assigns(edit: &Edit, at: &str, expected: &Json) -> bool {
    matches!(edit, Edit::Assign { path, value, .. } if path == at && value == expected)
}

fn adds(edit: &Edit, at: &str, expected: &Json) -> bool {
    matches!(edit, Edit::Add { path, element } if path == at && element == expected)
}

fn discards(edit: &Edit, at: &str, expected: &Json) -> bool {
    matches!(edit, Edit::Discard { path, element } if path == at && element == expected)
}
