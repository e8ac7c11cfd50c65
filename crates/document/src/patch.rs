//! Patches: changes of a body that a client sends instead of the whole of it.
//!
//! The library that applies them knows numbers as it knows them: it would write `1e2` as `1e+2`. So numbers go through it as marked strings, and
//! come back with every digit. A `test` compares their values here, as its RFC asks: the library would compare their texts. It bounds nothing, so what
//! an operation makes is measured here.

mod marked;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use json_patch::PatchOperation;
use serde_json::Value as Json;
use thiserror::Error;

use self::marked::{NUMBER, marked, unmarked};
use crate::value::parse_value;
use crate::{BodyError, DEPTH_MAX, Limits, Object, Value, parse_body};

/// Operations of one JSON Patch at most.
pub const PATCH_OPERATIONS_MAX: usize = 1000;

/// Elements of arrays that the edits of one patch look at, at most: each edit of an array looks at all of its elements. As many values are moved and
/// copied by one JSON Patch.
pub const EDITED_ELEMENTS_MAX: usize = 1_000_000;

/// Bytes that one JSON Patch copies, or that the edits of one patch look at, as a multiple of what a body may have, at most.
const BODIES_MAX: usize = 8;

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
    /// A path of an edit that does not begin with a slash.
    #[error("`{path}` is no path in a document: paths begin with a slash, as /{path} does")]
    NotAPath {
        /// What was given.
        path: String,
    },
    /// The way to a path does not exist, or ends in an array.
    #[error("nothing holds `{path}`; write the object that holds it first")]
    NoParent {
        /// JSON pointer.
        path: String,
    },
    /// The patch is short, and what it does is not.
    #[error("the patch does too much at once: {0}; send several, or fewer operations with more in each")]
    TooMuch(String),
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
            Value::Array(_) => Err(PatchError::Syntax(
                "a merge patch (RFC 7396) is a JSON object; an array may be a JSON Patch (RFC 6902), which is sent as such (--json-patch on the command line)".to_owned(),
            )),
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
    /// [`PatchError::Syntax`]: there are more than [`PATCH_OPERATIONS_MAX`]. [`PatchError::NotAPath`].
    pub fn edits(edits: Vec<Edit>) -> Result<Self, PatchError> {
        bounded(edits.len())?;
        if let Some(path) = edits.iter().map(Edit::path).find(|path| !path.starts_with('/')) {
            return Err(PatchError::NotAPath { path: path.to_owned() });
        }
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
            Kind::Edits(edits) => {
                let mut view = View::new(limits);
                edits.iter().try_for_each(|edit| edit.apply(&mut json, &mut view))?;
            }
        }
        let patched = in_order(unmarked(json), body);
        Ok(parse_body(patched.to_json().as_bytes(), limits)?)
    }
}

/// Members that were there before keep their order, and new ones come after them: removing one from a map of serde_json puts the last in its place.
fn in_order(value: Value, before: &Object) -> Value {
    let Value::Object(members) = value else {
        return value;
    };
    let places: BTreeMap<&str, usize> = before.iter().map(|(name, _)| &**name).zip(0..).collect();
    let mut members: Vec<_> = members
        .iter()
        .map(|(name, value)| (Arc::clone(name), value.clone()))
        .collect();
    members.sort_by_key(|(name, _)| places.get(&**name).copied().unwrap_or(usize::MAX));
    let members = members.into_iter().map(|(name, value)| match before.get(&name) {
        Some(Value::Object(before)) => (name, in_order(value, before)),
        _ => (name, value),
    });
    Value::Object(members.collect())
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

    fn path(&self) -> &str {
        match self {
            Self::Increment { path, .. } | Self::Add { path, .. } | Self::Remove { path, .. } => path,
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

    /// Changes the body. `view` counts what the edits of a patch look at.
    fn apply(&self, body: &mut Json, view: &mut View) -> Result<(), PatchError> {
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
                let above = 1 + path.matches('/').count();
                let below = elements.iter().map(Value::depth).max();
                shallow(above + below.unwrap_or_default())?;
                let array = array(place(body, path, || Json::Array(Vec::new()))?, path)?;
                view.look(array)?;
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
                    let array = array(place, path)?;
                    view.look(array)?;
                    array.retain(|element| !unwanted.contains(&name(element)));
                }
            }
        }
        Ok(())
    }
}

