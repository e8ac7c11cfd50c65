//! The network: nodes, links, one time, one dice. What the driver needs to know of it, and how a step of time passes.

use rejoin_document::{DatabaseName, DatacenterName, DocumentId, HlcTime};
use rejoin_store::{CommitError, Operation, Outcome, Store};
use rejoin_sync::{HealReport, LinkOptions, Message, Puller, PullerEvent, ServerEvent, Timestamp};

use super::air::Air;
use super::clock;
use super::deletions::Comings;
use super::driver::databases;
use super::journal::Journal;
use super::link::Link;
use super::node::Node;
use super::record::Record;
use crate::plan::{Dice, Plan};

/// Everything there is in one run.
pub(super) struct World {
    /// The nodes of the datacenters, then those that run on a copy of a disk.
    pub(super) nodes: Vec<Node>,
    /// How many datacenters there are.
    pub(super) datacenters: usize,
    pub(super) links: Vec<Link>,
    pub(super) options: LinkOptions,
    pub(super) now_ms: u64,
    pub(super) dice: Dice,
    pub(super) record: Record,
    /// What was acknowledged of the database that comes and goes.
    pub(super) comings: Comings,
    pub(super) reports: Vec<HealReport>,
    /// Some node was put back to an older disk: digests may differ until they are compared.
    pub(super) restored: bool,
    /// The faults have ended.
    pub(super) peaceful: bool,
    /// Nodes that found out from their peers that their disk is an old one.
    pub(super) found_out: u64,
    /// Documents that comparisons have mended.
    pub(super) repaired: u64,
    /// What lies between the nodes.
    pub(super) air: Air,
    /// The record of a planned run; a random walk has none.
    pub(super) journal: Option<Journal>,
}

