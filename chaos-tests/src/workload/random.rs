//! Random writes over a few documents, so that they meet often.
//!
//! Every value that is written carries a nonce of its own, so that a value tells which write it came from.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rejoin_document::Rule;

use super::{Session, Sight};
use crate::history::{Json, Rules};
use crate::view::Body;

/// The rules of the random workload.
pub fn random_rules() -> Rules {
    Rules::new([
        ("/tags", Rule::Set),
        ("/stock", Rule::Counter),
        ("/seen", Rule::Latest),
        ("/high", Rule::Max),
    ])
}

/// Reads and writes random documents until `rounds` are done or `end` has passed. A node that does not answer is asked again.
///
/// # Errors
/// The log cannot be written.
pub async fn random_client(
    session: &mut Session,
    random: &mut StdRng,
    documents: u32,
    end: tokio::time::Instant,
) -> anyhow::Result<()> {
    while tokio::time::Instant::now() < end {
        let document = format!("document-{}", random.random_range(0..documents));
        // A node that is down is not worth a busy loop.
        let Ok(mut sight) = session.read(&document).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if random.random_bool(0.3) {
            // Somebody else may write meanwhile: the base is stale then.
            tokio::time::sleep(Duration::from_millis(random.random_range(0..30))).await;
        }
        random_write(session, random, &document, &mut sight).await?;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..8))).await;
    }
    Ok(())
}

pub(super) async fn random_write(
    session: &mut Session,
    random: &mut StdRng,
    document: &str,
    sight: &mut Sight,
) -> anyhow::Result<()> {
    let Some(view) = &sight.view else {
        let body = new_body(&session.nonce())?;
        session.write(document, sight, &body).await?;
        return Ok(());
    };
    if random.random_bool(0.02) {
        session.delete(document, sight).await?;
        return Ok(());
    }
    let mut body = view.body.clone();
    for _ in 0..random.random_range(1..=2) {
        edit(&mut body, random, &session.nonce())?;
    }
    session.write(document, sight, &body).await?;
    Ok(())
}

pub(super) fn new_body(nonce: &str) -> anyhow::Result<Body> {
    let mut body = Body::parse(b"{}")?;
    for path in ["/name", "/note", "/contact/mail", "/contact/phone"] {
        body.set(path, &Json::string(&format!("{path} {nonce}")))?;
    }
    body.set("/tags", &Json::array(&[Json::string(nonce)]))?;
    body.set("/stock", &Json::integer(100))?;
    Ok(body)
}

/// Changes one thing.
pub(super) fn edit(body: &mut Body, random: &mut StdRng, nonce: &str) -> anyhow::Result<()> {
    let text = Json::string(nonce);
    match random.random_range(0..12) {
        0..=3 => body.set(
            ["/name", "/contact/mail", "/contact/phone", "/note"][random.random_range(0..4)],
            &text,
        ),
        4 => {
            body.remove(["/note", "/contact/phone"][random.random_range(0..2)]);
            Ok(())
        }
        5 | 6 => {
            let mut elements = body.elements("/tags").unwrap_or_default();
            if elements.len() > 2 && random.random_bool(0.5) {
                elements.remove(random.random_range(0..elements.len()));
            }
            elements.push(text);
            body.set("/tags", &Json::array(&elements))
        }
        7 | 8 => {
            let stock = body.get("/stock").and_then(|value| value.as_integer()).unwrap_or(0);
            body.set("/stock", &Json::integer(stock + random.random_range(-9..=9)))
        }
        9 => body.set("/seen", &text),
        10 => {
            let high = body.get("/high").and_then(|value| value.as_integer()).unwrap_or(0);
            body.set("/high", &Json::integer(high + random.random_range(1..1000)))
        }
        _ if body.get("/shape/of").is_some() => body.set("/shape", &text),
        _ => body.set("/shape/of", &text),
    }
}
