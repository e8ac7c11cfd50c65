//! The list of decoders.

use crate::{
    document_state, json_body, knowledge, merge_rules, names, page_token, patch, session_token, watch_token,
    wire_message,
};

/// What a decoder made of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It read a value, or several.
    Decoded,
    /// It refused the input.
    Refused,
}

/// A decoder and what must hold for it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its fuzz target and of its folder of the corpus.
    pub name: &'static str,
    /// Reads an input and checks every property of what came out.
    ///
    /// Panics if one is broken: that is how both test runners learn of it.
    pub check: fn(&[u8]) -> Outcome,
}

/// Every decoder.
pub const TARGETS: &[Target] = &[
    Target {
        name: "document_state",
        check: document_state::check,
    },
    Target {
        name: "knowledge",
        check: knowledge::check,
    },
    Target {
        name: "session_token",
        check: session_token::check,
    },
    Target {
        name: "watch_token",
        check: watch_token::check,
    },
    Target {
        name: "page_token",
        check: page_token::check,
    },
    Target {
        name: "wire_message",
        check: wire_message::check,
    },
    Target {
        name: "json_body",
        check: json_body::check,
    },
    Target {
        name: "patch",
        check: patch::check,
    },
    Target {
        name: "merge_rules",
        check: merge_rules::check,
    },
    Target {
        name: "names",
        check: names::check,
    },
];

impl Target {
    /// The decoder of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }
}

impl Outcome {
    /// [`Self::Decoded`] if there is something.
    pub(crate) fn of<T>(decoded: Option<T>) -> Self {
        if decoded.is_some() {
            Self::Decoded
        } else {
            Self::Refused
        }
    }

    /// [`Self::Decoded`] if either is.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::Decoded { self } else { other }
    }
}
