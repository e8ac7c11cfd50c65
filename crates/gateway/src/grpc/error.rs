//! The only place that turns errors into gRPC statuses.
//!
//! Every status carries `google.rpc.ErrorInfo { reason, domain: "rejoin", metadata }`; that of a write refused for a
//! conflict carries a `rejoin.v1.ConflictReport` beside it.

mod access;
mod backup;
mod code;
mod membership;
mod report;
mod session;
mod sources;
mod trust;

use prost::{Message, Name};
use rejoin_api::{ERROR_DOMAIN, Reason, proto};
use rejoin_document::{NameError, RevisionError};
use rejoin_wire::WireError;
use tonic::{Code, Status};
use tonic_types::pb;

use self::code::code;
use super::surrogate::LoneSurrogate;

pub(super) use report::shortened as shortened_report;
pub(super) use session::Gap;
pub(crate) use trust::untrusted;

/// Why a call fails, before it becomes a status.
#[derive(Debug)]
pub struct Failure {
    reason: Reason,
    message: String,
    metadata: Vec<(&'static str, String)>,
    report: Option<Box<proto::ConflictReport>>,
}

impl Failure {
    fn new(reason: Reason, error: &dyn std::error::Error) -> Self {
        Self {
            reason,
            message: with_sources(error),
            metadata: Vec::new(),
            report: None,
        }
    }

    fn text(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            metadata: Vec::new(),
            report: None,
        }
    }

