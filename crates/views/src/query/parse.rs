//! Reads the parameters of a query, from a URL or from a body.

use rejoin_document::{Object, Value, parse_stored_value};

use super::{QueryParseError, Update, ViewQuery};

/// A parameter's value: a text of a URL, or a member of a body.
enum Raw<'a> {
    Text(&'a str),
    Json(&'a Value),
}

impl ViewQuery {
    /// The query of a URL: its parameters, unescaped, in their order. Of one that comes twice the last counts; unknown ones mean nothing.
    ///
    /// # Errors
    /// [`QueryParseError`], in CouchDB's words.
    pub fn parse<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, QueryParseError> {
        let mut query = Self::default();
        for (name, value) in parameters {
            query.set(name, &Raw::Text(value))?;
        }
        Ok(query)
    }

    /// The query with what the body of a `POST` says over it: `keys`, and any other parameter as a member.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn with_body(mut self, body: &Object) -> Result<Self, QueryParseError> {
        for (name, value) in body.iter() {
            self.set(name, &Raw::Json(value))?;
        }
        Ok(self)
    }

    fn set(&mut self, name: &str, value: &Raw<'_>) -> Result<(), QueryParseError> {
        match name {
            "key" => {
                self.start_key = Some(value.json(name)?);
                self.end_key.clone_from(&self.start_key);
            }
            "keys" => self.keys = Some(value.json(name)?),
            "startkey" | "start_key" => self.start_key = Some(value.json(name)?),
            "endkey" | "end_key" => self.end_key = Some(value.json(name)?),
            "startkey_docid" | "start_key_doc_id" => self.start_id = Some(value.text("start_key_docid")?),
            "endkey_docid" | "end_key_doc_id" => self.end_id = Some(value.text("end_key_docid")?),
            "inclusive_end" => self.inclusive_end = value.boolean()?,
            "descending" => self.descending = value.boolean()?,
            "limit" => self.limit = Some(value.count()?),
            "skip" => self.skip = value.count()?,
            "reduce" => self.reduce = Some(value.boolean()?),
            "group" => self.group = Some(value.boolean()?),
            "group_level" => self.group_level = Some(value.count()?),
            "include_docs" => self.include_docs = value.boolean()?,
            "conflicts" => self.conflicts = Some(value.boolean()?),
            "update_seq" => self.update_seq = value.boolean()?,
            "update" => {
                self.update = value.choice(
                    name,
                    &[("true", Update::True), ("false", Update::False), ("lazy", Update::Lazy)],
                )?
            }
            "stale" => self.update = value.choice(name, &[("ok", Update::False), ("update_after", Update::Lazy)])?,
            "stable" => value.choice(name, &[("true", ()), ("false", ())])?,
            "sorted" => drop(value.boolean()?),
            _ => {}
        }
        Ok(())
    }
}

