//! Two nodes that are ready for a chaos test.

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rejoin_client::{Client, Database};
use rejoin_document::{Granularity, RuleSet};

use crate::history::{Recorder, Rules};
use crate::ledger::{Account, NodeReader, account, explain};
use crate::process::{EAST, Pair, WEST};
use crate::view::await_equal_digests;
use crate::workload::{Session, Shared, seed};

const DATABASE: &str = "chaos";

/// Two nodes behind proxies, with a database that both sides have created.
#[derive(Debug)]
pub struct Scenario {
    /// The nodes and the proxies between them.
    pub pair: Pair,
    /// A client of each node.
    pub clients: [Client; 2],
    /// The log and the rules.
    pub shared: Arc<Shared>,
    seed: u64,
}

impl Scenario {
    /// Starts the nodes and prints the seed.
    ///
    /// # Errors
    /// There is no binary, or a node does not start.
    pub async fn start(test: &str, rules: Rules) -> anyhow::Result<Self> {
        let seed = seed(test)?;
        let pair = Pair::proxied().await?;
        let clients = pair.clients()?;
        let database = Database::new(DATABASE, Granularity::Field, RuleSet::new(rules.iter())?);
        for client in &clients {
            client.create_database(&database).await?;
        }
        let recorder = Recorder::create(&pair.directory().join("writes.jsonl"))?;
        Ok(Self {
            pair,
            clients,
            shared: Arc::new(Shared {
                database: DATABASE.to_owned(),
                rules,
                recorder,
            }),
            seed,
        })
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.shared.database
    }

    /// Random numbers of their own for each `stream`, the same for the same seed.
    pub fn random(&self, stream: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(stream))
    }

    /// Sessions at both nodes, `each` at one, named by their place.
    ///
    /// # Errors
    /// As for [`crate::process::Node::client`].
    pub fn sessions(&self, round: usize, each: usize) -> anyhow::Result<Vec<Session>> {
        let mut sessions = Vec::new();
        for node in self.pair.nodes() {
            for number in 0..each {
                let name = format!("{}-{round}-{number}", node.datacenter().trim_start_matches("dc-"));
                sessions.push(Session::new(
                    &name,
                    node.datacenter(),
                    node.client()?,
                    self.shared.clone(),
                ));
            }
        }
        Ok(sessions)
    }

    /// Ends all faults of the network and waits until both digests are equal.
    ///
    /// # Errors
    /// They do not become equal in time; the ends of both logs are in the message.
    pub async fn settle(&self, deadline: Duration) -> anyhow::Result<Duration> {
        self.pair.resume_links();
        await_equal_digests(&self.clients, deadline).await.map_err(|error| {
            let [east, west] = self.pair.nodes().map(|node| node.log_tail());
            error.context(format!("seed {}\n{EAST}:\n{east}\n{WEST}:\n{west}", self.seed))
        })
    }

    /// What became of every write, at both nodes.
    ///
    /// # Errors
    /// The log or a node cannot be read, or there are findings: the message tells the story of the first.
    pub async fn account(&self) -> anyhow::Result<Account> {
        let [east, west] = &self.clients;
        let readers = [(EAST, east), (WEST, west)];
        let readers = readers.map(|(name, client)| NodeReader::new(name, client.clone(), self.database()));
        let log = self.shared.recorder.entries()?;
        let account = account(&log, &readers, &self.shared.rules).await?;
        if !account.is_clean() {
            anyhow::bail!("seed {}: {}", self.seed, explain(&account, &log, &readers).await?);
        }
        Ok(account)
    }
}
