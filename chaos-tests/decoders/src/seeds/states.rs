//! States of documents that were written to, in one datacenter and in several.

use std::sync::Arc;

use rejoin_document::{
    Document, Dot, Granularity, HlcTime, OnConflict, RequestName, Resolution, RuleSet, Settle, Write,
};

use super::{Seed, body, replica, seed};
use crate::document_state::rules;

/// 2026-01-01 as NTP64: times as they are, so that what lacks to the context is as short as it is.
const NOW: u64 = 1_767_225_600 << 32;

/// A document on its way.
#[derive(Clone)]
struct Written {
    document: Document,
    rules: RuleSet,
}

impl Written {
    fn new(granularity: Granularity) -> Self {
        Self {
            document: Document::empty(granularity),
            rules: rules(),
        }
    }

    /// A write of somebody who had read all of it.
    fn write(&self, second: u64, of: u8, text: Option<&str>) -> Self {
        self.write_leaving(second, of, (text, None))
    }

    /// The same, with what a delete leaves behind.
    fn write_leaving(&self, second: u64, of: u8, (text, left): (Option<&str>, Option<&str>)) -> Self {
        let base = self.document.base(&self.rules);
        let write = Write {
            dot: dot(second, of),
            base: &base,
            body: text.map(|text| Arc::new(body(text))),
            on_conflict: OnConflict::Keep,
            request: (second % 2 == 1).then(|| RequestName::of("request", second as u32)),
            everywhere: None,
            tombstone: left.map(|left| Arc::new(body(left))),
        };
        let committed = self.document.commit(&write, &self.rules).expect("nothing is unread");
        Self {
            document: committed.document,
            rules: self.rules.clone(),
        }
    }

    fn put(&self, second: u64, of: u8, text: &str) -> Self {
        self.write(second, of, Some(text))
    }

    fn delete(&self, second: u64, of: u8) -> Self {
        self.write(second, of, None)
    }

    fn join(&self, other: &Self) -> Self {
        Self {
            document: self.document.join(&other.document).expect("one granularity"),
            rules: self.rules.clone(),
        }
    }

    fn resolve(&self, second: u64, of: u8, text: Option<&str>) -> Self {
        let resolution = Resolution {
            dot: dot(second, of),
            settle: Settle::Body(text.map(|text| Arc::new(body(text)))),
            request: None,
        };
        let committed = self
            .document
            .resolve(&resolution, &self.rules)
            .expect("all of it was read");
        Self {
            document: committed.document,
            rules: self.rules.clone(),
        }
    }

    fn forget(&self) -> Self {
        let forgotten = self.document.forget(self.document.context());
        Self {
            document: forgotten.unwrap_or_else(|| self.document.clone()),
            rules: self.rules.clone(),
        }
    }
}

/// A state that others are joined with.
pub(crate) fn other_state(granularity: Granularity) -> Document {
    let created = Written::new(granularity).put(2, 8, r#"{"a":7,"o":{"n":1},"tags":["z"],"stock":2}"#);
    created
        .put(4, 8, r#"{"a":8,"o":{"n":2},"tags":["y"],"stock":5}"#)
        .document
}

pub(super) fn seeds() -> Vec<Seed> {
    let kinds = [(Granularity::Field, "fields"), (Granularity::Document, "tree")];
    let states = kinds.into_iter().flat_map(|(granularity, kind)| {
        let states = of(&Written::new(granularity));
        states
            .into_iter()
            .map(move |(name, state)| (format!("{kind}-{name}"), state))
    });
    states
        .map(|(name, state)| seed("document_state", name, state.document.encode()))
        .collect()
}

const CREATED: &str = r#"{"a":1,"o":{"n":4,"x":{}},"tags":["p","q"],"stock":17,"high":3,"list":[1,2]}"#;
const EAST: &str = r#"{"a":2,"o":{"n":5,"x":{}},"tags":["p","r"],"stock":18,"high":5,"list":[1,2]}"#;
const WEST: &str = r#"{"a":3,"o":{"n":6},"tags":["q"],"stock":16,"high":4,"list":[1,2,3]}"#;

fn of(empty: &Written) -> Vec<(&'static str, Written)> {
    let created = empty.put(0, 1, CREATED);
    let (east, west) = (created.put(2, 1, EAST), created.put(3, 2, WEST));
    let both = east.join(&west);
    let third = created.put(4, 3, r#"{"a":1.50,"o":7,"seen":"x","low":1e2}"#);
    let all = both.join(&third);
    let removed = created.put(5, 2, r#"{"o":{"n":4}}"#);
    let deleted = created.delete(6, 2);
    let retried = |of: u8| (0..130).fold(created.clone(), |state, n| state.put(31 + 2 * n, of, r#"{"a":0}"#));
    let deep = format!(r#"{{"d":{}1{}}}"#, r#"{"d":"#.repeat(20), "}".repeat(20));
    vec![
        ("empty", empty.clone()),
        ("created", created.clone()),
        ("created-empty", empty.put(1, 1, "{}")),
        (
            "scalars",
            empty.put(
                1,
                1,
                r#"{"t":true,"f":false,"n":null,"s":"ä\n\u0000","i":-12,"r":1e-7,"e":[]}"#,
            ),
        ),
        ("deep", empty.put(1, 1, &deep)),
        ("edited", east.clone()),
        ("edited-elsewhere", created.put(7, 2, r#"{"a":1,"b":[{"c":1}]}"#)),
        ("conflict", both.clone()),
        ("conflict-of-three", all.clone()),
        ("conflict-written-to", both.put(9, 2, r#"{"a":3,"new":1}"#)),
        ("removed", removed.clone()),
        ("removal-meets-edit", removed.join(&east)),
        ("deleted", deleted.clone()),
        ("deleted-twice", deleted.join(&created.delete(8, 3))),
        ("delete-meets-edit", deleted.join(&east)),
        (
            "deleted-leaving",
            created.write_leaving(6, 2, (None, Some(r#"{"why":"gone"}"#))),
        ),
        (
            "closed-branches",
            both.put(9, 2, r#"{"a":3}"#)
                .join(&all.put(10, 1, r#"{"a":4,"n":1}"#))
                .put(11, 3, r#"{"n":2}"#),
        ),
        ("created-anew", deleted.put(11, 1, r#"{"a":9}"#)),
        (
            "created-twice",
            empty
                .put(1, 1, r#"{"stock":3}"#)
                .join(&empty.put(2, 2, r#"{"stock":3}"#)),
        ),
        ("resolved", all.resolve(12, 3, Some(r#"{"a":4}"#))),
        ("resolved-by-delete", all.resolve(12, 3, None)),
        (
            "decided-anew",
            all.write(13, 3, Some(r#"{"a":5,"tags":["p","s"],"stock":20}"#)),
        ),
        ("forgotten", removed.put(14, 2, "{}").forget()),
        ("forgotten-deleted", deleted.forget()),
        ("requests-of-two", retried(1).join(&retried(2))),
        (
            "long-ago",
            (1..20).fold(created.clone(), |state, second| state.put(20 + second, 1, r#"{"a":0}"#)),
        ),
    ]
}

fn dot(second: u64, of: u8) -> Dot {
    Dot::new(HlcTime(NOW + (second << 32)), replica(of))
}
