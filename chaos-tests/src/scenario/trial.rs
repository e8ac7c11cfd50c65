//! One run from its seed to its verdict: clients work, troubles come and go, the nodes converge, the checkers read what was recorded.
//!
//! ```text
//!   seed ──▶ schedule ──▶ Ground::begin, Ground::end ─┐
//!     └────▶ clients ──▶ workload::roam ──────────────┴─▶ Recorder ──▶ History ──▶ checker::run
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rejoin_client::{Client, ClientOptions, Database};
use rejoin_document::{Granularity, RuleSet};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::course::take_course;
use super::ground::Ground;
use super::schedule::{Weather, schedule};
use super::{Kind, Verdict};
use crate::checker;
use crate::history::{Event, FinalState, History, Quiet, Recorder};
use crate::process::poll_until;
use crate::view::{Picture, await_equal_digests};
use crate::workload::{HttpDoor, Roamed, Session, Shared, Site, Workload, random_rules, roam};

const DATABASE: &str = "chaos";
/// How long a node may take to answer when everything is over, and all nodes to become equal.
const BOUND: Duration = Duration::from_secs(25);

/// How long clients work on when the last trouble is over: of what they could not do in the worst of weathers they do enough then to prove something.
const AFTERWARDS: Duration = Duration::from_secs(4);

/// A run of real nodes.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What chance decides.
    pub seed: u64,
    /// How much trouble there is.
    pub weather: Weather,
    /// What the clients of each datacenter do.
    pub workload: Workload,
}

/// The workload of every stage, with the pauses of a run in real time.
pub fn workload() -> Workload {
    Workload {
        documents: 12,
        clients: 2,
        // Judging takes more time than running: the checkers compare every write with every read of its document.
        pause_ms_max: 150,
        ..Workload::default()
    }
}

impl Trial {
    /// Carries it out. Whatever goes wrong with the run itself tells the last words of the nodes.
    ///
    /// # Errors
    /// A trouble cannot be done, a node does not come back, or the nodes do not become equal. What the checkers find is in the verdict.
    pub async fn run<G: Ground>(&self, ground: &mut G) -> anyhow::Result<Verdict> {
        let directory = crate::process::directory()?;
        let shared = Arc::new(Shared {
            database: DATABASE.to_owned(),
            rules: random_rules(),
            recorder: Recorder::create(&directory.path().join("writes.jsonl"))?,
        });
        let outcome = self.carry_out(ground, &shared).await;
        let sites = ground.sites()?.into_iter().map(|site| site.datacenter);
        let mut history = History::new(shared.rules.clone(), sites);
        history.events = shared.recorder.events();
        let (roamed, settled, fired) = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let saved = self.save(ground, &history)?;
                let words = ground.last_words();
                return Err(error.context(format!("seed {}; history: {}\n{words}", self.seed, saved.display())));
            }
        };
        let verdict = Verdict {
            stage: ground.name(),
            seed: self.seed,
            seconds: shared.recorder.ms() / 1000,
            settled,
            fired,
            skipped: ground.skipped(),
            evidence: ground.evidence()?,
            roamed,
            report: checker::run(&history),
            saved: None,
            history,
        };
        if verdict.report.is_clean() {
            return Ok(verdict);
        }
        let saved = Some(self.save(ground, &verdict.history)?);
        Ok(Verdict { saved, ..verdict })
    }

    async fn carry_out<G: Ground>(
        &self,
        ground: &mut G,
        shared: &Arc<Shared>,
    ) -> anyhow::Result<(Roamed, Duration, BTreeMap<Kind, usize>)> {
        let sites: Arc<[Site]> = ground.sites()?.into();
        let patient = patient_clients(&sites)?;
        create_database(&patient, shared).await?;
        let mut random = StdRng::seed_from_u64(self.seed);
        let steps = schedule(&self.weather, &ground.kinds(), &mut random);
        let begun = Instant::now();
        let end = begun + self.weather.lasting + AFTERWARDS;
        let clients = self.start_clients(&sites, shared, end);
        let fired = take_course(ground, &steps, &shared.recorder, begun).await?;
        sleep_until(end).await;
        let roamed = join(clients).await?;
        let recorder = &shared.recorder;
        for client in &patient {
            poll_until(BOUND, async || Ok(client.status().await.ok()))
                .await
                .context("a node does not answer")?;
        }
        ground.heal().await?;
        recorder.record(Event::Quiet(Quiet {
            at: recorder.tick(),
            ms: recorder.ms(),
            bound_ms: u64::try_from(BOUND.as_millis())?,
        }));
        let settled = await_equal_digests(&patient, BOUND).await?;
        for (site, client) in sites.iter().zip(&patient) {
            let picture = Picture::take(client, &shared.database).await?;
            let final_state = |interface: &str, picture| {
                recorder.record(Event::FinalState(FinalState {
                    datacenter: site.datacenter.clone(),
                    interface: interface.to_owned(),
                    at: recorder.tick(),
                    ms: recorder.ms(),
                    picture,
                    kept: None,
                }));
            };
            if let Some(url) = &site.http {
                let shown = HttpDoor::new(url, &shared.database).picture(&picture).await?;
                final_state("http", shown);
            }
            final_state("grpc", picture);
        }
        Ok((roamed, settled, fired))
    }

    fn start_clients(
        &self,
        sites: &Arc<[Site]>,
        shared: &Arc<Shared>,
        end: Instant,
    ) -> JoinSet<anyhow::Result<Roamed>> {
        let mut clients = JoinSet::new();
        for (home, site) in sites.iter().enumerate() {
            for number in 0..self.workload.clients {
                let name = format!("{}-{number}", site.datacenter.trim_start_matches("dc-"));
                let client = site.client.with_session(rejoin_client::Session::new());
                let mut session = Session::new(&name, &site.datacenter, client, shared.clone());
                // Side by side with those that speak gRPC.
                if number % 2 == 1 {
                    session.go_over_http(site);
                }
                let stream = home as u64 * 1000 + u64::from(number) + 1;
                let mut random = StdRng::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(stream));
                let (sites, workload) = (sites.clone(), self.workload.clone());
                clients.spawn(async move { roam(&mut session, &mut random, (&sites, home), &workload, end).await });
            }
        }
        clients
    }

    /// Keeps the history of a run that failed.
    fn save<G: Ground>(&self, ground: &G, history: &History) -> anyhow::Result<PathBuf> {
        let name = format!("rejoin-history-{}-{}.jsonl", ground.name().replace(' ', "-"), self.seed);
        let path = std::env::temp_dir().join(name);
        history.save(&path)?;
        Ok(path)
    }
}

/// Clients that look on when everything is over.
fn patient_clients(sites: &[Site]) -> anyhow::Result<Vec<Client>> {
    let options = ClientOptions {
        deadline: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(1),
        ..ClientOptions::default()
    };
    let client = |site: &Site| Ok(Client::with_options(site.client.address(), options.clone())?);
    sites.iter().map(client).collect()
}

async fn create_database(clients: &[Client], shared: &Shared) -> anyhow::Result<()> {
    let database = Database::new(&shared.database, Granularity::Field, RuleSet::new(shared.rules.iter())?);
    for client in clients {
        client.create_database(&database).await?;
    }
    Ok(())
}

async fn join(mut clients: JoinSet<anyhow::Result<Roamed>>) -> anyhow::Result<Roamed> {
    let mut all = Roamed::default();
    while let Some(roamed) = clients.join_next().await {
        let roamed = roamed??;
        all.moves += roamed.moves;
        all.token_bytes_max = all.token_bytes_max.max(roamed.token_bytes_max);
    }
    Ok(all)
}
