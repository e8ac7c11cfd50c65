//! Where the search begins: real encodings, one of each kind. The example `seeds` writes them into the corpus.
//!
//! A search that begins with random bytes never gets past the first checks.

mod messages;
mod states;
mod texts;
mod tokens;

use std::fmt::Debug;
use std::str::FromStr;

use rejoin_document::{HlcTime, Limits, Object, ReplicaId, VersionVector, parse_body};

pub(crate) use states::other_state;
pub(crate) use tokens::RANGE;

/// One input of the corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The target that it is for.
    pub target: &'static str,
    /// The name of its file.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
}

/// Every seed, in the order of the targets.
pub fn all() -> Vec<Seed> {
    [states::seeds(), tokens::seeds(), messages::seeds(), texts::seeds()].concat()
}

fn seed(target: &'static str, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Seed {
    Seed {
        target,
        name: name.into(),
        bytes: bytes.into(),
    }
}

/// A body that is valid.
pub(crate) fn body(text: &str) -> Object {
    parse_body(text.as_bytes(), &Limits::default()).expect("the body is valid")
}

/// A name that is valid.
pub(crate) fn parsed<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("the name is valid")
}

fn replica(number: u8) -> ReplicaId {
    ReplicaId([0, 0, 0, 0, 0, 0, 0, number])
}

/// What somebody knows who has seen the writes of replicas 1, 2, … up to these times.
fn knowledge(times: &[u64]) -> VersionVector {
    let times = (1..).zip(times);
    times.map(|(number, time)| (replica(number), HlcTime(*time))).collect()
}
