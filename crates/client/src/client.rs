//! The handle that calls are made on.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rejoin_api::proto::admin_service_client::AdminServiceClient;
use rejoin_api::proto::conflict_service_client::ConflictServiceClient;
use rejoin_api::proto::database_service_client::DatabaseServiceClient;
use rejoin_api::proto::document_service_client::DocumentServiceClient;
use rejoin_api::{Reason, proto};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tracing::Instrument;

use crate::call::{self, Answered, Safety};
use crate::call_options::{ReadOptions, WriteOptions};
use crate::credentials::Credentials;
use crate::dial::Dialler;
use crate::error::{CallError, InvalidAddress};
use crate::malformed::Malformed;
use crate::options::ClientOptions;
use crate::route::Route;
use crate::session::Session;
use crate::trace::{self, Trace, Traced};

/// HTTP/2 windows: a page of documents arrives without a round trip per 64 KiB.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// A client of one database system: of one node, or of several, of which each call goes to the first that can be reached. Clones share their
/// connections, which are made on first use and again whenever one broke, and their [`Session`].
#[derive(Clone, Debug)]
pub struct Client {
    nodes: Arc<Nodes>,
    options: Arc<ClientOptions>,
    trace: Trace,
    session: Session,
    read: ReadOptions,
    write: WriteOptions,
}

#[derive(Debug)]
struct Nodes {
    route: Route,
    dialler: Dialler,
    channels: Vec<(Endpoint, Channel)>,
}

/// A call in a session: what it sends and how long it lets a node wait.
pub(crate) struct InSession<'a> {
    pub(crate) database: &'a str,
    pub(crate) sent: Bytes,
    safety: Safety,
    pub(crate) patience: Duration,
}

impl Client {
    /// A client with the default options, e.g. for `http://127.0.0.1:7601`. Nothing is dialled yet.
    ///
    /// # Errors
    /// [`InvalidAddress`] if the text is no `http://` address. (`https://` needs [`Dialler::secure`].)
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_lazy(address: &str) -> Result<Self, InvalidAddress> {
        Self::with_options(address, ClientOptions::default())
    }

    /// A client with options of its own. Nothing is dialled yet.
    ///
    /// # Errors
    /// [`InvalidAddress`] if the text is no `http://` address. (`https://` needs [`Dialler::secure`].)
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn with_options(address: &str, options: ClientOptions) -> Result<Self, InvalidAddress> {
        Self::with_addresses(&[address], options)
    }

