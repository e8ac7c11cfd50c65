//! Patches: changes of a body that a client sends instead of the whole of it.
//!
//! The library that applies them knows numbers as it knows them: it would write `1e2` as `1e+2`. So numbers go through it as marked strings, and
//! come back with every digit; a `test` compares them by their text, as everything here does.

use std::collections::BTreeSet;
use std::fmt;

use json_patch::PatchOperation;
use serde_json::Value as Json;
use thiserror::Error;

use crate::value::{DEPTH_MAX, parse_value};
use crate::{BodyError, Limits, Number, Object, Value, parse_body};

/// Operations of one JSON Patch at most.
pub const PATCH_OPERATIONS_MAX: usize = 1000;

/// A change of a body.
#[derive(Debug, Clone)]
pub struct Patch {
    kind: Kind,
    bytes: usize,
}

#[derive(Debug, Clone)]
enum Kind {
    Merge(Json),
    Operations(json_patch::Patch),
    Edits(Vec<Edit>),
}

/// A change that needs no read. Paths are JSON pointers (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Adds to an integer; one that is not there counts from 0.
    Increment {
        /// The number.
        path: String,
        /// What is added; may be negative.
        by: i64,
    },
    /// Adds elements to an array that does not have them; one that is not there begins empty.
    Add {
        /// The array.
        path: String,
        /// The elements.
        elements: Vec<Value>,
    },
    /// Takes elements out of an array that has them.
    Remove {
        /// The array.
        path: String,
        /// The elements.
        elements: Vec<Value>,
    },
}

/// Why a patch cannot be applied. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatchError {
    /// The text is not a patch of its kind.
    #[error("the patch cannot be read: {0}; send one of its kind")]
    Syntax(String),
    /// A `test` of a JSON Patch failed, or a path of it leads nowhere.
    #[error("the patch does not fit the document: {0}; read the document and send one that does")]
    Misfit(String),
    /// An increment of something that is no integer of 64 bits, or beyond its range.
    #[error(
        "`{path}` cannot be incremented: it is no integer of 64 bits, or would not be one afterwards; put one there first"
    )]
    NotAnInteger {
        /// JSON pointer.
        path: String,
    },
    /// Elements for something that is no array.
    #[error("`{path}` is no array, so elements cannot be added to it or taken out of it; put an array there first")]
    NotAnArray {
        /// JSON pointer.
        path: String,
    },
    /// The way to a path does not exist, or ends in an array.
    #[error("nothing holds `{path}`; write the object that holds it first")]
    NoParent {
        /// JSON pointer.
        path: String,
    },
    /// What the patch makes of the body is no valid body.
    #[error("the patched document is not valid: {0}")]
    Body(#[from] BodyError),
}

impl Patch {
    /// Reads a JSON Merge Patch (RFC 7396): members replace, `null` removes.
    ///
    /// # Errors
    /// [`PatchError::Syntax`]: it is not JSON, beyond the limits of a body, or no object, which would replace the body by something else.
    pub fn merge(text: &[u8], limits: &Limits) -> Result<Self, PatchError> {
        match parse_value(text, limits).map_err(syntax)? {
            patch @ Value::Object(_) => Ok(Self::new(Kind::Merge(marked(&patch)), text.len())),
            _ => Err(PatchError::Syntax(
                "a merge patch for a document is a JSON object".to_owned(),
            )),
        }
    }

    /// Reads a JSON Patch (RFC 6902): operations one after another, all or none.
    ///
    /// # Errors
    /// [`PatchError::Syntax`]: it is beyond the limits of a body, or not a list of at most [`PATCH_OPERATIONS_MAX`] operations.
    pub fn operations(text: &[u8], limits: &Limits) -> Result<Self, PatchError> {
        let patch = marked(&parse_value(text, limits).map_err(syntax)?);
        let patch: json_patch::Patch = serde_json::from_value(patch).map_err(syntax)?;
        bounded(patch.len())?;
        Ok(Self::new(Kind::Operations(patch), text.len()))
    }

