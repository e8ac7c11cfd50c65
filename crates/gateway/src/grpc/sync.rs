//! `SyncService`: what the nodes of other datacenters pull. Everything happens in [`crate::links`].

use std::sync::Arc;

use rejoin_api::proto::{self, sync_service_server::SyncService};
use rejoin_tls::{Cause, Problem};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::error::Failure;
use crate::links::Serving;
use crate::node::NodeContext;
use crate::tls::{Caller, Secured, Standing};

/// Serves the links of other nodes.
pub(super) struct SyncApi {
    context: NodeContext,
}

impl SyncApi {
    /// Over the links of `context`.
    pub(super) fn new(context: NodeContext) -> Self {
        Self { context }
    }

    /// What the caller has proved; nothing where this node has no certificates. It must be one of the peers: which of them it says that it is comes
    /// with its greeting.
    fn admit(&self, caller: &Caller) -> Result<Option<Secured>, Problem> {
        let Some(tls) = &self.context.tls else {
            // Where clients have to say who they are, nobody gets everything for calling himself a peer.
            return match self.context.access.asks() && !self.context.settings.now().grpc.insecure {
                true => Err(Problem {
                    who: caller.place(),
                    cause: Cause::NoCertificate,
                }),
                false => Ok(None),
            };
        };
        let Standing::Certified(certificate) = &caller.standing else {
            let who = caller.place();
            return Err(Problem {
                who,
                cause: Cause::NoCertificate,
            });
        };
        let who = certificate.who(&caller.place());
        let peers = self.context.links.hub.boards();
        if !peers
            .iter()
            .any(|board| certificate.is_for(board.peer().datacenter.as_str()))
        {
            let names = certificate.names().to_vec();
            return Err(Problem {
                who,
                cause: Cause::NoPeer { names },
            });
        }
        Ok(Some(Secured::caller(tls.identity(), certificate.clone(), &who)))
    }
}

#[tonic::async_trait]
impl SyncService for SyncApi {
    type PullStream = ReceiverStream<Result<proto::PullResponse, Status>>;

    async fn pull(&self, call: Request<Streaming<proto::PullRequest>>) -> Result<Response<Self::PullStream>, Status> {
        let caller = call.extensions().get::<Caller>().cloned().unwrap_or_default();
        let secured = self.admit(&caller).map_err(|problem| {
            self.context.links.notices.refused(&caller.place(), &problem);
            Failure::untrusted(&problem)
        })?;
        let permit = Arc::clone(&self.context.sessions)
            .try_acquire_owned()
            .map_err(|_| Failure::too_many("links"))?;
        let (session, responses) = Serving::new(&self.context.links, call.into_inner(), secured);
        let stop = self.context.stop.clone();
        self.context.vital.spawn_passing("link from a peer", async move {
            session.run(stop).await;
            drop(permit);
        });
        Ok(Response::new(ReceiverStream::new(responses)))
    }
}
