//! Settles open conflicts: one document's by choices or a body, many documents' by a policy.

use std::collections::BTreeMap;

use rejoin_api::page_token;
use rejoin_api::proto::{self, path_choice::Choice as Kind, resolve_policy::Policy};
use rejoin_document::{BodyError, Dot, HlcTime, Value, VersionVector, parse_body};
use rejoin_store::{
    Choice, CommitError, ConflictFilter, Conflicted, Operation, Outcome, Resolve, Resolved, Seen, Settling,
};
use tokio::time::Instant;

use super::error::Failure;
use super::{action, page, request, session, write};
use crate::node::{NodeContext, long_read};

/// Settles conflicts of one document.
///
/// # Errors
///
/// The request is not well formed, a path is not in conflict, or the document has changed since its base.
pub(super) async fn document(
    context: &NodeContext,
    call: proto::ResolveConflictsRequest,
    deadline: Option<Instant>,
) -> Result<proto::ResolveConflictsResponse, Failure> {
    let settling = match (&call.body, call.choices.is_empty()) {
        (Some(body), true) => Settling::Body(request::body(body, &context.limits())?),
        (None, false) => Settling::Paths(choices(&call.choices, context)?),
        _ => return Err(Failure::resolution("name either choices or a body")),
    };
    let (database, id) = (
        request::database(&context.store, &call.database)?,
        request::id(&call.id)?,
    );
    let options = write::Options::new(context, database.clone(), call.options.as_ref(), deadline)?;
    let resolve = Resolve {
        database,
        id: id.clone(),
        base: request::revision(call.base_revision.as_deref())?,
        settling,
        request: action::request_name(call.options.as_ref(), 0)?,
    };
    let resolved = submit(context, resolve).await;
    let resolved = resolved.map_err(|failure| options.refused(&id, failure))?;
    // Choices and a body are always a write.
    let written = resolved.written.ok_or_else(|| Failure::from(CommitError::Stopped))?;
    Ok(proto::ResolveConflictsResponse {
        result: Some(options.result(&written).await),
        left_open: resolved.left_open,
    })
}

/// Settles the conflicts of a page of documents.
///
/// # Errors
///
/// The request is not well formed, or the disk fails; the documents before are settled then.
pub(super) async fn many(
    context: &NodeContext,
    call: &proto::BulkResolveConflictsRequest,
) -> Result<proto::BulkResolveConflictsResponse, Failure> {
    let database = request::database(&context.store, &call.database)?;
    let after = page_token::after_id(&call.page_token)?;
    let filter = filter(call.filter.as_ref())?;
    let policy = policy(call.policy.as_ref())?;
    let size = page::size(call.page_size);
    let found = long_read(|| context.store.conflicts(&database, &filter, after.as_ref(), size))?;
    let resolves = found.items.iter().map(|found| {
        Operation::Resolve(Resolve {
            database: database.clone(),
            id: found.id.clone(),
            base: None,
            settling: Settling::All {
                filter: filter.clone(),
                policy: policy.clone(),
            },
            request: None,
        })
    });
    let mut response = proto::BulkResolveConflictsResponse {
        next_page_token: page_token::next(found.next),
        ..proto::BulkResolveConflictsResponse::default()
    };
    let mut read = VersionVector::new();
    let outcomes = context.commits.submit_all(resolves.collect()).await;
    for (found, outcome) in found.items.iter().zip(outcomes) {
        match outcome {
            Ok(Outcome::Resolved(resolved)) => {
                if let Some(written) = &resolved.written {
                    read.merge(&written.context);
                }
                response.documents += u32::from(resolved.settled > 0);
                response.settled = response.settled.saturating_add(resolved.settled);
                response.left_open = response.left_open.saturating_add(resolved.left_open);
            }
            // It was deleted since the page was read.
            Err(CommitError::DocumentNotFound { .. }) => {}
            // It is not refused, and others of the page may be settled, too.
            Err(error) if error.is_unsure() => return Err(Failure::from(error).of_some_writes()),
            Err(error) => response.failures.push(failed(found, error.into())),
            Ok(_) => response.failures.push(failed(found, CommitError::Stopped.into())),
        }
    }
    if !read.is_empty() {
        response.session_token = session::issue(context, &database, Seen::default(), &read, true);
    }
    Ok(response)
}

/// The last millisecond that a write's time can name: seconds of 32 bits.
const SINCE_MS_MAX: u64 = u32::MAX as u64 * 1000 + 999;