    /// Changes that need no read, one after another, all or none.
    ///
    /// # Errors
    /// [`PatchError::Syntax`]: there are more than [`PATCH_OPERATIONS_MAX`].
    pub fn edits(edits: Vec<Edit>) -> Result<Self, PatchError> {
        bounded(edits.len())?;
        let bytes = edits.iter().map(Edit::weight).sum();
        Ok(Self::new(Kind::Edits(edits), bytes))
    }

    fn new(kind: Kind, bytes: usize) -> Self {
        Self { kind, bytes }
    }

    /// Bytes that it takes in memory, roughly.
    pub fn weight(&self) -> usize {
        self.bytes
    }

    /// The patched body. Parts that the patch does not touch stay as they are, to the last digit.
    ///
    /// # Errors
    /// [`PatchError`]: the patch does not fit, or makes something that is no body within `limits`.
    pub fn apply(&self, body: &Object, limits: &Limits) -> Result<Object, PatchError> {
        let mut json = Json::Object(
            body.iter()
                .map(|(name, value)| (name.to_string(), marked(value)))
                .collect(),
        );
        match &self.kind {
            Kind::Merge(patch) => json_patch::merge(&mut json, patch),
            Kind::Operations(operations) => operate(&mut json, operations, limits)?,
            Kind::Edits(edits) => edits.iter().try_for_each(|edit| edit.apply(&mut json))?,
        }
        Ok(parse_body(unmarked(json).to_json().as_bytes(), limits)?)
    }
}

impl Edit {
    /// Reads the elements of [`Edit::Add`] and [`Edit::Remove`]: a JSON array.
    ///
    /// # Errors
    /// [`PatchError::Syntax`]: it is something else, or beyond the limits of a body.
    pub fn elements(text: &[u8], limits: &Limits) -> Result<Vec<Value>, PatchError> {
        match parse_value(text, limits).map_err(syntax)? {
            Value::Array(elements) => Ok(elements),
            _ => Err(PatchError::Syntax("elements are a JSON array".to_owned())),
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Increment { path, .. } => 16 + path.len(),
            Self::Add { path, elements } | Self::Remove { path, elements } => {
                path.len()
                    + elements
                        .iter()
                        .map(|element| 16 + element.to_json().len())
                        .sum::<usize>()
            }
        }
    }

    fn apply(&self, body: &mut Json) -> Result<(), PatchError> {
        match self {
            Self::Increment { path, by } => {
                let place = place(body, path, || marked(&Value::from(0)))?;
                let number = place
                    .as_str()
                    .and_then(|text| text.strip_prefix(NUMBER)?.parse::<i64>().ok());
                let sum = number.and_then(|number| number.checked_add(*by));
                let sum = sum.ok_or_else(|| PatchError::NotAnInteger { path: path.clone() })?;
                *place = marked(&Value::from(sum));
            }
            Self::Add { path, elements } => {
                let array = array(place(body, path, || Json::Array(Vec::new()))?, path)?;
                let mut there: BTreeSet<String> = array.iter().map(name).collect();
                for element in elements {
                    if there.insert(element.canonical()) {
                        array.push(marked(element));
                    }
                }
            }
            Self::Remove { path, elements } => {
                let unwanted: BTreeSet<String> = elements.iter().map(Value::canonical).collect();
                if let Some(place) = body.pointer_mut(path) {
                    array(place, path)?.retain(|element| !unwanted.contains(&name(element)));
                }
            }
        }
        Ok(())
    }
}

fn bounded(operations: usize) -> Result<(), PatchError> {
    if operations <= PATCH_OPERATIONS_MAX {
        return Ok(());
    }
    let too_many = format!("it has {operations} operations, at most {PATCH_OPERATIONS_MAX} are taken");
    Err(PatchError::Syntax(too_many))
}

