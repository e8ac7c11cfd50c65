//! The JSON that `--json` prints. Bodies and values are spliced in as the node sent them.

use bytes::Bytes;
use rejoin_client::{self as client, CandidateKind};
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::value::RawValue;

use super::time;

/// JSON text that is passed through. What is no JSON, which no node sends, becomes a string.
pub(super) struct Raw(Box<RawValue>);

impl Raw {
    pub(super) fn new(text: &Bytes) -> Self {
        let raw = serde_json::from_slice::<Box<RawValue>>(text).ok();
        let raw = raw.or_else(|| serde_json::value::to_raw_value(&String::from_utf8_lossy(text)).ok());
        Self(raw.unwrap_or_else(|| RawValue::NULL.to_owned()))
    }

    fn optional(text: Option<&Bytes>) -> Option<Self> {
        text.map(Self::new)
    }
}

impl Serialize for Raw {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// One line of JSON.
pub(super) fn text(value: &impl Serialize) -> String {
    // Serialising these types can only fail for maps whose keys are not strings, and they have none.
    serde_json::to_string(value).unwrap_or_else(|error| format!("{{\"error\":\"IO\",\"message\":\"{error}\"}}"))
}

/// A document as `get --json` prints it.
#[derive(Serialize)]
pub(super) struct Document {
    id: String,
    revision: String,
    deleted: bool,
    checksum: String,
    body: Option<Raw>,
    conflicts: Vec<Conflict>,
    #[serde(flatten)]
    state: State,
}

/// How an answer stands to its session; without members where there is nothing to say.
#[derive(Serialize)]
pub(super) struct State {
    /// It may be older than what the session has seen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stale: bool,
    /// Datacenters of which the node has a part of what they have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    catching_up_from: Vec<String>,
}

/// An open conflict.
#[derive(Serialize)]
pub(super) struct Conflict {
    path: String,
    candidates: Vec<Candidate>,
}

/// One candidate: `value`, `removed` or `deleted`, and where it comes from.
pub(super) struct Candidate(client::Candidate);

/// One candidate, and the write that it comes from, by which it can be chosen.
#[derive(Serialize)]
pub(super) struct NamedCandidate {
    #[serde(flatten)]
    candidate: Candidate,
    dot: String,
}

/// What a write did.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    id: &'a str,
    revision: String,
    /// What the write made, if the document shows another branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_revision: Option<String>,
    merged: bool,
    /// The request id was known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    repeated: bool,
    /// Open ones of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflicts: Option<u32>,
    /// Where it is durable; only if an acknowledgement was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    durable_in: Option<&'a [String]>,
    /// Where it is not known to be durable yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_in: Option<&'a [String]>,
    /// `Some(None)` prints null: it did not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Option<Version>>,
}

/// What was there before a write.
#[derive(Serialize)]
struct Version {
    revision: String,
    checksum: String,
    body: Raw,
}

/// What a compare-and-swap met instead of what it expects.
#[derive(Serialize)]
pub(super) struct Unmatched {
    matched: bool,
    revision: String,
    checksum: String,
    body: Raw,
}

/// What a refused write met, on standard output: the three documents, and the values of each member that both changed.
#[derive(Serialize)]
pub(super) struct ConflictReport<'a> {
    message: &'a str,
    conflicts: Vec<PathConflict>,
    yours: Option<Raw>,
    ours: Option<Raw>,
    base: Option<Raw>,
    revision: String,
}

/// One path of it. A value that is not there is left out.
#[derive(Serialize)]
struct PathConflict {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_value: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    our_value: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    your_value: Option<Raw>,
}

impl Document {
    pub(super) fn new(document: client::Document) -> Self {
        Self {
            body: (!document.deleted).then(|| Raw::new(&document.body)),
            id: document.id,
            revision: document.revision.to_string(),
            deleted: document.deleted,
            checksum: document.checksum.to_string(),
            conflicts: document.conflicts.into_iter().map(Conflict::new).collect(),
            state: State::new(document.state),
        }
    }
}

impl State {
    pub(super) fn new(state: client::ReadState) -> Self {
        Self {
            stale: state.stale,
            catching_up_from: state.catching_up_from,
        }
    }
}

impl Conflict {
    pub(super) fn new(conflict: client::Conflict) -> Self {
        Self {
            path: conflict.path,
            candidates: candidates(conflict.candidates),
        }
    }
}

/// Candidates in their order.
pub(super) fn candidates(candidates: Vec<client::Candidate>) -> Vec<Candidate> {
    candidates.into_iter().map(Candidate).collect()
}

/// Candidates in their order, each with its write.
pub(super) fn named_candidates(candidates: Vec<client::Candidate>) -> Vec<NamedCandidate> {
    let named = candidates.into_iter().map(|candidate| NamedCandidate {
        dot: candidate.dot.to_string(),
        candidate: Candidate(candidate),
    });
    named.collect()
}

