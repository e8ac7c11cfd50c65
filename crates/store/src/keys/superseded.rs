//! The record of a superseded revision: its body, what its reader had seen, and what stood beside the shown values.
//!
//! `version u8, deleted u8, context length u32, context, left out u32, paths u32`, then for each path `path length u32, path, candidates u32`
//! and for each candidate `dot time u64, dot replica [8], revision length u32, revision text, kind u8` and for a value that the body does not
//! show at that path `length u32, JSON`; the body as JSON ends it, that of a
//! deletion if it left one behind.

use std::sync::Arc;

use rejoin_document::{
    Base, Candidate, CandidateKind, Dot, HlcTime, Object, OpenConflict, ReplicaId, Revision, Value, VersionVector,
    parse_stored_value, value_at,
};

use super::{CorruptRecord, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 2;

const VALUE: u8 = 0;
const REMOVED: u8 = 1;
const DELETED: u8 = 2;
const EDITED: u8 = 3;
/// A value that the body shows at the path.
const SHOWN: u8 = 4;

/// A superseded revision.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RevisionRecord {
    /// What a reader had seen.
    pub base: Base,
    /// What a deletion left behind; empty of anything else.
    pub left: Arc<Object>,
    /// All candidates of every path with more than one, whatever the rules: open conflicts, and what a rule set aside.
    pub set_aside: Vec<OpenConflict>,
    /// Candidates that are not in `set_aside`, because the state that came after still had them and they were large.
    pub left_out: u32,
}

impl RevisionRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::versioned(VERSION)
            .u8(u8::from(self.base.body.is_none()))
            .block(&self.base.context.encode())
            .u32(self.left_out)
            .u32(length(&self.set_aside));
        for conflict in &self.set_aside {
            writer = writer.block(conflict.path.as_bytes()).u32(length(&conflict.candidates));
            let shown = value_at(self.base.body.as_deref(), &conflict.path);
            for candidate in &conflict.candidates {
                writer = encode_candidate(writer, candidate, shown.as_ref());
            }
        }
        match &self.base.body {
            Some(body) => writer.raw(body.to_json().as_bytes()),
            None if self.left.is_empty() => writer,
            None => writer.raw(self.left.to_json().as_bytes()),
        }
        .finish()
    }

    pub(crate) fn decode(revision: Revision, value: &[u8]) -> Result<Self, CorruptRecord> {
        let mut reader = Reader::value(Family::Revisions, value, VERSION)?;
        let deleted = reader.u8()? != 0;
        let context = VersionVector::decode(reader.block()?).map_err(|error| reader.corrupt(error.to_string()))?;
        let (left_out, paths) = (reader.u32()?, reader.u32()?);
        // What a count claims is believed piece by piece: too large a one ends with the bytes.
        let mut set_aside = Vec::new();
        for _ in 0..paths {
            set_aside.push(decode_conflict(&mut reader)?);
        }
        let (mut body, mut left) = (None, Arc::default());
        if !deleted {
            body = Some(read_body(&mut reader)?);
        } else if !reader.is_at_end() {
            left = read_body(&mut reader)?;
        }
        let mut set_aside: Vec<OpenConflict> = set_aside.into_iter().map(|found| found.open(body.as_deref())).collect();
        set_aside.shrink_to_fit();
        Ok(Self {
            base: Base {
                revision: Some(revision),
                context,
                body,
            },
            left,
            set_aside,
            left_out,
        })
    }
}

/// No bounded state has 2^32 of anything.
fn length<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

fn encode_candidate(writer: Writer, candidate: &Candidate, shown: Option<&Value>) -> Writer {
    let writer = writer
        .u64(candidate.dot.time.0)
        .raw(candidate.dot.replica.as_bytes())
        .block(candidate.revision.to_string().as_bytes());
    match &candidate.kind {
        CandidateKind::Value(value) if Some(value) == shown => writer.u8(SHOWN),
        CandidateKind::Value(value) => writer.u8(VALUE).block(value.to_json().as_bytes()),
        CandidateKind::Removed => writer.u8(REMOVED),
        CandidateKind::Deleted(true) => writer.u8(DELETED),
        CandidateKind::Deleted(false) => writer.u8(EDITED),
    }
}

/// A path whose body is not read yet; `None` stands for the shown value.
struct Stored {
    path: String,
    candidates: Vec<(Dot, Revision, Option<CandidateKind>)>,
}

impl Stored {
    fn open(self, body: Option<&Object>) -> OpenConflict {
        let shown = value_at(body, &self.path);
        let as_shown = || shown.clone().map_or(CandidateKind::Removed, CandidateKind::Value);
        let candidate = |(dot, revision, kind): (Dot, Revision, Option<CandidateKind>)| Candidate {
            dot,
            revision,
            kind: kind.unwrap_or_else(as_shown),
        };
        OpenConflict {
            candidates: self.candidates.into_iter().map(candidate).collect(),
            path: self.path,
            shown,
        }
    }
}

