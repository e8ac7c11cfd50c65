//! What became of a write, as one node shows it.

use std::fmt;

/// How a write stands, from the most harmless to the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// The node shows it.
    Visible,
    /// A write whose author had seen it took its place.
    Overwritten,
    /// A rule that the database's owner chose put another value first.
    SetAside,
    /// It stands in the conflict list.
    Conflict,
    /// The log does not tell enough to say what must be there.
    NotJudged,
    /// None of these: the node lost it.
    Unaccounted,
}

impl Standing {
    /// All of them, in ascending order.
    pub const ALL: [Self; 6] = [
        Self::Visible,
        Self::Overwritten,
        Self::SetAside,
        Self::Conflict,
        Self::NotJudged,
        Self::Unaccounted,
    ];
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Visible => "visible",
            Self::Overwritten => "overwritten by a write that had seen it",
            Self::SetAside => "set aside by a rule",
            Self::Conflict => "listed as a conflict",
            Self::NotJudged => "not judged",
            Self::Unaccounted => "unaccounted",
        })
    }
}
