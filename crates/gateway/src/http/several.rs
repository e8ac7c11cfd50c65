//! Several revisions of a document in one answer: a JSON array, or the parts of `multipart/mixed`.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use rejoin_document::Revision;

use super::answer::{self, quoted};
use super::error::HttpError;
use super::room::Room;
use crate::node::NodeContext;

/// Such an answer, as it is made.
pub(super) struct Several {
    room: Room,
    /// What stands between two parts; none: they are items of an array.
    boundary: Option<String>,
    any: bool,
}

impl Several {
    /// One without parts.
    ///
    /// # Errors
    ///
    /// There is no room for it, as of everything that is added to it.
    pub(super) fn new(context: &NodeContext, json: bool) -> Result<Self, HttpError> {
        let mut room = Room::new(context);
        if json {
            room.add("[")?;
        }
        Ok(Self {
            room,
            boundary: (!json).then(|| format!("{:032x}", rand::random::<u128>())),
            any: false,
        })
    }

    /// Adds a revision; one without a document is said to be missing.
    pub(super) fn add(&mut self, revision: &Revision, document: Option<&str>) -> Result<(), HttpError> {
        let missing = || format!("{{\"missing\":{}}}", quoted(&revision.to_string()));
        let Some(boundary) = &self.boundary else {
            self.room.add(if self.any { "," } else { "" })?;
            self.any = true;
            return match document {
                Some(document) => self.room.add(&format!("{{\"ok\":{document}}}")),
                None => self.room.add(&missing()),
            };
        };
        let part = match document {
            Some(document) => format!("Content-Type: application/json\r\n\r\n{document}\r\n"),
            None => format!(
                "Content-Type: application/json; error=\"true\"\r\n\r\n{}\r\n",
                missing()
            ),
        };
        self.room.add(&format!("--{boundary}\r\n{part}"))
    }

    /// The answer.
    pub(super) fn end(mut self) -> Result<Response, HttpError> {
        let Some(boundary) = self.boundary else {
            self.room.add("]\n")?;
            return Ok(answer::stream(self.room.into_body()));
        };
        self.room.add(&format!("--{boundary}--"))?;
        let kind = format!("multipart/mixed; boundary=\"{boundary}\"");
        // A boundary of hexadecimal digits can stand in a header.
        let kind = HeaderValue::from_str(&kind).unwrap_or(HeaderValue::from_static("multipart/mixed"));
        Ok(answer::with_type(StatusCode::OK, kind, self.room.into_body()))
    }
}
