//! How the connections of a client are made: over TCP, with TLS where the address says so, unless the caller brings another network.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rejoin_tls::Trust;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
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
pub struct Dialler(Network);

#[derive(Clone, Default)]
enum Network {
    /// TCP, for `http://` only.
    #[default]
    Tcp,
    /// TCP, with TLS for `https://`.
    Secure(Arc<Dial>),
    /// The caller's own, for `http://` only.
    Custom(Arc<Dial>),
}

type Dial = dyn Fn(Uri) -> Dialling + Send + Sync;

impl Dialler {
    /// Connects through `dial`, which gets an address with a host and a port: a simulated network, a tunnel. It is called whenever a connection is
    /// needed, also again after one broke.
    pub fn new(dial: impl Fn(Uri) -> Dialling + Send + Sync + 'static) -> Self {
        Self(Network::Custom(Arc::new(dial)))
    }

    /// Connects over TCP, and with TLS to an address that begins with `https://`: the node there must have a certificate for its host's name or
    /// address, of one of the authorities in `trust`.
    pub fn secure(trust: Trust) -> Self {
        let dial = move |address: Uri| -> Dialling {
            let trust = trust.clone();
            Box::pin(async move { connect(&trust, &address).await })
        };
        Self(Network::Secure(Arc::new(dial)))
    }

    /// Whether an address may begin with `https://`.
    pub(crate) fn is_secure(&self) -> bool {
        matches!(self.0, Network::Secure(_))
    }

    /// A channel that connects on first use.
    pub(crate) fn lazy(&self, endpoint: &Endpoint) -> Channel {
        match &self.0 {
            Network::Tcp => endpoint.connect_lazy(),
            Network::Secure(dial) | Network::Custom(dial) => endpoint.connect_with_connector_lazy(connector(dial)),
        }
    }

    /// A channel that is connected.
    ///
    /// # Errors
    /// Nobody answers.
    pub(crate) async fn connect(&self, endpoint: &Endpoint) -> Result<Channel, Error> {
        match &self.0 {
            Network::Tcp => endpoint.connect().await,
            Network::Secure(dial) | Network::Custom(dial) => endpoint.connect_with_connector(connector(dial)).await,
        }
    }
}

async fn connect(trust: &Trust, address: &Uri) -> io::Result<Stream> {
    let secure = address.scheme_str() == Some("https");
    let host = address
        .host()
        .ok_or_else(|| io::Error::other("the address names no host"))?;
    // An IPv6 address stands in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = address.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    if !secure {
        return Ok(Box::pin(stream));
    }
    let (stream, _) = trust.dial(stream, host, host).await?;
    Ok(Box::pin(stream))
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
        formatter.write_str(match self.0 {
            Network::Tcp => "Dialler(TCP)",
            Network::Secure(_) => "Dialler(TLS)",
            Network::Custom(_) => "Dialler(custom)",
        })
    }
}
