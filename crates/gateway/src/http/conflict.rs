//! A refused update with both sides, for clients that merge by themselves.

use rejoin_document::{DocumentId, Object, PathConflict, Revision, Value};

use super::answer::quoted;
use super::error::HttpError;
use super::outgoing::Outgoing;
use super::room::Room;
use crate::node::NodeContext;

/// What is said to people.
const MESSAGE: &str = "Sorry, there has been a conflict. Can't perform automatic merge.";

/// The refusal with the report, where it has one and there is room for it: what both changed, and the three documents as they are read.
pub(super) fn told(
    context: &NodeContext,
    id: &DocumentId,
    base: Option<&Revision>,
    mut refusal: HttpError,
) -> HttpError {
    let Some(report) = refusal.report.take() else {
        return refusal;
    };
    let conflicts: Vec<_> = report.conflicts.iter().map(conflict).collect();
    let document = |revision: Option<&Revision>, body: Option<&Object>| match (revision, body) {
        (Some(revision), Some(body)) => Outgoing::new(id.as_str(), revision, body).with_updated().json(),
        _ => "null".to_owned(),
    };
    let text = format!(
        "{{\"message\":{},\"conflicts\":[{}],\"yours\":{},\"ours\":{},\"base\":{},\"error\":{},\"reason\":{}}}\n",
        quoted(MESSAGE),
        conflicts.join(","),
        document(base, report.yours.as_deref()),
        document(Some(&report.revision), report.ours.as_deref()),
        document(base, report.base.as_deref()),
        quoted(refusal.error),
        quoted(&refusal.reason),
    );
    let mut room = Room::new(context);
    // It is refused whatever room there is: without any it says no more than CouchDB would.
    if room.add(&text).is_ok() {
        refusal.told = Some(Box::new(room));
    }
    refusal
}

fn conflict(conflict: &PathConflict) -> String {
    let value = |name: &str, value: Option<&Value>| match value {
        Some(value) => format!(",\"{name}\":{}", value.to_json()),
        None => String::new(),
    };
    format!(
        "{{\"_key\":{}{}{}{}}}",
        quoted(&key(&conflict.path)),
        value("base_value", conflict.base_value.as_ref()),
        value("our_value", conflict.our_value.as_ref()),
        value("your_value", conflict.your_value.as_ref()),
    )
}

/// The bare name of a member of the document; further down a JSON pointer.
fn key(path: &str) -> String {
    match path.strip_prefix('/') {
        Some(name) if !name.contains('/') => name.replace("~1", "/").replace("~0", "~"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_named_as_it_is_and_what_is_below_by_a_pointer() {
        assert_eq!(key("/first_name"), "first_name");
        assert_eq!(key("/a~1b~0c"), "a/b~c");
        assert_eq!(key("/address/town"), "/address/town");
        assert_eq!(key(""), "");
    }
}
