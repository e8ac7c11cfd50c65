//! Why a link is refused.

use rejoin_api::proto;
use rejoin_sync::Refusal;

use super::{WireError, parts};

pub(super) fn to_proto(refusal: Refusal) -> proto::Refused {
    let mut refused = proto::Refused::default();
    let reason = match refusal {
        Refusal::Protocol { speaks } => {
            refused.protocol = speaks;
            proto::RefusalReason::Protocol
        }
        Refusal::Datacenter { actual } => {
            refused.datacenter = actual.to_string();
            proto::RefusalReason::Datacenter
        }
        Refusal::Retired { datacenter } => {
            refused.datacenter = datacenter.to_string();
            proto::RefusalReason::Retired
        }
        Refusal::SameDatacenter => proto::RefusalReason::SameDatacenter,
        Refusal::SameReplica => proto::RefusalReason::SameReplica,
        Refusal::Stranger => proto::RefusalReason::Stranger,
        Refusal::Taken => proto::RefusalReason::Taken,
        Refusal::Cut => proto::RefusalReason::Cut,
    };
    refused.set_reason(reason);
    refused
}

pub(super) fn from_proto(refused: &proto::Refused) -> Result<Refusal, WireError> {
    Ok(match proto::RefusalReason::try_from(refused.reason) {
        Ok(proto::RefusalReason::Protocol) => Refusal::Protocol {
            speaks: refused.protocol,
        },
        Ok(proto::RefusalReason::Datacenter) => Refusal::Datacenter {
            actual: parts::datacenter(&refused.datacenter)?,
        },
        Ok(proto::RefusalReason::Retired) => Refusal::Retired {
            datacenter: parts::datacenter(&refused.datacenter)?,
        },
        Ok(proto::RefusalReason::SameDatacenter) => Refusal::SameDatacenter,
        Ok(proto::RefusalReason::SameReplica) => Refusal::SameReplica,
        Ok(proto::RefusalReason::Stranger) => Refusal::Stranger,
        Ok(proto::RefusalReason::Taken) => Refusal::Taken,
        Ok(proto::RefusalReason::Cut) => Refusal::Cut,
        Ok(proto::RefusalReason::Unspecified) | Err(_) => return Err(WireError::UnknownRefusal),
    })
}
