//! Batches: several writes that happen together, or each for itself.

use bytes::Bytes;
use rejoin_api::proto::{self, batch_operation::Operation, batch_result::Outcome};

use crate::client::Client;
use crate::conditions::Conditions;
use crate::conflict_report::ConflictReport;
use crate::error::{CallError, Refusal};
use crate::malformed::Malformed;
use crate::refused::unless_refused;
use crate::verbs::Patch;
use crate::version::{Replaced, Version};

/// Writes of one database, done one after another: several of one document see each other. At most 1000.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    operations: Vec<proto::BatchOperation>,
    request_id: Option<String>,
    returns_previous: bool,
}

/// What became of one write of an independent batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchOutcome {
    /// The document's id.
    pub id: String,
    /// What happened to it.
    pub result: BatchResult,
    /// Whether the bodies of what was there, or the whole report of a conflict, are left out, because the answer would be larger than 32 MiB with them.
    pub is_shortened: bool,
}

/// What happened to one write of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchResult {
    /// It is stored.
    Stored(Replaced),
    /// A compare-and-swap or compare-and-delete did not match: this is what the document shows, unchanged.
    Unmatched(Version),
    /// It was refused. Nothing of it was done.
    Refused(Box<Refusal>),
}

impl Batch {
    /// A batch without writes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the batch, 1 to 128 bytes: sent again under the same name, each write is done once.
    #[must_use]
    pub fn request_id(mut self, name: &str) -> Self {
        self.request_id = Some(name.to_owned());
        self
    }

    /// Asks for what was there before each write ([`Replaced::previous`]); otherwise only compared ones tell.
    #[must_use]
    pub fn returning_previous(mut self) -> Self {
        self.returns_previous = true;
        self
    }

    /// Stores a document that must not exist.
    #[must_use]
    pub fn create(self, id: &str, body: Bytes) -> Self {
        self.with(Operation::Create(proto::CreateDocumentRequest {
            id: id.to_owned(),
            body,
            ..proto::CreateDocumentRequest::default()
        }))
    }

    /// Replaces a whole body.
    #[must_use]
    pub fn update(self, id: &str, body: Bytes, conditions: &Conditions) -> Self {
        self.with(Operation::Update(proto::UpdateDocumentRequest {
            id: id.to_owned(),
            body,
            base_revision: conditions.base.clone(),
            checksum: conditions.checksum.map(|checksum| checksum.0),
            on_conflict: proto::OnConflict::from(conditions.on_conflict).into(),
            ..proto::UpdateDocumentRequest::default()
        }))
    }

    /// Changes a part of a body; with `create` an absent document begins empty.
    #[must_use]
    pub fn patch(self, id: &str, patch: Patch, conditions: &Conditions, create: bool) -> Self {
        self.with(Operation::Patch(proto::PatchDocumentRequest {
            id: id.to_owned(),
            patch: Some(patch.into()),
            base_revision: conditions.base.clone(),
            checksum: conditions.checksum.map(|checksum| checksum.0),
            on_conflict: proto::OnConflict::from(conditions.on_conflict).into(),
            create,
            ..proto::PatchDocumentRequest::default()
        }))
    }

    /// Replaces a body if it is the expected one.
    #[must_use]
    pub fn compare_and_swap(self, id: &str, expected: Bytes, body: Bytes) -> Self {
        self.with(Operation::CompareAndSwap(proto::CompareAndSwapRequest {
            id: id.to_owned(),
            expected_body: expected,
            body,
            ..proto::CompareAndSwapRequest::default()
        }))
    }

    /// Deletes a document.
    #[must_use]
    pub fn delete(self, id: &str, conditions: &Conditions) -> Self {
        self.with(Operation::Delete(proto::DeleteDocumentRequest {
            id: id.to_owned(),
            base_revision: conditions.base.clone(),
            checksum: conditions.checksum.map(|checksum| checksum.0),
            ..proto::DeleteDocumentRequest::default()
        }))
    }

    /// Deletes a document if its body is the expected one.
    #[must_use]
    pub fn compare_and_delete(self, id: &str, expected: Bytes) -> Self {
        self.with(Operation::CompareAndDelete(proto::CompareAndDeleteRequest {
            id: id.to_owned(),
            expected_body: expected,
            ..proto::CompareAndDeleteRequest::default()
        }))
    }

    fn with(mut self, operation: Operation) -> Self {
        self.operations.push(proto::BatchOperation {
            operation: Some(operation),
        });
        self
    }