fn decode_conflict(reader: &mut Reader<'_>) -> Result<Stored, CorruptRecord> {
    let path = read_text(reader)?;
    let (count, mut candidates) = (reader.u32()?, Vec::new());
    for _ in 0..count {
        let dot = Dot::new(HlcTime(reader.u64()?), ReplicaId(reader.eight()?));
        let revision = read_text(reader)?
            .parse()
            .map_err(|error| reader.corrupt(format!("it names no revision: {error}")))?;
        let kind = match reader.u8()? {
            VALUE => {
                let value = parse_stored_value(reader.block()?).map_err(|error| reader.corrupt(error.to_string()))?;
                Some(CandidateKind::Value(value))
            }
            REMOVED => Some(CandidateKind::Removed),
            DELETED => Some(CandidateKind::Deleted(true)),
            EDITED => Some(CandidateKind::Deleted(false)),
            SHOWN => None,
            other => return Err(reader.corrupt(format!("{other} is no kind of candidate"))),
        };
        candidates.push((dot, revision, kind));
    }
    Ok(Stored { path, candidates })
}

fn read_text(reader: &mut Reader<'_>) -> Result<String, CorruptRecord> {
    let bytes = reader.block()?;
    let text = std::str::from_utf8(bytes).map_err(|_| reader.corrupt("it holds text that is not UTF-8"))?;
    Ok(text.to_owned())
}

/// What was stored was accepted once, perhaps under wider bounds: none apply here.
fn read_body(reader: &mut Reader<'_>) -> Result<Arc<Object>, CorruptRecord> {
    match parse_stored_value(reader.rest()) {
        Ok(Value::Object(body)) => Ok(Arc::new(body)),
        Ok(_) => Err(reader.corrupt("it holds a body that is no object")),
        Err(error) => Err(reader.corrupt(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rejoin_document::{Limits, parse_body};

    use super::*;
    use crate::keys::samples::vectors;

    fn kinds() -> impl Strategy<Value = CandidateKind> {
        prop_oneof![
            Just(CandidateKind::Removed),
            any::<bool>().prop_map(CandidateKind::Deleted),
            any::<i64>().prop_map(|number| CandidateKind::Value(Value::from(number))),
            Just(CandidateKind::Value(
                parse_stored_value(br#"{"b":[1.50,null]}"#).unwrap()
            )),
            // As the body shows it.
            Just(CandidateKind::Value(parse_stored_value(br#"[{"b":null}]"#).unwrap())),
        ]
    }

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let candidate = (any::<u64>(), any::<[u8; 8]>(), kinds()).prop_map(|(time, replica, kind)| Candidate {
            dot: Dot::new(HlcTime(time), ReplicaId(replica)),
            revision: "2-1c".parse().unwrap(),
            kind,
        });
        prop::collection::vec(candidate, 0..4)
    }

    proptest! {
        #[test]
        fn values_round_trip(context in vectors(), deleted: bool, left: bool, left_out: u32, candidates in prop::collection::vec(candidates(), 0..3)) {
            let revision: Revision = "1-123".parse().unwrap();
            let body = parse_body(br#"{"z":1.0,"a":[{"b":null}]}"#, &Limits::default()).unwrap();
            let base = Base { revision: Some(revision.clone()), context, body: (!deleted).then(|| Arc::new(body)) };
            let set_aside = candidates.into_iter().zip(["/a", "", "/z"]).map(|(candidates, path)| OpenConflict {
                path: path.to_owned(),
                candidates,
                shown: value_at(base.body.as_deref(), path),
            });
            let left = if deleted && left { parse_body(br#"{"reason":"gone"}"#, &Limits::default()).unwrap() } else { Object::new() };
            let record = RevisionRecord { set_aside: set_aside.collect(), left: Arc::new(left), left_out, base };
            prop_assert_eq!(RevisionRecord::decode(revision, &record.encode()), Ok(record));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = RevisionRecord::decode("1-1".parse().unwrap(), &[&[VERSION], bytes.as_slice()].concat());
        }
    }

    #[test]
    fn a_value_that_the_body_shows_is_stored_once() {
        let text = "x".repeat(10_000);
        let body = parse_body(format!(r#"{{"a":"{text}"}}"#).as_bytes(), &Limits::default()).unwrap();
        let shown = value_at(Some(&body), "/a");
        let candidate = Candidate {
            dot: Dot::new(HlcTime(1), ReplicaId([1; 8])),
            revision: "1-1".parse().unwrap(),
            kind: CandidateKind::Value(shown.clone().unwrap()),
        };
        let set_aside = vec![OpenConflict {
            path: "/a".to_owned(),
            candidates: vec![candidate],
            shown,
        }];
        let base = Base {
            revision: None,
            context: VersionVector::new(),
            body: Some(Arc::new(body)),
        };
        assert!(
            RevisionRecord {
                base,
                left: Arc::default(),
                set_aside,
                left_out: 0
            }
            .encode()
            .len()
                < 11_000
        );
    }
}
