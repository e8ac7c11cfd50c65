//! One line of a load: its `_id` is cut out, everything else stays as it is written. A line of an export is taken as well: there the body
//! stands in a member of its own.

use std::fmt;

use bytes::Bytes;
use rejoin_api::Reason;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::LINE_BYTES_MAX;

/// The member that names the document.
const ID: &str = "_id";

/// All members that a line of an export can have.
const EXPORT_MEMBERS: [&str; 5] = ["id", "revision", "deleted", "body", "history"];

/// A document to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The document's id.
    pub(super) id: String,
    /// The other members as a JSON object: their order and the text of their values as in the line.
    pub(super) body: Bytes,
}

/// Why a line is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    /// The reason for programs.
    pub(super) reason: Reason,
    /// The reason for people.
    pub(super) message: String,
}

impl Entry {
    /// Takes a line apart. Only its outline is checked here; the node judges the body. `None`: a line of an export that has no body, since it is of
    /// a deleted document or goes on with a history.
    ///
    /// # Errors
    /// [`BadLine`] for a line that names no document.
    pub(super) fn parse(line: &[u8]) -> Result<Option<Self>, BadLine> {
        let first = line.iter().find(|byte| !byte.is_ascii_whitespace());
        let members = serde_json::from_slice::<Members<'_>>(line).map_err(|error| match (first, error.classify()) {
            (Some(b'{'), _) | (_, serde_json::error::Category::Syntax | serde_json::error::Category::Eof) => {
                bad(Reason::InvalidJson, format!("not valid JSON: {}", without_line(&error)))
            }
            _ => bad(
                Reason::BodyNotObject,
                "a line must be a JSON object with the member \"_id\"".to_owned(),
            ),
        })?;
        if members.is_export() {
            return members.exported();
        }
        let mut id = None;
        let mut body = String::with_capacity(line.len());
        for (name, value) in &members.0 {
            if name == ID {
                if id.replace(text(name, value)?).is_some() {
                    return Err(twice(name));
                }
                continue;
            }
            body.push(if body.is_empty() { '{' } else { ',' });
            body.push_str(&serde_json::Value::from(name.as_str()).to_string());
            body.push(':');
            body.push_str(value.get());
        }
        body.push_str(if body.is_empty() { "{}" } else { "}" });
        let id = id.ok_or_else(|| bad(Reason::InvalidId, members.nameless()))?;
        Ok(Some(Self { id, body: body.into() }))
    }
}

impl BadLine {
    /// A line that no node would take.
    pub(super) fn too_large() -> Self {
        let message = format!("the line is longer than {} MiB", LINE_BYTES_MAX / (1024 * 1024));
        bad(Reason::BodyTooLarge, message)
    }
}

fn bad(reason: Reason, message: String) -> BadLine {
    BadLine { reason, message }
}

fn twice(name: &str) -> BadLine {
    bad(Reason::InvalidId, format!("the member {name:?} stands there twice"))
}

/// An id. Text can be wrong too: an escape may stand for half of a character.
fn text(name: &str, value: &RawValue) -> Result<String, BadLine> {
    serde_json::from_str::<String>(value.get()).map_err(|error| {
        let problem = if value.get().starts_with('"') {
            format!("the member {name:?} is not valid text: {}", without_line(&error))
        } else {
            format!("the member {name:?} must be a string")
        };
        bad(Reason::InvalidId, problem)
    })
}

/// The parser's message without its line number, which is always 1 here.
fn without_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

/// All members of an object in their order, duplicates too, with the text of their values.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