impl World {
    /// A random connected network of two to five nodes.
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let count = *dice.choose(&[2, 2, 3, 3, 4, 5]);
        Self::of(seed, dice, count)
    }

    /// A random connected network of so many nodes.
    pub(super) fn of(seed: u64, mut dice: Dice, count: usize) -> Self {
        let edges: Vec<(usize, usize)> = (0..count)
            .flat_map(|b| (0..b).map(move |a| (a, b)))
            .filter(|(a, b)| a + 1 == *b || dice.percent(50))
            .collect();
        let options = random_options(&mut dice);
        let skews: Vec<i64> = Vec::new();
        Self::with(seed, dice, (count, &edges), options, &skews)
    }

    /// A network with these connections. Nodes without a skew draw one.
    pub(super) fn with(
        seed: u64,
        mut dice: Dice,
        (count, edges): (usize, &[(usize, usize)]),
        options: LinkOptions,
        skews: &[i64],
    ) -> Self {
        clock::seed_entropy(seed + 1);
        clock::set(clock::START_MS, 0);
        let names: Vec<DatacenterName> = (0..count)
            .map(|number| Plan::datacenter(number).parse().expect("a name"))
            .collect();
        let now = Timestamp(clock::START_MS);
        let mut links = Vec::new();
        for (a, b) in edges.iter().flat_map(|&(a, b)| [(a, b), (b, a)]) {
            links.push(Link::new(
                a,
                b,
                Puller::new(names[a].clone(), names[b].clone(), options.clone(), false, now, now),
            ));
        }
        let peers_of = |node: usize| -> Vec<DatacenterName> {
            links
                .iter()
                .filter(|link| link.puller == node)
                .map(|link| names[link.server].clone())
                .collect()
        };
        let nodes = (0..count)
            .map(|node| {
                Node::new(
                    names[node].clone(),
                    peers_of(node),
                    skews
                        .get(node)
                        .copied()
                        .unwrap_or_else(|| *dice.choose(&[0, 0, 200, -300, 2_500])),
                )
            })
            .collect();
        let now_ms = clock::START_MS;
        Self {
            nodes,
            datacenters: count,
            links,
            options,
            now_ms,
            dice,
            record: Record::default(),
            comings: Comings::default(),
            reports: Vec::new(),
            restored: false,
            peaceful: false,
            found_out: 0,
            repaired: 0,
            air: Air::still(),
            journal: None,
        }
    }

    /// The nodes of the datacenters.
    pub(super) fn members(&self) -> &[Node] {
        &self.nodes[..self.datacenters]
    }

    /// Sets the clock to the node's and hands out its store.
    pub(super) fn enter(&self, node: usize) -> Store {
        clock::set(self.now_ms, self.nodes[node].skew_ms);
        self.nodes[node].store.clone()
    }

    /// Commits one operation and tells the links of the node what changed.
    pub(super) fn commit(&mut self, node: usize, operation: Operation) -> Result<Outcome, CommitError> {
        let store = self.enter(node);
        let touched = touched(&operation, self.journal.as_ref());
        let (before, mut news) = (store.identity(), store.subscribe());
        let result = store
            .commit(vec![operation])
            .pop()
            .expect("one answer for one operation");
        if store.identity() != before {
            self.found_out += u64::from(self.nodes[node].unaware.take().is_some());
            self.close_links_of(node, "a new identity");
        }
        if let Some(journal) = self.journal.as_mut().filter(|_| node < self.datacenters) {
            // What a write that failed has left on the disk, its numbers do not tell.
            if result.is_err() {
                journal.lose_sight_of(node);
            }
            journal.observe(node, &store, self.now_ms, (false, touched.as_deref()));
        }
        self.note_rules(node);
        while let Ok(changed) = news.try_recv() {
            self.changed(node, &changed.database, changed.local);
        }
        result
    }

    /// Writes down by which rules a node goes, if they are others than before.
    pub(super) fn note_rules(&mut self, node: usize) {
        if let Some(journal) = &mut self.journal {
            let node_of = &self.nodes[node];
            journal.note_rules(node, (&node_of.store, node_of.label()), self.now_ms);
        }
    }

    pub(super) fn close_links_of(&mut self, node: usize, reason: &str) {
        for link in 0..self.links.len() {
            if self.links[link].puller == node || self.links[link].server == node {
                self.reset(link, reason);
            }
        }
    }

    /// What is in flight is lost.
    pub(super) fn reset(&mut self, link: usize, reason: &str) {
        if let Some(event) = self.hang_up(link, reason) {
            self.pull(link, event);
        }
    }

    /// The links on which a node serves.
    pub(super) fn sessions(&self, node: usize) -> Vec<usize> {
        let serving = |link: &usize| self.links[*link].server == node && self.links[*link].connection.is_some();
        (0..self.links.len()).filter(serving).collect()
    }

    /// A database of a node has grown, or its knowledge has.
    pub(super) fn changed(&mut self, node: usize, database: &DatabaseName, local: bool) {
        for link in self.sessions(node) {
            self.serve(
                link,
                ServerEvent::DatabaseChanged {
                    database: database.clone(),
                    local,
                },
            );
        }
        if database.is_system() {
            for link in 0..self.links.len() {
                if self.links[link].puller == node {
                    let list = databases(&self.enter(node), self.links[link].machine.peer());
                    self.pull(link, PullerEvent::Databases(list));
                }
            }
        }
    }

    /// Where no disk was put back and all links work, a difference under equal knowledge is impossible.
    pub(super) fn compared(&mut self, equal: Option<bool>, repaired: u64) {
        if !self.restored && self.peaceful && equal == Some(false) {
            self.explain("digests differ under equal knowledge");
        }
        self.repaired += repaired;
    }

    /// Both ends of a link see the time, if their processes run.
    pub(super) fn tick(&mut self, link: usize) {
        let time = HlcTime(self.now_ms << 20);
        if !self.nodes[self.links[link].puller].stopped {
            self.pull(link, PullerEvent::Tick { time });
        }
        if !self.nodes[self.links[link].server].stopped {
            self.serve(link, ServerEvent::Tick { time });
        }
    }

    /// A way is better than it was: what waits on it goes on as the way is now, not as it was when it was sent.
    pub(super) fn hurry(&mut self, from: usize, to: usize) {
        let Self { links, air, now_ms, .. } = self;
        for link in links {
            let ends = (link.puller, link.server);
            let Some(connection) = &mut link.connection else {
                continue;
            };
            let flight = match ends {
                ends if ends == (from, to) => &mut connection.requests,
                (puller, server) if (server, puller) == (from, to) => &mut connection.responses,
                _ => continue,
            };
            let mut after_ms = 0;
            for (due_ms, message) in flight {
                after_ms = air.due_ms(from, to, weight(message), *now_ms, after_ms).min(*due_ms);
                *due_ms = after_ms;
            }
        }
    }

    /// The server gets the oldest request that is in flight.
    pub(super) fn deliver_request(&mut self, link: usize) -> bool {
        let Some(connection) = self.links[link].carrying() else {
            return false;
        };
        let Some((_, message)) = connection.requests.pop_front() else {
            return false;
        };
        self.serve(link, ServerEvent::Received(message));
        true
    }

    /// The puller gets the oldest response that is in flight, or notices that the server has closed.
    pub(super) fn deliver_response(&mut self, link: usize) -> bool {
        let Some(connection) = self.links[link].carrying() else {
            return false;
        };
        match connection.responses.pop_front() {
            Some((_, message)) => self.pull(link, PullerEvent::Received(message)),
            None if connection.closing => self.reset(link, "closed by the peer"),
            None => return false,
        }
        true
    }

    /// The oldest response is lost, if it is a batch.
    pub(super) fn lose_batch(&mut self, link: usize) {
        if let Some(connection) = &mut self.links[link].connection
            && matches!(connection.responses.front(), Some((_, Message::Batch(_))))
        {
            connection.responses.pop_front();
        }
    }

    /// Some time in which nothing goes wrong.
    pub(super) fn calm(&mut self, ms: u64) {
        self.now_ms += ms;
        for link in 0..self.links.len() {
            self.tick(link);
            while self.deliver_request(link) {}
            while self.deliver_response(link) {}
            self.apply(link);
        }
    }
}

