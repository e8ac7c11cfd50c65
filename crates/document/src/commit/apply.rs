//! Applies a difference to the tree of fields.
//!
//! Only what the client had seen is overwritten; what it had not seen stays beside its change. Every odd line here was paid for by a lost write: the
//! rules are those of the executable definition of the merge.

use crate::fields::{Kind, Leaf, Node, Segment, Siblings, push_segment};
use crate::rules::RuleNode;
use crate::{Dot, OnConflict, Refused, RequestName, Revision, RevisionHash, Rule, Value, VersionVector, Write};

use super::difference::Difference;
use super::flatten::Put;
use super::meets::Change;

/// One write under way.
pub(super) struct Apply<'a> {
    dot: Dot,
    seen: &'a VersionVector,
    /// The request that the write answers.
    request: Option<RequestName>,
    on_conflict: OnConflict,
    pointer: String,
    /// Where the write meets an unseen change.
    pub(super) met: Vec<String>,
}

/// What is known of the paths above.
#[derive(Clone, Copy, Default)]
struct Above {
    /// Somebody whom the client had not seen put something other than an object there.
    unseen_rival: bool,
    /// Among them a removal.
    unseen_removal: bool,
    /// The new body has something other than an object there.
    replaced: bool,
    /// The new body has nothing there or below.
    absent: bool,
}

impl<'a> Apply<'a> {
    pub(super) const fn new(write: &Write<'a>) -> Self {
        Self {
            dot: write.dot,
            seen: &write.base.context,
            request: write.request,
            on_conflict: write.on_conflict,
            pointer: String::new(),
            met: Vec::new(),
        }
    }

    /// Applies the difference of whole bodies.
    pub(super) fn root(
        &mut self,
        fields: &mut Node,
        difference: &Difference<'_>,
        rules: &RuleNode,
    ) -> Result<(), Refused> {
        self.members(fields, difference, rules, Above::default())?;
        fields.retain(&|_, _| true);
        Ok(())
    }

    fn members(
        &mut self,
        node: &mut Node,
        difference: &Difference<'_>,
        rules: &RuleNode,
        above: Above,
    ) -> Result<(), Refused> {
        for (segment, child) in difference.members() {
            let Segment::Member(name) = segment else { continue };
            let length = self.pointer.len();
            push_segment(&mut self.pointer, name);
            self.path(
                node.children.entry(segment.clone()).or_default(),
                child,
                rules.member(name),
                above,
            )?;
            self.pointer.truncate(length);
        }
        Ok(())
    }

    fn path(
        &mut self,
        node: &mut Node,
        difference: &Difference<'_>,
        rules: &RuleNode,
        above: Above,
    ) -> Result<(), Refused> {
        self.check(node, difference, rules, above)?;
        let below = self.above_children(node, difference, above);
        self.remove(node, difference, above);
        if difference.reaches_below {
            self.clear_for_below(node, difference);
        }
        self.members(node, difference, rules, below)?;
        for segment in difference.removed_elements() {
            if let Some(element) = node.children.get_mut(segment) {
                self.drop_seen(element);
            }
        }
        self.add(node, difference, rules)
    }

    /// Notes where the changes here meet unseen ones.
    fn check(
        &mut self,
        node: &Node,
        difference: &Difference<'_>,
        rules: &RuleNode,
        above: Above,
    ) -> Result<(), Refused> {
        if let Some(new) = difference.put()
            && is_no_counter(new, rules.rule())
        {
            return Err(Refused::CounterNotInteger {
                path: self.pointer.clone(),
            });
        }
        let unseen = |dot| self.is_unseen(dot);
        match self.on_conflict {
            OnConflict::Refuse => {}
            OnConflict::Keep => {
                let removed = |dot, leaf: &Leaf| unseen(dot) && *leaf == Leaf::Removed;
                // A change further down does not touch what else was removed here.
                let below = if difference.put().is_some() || difference.added_elements().next().is_some() {
                    node.any(&removed)
                } else {
                    node.siblings.iter().any(|(dot, leaf)| removed(dot, leaf))
                };
                if difference.after.is_some() && (above.unseen_removal || below) {
                    self.met.push(self.pointer.clone());
                }
                return Ok(());
            }
            #[cfg(test)]
            OnConflict::KeepAll => return Ok(()),
        }
        let meets = |change: Change<'_>| above.unseen_rival || change.meets(node, rules, &unseen);
        let met = difference.removes_here() && meets(Change::Remove)
            || difference.put().is_some_and(|new| meets(Change::Put(new)))
            || difference.added_elements().next().is_some() && meets(Change::Extend);
        if met {
            self.met.push(self.pointer.clone());
        }
        Ok(())
    }

