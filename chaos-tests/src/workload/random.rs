//! Random writes over a few documents, so that they meet often: the operations of a [`Generator`] that a [`Session`] can do.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::{Base, Generator, Operation, Session, Sight, Weights, Workload, changed};

/// What these clients do.
fn workload(documents: u32) -> Workload {
    Workload {
        documents,
        weights: Weights {
            create: 6,
            update: 62,
            stale_merge: 30,
            delete: 2,
            ..Weights::none()
        },
        ..Workload::default()
    }
}

/// Reads and writes random documents until `end` has passed. A node that does not answer is asked again.
///
/// # Errors
/// The log cannot be written.
pub async fn random_client(
    session: &mut Session,
    random: &mut StdRng,
    documents: u32,
    end: tokio::time::Instant,
) -> anyhow::Result<()> {
    let mut generator = Generator::new(&workload(documents), session.name());
    let mut seen = BTreeMap::new();
    while tokio::time::Instant::now() < end {
        let operation = generator.next(random);
        if !perform(session, &operation, &mut seen).await? {
            // A node that is down is not worth a busy loop.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..8))).await;
    }
    Ok(())
}

/// Does what a session can do; answers whether the node did. `seen` holds the latest sight of each document.
async fn perform(
    session: &mut Session,
    operation: &Operation,
    seen: &mut BTreeMap<String, Sight>,
) -> anyhow::Result<bool> {
    let (document, base) = match operation {
        Operation::Update { document, base, .. } | Operation::Delete { document, base } => (document, *base),
        Operation::Create { document, .. } => (document, Base::Fresh),
        _ => return Ok(true),
    };
    let remembered = seen.get(document).filter(|_| base != Base::Fresh).cloned();
    let sight = match remembered {
        Some(sight) => sight,
        None => match session.read(document).await {
            Ok(sight) => sight,
            Err(_) => return Ok(false),
        },
    };
    seen.insert(document.clone(), sight.clone());
    let view = sight.view.as_ref();
    match operation {
        Operation::Update { changes, .. } => {
            let body = changed(view.map(|view| &view.body), changes)?;
            session.write(document, &sight, &body).await?;
        }
        Operation::Create { body, .. } if view.is_none() => drop(session.write(document, &sight, body).await?),
        Operation::Delete { .. } if view.is_some() => drop(session.delete(document, &sight).await?),
        _ => {}
    }
    Ok(true)
}
