//! What a node has set aside because it cannot apply it.

use std::time::SystemTime;

use rejoin_api::proto;

use crate::call::Safety;
use crate::client::Client;
use crate::error::CallError;
use crate::malformed::Malformed;
use crate::page::Page;
use crate::status::time;

/// A state of a document that could not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedDocument {
    /// The database.
    pub database: String,
    /// The document.
    pub id: String,
    /// Why it cannot be applied.
    pub reason: String,
    /// When it was set aside; `None` if an older version did it.
    pub since: Option<SystemTime>,
    /// The datacenter of the peer that sent it, who may have it from another; `None` if an older version set it aside.
    pub datacenter: Option<String>,
    /// Its size.
    pub bytes: u64,
}

/// What trying again has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retried {
    /// States that are no longer set aside.
    pub released: u64,
    /// States that still cannot be applied.
    pub left: u64,
}

impl Client {
    /// One page of what is set aside in a database, or in all. `size` is 1 to 1,000, or 0 for the node's default; `after` is the previous page's `next`.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND` or `INVALID_PAGE_TOKEN`; `Unreachable` if no answer arrived.
    pub async fn quarantine(
        &self,
        database: Option<&str>,
        size: u32,
        after: Option<String>,
    ) -> Result<Page<QuarantinedDocument>, CallError> {
        let request = proto::ListQuarantineRequest {
            database: database.unwrap_or_default().to_owned(),
            page_size: size,
            page_token: after.unwrap_or_default(),
        };
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.list_quarantine(request).await }
        };
        self.call(Safety::Repeatable, request, attempt, |answer| {
            let documents = answer.documents.into_iter().map(QuarantinedDocument::from_proto);
            Ok(Page::new(documents.collect::<Result<_, _>>()?, answer.next_page_token))
        })
        .await
    }

    /// Tries to apply what is set aside again, in a database or in all. It can be repeated.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND`, or as a write where the node takes none; `Unreachable` if no answer arrived.
    pub async fn retry_quarantine(&self, database: Option<&str>) -> Result<Retried, CallError> {
        let request = proto::RetryQuarantineRequest {
            database: database.unwrap_or_default().to_owned(),
        };
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.retry_quarantine(request).await }
        };
        self.call(Safety::Repeatable, request, attempt, |answer| {
            Ok(Retried {
                released: answer.released,
                left: answer.left,
            })
        })
        .await
    }
}

impl QuarantinedDocument {
    fn from_proto(document: proto::QuarantinedDocument) -> Result<Self, Malformed> {
        Ok(Self {
            database: document.database,
            id: document.id,
            reason: document.reason,
            since: document.since_unix_ms.map(time).transpose()?,
            datacenter: Some(document.datacenter).filter(|name| !name.is_empty()),
            bytes: document.bytes,
        })
    }
}