fn failed(found: &Conflicted, failure: Failure) -> proto::ResolveFailure {
    let proto::WriteError { reason, message, .. } = failure.into_write_error();
    let id = found.id.to_string();
    proto::ResolveFailure { id, reason, message }
}

/// Which conflicts are meant.
///
/// # Errors
///
/// A path or a datacenter's name is not well formed.
pub(super) fn filter(filter: Option<&proto::ConflictFilter>) -> Result<ConflictFilter, Failure> {
    let Some(filter) = filter else {
        return Ok(ConflictFilter::default());
    };
    if let Some(path) = filter
        .path
        .as_deref()
        .filter(|path| !path.is_empty() && !path.starts_with('/'))
    {
        return Err(Failure::filter(&format!(
            "{path:?} is not a JSON pointer; write it like /stock"
        )));
    }
    let datacenter = Some(filter.datacenter.as_str()).filter(|name| !name.is_empty());
    let since_ms = u64::try_from(filter.since_unix_ms).map_err(|_| Failure::filter("since_unix_ms is before 1970"))?;
    if since_ms > SINCE_MS_MAX {
        return Err(Failure::filter(
            "since_unix_ms is beyond February 2106, where the times of writes end; it counts milliseconds",
        ));
    }
    Ok(ConflictFilter {
        id_prefix: filter.id_prefix.clone(),
        path: filter.path.clone(),
        datacenter: datacenter.map(request::datacenter).transpose()?,
        since: HlcTime(uhlc::NTP64::from(std::time::Duration::from_millis(since_ms)).as_u64()),
    })
}

async fn submit(context: &NodeContext, resolve: Resolve) -> Result<Resolved, Failure> {
    match context.commits.submit(Operation::Resolve(resolve)).await? {
        Outcome::Resolved(resolved) => Ok(resolved),
        // The pipeline answers each operation in kind.
        _ => Err(CommitError::Stopped.into()),
    }
}

fn choices(asked: &[proto::PathChoice], context: &NodeContext) -> Result<Vec<(String, Choice)>, Failure> {
    // What holds others comes first.
    let mut choices = BTreeMap::new();
    for choice in asked {
        if choices.insert(choice.path.clone(), of_path(choice, context)?).is_some() {
            return Err(Failure::resolution(&format!("{:?} is named twice", choice.path)));
        }
    }
    Ok(choices.into_iter().collect())
}

fn of_path(choice: &proto::PathChoice, context: &NodeContext) -> Result<Choice, Failure> {
    let kind = choice.choice.as_ref().ok_or_else(|| Failure::missing("choice"))?;
    Ok(match kind {
        Kind::Value(text) => Choice::Value(value(&choice.path, text, context)?),
        Kind::Removed(true) => Choice::Removed,
        Kind::Shown(true) => Choice::Shown,
        Kind::FromDatacenter(name) => Choice::From(request::datacenter(name)?),
        Kind::Candidate(dot) => {
            let dot = Dot::try_from(dot.clone()).map_err(Failure::from)?;
            Choice::Candidate(dot)
        }
        Kind::Removed(false) | Kind::Shown(false) => return Err(Failure::missing("choice")),
    })
}

/// A value is read as the member of a body, whose bounds hold for it too.
fn value(path: &str, text: &[u8], context: &NodeContext) -> Result<Value, Failure> {
    let body = [br#"{"v":"#, text, b"}"].concat();
    let body = parse_body(&body, &context.limits()).map_err(|error| match error {
        BodyError::Syntax(_) => Failure::value_not_json(path),
        error => error.into(),
    })?;
    let mut members = body.iter().map(|(_, value)| value.clone());
    match (members.next(), members.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(Failure::resolution("a value is one JSON text")),
    }
}

fn policy(asked: Option<&proto::ResolvePolicy>) -> Result<Choice, Failure> {
    let policy = asked.and_then(|asked| asked.policy.as_ref());
    Ok(match policy.ok_or_else(|| Failure::missing("policy"))? {
        Policy::Newest(true) => Choice::Newest,
        Policy::FromDatacenter(name) => Choice::From(request::datacenter(name)?),
        Policy::Max(true) => Choice::Greatest,
        Policy::Min(true) => Choice::Least,
        Policy::Newest(false) | Policy::Max(false) | Policy::Min(false) => return Err(Failure::missing("policy")),
    })
}