impl Raw<'_> {
    /// As Erlang prints it in CouchDB's messages.
    fn shown(&self) -> String {
        const CHARACTERS_MAX: usize = 100;
        let text = match self {
            Self::Text(text) => Value::from(*text).to_json(),
            Self::Json(value) => value.to_json(),
        };
        text.chars().take(CHARACTERS_MAX).collect()
    }

    fn json(&self, name: &str) -> Result<Value, QueryParseError> {
        match self {
            Self::Text(text) => parse_stored_value(text.as_bytes())
                .map_err(|error| QueryParseError::new(format!("Invalid JSON in `{name}`: {error}"))),
            Self::Json(value) => Ok((*value).clone()),
        }
    }

    fn text(&self, name: &str) -> Result<String, QueryParseError> {
        match self {
            Self::Text(text) => Ok((*text).to_owned()),
            Self::Json(Value::String(text)) => Ok(text.to_string()),
            Self::Json(_) => Err(QueryParseError::new(format!("`{name}` must be a string."))),
        }
    }

    /// The text of a parameter that is one word.
    fn word(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(Value::String(text)) => Some(text),
            Self::Json(Value::Bool(true)) => Some("true"),
            Self::Json(Value::Bool(false)) => Some("false"),
            Self::Json(_) => None,
        }
    }

    fn boolean(&self) -> Result<bool, QueryParseError> {
        match self.word().map(str::to_ascii_lowercase).as_deref() {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            _ => Err(QueryParseError::new(format!(
                "Invalid boolean parameter: {}",
                self.shown()
            ))),
        }
    }

    fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, QueryParseError> {
        let found = choices.iter().find(|(word, _)| self.word() == Some(*word));
        found
            .map(|(_, choice)| *choice)
            .ok_or_else(|| QueryParseError::new(format!("Invalid value for `{name}`.")))
    }

    /// A number of rows. More than anybody has counts as the most there is.
    fn count(&self) -> Result<u64, QueryParseError> {
        let text = match self {
            Self::Json(Value::Number(number)) => number.to_text(),
            _ => self.word().unwrap_or_default().to_owned(),
        };
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(QueryParseError::new(format!(
                "Invalid value for integer: {}",
                self.shown()
            )));
        }
        match digits.parse().unwrap_or(u64::MAX) {
            count if negative && count > 0 => Err(QueryParseError::new(format!(
                "Invalid value for positive integer: {}",
                self.shown()
            ))),
            count => Ok(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(name: &str, value: &str) -> String {
        ViewQuery::parse([(name, value)]).expect_err(value).0
    }

    #[test]
    fn parameters_are_read_as_couchdb_reads_them() {
        let query = ViewQuery::parse([
            ("startkey", "[1]"),
            ("startkey_docid", "a"),
            ("endkey", "{}"),
            ("end_key_doc_id", "\"b"),
            ("inclusive_end", "false"),
            ("descending", "TRUE"),
            ("limit", "5"),
            ("limit", "7"),
            ("skip", "+2"),
            ("reduce", "true"),
            ("group", "false"),
            ("group_level", "3"),
            ("update", "lazy"),
            ("include_docs", "true"),
            ("conflicts", "true"),
            ("update_seq", "true"),
            ("unknown", "{"),
            ("", ""),
        ]);
        let expected = ViewQuery {
            start_key: Some(Value::Array(vec![Value::from(1)])),
            start_id: Some("a".into()),
            end_key: Some(Value::Object(Object::new())),
            end_id: Some("\"b".into()),
            keys: None,
            inclusive_end: false,
            descending: true,
            limit: Some(7),
            skip: 2,
            reduce: Some(true),
            group: Some(false),
            group_level: Some(3),
            update: Update::Lazy,
            include_docs: true,
            conflicts: Some(true),
            update_seq: true,
        };
        assert_eq!(query, Ok(expected));
    }

    #[test]
    fn a_key_is_both_ends_and_stale_is_an_older_word_for_update() {
        let query = ViewQuery::parse([("key", "\"k\""), ("stale", "ok"), ("limit", "99999999999999999999")]).unwrap();
        assert_eq!(
            (query.start_key, query.end_key),
            (Some(Value::from("k")), Some(Value::from("k")))
        );
        assert_eq!((query.update, query.limit), (Update::False, Some(u64::MAX)));
        assert_eq!(
            ViewQuery::parse([("stale", "update_after")]).unwrap().update,
            Update::Lazy
        );
    }

    #[test]
    fn a_body_says_the_same_in_json() {
        let body = r#"{"keys":["a",1],"limit":3,"descending":true,"skip":"4","update":false,"startkey_docid":"x"}"#;
        let body = parse_stored_value(body.as_bytes()).unwrap();
        let query = ViewQuery::parse([("limit", "1")])
            .unwrap()
            .with_body(body.as_object().unwrap())
            .unwrap();
        assert_eq!(query.keys, Some(Value::Array(vec![Value::from("a"), Value::from(1)])));
        assert_eq!(
            (query.limit, query.descending, query.skip, query.update),
            (Some(3), true, 4, Update::False)
        );
        let body = parse_stored_value(br#"{"startkey_docid":1}"#).unwrap();
        let refused = ViewQuery::default().with_body(body.as_object().unwrap()).unwrap_err();
        assert_eq!(refused.0, "`start_key_docid` must be a string.");
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_couchdbs_words() {
        assert_eq!(refusal("reduce", "maybe"), "Invalid boolean parameter: \"maybe\"");
        assert_eq!(refusal("limit", "x"), "Invalid value for integer: \"x\"");
        assert_eq!(refusal("limit", ""), "Invalid value for integer: \"\"");
        assert_eq!(refusal("skip", "-1"), "Invalid value for positive integer: \"-1\"");
        assert_eq!(refusal("group_level", "1.5"), "Invalid value for integer: \"1.5\"");
        assert_eq!(refusal("update", "soon"), "Invalid value for `update`.");
        assert_eq!(refusal("stale", "true"), "Invalid value for `stale`.");
        assert_eq!(refusal("stable", "ok"), "Invalid value for `stable`.");
        assert!(refusal("key", "abc").starts_with("Invalid JSON in `key`: "));
        assert!(refusal("startkey", "").starts_with("Invalid JSON in `startkey`: "));
        assert!(refusal("keys", "[1").starts_with("Invalid JSON in `keys`: "));
    }

    proptest! {
        #[test]
        fn no_parameters_panic(name in "(key|keys|limit|skip|group|group_level|update|stale|startkey|reduce)", value in "\\PC{0,12}|[-+0-9.e]{0,6}|[\\[\\]{}\",:0-9]{0,9}") {
            let _ = ViewQuery::parse([(name.as_str(), value.as_str())]);
        }
    }
}
