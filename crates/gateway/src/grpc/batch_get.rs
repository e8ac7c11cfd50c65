//! `BatchGetDocuments`: several documents as of one moment.

use prost::Message;
use rejoin_api::{ConflictRoom, proto};
use rejoin_document::VersionVector;
use tokio::time::Instant;

use super::error::Failure;
use super::{request, session};
use crate::node::{NodeContext, long_read};

/// Documents that are asked for at once, at most.
const IDS_MAX: usize = 1_000;

/// Bytes of an answer. Exceeded by a single document only.
const BYTES_MAX: usize = 16 << 20;

/// Reads the documents.
///
/// # Errors
///
/// The request is not well formed, the database does not exist, or the disk fails.
pub(super) async fn get(
    context: &NodeContext,
    request: &proto::BatchGetDocumentsRequest,
    deadline: Option<Instant>,
) -> Result<proto::BatchGetDocumentsResponse, Failure> {
    let database = session::database(context, &request.database, request.options.as_ref(), deadline).await?;
    if request.ids.is_empty() || request.ids.len() > IDS_MAX {
        let found = request.ids.len();
        return Err(Failure::batch(&format!(
            "1 to {IDS_MAX} documents are read at once, not {found}; ask for them in parts"
        )));
    }
    let ids = request.ids.iter().map(|id| request::id(id));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let reading = session::before_read(context, &database, request.options.as_ref(), deadline).await?;
    let store = &context.store;
    let found = long_read(|| store.get_many(&database, &ids))?;
    let datacenter_of = |replica| store.datacenter_of(replica);
    let mut room = ConflictRoom::default();
    let (mut documents, mut bytes, mut seen) = (Vec::with_capacity(found.len()), 0, VersionVector::new());
    for (id, found) in ids.iter().zip(found) {
        let context = found.as_ref().map(|found| found.context.clone());
        let found = found.filter(|found| !found.shown.deleted);
        let document = proto::DocumentOrAbsent {
            id: id.to_string(),
            document: found.map(|found| proto::Document::from_shown(id, &found.shown, &datacenter_of, &mut room)),
        };
        bytes += document.encoded_len();
        if bytes > BYTES_MAX && !documents.is_empty() {
            break;
        }
        documents.push(document);
        seen.merge(&context.unwrap_or_default());
    }
    Ok(proto::BatchGetDocumentsResponse {
        documents,
        state: Some(reading.after_read(&seen)),
    })
}
