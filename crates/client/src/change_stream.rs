//! A stream of changes.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::{Revision, Sequence};
use tonic::Streaming;

use crate::call::{self, Safety};
use crate::call_options::ReadState;
use crate::error::CallError;
use crate::malformed::{self, Malformed};
use crate::told::Told;
use crate::watch::WatchToken;

/// The newest change of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its sequence number at the node.
    pub sequence: Sequence,
    /// The document's id.
    pub id: String,
    /// The shown revision.
    pub revision: Revision,
    /// Whether the document is deleted.
    pub deleted: bool,
    /// How many open conflicts it has.
    pub conflicts: u32,
    /// The body as JSON text, if bodies were asked for and the document is not deleted.
    pub body: Option<Bytes>,
    /// Where to go on after this change.
    pub token: WatchToken,
}

/// What a watch brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// A document changed.
    Change(Change),
    /// Nothing that passes the filter changed for a while, or the watch has caught up: where to go on.
    Heartbeat(WatchToken),
}

/// Changes of one database, oldest first.
#[derive(Debug)]
pub struct ChangeStream {
    stream: Streaming<proto::WatchChangesResponse>,
    address: String,
    told: Told,
    token: Option<WatchToken>,
    from_start: bool,
}

impl ChangeStream {
    pub(crate) fn new(
        stream: Streaming<proto::WatchChangesResponse>,
        address: &str,
        told: Told,
        token: Option<WatchToken>,
    ) -> Self {
        Self {
            stream,
            address: address.to_owned(),
            told,
            token,
            from_start: false,
        }
    }

    /// The next change; `None` at the end of a stream that does not follow. Waits as long as nothing changes; a lost
    /// connection is noticed by the keepalive.
    ///
    /// # Errors
    /// `Unreachable` if the connection was lost: open another stream, here or at another datacenter's node, after
    /// [`Self::token`]. `Refused` with `DATABASE_NOT_FOUND` once the database was deleted and nothing of it survived.
    pub async fn next(&mut self) -> Result<Option<Change>, CallError> {
        loop {
            match self.next_event().await? {
                Some(WatchEvent::Change(change)) => return Ok(Some(change)),
                Some(WatchEvent::Heartbeat(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// As [`Self::next`], and the heartbeats too, for those who keep the token.
    ///
    /// # Errors
    /// As for [`Self::next`].
    pub async fn next_event(&mut self) -> Result<Option<WatchEvent>, CallError> {
        let answer = self.stream.message().await;
        let answer = answer.map_err(|status| call::from_status(&self.address, Safety::Repeatable, &status))?;
        let Some(mut answer) = answer else { return Ok(None) };
        self.told.take_in(answer.state.take());
        self.from_start |= answer.from_start;
        let event =
            WatchEvent::from_proto(answer).map_err(|malformed| CallError::malformed(&self.address, &malformed))?;
        self.token = Some(event.token().clone());
        Ok(Some(event))
    }

    /// How what this stream has brought so far stands to its session.
    pub fn state(&self) -> &ReadState {
        self.told.state()
    }

    /// Whether the node cannot tell what the token that the watch began after covers, and brings everything from the first change
    /// again. Only at another node than the one that gave the token out, and with one from the middle of a first pass. Known before
    /// the first event is.
    pub fn is_from_start(&self) -> bool {
        self.from_start
    }

    /// Where to go on after everything that this stream has brought; `None` if it began at the start and has brought
    /// nothing yet.
    pub fn token(&self) -> Option<&WatchToken> {
        self.token.as_ref()
    }
}

impl WatchEvent {
    fn from_proto(answer: proto::WatchChangesResponse) -> Result<Self, Malformed> {
        if answer.resume_token.is_empty() {
            return Err(Malformed::Missing("resume_token"));
        }
        let token = WatchToken::from_bytes(answer.resume_token);
        if answer.heartbeat {
            return Ok(Self::Heartbeat(token));
        }
        Ok(Self::Change(Change {
            sequence: Sequence(answer.sequence),
            revision: malformed::revision(&answer.revision)?,
            id: answer.id,
            deleted: answer.deleted,
            conflicts: answer.conflicts,
            body: answer.body,
            token,
        }))
    }

    /// Where to go on after it.
    pub fn token(&self) -> &WatchToken {
        match self {
            Self::Change(change) => &change.token,
            Self::Heartbeat(token) => token,
        }
    }
}
