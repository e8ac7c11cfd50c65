//! One step of a path.

use std::sync::Arc;

use crate::{Dot, RequestName, Revision};

/// One step of a path: a member, or what a rule makes. The order (members bytewise, then what rules make) is the order of every walk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    /// A member of an object.
    Member(Arc<str>),
    /// What the creation of a counter in this revision started with: equal creations on both sides share it and count once.
    Creation(Revision),
    /// The increments that one replica made to a counter, named by the last of them.
    Increments(Dot),
    /// An element of a set, by its canonical text.
    Element(Arc<str>),
    /// The increment of a counter that this request asked for: where it was sent to several datacenters they share it, and it counts once.
    Request(RequestName),
}

/// The kinds of container that the steps below a path can make up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// An object.
    Object,
    /// A set.
    Set,
    /// A counter.
    Counter,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Object, Self::Set, Self::Counter];
}

impl Segment {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Member(_) => Kind::Object,
            Self::Creation(_) | Self::Increments(_) | Self::Request(_) => Kind::Counter,
            Self::Element(_) => Kind::Set,
        }
    }

    pub(crate) fn is_element(&self) -> bool {
        matches!(self, Self::Element(_))
    }

    pub(crate) fn as_member(&self) -> Option<&Arc<str>> {
        if let Self::Member(name) = self {
            Some(name)
        } else {
            None
        }
    }
}
