//! The handle that calls are made on.

use std::sync::Arc;

use rejoin_api::proto::admin_service_client::AdminServiceClient;
use rejoin_api::proto::conflict_service_client::ConflictServiceClient;
use rejoin_api::proto::database_service_client::DatabaseServiceClient;
use rejoin_api::proto::document_service_client::DocumentServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use crate::call::{self, Safety};
use crate::error::{CallError, InvalidAddress};
use crate::malformed::Malformed;
use crate::options::ClientOptions;

/// HTTP/2 windows: a page of documents arrives without a round trip per 64 KiB.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// A client of one node. Clones share one connection, which is made on first use and again whenever it broke.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    address: Arc<str>,
    options: Arc<ClientOptions>,
}

impl Client {
    /// A client with the default options, e.g. for `http://127.0.0.1:7601`. Nothing is dialled yet.
    ///
    /// # Errors
    /// [`InvalidAddress`] if the text is no `http://` address.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_lazy(address: &str) -> Result<Self, InvalidAddress> {
        Self::with_options(address, ClientOptions::default())
    }

    /// A client with options of its own. Nothing is dialled yet.
    ///
    /// # Errors
    /// [`InvalidAddress`] if the text is no `http://` address.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn with_options(address: &str, options: ClientOptions) -> Result<Self, InvalidAddress> {
        let endpoint = endpoint(address)?
            .connect_timeout(options.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(options.keepalive_interval)
            .keep_alive_timeout(options.keepalive_timeout)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        Ok(Self {
            channel: endpoint.connect_lazy(),
            address: address.into(),
            options: Arc::new(options),
        })
    }

    /// The address as it was given.
    pub fn address(&self) -> &str {
        &self.address
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
        self.check_size(request.encoded_len())?;
        let attempt = || {
            let mut request = Request::new(request.clone());
            request.set_timeout(self.options.deadline);
            attempt(request)
        };
        let answer = call::run(&self.options, &self.address, safety, attempt).await?;
        read(answer.into_inner()).map_err(|malformed| CallError::malformed(&self.address, &malformed))
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

    pub(crate) fn document_service(&self) -> DocumentServiceClient<Channel> {
        DocumentServiceClient::new(self.channel.clone())
            .max_encoding_message_size(self.options.request_bytes_max)
            .max_decoding_message_size(self.options.response_bytes_max)
    }

    pub(crate) fn conflict_service(&self) -> ConflictServiceClient<Channel> {
        ConflictServiceClient::new(self.channel.clone())
            .max_encoding_message_size(self.options.request_bytes_max)
            .max_decoding_message_size(self.options.response_bytes_max)
    }

    pub(crate) fn database_service(&self) -> DatabaseServiceClient<Channel> {
        DatabaseServiceClient::new(self.channel.clone())
            .max_encoding_message_size(self.options.request_bytes_max)
            .max_decoding_message_size(self.options.response_bytes_max)
    }

    pub(crate) fn admin_service(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone())
            .max_encoding_message_size(self.options.request_bytes_max)
            .max_decoding_message_size(self.options.response_bytes_max)
    }
}

pub(crate) fn too_large(bytes: usize, bytes_max: usize) -> String {
    format!("it has {bytes} bytes, at most {bytes_max} are sent")
}

fn endpoint(address: &str) -> Result<Endpoint, InvalidAddress> {
    let invalid = |problem: String| InvalidAddress {
        address: address.to_owned(),
        problem,
    };
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|_| invalid("it is not a URI".to_owned()))?;
    match endpoint.uri().scheme_str() {
        Some("http") => Ok(endpoint),
        Some(scheme) => Err(invalid(format!("the scheme {scheme:?} is not supported"))),
        None => Err(invalid("the scheme is missing".to_owned())),
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
