//! Compaction on demand.

use std::time::Duration;

use rejoin_api::proto;

use crate::call::Safety;
use crate::client::Client;
use crate::error::CallError;

/// What a compaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Superseded revisions that were dropped.
    pub revisions: u64,
    /// Documents of which marks of removal, or the fields of a deletion, were dropped.
    pub documents: u64,
    /// Bytes on disk before.
    pub bytes_before: u64,
    /// Bytes on disk after.
    pub bytes_after: u64,
}

impl Client {
    /// Drops what need not be kept of one database, or of all, and gives back its room on disk. Waits for it no longer than `deadline`; it goes on
    /// to its end all the same.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND`, or with `COMPACTION_RUNNING` while another one runs; `Unreachable` if no answer arrived.
    pub async fn compact(&self, database: Option<&str>, deadline: Duration) -> Result<Compacted, CallError> {
        let request = proto::CompactRequest {
            database: database.unwrap_or_default().to_owned(),
        };
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.compact(request).await }
        };
        let patient = self.patient(deadline);
        patient
            .call(Safety::Repeatable, request, attempt, |answer| {
                Ok(Compacted {
                    revisions: answer.revisions_dropped,
                    documents: answer.documents_trimmed,
                    bytes_before: answer.bytes_before,
                    bytes_after: answer.bytes_after,
                })
            })
            .await
    }
}
