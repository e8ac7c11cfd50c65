//! A storm: faults of the network and of processes, drawn from the seed, while clients work.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::Scenario;
use crate::network::{Fault, Flow, Proxy};
use crate::process::Node;
use crate::workload::{Session, random_client};

/// How bad the weather is.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// How long it lasts.
    pub lasting: Duration,
    /// Clients at each node.
    pub clients: usize,
    /// Documents that they write to.
    pub documents: u32,
    /// Whether processes are killed, restarted and paused as well.
    pub kills: bool,
}

/// What befell the processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Befallen {
    /// Times that a node was killed with SIGKILL and started again.
    pub killed: usize,
    /// Times that a node was paused.
    pub paused: usize,
}

impl Storm {
    /// Lets clients do random writes while the storm lasts. The faults of the network go on afterwards: see [`Scenario::settle`].
    ///
    /// # Errors
    /// A client cannot write its log, or a node does not start again.
    pub async fn rage(self, scenario: &mut Scenario, round: usize) -> anyhow::Result<Befallen> {
        let client = |mut session: Session, mut random: StdRng, end| async move {
            random_client(&mut session, &mut random, self.documents, end).await
        };
        Ok(self.rage_over(scenario, round, client).await?.1)
    }

    /// As [`Storm::rage`], with clients that do something else.
    ///
    /// # Errors
    /// As there.
    pub async fn rage_over<T: Send + 'static, F: Future<Output = anyhow::Result<T>> + Send + 'static>(
        self,
        scenario: &mut Scenario,
        round: usize,
        client: impl Fn(Session, StdRng, Instant) -> F,
    ) -> anyhow::Result<(Vec<T>, Befallen)> {
        let mut clients = JoinSet::new();
        let end = Instant::now() + self.lasting;
        for (number, session) in scenario.sessions(round, self.clients)?.into_iter().enumerate() {
            clients.spawn(client(session, scenario.random((round * 100 + number) as u64), end));
        }
        let befallen = self.befall(scenario, round, end).await?;
        let mut results = Vec::new();
        while let Some(done) = clients.join_next().await {
            results.push(done??);
        }
        Ok((results, befallen))
    }

    async fn befall(self, scenario: &mut Scenario, round: usize, end: Instant) -> anyhow::Result<Befallen> {
        let round = round as u64;
        let (mut of_east, mut of_west, mut of_nodes) = (
            scenario.random(round * 100 + 97),
            scenario.random(round * 100 + 98),
            scenario.random(round * 100 + 99),
        );
        let [to_west, to_east] = scenario.pair.proxies.as_slice() else {
            anyhow::bail!("the nodes have no proxies")
        };
        let nodes = [&mut scenario.pair.east, &mut scenario.pair.west];
        let processes = async {
            if self.kills {
                return trouble_nodes(nodes, &mut of_nodes, end).await;
            }
            sleep_until(end).await;
            Ok(Befallen::default())
        };
        let (befallen, (), ()) = tokio::join!(
            processes,
            trouble_link(to_west, &mut of_east, end),
            trouble_link(to_east, &mut of_west, end)
        );
        befallen
    }
}

/// Each kind of fault once at first, so that none is left out, then whatever is drawn.
async fn trouble_link(proxy: &Proxy, random: &mut StdRng, end: Instant) {
    let delay = Flow::Delay(Duration::from_millis(40));
    let mut first = vec![
        Fault::Flows {
            out: delay,
            back: delay,
        },
        Fault::Flows {
            out: Flow::Pass,
            back: Flow::Hold,
        },
        Fault::NONE,
        Fault::Flows {
            out: Flow::Close,
            back: Flow::Pass,
        },
        Fault::NONE,
        Fault::Cut,
        Fault::NONE,
    ];
    while Instant::now() < end {
        let fault = first.pop().unwrap_or_else(|| Fault::draw(random));
        proxy.set(fault);
        println!("link to {}: {fault}", proxy.address());
        sleep(Duration::from_millis(random.random_range(60..700))).await;
    }
}

async fn trouble_nodes(nodes: [&mut Node; 2], random: &mut StdRng, end: Instant) -> anyhow::Result<Befallen> {
    let mut befallen = Befallen::default();
    loop {
        sleep(Duration::from_millis(random.random_range(600..1800))).await;
        if Instant::now() >= end {
            return Ok(befallen);
        }
        let node = &mut *nodes[random.random_range(0..2)];
        if befallen.killed > 0 && random.random_bool(0.3) {
            println!("{} is paused", node.datacenter());
            node.pause()?;
            sleep(Duration::from_millis(random.random_range(100..900))).await;
            node.resume()?;
            befallen.paused += 1;
        } else {
            println!("{} is killed", node.datacenter());
            node.kill()?;
            sleep(Duration::from_millis(random.random_range(0..300))).await;
            node.restart().await?;
            befallen.killed += 1;
        }
    }
}
