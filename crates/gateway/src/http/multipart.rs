//! Several revisions of a document as the parts of one answer.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use rejoin_document::Revision;

use super::answer::{self, quoted};

/// `multipart/mixed`, one part for each revision; a part without a document says that it is missing.
pub(super) fn of_revisions<'a>(parts: impl Iterator<Item = (&'a Revision, Option<String>)>) -> Response {
    let boundary = format!("{:032x}", rand::random::<u128>());
    let mut text = String::new();
    for (revision, part) in parts {
        text.push_str(&format!("--{boundary}\r\n"));
        match part {
            Some(document) => text.push_str(&format!("Content-Type: application/json\r\n\r\n{document}\r\n")),
            None => text.push_str(&format!(
                "Content-Type: application/json; error=\"true\"\r\n\r\n{{\"missing\":{}}}\r\n",
                quoted(&revision.to_string())
            )),
        }
    }
    text.push_str(&format!("--{boundary}--"));
    let kind = format!("multipart/mixed; boundary=\"{boundary}\"");
    // A boundary of hexadecimal digits can stand in a header.
    let kind = HeaderValue::from_str(&kind).unwrap_or(HeaderValue::from_static("multipart/mixed"));
    answer::with_type(StatusCode::OK, kind, Body::from(text))
}
