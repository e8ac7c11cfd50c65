//! The stage of the demo: two nodes, a database with rules, the log, and a client for each side.

use std::sync::Arc;

use rejoin_client::{Client, Database};
use rejoin_document::{Granularity, Rule, RuleSet};

use super::customers::{Customer, customers};
use crate::history::{Recorder, Rules};
use crate::process::{EAST, Pair, WEST};
use crate::workload::{Session, Shared};

/// The demo's database.
pub(super) const DATABASE: &str = "customers";

/// Everything that the demo's scenes share.
#[derive(Debug)]
pub(super) struct Stage {
    /// The nodes.
    pub(super) pair: Pair,
    /// Clients of dc-east and dc-west.
    pub(super) clients: [Client; 2],
    /// The log and the rules.
    pub(super) shared: Arc<Shared>,
    /// The records.
    pub(super) customers: Arc<Vec<Customer>>,
}

impl Stage {
    /// Starts the nodes and the log.
    ///
    /// # Errors
    /// There is no binary or no file of records, or a node does not start.
    pub(super) async fn open() -> anyhow::Result<Self> {
        let customers = Arc::new(customers()?);
        let pair = Pair::direct().await?;
        let clients = pair.clients()?;
        let recorder = Recorder::create(&pair.directory().join("writes.jsonl"))?;
        let rules = Rules::new([
            ("/loyalty_points", Rule::Counter),
            ("/tags", Rule::Set),
            ("/last_seen", Rule::Latest),
        ]);
        let shared = Arc::new(Shared {
            database: DATABASE.to_owned(),
            rules,
            recorder,
        });
        Ok(Self {
            pair,
            clients,
            shared,
            customers,
        })
    }

    /// Creates the database at dc-east.
    ///
    /// # Errors
    /// The node refuses.
    pub(super) async fn create_database(&self) -> anyhow::Result<()> {
        let rules = RuleSet::new(self.shared.rules.iter())?;
        let database = Database::new(DATABASE, Granularity::Field, rules);
        self.clients[0].create_database(&database).await?;
        Ok(())
    }

    /// A session named `name` at `datacenter`.
    ///
    /// # Errors
    /// As for [`crate::process::Node::client`].
    pub(super) fn session(&self, name: &str, datacenter: &str) -> anyhow::Result<Session> {
        let node = if datacenter == EAST {
            &self.pair.east
        } else {
            &self.pair.west
        };
        Ok(Session::new(name, datacenter, node.client()?, self.shared.clone()))
    }

    /// The datacenters with their clients.
    pub(super) fn sides(&self) -> [(&'static str, &Client); 2] {
        [(EAST, &self.clients[0]), (WEST, &self.clients[1])]
    }
}
