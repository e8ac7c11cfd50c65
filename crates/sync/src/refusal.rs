//! Why one node will not link with another. Each reason is a misconfiguration, or a decision of an operator, that waiting does not mend.

use rejoin_document::DatacenterName;

/// Why a link is refused. The text says what an operator has to change.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The two speak different versions of the protocol.
    #[error(
        "the peer speaks version {speaks} of the link protocol, and this node version {}; run the same version of rejoin in both datacenters",
        crate::PROTOCOL
    )]
    Protocol {
        /// The version of the other side: of the server, where a puller is told that it is refused.
        speaks: u32,
    },
    /// Another datacenter answers at the address that was dialled.
    #[error("datacenter `{actual}` answers at this address; correct the address or the name of the peer")]
    Datacenter {
        /// The name of the side that answers.
        actual: DatacenterName,
    },
    /// Both ends claim one datacenter name.
    #[error("both nodes claim the same datacenter name; give each its own")]
    SameDatacenter,
    /// Both ends live under one replica id: one data directory is a copy of the other.
    #[error(
        "both nodes have the same replica id, so one data directory is a copy of the other; start one of them with an empty directory"
    )]
    SameReplica,
    /// The server seems to have lost writes that the puller knows of, but the puller is none of its peers, whose word it takes for that.
    #[error(
        "the peer does not count this datacenter among its peers, and seems to be restored from a backup; start it there with --peer for this datacenter, or with --restored"
    )]
    Stranger,
    /// Another node under the puller's datacenter name is linked with the server at present.
    #[error(
        "another node of this datacenter is linked with the peer; stop one of the two, and give a node of its own a datacenter name and an empty directory"
    )]
    Taken,
    /// One of the two sides was retired, or has a data directory from before that.
    #[error(
        "datacenter `{datacenter}` was retired, and what this data directory of it holds is out of date; it comes back with an empty one, once the other datacenters have taken it in again with `rejoin datacenter add {datacenter}=URL`"
    )]
    Retired {
        /// Which one.
        datacenter: DatacenterName,
    },
    /// The operator of the side that refuses has cut the link.
    #[error("the link was cut by the peer's operator; restore it there")]
    Cut,
}
