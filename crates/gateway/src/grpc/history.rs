//! What a document showed before: listed, compared, brought back.

use rejoin_api::{ConflictRoom, page_token, proto};
use rejoin_document::{Base, DatabaseName, DocumentId, Dot, HlcTime, Revision, VersionVector, differences};
use rejoin_store::{Action, Conditions, KeptRevision, Operation, Restored, Store, WriteRequest};
use tokio::time::Instant;

use super::error::Failure;
use super::{action, page, request, session, write};
use crate::node::{NodeContext, long_read};

/// Lists the revisions of a document that are kept.
///
/// # Errors
///
/// The document was never there, the token is of another listing, or the disk fails.
pub(super) async fn list(
    context: &NodeContext,
    request: &proto::ListRevisionsRequest,
    deadline: Option<Instant>,
) -> Result<proto::ListRevisionsResponse, Failure> {
    let (database, id) = (
        session::database(context, &request.database, request.options.as_ref(), deadline).await?,
        request::id(&request.id)?,
    );
    let below = page_token::below_sequence(&request.page_token, &database, &id)?;
    let size = page::size(request.page_size);
    let reading = session::before_read(context, &database, request.options.as_ref(), deadline).await?;
    let store = &context.store;
    let history = long_read(|| store.history(&database, &id, below, size, request.include_bodies))?;
    let Some(history) = history else {
        let failure = Failure::document_not_found(&database, &id);
        return Err(reading.refused(failure, &VersionVector::new()));
    };
    let mut room = ConflictRoom::default();
    Ok(proto::ListRevisionsResponse {
        revisions: history
            .revisions
            .iter()
            .map(|kept| info(&context.store, kept, &mut room))
            .collect(),
        next_page_token: history
            .next
            .map(|next| page_token::next_below(next, &database, &id))
            .unwrap_or_default(),
        state: Some(reading.after_read(&history.context)),
    })
}

/// A revision towards the wire, in an answer that has `room` left.
pub(super) fn info(store: &Store, kept: &KeptRevision, room: &mut ConflictRoom) -> proto::RevisionInfo {
    let datacenter_of = |replica| store.datacenter_of(replica);
    let body = kept.body.as_ref();
    let datacenter = kept.dot.and_then(|dot| datacenter_of(dot.replica));
    proto::RevisionInfo {
        revision: kept.revision.to_string(),
        deleted: kept.deleted,
        datacenter: datacenter.map(|name| name.to_string()).unwrap_or_default(),
        written_unix_ms: kept.dot.map_or(0, |dot| unix_ms(dot.time)),
        superseded_unix_ms: kept.superseded.map(unix_ms),
        body: body.and_then(|body| Some(body.shown.as_ref()?.to_json().into())),
        set_aside: body.map_or_else(Vec::new, |body| {
            proto::Conflict::from_open(body.set_aside.iter(), &datacenter_of, room)
        }),
        set_aside_left_out: body.map_or(0, |body| body.left_out),
    }
}

/// Compares two revisions.
///
/// # Errors
///
/// One of them is not kept.
pub(super) async fn diff(
    context: &NodeContext,
    request: &proto::DiffRevisionsRequest,
    deadline: Option<Instant>,
) -> Result<proto::DiffRevisionsResponse, Failure> {
    let (database, id) = (
        session::database(context, &request.database, request.options.as_ref(), deadline).await?,
        request::id(&request.id)?,
    );
    let parse = |text: &str| text.parse::<Revision>().map_err(|error| Failure::revision(text, error));
    let from = parse(&request.from_revision)?;
    let to = match request.to_revision.as_str() {
        "" => None,
        text => Some(parse(text)?),
    };
    let reading = session::before_read(context, &database, request.options.as_ref(), deadline).await?;
    let current = context.store.get(&database, &id)?;
    let pair = match (to, &current) {
        (None, None) => Err(Failure::document_not_found(&database, &id)),
        (None, Some(current)) => pair(context, &database, &id, &from, &current.shown.revision),
        (Some(to), _) => pair(context, &database, &id, &from, &to),
    };
    let (from, read, to) = match pair {
        Ok(pair) => pair,
        Err(failure) => {
            let seen = current.map(|current| current.context).unwrap_or_default();
            return Err(reading.refused(failure, &seen));
        }
    };
    let mut seen = from.context.clone();
    seen.merge(&read.context);
    let text = |value: Option<rejoin_document::Value>| value.map(|value| value.to_json().into());
    let differences = long_read(|| differences(from.body.as_deref(), read.body.as_deref())).into_iter();
    Ok(proto::DiffRevisionsResponse {
        differences: differences
            .map(|found| proto::PathDifference {
                path: found.path,
                from_value: text(found.from),
                to_value: text(found.to),
            })
            .collect(),
        to_revision: to.to_string(),
        state: Some(reading.after_read(&seen)),
    })
}

/// What two revisions showed, and the second one's name.
fn pair(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
    from: &Revision,
    to: &Revision,
) -> Result<(Base, Base, Revision), Failure> {
    let (from, read) = (kept(context, database, id, from)?, kept(context, database, id, to)?);
    Ok((from, read, to.clone()))
}

/// Brings a revision back.
///
/// # Errors
///
/// It is not kept, or the write is refused.
pub(super) async fn restore(
    context: &NodeContext,
    call: proto::RestoreRevisionRequest,
    deadline: Option<Instant>,
) -> Result<proto::RestoreRevisionResponse, Failure> {
    let (database, id) = (
        request::database(&context.store, &call.database)?,
        request::id(&call.id)?,
    );
    let revision = call.revision.parse();
    let revision = revision.map_err(|error| Failure::revision(&call.revision, error))?;
    let part = match (call.path, call.set_aside) {
        (None, None) => Restored::Whole,
        (Some(path), None) => Restored::Shown { path },
        (Some(path), Some(dot)) => Restored::SetAside {
            path,
            dot: Dot::try_from(dot)?,
        },
        (None, Some(_)) => {
            return Err(Failure::resolution(
                "a value that was set aside needs the path where it stood",
            ));
        }
    };
    let options = write::Options::new(context, database.clone(), call.options.as_ref(), deadline)?;
    let operation = Operation::Write(WriteRequest {
        database,
        id: id.clone(),
        action: Action::Restore { revision, part },
        conditions: Conditions::default(),
        request: action::request_name(call.options.as_ref(), 0)?,
    });
    let written = write::submit(context, operation).await;
    let written = written.map_err(|error| options.refused(&id, error.into()))?;
    Ok(proto::RestoreRevisionResponse {
        result: Some(options.result(&written).await),
    })
}

fn kept(context: &NodeContext, database: &DatabaseName, id: &DocumentId, revision: &Revision) -> Result<Base, Failure> {
    let base = context.store.base(database, id, revision)?;
    match base {
        Some(base) => Ok(base),
        None if context.store.get(database, id)?.is_none() => Err(Failure::document_not_found(database, id)),
        None => Err(Failure::revision_not_found(id, revision)),
    }
}

/// As the wire has it.
fn unix_ms(time: HlcTime) -> i64 {
    i64::try_from(time.unix_ms()).unwrap_or(i64::MAX)
}
