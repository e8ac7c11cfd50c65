//! Calls of any method with bytes, over TLS, as a client might make them that is not ours.

use std::path::Path;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rejoin_client::Trust;
use tokio::net::TcpStream;
use tokio_stream::StreamExt;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::Bytes;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};
use tonic_types::StatusExt;

/// How long an answer may take on a busy machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A message as its bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        use bytes::BufMut;
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        use bytes::Buf;
        let bytes = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(bytes)))
    }
}

/// A connection to a node over TLS.
pub(crate) async fn secure_channel(port: u16, authority: &Path, own: Option<(&Path, &Path)>) -> Channel {
    let trust = Trust::load(authority, own).unwrap();
    let connector = tower::service_fn(move |_| {
        let trust = trust.clone();
        async move {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            let (stream, _) = trust
                .dial(stream, "127.0.0.1", "the node")
                .await
                .map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    Endpoint::from_static("http://node")
        .connect_with_connector(connector)
        .await
        .unwrap()
}

/// Sends one message to a method, whatever its kind; the answer may be one of many.
pub(crate) async fn call(
    channel: &Channel,
    method: &str,
    message: Vec<u8>,
    authorization: Option<&str>,
) -> Result<Response<Streaming<Bytes>>, Status> {
    let mut request = Request::new(tokio_stream::iter([message]).chain(tokio_stream::pending()));
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", value.parse().unwrap());
    }
    send(channel, method, request).await
}

/// As [`call`], and ends what it sends.
pub(crate) async fn call_once(
    channel: &Channel,
    method: &str,
    message: Vec<u8>,
    authorization: Option<&str>,
) -> Result<Response<Streaming<Bytes>>, Status> {
    let mut request = Request::new(tokio_stream::iter([message]).chain(tokio_stream::empty()));
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", value.parse().unwrap());
    }
    send(channel, method, request).await
}

async fn send<S>(channel: &Channel, method: &str, request: Request<S>) -> Result<Response<Streaming<Bytes>>, Status>
where
    S: tokio_stream::Stream<Item = Vec<u8>> + Send + 'static,
{
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path = method.parse().unwrap();
    let answered = tokio::time::timeout(ANSWER_WITHIN, grpc.streaming(request, path, Raw)).await;
    answered.unwrap_or_else(|_| panic!("{method} does not answer"))
}

/// The reason that a status carries, or its code.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.map_or_else(
        || format!("{:?}: {}", status.code(), status.message()),
        |info| info.reason,
    )
}