    /// A client of several nodes, in the order of preference: a call goes to the next one when one cannot be reached, and back to the first when that
    /// can be reached again ([`ClientOptions::return_after`]). The session goes along. A write whose answer was lost is not sent elsewhere, unless it
    /// has a [request id](WriteOptions::request_id). A load goes to the node that calls go to when it begins, and stays there.
    ///
    /// # Errors
    /// [`InvalidAddress`] if a text is no `http://` address, or if there is none.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn with_addresses<A: AsRef<str>>(addresses: &[A], options: ClientOptions) -> Result<Self, InvalidAddress> {
        Self::with_dialler(addresses, options, Dialler::default())
    }

    /// [`Client::with_addresses`] over TLS, or over another network than TCP.
    ///
    /// # Errors
    /// [`InvalidAddress`] if a text is no `http://` address, or no `https://` one for [`Dialler::secure`], if there is none, or if credentials would
    /// travel in plain text ([`ClientOptions::credentials_in_plain_text`]).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn with_dialler<A: AsRef<str>>(
        addresses: &[A],
        options: ClientOptions,
        dialler: Dialler,
    ) -> Result<Self, InvalidAddress> {
        if addresses.is_empty() {
            return Err(InvalidAddress {
                address: String::new(),
                problem: "there is none".to_owned(),
            });
        }
        let mut channels = Vec::with_capacity(addresses.len());
        for address in addresses {
            let endpoint = endpoint(address.as_ref(), dialler.is_secure())?;
            check_secrecy(address.as_ref(), &endpoint, &options)?;
            let endpoint = endpoint
                .connect_timeout(options.connect_timeout)
                .tcp_nodelay(true)
                .http2_keep_alive_interval(options.keepalive_interval)
                .keep_alive_timeout(options.keepalive_timeout)
                .keep_alive_while_idle(true)
                .initial_stream_window_size(STREAM_WINDOW_BYTES)
                .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
            let channel = dialler.lazy(&endpoint);
            channels.push((endpoint, channel));
        }
        let addresses = addresses.iter().map(|address| Arc::from(address.as_ref()));
        let nodes = Nodes {
            route: Route::new(addresses, options.return_after),
            dialler,
            channels,
        };
        Ok(Self {
            nodes: Arc::new(nodes),
            trace: Trace {
                authorization: options.credentials.as_ref().and_then(Credentials::to_metadata),
            },
            options: Arc::new(options),
            session: Session::new(),
            read: ReadOptions::default(),
            write: WriteOptions::default(),
        })
    }

    /// The address that calls go to at present, as it was given.
    pub fn address(&self) -> &str {
        let route = &self.nodes.route;
        route.address(route.current())
    }

    /// What this client and its clones have seen.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The same client in another session.
    #[must_use]
    pub fn with_session(&self, session: Session) -> Self {
        Self {
            session,
            ..self.clone()
        }
    }

    /// The same client and session, reading in this way.
    #[must_use]
    pub fn reading(&self, read: ReadOptions) -> Self {
        Self { read, ..self.clone() }
    }

    /// The same client and session, writing in this way.
    #[must_use]
    pub fn writing(&self, write: WriteOptions) -> Self {
        Self { write, ..self.clone() }
    }

    /// The same client, naming its next write; without a name it is left as it is.
    pub(crate) fn named(&self, request_id: Option<&str>) -> Self {
        match request_id {
            Some(request_id) => self.writing(WriteOptions {
                request_id: Some(request_id.to_owned()),
                ..self.write.clone()
            }),
            None => self.clone(),
        }
    }

    /// The same client, for calls that may take longer.
    pub(crate) fn patient(&self, deadline: std::time::Duration) -> Self {
        let options = ClientOptions {
            deadline,
            ..ClientOptions::clone(&self.options)
        };
        Self {
            options: Arc::new(options),
            ..self.clone()
        }
    }

    pub(crate) fn options(&self) -> &ClientOptions {
        &self.options
    }

    pub(crate) fn route(&self) -> &Route {
        &self.nodes.route
    }

    /// Makes a call whose answer is `read` into a type of this crate.
    pub(crate) async fn call<Q, A, T, F, C>(
        &self,
        safety: Safety,
        request: Q,
        attempt: F,
        read: impl FnOnce(A) -> Result<T, Malformed>,
    ) -> Result<T, CallError>
    where
        Q: Clone + prost::Message,
        F: Fn(Request<Q>) -> C,
        C: Future<Output = Result<Response<A>, Status>>,
    {
        let answered = self.attempt((safety, Duration::ZERO), request, attempt, read).await?;
        Ok(answered.answer)
    }

    /// A call, and whether an attempt of it was lost before.
    pub(crate) async fn attempt<Q, A, T, F, C>(
        &self,
        (safety, patience): (Safety, Duration),
        request: Q,
        attempt: F,
        read: impl FnOnce(A) -> Result<T, Malformed>,
    ) -> Result<Answered<T>, CallError>
    where
        Q: Clone + prost::Message,
        F: Fn(Request<Q>) -> C,
        C: Future<Output = Result<Response<A>, Status>>,
    {
        self.check_size(request.encoded_len())?;
        let route = self.route();
        let deadline = call::attempt_deadline(&self.options, route, patience);
        let attempt = || {
            let mut request = Request::new(request.clone());
            request.set_timeout(deadline);
            attempt(request)
        };
        let Answered { answer, unknown } = call::run(&self.options, route, safety, patience, attempt)
            .instrument(trace::call_span::<Q>())
            .await?;
        let answer = read(answer.into_inner());
        let answer = answer.map_err(|malformed| CallError::malformed(self.address(), &malformed))?;
        Ok(Answered { answer, unknown })
    }

    /// A read in the session with a database, and the options to send with it.
    pub(crate) fn reads<'a>(&self, database: &'a str) -> (InSession<'a>, proto::ReadOptions) {
        let sent = self.session.to_send(database);
        let options = self.read.to_proto(sent.clone());
        let call = InSession {
            database,
            safety: Safety::Repeatable,
            patience: self.read.patience(&sent),
            sent,
        };
        (call, options)
    }

    /// A write in the session with a database, and the options to send with it.
    pub(crate) fn writes<'a>(&self, database: &'a str) -> (InSession<'a>, proto::WriteOptions) {
        let sent = self.session.to_send(database);
        let options = self.write.to_proto(sent.clone());
        let named = self.write.request_id.is_some();
        let call = InSession {
            database,
            safety: if named { Safety::Named } else { Safety::Once },
            patience: self.write.patience(),
            sent,
        };
        (call, options)
    }

    /// Makes a call in a session. `read` also says with which token the session goes on; a refusal may carry one as well.
    pub(crate) async fn call_in_session<Q, A, T, F, C>(
        &self,
        call: InSession<'_>,
        request: Q,
        attempt: F,
        read: impl FnOnce(A) -> Result<(T, Bytes), Malformed>,
    ) -> Result<T, CallError>
    where
        Q: Clone + prost::Message,
        F: Fn(Request<Q>) -> C,
        C: Future<Output = Result<Response<A>, Status>>,
    {
        self.settle_in_session(call, request, attempt, read, |_| true).await
    }

    /// [`Self::call_in_session`] with an answer that may say that nothing was done. If an attempt before it has been lost, that one may have been done
    /// elsewhere: then the outcome is unknown unless `is_done`.
    pub(crate) async fn settle_in_session<Q, A, T, F, C>(
        &self,
        call: InSession<'_>,
        request: Q,
        attempt: F,
        read: impl FnOnce(A) -> Result<(T, Bytes), Malformed>,
        is_done: impl FnOnce(&T) -> bool,
    ) -> Result<T, CallError>
    where
        Q: Clone + prost::Message,
        F: Fn(Request<Q>) -> C,
        C: Future<Output = Result<Response<A>, Status>>,
    {
        let means = (call.safety, call.patience);
        match self.attempt(means, request, attempt, read).await {
            Ok(Answered {
                answer: (answer, token),
                unknown,
            }) => {
                self.session.saw(call.database, &call.sent, token);
                match unknown {
                    Some(unknown) if !is_done(&answer) => Err(unknown),
                    _ => Ok(answer),
                }
            }
            Err(error) => {
                self.refused(&call, &error);
                Err(error)
            }
        }
    }

    /// Takes in what a refusal has told the session.
    pub(crate) fn refused(&self, call: &InSession<'_>, error: &CallError) {
        if error.reason() == Some(Reason::InvalidSession) {
            // The database was deleted and created again: what the session had seen of it is no more. The caller is told once.
            self.session.forget_sent(call.database, &call.sent);
        } else {
            self.session.saw(call.database, &call.sent, error.session_token());
        }
    }

    /// The connection to the node that calls go to at present. Now and then somebody looks if the preferred one is back.
    fn channel(&self) -> Channel {
        let nodes = &self.nodes;
        if nodes.route.should_probe() {
            let nodes = Arc::clone(nodes);
            tokio::spawn(async move {
                let back = match nodes.channels.first() {
                    Some((endpoint, _)) => nodes.dialler.connect(endpoint).await.is_ok(),
                    None => false,
                };
                nodes.route.probed(back);
            });
        }
        // The route has as many places as there are channels, and there is one at least.
        let (_, channel) = &nodes.channels[nodes.route.current()];
        channel.clone()
    }

    /// A message over the bound would break its stream, and leave a write unknown that was never made.
    pub(crate) fn check_size(&self, bytes: usize) -> Result<(), CallError> {
        let bytes_max = self.options.request_bytes_max;
        if bytes > bytes_max {
            Err(CallError::TooLarge(too_large(bytes, bytes_max)))
        } else {
            Ok(())
        }
    }

    pub(crate) fn document_service(&self) -> DocumentServiceClient<Traced> {
        DocumentServiceClient::with_interceptor(self.channel(), self.trace.clone())
            .max_encoding_message_size(self.options.request_bytes_max)
            .max_decoding_message_size(self.options.response_bytes_max)
    }

    pub(crate) fn conflict_service(&self) -> ConflictServiceClient<Traced> {
        ConflictServiceClient::with_interceptor(self.channel(), self.trace.clone())
            .max_encoding_message_size(self.options.request_bytes_max)
            .max_decoding_message_size(self.options.response_bytes_max)
    }

    pub(crate) fn database_service(&self) -> DatabaseServiceClient<Traced> {
        DatabaseServiceClient::with_interceptor(self.channel(), self.trace.clone())
            .max_encoding_message_size(self.options.request_bytes_max)
            .max_decoding_message_size(self.options.response_bytes_max)
    }

    pub(crate) fn admin_service(&self) -> AdminServiceClient<Traced> {
        AdminServiceClient::with_interceptor(self.channel(), self.trace.clone())
            .max_encoding_message_size(self.options.request_bytes_max)
            .max_decoding_message_size(self.options.response_bytes_max)
    }
}

