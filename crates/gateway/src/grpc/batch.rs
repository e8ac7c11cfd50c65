//! `WriteBatch`: several writes, all or none, or each for itself.

use prost::Message;
use rejoin_api::proto::{self, batch_result::Outcome as Kind};
use rejoin_document::{DatabaseName, VersionVector};
use rejoin_store::{CommitError, Operation, Outcome, WriteBatch, Written};
use tokio::time::Instant;

use super::action;
use super::error::{Failure, shortened_report};
use super::{request, write};
use crate::node::NodeContext;

/// Writes of one batch at most.
const OPERATIONS_MAX: usize = 1000;

/// Bytes of the results in an answer after which documents are left out; half of what a client takes.
const DOCUMENT_BYTES_MAX: usize = 32 << 20;

/// Writes of an independent batch that may be answered with a document and are under way at once.
const DOCUMENTS_TOGETHER: usize = 8;

/// Does the writes of a batch.
///
/// # Errors
///
/// The batch is not well formed, or atomic and refused.
pub(super) async fn write(
    context: &NodeContext,
    batch: proto::WriteBatchRequest,
    deadline: Option<Instant>,
) -> Result<proto::WriteBatchResponse, Failure> {
    let database = request::database(&context.store, &batch.database)?;
    let options = write::Options::new(context, database.clone(), batch.options.as_ref(), deadline)?;
    if batch.operations.is_empty() || batch.operations.len() > OPERATIONS_MAX {
        let found = batch.operations.len();
        let next = if found == 0 { "send at least one" } else { "split it" };
        return Err(Failure::batch(&format!(
            "a batch has 1 to {OPERATIONS_MAX} writes, this one has {found}; {next}"
        )));
    }
    action::request_name(batch.options.as_ref(), 0)?;
    if batch.independent {
        independent(context, &database, &batch, &options).await
    } else {
        atomic(context, database, &batch, &options).await
    }
}

async fn atomic(
    context: &NodeContext,
    database: DatabaseName,
    batch: &proto::WriteBatchRequest,
    options: &write::Options<'_>,
) -> Result<proto::WriteBatchResponse, Failure> {
    let mut writes = Vec::with_capacity(batch.operations.len());
    for (place, operation) in batch.operations.iter().enumerate() {
        let asked = action::of_batch(operation, &context.limits()).map_err(|failure| failure.of_batch(place))?;
        let name = action::request_name(batch.options.as_ref(), place)?;
        writes.push(asked.into_request(database.clone(), name));
    }
    let operation = Operation::WriteBatch(WriteBatch { database, writes });
    let outcome = context.commits.submit(operation).await;
    let outcome = outcome.map_err(|error| seen_by(batch, options, error.into()))?;
    let Outcome::BatchWritten(written) = outcome else {
        // The pipeline answers each operation in kind.
        return Err(CommitError::Stopped.into());
    };
    let mut room = Room(DOCUMENT_BYTES_MAX);
    let done = written.iter().zip(&batch.operations);
    let results = done.map(|(written, operation)| room.take(stored(operation, written)));
    let results = results.collect();
    let mut read = VersionVector::new();
    written.iter().for_each(|written| read.merge(&written.context));
    let (durable, session_token) = options.done(&written.iter().collect::<Vec<_>>(), &read).await;
    Ok(proto::WriteBatchResponse {
        results,
        session_token,
        durable_in: durable.durable_in,
        pending_in: durable.pending_in,
        refused: None,
    })
}

async fn independent(
    context: &NodeContext,
    database: &DatabaseName,
    batch: &proto::WriteBatchRequest,
    options: &write::Options<'_>,
) -> Result<proto::WriteBatchResponse, Failure> {
    let mut results = Vec::with_capacity(batch.operations.len());
    let (mut room, mut stored_writes, mut read) = (Room(DOCUMENT_BYTES_MAX), Vec::new(), VersionVector::new());
    let mut operations = batch.operations.iter().enumerate().peekable();
    while operations.peek().is_some() {
        // The outcomes of one run are in memory together, so those that carry documents are few.
        let (mut run, mut writes, mut documents) = (Vec::new(), Vec::new(), 0);
        while documents < DOCUMENTS_TOGETHER
            && let Some((place, operation)) = operations.next()
        {
            let refused = match action::of_batch(operation, &context.limits()) {
                Ok(asked) => {
                    documents += usize::from(asked.answers_with_a_document());
                    let name = action::request_name(batch.options.as_ref(), place)?;
                    writes.push(Operation::Write(asked.into_request(database.clone(), name)));
                    None
                }
                Err(failure) => Some(failure),
            };
            run.push((operation, refused));
        }
        let mut outcomes = context.commits.submit_all(writes).await.into_iter();
        for (operation, failure) in run {
            let result = match failure {
                Some(failure) => refused(operation, failure),
                None => match outcomes.next() {
                    Some(Ok(Outcome::Written(mut written))) => {
                        read.merge(&written.context);
                        let result = stored(operation, &written);
                        written.previous = None;
                        stored_writes.push(written);
                        result
                    }
                    Some(Ok(Outcome::Unmatched(version))) => {
                        read.merge(&context_of(operation, options));
                        proto::BatchResult {
                            outcome: Some(Kind::Unmatched(write::version(&version))),
                            ..result(operation)
                        }
                    }
                    // It is not refused, and those after it may be anything, too.
                    Some(Err(error)) if error.is_unsure() => return Err(Failure::from(error).of_some_writes()),
                    Some(Err(error)) => {
                        read.merge(&context_of(operation, options));
                        refused(operation, error.into())
                    }
                    Some(Ok(_)) | None => refused(operation, CommitError::Stopped.into()),
                },
            };
            results.push(room.take(result));
        }
    }
    let (durable, session_token) = options.done(&stored_writes.iter().collect::<Vec<_>>(), &read).await;
    Ok(proto::WriteBatchResponse {
        results,
        session_token,
        durable_in: durable.durable_in,
        pending_in: durable.pending_in,
        refused: None,
    })
}

