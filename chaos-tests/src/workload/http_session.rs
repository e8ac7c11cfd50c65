//! What a session reads over HTTP.

use std::time::Instant;

use rejoin_client::CallError;

use super::session::{Question, covered, protocol};
use super::{HttpDoor, Session, Sight};
use crate::history::{Answer, Knowledge};
use crate::ledger::is_absent;
use crate::view::View;

/// How often both interfaces are asked until nothing was written between them.
const TRIES_MAX: usize = 8;

impl Session {
    /// Reads a document as HTTP shows it. The candidates of its conflicts, of which that tells only that there are some, come from gRPC, at a moment at
    /// which both show the same revision.
    pub(super) async fn read_over(&mut self, door: &HttpDoor, document: &str) -> Result<Sight, CallError> {
        let asked = self.shared.recorder.tick();
        let begun = Instant::now();
        let seen = self.look_through_both(door, document).await;
        let at = self.shared.recorder.tick();
        let question = Question {
            document,
            asked,
            covered: None,
            snapshot: None,
        };
        let answer = match &seen {
            Ok((Some(view), _)) => Answer::Document(view.clone()),
            Ok((None, _)) => Answer::Absent,
            Err(error) => Answer::Failed {
                reason: super::session::reason(error),
            },
        };
        self.note(question, at, None, answer);
        match &seen {
            Ok(_) => self.timings.reads.push(begun.elapsed()),
            Err(_) => self.timings.failed += 1,
        }
        seen.map(|(view, certain)| Sight {
            asked,
            at,
            view,
            certain,
        })
    }

    /// What both show, and the writes that it has: a session that begins with it covers just that.
    async fn look_through_both(
        &self,
        door: &HttpDoor,
        document: &str,
    ) -> Result<(Option<View>, Option<Knowledge>), CallError> {
        for _ in 0..TRIES_MAX {
            // Without what was seen before, as over HTTP.
            let client = self.client.with_session(rejoin_client::Session::new());
            let shown = door.get(document).await;
            let shown = shown.map_err(|error| protocol(&self.client, &error.into()))?;
            let known = match client.get(&self.shared.database, document).await {
                Err(error) if is_absent(&error) => None,
                known => Some(known?),
            };
            match (shown, known) {
                (None, None) => return Ok((None, None)),
                (Some((revision, body)), Some(known)) if revision == known.revision.to_string() => {
                    let known = View::of(&known).map_err(|error| protocol(&self.client, &error))?;
                    return Ok((Some(View { body, ..known }), covered(&client, &self.shared.database)));
                }
                _ => {}
            }
        }
        Err(protocol(
            &self.client,
            &anyhow::anyhow!("{document} never stands still"),
        ))
    }
}
