//! The clients of a run with several datacenters: they read, write, write in batches, and move on with their session when a node fails them, or at
//! random.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rejoin_client::{Client, ClientOptions, ReadOptions};
use tokio::time::{Instant, sleep};

use super::random::{edit, new_body, random_write};
use super::{BatchWrite, Session};
use crate::plan::Workload;

/// A client waits so long for a node that has stopped in its tracks.
const DEADLINE: Duration = Duration::from_millis(1_500);
/// A node waits so long for what a session has seen elsewhere.
const WAIT: Duration = Duration::from_millis(150);
/// How long a client leaves a node alone that did not answer.
const AFTER_FAILURE: Duration = Duration::from_millis(30);

/// Where clients find a datacenter.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name.
    pub datacenter: String,
    /// A client of its node; each session makes its own of it.
    pub client: Client,
}

/// What a client has done, as far as the log does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roamed {
    /// Times that it went on at another datacenter.
    pub moves: usize,
    /// The most bytes that its token had.
    pub token_bytes_max: usize,
}

impl Site {
    /// The site of a node; `url` is where clients dial it.
    ///
    /// # Errors
    /// The address is none.
    pub fn new(datacenter: &str, url: &str) -> anyhow::Result<Self> {
        let options = ClientOptions {
            deadline: DEADLINE,
            connect_timeout: Duration::from_millis(400),
            attempts_max: 2,
            keepalive_interval: Duration::from_secs(1),
            keepalive_timeout: Duration::from_secs(1),
            ..ClientOptions::default()
        };
        let read = ReadOptions {
            wait: Some(WAIT),
            ..ReadOptions::default()
        };
        Ok(Self {
            datacenter: datacenter.to_owned(),
            client: Client::with_options(url, options)?.reading(read),
        })
    }
}

/// Works until `end`, at first at the site with number `home`.
///
/// # Errors
/// The log cannot be written.
pub async fn roam(
    session: &mut Session,
    random: &mut StdRng,
    (sites, home): (&[Site], usize),
    workload: &Workload,
    end: Instant,
) -> anyhow::Result<Roamed> {
    let (mut roamed, mut place) = (Roamed::default(), home);
    while Instant::now() < end {
        let answered = operate(session, random, workload).await?;
        roamed.token_bytes_max = roamed.token_bytes_max.max(session.token_bytes());
        if !answered {
            sleep(AFTER_FAILURE).await;
        }
        let percent = if answered { workload.failover_percent } else { 50 };
        if sites.len() > 1 && random.random_range(0..100) < percent {
            place = (place + random.random_range(1..sites.len())) % sites.len();
            session.move_to(&sites[place].datacenter, &sites[place].client);
            roamed.moves += 1;
        }
        sleep(Duration::from_millis(random.random_range(0..=workload.pause_ms_max))).await;
    }
    Ok(roamed)
}

/// One operation; answers whether the node answered the read that it begins with.
async fn operate(session: &mut Session, random: &mut StdRng, workload: &Workload) -> anyhow::Result<bool> {
    let document = |random: &mut StdRng| format!("document-{}", random.random_range(0..workload.documents));
    if random.random_range(0..100) < workload.batches_percent {
        // Pairs of neighbours, so that batches meet each other.
        let first = random.random_range(0..workload.documents);
        let pair = [first, (first + 1) % workload.documents].map(|number| format!("document-{number}"));
        return both(session, random, &pair).await;
    }
    let document = document(random);
    let Ok(mut sight) = session.read(&document).await else {
        return Ok(false);
    };
    if random.random_range(0..100) < workload.reads_percent {
        return Ok(true);
    }
    if random.random_range(0..100) < workload.stale_percent {
        // Somebody else may write meanwhile: the base is stale then.
        sleep(Duration::from_millis(random.random_range(0..30))).await;
    }
    random_write(session, random, &document, &mut sight).await?;
    Ok(true)
}

/// Reads two documents on one snapshot and writes both in one batch.
async fn both(session: &mut Session, random: &mut StdRng, documents: &[String; 2]) -> anyhow::Result<bool> {
    let Ok(sights) = session.read_many(documents).await else {
        return Ok(false);
    };
    let mut bodies = Vec::new();
    for sight in &sights {
        bodies.push(match &sight.view {
            None => new_body(&session.nonce())?,
            Some(view) => {
                let mut body = view.body.clone();
                edit(&mut body, random, &session.nonce())?;
                body
            }
        });
    }
    let writes = documents.iter().zip(&sights).zip(&bodies);
    let writes: Vec<_> = writes
        .map(|((document, sight), body)| BatchWrite { document, sight, body })
        .collect();
    session.write_all(&writes).await?;
    Ok(true)
}