impl Members<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }

    /// No document of a plain file looks like this: it would have the member `_id`.
    fn is_export(&self) -> bool {
        let known = |(name, _): &(String, _)| EXPORT_MEMBERS.contains(&name.as_str());
        let says_something = self.has("body") || self.has("history") || self.has("deleted");
        self.has("id") && says_something && self.0.iter().all(known)
    }

    /// Why a line names no document.
    fn nameless(&self) -> String {
        let strange = self.0.iter().map(|(name, _)| name);
        let mut strange = strange.filter(|name| !EXPORT_MEMBERS.contains(&name.as_str()));
        match strange.next() {
            Some(strange) if self.has("id") && self.has("body") => {
                format!("the member \"_id\" is missing, and a line of an export has no member {strange:?}")
            }
            _ => "the member \"_id\" is missing".to_owned(),
        }
    }

    /// The document of a line of an export, with the text of its body as it stands there.
    fn exported(&self) -> Result<Option<Entry>, BadLine> {
        let (mut id, mut body) = (None, None);
        for (name, value) in &self.0 {
            let again = match name.as_str() {
                "id" => id.replace(text(name, value)?).is_some(),
                "body" => body.replace(Bytes::copy_from_slice(value.get().as_bytes())).is_some(),
                _ => false,
            };
            if again {
                return Err(twice(name));
            }
        }
        Ok(id.zip(body).map(|(id, body)| Entry { id, body }))
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(line: &str) -> Result<(String, String), Reason> {
        let parsed = Entry::parse(line.as_bytes()).map_err(|bad| bad.reason)?;
        let entry = parsed.expect("a line with a body");
        Ok((entry.id, String::from_utf8(entry.body.to_vec()).unwrap()))
    }

    fn entry(id: &str, body: &str) -> Result<(String, String), Reason> {
        Ok((id.to_owned(), body.to_owned()))
    }

    #[test]
    fn the_id_is_cut_out_wherever_it_stands() {
        assert_eq!(parse(r#"{"_id":"x","b":1,"a":2}"#), entry("x", r#"{"b":1,"a":2}"#));
        assert_eq!(parse(r#"{"b":1,"_id":"x","a":2}"#), entry("x", r#"{"b":1,"a":2}"#));
        assert_eq!(parse(r#"{"b":1,"a":2,"_id":"x"}"#), entry("x", r#"{"b":1,"a":2}"#));
        assert_eq!(parse(r#"{"_id":"x"}"#), entry("x", "{}"));
    }

    #[test]
    fn a_line_of_an_export_is_taken_with_the_text_of_its_body() {
        let line = r#"{"id":"\u0078","revision":"2-abc","body":{ "n":1.50, "id":7 },"history":[{"body":{"n":1}}]}"#;
        assert_eq!(parse(line), entry("x", r#"{ "n":1.50, "id":7 }"#));
        assert_eq!(parse(r#"{"body":{},"id":"x"}"#), entry("x", "{}"));
        for nothing in [
            r#"{"id":"x","revision":"2-abc","deleted":true,"history":[]}"#,
            r#"{"id":"x","history":[{"revision":"1-abc"}]}"#,
        ] {
            assert_eq!(Entry::parse(nothing.as_bytes()), Ok(None), "{nothing}");
        }
        // A document of a plain file that only looks like one is taken as it is.
        let plain = r#"{"_id":"x","id":"y","body":{}}"#;
        assert_eq!(parse(plain), entry("x", r#"{"id":"y","body":{}}"#));
        for bad in [
            r#"{"id":7,"body":{}}"#,
            r#"{"id":"x","id":"y","body":{}}"#,
            r#"{"id":"x","body":{},"body":{}}"#,
            r#"{"id":"x","body":{},"other":1}"#,
            r#"{"id":"x","revision":"1-a"}"#,
        ] {
            assert_eq!(
                Entry::parse(bad.as_bytes()).map_err(|bad| bad.reason),
                Err(Reason::InvalidId),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_line_of_an_export_with_something_more_is_told_of_that() {
        let bad = Entry::parse(br#"{"id":"x","body":{},"other":1}"#).unwrap_err();
        assert!(bad.message.contains("no member \"other\""), "{}", bad.message);
    }

    #[test]
    fn numbers_and_inner_ids_stay_as_they_are_written() {
        let line = r#" {"n":1.50e+2, "_id":"\u0078", "big":123456789012345678901234567890,"o":{"_id":"in"}} "#;
        let body = r#"{"n":1.50e+2,"big":123456789012345678901234567890,"o":{"_id":"in"}}"#;
        assert_eq!(parse(line), entry("x", body));
    }

    #[test]
    fn names_are_escaped_again() {
        assert_eq!(parse(r#"{"_id":"x","a\"b\n":1}"#), entry("x", r#"{"a\"b\n":1}"#));
    }

    #[test]
    fn a_bad_line_has_a_reason() {
        assert_eq!(parse("{not json"), Err(Reason::InvalidJson));
        assert_eq!(parse(r#"{"_id":"x","a":}"#), Err(Reason::InvalidJson));
        assert_eq!(parse(r#"{"_id":"x"} trailing"#), Err(Reason::InvalidJson));
        assert_eq!(parse("\u{0}"), Err(Reason::InvalidJson));
        assert_eq!(parse("[1]"), Err(Reason::BodyNotObject));
        assert_eq!(parse("7"), Err(Reason::BodyNotObject));
        assert_eq!(parse(r#"{"a":1}"#), Err(Reason::InvalidId));
        assert_eq!(parse(r#"{"_id":7}"#), Err(Reason::InvalidId));
        assert_eq!(parse(r#"{"_id":"x","_id":"y"}"#), Err(Reason::InvalidId));
    }

    #[test]
    fn a_deep_value_is_passed_on_for_the_node_to_judge() {
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(
            parse(&format!(r#"{{"_id":"x","deep":{deep}}}"#)),
            entry("x", &format!(r#"{{"deep":{deep}}}"#))
        );
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Entry::parse(&line);
        }
    }
}
