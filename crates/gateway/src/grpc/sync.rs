//! `SyncService`: what the nodes of other datacenters pull. Everything happens in [`crate::links`].

use std::sync::Arc;

use rejoin_api::proto::{self, sync_service_server::SyncService};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::error::Failure;
use crate::links::Serving;
use crate::node::NodeContext;

/// Serves the links of other nodes.
pub(super) struct SyncApi {
    context: NodeContext,
}

impl SyncApi {
    /// Over the links of `context`.
    pub(super) fn new(context: NodeContext) -> Self {
        Self { context }
    }
}

#[tonic::async_trait]
impl SyncService for SyncApi {
    type PullStream = ReceiverStream<Result<proto::PullResponse, Status>>;

    async fn pull(&self, call: Request<Streaming<proto::PullRequest>>) -> Result<Response<Self::PullStream>, Status> {
        let permit = Arc::clone(&self.context.sessions)
            .try_acquire_owned()
            .map_err(|_| Failure::too_many("links"))?;
        let (session, responses) = Serving::new(&self.context.links, call.into_inner());
        let stop = self.context.stop.clone();
        self.context.vital.spawn_passing("link from a peer", async move {
            session.run(stop).await;
            drop(permit);
        });
        Ok(Response::new(ReceiverStream::new(responses)))
    }
}
