//! JSON as the document model needs it: numbers keep their text, objects keep their order, and reading is bounded.

mod json_value;
mod limits;
mod number;
mod object;
mod parse;
mod placing;
mod print;

pub use json_value::Value;
pub use limits::{DEPTH_MAX, Limits};
pub use number::Number;
pub use object::Object;
pub use parse::{BodyError, parse_body, parse_request, parse_stored_value};
pub(crate) use parse::{parse_stored_object, parse_value};
pub use placing::PlacingError;
pub(crate) use print::{may_fit, write_canonical, write_canonical_object, write_json, write_json_object};
