//! Reads bodies. What a client sends is bounded and checked; what we stored ourselves is read the same way, without the client's limits.

use std::sync::Arc;

use json_event_parser::{JsonEvent, JsonSyntaxError, SliceJsonParser};
use thiserror::Error;

use super::{DEPTH_MAX, Limits, Number, Object, Value};

/// Why a body was refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BodyError {
    /// Not JSON (RFC 8259), or not UTF-8.
    #[error("the body is not valid JSON: {0}")]
    Syntax(String),
    /// JSON, but not an object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// More bytes than allowed.
    #[error("the body has {bytes} bytes, at most {bytes_max} are allowed; split it into several documents")]
    TooLarge {
        /// Length of the body.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// Nested deeper than allowed.
    #[error("the body nests deeper than {depth_max} levels; flatten it, or hold the inner part as a string")]
    TooDeep {
        /// The bound.
        depth_max: usize,
    },
    /// More scalars and empty containers than allowed.
    #[error("the body has more than {leaves_max} leaves; split it into several documents")]
    TooManyLeaves {
        /// The bound.
        leaves_max: usize,
    },
    /// A number beyond the range of a 64-bit float, which no other JSON reader could keep.
    #[error("a number is out of range: {0}; send it as a string, or one that a 64-bit float can hold")]
    NumberOutOfRange(String),
    /// A top-level member that starts with an underscore.
    #[error("top-level member `{0}` is reserved: names that start with `_` belong to the protocol")]
    ReservedName(String),
}

/// Reads a client's body.
///
/// Of duplicate members the last wins, in the last place. Duplicates and their values count against the limits all the same.
///
/// # Errors
/// [`BodyError`]: what is wrong with the body, for the client to mend.
pub fn parse_body(bytes: &[u8], limits: &Limits) -> Result<Object, BodyError> {
    let Value::Object(body) = parse_value(bytes, limits)? else {
        return Err(BodyError::NotAnObject);
    };
    let reserved = body
        .iter()
        .find(|(name, _)| name.starts_with('_'))
        .map(|(name, _)| name.to_string());
    reserved.map_or(Ok(body), |name| Err(BodyError::ReservedName(name)))
}

/// Reads an object that an encoding holds.
pub(crate) fn parse_stored_object(bytes: &[u8]) -> Result<Object, BodyError> {
    let Value::Object(object) = parse_stored_value(bytes)? else {
        return Err(BodyError::NotAnObject);
    };
    Ok(object)
}

/// Reads a value that was accepted once, perhaps under other limits. Only the depth is bounded: the bytes are here already.
///
/// # Errors
/// [`BodyError`]: it is no JSON, or too deep.
pub fn parse_stored_value(bytes: &[u8]) -> Result<Value, BodyError> {
    parse(
        bytes,
        &Limits {
            body_bytes_max: usize::MAX,
            depth_max: DEPTH_MAX,
            leaves_max: usize::MAX,
        },
    )
}

/// Reads what a client sends that is no body, but holds several.
///
/// # Errors
/// [`BodyError`]: it is no JSON, too deep, or has too many leaves.
pub fn parse_request(bytes: &[u8], leaves_max: usize) -> Result<Value, BodyError> {
    parse(
        bytes,
        &Limits {
            body_bytes_max: usize::MAX,
            depth_max: DEPTH_MAX,
            leaves_max,
        },
    )
}

/// The parser's words as the rest of a sentence, and where it stopped.
fn place(error: &JsonSyntaxError) -> String {
    let (start, mut words) = (error.location().start, error.message().chars());
    let first = words.next().map(|first| first.to_ascii_lowercase());
    let text: String = first.into_iter().chain(words).collect();
    format!("{text} (line {}, column {})", start.line + 1, start.column + 1)
}

/// Reads any value that a client sends.
pub(crate) fn parse_value(bytes: &[u8], limits: &Limits) -> Result<Value, BodyError> {
    if bytes.len() > limits.body_bytes_max {
        let (bytes, bytes_max) = (bytes.len(), limits.body_bytes_max);
        return Err(BodyError::TooLarge { bytes, bytes_max });
    }
    parse(bytes, limits)
}

fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, BodyError> {
    let mut builder = Builder::new(limits);
    let mut parser = SliceJsonParser::new(bytes);
    loop {
        match parser.parse_next().map_err(|error| BodyError::Syntax(place(&error)))? {
            JsonEvent::Eof => return builder.root.ok_or_else(|| BodyError::Syntax("it is empty".to_owned())),
            event => builder.event(event)?,
        }
    }
}

/// A container that is not closed yet.
enum Frame {
    Array(Vec<Value>),
    Object {
        members: Vec<(Arc<str>, Value)>,
        name: Option<Arc<str>>,
    },
}

/// Builds the value from the parser's events without recursion.
struct Builder {
    open: Vec<Frame>,
    root: Option<Value>,
    leaves: usize,
    leaves_max: usize,
    depth_max: usize,
}

impl Builder {
    fn new(limits: &Limits) -> Self {
        let depth_max = limits.depth_max.min(DEPTH_MAX);
        Self {
            open: Vec::new(),
            root: None,
            leaves: 0,
            leaves_max: limits.leaves_max,
            depth_max,
        }
    }

    fn event(&mut self, event: JsonEvent<'_>) -> Result<(), BodyError> {
        match event {
            JsonEvent::Null => self.leaf(Value::Null),
            JsonEvent::Boolean(value) => self.leaf(Value::Bool(value)),
            JsonEvent::String(text) => self.leaf(Value::String(text.into())),
            JsonEvent::Number(text) => self.leaf(Value::Number(number(&text)?)),
            JsonEvent::StartArray => self.begin(Frame::Array(Vec::new())),
            JsonEvent::StartObject => self.begin(Frame::Object {
                members: Vec::new(),
                name: None,
            }),
            JsonEvent::ObjectKey(key) => {
                if let Some(Frame::Object { name, .. }) = self.open.last_mut() {
                    *name = Some(key.into());
                }
                Ok(())
            }
            JsonEvent::EndArray | JsonEvent::EndObject => self.end(),
            JsonEvent::Eof => Ok(()),
        }
    }

