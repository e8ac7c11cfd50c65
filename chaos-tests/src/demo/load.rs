//! Loads the records through one node, and logs each of them as the write that it is.

use rejoin_client::{CallError, Client, LoadSender};

use super::customers::Customer;
use crate::history::{Entry, Facts, Outcome, Read, Stamp, edits};
use crate::workload::Shared;

/// Loads all customers through `client`. Answers how many were stored.
///
/// # Errors
/// The load ends early, a record is refused, or the log cannot be written.
pub(super) async fn load(
    client: &Client,
    datacenter: &str,
    customers: &[Customer],
    shared: &Shared,
) -> anyhow::Result<usize> {
    let (sender, mut outcomes) = client.load(&shared.database);
    let send = send(sender, customers);
    let receive = async {
        let mut stored = 0;
        while let Some(outcome) = outcomes.next().await? {
            let written = outcome
                .result
                .map_err(|error| anyhow::anyhow!("{}: {error}", outcome.id))?;
            // The load numbers records from 0; its answers come in the order of sending.
            let Some(customer) = customers.get(outcome.tag as usize) else {
                anyhow::bail!("an answer to no record")
            };
            let now = shared.recorder.tick();
            shared.recorder.append(&Entry {
                number: now,
                client: "loader".to_owned(),
                datacenter: datacenter.to_owned(),
                document: outcome.id,
                read: Read::default(),
                // The log begins with the load: nobody has read anything before it.
                invoked: 0,
                answered: now,
                outcome: Outcome::Ok {
                    revision: written.revision.to_string(),
                    stamp: Stamp(written.dot),
                    merged: written.merged,
                },
                delete: false,
                edits: edits(None, Some(&customer.body), &shared.rules),
                facts: Facts::default(),
            })?;
            stored += 1;
        }
        Ok(stored)
    };
    let (sent, stored) = tokio::join!(send, receive);
    sent?;
    stored
}

async fn send(sender: LoadSender, customers: &[Customer]) -> Result<(), CallError> {
    for (tag, customer) in (0..).zip(customers) {
        // The other half says why the load has ended.
        if sender
            .send(tag, customer.id.clone(), customer.body.to_bytes())
            .await
            .is_err()
        {
            break;
        }
    }
    Ok(())
}
