//! The parameters of a request's query.

use std::collections::BTreeMap;

use rejoin_document::Revision;
use serde_json::{Map, Value as Json};

use super::error::HttpError;
use super::route;

/// Parameters of one request at most.
const PARAMETERS_MAX: usize = 64;

/// Parameters whose values are JSON.
const JSON: [&str; 6] = ["key", "keys", "startkey", "start_key", "endkey", "end_key"];

/// The parameters; of one that is given twice the last counts, as in CouchDB.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, HttpError> {
        let mut parameters = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| route::decode(&text.replace('+', " "));
            parameters.insert(decode(name)?, decode(value)?);
            if parameters.len() > PARAMETERS_MAX {
                return Err(too_many());
            }
        }
        Ok(Self(parameters))
    }

    /// These with what the members of a body say over them, as CouchDB takes a `POST` that asks: a text that stands for JSON in an address is JSON here.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn with_body(mut self, body: Map<String, Json>) -> Result<Self, HttpError> {
        for (name, value) in body {
            let text = match value {
                Json::String(text) if !JSON.contains(&name.as_str()) => text,
                value => value.to_string(),
            };
            self.0.insert(name, text);
        }
        match self.0.len() > PARAMETERS_MAX {
            true => Err(too_many()),
            false => Ok(self),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `true` or `false`; false if it is not given.
    pub(super) fn flag(&self, name: &str) -> Result<bool, HttpError> {
        self.flag_or(name, false)
    }

    pub(super) fn flag_or(&self, name: &str, usual: bool) -> Result<bool, HttpError> {
        match self.text(name) {
            None => Ok(usual),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(HttpError::query(format!("Invalid boolean parameter {name}: {other:?}"))),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, HttpError> {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| HttpError::query(format!("Invalid value for integer parameter {name}: {text:?}")))
            })
            .transpose()
    }

    /// A parameter that is JSON.
    pub(super) fn json(&self, name: &str) -> Result<Option<Json>, HttpError> {
        let parse = |text: &str| {
            serde_json::from_str(text).map_err(|_| {
                HttpError::bad_request(format!(
                    "invalid UTF-8 JSON in the parameter {name}: {text:?}; a text has quotes, as in %22{text}%22"
                ))
            })
        };
        self.text(name).map(parse).transpose()
    }

    /// All parameters.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn revision(&self, name: &str) -> Result<Option<Revision>, HttpError> {
        self.text(name).map(revision).transpose()
    }
}

fn too_many() -> HttpError {
    HttpError::query(format!("a request has at most {PARAMETERS_MAX} parameters"))
}

/// Reads a revision's id.
pub(super) fn revision(text: &str) -> Result<Revision, HttpError> {
    text.parse().map_err(|_| HttpError::bad_request("Invalid rev format"))
}
