//! Takes a path apart and finds who answers.
//!
//! A path is split at its slashes before it is decoded, so `%2F` is a part of a name and never separates two. `..` means nothing.

use axum::http::{Method, StatusCode};
use axum::response::Response;

use super::body::Request;
use super::error::HttpError;
use super::{
    api, bulk_docs, bulk_get, changes, database, document, local, receivers, replicate, resources, revs_diff, root,
    views,
};
use crate::node::NodeContext;

/// Segments of a path at most.
const SEGMENTS_MAX: usize = 16;

/// Resources of CouchDB's databases that are not served.
const NOT_SERVED: [&str; 5] = ["_explain", "_find", "_index", "_partition", "_shards"];

/// Answers a request.
///
/// # Errors
///
/// Nothing is there, the method is none of the resource's, or the resource refuses.
pub(super) async fn dispatch(context: &NodeContext, mut request: Request) -> Result<Response, HttpError> {
    let path = request.path().to_owned();
    let segments = segments(&path)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = request.method().clone();
    match segments.as_slice() {
        [] => only(&method, "GET,HEAD").map(|()| root::welcome(context)),
        ["_up"] => only(&method, "GET,HEAD").map(|()| root::up(context)),
        ["_replicate"] => {
            only(&method, "POST")?;
            replicate::post(context, &mut request).await
        }
        ["api", "receivers", database, "entities"] => {
            only(&method, "POST")?;
            receivers::post(context, database, &mut request).await
        }
        // A database may be called so: what begins with an underscore is no type.
        ["api", kind, id] if !kind.starts_with('_') => api::one(context, kind, id, &mut request).await,
        ["api", kind] if method == Method::POST && !kind.starts_with('_') => {
            api::create(context, kind, &mut request).await
        }
        [name, ..] if name.starts_with('_') => {
            let answered = resources::of_server(context, &segments, &mut request).await;
            answered.unwrap_or_else(|| Err(HttpError::missing()))
        }
        [name] => database::answer(context, name, &mut request).await,
        [name, "_bulk_docs"] => {
            only(&method, "POST")?;
            bulk_docs::post(context, &database::name(context, name)?, &mut request).await
        }
        [name, "_bulk_get"] => {
            only(&method, "POST")?;
            bulk_get::post(context, &database::name(context, name)?, &mut request).await
        }
        [name, "_changes"] => {
            only(&method, "GET,HEAD,POST")?;
            changes::answer(context, &database::name(context, name)?, &mut request).await
        }
        [name, "_revs_diff"] => {
            only(&method, "POST")?;
            revs_diff::post(context, &database::name(context, name)?, &mut request).await
        }
        [name, "_local", id @ ..] if !id.is_empty() => {
            let id = id.join("/");
            local::answer(context, &database::name(context, name)?, &id, &mut request).await
        }
        [name, "_design", design, "_view", view] => {
            only(&method, "GET,HEAD,POST")?;
            views::of_design(context, &database::name(context, name)?, design, view, &mut request).await
        }
        [name, "_temp_view"] => {
            only(&method, "POST")?;
            views::temporary(context, &database::name(context, name)?, &mut request).await
        }
        [name, "_design", design] => {
            let id = format!("_design/{design}");
            document::answer(context, &database::name(context, name)?, &id, &mut request).await
        }
        [_, resource] if NOT_SERVED.contains(resource) => Err(nothing(context, &segments)),
        [name, rest @ ..] => match resources::of_database(context, name, rest, &mut request).await {
            Some(answered) => answered,
            None => match rest {
                [id] => document::answer(context, &database::name(context, name)?, id, &mut request).await,
                _ => Err(nothing(context, &segments)),
            },
        },
    }
}

/// Why nothing is there: CouchDB may have something, which is not served.
fn nothing(context: &NodeContext, segments: &[&str]) -> HttpError {
    let not_served = |reason: String| HttpError::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", reason);
    match segments {
        [name, ..] if database::name(context, name).is_err() => HttpError::missing(),
        [_, resource] => not_served(format!("{resource} is not served")),
        // The slashes of an id are encoded: behind one that is not, CouchDB has an attachment.
        [_, id, ..] if !id.starts_with('_') => {
            not_served("attachments are not stored; write %2F for a slash in an id".to_owned())
        }
        _ => HttpError::missing(),
    }
}

/// # Errors
///
/// The method is none of those that the resource takes.
pub(super) fn only(method: &Method, allowed: &str) -> Result<(), HttpError> {
    match allowed.split(',').any(|one| one == method.as_str()) {
        true => Ok(()),
        false => Err(HttpError::method(allowed)),
    }
}

/// The parts of a path.
///
/// # Errors
///
/// One is not encoded as it should be, or there are too many.
pub(super) fn segments(path: &str) -> Result<Vec<String>, HttpError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.len() > SEGMENTS_MAX {
        return Err(HttpError::missing());
    }
    parts.into_iter().map(decode).collect()
}

/// Percent-encoded text.
///
/// # Errors
///
/// It is not UTF-8, has a NUL, or a `%` that two hexadecimal digits do not follow.
pub(super) fn decode(text: &str) -> Result<String, HttpError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let digits = after.split_at_checked(2);
        let byte = digits.and_then(|(digits, _)| {
            let high = char::from(digits[0]).to_digit(16)?;
            let low = char::from(digits[1]).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        });
        let (Some(byte), Some((_, after))) = (byte, digits) else {
            return Err(HttpError::bad_request(format!(
                "{text:?} is not percent-encoded as it should be"
            )));
        };
        bytes.push(byte);
        rest = after;
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err(HttpError::bad_request("a name must not hold a NUL")),
        Ok(text) => Ok(text),
        Err(_) => Err(HttpError::bad_request(format!("{text:?} is not UTF-8"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_before_it_is_decoded() {
        assert_eq!(segments("/a%2Fb/c").unwrap(), ["a/b", "c"]);
        assert_eq!(segments("//a/../b/").unwrap(), ["a", "..", "b"]);
        assert_eq!(segments("/").unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_text() {
        for wrong in ["%", "%2", "%zz", "%ff", "a%00b"] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
        assert_eq!(decode("%C3%A5%20+").unwrap(), "\u{e5} +");
    }
}