    fn into_request(self, database: &str, independent: bool, options: proto::WriteOptions) -> proto::WriteBatchRequest {
        let returns_previous = self.returns_previous;
        let mut operations = self.operations;
        for operation in &mut operations {
            match &mut operation.operation {
                Some(Operation::Update(update)) => update.return_previous = returns_previous,
                Some(Operation::Patch(patch)) => patch.return_previous = returns_previous,
                Some(Operation::Delete(delete)) => delete.return_previous = returns_previous,
                _ => {}
            }
        }
        proto::WriteBatchRequest {
            database: database.to_owned(),
            operations,
            independent,
            options: Some(options),
        }
    }
}

impl Client {
    /// Does all writes of a batch or none, in one step: whoever sees one of them sees all.
    ///
    /// # Errors
    /// `Refused` with `BATCH_REFUSED`, the number of the write (from 0) as `operation` and its own reason as `reason` in the
    /// metadata; with `INVALID_BATCH`; `Unknown` if no answer arrived.
    pub async fn write_batch(&self, database: &str, batch: Batch) -> Result<Vec<Replaced>, CallError> {
        let (call, options) = self.named(batch.request_id.as_deref()).writes(database);
        let request = batch.into_request(database, false, options);
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.write_batch(request).await.and_then(unless_refused) }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let (durable, token, results) = take(answer);
            let stored = results.map(|result| match result.outcome {
                Some(Outcome::Result(written)) => durable.replaced(written, result.previous),
                _ => Err(Malformed::Missing("result of a batch")),
            });
            Ok((stored.collect::<Result<_, _>>()?, token))
        })
        .await
    }

    /// Does each write of a batch for itself.
    ///
    /// # Errors
    /// As for [`Self::write_batch`], but a write that is refused is an outcome and does not touch the others. `Unknown` also if an attempt was lost and
    /// another one, under the same request id, did not do all: the lost one may have.
    pub async fn write_each(&self, database: &str, batch: Batch) -> Result<Vec<BatchOutcome>, CallError> {
        let (call, options) = self.named(batch.request_id.as_deref()).writes(database);
        let request = batch.into_request(database, true, options);
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.write_batch(request).await.and_then(unless_refused) }
        };
        let read = |answer| {
            let (durable, token, results) = take(answer);
            let outcomes = results.map(|result| BatchOutcome::from_proto(result, &durable));
            Ok((outcomes.collect::<Result<Vec<_>, _>>()?, token))
        };
        let done = |outcomes: &Vec<BatchOutcome>| {
            let stored = |outcome: &BatchOutcome| matches!(outcome.result, BatchResult::Stored(_));
            outcomes.iter().all(stored)
        };
        self.settle_in_session(call, request, attempt, read, done).await
    }
}

/// Where all writes of a batch are durable.
struct Durable {
    durable_in: Vec<String>,
    pending_in: Vec<String>,
}

fn take(answer: proto::WriteBatchResponse) -> (Durable, Bytes, impl Iterator<Item = proto::BatchResult>) {
    let durable = Durable {
        durable_in: answer.durable_in,
        pending_in: answer.pending_in,
    };
    (durable, answer.session_token, answer.results.into_iter())
}

impl Durable {
    fn replaced(&self, written: proto::WriteResult, previous: Option<proto::Version>) -> Result<Replaced, Malformed> {
        let written = proto::WriteResult {
            durable_in: self.durable_in.clone(),
            pending_in: self.pending_in.clone(),
            ..written
        };
        Replaced::from_proto(Some(written), previous)
    }
}

impl BatchOutcome {
    fn from_proto(result: proto::BatchResult, durable: &Durable) -> Result<Self, Malformed> {
        let outcome = result.outcome.ok_or(Malformed::Missing("outcome"))?;
        let outcome = match outcome {
            Outcome::Result(written) => BatchResult::Stored(durable.replaced(written, result.previous)?),
            Outcome::Unmatched(version) => BatchResult::Unmatched(Version::from_proto(version)?),
            Outcome::Error(error) => BatchResult::Refused(Box::new(Refusal {
                reason: error.reason,
                message: error.message,
                metadata: error.metadata.into_iter().collect(),
                conflict: error.conflict.map(ConflictReport::from_proto).transpose()?,
            })),
        };
        Ok(Self {
            id: result.id,
            result: outcome,
            is_shortened: result.shortened,
        })
    }
}