    fn begin(&mut self, frame: Frame) -> Result<(), BodyError> {
        if self.open.len() >= self.depth_max {
            return Err(BodyError::TooDeep {
                depth_max: self.depth_max,
            });
        }
        self.open.push(frame);
        Ok(())
    }

    fn end(&mut self) -> Result<(), BodyError> {
        let value = match self.open.pop() {
            Some(Frame::Array(items)) => Value::Array(items),
            Some(Frame::Object { members, .. }) => Value::Object(members.into_iter().collect()),
            None => return Err(BodyError::Syntax("a bracket closes nothing".to_owned())),
        };
        match &value {
            Value::Array(items) if items.is_empty() => self.leaf(value),
            Value::Object(object) if object.is_empty() => self.leaf(value),
            _ => {
                self.place(value);
                Ok(())
            }
        }
    }

    fn leaf(&mut self, value: Value) -> Result<(), BodyError> {
        self.leaves += 1;
        if self.leaves > self.leaves_max {
            return Err(BodyError::TooManyLeaves {
                leaves_max: self.leaves_max,
            });
        }
        self.place(value);
        Ok(())
    }

    fn place(&mut self, value: Value) {
        match self.open.last_mut() {
            Some(Frame::Array(items)) => items.push(value),
            Some(Frame::Object { members, name }) => members.extend(name.take().map(|name| (name, value))),
            None => self.root = Some(value),
        }
    }
}

/// The longest text of a number that is quoted in an error.
const QUOTED_MAX: usize = 40;

fn number(text: &str) -> Result<Number, BodyError> {
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(Number::from_checked_text(text)),
        _ => Err(BodyError::NumberOutOfRange(text.chars().take(QUOTED_MAX).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Object, BodyError> {
        parse_body(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn a_body_keeps_order_and_numbers() {
        let text = r#"{"z":1.50,"a":[1,{"y":-0,"b":null}],"s":"ä\n","e":{},"l":[],"t":true}"#;
        assert_eq!(parsed(text).map(|body| body.to_json()), Ok(text.to_owned()));
    }

    #[test]
    fn what_is_not_an_object_or_not_json_is_refused() {
        for text in ["[]", "1", "null", "\"x\""] {
            assert_eq!(parsed(text), Err(BodyError::NotAnObject), "{text}");
        }
        for text in [
            "",
            "{",
            "{}x",
            "{\"a\":01}",
            "{\"a\":}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":\"\\ud83d\"}",
            "{} {}",
            "{\"a\":NaN}",
            "]",
        ] {
            assert!(
                matches!(parsed(text), Err(BodyError::Syntax(_))),
                "{text}: {:?}",
                parsed(text)
            );
        }
        assert!(matches!(
            parse_body(b"{\"a\":\"\xff\"}", &Limits::default()),
            Err(BodyError::Syntax(_))
        ));
    }

    #[test]
    fn the_bounds_are_inclusive() {
        let limits = Limits {
            body_bytes_max: 40,
            depth_max: 3,
            leaves_max: 3,
        };
        let check = |text: &str| parse_body(text.as_bytes(), &limits).map(|_| ());
        assert_eq!(check(r#"{"a":[[1,{}]]}"#), Err(BodyError::TooDeep { depth_max: 3 }));
        assert_eq!(check(r#"{"a":[[1,2],3]}"#), Ok(()));
        assert_eq!(
            check(r#"{"a":[[1,2],3],"b":{}}"#),
            Err(BodyError::TooManyLeaves { leaves_max: 3 })
        );
        assert_eq!(check(&format!("{:40}", "{}")), Ok(()));
        assert_eq!(
            check(&format!("{:41}", "{}")),
            Err(BodyError::TooLarge {
                bytes: 41,
                bytes_max: 40
            })
        );
    }

    #[test]
    fn the_depth_is_bounded_whatever_the_limits_say() {
        let limits = Limits {
            depth_max: usize::MAX,
            ..Limits::default()
        };
        let nested = |depth: usize| format!("{{\"d\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(parse_body(nested(128).as_bytes(), &limits).is_ok());
        assert_eq!(
            parse_body(nested(129).as_bytes(), &limits),
            Err(BodyError::TooDeep { depth_max: 128 })
        );
        assert!(parse_body("{\"d\":".repeat(1_000_000).as_bytes(), &limits).is_err());
    }

    #[test]
    fn numbers_out_of_range_and_reserved_members_are_refused() {
        assert_eq!(
            parsed(r#"{"f":1e400}"#),
            Err(BodyError::NumberOutOfRange("1e400".to_owned()))
        );
        assert!(matches!(
            parsed(&format!("{{\"i\":{}}}", "9".repeat(400))),
            Err(BodyError::NumberOutOfRange(_))
        ));
        assert_eq!(parsed(r#"{"_id":1}"#), Err(BodyError::ReservedName("_id".to_owned())));
        assert!(parsed(r#"{"o":{"_id":1}}"#).is_ok());
    }

    #[test]
    fn many_duplicates_take_no_quadratic_time() {
        let members: Vec<_> = (0..25_000).map(|n| format!("\"a{n}\":1")).collect();
        let text = format!("{{{0},{0}}}", members.join(","));
        assert_eq!(parsed(&text).map(|body| body.len()), Ok(25_000));
    }
}
