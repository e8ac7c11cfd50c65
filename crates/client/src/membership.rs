//! Datacenters: who there is, taking one in, retiring one.

use std::time::SystemTime;

use rejoin_api::proto;

use crate::call::Safety;
use crate::client::Client;
use crate::error::CallError;
use crate::malformed::Malformed;
use crate::status::{LinkState, time};

/// A datacenter, as a node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datacenter {
    /// Its name.
    pub name: String,
    /// It is the node's own.
    pub own: bool,
    /// It was retired for good.
    pub retired: Option<Retirement>,
    /// Where the node dials it; `None` if it is no peer.
    pub address: Option<String>,
    /// The node's configuration names it as a peer.
    pub configured: bool,
    /// The state of the link and since when; `None` if it is no peer.
    pub link: Option<(LinkState, SystemTime)>,
}

/// A retirement that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// The datacenter whose operator asked for it.
    pub by: String,
    /// When, by the clock there.
    pub at: SystemTime,
    /// The members that have not confirmed yet that they take nothing more from it: until they have, it holds back what can be forgotten.
    pub unconfirmed_by: Vec<String>,
}

impl Client {
    /// All datacenters that the node knows, in ascending order of their names.
    ///
    /// # Errors
    /// `Unreachable` if no answer arrived.
    pub async fn datacenters(&self) -> Result<Vec<Datacenter>, CallError> {
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.list_datacenters(request).await }
        };
        let request = proto::ListDatacentersRequest {};
        self.call(Safety::Repeatable, request, attempt, |answer| {
            answer.datacenters.into_iter().map(Datacenter::from_proto).collect()
        })
        .await
    }

    /// Makes a datacenter a peer of the node that is asked, at this address, also over restarts; one that was retired is a member again. `false`: it was so
    /// before.
    ///
    /// # Errors
    /// `Refused` with `INVALID_NAME`, `INVALID_ADDRESS` or `OWN_DATACENTER`; `Unreachable` if no answer arrived: the call can be repeated.
    pub async fn add_datacenter(&self, name: &str, address: &str) -> Result<bool, CallError> {
        let request = proto::AddDatacenterRequest {
            name: name.to_owned(),
            address: address.to_owned(),
        };
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.add_datacenter(request).await }
        };
        self.call(Safety::Repeatable, request, attempt, |answer| Ok(answer.changed))
            .await
    }

    /// Retires a datacenter for good, in all others too. What it has and no other has is lost: `confirmed` says that this is meant. `false`: it was
    /// retired before.
    ///
    /// # Errors
    /// `Refused` with `RETIREMENT_UNCONFIRMED`, whose message says what may be lost, `PEER_UNKNOWN` or `OWN_DATACENTER`; `Unreachable` if no answer arrived:
    /// the call can be repeated.
    pub async fn retire_datacenter(&self, name: &str, confirmed: bool) -> Result<bool, CallError> {
        let request = proto::RetireDatacenterRequest {
            name: name.to_owned(),
            confirmed,
        };
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.retire_datacenter(request).await }
        };
        self.call(Safety::Repeatable, request, attempt, |answer| Ok(answer.changed))
            .await
    }
}

impl Datacenter {
    fn from_proto(datacenter: proto::Datacenter) -> Result<Self, Malformed> {
        let link = match datacenter.state() {
            proto::LinkState::Unspecified => None,
            state => Some((LinkState::from_proto(state), time(datacenter.since_unix_ms)?)),
        };
        let retired = match datacenter.retired {
            true => Some(Retirement {
                at: time(datacenter.retired_unix_ms)?,
                by: datacenter.retired_by,
                unconfirmed_by: datacenter.unconfirmed_by,
            }),
            false => None,
        };
        Ok(Self {
            name: datacenter.name,
            own: datacenter.own,
            retired,
            address: Some(datacenter.address).filter(|address| !address.is_empty()),
            configured: datacenter.configured,
            link,
        })
    }
}
