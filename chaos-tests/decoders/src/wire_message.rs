//! Messages between nodes.

use bytes::Bytes;
use prost::Message as _;
use rejoin_api::proto::{PullRequest, PullResponse};

use crate::Outcome;
use crate::memory::bounded;

/// A well-formed message of either direction is sent on as an equal one.
pub(crate) fn check(bytes: &[u8]) -> Outcome {
    let frame = Bytes::copy_from_slice(bytes);
    let request = bounded(bytes.len(), || {
        let request = PullRequest::decode(frame.clone()).ok()?;
        rejoin_wire::from_request(request).ok()
    });
    if let Some(message) = &request {
        let sent = rejoin_wire::to_request(message.clone()).expect("what came this way goes this way");
        let sent = PullRequest::decode(Bytes::from(sent.encode_to_vec())).expect("what was sent arrives");
        let arrived = rejoin_wire::from_request(sent).expect("what was well formed stays so");
        assert_eq!(&arrived, message);
    }
    let response = bounded(bytes.len(), || {
        let response = PullResponse::decode(frame.clone()).ok()?;
        rejoin_wire::from_response(response).ok()
    });
    if let Some(message) = &response {
        let sent = rejoin_wire::to_response(message.clone()).expect("what came this way goes this way");
        let sent = PullResponse::decode(Bytes::from(sent.encode_to_vec())).expect("what was sent arrives");
        let arrived = rejoin_wire::from_response(sent).expect("what was well formed stays so");
        assert_eq!(&arrived, message);
    }
    Outcome::of(request).or(Outcome::of(response))
}
