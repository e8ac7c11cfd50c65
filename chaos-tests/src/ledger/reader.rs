//! Where the ledger looks documents up.

use rejoin_client::{CallError, Client};

use crate::view::View;

/// One node as the ledger reads it; a map in tests.
pub trait Reader {
    /// The node's datacenter.
    fn datacenter(&self) -> &str;

    /// Reads a document; `None`: it is absent or deleted.
    fn read(&self, document: &str) -> impl Future<Output = anyhow::Result<Option<View>>>;
}

/// A running node.
#[derive(Clone, Debug)]
pub struct NodeReader {
    datacenter: String,
    client: Client,
    database: String,
}

impl NodeReader {
    /// Reads `database` at the node that `client` talks to.
    pub fn new(datacenter: &str, client: Client, database: &str) -> Self {
        Self {
            datacenter: datacenter.to_owned(),
            client,
            database: database.to_owned(),
        }
    }
}

impl Reader for NodeReader {
    fn datacenter(&self) -> &str {
        &self.datacenter
    }

    async fn read(&self, document: &str) -> anyhow::Result<Option<View>> {
        match self.client.get(&self.database, document).await {
            Ok(found) => Ok(Some(View::of(&found)?)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether an error says that there is no such document.
pub fn is_absent(error: &CallError) -> bool {
    error
        .refusal()
        .is_some_and(|refusal| refusal.reason == "DOCUMENT_NOT_FOUND")
}