/// The writes that the document of one write has incorporated by now.
fn context_of(operation: &proto::BatchOperation, options: &write::Options<'_>) -> VersionVector {
    let id = action::id_of(operation).parse();
    id.map(|id| options.context_of(&id)).unwrap_or_default()
}

/// A refused batch tells of its documents: the session has seen them.
fn seen_by(batch: &proto::WriteBatchRequest, options: &write::Options<'_>, failure: Failure) -> Failure {
    if !failure.tells_of_document() {
        return failure;
    }
    let mut read = VersionVector::new();
    let contexts = batch.operations.iter().map(|operation| context_of(operation, options));
    contexts.for_each(|context| read.merge(&context));
    failure.with_session_token(&options.token(&read))
}

fn result(operation: &proto::BatchOperation) -> proto::BatchResult {
    proto::BatchResult {
        id: action::id_of(operation),
        ..proto::BatchResult::default()
    }
}

/// What is left of the bytes that documents may have in the answer to a batch: more than it, and the client does not take the answer.
struct Room(usize);

impl Room {
    /// The result, without its documents if they do not fit.
    fn take(&mut self, mut result: proto::BatchResult) -> proto::BatchResult {
        let bytes = result.encoded_len();
        if let Some(left) = self.0.checked_sub(bytes) {
            self.0 = left;
            return result;
        }
        if let Some(previous) = &mut result.previous {
            previous.body.clear();
        }
        match &mut result.outcome {
            Some(Kind::Unmatched(version)) => version.body.clear(),
            Some(Kind::Error(error)) => error.conflict = error.conflict.take().map(shortened_report),
            Some(Kind::Result(_)) | None => {}
        }
        result.shortened = true;
        result
    }
}

fn stored(operation: &proto::BatchOperation, written: &Written) -> proto::BatchResult {
    proto::BatchResult {
        outcome: Some(Kind::Result(write::result(written))),
        previous: written.previous.as_ref().map(write::version),
        ..result(operation)
    }
}

fn refused(operation: &proto::BatchOperation, failure: Failure) -> proto::BatchResult {
    proto::BatchResult {
        outcome: Some(Kind::Error(failure.into_write_error())),
        ..result(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_previous(bytes: usize) -> proto::BatchResult {
        proto::BatchResult {
            id: "a".to_owned(),
            outcome: Some(Kind::Result(proto::WriteResult::default())),
            previous: Some(proto::Version {
                revision: "1-a".to_owned(),
                body: vec![b' '; bytes].into(),
                checksum: 7,
            }),
            shortened: false,
        }
    }

    #[test]
    fn documents_that_do_not_fit_into_the_answer_any_more_are_left_out_and_it_says_so() {
        let mut room = Room(1_000);
        assert_eq!(room.take(with_previous(900)), with_previous(900));
        let left_out = room.take(with_previous(900));
        let previous = left_out.previous.as_ref().unwrap();
        assert!(left_out.shortened && previous.body.is_empty() && previous.revision == "1-a");
        let compared = proto::BatchResult {
            outcome: Some(Kind::Unmatched(with_previous(900).previous.unwrap())),
            ..proto::BatchResult::default()
        };
        let Some(Kind::Unmatched(version)) = room.take(compared).outcome else {
            panic!("not what it was")
        };
        assert!(version.body.is_empty() && version.checksum == 7);
        assert_eq!(
            room.take(with_previous(10)),
            with_previous(10),
            "a short one still fits"
        );
    }
}
