//! News of databases, for the drivers: logs that grew, and knowledge that moved without a document.

use rejoin_document::DatabaseName;
use rejoin_store::Changed;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// What a driver is told.
#[derive(Debug)]
pub(crate) enum News {
    /// A database changed.
    Changed {
        /// The database.
        database: DatabaseName,
        /// Whether a client of this node wrote.
        local: bool,
    },
    /// More happened than was kept: look at everything.
    Missed,
}

/// A subscription.
#[derive(Debug)]
pub(crate) struct ChangeFeed {
    grown: Receiver<Changed>,
    moved: Receiver<DatabaseName>,
}

impl ChangeFeed {
    /// Joins the news of logs with those of knowledge.
    pub(crate) fn new(grown: Receiver<Changed>, moved: Receiver<DatabaseName>) -> Self {
        Self { grown, moved }
    }

    /// The next news; never ends once the store is gone. May be dropped at any time.
    pub(crate) async fn next(&mut self) -> News {
        let news = tokio::select! {
            biased;
            grown = self.grown.recv() => {
                grown.map(|changed| News::Changed { database: changed.database, local: changed.local })
            }
            moved = self.moved.recv() => moved.map(|database| News::Changed { database, local: false }),
        };
        match news {
            Ok(news) => news,
            Err(RecvError::Lagged(_)) => News::Missed,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
