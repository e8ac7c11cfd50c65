//! `rejoin serve`: runs a node in the foreground until it is asked to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use rejoin_store::system_clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{self, Environment, Plan, Reload, ServeArguments};
use crate::links::{TcpTransport, Transport};
use crate::node::{Disk, Interface, Node, Parts, StartError, open_disk};
use crate::scrape::Scrapes;
use crate::telemetry::{self, Telemetry};
use crate::tls::NodeTls;

/// Runs a node with the settings of `arguments`, the environment and the file; returns after it was stopped in order. SIGHUP makes it read the file
/// again.
///
/// # Errors
///
/// The settings are not valid, or the node does not start; the message says what to change. Or it has failed while it ran, with
/// [`VitalTaskFailed`](crate::VitalTaskFailed): the process must end then, whatever still runs in it.
pub async fn serve(arguments: &ServeArguments) -> anyhow::Result<()> {
    let environment = Environment::of_process();
    let settings = config::load(arguments, &environment)?;
    if arguments.print_config {
        print!("{}", config::print(&settings)?);
        return Ok(());
    }
    let plan = Plan::new(settings)?;
    let log = &plan.settings.log;
    let addresses = &plan.settings.metrics.addresses;
    let (format, filter) = (log.format, telemetry::log_filter(log)?);
    let telemetry = Telemetry::start(format, filter, &plan.datacenter, !addresses.is_empty())?;
    for variable in environment.left_alone() {
        tracing::warn!(
            variable,
            "a variable of the environment has our prefix and is no setting; it was left alone"
        );
    }
    // Signals are caught from here on, so that one that comes while the store opens is not lost.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hang_up = signal(SignalKind::hangup())?;
    let scrapes = Scrapes::listen(&TcpTransport, addresses).await?;
    let node = start(&plan, system_clock).await?;
    announce(&plan, &node, scrapes.addresses());
    let scraping = telemetry.registry().map(|registry| scrapes.serve(registry.clone()));
    loop {
        tokio::select! {
            biased;
            _ = terminate.recv() => {
                tracing::info!("stopping: SIGTERM");
                break;
            }
            _ = interrupt.recv() => {
                tracing::info!("stopping: SIGINT");
                break;
            }
            _ = hang_up.recv() => match reload(arguments, &environment, &node, &telemetry) {
                Ok(reload) => {
                    tell(&reload);
                    look_at_certificates(&node).await;
                }
                Err(error) => tracing::error!(
                    error = format!("{error:#}"),
                    "SIGHUP: the settings stay as they are; correct them and send it again"
                ),
            },
            failed = node.failed() => {
                tracing::error!(task = failed.task, "a task {} without which the node cannot go on", failed.how);
                node.abandon().await;
                return Err(failed.into());
            }
        }
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

/// Reads the file again, with the same environment and flags over it. Everything is checked before anything changes.
fn reload(
    arguments: &ServeArguments,
    environment: &Environment,
    node: &Node,
    telemetry: &Telemetry,
) -> anyhow::Result<Reload> {
    let plan = Plan::new(config::load(arguments, environment)?)?;
    let filter = telemetry::log_filter(&plan.settings.log)?;
    let reload = node.reload(&plan)?;
    telemetry.log(filter);
    Ok(reload)
}

fn tell(reload: &Reload) {
    let changed = comma_separated(&reload.at_once);
    if changed.is_empty() {
        tracing::info!("SIGHUP: no setting has changed that takes effect now");
    } else {
        tracing::info!(changed, "SIGHUP: settings have changed");
    }
    if !reload.at_restart.is_empty() {
        let settings = comma_separated(&reload.at_restart);
        tracing::warn!(
            settings,
            "SIGHUP: settings have changed that take effect at the next start only"
        );
    }
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
    if let Some(tls) = node.tls() {
        tls.look().await;
    }
}

fn announce(plan: &Plan, node: &Node, metrics: &[SocketAddr]) {
    let settings = &plan.settings;
    tracing::info!(
        datacenter = %plan.datacenter,
        replica = %node.store().identity().replica,
        grpc = %node.address(),
        http = comma_separated(node.http_addresses()),
        metrics = comma_separated(metrics),
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