/// The documents of a journal's database that an operation may change; `None`: any.
fn touched(operation: &Operation, journal: Option<&Journal>) -> Option<Vec<DocumentId>> {
    let of = |database: &DatabaseName| journal.is_some_and(|journal| journal.database == *database);
    let (database, ids): (_, Vec<DocumentId>) = match operation {
        Operation::Write(write) => (&write.database, vec![write.id.clone()]),
        Operation::WriteBatch(batch) => {
            let ids = batch.writes.iter().map(|write| write.id.clone());
            (&batch.database, ids.collect())
        }
        Operation::Resolve(resolve) => (&resolve.database, vec![resolve.id.clone()]),
        Operation::Apply(apply) => (
            &apply.database,
            apply.items.iter().map(|item| item.id.clone()).collect(),
        ),
        _ => return None,
    };
    Some(ids).filter(|_| of(database)).or(Some(Vec::new()))
}

/// Bytes of a message, as far as they matter to how long it takes.
pub(super) fn weight(message: &Message) -> u64 {
    match message {
        Message::Batch(batch) => batch.weight(),
        _ => 100,
    }
}

fn random_options(dice: &mut Dice) -> LinkOptions {
    LinkOptions {
        batch_bytes: *dice.choose(&[1, 400, 1 << 20]),
        window_bytes: *dice.choose(&[300, 2_000, 8 << 20]),
        forward_delay_ms: *dice.choose(&[0, 50]),
        backoff_ms_max: 800,
        compare_retry_ms: 400,
        compare_tries_max: 5,
        compare_interval_ms: 3_000,
        fetch_documents_max: *dice.choose(&[1, 256]),
        ..LinkOptions::default()
    }
}
