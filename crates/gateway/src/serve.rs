//! `rejoin serve`: runs a node in the foreground until it is asked to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use rejoin_store::system_clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{self, Plan, ServeArguments};
use crate::links::{TcpTransport, Transport};
use crate::node::{Disk, Interface, Node, Parts, StartError, open_disk};
use crate::scrape::Scrapes;
use crate::telemetry::{self, Telemetry};

/// Runs a node with the settings of `arguments`, the environment and the file; returns after it was stopped in order.
///
/// # Errors
///
/// The settings are not valid, or the node does not start; the message says what to change.
pub async fn serve(arguments: &ServeArguments) -> anyhow::Result<()> {
    let settings = config::load(arguments, |name| std::env::var(name).ok())?;
    if arguments.print_config {
        print!("{}", config::print(&settings)?);
        return Ok(());
    }
    let plan = Plan::new(settings)?;
    let addresses = &plan.settings.metrics.addresses;
    let (format, filter) = (plan.settings.log.format, telemetry::log_filter()?);
    let telemetry = Telemetry::start(format, filter, &plan.datacenter, !addresses.is_empty())?;
    // Signals are caught from here on, so that one that comes while the store opens is not lost.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let scrapes = Scrapes::listen(&TcpTransport, addresses).await?;
    let node = start(&plan, system_clock).await?;
    announce(&plan, &node, scrapes.addresses());
    let scraping = telemetry.registry().map(|registry| scrapes.serve(registry.clone()));
    tokio::select! {
        biased;
        _ = terminate.recv() => tracing::info!("stopping: SIGTERM"),
        _ = interrupt.recv() => tracing::info!("stopping: SIGINT"),
    }
    node.shutdown()
        .await
        .context("the node did not stop cleanly; the next start recovers")?;
    // Last, so that a scrape sees the end too.
    if let Some(scraping) = scraping {
        scraping.stop().await;
    }
    tracing::info!("stopped");
    // The exporters block while they send what is left.
    tokio::task::spawn_blocking(|| telemetry.shutdown()).await?;
    Ok(())
}

/// Starts a node over TCP and RocksDB: listens, opens the data directory, serves and dials.
///
/// # Errors
///
/// The address or the directory cannot be used; the message says what to do.
pub async fn start(plan: &Plan, wall: crate::WallClock) -> Result<Node, StartError> {
    let transport: Arc<dyn Transport> = Arc::new(TcpTransport);
    let address = plan.settings.grpc.address;
    let listening = transport
        .listen(address)
        .await
        .map_err(|source| StartError::listen(Interface::Grpc, address, source))?;
    let mut http = Vec::with_capacity(plan.settings.http.addresses.len());
    for address in &plan.settings.http.addresses {
        let listening = transport.listen(*address).await;
        http.push(listening.map_err(|source| StartError::listen(Interface::Http, *address, source))?);
    }
    let opening = plan.clone();
    let opened = tokio::task::spawn_blocking(move || open_disk(&opening)).await;
    let Disk { store, queue } = match opened {
        Ok(disk) => disk?,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    Node::start(
        plan,
        Parts {
            store,
            queue: Some(queue),
            transport,
            listening,
            http,
            wall,
            seed: rand::random(),
        },
    )
}

fn announce(plan: &Plan, node: &Node, metrics: &[SocketAddr]) {
    let settings = &plan.settings;
    tracing::info!(
        datacenter = %plan.datacenter,
        replica = %node.store().identity().replica,
        grpc = %node.address(),
        http = comma_separated(node.http_addresses()),
        metrics = comma_separated(metrics),
        data = %settings.node.data.display(),
        peers = comma_separated(plan.peers.iter().map(|peer| &peer.datacenter)),
        "ready"
    );
}

fn comma_separated(items: impl IntoIterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}
