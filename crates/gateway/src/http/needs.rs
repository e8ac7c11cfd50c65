//! What role each request takes, and in which database: the one table. What it does not name takes the greatest.

use axum::http::Method;

use super::error::HttpError;
use super::route;
use crate::access::Role::{self, Admin, Reader, Writer};
use crate::access::{Principal, Scope};

/// What a request takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Needs<'a> {
    /// Nothing: probes have no credentials.
    Nothing,
    /// Any user: each is shown what he may see.
    AnyUser,
    /// A role in what it is about.
    Role(Role, Scope<'a>),
}

impl<'a> Needs<'a> {
    /// What a request for a path takes.
    fn of(method: &Method, segments: &[&'a str]) -> Self {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let of_all = |role| Self::Role(role, Scope::Node);
        let of = |name: &'a str, role| Self::Role(role, Scope::Database(name));
        let either = |name, reading, writing| of(name, if reads { reading } else { writing });
        match *segments {
            [] | ["_up"] => Self::Nothing,
            ["_all_dbs" | "_dbs_info" | "_uuids"] => Self::AnyUser,
            // It dials whatever address it is given.
            ["_replicate"] => of_all(Admin),
            ["api", "receivers", name, "entities"] => of(name, Writer),
            ["api", kind] if *method == Method::POST && !kind.starts_with('_') => of(kind, Writer),
            ["api", kind, _] if !kind.starts_with('_') => either(kind, Reader, Writer),
            [name, ..] if name.starts_with('_') => of_all(Admin),
            [_] if *method == Method::PUT => of_all(Admin),
            [name] if *method == Method::DELETE => of(name, Admin),
            [name] => either(name, Reader, Writer),
            // They are asked with POST, too.
            [
                name,
                "_all_docs"
                | "_design_docs"
                | "_local_docs"
                | "_bulk_get"
                | "_changes"
                | "_revs_diff"
                | "_missing_revs"
                | "_ensure_full_commit",
            ] => of(name, Reader),
            [name, "_all_docs" | "_design_docs", "queries"] => of(name, Reader),
            [name, "_design", _, "_view", _] | [name, "_design", _, "_view", _, "queries"] => of(name, Reader),
            [name, "_security" | "_revs_limit"] => either(name, Reader, Admin),
            [
                name,
                "_compact" | "_view_cleanup" | "_purge" | "_purged_infos" | "_purged_infos_limit",
                ..,
            ] => of(name, Admin),
            // It runs what it is sent, as a design document does that a writer stores.
            [name, "_temp_view"] => of(name, Writer),
            [name, ..] => either(name, Reader, Writer),
        }
    }

    /// What a request takes; one whose path cannot be read is told so.
    pub(super) fn check(who: &Principal, method: &Method, path: &str) -> Result<(), HttpError> {
        let segments = route::segments(path)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match Needs::of(method, &segments) {
            Needs::Nothing | Needs::AnyUser => Ok(()),
            Needs::Role(role, scope) => Ok(who.may(role, scope)?),
        }
    }

    /// Whether a request is answered to whoever sends it.
    pub(super) fn nothing(method: &Method, path: &str) -> bool {
        let segments = route::segments(path).unwrap_or_else(|_| vec![path.to_owned()]);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        matches!(Needs::of(method, &segments), Needs::Nothing)
    }
}
