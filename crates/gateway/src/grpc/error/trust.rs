//! Callers and peers that are not trusted.

use rejoin_api::Reason;
use rejoin_tls::Problem;
use tonic::Status;

use super::Failure;

impl Failure {
    /// A caller that is not trusted, and what to do about it.
    pub fn untrusted(problem: &Problem) -> Self {
        Self::text(Reason::Untrusted, problem.to_string()).with("cause", problem.cause.kind())
    }
}

/// The status for a peer that is not trusted.
pub(crate) fn untrusted(problem: &Problem) -> Status {
    Failure::untrusted(problem).into()
}
