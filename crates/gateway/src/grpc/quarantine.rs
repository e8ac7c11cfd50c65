//! What was set aside because it cannot be applied here: listed, and tried again when an operator wants it.
//!
//! What is set aside is forwarded to other nodes as it came, and stops nothing. Its bytes are never shown: nobody here can tell what they hold.

use rejoin_api::page_token::{self, PageTokenError};
use rejoin_api::proto;
use rejoin_document::{DatabaseName, DocumentId};
use rejoin_store::{QuarantineEntry, Store};

use super::error::Failure;
use super::{page, request};
use crate::node::{NodeContext, retry};

/// Where a page ended: a state of a document in a database.
struct Place {
    database: DatabaseName,
    id: DocumentId,
    hash: [u8; 8],
}

/// One page of what is set aside, in one database or in all.
///
/// # Errors
///
/// The database does not exist, the token is none of this call, or the disk fails.
pub(super) fn list(
    store: &Store,
    call: &proto::ListQuarantineRequest,
) -> Result<proto::ListQuarantineResponse, Failure> {
    let size = page::size(call.page_size);
    let mut after = Place::parse(&call.page_token)?;
    let begin = after.as_ref().map(|place| place.database.clone());
    let mut documents = Vec::new();
    let mut last = None;
    for database in databases(store, &call.database)? {
        if begin.as_ref().is_some_and(|begin| database < *begin) {
            continue;
        }
        let place = after.take().filter(|place| place.database == database);
        let from = place.as_ref().map(|place| (&place.id, place.hash));
        let entries = store.quarantine(&database, from, size - documents.len())?;
        if let Some(entry) = entries.last() {
            last = Some(Place {
                database: database.clone(),
                id: entry.id.clone(),
                hash: entry.hash,
            });
        }
        let name = shown_as(store, &database);
        documents.extend(entries.into_iter().map(|entry| document(&name, entry)));
        if documents.len() == size {
            break;
        }
    }
    let next = last.filter(|_| documents.len() == size);
    Ok(proto::ListQuarantineResponse {
        documents,
        next_page_token: next.map(|place| place.token()).unwrap_or_default(),
    })
}

/// Tries what is set aside again, in one database or in all.
///
/// # Errors
///
/// The database does not exist, or writes are refused; what was applied before stays.
pub(super) async fn try_again(
    context: &NodeContext,
    call: &proto::RetryQuarantineRequest,
) -> Result<proto::RetryQuarantineResponse, Failure> {
    let mut answer = proto::RetryQuarantineResponse::default();
    for database in databases(&context.store, &call.database)? {
        if context.store.quarantined_states(&database) > 0 {
            answer.released += retry(context, &database).await?;
            answer.left += context.store.quarantined_states(&database);
        }
    }
    tracing::info!(
        released = answer.released,
        left = answer.left,
        "an operator had what was set aside tried again"
    );
    Ok(answer)
}

/// In ascending order, the one that holds the definitions too, and those that were deleted.
fn databases(store: &Store, named: &str) -> Result<Vec<DatabaseName>, Failure> {
    if !named.is_empty() {
        let database = request::database(store, named)?;
        // An unknown one is told.
        store.stable(&database)?;
        return Ok(vec![database]);
    }
    let mut all: Vec<DatabaseName> = store.status().into_iter().map(|status| status.name).collect();
    all.push(DatabaseName::system());
    all.sort();
    Ok(all)
}

fn shown_as(store: &Store, database: &DatabaseName) -> String {
    let visible = store.visible();
    let shown = visible.iter().find(|visible| visible.definition.name == *database);
    shown.map_or_else(|| database.to_string(), |shown| shown.shown_as.clone())
}

fn document(database: &str, entry: QuarantineEntry) -> proto::QuarantinedDocument {
    proto::QuarantinedDocument {
        database: database.to_owned(),
        id: entry.id.to_string(),
        reason: entry.reason,
        since_unix_ms: entry.since.and_then(|since| i64::try_from(since.unix_ms()).ok()),
        datacenter: entry.peer.unwrap_or_default(),
        bytes: entry.bytes,
    }
}

impl Place {
    /// `database, 0, hash, id`.
    fn token(&self) -> String {
        let parts = [
            self.database.as_str().as_bytes(),
            &[0],
            &self.hash,
            self.id.as_str().as_bytes(),
        ];
        page_token::token(&parts.concat())
    }

    fn parse(token: &str) -> Result<Option<Self>, PageTokenError> {
        let Some(bytes) = page_token::parse(token)? else {
            return Ok(None);
        };
        let parts = || {
            let end = bytes.iter().position(|byte| *byte == 0)?;
            let database = DatabaseName::internal(std::str::from_utf8(&bytes[..end]).ok()?).ok()?;
            let (hash, id) = bytes[end + 1..].split_first_chunk()?;
            let id = std::str::from_utf8(id).ok()?.parse().ok()?;
            Some(Self {
                database,
                id,
                hash: *hash,
            })
        };
        parts().map(Some).ok_or(PageTokenError)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_on_where_it_ended_and_other_tokens_are_refused() {
        let place = Place {
            database: DatabaseName::system(),
            id: "with/a slash".parse().unwrap(),
            hash: [0, 1, 2, 3, 4, 5, 6, 255],
        };
        let again = Place::parse(&place.token()).unwrap().unwrap();
        assert_eq!(
            (again.database, again.id, again.hash),
            (place.database, place.id, place.hash)
        );
        assert!(Place::parse("").unwrap().is_none());
        for wrong in ["nonsense", "0141", &page_token::token(b"shop\0short")] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
    }
}
