//! What a client changed: the paths where the body that it sends differs from the body that it had read.

use crate::fields::Segment;

use super::flatten::{Flat, Put};

/// The changed part of two flat bodies, at one path and below.
pub(super) struct Difference<'a> {
    /// What stood at the path and below.
    pub(super) before: Option<&'a Flat>,
    /// What shall stand there.
    pub(super) after: Option<&'a Flat>,
    /// The children with changes, ascending.
    pub(super) children: Vec<(&'a Segment, Difference<'a>)>,
    /// Does anything strictly below change what its parents are? (The removal of a set's element does not: whoever adds wins.)
    pub(super) reaches_below: bool,
    /// Is a member's leaf removed strictly below?
    pub(super) removes_members: bool,
}

impl<'a> Difference<'a> {
    /// The difference of two bodies; `None` if there is none.
    pub(super) fn of(before: Option<&'a Flat>, after: Option<&'a Flat>) -> Option<Self> {
        let mut found = Self {
            before,
            after,
            children: Vec::new(),
            reaches_below: false,
            removes_members: false,
        };
        for (segment, child) in before.into_iter().flat_map(|flat| &flat.children) {
            found.compare(segment, Some(child), after.and_then(|flat| flat.children.get(segment)));
        }
        for (segment, child) in after.into_iter().flat_map(|flat| &flat.children) {
            if before.is_none_or(|flat| !flat.children.contains_key(segment)) {
                found.compare(segment, None, Some(child));
            }
        }
        (found.is_changed_here() || !found.children.is_empty()).then_some(found)
    }

    /// What stood at the path itself.
    pub(super) fn had(&self) -> Option<&'a Put> {
        self.before.and_then(|flat| flat.put.as_ref())
    }

    /// What shall stand at the path itself, if that is a change.
    pub(super) fn put(&self) -> Option<&'a Put> {
        if self.is_changed_here() {
            self.after.and_then(|flat| flat.put.as_ref())
        } else {
            None
        }
    }

    /// The leaf at the path itself goes.
    pub(super) fn removes_here(&self) -> bool {
        self.had().is_some() && self.after.is_none_or(|flat| flat.put.is_none())
    }

    /// Elements that are added to the set here.
    pub(super) fn added_elements(&self) -> impl Iterator<Item = (&'a Segment, &'a Put)> {
        let elements = self
            .children
            .iter()
            .filter(|(segment, child)| segment.is_element() && child.after.is_some());
        elements.filter_map(|(segment, child)| Some((*segment, child.after?.put.as_ref()?)))
    }

    /// Elements that are taken out of the set here.
    pub(super) fn removed_elements(&self) -> impl Iterator<Item = &'a Segment> {
        let elements = self
            .children
            .iter()
            .filter(|(segment, child)| segment.is_element() && child.after.is_none());
        elements.map(|(segment, _)| *segment)
    }

    /// The changed members.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'a Segment, &Self)> {
        self.children
            .iter()
            .filter(|(segment, _)| !segment.is_element())
            .map(|(segment, child)| (*segment, child))
    }

    fn is_changed_here(&self) -> bool {
        self.had() != self.after.and_then(|flat| flat.put.as_ref())
    }

    fn compare(&mut self, segment: &'a Segment, before: Option<&'a Flat>, after: Option<&'a Flat>) {
        if segment.is_element() && before.is_some() && after.is_some() {
            return; // An element that stays keeps its place.
        }
        let Some(child) = Self::of(before, after) else { return };
        // A set's elements stand for a change of the set itself, so they do not reach below the path that holds them.
        let changes_itself =
            !segment.is_element() && (child.is_changed_here() || child.added_elements().next().is_some());
        self.reaches_below |= changes_itself || child.reaches_below;
        self.removes_members |= !segment.is_element() && (child.removes_here() || child.removes_members);
        let removes_elements = child.removed_elements().next().is_some();
        self.removes_members |= removes_elements;
        self.children.push((segment, child));
    }
}
