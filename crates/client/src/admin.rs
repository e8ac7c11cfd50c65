//! Calls on links and the node itself.

use bytes::Bytes;
use rejoin_api::proto;

use crate::call::Safety;
use crate::client::Client;
use crate::error::CallError;
use crate::heal::Heal;
use crate::page::Page;
use crate::status::NodeStatus;

impl Client {
    /// The node's identity, its links, its databases and its digest.
    ///
    /// # Errors
    /// `Unreachable` if no answer arrived.
    pub async fn status(&self) -> Result<NodeStatus, CallError> {
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.get_status(request).await }
        };
        self.call(
            Safety::Repeatable,
            proto::GetStatusRequest {},
            attempt,
            NodeStatus::from_proto,
        )
        .await
    }

    /// Cuts the links with one datacenter in both directions, also over restarts. `false`: they were cut before.
    ///
    /// # Errors
    /// `Refused` with `PEER_UNKNOWN`; `Unreachable` if no answer arrived: the call can be repeated.
    pub async fn cut_link(&self, datacenter: &str) -> Result<bool, CallError> {
        let request = proto::CutLinkRequest {
            datacenter: datacenter.to_owned(),
        };
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.cut_link(request).await }
        };
        self.call(Safety::Repeatable, request, attempt, |answer| Ok(answer.changed))
            .await
    }

    /// Lets the links with one datacenter connect again. `false`: they were not cut.
    ///
    /// # Errors
    /// `Refused` with `PEER_UNKNOWN`; `Unreachable` if no answer arrived: the call can be repeated.
    pub async fn restore_link(&self, datacenter: &str) -> Result<bool, CallError> {
        let request = proto::RestoreLinkRequest {
            datacenter: datacenter.to_owned(),
        };
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.restore_link(request).await }
        };
        self.call(Safety::Repeatable, request, attempt, |answer| Ok(answer.changed))
            .await
    }

    /// One page of the heal reports, newest first. `size` is 1 to 1,000, or 0 for the node's default; `after` is the
    /// previous page's `next`.
    ///
    /// # Errors
    /// `Refused` with `INVALID_PAGE_TOKEN`; `Unreachable` if no answer arrived.
    pub async fn heals(&self, size: u32, after: Option<String>) -> Result<Page<Heal>, CallError> {
        let request = proto::ListHealsRequest {
            page_size: size,
            page_token: after.unwrap_or_default(),
        };
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.list_heals(request).await }
        };
        self.call(Safety::Repeatable, request, attempt, |answer| {
            let heals = answer
                .heals
                .into_iter()
                .map(Heal::from_proto)
                .collect::<Result<_, _>>()?;
            Ok(Page::new(heals, answer.next_page_token))
        })
        .await
    }

    /// The root digest over all live documents, 32 bytes: equal on equal nodes.
    ///
    /// # Errors
    /// `Unreachable` if no answer arrived.
    pub async fn digest(&self) -> Result<Bytes, CallError> {
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.get_digest(request).await }
        };
        self.call(Safety::Repeatable, proto::GetDigestRequest {}, attempt, |answer| {
            Ok(answer.digest)
        })
        .await
    }
}
