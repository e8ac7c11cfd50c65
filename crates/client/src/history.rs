//! What a document showed before.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::{Dot, Revision};

use crate::call_options::ReadState;
use crate::client::Client;
use crate::conflict::Conflict;
use crate::documents::read_token;
use crate::error::CallError;
use crate::malformed::{self, Malformed};
use crate::page::Page;
use crate::written::{self, Written};

/// A revision of a document that a node has shown and still keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRevision {
    /// Its id.
    pub revision: Revision,
    /// Whether the document was deleted.
    pub deleted: bool,
    /// The datacenter of its newest write; `None` while its replica is not known at the node.
    pub datacenter: Option<String>,
    /// When that was written, in milliseconds since 1970.
    pub written_unix_ms: i64,
    /// When the node showed something else, in milliseconds since 1970; `None` of the current one.
    pub superseded_unix_ms: Option<i64>,
    /// The body as JSON text; `None` of a deletion, or if bodies were not asked for.
    pub body: Option<Bytes>,
    /// All candidates of every path that had more than one, if bodies were asked for: open conflicts, and what a rule had set aside.
    pub set_aside: Vec<Conflict>,
    /// Large candidates that are not listed: the revision that came after has them still.
    pub set_aside_left_out: u32,
}

/// In what two revisions differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differences {
    /// The paths in which they differ, ascending.
    pub paths: Vec<PathDifference>,
    /// The revision that was compared with.
    pub to: Revision,
    /// How the answer stands to its session.
    pub state: ReadState,
}

/// One path in which two revisions differ. A value is `None` where nothing stands at the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathDifference {
    /// JSON pointer (RFC 6901); "" is the whole document, where one side is deleted.
    pub path: String,
    /// JSON text of the one side.
    pub from: Option<Bytes>,
    /// JSON text of the other.
    pub to: Option<Bytes>,
}

/// What of a revision is brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoredPart {
    /// The whole body.
    Whole,
    /// What one path (JSON pointer) showed.
    Shown(String),
    /// What this write had put at the path, beside what was shown there.
    SetAside(String, Dot),
}

impl Client {
    /// One page of the revisions of a document that the node keeps, newest first, the current one among them; with `bodies`, and what stood beside
    /// them. `size` is 1 to 1,000, or 0 for the node's default; `after` is the previous page's `next`.
    ///
    /// # Errors
    /// `Refused` with `DOCUMENT_NOT_FOUND` if the document was never there, or with `INVALID_PAGE_TOKEN`; `Unreachable` if no answer arrived.
    pub async fn history(
        &self,
        database: &str,
        id: &str,
        bodies: bool,
        size: u32,
        after: Option<String>,
    ) -> Result<Page<HistoryRevision>, CallError> {
        let (call, options) = self.reads(database);
        let request = proto::ListRevisionsRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            include_bodies: bodies,
            page_size: size,
            page_token: after.unwrap_or_default(),
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.list_revisions(request).await }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let token = read_token(answer.state.as_ref());
            let revisions = answer.revisions.into_iter().map(HistoryRevision::from_proto);
            let page = Page::new(revisions.collect::<Result<_, _>>()?, answer.next_page_token);
            Ok((page.with_state(answer.state), token))
        })
        .await
    }

    /// The members in which two revisions differ: a kept one and, by default, the current one.
    ///
    /// # Errors
    /// `Refused` with `DOCUMENT_NOT_FOUND`, with `REVISION_NOT_FOUND` if one of them is not kept, or with `INVALID_REVISION`; `Unreachable` if no
    /// answer arrived.
    pub async fn diff(&self, database: &str, id: &str, from: &str, to: Option<&str>) -> Result<Differences, CallError> {
        let (call, options) = self.reads(database);
        let request = proto::DiffRevisionsRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            from_revision: from.to_owned(),
            to_revision: to.unwrap_or_default().to_owned(),
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.diff_revisions(request).await }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let token = read_token(answer.state.as_ref());
            let paths = answer.differences.into_iter().map(|found| PathDifference {
                path: found.path,
                from: found.from_value,
                to: found.to_value,
            });
            let differences = Differences {
                paths: paths.collect(),
                to: malformed::revision(&answer.to_revision)?,
                state: answer.state.map(ReadState::from).unwrap_or_default(),
            };
            Ok((differences, token))
        })
        .await
    }

    /// Writes again what a kept revision showed, or what stood beside it. The write is based on what is current: nobody's open conflict elsewhere
    /// in the document is settled by it.
    ///
    /// # Errors
    /// `Refused` with `DOCUMENT_NOT_FOUND`, with `REVISION_NOT_FOUND` if it is not kept, with `INVALID_RESOLUTION` if what is asked for was not
    /// there, or cannot stand in the document as it is now; `Unknown` if no answer arrived.
    pub async fn restore(
        &self,
        database: &str,
        id: &str,
        revision: &str,
        part: RestoredPart,
    ) -> Result<Written, CallError> {
        let (path, set_aside) = match part {
            RestoredPart::Whole => (None, None),
            RestoredPart::Shown(path) => (Some(path), None),
            RestoredPart::SetAside(path, dot) => (Some(path), Some(dot.into())),
        };
        let (call, options) = self.writes(database);
        let request = proto::RestoreRevisionRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            revision: revision.to_owned(),
            path,
            set_aside,
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.restore_revision(request).await }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let token = written::token(answer.result.as_ref());
            Ok((Written::from_proto(answer.result)?, token))
        })
        .await
    }
}

impl HistoryRevision {
    pub(crate) fn from_proto(info: proto::RevisionInfo) -> Result<Self, Malformed> {
        let set_aside = info.set_aside.into_iter().map(Conflict::from_proto);
        Ok(Self {
            revision: malformed::revision(&info.revision)?,
            deleted: info.deleted,
            datacenter: (!info.datacenter.is_empty()).then_some(info.datacenter),
            written_unix_ms: info.written_unix_ms,
            superseded_unix_ms: info.superseded_unix_ms,
            body: info.body,
            set_aside: set_aside.collect::<Result<_, _>>()?,
            set_aside_left_out: info.set_aside_left_out,
        })
    }
}
