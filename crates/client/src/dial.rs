//! How the connections of a client are made: over TCP, unless the caller brings another network.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::{Channel, Endpoint, Error, Uri};

/// One byte stream to a node.
pub type Stream = Pin<Box<dyn ReadWrite>>;

/// An attempt to connect.
pub type Dialling = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

/// What a connection must be able to do.
pub trait ReadWrite: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> ReadWrite for T {}

/// Makes the connections of a client. Cheap to clone.
#[derive(Clone, Default)]
pub struct Dialler(Option<Arc<Dial>>);

type Dial = dyn Fn(Uri) -> Dialling + Send + Sync;

impl Dialler {
    /// Connects through `dial`, which gets an address with a host and a port: a simulated network, a tunnel. It is called whenever a connection is
    /// needed, also again after one broke.
    pub fn new(dial: impl Fn(Uri) -> Dialling + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(dial)))
    }

    /// A channel that connects on first use.
    pub(crate) fn lazy(&self, endpoint: &Endpoint) -> Channel {
        match &self.0 {
            None => endpoint.connect_lazy(),
            Some(dial) => endpoint.connect_with_connector_lazy(connector(dial)),
        }
    }

    /// A channel that is connected.
    ///
    /// # Errors
    /// Nobody answers.
    pub(crate) async fn connect(&self, endpoint: &Endpoint) -> Result<Channel, Error> {
        match &self.0 {
            None => endpoint.connect().await,
            Some(dial) => endpoint.connect_with_connector(connector(dial)).await,
        }
    }
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<Stream>>> + Send>>;

fn connector(dial: &Arc<Dial>) -> tower::util::ServiceFn<impl FnMut(Uri) -> Connecting + Clone + Send + 'static> {
    let dial = Arc::clone(dial);
    tower::service_fn(move |address| -> Connecting {
        let dialling = dial(address);
        Box::pin(async move { dialling.await.map(TokioIo::new) })
    })
}

impl fmt::Debug for Dialler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() {
            "Dialler(custom)"
        } else {
            "Dialler(TCP)"
        })
    }
}