pub(crate) fn too_large(bytes: usize, bytes_max: usize) -> String {
    format!("it has {bytes} bytes, at most {bytes_max} are sent")
}

fn endpoint(address: &str, secure: bool) -> Result<Endpoint, InvalidAddress> {
    let invalid = |problem: String| InvalidAddress {
        address: address.to_owned(),
        problem,
    };
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|_| invalid("it is not a URI".to_owned()))?;
    match endpoint.uri().scheme_str() {
        Some("http") => Ok(endpoint),
        Some("https") if secure => Ok(endpoint),
        Some("https") => Err(invalid(
            "no authority is named that its certificate has to come from".to_owned(),
        )),
        Some(scheme) => Err(invalid(format!("the scheme {scheme:?} is not supported"))),
        None => Err(invalid("the scheme is missing".to_owned())),
    }
}

/// Credentials are sent in plain text to this machine only, unless that is allowed.
fn check_secrecy(address: &str, endpoint: &Endpoint, options: &ClientOptions) -> Result<(), InvalidAddress> {
    let (uri, secret) = (endpoint.uri(), options.credentials.is_some());
    if !secret || options.credentials_in_plain_text || uri.scheme_str() == Some("https") {
        return Ok(());
    }
    let host = uri.host().unwrap_or_default();
    // An IPv6 address stands in brackets.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    match is_loopback || host == "localhost" {
        true => Ok(()),
        false => Err(InvalidAddress {
            address: address.to_owned(),
            problem: "the credentials would travel in plain text, which they do to a loopback address only, or with \
                      --credentials-in-plain-text"
                .to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_needs_the_scheme_http() {
        assert!(Client::connect_lazy("http://127.0.0.1:7601").is_ok());
        for address in ["", "127.0.0.1:7601", "dc-east", "https://127.0.0.1:7601", "http://a b"] {
            let error = Client::connect_lazy(address).unwrap_err();
            assert!(error.to_string().contains("http://host:port"), "{error}");
            assert!(error.to_string().contains("--authority FILE"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_write_that_could_not_be_sent_is_unreachable_rather_than_unknown() {
        // Port 1 of the loopback address: nothing listens there without root, and a refusal comes at once.
        let client = Client::connect_lazy("http://127.0.0.1:1").unwrap();
        let error = client.delete("db", "id", None).await.unwrap_err();
        assert!(matches!(&error, CallError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