    pub(super) fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.metadata.push((key, value.to_string()));
        self
    }

    /// The reason for programs.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The failure of one write of several.
    pub fn into_write_error(self) -> proto::WriteError {
        let metadata = self.metadata.into_iter().map(|(key, value)| (key.to_owned(), value));
        proto::WriteError {
            reason: self.reason.to_string(),
            message: self.message,
            conflict: self.report.map(|report| *report),
            metadata: metadata.collect(),
        }
    }

    /// Whether it carries both sides of a conflict.
    pub fn has_report(&self) -> bool {
        self.report.is_some()
    }

    /// A document that is absent or deleted.
    pub fn document_not_found(database: &rejoin_document::DatabaseName, id: &rejoin_document::DocumentId) -> Self {
        Self::text(
            Reason::DocumentNotFound,
            format!("the document {id} does not exist in {database}; `rejoin list {database}` lists those that do"),
        )
        .with("database", database)
        .with("id", id)
    }

    /// A revision of a document that is not kept.
    pub fn revision_not_found(id: &rejoin_document::DocumentId, revision: &rejoin_document::Revision) -> Self {
        let message = format!(
            "revision {revision} of the document {id} is not kept here; `rejoin history` lists those that are, and other \
             datacenters may keep others"
        );
        Self::text(Reason::RevisionNotFound, message)
            .with("id", id)
            .with("revision", revision)
    }

    /// A database's name that breaks its rule.
    pub fn database_name(text: &str, error: NameError) -> Self {
        let reason = if text.starts_with('_') {
            Reason::ReservedName
        } else {
            Reason::InvalidName
        };
        Self::new(reason, &error).with("database", shortened(text))
    }

    /// A datacenter's name that breaks its rule.
    pub fn datacenter_name(text: &str, error: NameError) -> Self {
        Self::new(Reason::InvalidName, &error).with("datacenter", shortened(text))
    }

    /// A document's id that breaks its rule.
    pub fn document_id(text: &str, error: NameError) -> Self {
        let reason = match error {
            NameError::DocumentIdReserved => Reason::ReservedName,
            _ => Reason::InvalidId,
        };
        Self::new(reason, &error).with("id", shortened(text))
    }

    /// A text that is no revision.
    pub fn revision(text: &str, error: RevisionError) -> Self {
        Self::new(Reason::InvalidRevision, &error).with("revision", shortened(text))
    }

    /// An export whose client took nothing for too long.
    pub fn export_stalled(after: std::time::Duration) -> Self {
        let message = format!(
            "the export was not read for {after:?}, and it holds what is overwritten meanwhile on the disk; begin it \
             again, and store what comes as it comes"
        );
        Self::text(Reason::Overloaded, message)
    }

    /// A datacenter that is not among the peers.
    pub fn peer_unknown(datacenter: &rejoin_document::DatacenterName) -> Self {
        let message = format!("{datacenter} is not a peer of this node; `rejoin status` lists the peers");
        Self::text(Reason::PeerUnknown, message).with("datacenter", datacenter)
    }

    /// A granularity that this version does not know.
    pub fn granularity(number: i32) -> Self {
        Self::text(
            Reason::InvalidGranularity,
            format!("{number} is not a granularity of this version"),
        )
    }

    /// A database that does not exist here.
    pub fn database_not_found(database: &rejoin_document::DatabaseName) -> Self {
        let database = database.base();
        Self::text(
            Reason::DatabaseNotFound,
            format!("the database {database} does not exist; check the name, or create it first"),
        )
        .with("database", database)
    }

    /// A policy of checksums that this version does not know.
    pub fn checksum_policy(number: i32) -> Self {
        Self::text(
            Reason::InvalidMessage,
            format!("{number} is not a checksum policy of this version"),
        )
        .with("field", "checksums")
    }

    /// A rule that is to be set and removed at once.
    pub fn rule_set_and_removed(path: &str) -> Self {
        let message = format!("{path} cannot be given a rule and lose it at once; leave one of the two out");
        Self::text(Reason::InvalidRule, message).with("path", shortened(path))
    }

    /// Rules in a database where they would do nothing.
    pub fn rules_of_whole_documents(database: &rejoin_document::DatabaseName) -> Self {
        let message = "rules merge the members of documents, and a database of the granularity `document` keeps \
                       documents whole; leave them out, or create it with the granularity `field`";
        Self::text(Reason::InvalidRule, message).with("database", database)
    }

    /// A body with an escape that stands for half of a character.
    pub fn lone_surrogate(lone: &LoneSurrogate) -> Self {
        Self::text(
            Reason::InvalidJson,
            format!(
                "the body is not valid JSON: {} is one half of a character (line {}, column {}); write both halves of \
                 the pair, or the character itself",
                lone.escape, lone.line, lone.column
            ),
        )
    }

    /// A value that a resolution puts at a path and that is no JSON.
    pub fn value_not_json(path: &str) -> Self {
        let shown = shortened(path);
        let message = format!("the value for `{shown}` is not valid JSON; a text is written in quotes, as \"text\"");
        Self::text(Reason::InvalidJson, message).with("path", shown)
    }

    /// A failure after which nobody knows which of several writes were done.
    pub fn of_some_writes(self) -> Self {
        let message = format!("some of these writes may be done and others not: {}", self.message);
        Self { message, ..self }
    }

    /// The same, where a request has several parts of one kind.
    pub fn in_part(self, part: &str) -> Self {
        let message = match self.message.strip_prefix("the body ") {
            Some(rest) => format!("{part} {rest}"),
            None => format!("{part}: {}", self.message),
        };
        Self { message, ..self }
    }

    /// An incarnation of a database of which nothing is left.
    pub fn incarnation_gone(name: &str) -> Self {
        let message = format!("nothing is left of {name}; `rejoin database list` lists what there is");
        Self::text(Reason::DatabaseNotFound, message).with("database", name)
    }

    /// A request without a part that it must have.
    pub fn missing(field: &'static str) -> Self {
        Self::text(Reason::InvalidMessage, format!("the field {field} is missing")).with("field", field)
    }

    /// A batch that is not well formed.
    pub fn batch(message: &str) -> Self {
        Self::text(Reason::InvalidBatch, message)
    }

    /// The failure of an atomic batch because of the write at a place, counted from 0.
    pub fn of_batch(self, place: usize) -> Self {
        let message = format!(
            "write number {} of the batch is refused, so none was done: {}",
            place.saturating_add(1),
            self.message
        );
        let failure = Self::text(Reason::BatchRefused, message)
            .with("operation", place)
            .with("reason", self.reason);
        Self {
            report: self.report,
            metadata: failure.metadata.into_iter().chain(self.metadata).collect(),
            ..failure
        }
    }

    /// A resolution that is not well formed.
    pub fn resolution(message: &str) -> Self {
        Self::text(Reason::InvalidResolution, message)
    }

    /// A filter that makes no sense.
    pub fn filter(message: &str) -> Self {
        Self::text(Reason::InvalidFilter, message)
    }

    /// A request id that is empty or over the bound.
    pub fn request_id(bytes: usize, bytes_max: usize) -> Self {
        let message = format!(
            "a request id has 1 to {bytes_max} bytes, this one {bytes}; send a UUID, or none if the write needs no name"
        );
        Self::text(Reason::InvalidRequestId, message)
    }

    /// A stored record that cannot be read.
    pub fn corrupt(what: &str) -> Self {
        Self::text(Reason::Storage, format!("a stored {what} cannot be read"))
    }

    /// A second compaction.
    pub fn compaction_running() -> Self {
        Self::text(
            Reason::CompactionRunning,
            "a compaction is running at this node; wait until it has ended, it drops whatever can be dropped until then",
        )
    }

    /// The node is stopping.
    pub fn shutting_down() -> Self {
        Self::text(
            Reason::ShuttingDown,
            "the node is shutting down; try another node, or again later",
        )
    }

    /// The node serves as many streams of this kind as it may.
    pub fn too_many(what: &str) -> Self {
        Self::text(
            Reason::Overloaded,
            format!("this node serves as many {what} as it may; try again later"),
        )
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let code = code(failure.reason);
        let message = in_header(failure.message);
        let info = pb::ErrorInfo {
            reason: failure.reason.as_str().to_owned(),
            domain: ERROR_DOMAIN.to_owned(),
            metadata: failure
                .metadata
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        };
        let mut details = vec![any("type.googleapis.com/google.rpc.ErrorInfo".to_owned(), &info)];
        if let Some(report) = failure.report {
            details.push(any(proto::ConflictReport::type_url(), &report::shortened(*report)));
        }
        let status = pb::Status {
            code: code.into(),
            message: message.clone(),
            details,
        };
        Self::with_details(code, message, status.encode_to_vec().into())
    }
}

