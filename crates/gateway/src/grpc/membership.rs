//! Datacenters: who there is, taking one in, and retiring one for good.

use std::time::{Duration, SystemTime};

use rejoin_api::proto;
use rejoin_document::DatacenterName;
use rejoin_store::{AddedPeer, Datacenter, Operation, Outcome};
use rejoin_sync::{LinkState, Timestamp};

use super::error::Failure;
use super::{request, status};
use crate::config::{Peer, PeerSettings};
use crate::links::Board;
use crate::node::NodeContext;

/// All datacenters that this node knows.
pub(super) fn list(context: &NodeContext) -> proto::ListDatacentersResponse {
    let datacenters = context.store.datacenters().into_iter();
    proto::ListDatacentersResponse {
        datacenters: datacenters.map(|datacenter| one(context, datacenter)).collect(),
    }
}

fn one(context: &NodeContext, datacenter: Datacenter) -> proto::Datacenter {
    let board = context.links.hub.board(&datacenter.name);
    let mut found = proto::Datacenter {
        name: datacenter.name.to_string(),
        own: datacenter.own,
        ..proto::Datacenter::default()
    };
    if let Some(retired) = datacenter.retired {
        found.retired = true;
        found.retired_by = retired.by.to_string();
        found.retired_unix_ms = i64::try_from(retired.unix_ms).unwrap_or(i64::MAX);
        found.unconfirmed_by = retired.unconfirmed.iter().map(ToString::to_string).collect();
    }
    if let Some(board) = board {
        found.address = status::address_text(&board.address());
        found.configured = !context.peers.configured_address(&datacenter.name).is_empty();
        if let Some((link, _)) = board.status() {
            found.set_state(status::link_state(link.state));
            found.since_unix_ms = i64::try_from(link.since.0).unwrap_or(i64::MAX);
        }
    }
    found
}

/// Takes a datacenter in: as a peer of this node, and as a member again if it was retired.
///
/// # Errors
///
/// The name or the address is none, it is this node's own, or the disk fails.
pub(super) async fn add(
    context: &NodeContext,
    call: &proto::AddDatacenterRequest,
) -> Result<proto::AddDatacenterResponse, Failure> {
    let datacenter = request::datacenter(&call.name)?;
    let peer = Peer::parse(&PeerSettings {
        datacenter: call.name.clone(),
        address: call.address.clone(),
    });
    let peer = peer.map_err(|error| Failure::peer_address(&error.to_string()))?;
    check_scheme(context, &peer)?;
    let added = AddedPeer {
        address: peer.address.to_string(),
        over: context.peers.configured_address(&datacenter),
    };
    let operation = Operation::AddPeer {
        peer: datacenter.clone(),
        added,
    };
    let outcome = context.commits.submit(operation).await?;
    // The link is begun before the answer, so that who asks for the status then sees it.
    context.peers.refresh();
    let changed = matches!(outcome, Outcome::Membership { changed: true });
    if changed {
        tracing::warn!(%datacenter, address = %peer.address, "an operator added a datacenter");
    }
    Ok(proto::AddDatacenterResponse { changed })
}

fn check_scheme(context: &NodeContext, peer: &Peer) -> Result<(), Failure> {
    let (secure, name) = (context.tls.is_some(), peer.datacenter.as_str());
    if (peer.address.scheme_str() == Some("https")) != secure {
        let scheme = if secure { "https" } else { "http" };
        let message = format!(
            "the address of {name} must begin with {scheme}://, since this node has {}certificates",
            if secure { "" } else { "no " }
        );
        return Err(Failure::peer_address(&message));
    }
    if secure && !rejoin_tls::is_dns_name(name) {
        let message = format!("no certificate can name {name}: with certificates a datacenter's name is one of DNS");
        return Err(Failure::peer_address(&message));
    }
    Ok(())
}

/// Retires a datacenter for good.
///
/// # Errors
///
/// The name is none, unknown or this node's own, nobody has confirmed that what it alone has may be lost, or the disk fails.
pub(super) async fn retire(
    context: &NodeContext,
    call: &proto::RetireDatacenterRequest,
) -> Result<proto::RetireDatacenterResponse, Failure> {
    let datacenter = request::datacenter(&call.name)?;
    let known = context
        .store
        .datacenters()
        .into_iter()
        .find(|known| known.name == datacenter);
    let known = known.ok_or_else(|| Failure::peer_unknown(&datacenter))?;
    if known.retired.is_none() && !known.own && !call.confirmed {
        return Err(Failure::retirement_unconfirmed(
            &datacenter,
            &loss(context, &datacenter),
        ));
    }
    let operation = Operation::Retire {
        datacenter: datacenter.clone(),
    };
    let outcome = context.commits.submit(operation).await?;
    context.peers.refresh();
    let changed = matches!(outcome, Outcome::Membership { changed: true });
    if changed {
        tracing::warn!(%datacenter, "an operator retired a datacenter for good");
    }
    Ok(proto::RetireDatacenterResponse { changed })
}

/// What may be lost with a datacenter, as far as this node can tell.
fn loss(context: &NodeContext, datacenter: &DatacenterName) -> String {
    let board = context.links.hub.board(datacenter);
    let Some((board, (link, _))) = board.and_then(|board| Some((board.clone(), board.status()?))) else {
        return "this node is not linked with it, and cannot tell what it has".to_owned();
    };
    let had_all = format!("this node last had everything of it at {}", time(link.complete));
    match link.state {
        LinkState::Connected => "it is connected now: clients may still be writing there; stop it first".to_owned(),
        LinkState::CatchingUp => format!("it is connected now, and {}: stop its clients and wait", behind(&board)),
        LinkState::Connecting | LinkState::Partitioned | LinkState::Cut | LinkState::Refused => {
            format!("it was last heard by {}, and {had_all}", time(link.since))
        }
    }
}

fn behind(board: &Board) -> String {
    let behind = board.status().and_then(|(link, _)| link.behind);
    match behind {
        Some(behind) => format!("{} documents of it have not arrived here", behind.documents),
        None => "some of its documents have not arrived here".to_owned(),
    }
}

fn time(at: Timestamp) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(at.0);
    let time = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
