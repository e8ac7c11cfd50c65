//! A whole database as of one moment.

use std::time::SystemTime;

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::Revision;
use tonic::Streaming;

use crate::call::{self, Safety};
use crate::call_options::ReadState;
use crate::conflict::Conflict;
use crate::document::Document;
use crate::error::CallError;
use crate::malformed::{self, Malformed};
use crate::status::time;
use crate::told::Told;

/// What is exported. By default all documents without their history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// With the superseded revisions that the node keeps; deleted documents of which any are kept come too.
    pub history: bool,
    /// Only ids that begin with this.
    pub prefix: String,
}

/// A document of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The document. If this continues the one before, only its id and revision are set.
    pub document: Document,
    /// Its superseded revisions, newest first, if they were asked for.
    pub history: Vec<SupersededRevision>,
    /// Whether this is more of the history of the document before, which did not fit into one message.
    pub continues: bool,
}

/// A revision that the node showed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupersededRevision {
    /// Which.
    pub revision: Revision,
    /// Whether it deleted the document.
    pub deleted: bool,
    /// The datacenter of its newest write; `None` if its replica is not known at the node.
    pub datacenter: Option<String>,
    /// When its newest write was made.
    pub written: SystemTime,
    /// When the node showed something else.
    pub superseded: SystemTime,
    /// Its body as JSON text; `None` of a deletion.
    pub body: Option<Bytes>,
    /// What stood at each path with more than one candidate: open conflicts, and what a rule or a resolution set aside.
    pub set_aside: Vec<Conflict>,
    /// Candidates that are not among these because they were large: the revision that came after has them still.
    pub set_aside_left_out: u32,
}

/// The documents of an export, in ascending order of the bytes of their ids.
#[derive(Debug)]
pub struct ExportStream {
    stream: Streaming<proto::ExportDocumentsResponse>,
    address: String,
    told: Told,
}

impl ExportStream {
    pub(crate) fn new(stream: Streaming<proto::ExportDocumentsResponse>, address: &str, told: Told) -> Self {
        Self {
            stream,
            address: address.to_owned(),
            told,
        }
    }

    /// The next document; `None` at the end. A node ends an export that nobody reads for ten minutes (by default).
    ///
    /// # Errors
    /// `Unreachable` if the connection was lost, `Refused` with `OVERLOADED` if it was not read for too long: begin
    /// again, a second export is one of another moment.
    pub async fn next(&mut self) -> Result<Option<Exported>, CallError> {
        loop {
            let answer = self.stream.message().await;
            let answer = answer.map_err(|status| call::from_status(&self.address, Safety::Repeatable, &status))?;
            let Some(mut answer) = answer else { return Ok(None) };
            let state = answer.state.take();
            let only_state = state.is_some() && answer.document.is_none();
            self.told.take_in(state);
            // The last answer tells what was seen in all, and no document.
            if !only_state {
                let exported = Exported::from_proto(answer);
                return exported
                    .map(Some)
                    .map_err(|malformed| CallError::malformed(&self.address, &malformed));
            }
        }
    }

    /// How what this stream has brought so far stands to its session.
    pub fn state(&self) -> &ReadState {
        self.told.state()
    }
}

impl Exported {
    fn from_proto(answer: proto::ExportDocumentsResponse) -> Result<Self, Malformed> {
        let history = answer.history.into_iter().map(SupersededRevision::from_proto);
        Ok(Self {
            document: Document::from_proto(answer.document.ok_or(Malformed::Missing("document"))?, None)?,
            history: history.collect::<Result<_, _>>()?,
            continues: answer.continues,
        })
    }
}

impl SupersededRevision {
    fn from_proto(info: proto::RevisionInfo) -> Result<Self, Malformed> {
        let superseded = info.superseded_unix_ms;
        let set_aside = info.set_aside.into_iter().map(Conflict::from_proto);
        Ok(Self {
            revision: malformed::revision(&info.revision)?,
            deleted: info.deleted,
            datacenter: (!info.datacenter.is_empty()).then_some(info.datacenter),
            written: time(info.written_unix_ms)?,
            superseded: time(superseded.ok_or(Malformed::Missing("superseded_unix_ms"))?)?,
            body: info.body,
            set_aside: set_aside.collect::<Result<_, _>>()?,
            set_aside_left_out: info.set_aside_left_out,
        })
    }
}
