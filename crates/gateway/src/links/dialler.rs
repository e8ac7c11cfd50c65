//! One outgoing connection: how it is made, and what comes over it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use rejoin_api::Reason;
use rejoin_api::proto::sync_service_client::SyncServiceClient;
use rejoin_api::proto::{PullRequest, PullResponse};
use rejoin_document::DatacenterName;
use rejoin_tls::{Identity, Problem};
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::transport::Uri;
use tonic::{Status, Streaming};
use tonic_types::StatusExt;

use super::Live;
use super::outbox::Outbox;
use super::seam::{self, Connection, DialTimes, Pending, Transport};
use crate::tls::Secured;

/// Dials one peer.
#[derive(Clone)]
pub(crate) struct Dialler {
    transport: Arc<dyn Transport>,
    times: DialTimes,
    message_bytes_max: usize,
    tls: Option<PeerTls>,
}

/// With which certificates a peer is dialled, and which name its own must have.
#[derive(Clone)]
struct PeerTls {
    identity: Arc<Identity>,
    peer: DatacenterName,
}

/// What the handshake of an attempt came to: the connection is made inside the channel, which has no place for it.
type Met = Arc<Mutex<Option<Result<Secured, Problem>>>>;

/// A stream that is open.
pub(crate) struct Open {
    /// What has to be sent.
    pub outbox: Outbox<PullRequest>,
    inbound: Streaming<PullResponse>,
    secured: Option<Secured>,
}

/// Why there is no stream, or no longer one.
#[derive(Debug)]
pub(super) struct Lost {
    /// In words.
    pub reason: String,
    /// Whether one end does not trust the other: somebody has to do something about it.
    pub distrust: bool,
}

/// Where the connection stands.
pub(super) enum Line {
    /// There is none.
    Closed,
    /// It is being made.
    Dialling(Dialling),
    /// It is there, and counts as live.
    Open {
        /// The stream.
        open: Box<Open>,
        /// Counts it, for as long as the line stays open.
        _live: Live,
    },
}

/// An attempt to connect.
pub(super) type Dialling = Pin<Box<dyn Future<Output = Result<Box<Open>, Lost>> + Send>>;

/// What happened on a line.
pub(super) enum LineEvent {
    /// An attempt has ended.
    Dialled(Result<Box<Open>, Lost>),
    /// A message came.
    Received(Box<PullResponse>),
    /// A message was handed to the transport.
    Sent,
    /// The stream is over.
    Ended(Lost),
}

impl Dialler {
    /// A dialler; a message may have `message_bytes_max` bytes.
    pub(crate) fn new(transport: Arc<dyn Transport>, times: DialTimes, message_bytes_max: usize) -> Self {
        Self {
            transport,
            times,
            message_bytes_max,
            tls: None,
        }
    }

    /// The same dialler, over TLS: the other end must have a certificate for `peer`.
    #[must_use]
    pub(crate) fn secured(self, identity: &Arc<Identity>, peer: &DatacenterName) -> Self {
        let tls = PeerTls {
            identity: Arc::clone(identity),
            peer: peer.clone(),
        };
        Self { tls: Some(tls), ..self }
    }

    /// Begins an attempt at an address.
    pub(super) fn dial(&self, address: &Uri) -> Dialling {
        let met = Met::default();
        let channel = seam::channel(self.connector(&met), address, self.times);
        let mut client = SyncServiceClient::new(channel)
            .send_compressed(CompressionEncoding::Zstd)
            .accept_compressed(CompressionEncoding::Zstd)
            .max_decoding_message_size(self.message_bytes_max)
            .max_encoding_message_size(self.message_bytes_max);
        let limit = self.times.connect_timeout;
        let (outbox, requests) = Outbox::new();
        Box::pin(async move {
            // The limit holds for the server's answer too: a half-open connection takes the call and never answers it.
            let calling = client.pull(ReceiverStream::new(requests));
            let answered = tokio::time::timeout(limit, calling).await;
            let met = met.lock().unwrap_or_else(PoisonError::into_inner).take();
            match (answered, met) {
                (Ok(Ok(response)), met) => Ok(Box::new(Open {
                    outbox,
                    inbound: response.into_inner(),
                    secured: met.and_then(Result::ok),
                })),
                // What the handshake knows is told without what tonic says around it.
                (_, Some(Err(problem))) => Err(Lost::distrusted(&problem)),
                (Ok(Err(status)), _) => Err(Lost::by(&status)),
                (Err(_), _) => Err(Lost::to_silence(format!("no answer within {} ms", limit.as_millis()))),
            }
        })
    }

    fn connector(&self, met: &Met) -> impl Fn(Uri) -> Pending<Connection> + Send + 'static {
        let (transport, tls, met) = (Arc::clone(&self.transport), self.tls.clone(), Arc::clone(met));
        move |address| {
            let who = address.authority().map(ToString::to_string).unwrap_or_default();
            let connecting = transport.connect(address);
            match tls.clone() {
                None => connecting,
                Some(tls) => {
                    let met = Arc::clone(&met);
                    Box::pin(async move { tls.secure(connecting.await?, &who, &met).await })
                }
            }
        }
    }
}

impl PeerTls {
    async fn secure(self, connection: Connection, address: &str, met: &Met) -> std::io::Result<Connection> {
        let Self { identity, peer } = self;
        let who = format!("{peer} ({address})");
        let dialled = identity.trust().dial(connection, peer.as_str(), &who).await;
        let (dialled, result) = match dialled {
            Ok((stream, certificate)) => (
                Ok(Secured::dialled(&identity, certificate, peer.as_str(), &who)),
                Ok(Connection::new(stream)),
            ),
            Err(problem) => (Err(problem.clone()), Err(problem.into())),
        };
        *met.lock().unwrap_or_else(PoisonError::into_inner) = Some(dialled);
        result
    }
}

impl Lost {
    fn to_silence(reason: String) -> Self {
        let distrust = false;
        Self { reason, distrust }
    }

    fn distrusted(problem: &Problem) -> Self {
        Self {
            reason: problem.to_string(),
            distrust: true,
        }
    }

    fn by(status: &Status) -> Self {
        let reason = status.get_details_error_info().map(|info| info.reason);
        Self {
            reason: describe(status),
            distrust: reason.as_deref() == Some(Reason::Untrusted.as_str()),
        }
    }
}

async fn distrusted(secured: &mut Option<Secured>) -> Problem {
    match secured {
        Some(secured) => secured.distrusted().await,
        None => std::future::pending().await,
    }
}

/// The next thing that happens on `line`; never ends while there is none. May be dropped at any time.
pub(super) async fn line_event(line: &mut Line) -> LineEvent {
    match line {
        Line::Closed => std::future::pending().await,
        Line::Dialling(dialling) => LineEvent::Dialled(dialling.await),
        Line::Open { open, .. } => {
            let Open {
                outbox,
                inbound,
                secured,
            } = &mut **open;
            tokio::select! {
                biased;
                problem = distrusted(secured) => LineEvent::Ended(Lost::distrusted(&problem)),
                () = outbox.pump() => LineEvent::Sent,
                message = inbound.message() => match message {
                    Ok(Some(message)) => LineEvent::Received(Box::new(message)),
                    Ok(None) => LineEvent::Ended(Lost::to_silence("the peer closed the connection".to_owned())),
                    Err(status) => LineEvent::Ended(Lost::by(&status)),
                },
            }
        }
    }
}

/// A status with the errors below it: tonic's own text often says "transport error" only.
fn describe(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}