/// A copy of a copy of a copy grows without bound, in size and in depth, so both are looked at after each operation that can do that.
fn operate(body: &mut Json, operations: &[PatchOperation], limits: &Limits) -> Result<(), PatchError> {
    let depth_max = limits.depth_max.min(DEPTH_MAX);
    for (number, operation) in (1..).zip(operations) {
        json_patch::patch(body, std::slice::from_ref(operation))
            .map_err(|error| PatchError::Misfit(format!("operation {number}: {}", error.kind)))?;
        let put = match operation {
            PatchOperation::Add(add) => &add.path,
            PatchOperation::Replace(replace) => &replace.path,
            PatchOperation::Move(moved) => &moved.path,
            PatchOperation::Copy(copy) => {
                let bytes = serde_json::to_vec(body).map_err(syntax)?.len();
                let bytes_max = limits.body_bytes_max;
                if bytes > bytes_max {
                    return Err(BodyError::TooLarge { bytes, bytes_max }.into());
                }
                &copy.path
            }
            PatchOperation::Remove(_) | PatchOperation::Test(_) => continue,
        };
        // What was put is deeper than its path only by what it holds; an element at the end of an array has no path to ask for.
        let parent = || {
            put.parent()
                .and_then(|parent| Some((parent.resolve(body).ok()?, parent.count())))
        };
        let held = put.resolve(body).ok().map(|value| (value, put.count())).or_else(parent);
        if held.is_some_and(|(value, above)| above > depth_max || is_deeper(value, depth_max - above)) {
            return Err(BodyError::TooDeep { depth_max }.into());
        }
    }
    Ok(())
}

/// Whether objects and arrays nest deeper than `levels`, the value itself included. Without recursion: that is what has to be kept from going too deep.
fn is_deeper(value: &Json, levels: usize) -> bool {
    let mut open = vec![(value, levels)];
    while let Some((value, levels)) = open.pop() {
        let below: &mut dyn Iterator<Item = &Json> = match value {
            Json::Array(elements) => &mut elements.iter(),
            Json::Object(members) => &mut members.values(),
            _ => continue,
        };
        if levels == 0 {
            return true;
        }
        let containers = below.filter(|value| value.is_array() || value.is_object());
        open.extend(containers.map(|value| (value, levels - 1)));
    }
    false
}

/// What stands at a path; put there if nothing does and an object holds it.
fn place<'a>(body: &'a mut Json, path: &str, missing: impl FnOnce() -> Json) -> Result<&'a mut Json, PatchError> {
    let no_parent = || PatchError::NoParent { path: path.to_owned() };
    let (parent, name) = path.rsplit_once('/').ok_or_else(no_parent)?;
    let name = name.replace("~1", "/").replace("~0", "~");
    match body.pointer_mut(parent) {
        Some(Json::Object(members)) => Ok(members.entry(name).or_insert_with(missing)),
        _ => Err(no_parent()),
    }
}

/// Equal for equal elements: an array may have tens of thousands, too many to compare each with each.
fn name(element: &Json) -> String {
    unmarked(element.clone()).canonical()
}

fn array<'a>(place: &'a mut Json, path: &str) -> Result<&'a mut Vec<Json>, PatchError> {
    let not_an_array = || PatchError::NotAnArray { path: path.to_owned() };
    place.as_array_mut().ok_or_else(not_an_array)
}

/// What a string begins with that stands for a number.
const NUMBER: &str = "\0n";
/// What a string begins with that would itself look like a marked one.
const TEXT: &str = "\0s";

fn marked(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Number(number) => Json::String(format!("{NUMBER}{}", number.to_text())),
        Value::String(text) if text.starts_with('\0') => Json::String(format!("{TEXT}{text}")),
        Value::String(text) => Json::String(text.to_string()),
        Value::Array(elements) => Json::Array(elements.iter().map(marked).collect()),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.to_string(), marked(value)));
            Json::Object(members.collect())
        }
    }
}

fn unmarked(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(truth),
        // None is left after marking, and none comes into being.
        Json::Number(number) => Value::Number(Number::from_checked_text(&number.to_string())),
        Json::String(text) => match (text.strip_prefix(NUMBER), text.strip_prefix(TEXT)) {
            (Some(number), _) => Value::Number(Number::from_checked_text(number)),
            (_, Some(text)) => Value::String(text.into()),
            (None, None) => Value::String(text.into()),
        },
        Json::Array(elements) => Value::Array(elements.into_iter().map(unmarked).collect()),
        Json::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name.into(), unmarked(value)));
            Value::Object(members.collect())
        }
    }
}