impl Serialize for Candidate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        match &self.0.kind {
            CandidateKind::Value(text) => map.serialize_entry("value", &Raw::new(text))?,
            CandidateKind::LeftOut => map.serialize_entry("left_out", &true)?,
            CandidateKind::Removed => map.serialize_entry("removed", &true)?,
            CandidateKind::Deleted(deleted) => map.serialize_entry("deleted", deleted)?,
        }
        map.serialize_entry("datacenter", &self.0.datacenter)?;
        map.serialize_entry("time", &time::rfc3339(time::of_dot(self.0.dot.time)))?;
        map.serialize_entry("revision", &self.0.revision.to_string())?;
        map.end()
    }
}

impl<'a> Written<'a> {
    pub(super) fn new(id: &'a str, replaced: &'a client::Replaced, with_previous: bool, acknowledged: bool) -> Self {
        let previous = || replaced.previous.as_ref().map(Version::new);
        let written = &replaced.written;
        Self {
            id,
            revision: written.revision.to_string(),
            made_revision: made_revision(written),
            merged: written.merged,
            repeated: written.repeated,
            conflicts: Some(written.conflicts).filter(|open| *open > 0),
            durable_in: acknowledged.then_some(&written.durable_in[..]),
            pending_in: acknowledged.then_some(&written.pending_in[..]),
            previous: with_previous.then(previous),
        }
    }
}

/// What a write made, where the document shows another branch.
pub(super) fn made_revision(written: &client::Written) -> Option<String> {
    (written.made != written.revision).then(|| written.made.to_string())
}

impl Version {
    fn new(version: &client::Version) -> Self {
        Self {
            revision: version.revision.to_string(),
            checksum: version.checksum.to_string(),
            body: Raw::new(&version.body),
        }
    }
}

impl Unmatched {
    pub(super) fn new(version: &client::Version) -> Self {
        Self {
            matched: false,
            revision: version.revision.to_string(),
            checksum: version.checksum.to_string(),
            body: Raw::new(&version.body),
        }
    }
}

impl<'a> ConflictReport<'a> {
    pub(super) fn new(message: &'a str, report: &client::ConflictReport) -> Self {
        Self {
            message,
            conflicts: report.conflicts.iter().map(PathConflict::new).collect(),
            yours: Raw::optional(report.yours.as_ref()),
            ours: Raw::optional(report.ours.as_ref()),
            base: Raw::optional(report.base.as_ref()),
            revision: report.revision.to_string(),
        }
    }
}

impl PathConflict {
    fn new(conflict: &client::PathConflict) -> Self {
        Self {
            key: conflict.path.clone(),
            base_value: Raw::optional(conflict.base_value.as_ref()),
            our_value: Raw::optional(conflict.our_value.as_ref()),
            your_value: Raw::optional(conflict.your_value.as_ref()),
        }
    }
}

/// What stood at a path with more than one candidate.
#[derive(Serialize)]
pub(super) struct SetAside {
    path: String,
    candidates: Vec<NamedCandidate>,
}

impl SetAside {
    pub(super) fn new(conflict: client::Conflict) -> Self {
        Self {
            path: conflict.path,
            candidates: named_candidates(conflict.candidates),
        }
    }
}

#[cfg(test)]
mod tests {
    use rejoin_document::{Checksum, Dot, HlcTime, ReplicaId};

    use super::*;

    #[test]
    fn a_document_keeps_number_texts_and_member_order_and_has_the_fixed_shape() {
        let revision: rejoin_document::Revision = "3-5d0319b075a21b095719bc561def7122".parse().unwrap();
        let dot = Dot {
            time: HlcTime((1_700_000_000 << 32) | (1 << 31)),
            replica: ReplicaId([1; 8]),
        };
        let candidate = |kind, datacenter: Option<&str>| client::Candidate {
            kind,
            datacenter: datacenter.map(str::to_owned),
            dot,
            revision: revision.clone(),
        };
        let document = client::Document {
            id: "baard".to_owned(),
            revision: revision.clone(),
            deleted: false,
            checksum: Checksum(u64::MAX),
            body: Bytes::from_static(br#"{"z":1.50,"a":123456789012345678901234567890}"#),
            conflicts: vec![client::Conflict {
                shown_left_out: false,
                path: "/z".to_owned(),
                candidates: vec![
                    candidate(CandidateKind::Removed, None),
                    candidate(CandidateKind::Value(Bytes::from_static(b"1.50")), Some("dc-east")),
                    candidate(CandidateKind::Deleted(false), Some("dc-west")),
                ],
            }],
            state: client::ReadState::default(),
        };
        let from = r#""time":"2023-11-14T22:13:20.5Z","revision":"3-5d0319b075a21b095719bc561def7122"}"#;
        let expected = [
            r#"{"id":"baard","revision":"3-5d0319b075a21b095719bc561def7122","deleted":false,"#,
            r#""checksum":"18446744073709551615","body":{"z":1.50,"a":123456789012345678901234567890},"#,
            r#""conflicts":[{"path":"/z","candidates":[{"removed":true,"datacenter":null,"#,
            from,
            r#",{"value":1.50,"datacenter":"dc-east","#,
            from,
            r#",{"deleted":false,"datacenter":"dc-west","#,
            from,
            "]}]}",
        ];
        assert_eq!(text(&Document::new(document)), expected.concat());
    }
}
