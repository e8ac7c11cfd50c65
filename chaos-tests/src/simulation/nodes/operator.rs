//! Those who run the nodes: they make the database, change its rules, cut links, compact, and read what every node shows at the end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rejoin_client::{Client, ClientOptions, Database, DatabaseChange};
use rejoin_document::{Granularity, Rule, RuleSet};

use super::client::DATABASE;
use super::journal::{Journal, Stand};
use super::network::{address, dialler};
use crate::history::{Event, FinalState, Phase, Rules};
use crate::plan::{FaultKind, Target};
use crate::view::Picture;

/// What an operator is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Cuts the link by which the first pulls from the second.
    Cut(usize, usize),
    /// Restores it.
    Restore(usize, usize),
    /// Drops what need not be kept.
    Compact(usize),
    /// Gives a path that nobody writes to another rule at this node; the number decides which. The others learn it when they can.
    ChangeRules(usize, u64),
}

/// Rules that a path may have by turns.
const RULES: [Rule; 4] = [Rule::Max, Rule::Min, Rule::Latest, Rule::Set];

/// Orders that wait. Clones are one.
#[derive(Clone, Default)]
pub(super) struct Orders(Arc<Mutex<VecDeque<Order>>>);

impl Orders {
    pub(super) fn give(&self, order: Order) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(order);
    }

    fn take(&self) -> Option<Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// Operates all nodes, from the first moment to the last.
///
/// # Errors
/// What every node shows cannot be read at the end.
pub(super) async fn operate(names: Vec<String>, rules: Rules, orders: Orders, journal: Journal) -> anyhow::Result<()> {
    let clients: Vec<Client> = names.iter().map(|name| connect(name)).collect::<Result<_, _>>()?;
    begin(&clients, &rules).await?;
    journal.set_stand(Stand::Working);
    while journal.stand() < Stand::Reading {
        match orders.take() {
            // A node that is down is not operated.
            Some(order) => drop(carry_out(order, &clients, &names, &journal).await),
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    let mut definitions = Vec::new();
    for (name, client) in names.iter().zip(&clients) {
        let picture = read(client)
            .await
            .with_context(|| format!("{name} does not show what it has"))?;
        journal.push(Event::FinalState(FinalState {
            datacenter: name.clone(),
            interface: "grpc".to_owned(),
            at: journal.tick(),
            ms: journal.ms(),
            picture,
            kept: None,
        }));
        definitions.push((name, definition(client).await));
    }
    let differs = |pair: &[(&String, String)]| pair[0].1 != pair[1].1;
    if let Some([one, two]) = definitions.windows(2).find(|pair| differs(pair)) {
        let (one, at, two, other) = (&one.1, one.0, &two.1, two.0);
        journal.fail(format!(
            "the database is defined as {one} at {at} and as {two} at {other}"
        ));
    }
    Ok(())
}

/// How a node defines the database.
async fn definition(client: &Client) -> String {
    match client.databases().await {
        Ok(databases) => {
            let found = databases.iter().find(|database| database.name == DATABASE);
            found.map_or_else(String::new, |database| format!("{:?}", database.rules))
        }
        Err(error) => format!("unknown ({error})"),
    }
}

/// Makes the database at the first node, and waits until all know it.
async fn begin(clients: &[Client], rules: &Rules) -> anyhow::Result<()> {
    let rules = RuleSet::new(rules.iter())?;
    let database = Database {
        keep_for_s: 20,
        ..Database::new(DATABASE, Granularity::Field, rules)
    };
    if let Some(first) = clients.first() {
        first.create_database(&database).await?;
    }
    for client in clients {
        let knows = |databases: Vec<Database>| databases.iter().any(|database| database.name == DATABASE);
        while !client.databases().await.is_ok_and(knows) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

async fn carry_out(order: Order, clients: &[Client], names: &[String], journal: &Journal) -> anyhow::Result<()> {
    match order {
        Order::Cut(node, peer) => drop(clients[node].cut_link(&names[peer]).await?),
        Order::Restore(node, peer) => {
            // It would stay cut for ever.
            while clients[node].restore_link(&names[peer]).await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        Order::Compact(node) => drop(clients[node].compact(None, Duration::from_secs(5)).await?),
        Order::ChangeRules(node, draw) => {
            let path = format!("/unused/{}", draw % 3);
            let rule = RULES[usize::try_from(draw / 3 % 4).unwrap_or(0)];
            let change = DatabaseChange {
                set_rules: RuleSet::new([(path.as_str(), rule)])?,
                ..DatabaseChange::default()
            };
            let (_, changed) = clients[node].update_database(DATABASE, &change).await?;
            if changed {
                journal.fault(FaultKind::RulesDiffer, Target::Node(node), Phase::Struck);
            }
        }
    }
    Ok(())
}

/// What a node shows; a connection that a fault left broken is noticed by the first attempts.
async fn read(client: &Client) -> anyhow::Result<Picture> {
    let mut attempts = 0;
    loop {
        match Picture::take(client, DATABASE).await {
            Err(_) if attempts < 10 => attempts += 1,
            answer => return answer,
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn connect(name: &str) -> anyhow::Result<Client> {
    let options = ClientOptions {
        deadline: Duration::from_secs(4),
        connect_timeout: Duration::from_secs(1),
        keepalive_interval: Duration::from_secs(1),
        keepalive_timeout: Duration::from_secs(1),
        ..ClientOptions::default()
    };
    Ok(Client::with_dialler(&[address(name)], options, dialler())?)
}