    fn above_children(&self, node: &Node, difference: &Difference<'_>, above: Above) -> Above {
        let rival = |(dot, leaf): (Dot, &Leaf)| self.is_unseen(dot) && *leaf != Leaf::EmptyObject;
        let removal = |(dot, leaf): (Dot, &Leaf)| self.is_unseen(dot) && *leaf == Leaf::Removed;
        let put = difference.after.and_then(|flat| flat.put.as_ref());
        Above {
            unseen_rival: above.unseen_rival || node.siblings.iter().any(rival),
            unseen_removal: above.unseen_removal || node.siblings.iter().any(removal),
            replaced: above.replaced || put.is_some_and(|put| *put != Put::Leaf(Leaf::EmptyObject)),
            absent: difference.after.is_none(),
        }
    }

    /// Removes the leaf here, and what goes with it.
    fn remove(&self, node: &mut Node, difference: &Difference<'_>, above: Above) {
        let absent = difference.after.is_none();
        let emptied = difference.had() == Some(&Put::Leaf(Leaf::EmptyObject));
        if difference.removes_here() && emptied && !absent {
            // An object that is filled again keeps the marks of what was removed from it, or a write from before would bring that back unnoticed.
            node.siblings.retain(|dot, _| self.stays(dot));
            self.clear_children(node, true);
        } else if difference.removes_here() || absent && !above.absent {
            // What held it is gone too, with all that was seen in its place.
            self.drop_seen(node);
        }
        if difference.removes_here() && absent && !above.replaced {
            node.siblings.insert(self.dot, Leaf::Removed);
        }
    }

    /// Something below changes, so what is here must hold it: an edit inside never settles a conflict of what holds it, but it takes back a removal
    /// that its author had seen. Where nothing was shown here, what hides below goes too.
    fn clear_for_below(&self, node: &mut Node, difference: &Difference<'_>) {
        if node.siblings.is_empty() {
            return;
        }
        if difference.before.is_some() {
            node.siblings.retain(|dot, leaf| self.stays(dot) || leaf.is_live());
        } else {
            node.siblings.retain(|dot, _| self.stays(dot));
            node.retain(&|dot, leaf| self.stays(dot) || !leaf.is_live());
        }
    }

    /// Puts what is new here.
    fn add(&self, node: &mut Node, difference: &Difference<'_>, rules: &RuleNode) -> Result<(), Refused> {
        if rules.rule() == Rule::Set {
            self.begin_set(node, difference);
        }
        let new = difference.put();
        let mut elements = difference.added_elements().peekable();
        if new.is_none() && elements.peek().is_none() {
            return Ok(());
        }
        let counts_on = matches!((difference.had(), new), (Some(Put::Total(_)), Some(Put::Total(_))));
        if counts_on {
            self.begin_counting(node);
        }
        if new.is_some() && !counts_on || elements.peek().is_some() && difference.before.is_none() {
            node.siblings.retain(|dot, _| self.stays(dot));
            self.clear_children(node, matches!(new, Some(Put::Leaf(Leaf::EmptyObject))));
        } else {
            node.siblings.retain(|dot, leaf| self.stays(dot) || leaf.is_live());
        }
        match new {
            Some(Put::Total(total)) => self.count(node, difference.had(), *total)?,
            Some(Put::Leaf(leaf)) => self.put(node, leaf, rules),
            None => {}
        }
        for (segment, element) in elements {
            if let Put::Leaf(leaf) = element {
                node.children
                    .entry(segment.clone())
                    .or_default()
                    .siblings
                    .insert(self.dot, leaf.clone());
            }
        }
        Ok(())
    }

    /// Overwrites what was seen below. An object that is emptied keeps the marks of what was removed from it.
    fn clear_children(&self, node: &mut Node, keep_marks: bool) {
        node.retain_children(|_, child| {
            if !keep_marks || child.siblings.values().any(Leaf::is_live) {
                child.siblings.retain(|dot, _| self.stays(dot));
            }
            self.clear_children(child, keep_marks);
            true
        });
    }

    fn put(&self, node: &mut Node, leaf: &Leaf, rules: &RuleNode) {
        let scalar = Change::Put(&Put::Leaf(leaf.clone())).kind(rules).is_none();
        if rules.rule() == Rule::Latest && scalar {
            node.siblings.retain(|_, other| other.marks().is_some());
        }
        node.siblings.insert(self.dot, leaf.clone());
    }

    /// What stands here became a counter by a change of the rules: the number that the client had read is what it starts with. It is named by the
    /// write that put it there, so that datacenters which begin to count apart start from it once. A count that had been seen beside it gives way to
    /// it, as anything else would that had been read at the path and was not gone on from.
    fn begin_counting(&self, node: &mut Node) {
        let number = |leaf: &Leaf| match leaf {
            Leaf::Scalar(Value::Number(number)) => number.as_i128_integer(),
            _ => None,
        };
        let seen = |(dot, leaf): (Dot, &Leaf)| (!self.stays(dot)).then(|| Some((dot, number(leaf)?))).flatten();
        let Some((written, start)) = node.siblings.iter().rev().find_map(seen) else {
            return;
        };
        // The newer of the two is what was shown.
        if self.newest_seen(node, Kind::Counter) > Some(written) {
            return;
        }
        node.siblings
            .retain(|dot, leaf| self.stays(dot) || !matches!(leaf, Leaf::Scalar(_)));
        self.drop_seen_of(node, Kind::Counter);
        let entry = Node {
            siblings: Siblings::of(self.dot, Leaf::Amount(start)),
            ..Node::new()
        };
        node.children
            .entry(Segment::Creation(revision_of(written)))
            .or_insert(entry);
    }