fn syntax(error: impl fmt::Display) -> PatchError {
    PatchError::Syntax(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Object {
        parse_body(text.as_bytes(), &Limits::default()).unwrap()
    }

    fn apply(patch: &Patch, text: &str) -> Result<String, PatchError> {
        patch.apply(&body(text), &Limits::default()).map(|body| body.to_json())
    }

    /// The examples of RFC 7396, appendix A, whose target and result are objects.
    #[test]
    fn a_merge_patch_does_what_its_rfc_says() {
        let examples = [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ];
        for (target, patch, result) in examples {
            assert_eq!(
                apply(&Patch::merge(patch.as_bytes(), &Limits::default()).unwrap(), target).unwrap(),
                result,
                "{patch}"
            );
        }
        for patch in ["[1]", "null", "{", ""] {
            assert!(
                matches!(
                    Patch::merge(patch.as_bytes(), &Limits::default()),
                    Err(PatchError::Syntax(_))
                ),
                "{patch}"
            );
        }
    }

    /// Examples of RFC 6902, appendix A.
    #[test]
    fn a_json_patch_does_what_its_rfc_says_all_or_nothing() {
        let examples = [
            (
                r#"{"foo":"bar"}"#,
                r#"[{"op":"add","path":"/baz","value":"qux"}]"#,
                Some(r#"{"foo":"bar","baz":"qux"}"#),
            ),
            (
                r#"{"foo":["bar","baz"]}"#,
                r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
                Some(r#"{"foo":["bar","qux","baz"]}"#),
            ),
            (
                r#"{"baz":"qux","foo":"bar"}"#,
                r#"[{"op":"remove","path":"/baz"}]"#,
                Some(r#"{"foo":"bar"}"#),
            ),
            (
                r#"{"baz":"qux","foo":1}"#,
                r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"replace","path":"/foo","value":2}]"#,
                Some(r#"{"baz":"qux","foo":2}"#),
            ),
            (
                r#"{"baz":"qux"}"#,
                r#"[{"op":"replace","path":"/baz","value":1},{"op":"test","path":"/baz","value":"bar"}]"#,
                None,
            ),
            (
                r#"{"foo":"bar"}"#,
                r#"[{"op":"add","path":"/baz/bat","value":"qux"}]"#,
                None,
            ),
            (
                r#"{"/":9,"~1":10}"#,
                r#"[{"op":"test","path":"/~01","value":10}]"#,
                Some(r#"{"/":9,"~1":10}"#),
            ),
        ];
        for (target, patch, result) in examples {
            let patched = apply(
                &Patch::operations(patch.as_bytes(), &Limits::default()).unwrap(),
                target,
            );
            assert_eq!(patched.as_deref().ok(), result, "{patch}: {patched:?}");
            assert!(result.is_some() || matches!(patched, Err(PatchError::Misfit(_))));
        }
        assert!(matches!(
            Patch::operations(br#"[{"op":"spin","path":""}]"#, &Limits::default()),
            Err(PatchError::Syntax(_))
        ));
        let many = vec![r#"{"op":"test","path":"/a","value":1}"#; PATCH_OPERATIONS_MAX + 1].join(",");
        assert!(matches!(
            Patch::operations(format!("[{many}]").as_bytes(), &Limits::default()),
            Err(PatchError::Syntax(_))
        ));
    }

    #[test]
    fn what_a_patch_does_not_touch_keeps_its_digits_and_its_place() {
        let text = r#"{"z":1.0,"a":1e2,"b":1E+3,"c":-0.0,"d":100000000000000000000000000001,"s":"\u0000n7","n":0}"#;
        let patch = Patch::merge(br#"{"n":2.5E0}"#, &Limits::default()).unwrap();
        let expected = text.replace(r#""n":0"#, r#""n":2.5E0"#);
        assert_eq!(apply(&patch, text).unwrap(), expected);
    }

    #[test]
    fn a_deep_body_can_be_patched_and_a_patch_cannot_make_one_too_deep_or_too_large() {
        let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        let patch = Patch::merge(br#"{"b":1}"#, &Limits::default()).unwrap();
        assert!(apply(&patch, &deep(128)).is_ok());
        let nest = Patch::operations(br#"[{"op":"copy","from":"","path":"/b"}]"#, &Limits::default()).unwrap();
        assert!(matches!(
            apply(&nest, &deep(128)),
            Err(PatchError::Body(BodyError::TooDeep { .. }))
        ));
        let path = |levels: usize| "/a".repeat(levels);
        let copies: Vec<String> = (0..15)
            .map(|copy| format!(r#"{{"op":"copy","from":"/a","path":"{}"}}"#, path(1 << copy | 1)))
            .collect();
        for text in [
            format!("[{}]", copies.join(",")),
            format!(r#"[{{"op":"add","path":"{}","value":{}}}]"#, path(2), deep(127)),
            format!(
                r#"[{{"op":"add","path":"/a/b","value":[]}},{{"op":"add","path":"/a/b/-","value":{}}}]"#,
                deep(126)
            ),
        ] {
            let stacked = Patch::operations(text.as_bytes(), &Limits::default()).unwrap();
            let error = apply(&stacked, r#"{"a":{}}"#);
            assert!(
                matches!(error, Err(PatchError::Body(BodyError::TooDeep { .. }))),
                "{error:?}"
            );
        }
        let copies: Vec<String> = (0..60)
            .map(|copy| format!(r#"{{"op":"copy","from":"/a","path":"/a/{copy}"}}"#))
            .collect();
        let doubling = Patch::operations(format!("[{}]", copies.join(",")).as_bytes(), &Limits::default()).unwrap();
        let error = apply(&doubling, r#"{"a":{"x":"0123456789"}}"#);
        assert!(
            matches!(error, Err(PatchError::Body(BodyError::TooLarge { .. }))),
            "{error:?}"
        );
    }

    #[test]
    fn an_increment_counts_on_from_what_is_there_or_from_nothing() {
        let by = |path: &str, by| Patch::edits(vec![Edit::Increment { path: path.into(), by }]).unwrap();
        assert_eq!(apply(&by("/n", 5), r#"{"n":-2}"#).unwrap(), r#"{"n":3}"#);
        assert_eq!(apply(&by("/m", -5), r#"{"n":1}"#).unwrap(), r#"{"n":1,"m":-5}"#);
        assert_eq!(
            apply(&by("/a~1b/~0", 1), r#"{"a/b":{"~":1}}"#).unwrap(),
            r#"{"a/b":{"~":2}}"#
        );
        for text in [r#"{"n":1.5}"#, r#"{"n":"1"}"#, r#"{"n":9223372036854775807}"#] {
            assert!(
                matches!(apply(&by("/n", 1), text), Err(PatchError::NotAnInteger { .. })),
                "{text}"
            );
        }
        for path in ["/a/b", "", "n"] {
            assert!(
                matches!(apply(&by(path, 1), "{}"), Err(PatchError::NoParent { .. })),
                "{path}"
            );
        }
    }

    #[test]
    fn elements_are_added_once_and_taken_out_if_they_are_there() {
        let list = |text: &str| match parse_value(text.as_bytes(), &Limits::default()) {
            Ok(Value::Array(elements)) => elements,
            other => panic!("{other:?}"),
        };
        let add = |elements: &str| Edit::Add {
            path: "/tags".into(),
            elements: list(elements),
        };
        let remove = |elements: &str| Edit::Remove {
            path: "/tags".into(),
            elements: list(elements),
        };
        let both = Patch::edits(vec![add(r#"["b","c"]"#), remove(r#"["a","x"]"#)]).unwrap();
        assert_eq!(apply(&both, r#"{"tags":["a","b"]}"#).unwrap(), r#"{"tags":["b","c"]}"#);
        assert_eq!(apply(&both, "{}").unwrap(), r#"{"tags":["b","c"]}"#);
        let objects = Patch::edits(vec![add(r#"[{"y":2,"x":1}]"#)]).unwrap();
        let text = r#"{"tags":[{"x":1,"y":2}]}"#;
        assert_eq!(
            apply(&objects, text).unwrap(),
            text,
            "the order of members does not matter"
        );
        assert!(matches!(
            Patch::edits(vec![add("[]"); PATCH_OPERATIONS_MAX + 1]),
            Err(PatchError::Syntax(_))
        ));
        assert!(matches!(
            apply(&both, r#"{"tags":1}"#),
            Err(PatchError::NotAnArray { .. })
        ));
    }
}