/// What the edits of a patch may still look at. The writes of all clients wait for a patch: a thousand edits of a long array, or of one with large
/// elements, would hold them up for seconds.
struct View {
    elements: usize,
    bytes: usize,
    bytes_max: usize,
}

impl View {
    fn new(limits: &Limits) -> Self {
        Self {
            elements: 0,
            bytes: 0,
            bytes_max: limits.body_bytes_max.saturating_mul(BODIES_MAX),
        }
    }

    fn look(&mut self, array: &[Json]) -> Result<(), PatchError> {
        let bytes: usize = array.iter().map(marked::bytes).sum();
        self.elements = self.elements.saturating_add(array.len());
        self.bytes = self.bytes.saturating_add(bytes);
        let too_much = if self.elements > EDITED_ELEMENTS_MAX {
            format!("{EDITED_ELEMENTS_MAX} elements")
        } else if self.bytes > self.bytes_max {
            format!("{} bytes", self.bytes_max)
        } else {
            return Ok(());
        };
        Err(PatchError::TooMuch(format!(
            "its edits look at more than {too_much} of arrays"
        )))
    }
}

fn bounded(operations: usize) -> Result<(), PatchError> {
    if operations <= PATCH_OPERATIONS_MAX {
        return Ok(());
    }
    let too_many = format!("it has {operations} operations, at most {PATCH_OPERATIONS_MAX} are taken");
    Err(PatchError::Syntax(too_many))
}

/// A copy of a copy of a copy grows without bound, so what is copied is counted. So does the depth of what is put into what was put before, and everything
/// that walks a body relies on its bound.
fn operate(body: &mut Json, operations: &[PatchOperation], limits: &Limits) -> Result<(), PatchError> {
    let (mut copied, mut looked_at) = (0, 0_usize);
    for (number, operation) in (1..).zip(operations) {
        let (levels, values) = put(body, operation);
        shallow(levels)?;
        looked_at = looked_at.saturating_add(values);
        if looked_at > EDITED_ELEMENTS_MAX {
            let too_much = format!("it moves and copies more than {EDITED_ELEMENTS_MAX} values");
            return Err(PatchError::TooMuch(too_much));
        }
        if let PatchOperation::Copy(copy) = operation
            && let Some(value) = body.pointer(copy.from.as_str())
        {
            copied += serde_json::to_vec(value).map_err(syntax)?.len();
            let copied_max = limits.body_bytes_max.saturating_mul(BODIES_MAX);
            if copied > copied_max {
                return Err(PatchError::TooMuch(format!("it copies more than {copied_max} bytes")));
            }
        }
        if let PatchOperation::Test(test) = operation
            && let Some(value) = body.pointer(test.path.as_str())
            && marked::equal(value, &test.value)
        {
            continue;
        }
        json_patch::patch(body, std::slice::from_ref(operation)).map_err(|error| {
            let path = operation.path();
            PatchError::Misfit(format!("operation {number}, at `{path}`: {}", error.kind))
        })?;
    }
    Ok(())
}

/// How deep what an operation puts in place will reach, and how many values had to be looked at to know. What moves no deeper than it was reaches no
/// deeper than it did.
fn put(body: &Json, operation: &PatchOperation) -> (usize, usize) {
    let levels = operation.path().count();
    let put = match operation {
        PatchOperation::Add(add) => Some(&add.value),
        PatchOperation::Replace(replace) => Some(&replace.value),
        PatchOperation::Move(moved) if levels <= moved.from.count() => None,
        PatchOperation::Move(moved) => body.pointer(moved.from.as_str()),
        PatchOperation::Copy(copied) => body.pointer(copied.from.as_str()),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => None,
    };
    put.map_or((0, 0), |value| {
        let (depth, values) = marked::extent(value);
        (levels + depth, values)
    })
}

fn shallow(levels: usize) -> Result<(), PatchError> {
    if levels <= DEPTH_MAX {
        return Ok(());
    }
    Err(BodyError::TooDeep { depth_max: DEPTH_MAX }.into())
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

fn syntax(error: impl fmt::Display) -> PatchError {
    PatchError::Syntax(error.to_string())
}
