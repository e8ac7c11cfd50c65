//! The clients of the partition: each works off its tasks and reads other documents in between.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::customers::Customer;
use super::plan::{Step, Task};
use crate::history::Json;
use crate::view::Body;
use crate::workload::{Attempt, Session, Sight, Timings};

/// Reads of other documents after each write.
const READS_BETWEEN: usize = 3;
/// How often a write that met another client's is tried again on what is current then.
const TRIES_MAX: usize = 10;

/// What the clients of one datacenter did.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity {
    /// How long their calls took.
    pub(super) timings: Timings,
    /// Writes that were merged with what another client of the same side had written meanwhile.
    pub(super) merged: usize,
}

impl Activity {
    /// Adds another client's.
    pub(super) fn add(&mut self, other: &Self) {
        self.timings.add(&other.timings);
        self.merged += other.merged;
    }
}

/// One client.
#[derive(Debug)]
pub(super) struct Actor {
    session: Session,
    customers: Arc<Vec<Customer>>,
    random: StdRng,
    pause: Duration,
    merged: usize,
}

impl Actor {
    /// A client that rests for `pause` after each write.
    pub(super) fn new(session: Session, customers: Arc<Vec<Customer>>, seed: u64, pause: Duration) -> Self {
        Self {
            session,
            customers,
            random: StdRng::seed_from_u64(seed),
            pause,
            merged: 0,
        }
    }

    /// Does all tasks.
    ///
    /// # Errors
    /// The node does not answer, or refuses what it should not.
    pub(super) async fn work(mut self, tasks: Vec<Task>) -> anyhow::Result<Activity> {
        for task in &tasks {
            for step in &task.steps {
                self.step(&task.document, step)
                    .await
                    .with_context(|| format!("{}: {}", self.session.datacenter(), task.document))?;
                for _ in 0..READS_BETWEEN {
                    let customer = self.random.random_range(0..self.customers.len());
                    let id = self.customers[customer].id.clone();
                    self.session.read(&id).await?;
                }
                tokio::time::sleep(self.pause).await;
            }
        }
        Ok(Activity {
            timings: self.session.timings().clone(),
            merged: self.merged,
        })
    }

    async fn step(&mut self, document: &str, step: &Step) -> anyhow::Result<()> {
        let nonce = self.session.nonce();
        for _ in 0..TRIES_MAX {
            let sight = self.session.read(document).await?;
            let attempt = self.attempt(document, &sight, step, &nonce).await?;
            match &attempt.outcome {
                crate::history::Outcome::Ok { merged, .. } => {
                    self.merged += usize::from(*merged);
                    return Ok(());
                }
                crate::history::Outcome::Refused { reason } if reason == "CONFLICT" => {}
                other => bail!("a write was answered with {other:?}"),
            }
        }
        bail!("a write was refused {TRIES_MAX} times")
    }

    async fn attempt(&mut self, document: &str, sight: &Sight, step: &Step, nonce: &str) -> anyhow::Result<Attempt> {
        if let Step::Delete = step {
            return self.session.delete(document, sight).await;
        }
        let body = match (step, &sight.view) {
            (Step::Create(body), _) => body.clone(),
            (step, Some(view)) => changed(&view.body, step, nonce)?,
            (_, None) => bail!("it is not there"),
        };
        self.session.write(document, sight, &body).await
    }
}

fn changed(body: &Body, step: &Step, nonce: &str) -> anyhow::Result<Body> {
    let mut body = body.clone();
    match step {
        Step::Set(path, text) => body.set(path, &Json::string(&text.replace("{}", nonce)))?,
        Step::Remove(path) => body.remove(path),
        Step::Increment(path, by) => {
            let value = body
                .get(path)
                .and_then(|value| value.as_integer())
                .context("no counter")?;
            body.set(path, &Json::integer(value + by))?;
        }
        Step::AddElement(path, text) => {
            let mut elements = body.elements(path).unwrap_or_default();
            elements.push(Json::string(&text.replace("{}", nonce)));
            body.set(path, &Json::array(&elements))?;
        }
        Step::DropElement(path) => {
            let elements = body.elements(path).unwrap_or_default();
            body.set(path, &Json::array(elements.get(1..).unwrap_or_default()))?;
        }
        Step::Delete | Step::Create(_) => {}
    }
    Ok(body)
}