    /// What stands here became a set by a change of the rules: all that the new array holds is put there, not only what is new in it. A set that had been
    /// seen beside the array gives way to it.
    fn begin_set(&self, node: &mut Node, difference: &Difference<'_>) {
        let is_array = |leaf: &Leaf| matches!(leaf, Leaf::Scalar(Value::Array(_)));
        let seen = |(dot, leaf): (Dot, &Leaf)| (!self.stays(dot) && is_array(leaf)).then_some(dot);
        let Some(after) = difference
            .after
            .filter(|after| after.put == Some(Put::Leaf(Leaf::EmptyArray)))
        else {
            return;
        };
        let Some(written) = node.siblings.iter().rev().find_map(seen) else {
            return;
        };
        if self.newest_seen(node, Kind::Set) > Some(written) {
            return;
        }
        let gives_way = |leaf: &Leaf| is_array(leaf) || *leaf == Leaf::EmptyArray;
        node.siblings.retain(|dot, leaf| self.stays(dot) || !gives_way(leaf));
        self.drop_seen_of(node, Kind::Set);
        node.siblings.insert(self.dot, Leaf::EmptyArray);
        for (segment, element) in &after.children {
            if let Some(Put::Leaf(leaf)) = &element.put {
                let element = node.children.entry(segment.clone()).or_default();
                element.siblings.insert(self.dot, leaf.clone());
            }
        }
    }

    /// The newest write that the client had seen in a container of this kind.
    fn newest_seen(&self, node: &Node, kind: Kind) -> Option<Dot> {
        let marks = node.siblings.iter().filter(|(_, leaf)| leaf.marks() == Some(kind));
        let inside = node.children_of(kind).flat_map(|(_, entry)| entry.siblings.iter());
        let dots = marks.chain(inside).map(|(dot, _)| dot);
        dots.filter(|dot| !self.stays(*dot)).max()
    }

    /// Drops what the client had seen in a container of this kind.
    fn drop_seen_of(&self, node: &mut Node, kind: Kind) {
        node.retain_children(|segment, child| {
            if segment.kind() == kind {
                child.siblings.retain(|dot, _| self.stays(dot));
            }
            true
        });
    }

    /// Counts on from what the client had read, or begins.
    fn count(&self, node: &mut Node, old: Option<&Put>, total: i128) -> Result<(), Refused> {
        let overflow = || Refused::CounterNotInteger {
            path: self.pointer.clone(),
        };
        let (segment, amount) = match old {
            Some(Put::Total(old)) => (
                self.request.map_or(Segment::Increments(self.dot), Segment::Request),
                total.checked_sub(*old).ok_or_else(overflow)?,
            ),
            // Keyed by the write's revision once that is known.
            _ => (Segment::Creation(Revision::none()), total),
        };
        // A request that is remembered no more is done anew, beside what it did before.
        let former = node.children.get(&segment).and_then(|entry| entry.newest());
        let former = former.and_then(|(_, leaf)| leaf.amount()).unwrap_or_default();
        let entry = Node {
            siblings: Siblings::of(self.dot, Leaf::Amount(amount.checked_add(former).ok_or_else(overflow)?)),
            ..Node::new()
        };
        node.children.insert(segment, entry);
        Ok(())
    }

    fn drop_seen(&self, node: &mut Node) {
        node.retain(&|dot, _| self.stays(dot));
    }

    /// This write's own, or never seen by the client.
    fn stays(&self, dot: Dot) -> bool {
        dot == self.dot || self.is_unseen(dot)
    }

    fn is_unseen(&self, dot: Dot) -> bool {
        dot != self.dot && !self.seen.covers(dot)
    }
}

/// A revision that names a write: no write has it, since a hash of MD5 is no time and replica.
fn revision_of(dot: Dot) -> Revision {
    let mut hash = [0; 16];
    hash[..8].copy_from_slice(&dot.time.0.to_be_bytes());
    hash[8..].copy_from_slice(dot.replica.as_bytes());
    Revision {
        generation: 1,
        hash: RevisionHash::Md5(hash),
    }
}

/// A number that the rule `counter` cannot count with.
fn is_no_counter(new: &Put, rule: Rule) -> bool {
    match new {
        Put::Total(total) => i64::try_from(*total).is_err(),
        Put::Leaf(leaf) => rule == Rule::Counter && matches!(leaf, Leaf::Scalar(Value::Number(_))),
    }
}
