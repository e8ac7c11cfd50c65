//! Reads the parts that requests have in common. What passes here obeys its rule.

use std::sync::Arc;

use rejoin_api::proto;
use rejoin_api::proto::edit::Change;
use rejoin_api::proto::patch_document_request::Patch as Kind;
use rejoin_document::{
    BodyError, Checksum, DatabaseName, DatacenterName, DocumentId, Edit, Limits, NameError, Object, Patch, Revision,
};
use rejoin_store::{Conditions, OnStale, Store};

use super::error::Failure;
use super::surrogate::LoneSurrogate;

/// The name of a database that is to be created.
pub(super) fn new_database(text: &str) -> Result<DatabaseName, Failure> {
    let name: Result<DatabaseName, _> = text.parse();
    let name = name.and_then(|name| match name.has_capitals() {
        true => Err(NameError::DatabaseName),
        false => Ok(name),
    });
    name.map_err(|error| Failure::database_name(text, error))
}

/// The database that a client means: by its name the newest incarnation, or, as in `shop@1`, the one that it names. What is asked of it holds for
/// this incarnation, whatever becomes of the name meanwhile.
pub(super) fn database(store: &Store, text: &str) -> Result<DatabaseName, Failure> {
    let name = DatabaseName::explicit(text).map_err(|error| Failure::database_name(text, error))?;
    if name.has_capitals() && store.definition(&store.current(&name.base())).is_none() {
        return Err(Failure::database_name(text, NameError::DatabaseName));
    }
    if text == name.as_str() && name.incarnation() == 1 {
        Ok(store.current(&name))
    } else if store.visible().iter().any(|database| database.definition.name == name) {
        Ok(name)
    } else {
        Err(Failure::incarnation_gone(text))
    }
}

/// The name of a datacenter.
pub(super) fn datacenter(text: &str) -> Result<DatacenterName, Failure> {
    text.parse().map_err(|error| Failure::datacenter_name(text, error))
}

/// The id of a document.
pub(super) fn id(text: &str) -> Result<DocumentId, Failure> {
    text.parse().map_err(|error| Failure::document_id(text, error))
}

/// A body within `limits`.
pub(super) fn body(text: &[u8], limits: &Limits) -> Result<Arc<Object>, Failure> {
    match rejoin_document::parse_body(text, limits) {
        Ok(body) => Ok(Arc::new(body)),
        // The parser would say that the body ends too early, or nothing that a writer of escapes knows.
        Err(error @ BodyError::Syntax(_)) => match LoneSurrogate::find(text) {
            Some(lone) => Err(Failure::lone_surrogate(&lone)),
            None => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// A revision.
pub(super) fn revision(text: Option<&str>) -> Result<Option<Revision>, Failure> {
    text.map(|text| text.parse().map_err(|error| Failure::revision(text, error)))
        .transpose()
}

/// What the client presumes of the document.
pub(super) fn conditions(
    base: Option<&str>,
    checksum: Option<u64>,
    on_conflict: proto::OnConflict,
) -> Result<Conditions, Failure> {
    Ok(Conditions {
        returns_previous: false,
        base: revision(base)?,
        checksum: checksum.map(Checksum),
        on_stale: match on_conflict {
            proto::OnConflict::Unspecified | proto::OnConflict::Merge => OnStale::Merge,
            proto::OnConflict::RejectStale => OnStale::Reject,
            proto::OnConflict::KeepBranch => OnStale::Keep,
        },
    })
}

/// A patch within `limits`.
pub(super) fn patch(patch: Option<&Kind>, limits: &Limits) -> Result<Arc<Patch>, Failure> {
    let patch = match patch.ok_or_else(|| Failure::missing("patch"))? {
        Kind::MergePatch(text) => Patch::merge(text, limits)?,
        Kind::JsonPatch(text) => Patch::operations(text, limits)?,
        Kind::Edits(edits) => Patch::edits(
            edits
                .edits
                .iter()
                .map(|change| edit(change, limits))
                .collect::<Result<_, _>>()?,
        )?,
    };
    Ok(Arc::new(patch))
}

fn edit(edit: &proto::Edit, limits: &Limits) -> Result<Edit, Failure> {
    let path = edit.path.clone();
    Ok(match edit.change.as_ref().ok_or_else(|| Failure::missing("change"))? {
        Change::Increment(by) => Edit::Increment { path, by: *by },
        Change::AddElements(text) => Edit::Add {
            path,
            elements: Edit::elements(text, limits)?,
        },
        Change::RemoveElements(text) => Edit::Remove {
            path,
            elements: Edit::elements(text, limits)?,
        },
    })
}
