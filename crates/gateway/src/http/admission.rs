//! Who makes a request, and whether one more of him is taken.

use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Request as HttpRequest};

use super::error::HttpError;
use super::needs::Needs;
use crate::access::{ClientId, Principal, Share};
use crate::node::NodeContext;
use crate::tls::Caller;

/// A request that is let in.
pub(super) struct Admitted {
    /// Who makes it; nobody is asked where anybody is answered.
    pub(super) who: Option<Principal>,
    /// Whose share it is taken from.
    pub(super) client: ClientId,
    /// Its place among those under way, until it is dropped.
    pub(super) share: Share,
}

/// Lets a request in, and takes its credentials off it.
///
/// # Errors
///
/// `unauthorized`, `forbidden`, or too much at once.
pub(super) async fn admit(context: &NodeContext, request: &mut HttpRequest<Body>) -> Result<Admitted, HttpError> {
    let caller = request.extensions().get::<Caller>().cloned();
    if let Some(crowded) = caller.as_ref().and_then(|caller| caller.crowded.clone()) {
        return Err(crowded.into());
    }
    let authorization = request.headers_mut().remove(AUTHORIZATION);
    let from = ClientId::of_caller(caller.as_ref());
    let who = match Needs::nothing(request.method(), request.uri().path()) {
        true => None,
        false => {
            let authorization = authorization.as_ref().map(HeaderValue::as_bytes);
            let who = context.access.admit(authorization, &from).await.inspect_err(|denied| {
                let place = caller.as_ref().map_or_else(|| "the caller".to_owned(), Caller::place);
                context.links.notices.denied(&place, denied);
            })?;
            Needs::check(&who, request.method(), request.uri().path())?;
            Some(who)
        }
    };
    let client = who.as_ref().and_then(Principal::client_id).unwrap_or(from);
    let share = context.limiter.calls.take(&client, 1)?;
    Ok(Admitted { who, client, share })
}
