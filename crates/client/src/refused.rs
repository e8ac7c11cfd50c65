//! Answers that tell of a refusal. A report of a conflict may be larger than an error can be, so nodes tell of it by a message, when asked to; here it
//! becomes the error that it is.

use prost::Message;
use rejoin_api::{CONFLICT_REPORT_TYPE_URL, ERROR_DOMAIN, proto};
use tonic::{Code, Response, Status};
use tonic_types::pb;

/// An answer that may tell of a refusal.
pub(crate) trait Refusable {
    /// The refusal, which is taken out of the answer.
    fn take_refused(&mut self) -> Option<proto::WriteError>;
}

macro_rules! refusable {
    ($($answer:ident),+) => {
        $(impl Refusable for proto::$answer {
            fn take_refused(&mut self) -> Option<proto::WriteError> {
                self.refused.take()
            }
        })+
    };
}

refusable!(
    UpdateDocumentResponse,
    PatchDocumentResponse,
    DeleteDocumentResponse,
    WriteBatchResponse
);

/// The answer, or the refusal that it tells of.
pub(crate) fn unless_refused<A: Refusable>(response: Response<A>) -> Result<Response<A>, Status> {
    let mut response = response;
    match response.get_mut().take_refused() {
        Some(refused) => Err(status(refused)),
        None => Ok(response),
    }
}

fn status(refused: proto::WriteError) -> Status {
    let info = pb::ErrorInfo {
        reason: refused.reason,
        domain: ERROR_DOMAIN.to_owned(),
        metadata: refused.metadata,
    };
    let mut details = vec![any("type.googleapis.com/google.rpc.ErrorInfo", &info)];
    details.extend(refused.conflict.map(|report| any(CONFLICT_REPORT_TYPE_URL, &report)));
    let status = pb::Status {
        code: Code::Aborted.into(),
        message: refused.message.clone(),
        details,
    };
    Status::with_details(Code::Aborted, refused.message, status.encode_to_vec().into())
}

fn any(type_url: &str, message: &impl Message) -> prost_types::Any {
    prost_types::Any {
        type_url: type_url.to_owned(),
        value: message.encode_to_vec(),
    }
}
