//! Why a datacenter is not added, or not retired.

use rejoin_api::Reason;
use rejoin_document::DatacenterName;

use super::{Failure, shortened};

impl Failure {
    /// An address of a peer that makes no sense here.
    pub fn peer_address(message: &str) -> Self {
        Self::text(Reason::InvalidAddress, shortened(message))
    }

    /// Nobody has said that what a datacenter alone has may be lost.
    pub fn retirement_unconfirmed(datacenter: &DatacenterName, loss: &str) -> Self {
        let message = format!(
            "what {datacenter} has and no other datacenter has is lost when it is retired, and it comes back only with an \
             empty data directory; {loss}; say that this is meant with --yes"
        );
        Self::text(Reason::RetirementUnconfirmed, message).with("datacenter", datacenter)
    }
}
