//! The workload of the session checker: each client counts up a member of its own in a few documents.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep};

use crate::checker::document_order::{COUNTED, Counters, Sighting, counted};
use crate::history::{Json, Outcome, generation};
use crate::view::{Body, pointer};
use crate::workload::{Attempt, Session, Sight};

/// Reads and counts up until `end`. Answers everything that the client was told.
///
/// # Errors
/// The log cannot be written, or a body is not what clients write.
pub async fn count_up(
    mut session: Session,
    mut random: StdRng,
    documents: u32,
    end: Instant,
) -> anyhow::Result<Vec<Sighting>> {
    let mut observations = Vec::new();
    let mut count = 0;
    while Instant::now() < end {
        let document = format!("document-{}", random.random_range(0..documents));
        let Ok(sight) = session.read(&document).await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        observations.push(seen(&session, &document, &sight));
        if random.random_bool(0.6) {
            continue;
        }
        count += 1;
        let mut body = sight
            .view
            .as_ref()
            .map_or_else(|| Body::parse(b"{}"), |view| Ok(view.body.clone()))?;
        body.set(&pointer::child(COUNTED, session.name()), &Json::integer(count.into()))?;
        let attempt = session.write(&document, &sight, &body).await?;
        observations.extend(told(&session, &document, &attempt, count));
        sleep(Duration::from_millis(random.random_range(0..6))).await;
    }
    Ok(observations)
}

fn seen(session: &Session, document: &str, sight: &Sight) -> Sighting {
    Sighting {
        session: session.name().to_owned(),
        datacenter: session.datacenter().to_owned(),
        disk: 0,
        document: document.to_owned(),
        asked: sight.asked,
        answered: sight.at,
        counters: sight.view.as_ref().map(counted).unwrap_or_default(),
        generation: sight
            .view
            .as_ref()
            .map_or(0, |view| generation(&view.revision).unwrap_or(0)),
        is_read: true,
    }
}

/// What an acknowledged write tells: from now on, this count and this generation must be seen.
fn told(session: &Session, document: &str, attempt: &Attempt, count: u64) -> Option<Sighting> {
    let Outcome::Ok { revision, .. } = &attempt.outcome else {
        return None;
    };
    Some(Sighting {
        session: session.name().to_owned(),
        datacenter: session.datacenter().to_owned(),
        disk: 0,
        document: document.to_owned(),
        asked: attempt.asked,
        answered: attempt.at,
        counters: Counters::from([(session.name().to_owned(), count)]),
        generation: generation(revision).unwrap_or(0),
        is_read: false,
    })
}