/// Adds what is missing to a status that tonic made before a service saw the call; `None` if it can stay as it is.
pub(super) fn complete(status: &Status) -> Option<Status> {
    if !status.details().is_empty() {
        return None;
    }
    let too_large = (
        Reason::BodyTooLarge,
        "the message is larger than this node takes; send a smaller body",
    );
    let (reason, message) = match status.code() {
        // The decoder's answers to a message over the limit, and to a compressed one.
        Code::OutOfRange | Code::ResourceExhausted => too_large,
        // The decoder's answer to bytes that are not the message.
        Code::Internal => (
            Reason::InvalidMessage,
            "the request cannot be read; check that client and node use the same protos",
        ),
        _ => return None,
    };
    tracing::debug!(
        message = status.message(),
        "a request was refused before a service saw it"
    );
    Some(Failure::text(reason, message).into())
}

/// The status for a message of a peer that is not well formed.
pub(crate) fn malformed(error: &WireError) -> Status {
    Failure::new(Reason::InvalidMessage, error).into()
}

fn any(type_url: String, message: &impl Message) -> prost_types::Any {
    prost_types::Any {
        type_url,
        value: message.encode_to_vec(),
    }
}

/// A message with those of its sources that it does not repeat.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Bytes of a message in a status at most: it travels in a header, twice, and a client may have named something of a megabyte.
const MESSAGE_BYTES_MAX: usize = 1024;

/// The message as it fits into the header of an answer: its beginning and its end, which says what to do.
fn in_header(message: String) -> String {
    if message.len() <= MESSAGE_BYTES_MAX {
        return message;
    }
    let half = MESSAGE_BYTES_MAX / 2;
    let (head, tail) = (
        message.floor_char_boundary(half),
        message.ceil_char_boundary(message.len() - half),
    );
    format!("{} … {}", &message[..head], &message[tail..])
}

/// Characters of a client's text that an answer repeats at most.
const REPEATED_MAX: usize = 128;

fn shortened(text: &str) -> String {
    text.chars().take(REPEATED_MAX).collect()
}

#[cfg(test)]
mod tests {
    use rejoin_store::{EngineError, StoreError};

    use rejoin_store::CommitError;

    use super::*;

    #[test]
    fn what_may_have_been_written_is_never_called_refused() {
        let failed = || StoreError::from(EngineError::new("write", "planted"));
        for unsure in [CommitError::Unanswered, CommitError::Unsure(failed())] {
            assert_eq!(Failure::from(unsure).reason(), Reason::OutcomeUnknown);
        }
        for certain in [CommitError::Stopped, CommitError::Store(failed())] {
            assert_eq!(Failure::from(certain).reason(), Reason::Storage);
        }
    }
    #[test]
    fn the_table_for_users_gives_each_reason_its_status() {
        let table = include_str!("../../../../docs/errors.md");
        for reason in Reason::ALL {
            let start = format!("| `{}` | `", reason.as_str());
            let row = table.lines().find_map(|line| line.strip_prefix(&start));
            let listed = row.and_then(|row| row.split('`').next());
            // ALREADY_EXISTS as in the table, AlreadyExists as in Rust.
            let listed = listed.map(|listed| listed.replace('_', "").to_lowercase());
            let status = format!("{:?}", code(*reason)).to_lowercase();
            assert_eq!(listed, Some(status), "{}", reason.as_str());
        }
    }
    #[test]
    fn a_message_that_repeats_a_long_text_fits_into_a_header() {
        let long = "é".repeat(20_000);
        let failure = Failure::text(
            Reason::PatchMisfit,
            format!("nothing holds `/{long}`; write what holds it first"),
        );
        let status = Status::from(failure);
        assert!(status.message().len() <= MESSAGE_BYTES_MAX + 8);
        assert!(status.details().len() <= MESSAGE_BYTES_MAX + 200);
        assert!(
            status.message().starts_with("nothing holds") && status.message().ends_with("write what holds it first")
        );
    }
}
