//! Several documents in one step: reads on one snapshot and atomic batches.

use std::time::Instant;

use rejoin_client::{Batch, CallError, Conditions};

use super::attempt::attempt;
use super::session::{Question, Sent};
use super::{Attempt, Session, Sight};
use crate::view::Body;

/// One write of a batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchWrite<'a> {
    /// The document.
    pub document: &'a str,
    /// What its author had read.
    pub sight: &'a Sight,
    /// Its new body; `None`: it is deleted.
    pub body: Option<&'a Body>,
}

impl Session {
    /// Reads documents as of one moment, as many of the first as the node answers at once.
    ///
    /// # Errors
    /// The node did not answer, or refused.
    pub async fn read_many(&mut self, documents: &[String]) -> Result<Vec<Sight>, CallError> {
        let (asked, covered) = (self.shared.recorder.tick(), self.covered());
        let begun = Instant::now();
        let question = |document| Question {
            document,
            asked,
            covered: covered.clone(),
            snapshot: Some(asked),
        };
        match self.client.get_many(&self.shared.database, documents).await {
            Ok(found) => {
                let answered = documents.iter().zip(found.documents);
                let sights = answered.map(|(document, found)| self.looked(question(document), Ok(found)));
                let sights = sights.collect::<Result<_, _>>()?;
                self.timings.reads.push(begun.elapsed());
                Ok(sights)
            }
            Err(error) => {
                for document in documents {
                    // It is the same error.
                    let _ = self.looked(question(document), Err(error.clone()));
                }
                Err(error)
            }
        }
    }

    /// Does all writes or none. They are logged under one batch number.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn write_all(&mut self, writes: &[BatchWrite<'_>]) -> anyhow::Result<Vec<Attempt>> {
        let covered = self.covered();
        let numbers: Vec<_> = writes.iter().map(|_| self.shared.recorder.tick()).collect();
        let (asked, begun) = (self.shared.recorder.tick(), Instant::now());
        let batch = writes.iter().fold(Batch::new(), |batch, write| {
            let base = write.sight.view.as_ref().map(|view| view.revision.as_str());
            let conditions = Conditions::since(base);
            match (write.body.map(Body::to_bytes), base) {
                (Some(body), None) => batch.create(write.document, body),
                (Some(body), Some(_)) => batch.update(write.document, body, &conditions),
                (None, _) => batch.delete(write.document, &conditions),
            }
        });
        let answer = self.client.write_batch(&self.shared.database, batch).await;
        let (at, took) = (self.shared.recorder.tick(), begun.elapsed());
        let mut attempts = Vec::new();
        for (place, write) in writes.iter().enumerate() {
            let answer = match &answer {
                Ok(stored) => stored
                    .get(place)
                    .map(|replaced| replaced.written.clone())
                    .ok_or_else(|| CallError::Protocol {
                        address: self.client.address().to_owned(),
                        problem: "a batch with too few results".to_owned(),
                    }),
                Err(error) => Err(error.clone()),
            };
            let attempt = attempt(asked, at, answer);
            self.time(&attempt, took);
            let sent = Sent {
                document: write.document,
                sight: write.sight,
                body: write.body,
                covered: covered.clone(),
                batch: Some(asked),
                request: None,
                resolution: None,
            };
            self.log(sent, numbers[place], &attempt)?;
            attempts.push(attempt);
        }
        Ok(attempts)
    }
}
