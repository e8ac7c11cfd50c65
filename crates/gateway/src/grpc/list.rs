//! `ListDocuments`: the documents of a database in pages.

use rejoin_api::{ConflictRoom, page_token, proto};
use rejoin_document::DOCUMENT_ID_BYTES_MAX;
use rejoin_store::{Found, ListRange};
use tokio::time::Instant;

use super::error::Failure;
use super::{page, session};
use crate::node::{NodeContext, long_read};

/// Reads one page.
///
/// # Errors
///
/// The database does not exist, the range or the token makes no sense, or the disk fails.
pub(super) async fn list(
    context: &NodeContext,
    request: &proto::ListDocumentsRequest,
    deadline: Option<Instant>,
) -> Result<proto::ListDocumentsResponse, Failure> {
    let database = session::database(context, &request.database, request.options.as_ref(), deadline).await?;
    let range = range(request)?;
    let fingerprint = range.fingerprint(&database);
    let after = page_token::after_in(fingerprint, &request.page_token)?;
    let reading = session::before_read(context, &database, request.options.as_ref(), deadline).await?;
    let store = &context.store;
    let size = page::size(request.page_size);
    let page = long_read(|| store.list(&database, &range, after.as_ref(), size))?;
    let datacenter_of = |replica| store.datacenter_of(replica);
    let mut room = ConflictRoom::default();
    let document = |mut found: Found| {
        if request.omit_bodies {
            found.shown.conflicts.clear();
        }
        let mut document = proto::Document::from_shown(&found.id, &found.shown, &datacenter_of, &mut room);
        if request.omit_bodies {
            document.body.clear();
        }
        document
    };
    Ok(proto::ListDocumentsResponse {
        documents: page.items.into_iter().map(document).collect(),
        next_page_token: page_token::next_in(fingerprint, page.next),
        state: Some(reading.after_read(&page.context)),
    })
}

fn range(request: &proto::ListDocumentsRequest) -> Result<ListRange, Failure> {
    let text = |field, text: &str| bounded(field, text).map(|()| text.to_owned());
    let range = ListRange {
        prefix: text("prefix", &request.prefix)?,
        start: text("start_id", &request.start_id)?,
        end: text("end_id", &request.end_id)?,
        descending: request.descending,
    };
    if !range.end.is_empty() && range.start > range.end {
        return Err(Failure::filter(
            "the range ends before it starts; its start is the lesser id in descending order, too",
        ));
    }
    Ok(range)
}

/// A part of an id is no longer than an id.
///
/// # Errors
///
/// It is longer.
pub(super) fn bounded(field: &'static str, text: &str) -> Result<(), Failure> {
    if text.len() > DOCUMENT_ID_BYTES_MAX {
        let found = text.len();
        let message = format!("{field} has {found} bytes, an id at most {DOCUMENT_ID_BYTES_MAX}; shorten it");
        return Err(Failure::filter(&message));
    }
    Ok(())
}
