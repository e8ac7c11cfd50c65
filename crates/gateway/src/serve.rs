//! `rejoin serve`: runs a node in the foreground until it is asked to stop.

use std::sync::Arc;

use anyhow::Context;
use rejoin_store::system_clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{self, Plan, ServeArguments};
use crate::links::{TcpTransport, Transport};
use crate::node::{Disk, Interface, Node, Parts, StartError, open_disk};
use crate::telemetry::{self, Telemetry};
use crate::tls::NodeTls;

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
    let telemetry = Telemetry::start(plan.settings.log.format, telemetry::log_filter()?, &plan.datacenter)?;
    // Signals are caught from here on, so that one that comes while the store opens is not lost.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let node = start(&plan, system_clock).await?;
    announce(&plan, &node);
    loop {
        tokio::select! {
            biased;
            _ = terminate.recv() => break tracing::info!("stopping: SIGTERM"),
            _ = interrupt.recv() => break tracing::info!("stopping: SIGINT"),
            _ = hangup.recv() => look_at_certificates(&node).await,
        }
    }
    node.shutdown()
        .await
        .context("the node did not stop cleanly; the next start recovers")?;
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
    let tls = NodeTls::load(&plan.settings.tls, &plan.datacenter)?;
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
            tls,
            wall,
            seed: rand::random(),
        },
    )
}

/// SIGHUP: what was put in place is in force at once.
async fn look_at_certificates(node: &Node) {
    match node.tls() {
        Some(tls) => tls.look().await,
        None => tracing::info!("SIGHUP: this node has no certificates to look at"),
    }
}

fn announce(plan: &Plan, node: &Node) {
    let settings = &plan.settings;
    tracing::info!(
        datacenter = %plan.datacenter,
        replica = %node.store().identity().replica,
        grpc = %node.address(),
        http = comma_separated(node.http_addresses()),
        tls = node.tls().map_or_else(|| "off".to_owned(), |tls| {
            let own = tls.own();
            format!("{} until {}", own.names, own.ends)
        }),
        data = %settings.node.data.display(),
        peers = comma_separated(plan.peers.iter().map(|peer| &peer.datacenter)),
        "ready"
    );
}

fn comma_separated(items: impl IntoIterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}
