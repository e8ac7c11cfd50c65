//! One outgoing connection: how it is made, and what comes over it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rejoin_api::proto::sync_service_client::SyncServiceClient;
use rejoin_api::proto::{PullRequest, PullResponse};
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::transport::Uri;
use tonic::{Status, Streaming};

use super::Live;
use super::outbox::Outbox;
use super::seam::{self, DialTimes, Transport};

/// Dials one peer.
#[derive(Clone)]
pub(crate) struct Dialler {
    transport: Arc<dyn Transport>,
    address: Uri,
    times: DialTimes,
    message_bytes_max: usize,
}

/// A stream that is open.
pub(crate) struct Open {
    /// What has to be sent.
    pub outbox: Outbox<PullRequest>,
    inbound: Streaming<PullResponse>,
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
pub(super) type Dialling = Pin<Box<dyn Future<Output = Result<Box<Open>, String>> + Send>>;

/// What happened on a line.
pub(super) enum LineEvent {
    /// An attempt has ended.
    Dialled(Result<Box<Open>, String>),
    /// A message came.
    Received(Box<PullResponse>),
    /// A message was handed to the transport.
    Sent,
    /// The stream is over.
    Ended(String),
}

impl Dialler {
    /// A dialler for `address`; a message may have `message_bytes_max` bytes.
    pub(crate) fn new(transport: Arc<dyn Transport>, address: Uri, times: DialTimes, message_bytes_max: usize) -> Self {
        Self {
            transport,
            address,
            times,
            message_bytes_max,
        }
    }

    /// Begins an attempt.
    pub(crate) fn dial(&self) -> Dialling {
        let channel = seam::channel(&self.transport, &self.address, self.times);
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
            match tokio::time::timeout(limit, calling).await {
                Ok(Ok(response)) => Ok(Box::new(Open {
                    outbox,
                    inbound: response.into_inner(),
                })),
                Ok(Err(status)) => Err(describe(&status)),
                Err(_) => Err(format!("no answer within {} ms", limit.as_millis())),
            }
        })
    }
}

/// The next thing that happens on `line`; never ends while there is none. May be dropped at any time.
pub(super) async fn line_event(line: &mut Line) -> LineEvent {
    match line {
        Line::Closed => std::future::pending().await,
        Line::Dialling(dialling) => LineEvent::Dialled(dialling.await),
        Line::Open { open, .. } => tokio::select! {
            biased;
            () = open.outbox.pump() => LineEvent::Sent,
            message = open.inbound.message() => match message {
                Ok(Some(message)) => LineEvent::Received(Box::new(message)),
                Ok(None) => LineEvent::Ended("the peer closed the connection".to_owned()),
                Err(status) => LineEvent::Ended(describe(&status)),
            },
        },
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
